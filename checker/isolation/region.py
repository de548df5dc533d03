"""An exact search on a few transactions: is there any order of their writes that leaves no circle?

Everything that is known about the whole history counts, as far as it is about these transactions: which of
them come before which.  So if there is no order for them, there is none for the history: that is a proof.
If there is one, it is a proposal for the rest (`commit_order.py`).

What a node reaches is one long integer of bits.  The search supposes that one of two writes comes first,
lets everything follow that has to (the rules of `forced_order.py`), and goes back when that closes a circle.
Two writes between which nothing is open are never asked about.
"""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

from checker.isolation.facts import Facts

Order = tuple[int, int, int]
"""The first writer, the second, and the key."""


STEP_NODES = 64
"""Nodes of a region up to which a supposition is one step; in larger ones it counts for more."""


class Effort:
    """Steps that the search has taken in all regions together, and may take: up to a `limit`, which is the
    whole budget or a part of it."""

    def __init__(self, budget: int) -> None:
        self.budget, self.limit, self.taken = budget, budget, 0

    def step(self, nodes: int) -> None:
        """One order more was supposed, in a region of so many nodes. Raises Exhausted."""
        self.taken += 1 + nodes // STEP_NODES
        if self.taken > self.limit:
            raise Exhausted


class Exhausted(Exception):
    """The budget has ended."""


class Refuted(NamedTuple):
    """There is no order. `pair`: the question at which the search began, whichever answer is wrong; None if
    what is known is a circle already."""

    pair: Order | None


class Region:
    """Some transactions, and what is known about them: for each of their nodes, `after` has the bits of those
    nodes that come after it, numbered in the order of the transactions."""

    def __init__(
        self,
        facts: Facts,
        width: int,
        transactions: Iterable[int],
        after: list[int],
    ) -> None:
        self.transactions = list(transactions)
        self._width = width
        self._index = {t: at for at, t in enumerate(self.transactions)}
        self._writers: dict[int, list[int]] = {}
        self._readers: dict[tuple[int, int], list[int]] = {}
        self._reads: list[tuple[int, int, int]] = []
        self._load(facts)
        self._after = after

    def _load(self, facts: Facts) -> None:
        for t, at in self._index.items():
            for w in range(int(facts.write_start[t]), int(facts.write_start[t + 1])):
                self._writers.setdefault(int(facts.write_key[w]), []).append(at)
            for r in range(int(facts.read_start[t]), int(facts.read_start[t + 1])):
                key, source = int(facts.read_key[r]), int(facts.read_from[r])
                known = -1 if source == facts.transactions else self._index.get(source, -2)
                if known >= 0:
                    self._reads.append((at, known, key))
                if known >= -1 and at not in self._readers.setdefault((known, key), []):
                    self._readers[known, key].append(at)

    def solve(self, supposed: Iterable[Order], effort: Effort) -> list[Order] | Refuted:
        """An order of all writes of each key, as pairs of neighbours, or the proof that there is none."""
        state = _State(list(self._after))
        known = all(self._read_initial(state)) and all(
            state.add(self._last(self._index[first]), self._first(self._index[second]))
            for first, second, _ in supposed
        )
        if not known or not self._settle(state):
            return Refuted(None)
        asked = self._open(state)
        solved = self._search(state, effort)
        if solved is None:
            assert asked is not None
            first, second, key = asked
            return Refuted((self.transactions[first], self.transactions[second], key))
        return list(self._neighbours(solved))

    def _search(self, state: "_State", effort: Effort) -> "_State | None":
        """Depth first. The frames hold what to try when the present way turns out wrong."""
        frames: list[tuple[_State, Order]] = []
        while True:
            asked = self._open(state)
            if asked is None:
                return state
            first, second, key = asked
            frames.append((state, (second, first, key)))
            following = self._suppose(state, (first, second, key), effort)
            while following is None:
                if not frames:
                    return None
                state, order = frames.pop()
                following = self._suppose(state, order, effort)
            state = following

    def _suppose(self, state: "_State", order: Order, effort: Effort) -> "_State | None":
        effort.step(len(state.after))
        following = _State(list(state.after))
        possible = following.add(self._last(order[0]), self._first(order[1])) and self._settle(following)
        return following if possible else None

    def _first(self, at: int) -> int:
        return at * self._width

    def _last(self, at: int) -> int:
        return at * self._width + self._width - 1

    def _read_initial(self, state: "_State") -> Iterator[bool]:
        for (source, key), readers in self._readers.items():
            for writer in self._writers.get(key, ()) if source == -1 else ():
                for reader in readers:
                    yield reader == writer or state.add(self._first(reader), self._last(writer))

    def _settle(self, state: "_State") -> bool:
        """Let everything follow. False if that closes a circle."""
        while True:
            state.grown = False
            for key, writers in self._writers.items():
                for first in writers:
                    for second in writers:
                        known = first != second and state.has(self._first(first), self._last(second))
                        if known and not self._order(state, first, second, key):
                            return False
            for reader, source, key in self._reads:
                for writer in self._writers[key]:
                    older = writer not in (source, reader) and state.has(
                        self._last(writer), self._first(reader)
                    )
                    if older and not state.add(self._last(writer), self._first(source)):
                        return False
            if not state.grown:
                return True

    def _order(self, state: "_State", first: int, second: int, key: int) -> bool:
        """The first is known to write the key before the second."""
        if not state.add(self._last(first), self._first(second)):
            return False
        return all(
            reader == second or state.add(self._first(reader), self._last(second))
            for reader in self._readers.get((first, key), ())
        )

    def _open(self, state: "_State") -> Order | None:
        """Two writes of one key of which nobody knows yet which was first."""
        for key, writers in self._writers.items():
            for at, first in enumerate(writers):
                for second in writers[at + 1 :]:
                    if not state.has(self._first(first), self._last(second)) and not state.has(
                        self._first(second), self._last(first)
                    ):
                        return first, second, key
        return None

    def _neighbours(self, state: "_State") -> Iterator[Order]:
        for key, writers in self._writers.items():
            mask = sum(1 << self._last(writer) for writer in writers)
            line = sorted(writers, key=lambda writer: -(state.after[self._first(writer)] & mask).bit_count())
            for first, second in pairwise(line):
                yield self.transactions[first], self.transactions[second], key


class _State:
    """What is known to come after each node."""

    def __init__(self, after: list[int]) -> None:
        self.after, self.grown = after, False

    def has(self, source: int, target: int) -> bool:
        """Is the source known to be before the target?"""
        return bool(self.after[source] >> target & 1)

    def add(self, source: int, target: int) -> bool:
        """The source is before the target. False if it is known to be after it."""
        after = self.after
        if after[source] >> target & 1:
            return True
        if source == target or after[target] >> source & 1:
            return False
        more, bit = after[target] | 1 << target, 1 << source
        for node, known in enumerate(after):
            if node == source or known & bit:
                after[node] = known | more
        self.grown = True
        return True
