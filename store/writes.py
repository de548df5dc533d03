"""Put and delete: one small state machine per write (Dynamo, sections 4.5, 4.6 and 5).

    asked -> refused | forwarded -> answered
    asked -> coordinated: persisted and sent -> W acknowledged: replied -> all acknowledged, or given up

A node among the first N healthy of the key's preference list coordinates; any other passes the write on
once, to the first of them.  The coordinator forms the new state on its own view, stores it, and sends
it to the other N-1.  A node that is not a primary keeps its copy as a hint for the primary it stands in for.

Rules of this file
  1. A forwarded write is never sent again, whatever happens to the answer: a retry would be a second
     write with a second dot (riak_kv #1754).  Nor does the receiver pass it on.
  2. Refusals are definite: they happen before the first record is persisted or the first message sent.
     A timeout is not.
  3. Acknowledgements count by node: a replica and its stand-in are two, one replica heard twice is one.
  4. The age of a state counts from the moment it was formed, also when it is sent to a stand-in later.
     Tombstone reaping relies on that.
"""

from __future__ import annotations

from store import versions
from store.health import Health
from store.messages import Delete, Forward, Forwarded, Key, NodeId, Put, Refused, Store, Stored
from store.replica import Replica
from store.turn import Deadlines, Pending, Turn
from store.versions import Clock, Versions

_STORED = Stored()


class Write(Pending):
    """A write that this node coordinates. `unacked` and `late`: node -> the primary it stands for."""

    __slots__ = (
        "acked", "forwarder", "key", "late", "partition", "replied", "request", "started", "state",
        "ticket", "tried", "unacked", "w",
    )  # fmt: skip

    def __init__(self, key: Key, partition: int, w: int) -> None:
        super().__init__()
        self.key = key
        self.partition = partition
        self.w = w
        self.ticket = 0
        self.forwarder: NodeId | None = None
        self.request = 0
        self.started = 0
        self.state: Versions | None = None
        self.acked: list[NodeId] = []
        self.unacked: dict[NodeId, NodeId] = {}
        self.late: dict[NodeId, NodeId] = {}
        self.tried: list[NodeId] = []
        self.replied = False


class Passed(Pending):
    """A write that another node coordinates for a client of this one."""

    __slots__ = ("request", "target", "ticket")

    def __init__(self, ticket: int, target: NodeId, request: int) -> None:
        super().__init__()
        self.ticket = ticket
        self.target = target
        self.request = request


class Writes:
    """All writes in progress at this node."""

    __slots__ = (
        "_accepted", "_counts_as_ack", "_health", "_overdue", "_replica", "_stragglers", "_turn",
        "_unanswered", "forwards", "requests",
    )  # fmt: skip

    def __init__(self, turn: Turn, replica: Replica, health: Health) -> None:
        timing = turn.config.timing
        self._turn = turn
        self._replica = replica
        self._health = health
        self._counts_as_ack = turn.policies.counts_as_ack
        self._stragglers = Deadlines(turn, timing.replica_timeout_ms, self._replace_stragglers)
        self._overdue = Deadlines(turn, timing.request_timeout_ms, self._give_up)
        self._unanswered = Deadlines(turn, timing.request_timeout_ms, self._give_up_forward)
        self._accepted: dict[NodeId, int] = {}
        self.requests: dict[int, Write] = {}
        self.forwards: dict[int, Passed] = {}

    def touches(self, key: Key) -> bool:
        """Is a write to this key in progress here?"""
        return any(write.key == key for write in self.requests.values())

    # --- asked -----------------------------------------------------------------------------------

    def ask(self, ticket: int, body: Put | Delete) -> None:
        """A client's write."""
        self._turn.counters["puts" if isinstance(body, Put) else "deletes"] += 1
        self._begin(ticket, body, None)

    def forwarded(self, source: NodeId, message: Forward) -> None:
        """A write that another node's client asked for: coordinated here, whatever this node thinks.

        Requests of one start of a peer count upwards on a link that keeps the order, so one that is not
        newer than the last has been seen before; executing it again would be a second write.
        """
        if not self._is_new(source, message.request):
            return
        if len(self.requests) >= self._turn.config.requests_max:
            return self._refuse(message.request, source, "overloaded")
        self._begin(message.request, message.body, source)

    def refuse_early(self, source: NodeId, message: Forward) -> None:
        """This node is not ready. Better than silence: the client learns that nothing was written."""
        if self._is_new(source, message.request):
            self._refuse(message.request, source, "not-ready")

    def _is_new(self, source: NodeId, request: int) -> bool:
        last = self._accepted.get(source, 0)
        if request >> 30 == last >> 30 and request <= last:
            return False
        self._accepted[source] = request
        return True

    def _begin(self, ticket: int, body: Put | Delete, forwarder: NodeId | None) -> None:
        turn = self._turn
        w = turn.config.w if body.w is None else body.w
        if not 1 <= w <= turn.config.n:
            return self._refuse(ticket, forwarder, "bad-quorum")
        if isinstance(body, Put) and len(body.value) > turn.config.value_bytes_max:
            return self._refuse(ticket, forwarder, "too-large")
        try:
            context = versions.decode_context(body.context)
        except versions.ContextError:
            return self._refuse(ticket, forwarder, "bad-context")
        write = Write(body.key, turn.ring.partition(body.key), w)
        active = self._health.active(write.partition)
        if len(active) < w:
            return self._refuse(ticket, forwarder, "unavailable")
        write.ticket, write.forwarder = ticket, forwarder
        if turn.me in active:
            self._coordinate(write, body, context, active)
        elif forwarder is None:
            self._forward(ticket, body, active[0])
        else:
            # The forwarder saw failures that this node does not see: it takes the last place itself.
            self._coordinate(write, body, context, (*active[:-1], turn.me))

    def _refuse(self, ticket: int, forwarder: NodeId | None, code: str) -> None:
        if forwarder is None:
            self._turn.refuse(ticket, code)
        else:
            self._turn.send(forwarder, Forwarded(ticket, self._turn.refusals[code]))

    # --- forwarded -------------------------------------------------------------------------------

    def _forward(self, ticket: int, body: Put | Delete, target: NodeId) -> None:
        passed = Passed(ticket, target, self._turn.next_request())
        self.forwards[passed.request] = passed
        self._unanswered.add(passed)
        self._turn.counters["forwards"] += 1
        self._turn.send(target, Forward(passed.request, body))

    def answered(self, source: NodeId, message: Forwarded) -> None:
        """The coordinator's answer, for the client who asked here."""
        passed = self.forwards.get(message.request)
        if passed is None or passed.target != source:
            return
        del self.forwards[message.request]
        passed.done = True
        if isinstance(message.reply, Refused):
            self._turn.count_refusal(message.reply.code)
        self._turn.reply(passed.ticket, message.reply)

    def _give_up_forward(self, passed: Passed) -> None:
        del self.forwards[passed.request]
        passed.done = True
        self._turn.refuse(passed.ticket, "timeout")

    # --- coordinated -----------------------------------------------------------------------------

    def _coordinate(
        self, write: Write, body: Put | Delete, context: Clock, active: tuple[NodeId, ...]
    ) -> None:
        turn = self._turn
        value, deleted = (body.value, False) if isinstance(body, Put) else (b"", True)
        write.state = self._replica.write(write.key, context, value, deleted)
        write.request = turn.next_request()
        write.started = turn.now
        write.tried = list(active)
        write.unacked = self._roles(write.partition, active)
        self.requests[write.request] = write
        self._stragglers.add(write)
        self._overdue.add(write)
        turn.counters["coordinated"] += 1
        self._keep_own(write)
        self._send_to_others(write)
        if self._counts_as_ack("sent"):
            for node in active:
                self._count(write, node)

    def _roles(self, partition: int, active: tuple[NodeId, ...]) -> dict[NodeId, NodeId]:
        """Each active node -> the primary it stands for: itself, or one that is missing."""
        primaries = self._turn.ring.primaries(partition)
        if active == primaries:
            return dict(zip(active, active, strict=True))
        missing = (node for node in primaries if node not in active)
        return {node: node if node in primaries else next(missing) for node in active}

    def _keep_own(self, write: Write) -> None:
        assert write.state is not None
        me = self._turn.me
        role = write.unacked[me]
        if role == me:
            token = self._replica.put_object(write.key, write.state)
        else:
            token = self._replica.put_hint(role, write.key, write.state)
            self._turn.counters["hints_stored"] += 1
        self._turn.when_durable(token, self._own_durable, write)

    def _send_to_others(self, write: Write) -> None:
        assert write.state is not None
        turn, me = self._turn, self._turn.me
        plain = Store(write.request, write.key, write.state, write.started, "put")
        for node, role in write.unacked.items():
            if node == role and node != me:
                turn.send(node, plain)
            elif node != me:
                turn.send(
                    node, Store(write.request, write.key, write.state, write.started, "put", hint_for=role)
                )

    def _own_durable(self, write: Write) -> None:
        self._acknowledge(write, self._turn.me)

    def acked(self, source: NodeId, request: int) -> bool:
        """A replica holds the write durably. False: the request is none of this machine's."""
        write = self.requests.get(request)
        if write is None:
            return False
        self._acknowledge(write, source)
        return True

    def _acknowledge(self, write: Write, node: NodeId) -> None:
        if write.done:
            return
        primary = write.unacked.pop(node, None)
        if primary is None:
            primary = write.late.pop(node, None)
            if primary is None:
                return
            # A straggler answers after all: whoever stands in for it need not be waited for.
            write.unacked = {n: p for n, p in write.unacked.items() if p != primary}
        if self._counts_as_ack("durable"):
            self._count(write, node)
        if not write.unacked and write.replied:
            self._close(write)

    def _count(self, write: Write, node: NodeId) -> None:
        if node not in write.acked:
            write.acked.append(node)
        if len(write.acked) >= write.w and not write.replied:
            write.replied = True
            if write.forwarder is None:
                self._turn.reply(write.ticket, _STORED)
            else:
                self._turn.send(write.forwarder, Forwarded(write.ticket, _STORED))

    def _replace_stragglers(self, write: Write) -> None:
        """Every replica that has not acknowledged by now gets one stand-in, with a hint."""
        assert write.state is not None
        replaced = False
        for node, primary in list(write.unacked.items()):
            if node == self._turn.me:
                continue
            fallback = self._health.next_fallback(write.partition, write.tried)
            if fallback is None:
                break
            del write.unacked[node]
            write.late[node] = primary
            write.unacked[fallback] = primary
            write.tried.append(fallback)
            replaced = True
            self._turn.counters["stand_ins"] += 1
            self._turn.send(
                fallback,
                Store(write.request, write.key, write.state, write.started, "put", hint_for=primary),
            )
        if replaced:
            self._stragglers.add(write)

    def _give_up(self, write: Write) -> None:
        if not write.replied:
            self._refuse(write.ticket, write.forwarder, "timeout")
        self._close(write)

    def _close(self, write: Write) -> None:
        write.done = True
        del self.requests[write.request]
