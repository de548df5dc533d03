"""The bounds of a counter from columns: what `counter.py` judges, without objects.

One walk over the history with the sums so far; of a client whose read is under way it remembers what had
been acknowledged when that began.  Only whole numbers, and sums that fit 64 bits; anything else is left to
the way through objects.  The reads themselves are kept as far as somebody will look: the first ones, and
those out of bounds.
"""

from collections.abc import Sequence
from typing import NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from checker import spans
from checker.classic.cell_texts import Ints, OddElement
from checker.classic.client_columns import FAIL, OK, ClientColumns, Octets, Operations
from checker.classic.counter import Bounds, Read
from checker.classic.findings import VALUES_MAX
from checker.kernel import njit_uncounted as njit
from checker.table import INT, NIL, POOLED

SUM_MAX = 1 << 62

OTHER, ADD, UP, DOWN, READ = range(5)
ROLES = {"add": ADD, "increment": UP, "decrement": DOWN, "read": READ}

BEGUN_UP, BEGUN_DOWN, DONE_UP, DONE_DOWN, TOTAL, UNUSABLE, READS, WRONG = range(8)
"""What the walk adds up: amounts begun and acknowledged, without their signs, and what it met."""

PLACE, OPERATION, LOWEST, VALUE, HIGHEST = range(5)
"""Of a read that is kept: which one of all it is, its operation, and what `counter.Read` says."""


class Reads(Sequence[Read]):
    """`counter.Bounds.reads`: the first ones, and those that are out of bounds."""

    def __init__(self, count: int, first: Ints, wrong: Ints) -> None:
        self._count, self._first = count, first
        self._wrong = {int(row[PLACE]): row for row in wrong}

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, at: int) -> Read: ...

    @overload
    def __getitem__(self, at: slice) -> list[Read]: ...

    def __getitem__(self, at: int | slice) -> Read | list[Read]:
        if isinstance(at, slice):
            assert at.stop <= VALUES_MAX
            return [_read(row) for row in self._first[at]]
        return _read(self._wrong[at])

    def operation(self, at: int) -> int:
        """The operation of a read that is out of bounds."""
        return int(self._wrong[at][OPERATION])


def _read(row: Ints) -> Read:
    lowest, value, highest = row[LOWEST:].tolist()
    return lowest, value, highest


class Walk(NamedTuple):
    """What is walked over, by row (`process` and the columns of the table) and by operation (`every`).

    `roles`: by what an operation does.  `open_at`: by client its operation under way plus one, or 0; `up`
    and `down` what had been acknowledged when it began to read.
    """

    process: Ints
    type: NDArray[np.int8]
    kind: NDArray[np.int8]
    value: Ints
    every: Operations
    roles: Octets
    open_at: Ints
    up: Ints
    down: Ints


def bounds_of(clients: ClientColumns, start: float) -> Bounds:
    """The bounds of every read. Raises OddElement for numbers that are not whole, or too large to add up."""
    if not isinstance(start, int) or abs(start) >= SUM_MAX:
        raise OddElement
    first, wrong = (np.zeros((VALUES_MAX, 5), dtype=np.int64) for _ in range(2))
    sums = _walked(clients, start, first, wrong)
    if sums[WRONG] > len(wrong):
        wrong = np.zeros((int(sums[WRONG]), 5), dtype=np.int64)
        _walked(clients, start, first, wrong)
    count, wrong = int(sums[READS]), wrong[: int(sums[WRONG])]
    reads = Reads(count, first[:count], wrong)
    return Bounds(
        reads,
        wrong[:, PLACE].tolist(),
        int(sums[UNUSABLE]),
        lambda at: clients.pair(reads.operation(at)),
    )


def _walked(clients: ClientColumns, start: int, first: Ints, wrong: Ints) -> Ints:
    """The sums at the end, with the reads filled in that are kept."""
    table = clients.table
    process, count = spans.clients_of(table)
    by_client = (np.zeros(count, dtype=np.int64) for _ in range(3))
    roles = np.array([ROLES.get(name, OTHER) for name in clients.names], dtype=np.uint8)
    walk = Walk(process, table.type, table.kind, table.value, clients.every, roles, *by_client)
    sums = np.zeros(8, dtype=np.int64)
    if not _walk(walk, start, sums, first, wrong):
        raise OddElement
    return sums


@njit
def _walk(walk: Walk, start: int, sums: Ints, first: Ints, wrong: Ints) -> bool:
    """Go through the history; False where a number cannot be added up."""
    count = 0
    for row in range(len(walk.process)):
        client = walk.process[row]
        if client < 0:
            continue
        at = walk.open_at[client] - 1
        begins, ends = at < 0, walk.type[row] != 0
        if begins:
            at = count
            count += 1
        walk.open_at[client] = 0 if ends else at + 1
        role, outcome = walk.roles[walk.every.does[at]], walk.every.outcome[at]
        if role == OTHER or outcome == FAIL:
            continue
        if role == READ:
            if begins:
                walk.up[client], walk.down[client] = sums[DONE_UP], sums[DONE_DOWN]
            if ends and outcome == OK and not _end_read(walk, start, sums, first, wrong, at):
                return False
            continue
        if begins and not _add(walk, role, row, sums, BEGUN_UP):
            return False
        if ends and outcome == OK:
            _add(walk, role, walk.every.begun[at], sums, DONE_UP)
        if sums[TOTAL] >= SUM_MAX - abs(start):
            return False
    return True


@njit
def _add(walk: Walk, role: int, row: int, sums: Ints, where: int) -> bool:
    """Add the amount in this row; False where it is not whole."""
    if walk.kind[row] == POOLED:
        return False
    amount = walk.value[row] if walk.kind[row] == INT else 1
    if walk.kind[row] == NIL and role == ADD:
        sums[UNUSABLE] += where == BEGUN_UP
        return True
    if role == DOWN:
        amount = -amount
    sums[TOTAL] += abs(amount)
    sums[where if amount >= 0 else where + 1] += abs(amount)
    return True


@njit
def _end_read(  # noqa: PLR0917
    walk: Walk, start: int, sums: Ints, first: Ints, wrong: Ints, at: int
) -> bool:
    """Judge a read; False where what it returned is not whole."""
    row = walk.every.ended[at]
    client, value = walk.process[row], walk.value[row]
    if walk.kind[row] != INT:
        sums[UNUSABLE] += walk.kind[row] == NIL
        return bool(walk.kind[row] == NIL)
    lowest = start + walk.up[client] - sums[BEGUN_DOWN]
    highest = start + sums[BEGUN_UP] - walk.down[client]
    place = sums[READS]
    sums[READS] += 1
    if place < len(first):
        _keep(first[place], place, at, lowest, value, highest)
    if not lowest <= value <= highest:
        if sums[WRONG] < len(wrong):
            _keep(wrong[sums[WRONG]], place, at, lowest, value, highest)
        sums[WRONG] += 1
    return True


@njit
def _keep(read: Ints, place: int, at: int, lowest: int, value: int, highest: int) -> None:  # noqa: PLR0917
    read[PLACE], read[OPERATION] = place, at
    read[LOWEST], read[VALUE], read[HIGHEST] = lowest, value, highest
