"""A machine of the simulated cluster, and the life of the node process on it.

A machine has a name and a disk that outlives processes.  A `Life` is one process from its start to its
death: it hands events to the pure node and carries out the effects, in their order, as the asyncio driver
does.  Handling an event takes no virtual time.

Rules of this file
  1. A paused life does nothing. What happens to it meanwhile (messages, timers, the end of an fsync) waits,
     and happens on resume in the order in which it came, with the clock of then.
  2. A dead life does nothing and never comes back: a start makes a new one.  Everything that is on its way
     to or from a life names that life, so nothing can reach a later one by accident.
"""

from collections.abc import Callable
from heapq import heappush
from typing import Any, Protocol

from nemesis.steps import NodeState
from splitbrain.sim.disk import Disk
from splitbrain.sim.world import NOTES_MAX, World
from store.effects import (
    Boot,
    Durable,
    Effect,
    Event,
    Persist,
    Reply,
    Requested,
    Send,
    SetTimer,
    TimerFired,
)
from store.messages import AdminReply, AdminRequest, ClientReply, ClientRequest, Message

_RUNNING, _PAUSED, _DEAD = 0, 1, 2


class Core(Protocol):
    """The node as a driver sees it (`store.node.Node`)."""

    def handle(self, event: Event, now: int) -> list[Effect]:
        """What must be done about this event."""
        ...


class Outgoing(Protocol):
    """The directed link to one peer."""

    def send(self, message: Message) -> None:
        """Send, in order, without promise."""
        ...


class Asker(Protocol):
    """Whoever waits for an answer of the node."""

    def replied(self, reply: ClientReply | AdminReply) -> None:
        """The node has answered."""
        ...

    def lost(self) -> None:
        """The node died first."""
        ...


MakeCore = Callable[[str, int], Core]
"""(name of the node, which start of it this is) -> a new node."""


class Life:
    """One process of a node."""

    __slots__ = (
        "_core", "_inbox", "_links", "_notes", "_state", "_world", "askers", "disk", "machine", "name",
        "tickets",
    )  # fmt: skip

    def __init__(self, machine: "Machine", core: Core, links: dict[str, Outgoing]) -> None:
        self.machine = machine
        self.name = machine.name
        self.disk = machine.disk
        self.askers: dict[int, Asker] = {}
        self.tickets = 0
        self._core = core
        self._links = links
        self._world = machine.world
        self._notes = machine.world.trace.notes
        self._state = _RUNNING
        self._inbox: list[tuple[Callable[[Any], None], Any]] = []

    @property
    def alive(self) -> bool:
        """Running or paused."""
        return self._state != _DEAD

    def perform(self, action: Callable[[Any], None], argument: Any) -> None:
        """Let this process do something: now, on resume if it is paused, never if it is dead."""
        if self._state == _RUNNING:
            action(argument)
        elif self._state == _PAUSED:
            self._inbox.append((action, argument))

    def ask(self, request: ClientRequest | AdminRequest, asker: Asker) -> None:
        """A client or an administrator asks; exactly one method of the asker is called later, or none."""
        self.tickets += 1
        self.askers[self.tickets] = asker
        self.tell(Requested(self.tickets, request))

    def durable(self, token: int) -> None:
        """The disk says that the records up to this token are safe."""
        if self._state:
            self.perform(self.durable, token)
        else:
            self.disk.settle(token)
            self.tell(Durable(token))

    def pause(self) -> None:
        """Stop doing anything."""
        if self._state == _RUNNING:
            self._state = _PAUSED

    def resume(self) -> None:
        """Go on, beginning with everything that has happened meanwhile."""
        if self._state == _PAUSED:
            self._state = _RUNNING
            waiting, self._inbox = self._inbox, []
            for action, argument in waiting:
                action(argument)

    def die(self) -> None:
        """Whoever waits for an answer learns that the process is gone."""
        self._state = _DEAD
        self._inbox.clear()
        askers, self.askers = self.askers, {}
        for asker in askers.values():
            asker.lost()

    @property
    def state(self) -> NodeState:
        """As seen from outside."""
        return ("running", "paused", "dead")[self._state]

    # --- the innermost loop of the simulator ---------------------------------------------------------

    def tell(self, event: Event) -> None:
        """Something happens to the node: it handles the event, and its effects are carried out."""
        if self._state:
            self.perform(self.tell, event)
            return
        world = self._world
        now, notes = world.now, self._notes
        notes.append((now, self.name, event))
        if len(notes) >= NOTES_MAX:
            world.trace.absorb()
        for effect in self._core.handle(event, now):
            kind = type(effect)
            if kind is Send:
                self._links[effect.target].send(effect.message)  # type: ignore[attr-defined]
            elif kind is SetTimer:
                at = effect.at  # type: ignore[attr-defined]
                timer = TimerFired(effect.timer)  # type: ignore[attr-defined]
                heappush(world.heap, (at if at > now else now, next(world.numbers), self.tell, timer))
            elif kind is Persist:
                self.disk.persist(effect.token, effect.records)  # type: ignore[attr-defined]
            else:
                self._reply(effect)

    def _reply(self, effect: Effect) -> None:
        assert isinstance(effect, Reply), f"the simulator does not know the effect {type(effect).__name__}"
        asker = self.askers.pop(effect.ticket, None)
        assert asker is not None, "the node answered a ticket twice, or one that nobody gave it"
        asker.replied(effect.reply)


class Machine:
    """A name, a disk, and the process that runs there, if any."""

    __slots__ = ("_make_core", "disk", "life", "name", "starts", "world")

    def __init__(self, name: str, disk: Disk, world: World, make_core: MakeCore) -> None:
        self.name = name
        self.disk = disk
        self.world = world
        self.life: Life | None = None
        self.starts = 0
        self._make_core = make_core

    @property
    def state(self) -> NodeState:
        """Running, paused or dead."""
        return "dead" if self.life is None else self.life.state

    def start(self, links: dict[str, Outgoing]) -> Life:
        """Start a process on this machine's disk. The links are its own from now on."""
        assert self.life is None, "one process at a time"
        self.starts += 1
        self.life = Life(self, self._make_core(self.name, self.starts), links)
        image = self.disk.open(self.life.durable)
        self.life.tell(Boot(image))
        return self.life

    def kill(self) -> None:
        """Power loss: the process is gone, and what was not durable with it."""
        if self.life is not None:
            life, self.life = self.life, None
            self.disk.lose_power()
            life.die()
