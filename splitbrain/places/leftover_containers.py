"""Which containers and networks are Splitbrain's, whose they are, and how they are cleared away.

Everything that a run makes in the engine carries three labels: that it is ours, the run, and the harness by
process id, start time and host.

Rules of this file
  1. Nothing is touched while its harness lives.
  2. A harness on another host cannot be looked at. What it left is removed only when its run is named:
     whoever has the journal of that run knows.
  3. Containers go before networks, paused ones are resumed first, and volumes go with their container.
"""

import contextlib
import os
import platform
import time
from collections.abc import Callable, Mapping

import docker
import msgspec
from docker import errors
from docker.models.containers import Container
from docker.models.networks import Network

from splitbrain.places.engine import connect, refusals
from splitbrain.places.process import ProcessId

LABEL = "splitbrain"
RUN = "splitbrain.run"
HARNESS = "splitbrain.harness"
NODE = "splitbrain.node"
REMOVE_TIMEOUT_S = 20.0

Labels = Mapping[str, str]


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


def remove(
    client: docker.DockerClient, filters: list[str], chosen: Callable[[Labels], bool] = lambda _: True
) -> list[str]:
    """Remove the containers and networks with all these labels that are chosen. Returns sentences.

    Safe to repeat, and at the same time as another who does it.  Raises PlaceError.
    """
    done: list[str] = []
    with refusals("clear away containers and networks"):
        containers = client.containers.list(all=True, filters={"label": filters}, ignore_removed=True)
        for container in containers:
            if chosen(container.labels):
                state = container.status
                _remove_container(container)
                done.append(f"removed container {container.name} (was {state})")
        for network in client.networks.list(filters={"label": filters}):
            if chosen(network.attrs.get("Labels") or {}):
                _remove_network(network)
                done.append(f"removed network {network.name}")
    return done


# --- inside ---------------------------------------------------------------------------------------------


def _abandoned(found: Labels, named: bool) -> bool:
    try:
        harness = msgspec.json.decode(found[HARNESS], type=Harness)
    except (KeyError, msgspec.DecodeError):
        return False
    if harness.host != platform.node():
        return named
    return harness.process.state == "dead"


def _remove_container(container: Container) -> None:
    """Force alone is not enough everywhere: an engine may refuse to kill what is paused."""
    with contextlib.suppress(errors.APIError):
        container.unpause()
    _until_gone(lambda: container.remove(force=True, v=True))


def _remove_network(network: Network) -> None:
    _until_gone(network.remove)


def _until_gone(step: Callable[[], object]) -> None:
    """Repeat until the engine says that there is no such thing.

    It refuses while somebody else removes the same thing, and a network while one of its containers goes.
    """
    deadline = time.monotonic() + REMOVE_TIMEOUT_S
    while True:
        try:
            step()
        except errors.NotFound:
            return
        except errors.APIError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
