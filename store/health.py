"""Whom this node believes reachable: purely local failure detection (Dynamo, section 4.8).

Every node pings every other.  A peer is healthy in the eyes of this node alone, and only for as long as
it has recently answered: that A cannot reach C says nothing about B and C.

Rules of this file
  1. The nonce of a ping is the time it was sent.  A pong proves that the peer was there *after* that
     time, so an answer that a stalled link delivers ten seconds late does not revive anybody.
  2. A broken connection makes the peer unhealthy at once, until the next pong.
  3. After a start everybody is given the benefit of the doubt for one suspicion period.
"""

from __future__ import annotations

from store.config import MS
from store.messages import NodeId, Ping, Pong
from store.turn import Turn

_ALWAYS = 1 << 62


class Health:
    """Until when each node counts as healthy (ns). This node itself always does."""

    __slots__ = ("_all_until", "_period_ns", "_suspect_ns", "_turn", "_until")

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self._period_ns = turn.config.timing.ping_ms * MS
        self._suspect_ns = turn.config.timing.suspect_ms * MS
        self._until: dict[NodeId, int] = dict.fromkeys(turn.config.nodes, 0)
        self._until[turn.me] = _ALWAYS
        self._all_until = 0

    def start(self) -> None:
        """Trust everybody for one suspicion period, and begin to ping."""
        for peer in self._turn.peers:
            self._until[peer] = self._turn.now + self._suspect_ns
        self._all_until = min(self._until.values())
        self._turn.set_timer(self._turn.now + self._turn.rng.randrange(self._period_ns), self._tick)

    def healthy(self, node: NodeId) -> bool:
        """Has the node answered lately?"""
        return self._until[node] >= self._turn.now

    def seen(self) -> dict[NodeId, bool]:
        """Each peer, and whether it is healthy."""
        return {peer: self.healthy(peer) for peer in self._turn.peers}

    def active(self, partition: int) -> tuple[NodeId, ...]:
        """The first N healthy nodes of the partition's preference list (section 4.6); may be fewer."""
        turn = self._turn
        if self._all_until >= turn.now:
            return turn.ring.primaries(partition)
        until, now = self._until, turn.now
        healthy = [node for node in turn.ring.preference(partition) if until[node] >= now]
        return tuple(healthy[: turn.config.n])

    def next_fallback(self, partition: int, tried: list[NodeId]) -> NodeId | None:
        """The next healthy node of the preference list that is not among the tried ones."""
        for node in self._turn.ring.preference(partition):
            if node not in tried and self._until[node] >= self._turn.now:
                return node
        return None

    def pinged(self, source: NodeId, message: Ping) -> None:
        """Answer: this node is there."""
        self._turn.send(source, Pong(message.nonce))

    def ponged(self, source: NodeId, message: Pong) -> None:
        """The peer was there after the ping was sent. A nonce from the future is nobody's ping: ignored."""
        until = message.nonce + self._suspect_ns
        if self._until[source] < until <= self._turn.now + self._suspect_ns:
            self._until[source] = until
            self._all_until = min(self._until.values())

    def lost(self, peer: NodeId) -> None:
        """The connection to the peer broke."""
        if peer in self._turn.peers:
            self._until[peer] = 0
            self._all_until = 0

    def _tick(self, _: None) -> None:
        turn = self._turn
        ping = Ping(turn.now)
        for peer in turn.peers:
            turn.send(peer, ping)
        turn.set_timer(turn.now + self._period_ns, self._tick)
