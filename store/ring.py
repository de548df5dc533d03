"""Which nodes keep a key: equal ranges of the hash space, dealt to the nodes (Dynamo, 6.2, strategy 3).

A key's 128-bit hash falls into one of Q equally large *partitions*; each partition is owned by one node.
The *preference list* of a partition is the walk clockwise from it over distinct nodes.  Its first N are
the *primaries*; the others stand in for them, in this order.

How partitions are dealt.  Taking turns (n1 n2 n3 n1 n2 n3 ...) puts a node next to itself where the ring
closes, unless S divides Q: with Q = 16 and S = 5 partition 15 and partition 0 both belong to n1 (the
"tail violation" of riak_core).  Therefore, with Q = k S + r, the r nodes that own k + 1 partitions take
turns in their own places and the others in theirs, and the two kinds of places are spread evenly over
the ring.  A node then meets itself after at least floor(Q / (k + 1)) partitions, which is the best
possible: it owns k + 1 of Q.

Rules of this file
  1. The ring is a function of the *set* of names, Q and N: nodes that were told the names in another order,
     or run with another PYTHONHASHSEED, agree.
  2. Everything is computed once; looking up costs one hash of the key.
"""

from hashlib import md5

from store.messages import Key, NodeId

_HASH_BITS = 128


class Ring:
    """The placement of a cluster with fixed members. Immutable."""

    __slots__ = ("_of", "_preference", "_primaries", "_shared", "n", "nodes", "owners", "partitions")

    def __init__(self, nodes: tuple[NodeId, ...], partitions: int, n: int) -> None:
        """`n`: replicas of each key. ValueError: the numbers do not fit; the sentence names the fix."""
        _check(nodes, partitions, n)
        self.nodes: tuple[NodeId, ...] = tuple(sorted(nodes))
        self.partitions = partitions
        self.n = n
        self.owners: tuple[NodeId, ...] = _deal(self.nodes, partitions)
        """`owners[p]` is the node that owns partition p."""
        self._preference = tuple(_walk(self.owners, start, len(nodes)) for start in range(partitions))
        self._primaries = tuple(preference[:n] for preference in self._preference)
        self._of = {node: tuple(self._where(node)) for node in self.nodes}
        self._shared = {(a, b): self._both(a, b) for a in self.nodes for b in self.nodes}

    def partition(self, key: Key) -> int:
        """The partition of a key: its MD5 (the paper's choice, section 4.3), scaled to Q equal ranges."""
        digest = md5(key, usedforsecurity=False).digest()
        return int.from_bytes(digest, "big") * self.partitions >> _HASH_BITS

    def preference(self, partition: int) -> tuple[NodeId, ...]:
        """All nodes, each once, clockwise from the partition: first the primaries, then who stands in."""
        return self._preference[partition]

    def primaries(self, partition: int) -> tuple[NodeId, ...]:
        """The N nodes that keep the partition while nothing is broken. The first leads."""
        return self._primaries[partition]

    def partitions_of(self, node: NodeId) -> tuple[int, ...]:
        """The partitions that the node is a primary of, in order; none for a stranger."""
        return self._of.get(node, ())

    def shared(self, a: NodeId, b: NodeId) -> tuple[int, ...]:
        """The partitions that both are primaries of: what the two can compare."""
        return self._shared.get((a, b), ())

    def _where(self, node: NodeId) -> list[int]:
        return [p for p, primaries in enumerate(self._primaries) if node in primaries]

    def _both(self, a: NodeId, b: NodeId) -> tuple[int, ...]:
        other = set(self._of[b])
        return tuple(p for p in self._of[a] if p in other)


def _check(nodes: tuple[NodeId, ...], partitions: int, n: int) -> None:
    twice = sorted({node for node in nodes if nodes.count(node) > 1})
    if twice:
        raise ValueError(f"node names must differ, but {', '.join(twice)} occurs more than once; rename one")
    if n < 1:
        raise ValueError(f"n={n} replicas keep nothing; choose n of at least 1")
    if len(nodes) < n:
        raise ValueError(f"{len(nodes)} nodes cannot keep n={n} replicas; add nodes or lower n")
    if partitions < len(nodes):
        raise ValueError(
            f"{partitions} partitions are too few for {len(nodes)} nodes; choose at least {len(nodes)}"
        )


def _deal(nodes: tuple[NodeId, ...], partitions: int) -> tuple[NodeId, ...]:
    """Each node gets its share of the partitions, as far from its other partitions as possible."""
    share, heavy = divmod(partitions, len(nodes))
    places = heavy * (share + 1)
    owners: list[NodeId] = []
    taken = 0
    for p in range(partitions):
        # Of the first p + 1 places, this many belong to the heavy nodes when they are spread evenly.
        due = ((p + 1) * places + partitions - 1) // partitions
        if due > taken:
            owners.append(nodes[taken % heavy])
            taken += 1
        else:
            owners.append(nodes[heavy + (p - taken) % (len(nodes) - heavy)])
    return tuple(owners)


def _walk(owners: tuple[NodeId, ...], start: int, count: int) -> tuple[NodeId, ...]:
    """The first `count` distinct owners, clockwise from `start`."""
    met: dict[NodeId, None] = {}
    for step in range(len(owners)):
        met[owners[(start + step) % len(owners)]] = None
        if len(met) == count:
            break
    return tuple(met)
