"""The machines and the network between them, and what can be done to them.

This is the simulator's side of the nemesis steps.  Whatever takes several steps (starting a node, probing
links) is a program, the others are methods that take no time.
"""

from collections.abc import Iterator, Mapping
from itertools import count

from nemesis.steps import Clock, Cut, Mend, NodeState, Probe, Responds, Sleep, Start
from splitbrain.probing import probe, responds
from splitbrain.program import Ask, PlaceError, Program
from splitbrain.sim.chooser import Chooser
from splitbrain.sim.disk import Disk
from splitbrain.sim.machine import Machine, MakeCore
from splitbrain.sim.network import Network
from splitbrain.sim.world import MS, World
from store.messages import Status, StatusReply

_LAUNCH_DRAWS = 1 << 10
_LAUNCH_MIN, _LAUNCH_STEP = 20 * MS, 130 * MS // _LAUNCH_DRAWS
"""A process needs 20 to 150 ms before it reads its disk."""

_READY_LOOK = 5 * MS
_READY_LIMIT = 30_000 * MS


class Cluster:
    """All nodes of a simulated cluster; every one is dead at first."""

    def __init__(
        self, world: World, chooser: Chooser, disks: Mapping[str, Disk], make_core: MakeCore
    ) -> None:
        self.world = world
        self.zero = world.now
        """When the run began: the 0 of `clock` (ns of virtual time)."""
        self.machines = {name: Machine(name, disk, world, make_core) for name, disk in disks.items()}
        self.network = Network(world, chooser, self.machines)
        self._chooser = chooser
        self._nonces: Iterator[int] = count(1)

    def clock(self) -> int:
        """Nanoseconds since the run began."""
        return self.world.now - self.zero

    def machine(self, node: str) -> Machine:
        """PlaceError: there is no such node."""
        machine = self.machines.get(node)
        if machine is None:
            raise PlaceError(f"there is no node {node}; this cluster has {', '.join(self.machines)}")
        return machine

    # --- links ---------------------------------------------------------------------------------------

    def cut(self, step: Cut) -> None:
        """Cut links. A link that does not exist is a PlaceError."""
        self._check(step.links)
        self.network.cut(step.links, step.mode)

    def mend(self, step: Mend) -> None:
        """Mend links."""
        self._check(step.links)
        self.network.mend(step.links)

    def mend_all(self) -> None:
        """Mend every link."""
        self.network.mend_all()

    def probe(self, step: Probe) -> Program:
        """Which of the links deliver, as a frozenset."""
        self._check(step.links)
        return (yield from probe(step.links, step.wait, self._nonces))

    def _check(self, links: tuple[tuple[str, str], ...]) -> None:
        for source, target in links:
            self.machine(source)
            self.machine(target)
            if source == target:
                raise PlaceError(f"there is no link from {source} to itself")

    # --- processes -----------------------------------------------------------------------------------

    def start(self, step: Start) -> Program:
        """Start a dead node on its old disk, and wait until it is ready. Others are left alone."""
        machine = self.machine(step.node)
        if machine.life is not None:
            return
        launch = self._chooser.draw(("launch", machine.name, machine.starts + 1), _LAUNCH_DRAWS)
        yield Sleep(_LAUNCH_MIN + launch * _LAUNCH_STEP)
        if machine.life is None:
            self.network.connect(machine.start(self.network.outgoing(machine.name)))
        yield from self._ready(machine)

    def _ready(self, machine: Machine) -> Program:
        began: int = yield Clock()
        now = began
        while now < began + _READY_LIMIT:
            reply = yield Ask(machine.name, Status())
            if isinstance(reply, StatusReply) and reply.ready:
                return
            if machine.life is None:
                raise PlaceError(f"{machine.name} was killed while it was starting; start it again")
            yield Sleep(_READY_LOOK)
            now = yield Clock()
        raise PlaceError(f"{machine.name} is not ready after {_READY_LIMIT // MS} ms of virtual time")

    def kill(self, node: str) -> None:
        """Power loss at the node; a dead one stays dead."""
        machine = self.machine(node)
        life = machine.life
        if life is not None:
            machine.kill()
            self.network.died(life)

    def pause(self, node: str) -> None:
        """Pause the node's process. PlaceError: it is dead."""
        life = self.machine(node).life
        if life is None:
            raise PlaceError(f"{node} is dead and cannot be paused; start it first")
        life.pause()

    def resume(self, node: str) -> None:
        """Let a paused process go on; others are left alone."""
        life = self.machine(node).life
        if life is not None:
            life.resume()

    def inspect(self, node: str) -> NodeState:
        """Running, paused or dead, as seen from outside."""
        return self.machine(node).state

    def responds(self, step: Responds) -> Program:
        """Does the node's admin interface answer?"""
        self.machine(step.node)
        return (yield from responds(step.node, step.wait))
