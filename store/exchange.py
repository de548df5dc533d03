"""Anti-entropy: compare hash trees with one peer after the other, and send what differs (section 4.7).

    A                                   B
    TreeRoots: roots of shared trees ->      equal roots: silence, and that was all
                <- TreeLeaves: of the trees that differ
    LeafKeys: of the leaves that differ ->
                <- Store: keys that B holds and A lacks or holds otherwise
                <- LeafWants: keys that A holds and B lacks or holds otherwise
    Store ->

Each message names only what the one before showed to differ, so the cost follows the difference.
States are merged on both sides; which of two is newer need not be known, and both may be right.

Rules of this file
  1. Nothing is remembered between messages. Each can be lost, repeated or late, and the next exchange
     starts from what is there then.
  2. One exchange moves a bounded number of keys; the rest is found again by the next.
"""

from __future__ import annotations

from store.config import MS
from store.health import Health
from store.messages import Key, LeafKeys, LeafWants, NodeId, Store, TreeLeaves, TreeRoots
from store.replica import Replica
from store.turn import Turn

KEYS_MAX = 512
"""Keys compared in one exchange."""


class Exchange:
    """Takes the peers in turn. Otherwise without state."""

    __slots__ = ("_health", "_period_ns", "_replica", "_rotation", "_turn")

    def __init__(self, turn: Turn, replica: Replica, health: Health) -> None:
        self._turn = turn
        self._replica = replica
        self._health = health
        self._period_ns = turn.config.timing.exchange_ms * MS
        self._rotation = [peer for peer in turn.peers if turn.ring.shared(turn.me, peer)]

    def start(self) -> None:
        """Begin with a random peer, at a random point of the period."""
        turn = self._turn
        if self._rotation:
            first = turn.rng.randrange(len(self._rotation))
            self._rotation = self._rotation[first:] + self._rotation[:first]
        turn.set_timer(turn.now + turn.rng.randrange(self._period_ns), self._tick)

    def _tick(self, _: None) -> None:
        turn = self._turn
        for peer in list(self._rotation):
            self._rotation.append(self._rotation.pop(0))
            if self._health.healthy(peer):
                turn.counters["exchanges"] += 1
                turn.send(peer, TreeRoots(self._roots(peer)))
                break
        turn.set_timer(turn.now + self._period_ns, self._tick)

    def _roots(self, peer: NodeId) -> dict[int, bytes]:
        trees = self._replica.trees()
        roots = (
            (partition, trees[partition].root) for partition in self._turn.ring.shared(self._turn.me, peer)
        )
        return {partition: root for partition, root in roots if root}

    def roots(self, source: NodeId, message: TreeRoots) -> None:
        """Answer with the leaves of every shared tree whose root is another. Empty trees are not named."""
        trees = self._replica.trees()
        leaves = {
            partition: trees[partition].leaves()
            for partition in self._turn.ring.shared(self._turn.me, source)
            if trees[partition].root != message.roots.get(partition, b"")
        }
        if leaves:
            self._turn.counters["exchanges_unequal"] += 1
            self._turn.send(source, TreeLeaves(leaves))

    def leaves(self, source: NodeId, message: TreeLeaves) -> None:
        """Answer with the keys of every leaf that differs, up to the limit."""
        trees = self._replica.trees()
        keys: dict[int, dict[int, dict[Key, bytes]]] = {}
        count = 0
        for partition, theirs in message.leaves.items():
            if partition not in trees:
                continue
            mine = trees[partition].leaves()
            for leaf in sorted({**mine, **theirs}):
                if mine.get(leaf) != theirs.get(leaf) and count < KEYS_MAX:
                    held = trees[partition].keys(leaf)
                    keys.setdefault(partition, {})[leaf] = dict(held)
                    count += max(1, len(held))
        if keys:
            self._turn.send(source, LeafKeys(keys))

    def keys(self, source: NodeId, message: LeafKeys) -> None:
        """Send what the peer lacks or holds otherwise, and ask for what this node does."""
        trees = self._replica.trees()
        wants: list[Key] = []
        for partition, leaves in message.keys.items():
            if partition not in trees:
                continue
            for leaf, theirs in leaves.items():
                mine = trees[partition].keys(leaf)
                differing = [key for key in sorted({**mine, **theirs}) if mine.get(key) != theirs.get(key)]
                self._send_states(source, differing)
                wants += (key for key in differing if key in theirs)
        if wants:
            self._turn.send(source, LeafWants(tuple(wants)))

    def wanted(self, source: NodeId, message: LeafWants) -> None:
        """Send the states that the peer asks for."""
        self._send_states(source, list(message.keys))

    def _send_states(self, target: NodeId, keys: list[Key]) -> None:
        turn = self._turn
        for key in keys:
            state = self._replica.objects.get(key)
            if state is not None:
                turn.counters["repairs_sent"] += 1
                turn.send(target, Store(0, key, state, turn.now, "exchange"))
