"""What a local run would leave behind if its harness were killed, and how it is cleared away.

`processes.json` in the run's folder names every process that is alive now, with its start time.  It is
rewritten whole whenever a process comes or goes, so what it says is at most one step old.

Rules of this file
  1. Nothing is touched while the harness that wrote the file lives, whoever asks.
  2. Nothing is killed by its number alone: the start time must match.
  3. A stopped process is continued as well as killed, as one that is stopped may not notice.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from splitbrain.places.process import ProcessId
from splitbrain.program import PlaceError

NAME = "processes.json"
END_TIMEOUT_S = 5.0


class Named(msgspec.Struct, frozen=True):
    """A process and what it is: a node's name, or `toxiproxy`."""

    node: str
    pid: int
    started: str

    @property
    def process(self) -> ProcessId:
        """The process itself."""
        return ProcessId(self.pid, self.started)


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """The content of the file, and the facts in the journal."""

    place: str = "local"
    harness: ProcessId
    processes: tuple[Named, ...] = ()
    proxy: dict[str, str] = {}


class Leftovers:
    """The file of one run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        harness = ProcessId.of(os.getpid())
        assert harness is not None
        self._facts = Facts(harness=harness)

    @property
    def facts(self) -> dict[str, Any]:
        """As in the file."""
        facts: dict[str, Any] = msgspec.to_builtins(self._facts)
        return facts

    def write(self, processes: dict[str, ProcessId], proxy: dict[str, str]) -> None:
        """These are alive now. The file is replaced as a whole."""
        named = tuple(Named(name, process.pid, process.started) for name, process in processes.items())
        self._facts = msgspec.structs.replace(self._facts, processes=named, proxy=proxy)
        fresh = self.path.with_suffix(".json.part")
        fresh.write_bytes(msgspec.json.format(msgspec.json.encode(self._facts)) + b"\n")
        os.replace(fresh, self.path)

    def clear(self) -> None:
        """Nothing is alive any more."""
        if self.path.exists():
            self.write({}, {})


def sweep(runs: Path) -> list[str]:
    """End what dead harnesses left behind under `runs/<test>/<run>/`. Returns what was done, in sentences.

    Raises PlaceError when a process does not end.
    """
    done: list[str] = []
    for path in sorted(runs.glob(f"*/*/{NAME}")):
        done += [f"{path.parent.name}: {sentence}" for sentence in _sweep_one(path)]
    return done


def _sweep_one(path: Path) -> Iterator[str]:
    facts = _read(path)
    if facts is None or facts.harness.state != "dead":
        return
    for named in facts.processes:
        state = named.process.state
        if named.process.end():
            _await_end(named)
            yield f"killed {named.node} (process {named.pid}, was {state})"


def _read(path: Path) -> Facts | None:
    """None for a file that is not ours, or that another sweep is done with."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Facts)
    except (OSError, msgspec.DecodeError):
        return None


def _await_end(named: Named) -> None:
    deadline = time.monotonic() + END_TIMEOUT_S
    while named.process.state != "dead":
        if time.monotonic() > deadline:
            raise PlaceError(
                f"process {named.pid} ({named.node}) does not end; kill it as the user who started it"
            )
        time.sleep(0.01)
