"""The operations of clients as arrays: who did what, and how it ended, without an object for each.

What `History.pairs` is to the readable checkers, this is to those that judge a history which is kept in
columns (`table.py`).  Operations are numbered in the order of `pairs()`; what is compared in time are their
rows, which have the order of the history.

Beside the rows an operation takes two bytes: a history of ten million must not make arrays of 64-bit numbers
for every question that is asked of it.  Touching new memory costs more than judging what is in it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from checker.classic.cell_texts import Ints, OddElement, Texts, texts_of
from checker.history import History, Pair
from checker.kernel import njit_uncounted as njit
from checker.operation import Operation

T = TypeVar("T")

Octets = NDArray[np.uint8]

OPEN, OK, FAIL, INFO = range(4)
"""How an operation ended: as in `checker.table.TYPES`, with no end at all in the place of invoke."""

RANK = np.array([1, 2, 0, 1], dtype=np.int8)
"""Ends by how much they say for the operation having happened."""

FEW = 255
"""As many kinds of operations fit in a byte."""


class Operations(NamedTuple):
    """Of every client operation the rows where it began and ended (-1: never), how, and what it does.

    That is a place in `ClientColumns.names`.
    """

    begun: Ints
    ended: Ints
    outcome: NDArray[np.int8]
    does: NDArray[Any]


class ClientColumns:
    """What clients did (`every`), and the `names` of that, in the order of the `first` operation of each.

    A history keeps its columns, so they must not keep the history: in a ring of references all of it would
    stay in memory until the garbage collector comes by.
    """

    def __init__(self, history: History) -> None:
        assert history.table is not None
        self.table = history.table
        self.begun, self.ended = history.spans()
        self.outcome = np.empty(len(self.begun), dtype=np.int8)
        gone_through = self._gone_through(FEW, np.uint8) or self._gone_through(1 << 31, np.int32)
        assert gone_through is not None
        self.every, self.first = gone_through
        self.names: list[str] = [self.table.pool[place] for place in self.table.f[self.begun[self.first]]]

    def _gone_through(self, kinds: int, dtype: Any) -> tuple[Operations, Ints] | None:
        """The operations and the first one of each kind; None if there are more kinds."""
        every = Operations(self.begun, self.ended, self.outcome, np.empty(len(self.begun), dtype=dtype))
        known = np.zeros(int(self.table.f.max(initial=-1)) + 1, dtype=np.int32)
        first = np.empty(min(len(self.begun), kinds), dtype=np.int64)
        count = _go_through(self.table.type, self.table.f, every, known, first)
        return (every, first[:count]) if count >= 0 else None

    def of(self, *names: str) -> NDArray[np.bool_]:
        """Which operations do one of these?"""
        wanted = np.array([name in names for name in self.names], dtype=np.bool_)
        mask = np.empty(len(self.begun), dtype=np.bool_)
        _look_up(wanted, self.every.does, mask)
        return mask

    def by_end(self, wanted: Mapping[str, Sequence[int]]) -> Octets:
        """A table: by what an operation does (row) and how it ended (column) the number wanted, else 0."""
        rows = [wanted.get(name, (0, 0, 0, 0)) for name in self.names]
        return np.array(rows, dtype=np.uint8).reshape(-1, 4)

    def counts(self) -> Ints:
        """How many operations do what (row), and ended how (column)."""
        counts = np.zeros((len(self.names), 4), dtype=np.int64)
        _count(self.every, counts)
        return counts

    def texts(self, rows: Ints) -> Texts:
        """The values in these rows of the table. Raises OddElement."""
        return texts_of(self.table, rows)

    def entry(self, row: int) -> Operation | None:
        """The entry of a row, None for the row -1."""
        return self.table[int(row)] if row >= 0 else None

    def pair(self, at: int) -> Pair:
        """Both ends of an operation."""
        return self.table[int(self.begun[at])], self.entry(self.ended[at])

    def ended_in(self, rows: Sequence[int]) -> dict[int, int]:
        """The operations that ended in these rows, by row."""
        if not len(rows):
            return {}
        mask = np.zeros(len(self.table), dtype=np.bool_)
        mask[rows] = True
        found = np.flatnonzero(mask[self.ended] & (self.ended >= 0))
        return dict(zip(self.ended[found].tolist(), found.tolist(), strict=True))

    def begun_in(self, row: int) -> Pair:
        """The operation that began in this row."""
        return self.pair(int(np.searchsorted(self.begun, row)))


def in_columns(history: History, judge: Callable[[ClientColumns], T]) -> T | None:
    """What `judge` makes of the columns.

    None where elements are so odd that only objects can be compared; the caller then goes through `pairs()`,
    to the same verdict.  (It does so too where there are no columns, or no numba to import this module.)
    """
    try:
        return judge(history.derive(ClientColumns))
    except OddElement:
        return None


@njit
def _go_through(
    kinds: NDArray[np.int8], fs: NDArray[np.int32], every: Operations, known: NDArray[np.int32], first: Ints
) -> int:
    """Fill in how operations ended and what they do; how many kinds there are, or -1 if they are too many.

    `known`: by the place of what is done its number plus one, or 0.
    """
    count = 0
    for at in range(len(every.begun)):
        row, end = every.begun[at], every.ended[at]
        every.outcome[at] = kinds[end] if end >= 0 else OPEN
        number = known[fs[row]]
        if number == 0:
            if count == len(first):
                return -1
            first[count] = at
            count += 1
            number = known[fs[row]] = count
        every.does[at] = number - 1
    return count


@njit
def _look_up(wanted: NDArray[np.bool_], does: NDArray[Any], mask: NDArray[np.bool_]) -> None:
    for at in range(len(does)):
        mask[at] = wanted[does[at]]


@njit
def _count(every: Operations, counts: Ints) -> None:
    for at in range(len(every.does)):
        counts[every.does[at], every.outcome[at]] += 1
