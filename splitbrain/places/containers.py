"""The Docker place: one container per node, and real Toxiproxy in a container between them.

Every directed link `a->b` is a proxy on a port of its own in the Toxiproxy container; a's peer table names
that port.  Clients and the admin reach a node through a port that the engine publishes on loopback.
"""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import msgspec

from nemesis.steps import Link, NodeState
from splitbrain.places import images
from splitbrain.places.container_group import HOST, SETTINGS, ContainerGroup, host_of
from splitbrain.places.conversations import Address
from splitbrain.places.engine import connect
from splitbrain.places.leftover_containers import Harness, sweep
from splitbrain.places.live import LivePlace
from splitbrain.places.place import ClusterSpec
from splitbrain.places.process import READY_TIMEOUT_S
from splitbrain.program import Ask, PlaceError
from splitbrain.proxy.client import ToxiproxyServer
from splitbrain.proxy.links import ProxiedLinks, links_of
from store.messages import Status, StatusReply
from store.settings import NodeSettings

__all__ = ["DockerPlace", "sweep"]

PROXY = "toxiproxy"
NODE_PORT, PROXY_PORT = 7000, 8474
FIRST_LINK_PORT = 20_001
"""Below the ports that a kernel gives out by itself."""

POLL_S = 0.05
WATCH_S = 1.0


class DockerPlace(LivePlace):
    """A cluster of containers."""

    name = "docker"

    def __init__(self, spec: ClusterSpec) -> None:
        super().__init__(spec)
        self._group: ContainerGroup | None = None
        self._expected: set[str] = set()
        """The containers that are meant to be alive; one that is not has died by itself."""

    # --- the cluster ------------------------------------------------------------------------------

    async def open(self) -> None:
        client = await self.in_thread(connect)
        group = self._group = ContainerGroup(client, self.spec.folder.name)
        await self.in_thread(sweep)
        node_image = await self.in_thread(images.node_image, client)
        proxy_image = await self.in_thread(images.toxiproxy_image, client)
        await self.in_thread(group.create_network)
        nodes = self.spec.nodes
        await asyncio.gather(
            self.in_thread(group.run_proxy, PROXY, proxy_image, PROXY_PORT),
            *(self.in_thread(group.create_node, node, node_image, NODE_PORT) for node in nodes),
        )
        ports = {link: FIRST_LINK_PORT + number for number, link in enumerate(links_of(nodes))}
        await self._open_links(ports)
        await asyncio.gather(*(self.in_thread(group.put, node, self._files(node, ports)) for node in nodes))
        await asyncio.gather(*(self.start(node) for node in nodes))
        self._expected |= {PROXY, *map(host_of, nodes)}
        self._watcher = asyncio.get_running_loop().create_task(self._watch())

    async def close(self) -> None:
        self._expected.clear()
        if self._links is not None:
            self._links.server.close()
        if self._group is None:
            return
        try:
            await self.in_thread(self._group.clear, self.spec.folder / "nodes")
        finally:
            self._group.client.close()
            self._group = None

    def address(self, node: str) -> Address:
        return HOST, self._running.ports[host_of(node)]

    def cluster_facts(self) -> dict[str, Any]:
        """Everything else is found by the run's label."""
        harness = msgspec.to_builtins(Harness.this().process)
        return {"place": self.name, "run_label": self.spec.folder.name, "harness": harness}

    # --- faults -----------------------------------------------------------------------------------

    async def kill(self, node: str) -> None:
        self._expected.discard(node)
        if await self.inspect(node) != "dead":
            await self.in_thread(self._running.ask, node, "kill", {"dead"})
        if self._links is not None:
            self._links.node_died(node)

    async def start(self, node: str) -> None:
        if await self.inspect(node) == "dead":
            await self.in_thread(self._running.start, node)
            await self._until_ready(node, lambda: self._responds(node))
            self._expected.add(node)

    async def pause(self, node: str) -> None:
        if await self.inspect(node) == "running":
            await self.in_thread(self._running.ask, node, "pause", {"paused", "dead"})

    async def resume(self, node: str) -> None:
        if await self.inspect(node) == "paused":
            await self.in_thread(self._running.ask, node, "unpause", {"running", "dead"})

    async def inspect(self, node: str) -> NodeState:
        return await self.in_thread(self._running.state, node)

    # --- inside -----------------------------------------------------------------------------------

    @property
    def _running(self) -> ContainerGroup:
        assert self._group is not None, "the place must be entered first"
        return self._group

    def _files(self, node: str, ports: dict[Link, int]) -> dict[str, bytes]:
        """The node's settings, and perhaps a bug seed."""
        proxy = self._running.addresses[PROXY]
        config = msgspec.structs.replace(self.spec.config, node=node, nodes=self.spec.nodes)
        files = {}
        if config.bug is not None and config.bug.endswith(".py"):
            # A seed from outside goes along, under its own name.
            seed = Path(config.bug)
            files[seed.name] = seed.read_bytes()
            config = msgspec.structs.replace(config, bug=f"{SETTINGS}/{seed.name}")
        settings = NodeSettings(
            config=config,
            listen=f"0.0.0.0:{NODE_PORT}",
            peers={b: f"{proxy}:{port}" for (a, b), port in ports.items() if a == node},
            data="/data",
            engine=self.spec.engine,
            seed=self.spec.seed,
            cluster=self.spec.folder.name,
        )
        return files | {"node.json": msgspec.json.format(msgspec.json.encode(settings))}

    async def _open_links(self, ports: dict[Link, int]) -> None:
        group = self._running
        server = ToxiproxyServer(f"http://{HOST}:{group.ports[PROXY]}")
        self._links = ProxiedLinks(server)
        await self._until_ready(PROXY, lambda: self.in_thread(server.running))
        addresses = {
            (a, b): (f"0.0.0.0:{port}", f"{group.addresses[host_of(b)]}:{NODE_PORT}")
            for (a, b), port in ports.items()
        }
        await self.in_thread(self._links.open, addresses)

    async def _responds(self, node: str) -> bool:
        reply = await self._conversations.ask(Ask(node, Status()))
        return isinstance(reply, StatusReply) and reply.ready

    async def _until_ready(self, who: str, ready: Callable[[], Coroutine[Any, Any, bool]]) -> None:
        """Wait until this is true. Raises PlaceError with the end of the container's log."""
        group = self._running
        loop = asyncio.get_running_loop()
        deadline = loop.time() + READY_TIMEOUT_S
        while not await ready():
            if await self.inspect(who) == "dead":
                raise PlaceError(await self.in_thread(group.obituary, who, "stopped before it was ready"))
            if loop.time() > deadline:
                what = f"was not ready within {READY_TIMEOUT_S:g} s"
                raise PlaceError(await self.in_thread(group.obituary, who, what))
            await asyncio.sleep(POLL_S)

    async def _watch(self) -> None:
        """Notice what dies by itself, and an engine that went away."""
        group = self._running
        while True:
            await asyncio.sleep(WATCH_S)
            before = set(self._expected)
            try:
                dead = before - await self.in_thread(group.alive)
                for who in sorted(dead & self._expected):
                    if await self.in_thread(group.state, who) != "dead":
                        continue  # It was killed and started again since the question was asked.
                    self._expected.discard(who)
                    self.fail(PlaceError(await self.in_thread(group.obituary, who, "died by itself")))
            except PlaceError as error:
                self.fail(error)
                return
