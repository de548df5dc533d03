"""The containers and the network of one run: created, started, looked at, cleared away.

Methods block; they belong into a thread.

Rules of this file
  1. Addresses inside the network are fixed.  A container that starts again would get another one, and the
     name of a dead one is asked of name servers outside, which may take their time.
  2. What belongs to the run is found by its labels, not by what this object remembers: a container that was
     created while an interruption came is found as well.
  3. A published port is looked up after every start: it is another one each time.
"""

import io
import ipaddress
import os
import tarfile
from pathlib import Path

import msgspec
from docker.models.containers import Container
from docker.types import IPAMConfig, IPAMPool, LogConfig

import docker
from docker import errors
from nemesis.steps import NodeState
from splitbrain.places.engine import refusals
from splitbrain.places.leftover_containers import NODE, Harness, labels, remove
from splitbrain.places.process import LOG_TAIL_LINES
from splitbrain.program import PlaceError

HOST = "127.0.0.1"
NETWORK_TRIES = 5


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One container. `files` are put into `folder` before it starts; `port` is published on loopback."""

    name: str
    image: str
    port: int
    command: tuple[str, ...] = ()
    folder: str = "/"
    files: dict[str, bytes] = {}


class ContainerGroup:
    """What one run has in the engine. Every method raises PlaceError when the engine refuses."""

    def __init__(self, client: docker.DockerClient, run: str) -> None:
        self.client = client
        self.addresses: dict[str, str] = {}
        """Inside the network, by name."""
        self.ports: dict[str, int] = {}
        """On loopback, of the containers that run."""
        self._run = run
        self._labels = labels(run, Harness.this())
        self._network = ""
        self._containers: dict[str, Container] = {}
        self._published: dict[str, str] = {}

    # --- making it --------------------------------------------------------------------------------

    def create_network(self, names: tuple[str, ...]) -> None:
        """A bridge of our own, on a range that the engine found free, with an address for each name.

        Only a range that was asked for by its numbers has fixed addresses.  So the engine is let choose one,
        and is then asked for that one; where another run is quicker, it is tried again.
        """
        name = self._full_name("net")
        for attempt in range(1, NETWORK_TRIES + 1):
            with refusals("create a network"):
                subnet = self._free_subnet(f"{name}-draft")
                ipam = IPAMConfig(pool_configs=[IPAMPool(subnet=subnet)])
                try:
                    self.client.networks.create(name, driver="bridge", ipam=ipam, labels=self._labels)
                    break
                except errors.APIError:
                    if attempt == NETWORK_TRIES:
                        raise
        self._network = name
        hosts = ipaddress.ip_network(subnet).hosts()
        next(hosts)  # The first is the bridge itself.
        self.addresses = {who: str(address) for who, address in zip(names, hosts, strict=False)}

    def create(self, plan: Plan) -> None:
        """Create a container; it does not run yet."""
        who = plan.name
        endpoint = self.client.api.create_endpoint_config(ipv4_address=self.addresses[who], aliases=[who])
        with refusals(f"create the container of {who}"):
            container = self.client.containers.create(
                plan.image,
                list(plan.command),
                name=self._full_name(who),
                hostname=who,
                labels=self._labels | {NODE: who},
                network=self._network,
                networking_config={self._network: endpoint},
                ports={f"{plan.port}/tcp": (HOST, 0)},
                cap_drop=["ALL"],
                security_opt=["no-new-privileges:true"],
                # Logs are read back at the end; not every driver that an engine may prefer can do that.
                log_config=LogConfig(type="json-file"),
            )
            self._containers[who] = container
            self._published[who] = f"{plan.port}/tcp"
            if plan.files:
                container.put_archive(plan.folder, _archive(plan.files))

    # --- running it -------------------------------------------------------------------------------

    def start(self, who: str) -> None:
        """Start a container, which may not be ready yet, and note where it is published now."""
        container = self._containers[who]
        with refusals(f"start the container of {who}"):
            container.start()
            container.reload()
        published = container.attrs["NetworkSettings"]["Ports"].get(self._published[who])
        if not published:
            raise PlaceError(self.obituary(who, "stopped before it was ready"))
        self.ports[who] = int(published[0]["HostPort"])

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
                    (logs / f"{container.labels[NODE]}.log").write_bytes(container.logs())
        finally:
            remove(self.client, self._filters())

    # --- inside -----------------------------------------------------------------------------------

    def _free_subnet(self, name: str) -> str:
        """A range that the engine would choose now, as `172.18.0.0/16`."""
        draft = self.client.networks.create(name, driver="bridge", labels=self._labels)
        try:
            draft.reload()
            ranges: list[str] = [pool["Subnet"] for pool in draft.attrs["IPAM"]["Config"]]
        finally:
            draft.remove()
        return next(subnet for subnet in ranges if ":" not in subnet)

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
