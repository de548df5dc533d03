"""The local place: one process per node on loopback, one proxy per directed link.

Node a's peer table gives for b the address of the proxy `a->b`; clients and the admin go to the nodes
directly.  Kill is SIGKILL, pause is SIGSTOP, links are cut at the proxies: the embedded ones in a thread of
the harness, or those of a real Toxiproxy server in a process of its own.

Everything that would outlive a killed harness is written down in `processes.json` (with start times, so that
nothing else is ever hit) whenever it changes; `splitbrain heal` and the next local run read it.
"""

import asyncio
from contextlib import ExitStack
from typing import Any

import msgspec

from nemesis.steps import Link, NodeState
from splitbrain.launcher import child_environment, node_command
from splitbrain.places.conversations import Address
from splitbrain.places.leftovers import NAME, Leftovers, sweep
from splitbrain.places.live import LivePlace
from splitbrain.places.place import ClusterSpec
from splitbrain.places.ports import Ports
from splitbrain.places.process import NodeProcess, ProcessId
from splitbrain.program import PlaceError
from splitbrain.proxy.client import ToxiproxyServer
from splitbrain.proxy.links import ProxiedLinks, links_of
from splitbrain.proxy.server import EmbeddedProxy
from splitbrain.proxy.toxiproxy import ToxiproxyProcess
from store.settings import NodeSettings

HOST = "127.0.0.1"
WATCH_S = 0.05


class LocalPlace(LivePlace):
    """A cluster of local processes."""

    name = "local"

    def __init__(self, spec: ClusterSpec) -> None:
        super().__init__(spec)
        self._stack = ExitStack()
        self._ports: dict[str, int] = {}
        self._nodes: dict[str, NodeProcess] = {}
        self._proxy_url = ""
        self._proxy_process: ProcessId | None = None
        self._leftovers = Leftovers(spec.folder / NAME)

    # --- the cluster ------------------------------------------------------------------------------

    async def open(self) -> None:
        await self.in_thread(sweep, self.spec.folder.parent.parent)
        ports = self._stack.enter_context(Ports(HOST))
        self._ports = {node: ports.take() for node in self.spec.nodes}
        server = await self.in_thread(self._start_proxy, ports)
        self._links = ProxiedLinks(server)
        links = {
            link: (f"{HOST}:{ports.take()}", f"{HOST}:{self._ports[link[1]]}")
            for link in links_of(self.spec.nodes)
        }
        listens = await self.in_thread(self._links.open, links)
        for node in self.spec.nodes:
            self._nodes[node] = self._prepare(node, listens)
        await asyncio.gather(*(self.start(node) for node in self.spec.nodes))
        self._watcher = asyncio.get_running_loop().create_task(self._watch())

    async def close(self) -> None:
        try:
            # A stopped process dies of SIGKILL as well, without having been resumed.
            await asyncio.gather(*(process.kill() for process in self._nodes.values()))
        finally:
            await self.in_thread(self._stack.close)
        self._leftovers.clear()

    def address(self, node: str) -> Address:
        return HOST, self._ports[node]

    def cluster_facts(self) -> dict[str, Any]:
        """Also in `processes.json`, which stays current when a node is started again."""
        return self._leftovers.facts

    # --- faults -----------------------------------------------------------------------------------

    async def kill(self, node: str) -> None:
        await self._nodes[node].kill()
        self._note()
        if self._links is not None:
            self._links.node_died(node)

    async def start(self, node: str) -> None:
        process = self._nodes[node]
        if process.alive:
            return
        process.spawn()
        self._note()
        await process.ready()

    async def pause(self, node: str) -> None:
        await self._nodes[node].pause()

    async def resume(self, node: str) -> None:
        await self._nodes[node].resume()

    async def inspect(self, node: str) -> NodeState:
        return self._nodes[node].state

    # --- inside -----------------------------------------------------------------------------------

    def _start_proxy(self, ports: Ports) -> ToxiproxyServer:
        if self.spec.proxy == "toxiproxy":
            log = self.spec.folder / "nodes" / "toxiproxy.log"
            real = ToxiproxyProcess(log, ports.take(), self._note_proxy)
            self._proxy_url = self._stack.enter_context(real).url
        else:
            self._proxy_url = self._stack.enter_context(EmbeddedProxy(self.spec.seed)).url
        self._note()
        server = ToxiproxyServer(self._proxy_url)
        self._stack.callback(server.close)
        return server

    def _note_proxy(self, pid: int) -> None:
        """Before the server answers: from its first moment it is known to those who would have to kill it."""
        self._proxy_process = ProcessId.of(pid)
        self._note()

    def _prepare(self, node: str, listens: dict[Link, str]) -> NodeProcess:
        """Write the node's settings; its command names them."""
        folder = self.spec.folder / "nodes"
        data = folder / node
        data.mkdir(parents=True, exist_ok=True)
        settings = NodeSettings(
            config=msgspec.structs.replace(self.spec.config, node=node, nodes=self.spec.nodes),
            listen=f"{HOST}:{self._ports[node]}",
            peers={target: listen for (source, target), listen in listens.items() if source == node},
            data=str(data),
            engine=self.spec.engine,
            seed=self.spec.seed,
            cluster=self.spec.folder.name,
        )
        file = folder / f"{node}.json"
        file.write_bytes(msgspec.json.format(msgspec.json.encode(settings)))
        command = [*node_command(), "--config", str(file.resolve())]
        return NodeProcess(node, command, child_environment(), folder / f"{node}.log")

    def _note(self) -> None:
        """Write down what would be left if the harness died now."""
        alive = {
            node: process.identity
            for node, process in self._nodes.items()
            if process.alive and process.identity is not None
        }
        if self._proxy_process is not None:
            alive["toxiproxy"] = self._proxy_process
        self._leftovers.write(alive, {"kind": self.spec.proxy, "url": self._proxy_url})

    async def _watch(self) -> None:
        """Notice a node that dies by itself."""
        while True:
            for process in self._nodes.values():
                if process.expected and not process.alive:
                    process.expected = False
                    self.fail(PlaceError(process.obituary("died by itself")))
            if self._proxy_process is not None and self._proxy_process.state == "dead":
                self.fail(PlaceError("the Toxiproxy server died by itself; its log is in the run's folder"))
            await asyncio.sleep(WATCH_S)
