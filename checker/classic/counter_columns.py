"""The bounds of a counter from columns: what `counter.py` judges, without objects.

Sums over the rows of the table: what a read could see is the difference of sums at its two ends.  Only
whole numbers, and sums that fit 64 bits; anything else is left to the way through objects.
"""

from collections.abc import Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

from checker.classic.cell_texts import Ints, OddElement
from checker.classic.client_columns import FAIL, OK, ClientColumns
from checker.classic.counter import SIGN, Bounds, Read
from checker.table import INT, NIL

SUM_MAX = 1 << 62


class Reads(Sequence[Read]):
    """`counter.Bounds.reads`, as lists only where somebody looks."""

    def __init__(self, lowest: Ints, value: Ints, highest: Ints) -> None:
        self._columns = lowest, value, highest

    def __len__(self) -> int:
        return len(self._columns[0])

    @overload
    def __getitem__(self, at: int) -> Read: ...

    @overload
    def __getitem__(self, at: slice) -> list[Read]: ...

    def __getitem__(self, at: int | slice) -> Read | list[Read]:
        if isinstance(at, slice):
            return list(zip(*(column[at].tolist() for column in self._columns), strict=True))
        lowest, value, highest = (int(column[at]) for column in self._columns)
        return lowest, value, highest


def bounds_of(clients: ClientColumns, start: float) -> Bounds:
    """The bounds of every read. Raises OddElement for numbers that are not whole, or too large to add up."""
    adding = np.flatnonzero(clients.of(*SIGN) & (clients.outcome != FAIL))
    amounts, unusable = _amounts(clients, adding)
    total = int(np.abs(amounts).astype(object).sum()) if len(amounts) else 0
    if not isinstance(start, int) or abs(start) + total >= SUM_MAX:
        raise OddElement
    reading = np.flatnonzero(clients.of("read") & (clients.outcome == OK))
    reading = reading[np.argsort(clients.ended[reading], kind="stable")]
    kind = clients.table.kind[clients.ended[reading]]
    value = clients.table.value[clients.ended[reading]]
    _all_whole(kind)
    reading, value = reading[kind == INT], value[kind == INT]
    begun, done = _sums(clients, adding, amounts)
    first, last = clients.begun[reading], clients.ended[reading]
    lowest = start + done[0][first] + begun[1][last]
    highest = start + begun[0][last] + done[1][first]
    wrong = np.flatnonzero((value < lowest) | (value > highest))
    unusable += int((kind == NIL).sum())
    return Bounds(
        Reads(lowest, value, highest), wrong.tolist(), unusable, lambda at: clients.pair(int(reading[at]))
    )


def _amounts(clients: ClientColumns, adding: Ints) -> tuple[Ints, int]:
    """By how much each changes the counter (0 where it does not say), and how many do not say."""
    rows = clients.begun[adding]
    kind, value = clients.table.kind[rows], clients.table.value[rows]
    _all_whole(kind)
    by_one = (kind == NIL) & ~clients.of("add")[adding]
    sign = np.where(clients.of(*(f for f in SIGN if SIGN[f] < 0))[adding], -1, 1)
    amounts = sign * np.where(by_one, 1, np.where(kind == INT, value, 0))
    return amounts, int(((kind == NIL) & ~by_one).sum())


def _all_whole(kinds: NDArray[np.int8]) -> None:
    if ((kinds != INT) & (kinds != NIL)).any():
        raise OddElement


def _sums(clients: ClientColumns, adding: Ints, amounts: Ints) -> tuple[tuple[Ints, Ints], tuple[Ints, Ints]]:
    """After every row: the sums of what had begun, up and down, and of what was acknowledged."""
    done = clients.outcome[adding] == OK
    begun_at, done_at = clients.begun[adding], clients.ended[adding[done]]
    return _grown(clients, begun_at, amounts), _grown(clients, done_at, amounts[done])


def _grown(clients: ClientColumns, rows: Ints, amounts: Ints) -> tuple[Ints, Ints]:
    up, down = (np.zeros(len(clients.table), dtype=np.int64) for _ in range(2))
    up[rows], down[rows] = np.maximum(amounts, 0), np.minimum(amounts, 0)
    return np.cumsum(up), np.cumsum(down)
