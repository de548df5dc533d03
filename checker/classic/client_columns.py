"""The operations of clients as arrays: who did what, and how it ended, without an object for each.

What `History.pairs` is to the readable checkers, this is to those that judge a history which is kept in
columns (`table.py`).  Operations are numbered in the order of `pairs()`; what is compared in time are their
rows, which have the order of the history.
"""

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from checker import kernel
from checker.classic.cell_texts import Ints, OddElement, Texts, texts_of
from checker.history import History, Pair
from checker.operation import Operation

T = TypeVar("T")

OPEN, OK, FAIL, INFO = range(4)
"""How an operation ended: as in `checker.table.TYPES`, with no end at all in the place of invoke."""

RANK = np.array([1, 2, 0, 1], dtype=np.int8)
"""Ends by how much they say for the operation having happened."""


class ClientColumns:
    """Of every client operation the rows where it began and ended (-1: never), and how it ended."""

    def __init__(self, history: History) -> None:
        assert history.table is not None
        self._history = history
        self.table = history.table
        self.begun, self.ended = history.spans()
        outcomes = self.table.type[history.spans().ends] if len(self.begun) else np.zeros(0, dtype=np.int8)
        self.outcome: NDArray[np.int8] = np.where(self.ended >= 0, outcomes, OPEN).astype(np.int8)
        self._f = self.table.f[self.begun]

    def names(self) -> list[tuple[str, Ints]]:
        """What clients did and the numbers of these operations, in the order of the first of each."""
        places, first = np.unique(self._f, return_index=True)
        ordered = places[np.argsort(first)].tolist()
        return [(self.table.pool[place], np.flatnonzero(self._f == place)) for place in ordered]

    def of(self, *names: str) -> NDArray[np.bool_]:
        """Which operations do one of these?"""
        places = np.flatnonzero(np.bincount(self._f)) if len(self._f) else np.zeros(0, dtype=np.int64)
        wanted = [place for place in places.tolist() if self.table.pool[place] in names]
        mask = np.zeros(len(self._f), dtype=np.bool_)
        for place in wanted:
            mask |= self._f == place
        return mask

    def texts(self, rows: Ints) -> Texts:
        """The values in these rows of the table. Raises OddElement."""
        return texts_of(self.table, rows)

    def entry(self, row: int) -> Operation | None:
        """The entry of a row, None for the row -1."""
        return self._history[int(row)] if row >= 0 else None

    def pair(self, at: int) -> Pair:
        """Both ends of an operation."""
        return self._history[int(self.begun[at])], self.entry(self.ended[at])


def in_columns(history: History, judge: Callable[[ClientColumns], T]) -> T | None:
    """What `judge` makes of the columns.

    None where the history has none, where numba is missing, or where elements are so odd that only objects
    can be compared; the caller then goes through `pairs()`, to the same verdict.
    """
    if history.table is None or not kernel.available():
        return None
    try:
        return judge(history.derive(ClientColumns))
    except OddElement:
        return None
