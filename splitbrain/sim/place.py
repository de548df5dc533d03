"""The simulator as a place: a cluster on virtual time that is a function of its seed.

Entering starts all nodes and lets time pass until every node is ready and has heard of every other; that
moment is 0.  Nothing outlives the process, so there is nothing to clean up and nothing for a journal.
"""

import random
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Self

import msgspec

from nemesis.steps import Sleep, Start
from splitbrain.places.place import ClusterSpec
from splitbrain.program import Ask, Handle, Myself, PlaceError, Post, Program, Receive, Spawn
from splitbrain.sim.asking import Asking
from splitbrain.sim.chooser import Chooser
from splitbrain.sim.cluster import Cluster
from splitbrain.sim.disk import Disk, LogDisk, MemoryDisk
from splitbrain.sim.executor import Executor
from splitbrain.sim.world import MS, World
from store.bugs import catalogue
from store.messages import Status, StatusReply
from store.node import Node
from store.policies import DEFAULT

_ACQUAINTED_TRIES = 50


class SimPlace:
    """A simulated cluster that executes programs (`splitbrain.places.place.Place`)."""

    name = "sim"
    abilities = frozenset({"links", "kill", "pause"})

    def __init__(self, spec: ClusterSpec, chooser: Chooser | None = None) -> None:
        """`chooser` makes all choices; without one, a new chooser draws from the seed of the spec.

        Raises BugError when the bug of the configuration cannot be loaded, ValueError for an unknown engine.
        """
        self._spec = spec
        self._policies = DEFAULT
        if spec.config.bug is not None:
            self._policies = catalogue.load(spec.config.bug).apply(DEFAULT)
        self.chooser = Chooser(spec.seed) if chooser is None else chooser
        self.world = World()
        disks = {name: self._disk(name) for name in spec.nodes}
        self.cluster = Cluster(self.world, self.chooser, disks, self._make_node)
        asking = Asking(self.world, self.chooser, self.cluster.machines)
        self._executor = Executor(self.world, self.cluster, asking)

    def __enter__(self) -> Self:
        self.execute(_boot(self._spec.nodes, self._spec.config.timing.ping_ms * MS))
        self.cluster.zero = self.world.now
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """There is nothing to stop: no event happens unless a program is executed."""

    def execute(self, program: Program) -> Any:
        """Run the main program and what it spawns; returns its result when it ends."""
        with _interruptible(self.world):
            return self._executor.run(program)

    def now(self) -> int:
        """Nanoseconds of virtual time since the cluster was ready."""
        return self.cluster.clock()

    def cluster_facts(self) -> dict[str, Any]:
        """Nothing is left behind by a simulated cluster."""
        return {"place": self.name}

    def stats(self) -> dict[str, Any]:
        """Counters, and the fingerprint of everything that happened in the nodes."""
        links = [link for outgoing in self.cluster.network.links.values() for link in outgoing.values()]
        disks = [machine.disk for machine in self.cluster.machines.values()]
        return {
            "events": self.world.happened(),
            "messages": sum(link.number for link in links),
            "messages_lost": sum(link.lost for link in links),
            "torn_tails": sum(disk.torn for disk in disks if isinstance(disk, LogDisk)),
            "virtual_s": round(self.now() / 1e9, 3),
            "fingerprint": self.world.trace.fingerprint(),
        }

    def _disk(self, name: str) -> Disk:
        match self._spec.engine:
            case "log":
                return LogDisk(name, self.world, self.chooser)
            case "memory":
                return MemoryDisk(self.world)
        raise ValueError(f"the simulator has no engine {self._spec.engine!r}; choose log or memory")

    def _make_node(self, name: str, start: int) -> Node:
        """Each start has its own randomness; its label is mixed in, so no tape makes two starts alike."""
        draw = self.chooser.draw(("node", name, start), 1 << 64)
        config = msgspec.structs.replace(self._spec.config, node=name, nodes=self._spec.nodes)
        return Node(config, random.Random(f"{draw}/{name}/{start}"), self._policies)


def _boot(nodes: tuple[str, ...], ping: int) -> Program:
    """Start all nodes at once, wait until they are ready, and until everybody has answered everybody."""
    myself: Handle = yield Myself()
    for node in nodes:
        yield Spawn(_start(node, myself))
    for _ in nodes:
        yield Receive()
    for _ in range(_ACQUAINTED_TRIES):
        yield Sleep(2 * ping)
        strangers = []
        for node in nodes:
            reply = yield Ask(node, Status())
            if not isinstance(reply, StatusReply) or not all(reply.healthy.values()):
                strangers.append(node)
        if not strangers:
            return
    raise PlaceError(f"the simulated nodes {', '.join(strangers)} cannot reach their peers after the start")


def _start(node: str, report_to: Handle) -> Program:
    yield Start(node)
    yield Post(report_to, node)


@contextmanager
def _interruptible(world: World) -> Iterator[None]:
    """Ctrl-C ends the run between two events, so that the cluster can still be healed and looked at."""
    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    ):
        yield
        return

    def interrupt(_: int, __: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # A second one will not be put off.
        world.interrupt(KeyboardInterrupt())

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
