"""Which containers and networks are Splitbrain's, whose they are, and how they are cleared away.

Everything that a run makes in the engine carries three labels: that it is ours, the run, and the harness by
process id, start time and host.

Rules of this file
  1. Nothing is touched while its harness lives.
  2. A harness on another host cannot be looked at. What it left is removed only when its run is named: whoever
     has the journal of that run knows.
  3. Containers go before networks, paused ones are resumed first, and volumes go with their container.
"""

import contextlib
import os
import platform
import time
from collections.abc import Iterator
from typing import Any

import docker
import msgspec
from docker import errors
from docker.models.containers import Container

from splitbrain.places.engine import connect, refusals
from splitbrain.places.process import ProcessId

LABEL = "splitbrain"
RUN = "splitbrain.run"
HARNESS = "splitbrain.harness"
NODE = "splitbrain.node"
REMOVE_TIMEOUT_S = 20.0


class Harness(msgspec.Struct, frozen=True):
    """A harness anywhere."""

    process: ProcessId
    host: str

    @classmethod
    def this(cls) -> "Harness":
        """The one that runs here."""
        process = ProcessId.of(os.getpid())
        assert process is not None
        return cls(process, platform.node())


def labels(run: str, harness: Harness) -> dict[str, str]:
    """What every container and network of the run carries."""
    return {LABEL: "1", RUN: run, HARNESS: msgspec.json.encode(harness).decode()}


def sweep(run_label: str | None = None) -> list[str]:
    """Remove what dead harnesses left in the engine: of this run, or of all. Returns sentences.

    Raises PlaceError when no engine answers, or it refuses.
    """
    client = connect()
    try:
        wanted = [f"{LABEL}=1"] if run_label is None else [f"{LABEL}=1", f"{RUN}={run_label}"]
        return remove(client, wanted, lambda found: _abandoned(found, named=run_label is not None))
    finally:
        client.close()
