"""Which writes must come before which in every order, for serializability and snapshot isolation.

The order of the writes of a key is not recorded; but often there is no choice.  Dependencies are sessions,
reads and known orders of two writes ("ww"); a reader also comes before whoever overwrites what it read
("rw").  Serializable means that dependencies and rw form no cycle; snapshot isolation, that they form none
in which no two rw follow each other (Cerone and Gotsman, "Analysing snapshot isolation", PODC 2016).  From
this, if one order of two writes would close such a cycle, the other is forced:

  - t3 read x from t1, t2 writes x and is in front of t3: t2 before t1
  - a is in front of b, both write x: a before b

Rounds are run until nothing is forced any more.  A cycle by then proves that there is no order.  No cycle
proves nothing: the rest is searched (`commit_order.py`).

Every transaction is two nodes: arrived at by a dependency (2t), or by rw (2t + 1); from the latter, snapshot
isolation lets only dependencies go on.  What a node reaches is kept as one long integer of bits.
"""

import heapq
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from checker.isolation.facts import Facts

TRANSACTIONS_UP_TO = 2_000
"""Transactions beyond which this step is left out: it is quadratic."""


class Forced(NamedTuple):
    """`source` comes before `target`. `kind`: session, read, order (ww) or overwrite (rw) of `key`.

    For an overwrite, `target` overwrote what `source` had read from `reader_of`.
    """

    source: int
    target: int
    kind: str
    key: int
    reader_of: int


class ForcedOrder:
    """Grows until nothing more is forced. `cycle` is then a proof, or empty."""

    def __init__(self, facts: Facts, serializable: bool) -> None:
        self._serializable = serializable
        self._active = [t for t in range(facts.transactions) if facts.position[t] >= 0]
        self._writers: list[list[int]] = [[] for _ in range(facts.keys)]
        self._reads: list[tuple[int, int, int]] = []
        self._edges: dict[tuple[int, int, bool], Forced] = {}
        self._following: dict[int, list[tuple[int, Forced]]] = {}
        self._nobody = facts.transactions
        self._load(facts)
        self._masks = [sum(1 << 2 * writer for writer in writers) for writers in self._writers]
        self.cycle: list[Forced] = []

    def _load(self, facts: Facts) -> None:
        for t in self._active:
            if facts.next[t] >= 0:
                self._add(Forced(t, int(facts.next[t]), "session", -1, -1))
            for w in range(int(facts.write_start[t]), int(facts.write_start[t + 1])):
                self._writers[int(facts.write_key[w])].append(t)
            for r in range(int(facts.read_start[t]), int(facts.read_start[t + 1])):
                key, source = int(facts.read_key[r]), int(facts.read_from[r])
                self._reads.append((t, key, source))
                if source != self._nobody:
                    self._add(Forced(source, t, "read", key, -1))
        for t, key, source in self._reads:
            for writer in self._writers[key] if source == self._nobody else ():
                if writer != t:
                    self._add(Forced(t, writer, "overwrite", key, source))

    def fits(self) -> bool:
        """Is the history small enough for this?"""
        return len(self._active) <= TRANSACTIONS_UP_TO

    def grow(self) -> None:
        """Add what is forced, until nothing is, or a cycle has come up."""
        while True:
            order = self._sorted()
            if len(order) < 2 * len(self._active):
                self.cycle = self._find_cycle(set(order))
                return
            if not self._force(*self._closure(order)):
                return

    def rank(self, ends: list[int]) -> list[int]:
        """For each transaction its place in an order that respects all that is forced, early ends first.

        Only meaningful without a cycle. `ends` as in `commit_order.Search`.
        """
        degree = self._degrees()
        ready = [(ends[node // 2], node) for node, count in degree.items() if count == 0]
        heapq.heapify(ready)
        rank, place = [0] * len(ends), 0
        while ready:
            _, node = heapq.heappop(ready)
            rank[node // 2] = place = place + 1
            for target, _ in self._following.get(node, ()):
                degree[target] -= 1
                if degree[target] == 0:
                    heapq.heappush(ready, (ends[target // 2], target))
        return rank

    def _degrees(self) -> dict[int, int]:
        degree = {node: 0 for t in self._active for node in (2 * t, 2 * t + 1)}
        for following in self._following.values():
            for target, _ in following:
                degree[target] += 1
        return degree

    def _add(self, edge: Forced) -> bool:
        overwrites = edge.kind == "overwrite"
        name = (edge.source, edge.target, overwrites)
        if name in self._edges or edge.source == edge.target:
            return False
        self._edges[name] = edge
        sources = [2 * edge.source]
        if not overwrites or self._serializable:
            sources.append(2 * edge.source + 1)
        for source in sources:
            self._following.setdefault(source, []).append((2 * edge.target + overwrites, edge))
        return True

    def _force(self, reached: dict[int, int], reaching: dict[int, int]) -> bool:
        """One round. What is implied already is masked out, so only news costs more than a few bit words."""
        grown = False
        for t3, key, t1 in self._reads:
            if t1 == self._nobody:
                continue
            mask = self._masks[key] & ~(1 << 2 * t1 | 1 << 2 * t3)
            front = reaching[2 * t3] | (reaching[2 * t3 + 1] if self._serializable else 0)
            for t2 in _members(front >> 1 & ~(reaching[2 * t1] >> 1) & mask):
                grown |= self._add(Forced(t2, t1, "order", key, -1))
            for after in _members(_arrived(reached[2 * t1]) & ~_arrived(reached[2 * t3]) & mask):
                grown |= self._add(Forced(t3, after, "overwrite", key, t1))
        for key, writers in enumerate(self._writers if not self._serializable else ()):
            for first in writers:
                mask = self._masks[key] & ~(1 << 2 * first)
                for second in _members(_arrived(reached[2 * first]) & ~reached[2 * first + 1] & mask):
                    grown |= self._add(Forced(first, second, "order", key, -1))
        return grown

    def _sorted(self) -> list[int]:
        degree = self._degrees()
        order = [node for node, count in degree.items() if count == 0]
        for node in order:
            for target, _ in self._following.get(node, ()):
                degree[target] -= 1
                if degree[target] == 0:
                    order.append(target)
        return order

    def _closure(self, order: list[int]) -> tuple[dict[int, int], dict[int, int]]:
        """For each node what it reaches, and what reaches it."""
        reached: dict[int, int] = {}
        reaching = dict.fromkeys(order, 0)
        for node in reversed(order):
            bits = 0
            for target, _ in self._following.get(node, ()):
                bits |= reached[target] | 1 << target
            reached[node] = bits
        for node in order:
            bits = reaching[node] | 1 << node
            for target, _ in self._following.get(node, ()):
                reaching[target] |= bits
        return reached, reaching

    def _find_cycle(self, sorted_nodes: set[int]) -> list[Forced]:
        best: list[Forced] = []
        for start in (n for t in self._active for n in (2 * t, 2 * t + 1) if n not in sorted_nodes):
            found = self._around(start, sorted_nodes)
            if found and (not best or len(found) < len(best)):
                best = found
            if len(best) == 2:
                break
        return best

    def _around(self, start: int, left_out: set[int]) -> list[Forced]:
        came: dict[int, tuple[int, Forced]] = {}
        queue = deque([start])
        while queue and start not in came:
            node = queue.popleft()
            for target, edge in self._following.get(node, ()):
                if target not in came and target not in left_out:
                    came[target] = (node, edge)
                    queue.append(target)
        if start not in came:
            return []
        node, edge = came[start]
        way = [edge]
        while node != start:
            node, edge = came[node]
            way.append(edge)
        return way[::-1]


def _arrived(bits: int) -> int:
    """Both nodes of a transaction as one bit, the first's."""
    return bits | bits >> 1


def _members(bits: int) -> Iterator[int]:
    """The transactions whose first node is in the set."""
    while bits:
        lowest = bits & -bits
        yield (lowest.bit_length() - 1) // 2
        bits ^= lowest
