"""Forgetting tombstones, only when it is safe.

A tombstone can go once no state with a version that it covers exists anywhere: as an object, as a hint,
on a disk, or on its way.  Forgotten earlier, such a version comes back by anti-entropy, handoff or a late
message (sy#15243, riak_kv #1869).  The first primary of a key drives: when the tombstone is old enough,
it asks EVERY node of the cluster, twice, with its exact clock.

A node answers *clean* when nothing of the key awaits its disk, no write to it is in progress here, no
hint for it is kept for anybody, and, at a primary, the object is a tombstone with exactly that clock.
The second answer is clean only if all of this has held without interruption since the first: the first
clean answer leaves a promise, and whatever touches object or hint withdraws it.  A restart forgets it.

Why that suffices
  1. Let every node have answered clean in round one, the last at time T.  Round two starts at S, at least
     one message lifetime and one request timeout (the margin for clock skew) after T; every node answers
     clean again.  Then every node was clean all the time between T and S.
  2. A clean node holds no covered version, so it sends none, except from a request that gathered its
     states before T.  Those carry the time the request began as their age, not the time of sending.
  3. A state older than the message lifetime is dropped on arrival.  So at S nothing that was formed
     before T can be accepted any more, and nothing formed after T contains a covered version.
  4. Clean means durably clean, so no crash brings one back.  From S on none exists, and none can come into
     being: dots are never used twice.  The tombstone has nothing left to cover, at any later time.

Forgetting need not be simultaneous, therefore.  A replica that missed the commit spreads the tombstone
again by anti-entropy; that costs another reaping, never a value.  A commit applies only to exactly the
clock that was asked about: a later write is another state.

Rules of this file
  1. A round that somebody does not answer, or not cleanly, is given up; the key rests for the grace period.
  2. The decision is the policy's (`may_reap`), asked before the first question as well as after each
     round.  The safe policy demands every node of the cluster, so only the answers can satisfy it.
"""

from __future__ import annotations

from store import versions
from store.config import MS
from store.messages import Key, NodeId, ReapAnswer, ReapAsk, ReapCommit
from store.replica import Replica
from store.turn import Deadlines, Pending, Turn
from store.versions import Clock
from store.writes import Writes

REAPINGS_MAX = 64
"""Tombstones that one node asks about at a time."""

PROMISES_MAX = 4096
"""Clean answers that a node remembers; withdrawing an older one costs the asker another attempt."""


class Round(Pending):
    """One question to all nodes. `first` is the request of round one while in round two, else 0."""

    __slots__ = ("answered", "clean", "clock", "first", "key", "request")

    def __init__(self, key: Key, clock: Clock, request: int, first: int) -> None:
        super().__init__()
        self.key = key
        self.clock = clock
        self.request = request
        self.first = first
        self.answered: list[NodeId] = []
        self.clean = 0


class Reaping:
    """The tombstones that this node is asking about. `_active` also holds the keys that rest."""

    __slots__ = (
        "_active", "_deadlines", "_gap_ns", "_grace_ns", "_period_ns", "_replica", "_rounds", "_turn",
        "_writes",
    )  # fmt: skip

    def __init__(self, turn: Turn, replica: Replica, writes: Writes) -> None:
        timing = turn.config.timing
        self._turn = turn
        self._replica = replica
        self._writes = writes
        self._grace_ns = timing.tombstone_grace_ms * MS
        self._gap_ns = (timing.message_lifetime_ms + timing.request_timeout_ms) * MS
        self._period_ns = max(1, timing.tombstone_grace_ms // 3) * MS
        self._deadlines = Deadlines(turn, timing.request_timeout_ms, self._end)
        self._active: dict[Key, None] = {}
        self._rounds: dict[int, Round] = {}

    def start(self) -> None:
        """Begin to look for old tombstones, at a random point of the period."""
        self._turn.set_timer(self._turn.now + self._turn.rng.randrange(self._period_ns), self._tick)

    # --- the node that drives -----------------------------------------------------------------------

    def _tick(self, _: None) -> None:
        turn = self._turn
        for key in list(self._replica.tombstones):
            state = self._replica.objects[key]
            if not turn.policies.may_ask_to_reap(state, turn.now, self._grace_ns):
                continue
            if turn.policies.may_reap(0, len(turn.config.nodes)):
                self._forget(key)
            elif self._drives(key) and len(self._active) < REAPINGS_MAX:
                self._active[key] = None
                self._ask(key, state.clock, 0)
        turn.set_timer(turn.now + self._period_ns, self._tick)

    def _drives(self, key: Key) -> bool:
        ring = self._turn.ring
        return key not in self._active and ring.primaries(ring.partition(key))[0] == self._turn.me

    def _ask(self, key: Key, clock: Clock, first: int) -> None:
        turn = self._turn
        asked = Round(key, clock, turn.next_request(), first)
        self._rounds[asked.request] = asked
        self._deadlines.add(asked)
        turn.counters["reap_rounds"] += 1
        question = ReapAsk(asked.request, key, clock, first)
        for peer in turn.peers:
            turn.send(peer, question)
        self._hear(asked, turn.me, self._clean(question))

    def answered(self, source: NodeId, message: ReapAnswer) -> None:
        """A node's answer. Those to rounds that have ended are ignored."""
        asked = self._rounds.get(message.request)
        if asked is not None and source not in asked.answered:
            self._hear(asked, source, message.clean)

    def _hear(self, asked: Round, node: NodeId, clean: bool) -> None:
        asked.answered.append(node)
        asked.clean += clean
        if len(asked.answered) == len(self._turn.config.nodes):
            self._end(asked)

    def _end(self, asked: Round) -> None:
        """All have answered, or the time is up."""
        turn = self._turn
        asked.done = True
        del self._rounds[asked.request]
        if not turn.policies.may_reap(asked.clean, len(turn.config.nodes)):
            turn.set_timer(turn.now + self._grace_ns, self._rest_over, asked.key)
        elif not asked.first:
            turn.set_timer(turn.now + self._gap_ns, self._ask_again, asked)
        else:
            del self._active[asked.key]
            self._commit(asked)

    def _rest_over(self, key: Key) -> None:
        self._active.pop(key, None)

    def _ask_again(self, first: Round) -> None:
        if self._holds(first.key, first.clock):
            self._ask(first.key, first.clock, first.request)
        else:
            self._active.pop(first.key, None)

    def _commit(self, asked: Round) -> None:
        turn = self._turn
        commit = ReapCommit(asked.key, asked.clock)
        for node in turn.ring.primaries(turn.ring.partition(asked.key)):
            if node != turn.me:
                turn.send(node, commit)
        if self._holds(asked.key, asked.clock):
            self._forget(asked.key)

    # --- the nodes that are asked -------------------------------------------------------------------

    def ask(self, source: NodeId, message: ReapAsk) -> None:
        """Is this node clean of everything that the tombstone covers?"""
        self._turn.send(source, ReapAnswer(message.request, self._clean(message)))

    def commit(self, source: NodeId, message: ReapCommit) -> None:
        """Every node was clean, twice: forget the tombstone, if it is still the one that was asked about."""
        if self._holds(message.key, message.clock):
            self._forget(message.key)

    def _clean(self, question: ReapAsk) -> bool:
        key, replica = question.key, self._replica
        if (
            replica.pending.get(key, 0) > self._turn.durable
            or replica.hinted(key)
            or self._writes.touches(key)
        ):
            return False
        if replica.owned[self._turn.ring.partition(key)]:
            if not self._holds(key, question.clock):
                return False
        elif key in replica.objects:
            return False
        if question.first:
            return replica.promises.get(key) == question.first
        self._promise(key, question.request)
        return True

    def _promise(self, key: Key, request: int) -> None:
        promises = self._replica.promises
        promises.pop(key, None)
        if len(promises) >= PROMISES_MAX:
            del promises[next(iter(promises))]
        promises[key] = request

    def _holds(self, key: Key, clock: Clock) -> bool:
        state = self._replica.objects.get(key)
        return state is not None and state.clock == clock and versions.is_tombstone(state)

    def _forget(self, key: Key) -> None:
        self._turn.counters["reaped"] += 1
        self._replica.drop_object(key)
