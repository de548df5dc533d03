"""The Docker place: one container per node, and real Toxiproxy in a container between them.

Every directed link `a->b` is a proxy on a port of its own in the Toxiproxy container; a's peer table names that
port.  Clients and the admin reach a node through a port that the engine publishes on loopback, and that changes
when the node starts again.

Rules of this file
  1. Addresses inside the run's network are fixed.  A container that starts again would get another address, and
     the name of a dead one is asked of name servers outside, which may take their time.
  2. A dead node's address refuses.  The port that it had may be another node's by now.
  3. What belongs to a run is found by its labels, never by what this object remembers: a container that was
     created while an interruption came is found as well.
  4. Nothing is taken for done because the engine accepted it: the state is looked at afterwards.
"""

import asyncio
import io
import ipaddress
import os
import platform
import socket
import tarfile
from pathlib import Path
from typing import Any

import docker
import msgspec
from docker import errors
from docker.models.containers import Container
from docker.types import IPAMConfig, IPAMPool, LogConfig

from nemesis.steps import Link, Mode, NodeState
from splitbrain.places import images
from splitbrain.places.conversations import Address
from splitbrain.places.engine import connect, refusals
from splitbrain.places.leftover_containers import HARNESS, LABEL, NODE, RUN, Harness, labels, remove, sweep
from splitbrain.places.live import LivePlace
from splitbrain.places.place import ClusterSpec
from splitbrain.places.process import LOG_TAIL_LINES, READY_TIMEOUT_S, ProcessId
from splitbrain.program import Ask, PlaceError
from splitbrain.proxy.client import ToxiproxyServer
from splitbrain.proxy.links import ProxiedLinks, links_of
from store.messages import Status, StatusReply
from store.settings import NodeSettings

__all__ = ["DockerPlace", "sweep"]

HOST = "127.0.0.1"
PROXY = "toxiproxy"
NODE_PORT, PROXY_PORT = 7000, 8474
FIRST_LINK_PORT = 20_001
"""Below the ports that a kernel gives out by itself."""

SETTINGS = "/etc/splitbrain"
POLL_S = 0.05
WATCH_S = 1.0
PROXY_TIMEOUT_S = 10.0
"""Toxiproxy holds up a call for a link whose target is dead while it still tries to connect: 3 s, until the
kernel gives up finding the address."""
NETWORK_TRIES = 5


class DockerPlace(LivePlace):
    """A cluster of containers."""

    name = "docker"

    def __init__(self, spec: ClusterSpec) -> None:
        super().__init__(spec)
        self._harness = Harness.this()
        self._client: docker.DockerClient | None = None
        self._links: ProxiedLinks | None = None
        self._network = ""
        self._addresses: dict[str, str] = {}
        self._containers: dict[str, Container] = {}
        self._ports: dict[str, int] = {}
        self._expected: set[str] = set()
        """The containers that are meant to be alive; one that is not has died by itself."""
        self._nowhere = socket.socket()

    # --- the cluster ------------------------------------------------------------------------------

    async def open(self) -> None:
        self._client = await self.in_thread(connect)
        # Bound and not listening: whoever connects is refused, and nobody else gets the port.
        self._nowhere.bind((HOST, 0))
        await self.in_thread(sweep)
        node_image = await self.in_thread(images.node_image, self._client)
        proxy_image = await self.in_thread(images.toxiproxy_image, self._client)
        await self.in_thread(self._create_network)
        proxy = self.in_thread(self._create, PROXY, proxy_image, PROXY_PORT, [])
        listens = {link: FIRST_LINK_PORT + number for number, link in enumerate(links_of(self.spec.nodes))}
        command = ["--config", f"{SETTINGS}/node.json"]
        nodes = [self.in_thread(self._create_node, node, node_image, command, listens) for node in self.spec.nodes]
        await asyncio.gather(proxy, *nodes)
        await self.in_thread(self._run_container, PROXY)
        await self._open_links(listens)
        await asyncio.gather(*(self.start(node) for node in self.spec.nodes))
        self._expected.add(PROXY)
        self._watcher = asyncio.get_running_loop().create_task(self._watch())

    async def close(self) -> None:
        self._nowhere.close()
        if self._links is not None:
            self._links.server.close()
        if self._client is None:
            return
        client, self._client = self._client, None
        self._expected.clear()
        try:
            await self.in_thread(_clear, client, self._filters(), self.spec.folder / "nodes")
        finally:
            client.close()

    def address(self, node: str) -> Address:
        port = self._ports.get(node)
        if port is None:
            port = self._nowhere.getsockname()[1]
        return HOST, port

    def cluster_facts(self) -> dict[str, Any]:
        """The run's label is where to find everything else."""
        return {
            "place": self.name,
            "run_label": self.spec.folder.name,
            "harness": msgspec.to_builtins(self._harness.process),
        }

    # --- faults -----------------------------------------------------------------------------------

    async def cut(self, links: tuple[Link, ...], mode: Mode) -> None:
        assert self._links is not None
        await self.in_thread(self._links.cut, links, mode)

    async def mend(self, links: tuple[Link, ...]) -> None:
        assert self._links is not None
        await self.in_thread(self._links.mend, links)

    async def mend_all(self) -> None:
        assert self._links is not None
        await self.in_thread(self._links.mend_all)

    async def kill(self, node: str) -> None:
        self._expected.discard(node)
        self._ports.pop(node, None)
        if await self.inspect(node) == "dead":
            return
        await self._do(node, "kill", {"dead"})
        if self._links is not None:
            self._links.target_died(node)

    async def start(self, node: str) -> None:
        if await self.inspect(node) == "dead":
            await self.in_thread(self._run_container, node)
            await self._ready(node)
            self._expected.add(node)

    async def pause(self, node: str) -> None:
        if await self.inspect(node) == "running":
            await self._do(node, "pause", {"paused", "dead"})

    async def resume(self, node: str) -> None:
        if await self.inspect(node) == "paused":
            await self._do(node, "unpause", {"running", "dead"})

    async def inspect(self, node: str) -> NodeState:
        return await self.in_thread(self._state, node)

    # --- making it --------------------------------------------------------------------------------

    def _create_network(self) -> None:
        """A bridge of our own, on a range that the engine found free.

        Only a range that was asked for by its numbers has fixed addresses. So the engine is let choose one, and
        is then asked for that one; another run may be quicker, and it is tried again.
        """
        assert self._client is not None
        name = self._name("net")
        mine = labels(self.spec.folder.name, self._harness)
        for attempt in range(1, NETWORK_TRIES + 1):
            with refusals("create a network"):
                draft = self._client.networks.create(f"{name}-draft", driver="bridge", labels=mine)
                draft.reload()
                chosen = next(
                    pool["Subnet"] for pool in draft.attrs["IPAM"]["Config"] if ":" not in pool["Subnet"]
                )
                draft.remove()
                ipam = IPAMConfig(pool_configs=[IPAMPool(subnet=chosen)])
                try:
                    self._client.networks.create(name, driver="bridge", ipam=ipam, labels=mine)
                except errors.APIError:
                    if attempt == NETWORK_TRIES:
                        raise
                    continue
            self._network = name
            hosts = ipaddress.ip_network(chosen).hosts()
            next(hosts)  # The first is the bridge itself.
            self._addresses = {who: str(address) for who, address in zip((PROXY, *self.spec.nodes), hosts)}
            return

    def _create(self, who: str, image: str, port: int, command: list[str]) -> None:
        """Create a container; it does not run yet."""
        assert self._client is not None
        endpoint = self._client.api.create_endpoint_config(
            ipv4_address=self._addresses[who], aliases=[who]
        )
        with refusals(f"create the container of {who}"):
            self._containers[who] = self._client.containers.create(
                image,
                command,
                name=self._name(who),
                hostname=who,
                labels=labels(self.spec.folder.name, self._harness) | {NODE: who},
                network=self._network,
                networking_config={self._network: endpoint},
                ports={f"{port}/tcp": (HOST, None)},
                cap_drop=["ALL"],
                security_opt=["no-new-privileges:true"],
                # Logs are read back at the end; not every driver that an engine may prefer can do that.
                log_config=LogConfig(type="json-file"),
            )

    def _create_node(self, node: str, image: str, command: list[str], listens: dict[Link, int]) -> None:
        self._create(node, image, NODE_PORT, command)
        config = msgspec.structs.replace(self.spec.config, node=node, nodes=self.spec.nodes)
        files = {}
        if config.bug is not None and config.bug.endswith(".py"):
            # A seed from outside goes along under its own name.
            name = Path(config.bug).name
            files[name] = Path(config.bug).read_bytes()
            config = msgspec.structs.replace(config, bug=f"{SETTINGS}/{name}")
        settings = NodeSettings(
            config=config,
            listen=f"0.0.0.0:{NODE_PORT}",
            peers={
                target: f"{self._addresses[PROXY]}:{port}"
                for (source, target), port in listens.items()
                if source == node
            },
            data="/data",
            engine=self.spec.engine,
            seed=self.spec.seed,
            cluster=self.spec.folder.name,
        )
        files["node.json"] = msgspec.json.format(msgspec.json.encode(settings))
        with refusals(f"hand {node} its settings"):
            self._containers[node].put_archive(SETTINGS, _archive(files))

    async def _open_links(self, listens: dict[Link, int]) -> None:
        server = ToxiproxyServer(f"http://{HOST}:{self._ports[PROXY]}", PROXY_TIMEOUT_S)
        self._links = ProxiedLinks(server)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + READY_TIMEOUT_S
        while not await self.in_thread(server.running):
            if await self.inspect(PROXY) == "dead" or loop.time() > deadline:
                raise PlaceError(await self.in_thread(self._obituary, PROXY, "does not answer"))
            await asyncio.sleep(POLL_S)
        wanted = {
            link: (f"0.0.0.0:{port}", f"{self._addresses[link[1]]}:{NODE_PORT}")
            for link, port in listens.items()
        }
        await self.in_thread(self._links.open, wanted)

    # --- running it -------------------------------------------------------------------------------

    def _run_container(self, who: str) -> None:
        """Start a container and note where it is published now."""
        container = self._containers[who]
        with refusals(f"start the container of {who}"):
            container.start()
            container.reload()
        inside = f"{PROXY_PORT if who == PROXY else NODE_PORT}/tcp"
        published = container.attrs["NetworkSettings"]["Ports"].get(inside)
        if not published:
            raise PlaceError(self._obituary(who, "stopped before it was ready"))
        self._ports[who] = int(published[0]["HostPort"])

    async def _ready(self, node: str) -> None:
        """Wait until the node says that it is. Raises PlaceError with the end of its log."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + READY_TIMEOUT_S
        while True:
            reply = await self._conversations.ask(Ask(node, Status()))
            if isinstance(reply, StatusReply) and reply.ready:
                return
            if await self.inspect(node) == "dead":
                raise PlaceError(await self.in_thread(self._obituary, node, "stopped before it was ready"))
            if loop.time() > deadline:
                what = f"was not ready within {READY_TIMEOUT_S:g} s"
                raise PlaceError(await self.in_thread(self._obituary, node, what))
            await asyncio.sleep(POLL_S)

    async def _do(self, node: str, action: str, wanted: set[NodeState]) -> None:
        """Ask the engine for this, and see that it came about: a node may die at any moment."""
        await self.in_thread(self._ask_engine, node, action)
        state = await self.inspect(node)
        if state not in wanted:
            raise PlaceError(f"Docker was asked to {action} {node}, and it is {state}; run again")

    def _ask_engine(self, node: str, action: str) -> None:
        with refusals(f"{action} {node}"):
            try:
                getattr(self._containers[node], action)()
            except errors.APIError as error:
                if error.status_code != 409:  # 409: it is so already, or is not alive any more.
                    raise

    def _state(self, node: str) -> NodeState:
        container = self._containers.get(node)
        if container is None:
            raise PlaceError(f"there is no node {node}; the nodes are {', '.join(self.spec.nodes)}")
        with refusals(f"look at {node}"):
            container.reload()
        match container.status:
            case "running":
                return "running"
            case "paused":
                return "paused"
        return "dead"

    async def _watch(self) -> None:
        """Notice what dies by itself, and an engine that went away."""
        while True:
            await asyncio.sleep(WATCH_S)
            before = set(self._expected)
            try:
                alive = await self.in_thread(self._alive)
            except PlaceError as error:
                self.fail(error)
                return
            for who in sorted(before & self._expected - alive):
                self._expected.discard(who)
                self.fail(PlaceError(await self.in_thread(self._obituary, who, "died by itself")))

    def _alive(self) -> set[str]:
        assert self._client is not None
        with refusals("list the containers"):
            found = self._client.api.containers(filters={"label": self._filters()})
        return {container["Labels"][NODE] for container in found}

    def _obituary(self, who: str, what: str) -> str:
        """A sentence with the end of the container's log."""
        container = self._containers[who]
        with refusals(f"read the log of {who}"):
            container.reload()
            lines = container.logs(tail=LOG_TAIL_LINES).decode(errors="replace").splitlines()
        state = container.attrs["State"]
        ended = "" if state["Running"] else f" (exit code {state['ExitCode']})"
        kind = "the container of Toxiproxy" if who == PROXY else f"node {who}"
        return f"{kind} {what}{ended}; its log ends: " + (" | ".join(lines) or "(empty)")

    def _name(self, who: str) -> str:
        """For people who look at `docker ps`; nothing depends on it."""
        run = "".join(letter if letter.isalnum() else "-" for letter in self.spec.folder.name)
        return f"splitbrain-{run}-{os.getpid()}-{who}"

    def _filters(self) -> list[str]:
        mine = labels(self.spec.folder.name, self._harness)
        return [f"{key}={value}" for key, value in mine.items()]


def _archive(files: dict[str, bytes]) -> bytes:
    """A tar file, as the engine wants it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o644
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _clear(client: docker.DockerClient, filters: list[str], logs: Path) -> None:
    """Save the logs of a run's containers; remove them and their network."""
    try:
        with refusals("read the logs"):
            for container in client.containers.list(all=True, filters={"label": filters}, ignore_removed=True):
                logs.mkdir(parents=True, exist_ok=True)
                (logs / f"{container.labels[NODE]}.log").write_bytes(container.logs())
    finally:
        remove(client, filters)
