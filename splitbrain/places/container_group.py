"""The containers and the network of one run: created, started, looked at, cleared away.

Methods block; they belong into a thread.

A node's network belongs to a container of its own that does nothing else, its host: as with real machines,
the address outlives the process, and who connects to a killed node is refused at once.  Were it to go
away with the node, Toxiproxy would try for many seconds to connect to nobody, and answer no call meanwhile.

Rules of this file
  1. What belongs to the run is found by its labels, not by what this object remembers: a container that was
     created while an interruption came is found as well.
  2. Nothing is taken for done because the engine accepted it: the state is looked at afterwards.
"""

import io
import os
import tarfile
from pathlib import Path
from typing import Any

import docker
from docker import errors
from docker.models.containers import Container
from docker.types import LogConfig

from nemesis.steps import NodeState
from splitbrain.places.engine import refusals
from splitbrain.places.leftover_containers import NODE, Harness, labels, remove
from splitbrain.places.process import LOG_TAIL_LINES
from splitbrain.program import PlaceError

HOST = "127.0.0.1"
SETTINGS = "/etc/splitbrain"
IDLE = ["sleep", "infinity"]
"""What a node's host does."""


def host_of(node: str) -> str:
    """The name of the container that owns the node's network."""
    return f"{node}-host"


class ContainerGroup:
    """What one run has in the engine. Every method raises PlaceError when the engine refuses."""

    def __init__(self, client: docker.DockerClient, run: str) -> None:
        self.client = client
        self.addresses: dict[str, str] = {}
        """Inside the network, of Toxiproxy and of each node's host, by the name of the container."""
        self.ports: dict[str, int] = {}
        """The same on loopback."""
        self._run = run
        self._labels = labels(run, Harness.this())
        self._network = ""
        self._containers: dict[str, Container] = {}

    # --- making it --------------------------------------------------------------------------------

    def create_network(self) -> None:
        """A bridge of our own."""
        with refusals("create a network"):
            network = self.client.networks.create(
                self._full_name("net"), driver="bridge", labels=self._labels
            )
            self._network = network.name or ""

    def run_proxy(self, who: str, image: str, port: int) -> None:
        """Start a container with an address; this port of it is published."""
        self._run_with_address(who, image, port, {"hostname": who})

    def create_node(self, node: str, image: str, port: int) -> None:
        """Start the node's host, and create its container, which does not run yet."""
        host = host_of(node)
        self._run_with_address(host, image, port, {"hostname": node, "entrypoint": IDLE})
        command = ["--config", f"{SETTINGS}/node.json"]
        network = f"container:{self._containers[host].id}"
        self._create(node, image, {"command": command, "network_mode": network})

    def put(self, node: str, files: dict[str, bytes]) -> None:
        """Put files into the container's folder SETTINGS; it need not run."""
        with refusals(f"hand {node} its settings"):
            self._containers[node].put_archive(SETTINGS, _archive(files))

    # --- running it -------------------------------------------------------------------------------

    def start(self, who: str) -> None:
        """Start a container, which may not be ready yet."""
        with refusals(f"start the container {who}"):
            self._container(who).start()

    def ask(self, who: str, action: str, wanted: set[NodeState]) -> None:
        """Do this (kill, pause, unpause) to a container, and see that it came about."""
        with refusals(f"{action} {who}"):
            try:
                getattr(self._container(who), action)()
            except errors.APIError as error:
                if error.status_code != 409:  # 409: it is so already, or is not alive any more.
                    raise
        state = self.state(who)
        if state not in wanted:
            raise PlaceError(f"Docker was asked to {action} {who}, and it is {state}; run again")

    def state(self, who: str) -> NodeState:
        """What the engine sees."""
        container = self._container(who)
        with refusals(f"look at {who}"):
            container.reload()
        match container.status:
            case "running":
                return "running"
            case "paused":
                return "paused"
        return "dead"

    def alive(self) -> set[str]:
        """The names of the containers that run or are paused, in one call."""
        with refusals("list the containers"):
            found = self.client.api.containers(filters={"label": self._filters()})
        return {container["Labels"][NODE] for container in found}

    def obituary(self, who: str, what: str) -> str:
        """A sentence with the end of the container's log."""
        container = self._containers[who]
        with refusals(f"read the log of {who}"):
            container.reload()
            lines = container.logs(tail=LOG_TAIL_LINES).decode(errors="replace").splitlines()
        state = container.attrs["State"]
        ended = "" if state["Running"] else f" (exit code {state['ExitCode']})"
        return f"container {who} {what}{ended}; its log ends: " + (" | ".join(lines) or "(empty)")

    def clear(self, logs: Path) -> None:
        """Save the logs as `logs/<name>.log`; remove the containers and the network. Safe to repeat."""
        try:
            with refusals("read the logs"):
                found = self.client.containers.list(
                    all=True, filters={"label": self._filters()}, ignore_removed=True
                )
                for container in found:
                    logs.mkdir(parents=True, exist_ok=True)
                    if text := container.logs():
                        (logs / f"{container.labels[NODE]}.log").write_bytes(text)
        finally:
            remove(self.client, self._filters())

    # --- inside -----------------------------------------------------------------------------------

    def _run_with_address(self, who: str, image: str, port: int, options: dict[str, Any]) -> None:
        published = f"{port}/tcp"
        network = {"network": self._network, "ports": {published: (HOST, 0)}}
        self._create(who, image, options | network)
        self.start(who)
        container = self._containers[who]
        with refusals(f"look at {who}"):
            container.reload()
        settings = container.attrs["NetworkSettings"]
        if not settings["Ports"].get(published):
            raise PlaceError(self.obituary(who, "stopped before it was ready"))
        self.addresses[who] = settings["Networks"][self._network]["IPAddress"]
        self.ports[who] = int(settings["Ports"][published][0]["HostPort"])

    def _create(self, who: str, image: str, options: dict[str, Any]) -> None:
        with refusals(f"create the container {who}"):
            self._containers[who] = self.client.containers.create(
                image,
                name=self._full_name(who),
                labels=self._labels | {NODE: who},
                cap_drop=["ALL"],
                security_opt=["no-new-privileges:true"],
                # Logs are read back at the end; not every driver that an engine may prefer can do that.
                log_config=LogConfig(type="json-file"),
                **options,
            )

    def _container(self, who: str) -> Container:
        if who not in self._containers:
            raise PlaceError(f"there is no node {who}; the containers are {', '.join(self._containers)}")
        return self._containers[who]

    def _full_name(self, who: str) -> str:
        """For people who look at `docker ps`; nothing depends on it."""
        run = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in self._run)
        return f"splitbrain-{run}-{os.getpid()}-{who}"

    def _filters(self) -> list[str]:
        return [f"{key}={value}" for key, value in self._labels.items()]


def _archive(files: dict[str, bytes]) -> bytes:
    """A tar file, as the engine wants it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o644
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
