"""What every place offers. The runner knows nothing else of it.

A place is a context manager: entering starts a cluster (all nodes ready, every link open), leaving it
stops everything it started, whatever happened in between.
"""

from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import msgspec

from nemesis.steps import Program
from store.config import NodeConfig


class ClusterSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What to start. `config` is the common part; each node gets it with its own name filled in."""

    nodes: tuple[str, ...]
    config: NodeConfig
    seed: int
    engine: str = "log"
    """Where a node keeps its data: `log` or `memory`."""
    proxy: str = "embedded"
    """Local place only: `embedded` or `toxiproxy`."""
    folder: Path
    """The run's folder, for node logs, data and the journal."""


class Place(Protocol):
    """A running cluster that executes programs."""

    name: str
    abilities: frozenset[str]
    """What a nemesis may ask: `links`, `kill`, `pause`."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def execute(self, program: Program) -> Any:
        """Run the main program (and what it spawns) to its end and return its result.

        A KeyboardInterrupt stops all programs and is raised again; `execute` may be called afterwards
        with another program (healing, say).  PlaceError: the environment failed.
        """
        ...

    def now(self) -> int:
        """Nanoseconds since the cluster was ready; the same clock as the Clock step."""
        ...

    def cluster_facts(self) -> dict[str, Any]:
        """What `splitbrain heal` needs to clean up after a crash of the harness (process ids with start
        times, proxy addresses, container labels). Written to the journal before the first fault."""
        ...

    def stats(self) -> dict[str, Any]:
        """Counters for the results: events, messages."""
        ...
