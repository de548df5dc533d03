"""Get: one small state machine per read, with read repair (Dynamo, sections 4.5 and 5).

    asked -> refused
    asked -> R answers -> replied -> all answered, or waited long enough -> repaired

Any node coordinates: it asks the first N healthy nodes of the preference list (itself without a message),
and answers with the merge of the first R.  After the reply it waits a little for the rest, and brings every
primary that answered with less than the merge up to date.

Rules of this file
  1. "Nothing" is an answer like any other, and a primary that gave it is repaired too, tombstones included.
  2. Only primaries are repaired: what a fallback holds goes to its primary by handoff.
  3. A repair carries the time the read began as its age: what was gathered then may be outdated by now, and
     tombstone reaping must be able to tell how old it can be.
"""

from __future__ import annotations

from store import versions
from store.health import Health
from store.messages import Fetch, Fetched, Found, Get, Key, NodeId, Store
from store.replica import Replica
from store.turn import Deadlines, Pending, Turn
from store.versions import Versions

_NOTHING = Found((), b"")


class Read(Pending):
    """A read that this node coordinates. `waiting`: asked, not replaced, and not heard from yet."""

    __slots__ = (
        "answers", "key", "merged", "partition", "r", "replied", "request", "started", "ticket", "tried",
        "waiting",
    )  # fmt: skip

    def __init__(self, ticket: int, key: Key, partition: int, r: int) -> None:
        super().__init__()
        self.ticket = ticket
        self.key = key
        self.partition = partition
        self.r = r
        self.request = 0
        self.started = 0
        self.tried: list[NodeId] = []
        self.waiting: list[NodeId] = []
        self.answers: dict[NodeId, Versions | None] = {}
        self.merged: Versions | None = None
        self.replied = False


class Reads:
    """All reads in progress at this node."""

    __slots__ = (
        "_health", "_merge", "_overdue", "_repairs", "_replica", "_stragglers", "_turn", "requests",
    )  # fmt: skip

    def __init__(self, turn: Turn, replica: Replica, health: Health) -> None:
        timing = turn.config.timing
        self._turn = turn
        self._replica = replica
        self._health = health
        self._merge = turn.policies.merge
        self._stragglers = Deadlines(turn, timing.replica_timeout_ms, self._replace_stragglers)
        self._overdue = Deadlines(turn, timing.request_timeout_ms, self._give_up)
        self._repairs = Deadlines(turn, timing.repair_wait_ms, self._finish)
        self.requests: dict[int, Read] = {}

    def ask(self, ticket: int, body: Get) -> None:
        """A client's read."""
        turn = self._turn
        turn.counters["gets"] += 1
        r = turn.config.r if body.r is None else body.r
        if not 1 <= r <= turn.config.n:
            return turn.refuse(ticket, "bad-quorum")
        partition = turn.ring.partition(body.key)
        active = self._health.active(partition)
        if len(active) < r:
            return turn.refuse(ticket, "unavailable")
        self._start(Read(ticket, body.key, partition, r), active)

    def _start(self, read: Read, active: tuple[NodeId, ...]) -> None:
        turn, me = self._turn, self._turn.me
        read.request = turn.next_request()
        read.started = turn.now
        read.tried = list(active)
        read.waiting = list(active)
        self.requests[read.request] = read
        self._stragglers.add(read)
        self._overdue.add(read)
        fetch = Fetch(read.request, read.key)
        for node in active:
            if node != me:
                turn.send(node, fetch)
        if me in active:
            self._answer(read, me, self._replica.view(read.key))

    def fetch(self, source: NodeId, message: Fetch) -> None:
        """A peer coordinates a read: tell it what this node holds."""
        self._turn.send(source, Fetched(message.request, self._replica.view(message.key)))

    def fetched(self, source: NodeId, message: Fetched) -> None:
        """A replica's answer. Late, repeated and unasked ones are ignored."""
        read = self.requests.get(message.request)
        if read is not None and source in read.tried and source not in read.answers:
            self._answer(read, source, message.state)

    def _answer(self, read: Read, node: NodeId, state: Versions | None) -> None:
        read.answers[node] = state
        if node in read.waiting:
            read.waiting.remove(node)
        if state is not None and state is not read.merged:
            read.merged = state if read.merged is None else self._merge(read.merged, state)
        if read.replied:
            if not read.waiting:
                self._finish(read)
        elif len(read.answers) >= read.r:
            self._reply(read)

    def _reply(self, read: Read) -> None:
        read.replied = True
        merged = read.merged
        if merged is None:
            self._turn.reply(read.ticket, _NOTHING)
        else:
            context = versions.encode_context(merged.clock)
            self._turn.reply(read.ticket, Found(versions.live(merged), context))
        if read.waiting:
            self._repairs.add(read)
        else:
            self._finish(read)

    def _replace_stragglers(self, read: Read) -> None:
        """Ask the next fallback in place of every replica that has not answered by now."""
        for node in list(read.waiting):
            if read.replied:
                return
            fallback = self._health.next_fallback(read.partition, read.tried)
            if fallback is None:
                return
            read.waiting.remove(node)
            read.tried.append(fallback)
            read.waiting.append(fallback)
            self._turn.counters["stand_ins"] += 1
            if fallback == self._turn.me:
                self._answer(read, fallback, self._replica.view(read.key))
            else:
                self._turn.send(fallback, Fetch(read.request, read.key))
        if not read.done:
            self._stragglers.add(read)

    def _give_up(self, read: Read) -> None:
        if not read.replied:
            self._turn.refuse(read.ticket, "timeout")
            read.done = True
            del self.requests[read.request]

    def _finish(self, read: Read) -> None:
        """Read repair: every primary that answered with something else gets the merge."""
        read.done = True
        del self.requests[read.request]
        merged, turn = read.merged, self._turn
        if merged is None:
            return
        for node in turn.ring.primaries(read.partition):
            if node not in read.answers:
                continue
            state = read.answers[node]
            if state is merged or state == merged:
                continue
            if node != turn.me:
                turn.counters["repairs_sent"] += 1
                turn.send(node, Store(0, read.key, merged, read.started, "repair"))
            elif turn.now - read.started <= self._replica.lifetime_ns:
                self._replica.merge_object(read.key, merged, "repair")
