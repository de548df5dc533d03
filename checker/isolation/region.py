"""An exact search on a few transactions: is there any order of their writes that leaves no circle?

Everything that is known about the whole history counts, as far as it is about these transactions: which of
them come before which.  So if there is no order for them, there is none for the history: that is a proof.
If there is one, it is a proposal for the rest (`commit_order.py`).

The search supposes that one of two writes comes first, lets everything follow that has to (the rules of
`forced_order.py`), and goes back when that closes a circle.  Two writes between which nothing is open are
never asked about.
"""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

from checker.isolation.closure import Closure, bits
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
        self._written: list[list[int]] = []
        self._reads: list[list[tuple[int, int, int]]] = []
        self._load(facts)
        self._begins = sum(1 << self._first(at) for at in range(len(self.transactions)))
        self._known = Closure.of(after)
        self._lasts = {key: self._mask(writers) for key, writers in self._writers.items()}

    def _mask(self, writers: Iterable[int]) -> int:
        """The bits of their ends."""
        return sum(1 << self._last(writer) for writer in writers)

    def _load(self, facts: Facts) -> None:
        for t, at in self._index.items():
            writes = range(int(facts.write_start[t]), int(facts.write_start[t + 1]))
            self._written.append([int(facts.write_key[w]) for w in writes])
            self._reads.append([])
            for key in self._written[at]:
                self._writers.setdefault(key, []).append(at)
            for r in range(int(facts.read_start[t]), int(facts.read_start[t + 1])):
                key, source = int(facts.read_key[r]), int(facts.read_from[r])
                known = -1 if source == facts.transactions else self._index.get(source, -2)
                if known >= 0:
                    self._reads[at].append((at, known, key))
                if known >= -1 and at not in self._readers.setdefault((known, key), []):
                    self._readers[known, key].append(at)

    def solve(self, supposed: Iterable[Order], effort: Effort) -> list[Order] | Refuted:
        """An order of all writes of each key, as pairs of neighbours, or the proof that there is none."""
        state = self._known.copy()
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

    def _search(self, state: Closure, effort: Effort) -> Closure | None:
        """Depth first. The frames hold what to try when the present way turns out wrong."""
        frames: list[tuple[Closure, Order]] = []
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

    def _suppose(self, state: Closure, order: Order, effort: Effort) -> Closure | None:
        effort.step(len(state.after))
        following = state.copy()
        possible = following.add(self._last(order[0]), self._first(order[1])) and self._settle(following)
        return following if possible else None

    def _first(self, at: int) -> int:
        return at * self._width

    def _last(self, at: int) -> int:
        return at * self._width + self._width - 1

    def _read_initial(self, state: Closure) -> Iterator[bool]:
        for (source, key), readers in self._readers.items():
            for writer in self._writers.get(key, ()) if source == -1 else ():
                for reader in readers:
                    yield reader == writer or state.add(self._first(reader), self._last(writer))

    def _settle(self, state: Closure) -> bool:
        """Let everything follow from what is new. False if that closes a circle."""
        while state.news_after or state.news_before:
            after, before = state.news_after & self._begins, state.news_before & self._begins
            state.news_after = state.news_before = 0
            for node in bits(after):
                first = node // self._width
                if not all(self._order(state, first, key) for key in self._written[first]):
                    return False
            for node in bits(before):
                if not all(self._date(state, *read) for read in self._reads[node // self._width]):
                    return False
        return True

    def _order(self, state: Closure, first: int, key: int) -> bool:
        """What is known to write a key after one that does, begins after its end, and ends after the
        beginning of those who read from it."""
        end = self._last(first)
        later = state.after[self._first(first)] & self._lasts[key] & ~(1 << end)
        if not later:
            return True
        return state.add_all(end, later >> (self._width - 1)) and all(
            state.add_all(self._first(reader), later & ~(1 << self._last(reader)))
            for reader in self._readers.get((first, key), ())
        )

    def _date(self, state: Closure, reader: int, source: int, key: int) -> bool:
        """Who wrote a key before a read of it began, did so before the writer of what was read."""
        begin = self._first(source)
        others = ~(1 << self._last(source) | 1 << self._last(reader))
        older = state.before[self._first(reader)] & self._lasts[key] & others & ~state.before[begin]
        return all(state.add(writer, begin) for writer in bits(older))

    def _open(self, state: Closure) -> Order | None:
        """Two writes of one key of which nobody knows yet which was first."""
        for key, writers in self._writers.items():
            left = self._lasts[key]
            for first in writers:
                end = self._last(first)
                left &= ~(1 << end)
                unknown = left & ~state.after[self._first(first)]
                if unknown:
                    unknown &= ~(state.before[end] << (self._width - 1))
                if unknown:
                    return first, next(bits(unknown)) // self._width, key
        return None

    def _neighbours(self, state: Closure) -> Iterator[Order]:
        for key, writers in self._writers.items():
            mask = self._lasts[key]
            line = sorted(writers, key=lambda writer: -(state.after[self._first(writer)] & mask).bit_count())
            for first, second in pairwise(line):
                yield self.transactions[first], self.transactions[second], key
