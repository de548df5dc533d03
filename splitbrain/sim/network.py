"""The simulated network between nodes: one directed link for every ordered pair.

A link carries what one node sends to another, over one connection at a time, like `store/connections.py`:
first in, first out, reconnecting with a growing pause, and silent about what was sent while there was no
connection.  A link can be cut in three modes:

  refuse  the connection breaks at once, with all that was on its way, and new ones are refused
  drop    what arrives at the cut vanishes; nobody is told; on mend the connection breaks
  stall   what arrives at the cut is held; nobody is told; on mend it is delivered, in order

Rules of this file
  1. Never reordered, never duplicated, never corrupted: that is what TCP gives. Whole suffixes get lost.
  2. A connection is between two lives.  It breaks when either dies; over a link that is cut by drop or stall
     nobody hears of that until the mend, as in a network that really is gone.
  3. Bytes of an earlier life of the sender are discarded once its next life has connected: the receiver
     ignores a connection that a newer one has superseded.
  4. The sender is told once that a connection is gone (PeerLost), not at each attempt to reconnect.
"""

from collections.abc import Iterable, Mapping
from heapq import heappush

from nemesis.steps import Link, Mode
from splitbrain.sim.chooser import Chooser
from splitbrain.sim.machine import Life, Machine, Outgoing
from splitbrain.sim.world import MS, World
from store.effects import PeerLost, Received
from store.messages import Message

BACKOFF_MIN, BACKOFF_MAX = 20 * MS, 250 * MS
"""The pause before the next attempt to connect doubles from here to there (ns)."""
SETTLED = 500 * MS
"""A connection that lasted so long makes the pause short again."""

_DRAWS = 1 << 16
_SPIKES = 650
"""Of 65536 messages, so many take 3 to 40 ms; all others 0.2 to 3 ms."""
_ORDINARY = _DRAWS - _SPIKES
_BASE = MS // 5
_STEP = (3 * MS - _BASE) // _ORDINARY

_KILL_DRAWS = 1 << 10
_KILL_WINDOW = 4 * MS
"""Of what a killed node sent, that which would arrive later than up to 4 ms after the kill may be lost."""

_OPEN, _HELD, _DROPPING, _DYING, _BROKEN = range(5)


def latency_ns(draw: int) -> int:
    """How long a message is on its way (ns), from a draw below 65536; longer for larger draws."""
    if draw < _ORDINARY:
        return _BASE + draw * _STEP
    return 3 * MS + (draw - _ORDINARY) * 37 * MS // _SPIKES


class Connection:
    """One connection of a link, between two lives."""

    __slots__ = ("arrival", "held", "last_arrival", "link", "source", "state", "target")

    def __init__(self, link: "DirectedLink", source: Life, target: Life | None) -> None:
        self.link = link
        self.source = source
        self.target = target
        """None: the target was dead when the connection was tried, over a link that nobody answers on."""
        self.state = _OPEN
        self.arrival = 0
        """When the last message that was sent arrives; none arrives before an earlier one."""
        self.last_arrival = 0
        """A dying connection delivers nothing after this time."""
        self.held: list[Received] | None = None

    def deliver(self, event: Received) -> None:
        """A message has come to the end of the link."""
        if self.state:
            self._deliver_exceptionally(event)
        else:
            self.target.tell(event)  # type: ignore[union-attr]

    def _deliver_exceptionally(self, event: Received) -> None:
        if self.state == _HELD:
            assert self.held is not None
            self.held.append(event)
        elif self.state == _DYING and self.link.world.now <= self.last_arrival and self.target is not None:
            self.target.tell(event)
        else:
            self.link.lost += 1

    def flush(self, _: None = None) -> None:
        """The stall is over: deliver what was held, unless the link was cut again."""
        if self.state != _HELD or self.link.mode is not None:
            return
        assert self.held is not None
        assert self.target is not None
        held, self.held = self.held, None
        self.state = _OPEN
        for event in held:
            self.target.tell(event)

    def block(self) -> None:
        """The link is cut by drop or stall, or was when this connection was made."""
        if self.state in (_OPEN, _HELD):
            if self.link.mode == "stall":
                self.state, self.held = _HELD, self.held or []
            elif self.link.mode == "drop":
                self.link.lost += len(self.held or ())
                self.state, self.held = _DROPPING, None

    def close(self) -> None:
        """Whatever is still on its way is lost."""
        self.state = _BROKEN
        self.link.lost += len(self.held or ())
        self.held = None


class DirectedLink:
    """What `source` sends to `target`, at most one connection of it, and how it is cut."""

    __slots__ = (
        "_handshakes", "_latency", "_losses", "backoff", "connected_at", "connection", "lost", "mode", "name",
        "number", "occasions", "source", "target", "told", "world",
    )  # fmt: skip

    def __init__(self, source: str, target: str, world: World, chooser: Chooser) -> None:
        self.name = f"{source}->{target}"
        self.source = source
        self.target = target
        self.world = world
        self.mode: Mode | None = None
        self.connection: Connection | None = None
        self.connected_at = 0
        self.backoff = BACKOFF_MIN
        self.told = False
        """The sender knows that there is no connection."""
        self.number = 0
        """How many messages were handed to this link."""
        self.lost = 0
        """How many of them did not arrive."""
        self._latency = chooser.stream("latency", self.name)
        self._losses = chooser.stream("cut-off", self.name)
        self._handshakes = chooser.stream("handshake", self.name)
        self.occasions = 0

    def send(self, message: Message) -> None:
        """Put the message on its way; without a connection it is lost."""
        self.number = number = self.number + 1
        connection = self.connection
        if connection is None:
            self.lost += 1
            return
        world = self.world
        draw = self._latency.draw(number, _DRAWS)
        at = world.now + (_BASE + draw * _STEP if draw < _ORDINARY else latency_ns(draw))
        if at < connection.arrival:  # noqa: PLR1730 - this line runs for every message, and `max` is slow
            at = connection.arrival
        connection.arrival = at
        heappush(world.heap, (at, next(world.numbers), connection.deliver, Received(self.source, message)))

    def soon(self) -> int:
        """When (ns) a handshake, the news of a broken connection, or the flush after a stall is done."""
        self.occasions += 1
        return self.world.now + latency_ns(self._handshakes.draw(self.occasions, _DRAWS))

    def last_words(self, kill: int) -> int:
        """Until when (ns) messages of a sender that dies now still arrive; drawing 0 lets all arrive."""
        draw = self._losses.draw(kill, _KILL_DRAWS)
        if draw == 0:
            return 1 << 62
        return self.world.now + (_KILL_DRAWS - draw) * _KILL_WINDOW // _KILL_DRAWS


class Network:
    """All links of a cluster. `links[source][target]` is the link from source to target."""

    def __init__(self, world: World, chooser: Chooser, machines: Mapping[str, Machine]) -> None:
        self.world = world
        self.machines = machines
        self.links: dict[str, dict[str, DirectedLink]] = {
            a: {b: DirectedLink(a, b, world, chooser) for b in machines if b != a} for a in machines
        }

    # --- faults --------------------------------------------------------------------------------------

    def cut(self, links: Iterable[Link], mode: Mode) -> None:
        """Cut these links in this mode. A link that is cut in another mode already is mended first."""
        for source, target in links:
            link = self.links[source][target]
            if link.mode != mode:
                self._mend(link)
                link.mode = mode
                self._cut(link)

    def mend(self, links: Iterable[Link]) -> None:
        """Restore these links. Safe to repeat."""
        for source, target in links:
            self._mend(self.links[source][target])

    def mend_all(self) -> None:
        """Restore every link. Safe to repeat."""
        for outgoing in self.links.values():
            for link in outgoing.values():
                self._mend(link)

    # --- lives ---------------------------------------------------------------------------------------

    def outgoing(self, source: str) -> dict[str, Outgoing]:
        """The links that a node on this machine sends on."""
        return dict(self.links[source])

    def connect(self, life: Life) -> None:
        """A new process connects to all its peers, which supersedes what an earlier one left behind."""
        for link in self.links[life.name].values():
            if link.connection is not None:
                link.connection.close()
                link.connection = None
            link.backoff, link.told = BACKOFF_MIN, False
            self._attempt((link, life))

    def died(self, life: Life) -> None:
        """The connections of a process that was just killed: some last messages are lost, peers find out."""
        for link in self.links[life.name].values():
            connection = link.connection
            if connection is not None and connection.state == _OPEN:
                connection.state = _DYING
                connection.last_arrival = link.last_words(life.machine.starts)
        for outgoing in self.links.values():
            incoming = outgoing.get(life.name)
            if incoming is not None and incoming.mode is None:
                self._break(incoming)

    # --- inside --------------------------------------------------------------------------------------

    def _cut(self, link: DirectedLink) -> None:
        connection = link.connection
        if link.mode == "refuse":
            self._break(link)
        elif connection is not None:
            connection.block()

    def _mend(self, link: DirectedLink) -> None:
        was, link.mode = link.mode, None
        connection = link.connection
        if was is None or connection is None:
            return
        target = self.machines[link.target].life
        if connection.state == _HELD and target is not None and connection.target is target:
            self.world.push(link.soon(), connection.flush)
        elif connection.state in (_HELD, _DROPPING):
            self._break(link)

    def _break(self, link: DirectedLink) -> None:
        """The connection is gone with all that is on its way; its sender hears of it soon."""
        connection = link.connection
        if connection is None:
            return
        connection.close()
        link.connection = None
        if self.world.now - link.connected_at >= SETTLED:
            link.backoff = BACKOFF_MIN
        if connection.source.alive:
            self.world.push(link.soon(), self._noticed, (link, connection.source))

    def _noticed(self, what: tuple[DirectedLink, Life]) -> None:
        what[1].perform(self._lost, what)

    def _lost(self, what: tuple[DirectedLink, Life]) -> None:
        """The sender knows that there is no connection: it pauses a little and tries again."""
        link, life = what
        self.world.push(self.world.now + link.backoff, self._retry, what)
        link.backoff = min(link.backoff * 2, BACKOFF_MAX)
        if not link.told:
            link.told = True
            life.tell(PeerLost(link.target))

    def _retry(self, what: tuple[DirectedLink, Life]) -> None:
        what[1].perform(self._attempt, what)

    def _attempt(self, what: tuple[DirectedLink, Life]) -> None:
        """Connect. A cut that nobody answers through (drop, stall) looks like a connection to the sender."""
        link, life = what
        target = self.machines[link.target].life
        if link.mode == "refuse" or (link.mode is None and target is None):
            self.world.push(link.soon(), self._noticed, what)
            return
        link.connection = Connection(link, life, target)
        link.connection.arrival = link.soon()
        link.connected_at, link.told = self.world.now, False
        link.connection.block()
