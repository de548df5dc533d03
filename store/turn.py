"""What the parts of a node share: its settings, and the effects of the event it is handling.

A node handles one event at a time.  While it does, its parts (reads, writes, handoff and so on) ask
the turn for what they want done, and `finish` puts that into the one order that drivers rely on:
the records to persist, then messages and timers, then replies.

Rules of this file
  1. All records of one event travel in one Persist; its token is known as soon as the first is added.
  2. Nothing that promises durability happens here and now: it waits for Durable, through `when_durable`.
  3. Timers cannot be cancelled. `Deadlines` therefore keeps one timer for a whole queue of requests that
     expire after the same time, instead of one timer per request: most requests are long done by then.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from store.config import MS, NodeConfig
from store.effects import Effect, Persist, Record, Reply, Send, SetTimer
from store.errors import CODES
from store.messages import AdminReply, ClientReply, Message, NodeId, Refused
from store.policies import Policies
from store.ring import Ring

if TYPE_CHECKING:
    from random import Random

COUNTERS = (
    "gets", "puts", "deletes", "forwards", "coordinated", "stand_ins", "repairs", "repairs_sent",
    "hints_stored", "hints_sent", "hints_delivered", "exchanges", "exchanges_unequal", "reap_rounds",
    "reaped", "stale_dropped", "misdirected", *(f"refused_{code.replace('-', '_')}" for code in CODES),
)  # fmt: skip
"""Everything that a node counts. Counters only ever grow; `repairs` counts states that changed it."""


class Turn:
    """Settings, counters, identifiers and the effects of the current event. One per node."""

    __slots__ = (
        "config", "counters", "durable", "me", "now", "peers", "policies", "records", "refusals",
        "replies", "request", "ring", "rng", "sends", "timer", "timers", "token", "waiting",
    )  # fmt: skip

    def __init__(self, config: NodeConfig, rng: Random, policies: Policies) -> None:
        """ValueError: the configuration contradicts itself; the sentence names the fix."""
        _check(config)
        self.config = config
        self.rng = rng
        self.policies = policies
        self.ring = Ring(config.nodes, config.partitions, config.n)
        self.me: NodeId = config.node
        self.peers: tuple[NodeId, ...] = tuple(node for node in config.nodes if node != config.node)
        self.counters: dict[str, int] = dict.fromkeys(COUNTERS, 0)
        self.refusals = {code: Refused(code, *CODES[code]) for code in CODES}
        self.now = 0
        self.records: list[Record] = []
        self.sends: list[Effect] = []
        self.replies: list[Effect] = []
        self.token = 0
        self.durable = 0
        self.waiting: dict[int, list[tuple[Callable[[Any], None], Any]]] = {}
        self.timer = 0
        self.timers: dict[int, tuple[Callable[[Any], None], Any]] = {}
        self.request = 0

    def open_epoch(self, epoch: int) -> None:
        """Start numbering requests where no earlier start of this node has.

        A late answer to a request of an earlier life must not count for one of this life.  The starts
        from one disk differ in the low bits of the epoch, starts with an empty disk in the random part.
        """
        self.request = (epoch & 0xFFFF) << 46 | self.rng.getrandbits(16) << 30

    def next_request(self) -> int:
        """A number that no other request of this node has, now or in earlier lives."""
        self.request += 1
        return self.request

    # --- effects ---------------------------------------------------------------------------------

    def persist(self, record: Record) -> int:
        """Append a record to this event's Persist; returns the token that covers it."""
        if not self.records:
            self.token += 1
        self.records.append(record)
        return self.token

    def send(self, target: NodeId, message: Message) -> None:
        """Send a message to a peer."""
        self.sends.append(Send(target, message))

    def reply(self, ticket: int, reply: ClientReply | AdminReply) -> None:
        """Answer the client or administrator with this ticket."""
        self.replies.append(Reply(ticket, reply))

    def refuse(self, ticket: int, code: str) -> None:
        """Answer the client with the refusal of this code, and count it."""
        self.count_refusal(code)
        self.replies.append(Reply(ticket, self.refusals[code]))

    def count_refusal(self, code: str) -> None:
        """Count a refusal; codes that this version does not know are not counted."""
        name = "refused_" + code.replace("-", "_")
        if name in self.counters:
            self.counters[name] += 1

    def set_timer(self, at: int, action: Callable[[Any], None], argument: Any = None) -> None:
        """Call `action(argument)` when the time (ns) has come."""
        self.timer += 1
        self.timers[self.timer] = (action, argument)
        self.sends.append(SetTimer(self.timer, at))

    def fired(self, timer: int) -> None:
        """A timer's time has come. Timers of an earlier life, or fired already, are ignored."""
        entry = self.timers.pop(timer, None)
        if entry is not None:
            entry[0](entry[1])

    def when_durable(self, token: int, action: Callable[[Any], None], argument: Any) -> None:
        """Call `action(argument)` when the Persist with this token is safe. It must not be safe yet."""
        assert self.durable < token <= self.token
        self.waiting.setdefault(token, []).append((action, argument))

    def settled(self, token: int) -> None:
        """Everything up to this token is safe: do what waited for it, in the order it was asked for."""
        assert token <= self.token, "the driver reports a token that was never given"
        while self.durable < token:
            self.durable += 1
            for action, argument in self.waiting.pop(self.durable, ()):
                action(argument)

    def finish(self) -> list[Effect]:
        """The effects of this event, in the order in which they must be carried out."""
        effects = self.sends
        self.sends = []
        if self.records:
            effects.insert(0, Persist(self.token, tuple(self.records)))
            self.records = []
        if self.replies:
            effects += self.replies
            self.replies = []
        return effects


class Pending:
    """Base of everything that waits in a `Deadlines` queue; set `done` when it needs no expiry any more."""

    __slots__ = ("done",)

    def __init__(self) -> None:
        self.done = False


class Deadlines:
    """Calls `expire(item)` for each item that is not done a fixed time after it was added.

    Items expire in the order in which they were added, so a queue and one timer (for its first item
    that is not done) serve them all, each exactly on time.
    """

    __slots__ = ("_armed", "_delay_ns", "_expire", "_queue", "_turn")

    def __init__(self, turn: Turn, delay_ms: int, expire: Callable[[Any], None]) -> None:
        self._turn = turn
        self._delay_ns = delay_ms * MS
        self._expire = expire
        self._queue: deque[tuple[int, Pending]] = deque()
        self._armed = False

    def add(self, item: Pending) -> None:
        """Start the item's time."""
        at = self._turn.now + self._delay_ns
        self._queue.append((at, item))
        if not self._armed:
            self._armed = True
            self._turn.set_timer(at, self._fire)

    def _fire(self, _: None) -> None:
        queue = self._queue
        while queue:
            at, item = queue[0]
            if not item.done and at > self._turn.now:
                break
            queue.popleft()
            if not item.done:
                self._expire(item)
        if queue:
            self._turn.set_timer(queue[0][0], self._fire)
        else:
            self._armed = False


def _check(config: NodeConfig) -> None:
    if config.node not in config.nodes:
        known = ", ".join(config.nodes)
        raise ValueError(f"node {config.node!r} is not in the cluster ({known}); name one of these")
    for name, quorum in (("r", config.r), ("w", config.w)):
        if not 1 <= quorum <= config.n:
            raise ValueError(f"{name}={quorum} cannot be satisfied by n={config.n} replicas; choose 1 to n")
    timing = config.timing
    if timing.message_lifetime_ms <= timing.request_timeout_ms:
        raise ValueError("message_lifetime_ms must exceed request_timeout_ms; raise it")
