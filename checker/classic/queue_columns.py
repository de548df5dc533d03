"""What went into queues and came out of them, from columns: what `queues.py` judges, without objects.

Of each element there is how often it is inside, or how often it was put in, acknowledged and taken: in one
byte each, and in four where one of them is moved more often than a byte can tell.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from checker.classic.blocks import Block
from checker.classic.cells import APART, ENDED, cells_of, in_order_of_rows
from checker.classic.client_columns import INFO, OPEN, ClientColumns
from checker.classic.numbering import WIDTHS, Numbered, judged
from checker.classic.queues import Count, Replay, Totals
from checker.history import Pair
from checker.kernel import njit_uncounted as njit

PUT, DONE, TAKE = 1, 2, 4
"""Bits of a tag: an enqueue, one that was acknowledged, a dequeue or drain."""

TAKES = {
    "dequeue": (0, TAKE | ENDED, 0, 0),
    "drain": (0, TAKE | ENDED | APART, 0, 0),
}
"""A drain that returned no list returned nothing we know."""


# --- queue -----------------------------------------------------------------------------------------


class Short(NamedTuple):
    """What came out without being inside: elements, and the rows of who took them. `taken` in all."""

    numbers: list[int]
    rows: list[int]
    taken: int


def replay_of(clients: ClientColumns) -> Replay:
    """Enqueues happen where they begin, dequeues and drains where they end. Raises OddElement."""
    wanted = clients.by_end({"enqueue": (PUT, PUT, 0, PUT), **TAKES})
    return judged(in_order_of_rows(cells_of(clients, wanted)), lambda moved: _replay(clients, moved))


def _replay(clients: ClientColumns, moved: Numbered) -> Replay:
    for dtype, limit in WIDTHS:
        inside = np.zeros(moved.size, dtype=dtype)
        if (short := _replayed(moved, inside, limit)) is not None:
            break
    assert short is not None
    taker = clients.ended_in(short.rows)
    return Replay(
        taken=short.taken,
        left=int(inside.sum()),
        unexpected=list(zip(short.numbers, (taker[row] for row in short.rows), strict=True)),
        values=lambda numbers: moved.values(list(numbers)),
        pair_of=clients.pair,
    )


def _replayed(moved: Numbered, inside: NDArray[Any], limit: int) -> Short | None:
    """Fill in what remains inside; None where the count of one element comes to the limit."""
    numbers: list[int] = []
    rows: list[int] = []
    taken = 0
    for block in moved.blocks():
        short = np.zeros(len(block.numbers), dtype=np.bool_)
        if (count := _replay_block(block, inside, short, limit)) < 0:
            return None
        taken += count
        numbers += block.numbers[short].tolist()
        rows += block.rows[short].tolist()
    return Short(numbers, rows, taken)


@njit
def _replay_block(block: Block, inside: NDArray[Any], short: NDArray[np.bool_], limit: int) -> int:
    """Find which elements came out that were not there; how many came out. -1: it comes to the limit."""
    taken = 0
    for i in range(len(block.numbers)):
        at = block.numbers[i]
        if block.tags[i] & PUT:
            inside[at] += 1
            if inside[at] == limit:
                return -1
            continue
        taken += 1
        short[i] = inside[at] == 0
        if inside[at] > 0:
            inside[at] -= 1
    return taken


# --- total-queue -----------------------------------------------------------------------------------


class Moves(NamedTuple):
    """By element, how often it was put in, this was acknowledged, and it came out."""

    attempted: NDArray[Any]
    acknowledged: NDArray[Any]
    taken: NDArray[Any]


def count_of(clients: ClientColumns) -> Count:
    """Count every element over the whole history. Raises OddElement."""
    wanted = clients.by_end({"enqueue": (PUT, PUT | DONE, PUT, PUT), **TAKES})
    return judged(cells_of(clients, wanted), lambda moved: _count(clients, moved))


def _count(clients: ClientColumns, moved: Numbered) -> Count:
    for dtype, limit in WIDTHS:
        moves = Moves(*(np.zeros(moved.size, dtype=dtype) for _ in range(3)))
        if all(_count_block(block, moves, limit) for block in moved.blocks()):
            break
    return Count(
        attempted=int(moves.attempted.sum()),
        acknowledged=int(moves.acknowledged.sum()),
        matched=int(np.minimum(moves.taken, moves.attempted).sum()),
        unknown=_doubtful(clients),
        totals=_totals(moved, moves),
        values=lambda wanted: moved.values(list(wanted)),
        proof_of=lambda wanted: _proof(clients, moved, list(wanted)),
    )


@njit
def _count_block(block: Block, moves: Moves, limit: int) -> bool:
    """Count; False where one comes to the limit."""
    for i in range(len(block.numbers)):
        at, tag = block.numbers[i], block.tags[i]
        if tag & PUT:
            moves.attempted[at] += 1
            moves.acknowledged[at] += (tag & DONE) // DONE
            if moves.attempted[at] == limit:
                return False
        else:
            moves.taken[at] += 1
            if moves.taken[at] == limit:
                return False
    return True


def _doubtful(clients: ClientColumns) -> int:
    """Dequeues and drains that may have taken something along."""
    rows = [clients.names.index(name) for name in TAKES if name in clients.names]
    return int(clients.counts()[rows][:, [OPEN, INFO]].sum())


def _totals(moved: Numbered, moves: Moves) -> Totals:
    """In the order in which elements were moved first."""
    attempted, acknowledged, taken = moves
    known = attempted > 0

    def found(more: NDArray[Any], less: NDArray[Any], where: NDArray[np.bool_]) -> dict[int, int]:
        at = moved.in_order(where & (more > less))
        return dict(zip(at, (more[at].astype(np.int64) - less[at]).tolist(), strict=True))

    return Totals(
        lost=found(acknowledged, taken, known),
        unexpected=found(taken, attempted, ~known),
        duplicated=found(taken, attempted, known),
        recovered=found(np.minimum(taken, attempted), acknowledged, known),
    )


def _proof(clients: ClientColumns, moved: Numbered, wanted: list[int]) -> dict[int, list[Pair]]:
    """The operations that moved these elements, in order."""
    found: dict[int, list[Pair]] = {at: [] for at in wanted}
    if not wanted:
        return found
    numbers, tags, rows = moved.occurrences(wanted)
    takes = tags & TAKE > 0
    taker = clients.ended_in(rows[takes].tolist())
    for element, row, takes_it in zip(numbers.tolist(), rows.tolist(), takes.tolist(), strict=True):
        found[element].append(clients.pair(taker[row]) if takes_it else clients.begun_in(row))
    return found
