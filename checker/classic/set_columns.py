"""The final read of a set against its adds, from columns: what `set_adds.py` judges, without objects.

Two tables of bytes by element: how its most certain add ended, and how often the final read shows it.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from checker.classic.blocks import Block
from checker.classic.cells import APART, ENDED, cells_of
from checker.classic.client_columns import FAIL, OK, RANK, ClientColumns, Octets
from checker.classic.findings import LISTED
from checker.classic.numbering import WIDTHS, Marked, Numbered, judged
from checker.classic.set_adds import Adds, Tally
from checker.history import Pair
from checker.kernel import njit_uncounted as njit
from checker.operation import Operation

ADDED = tuple(int(rank) + 1 for rank in RANK)
"""By the end of an add: how much it says for the element being there. 0 is an element that nobody added."""

DONE, FAILED = ADDED[OK], ADDED[FAIL]

THERE, RECOVERED, BY_FAILED, LOST, UNEXPECTED = 1, 2, 4, 8, 16
"""What the final read says of an element; the first three come together."""


def adds_of(clients: ClientColumns) -> Adds:
    """Compare the elements of the adds with those of the final read. Raises OddElement."""
    reads = cells_of(clients, clients.by_end({"read": (0, ENDED | APART, 0, 0)}))
    last = reads.latest()
    adds = cells_of(clients, clients.by_end({"add": ADDED}), last)
    return judged(adds, lambda met: _adds(clients, met, clients.entry(last)))


def _adds(clients: ClientColumns, met: Numbered, final: Operation | None) -> Adds:
    best, seen = _gone_through(met)
    tally = _tally(final, met, best, seen) if final is not None else None
    return Adds(
        attempted=int(np.count_nonzero(best)),
        acknowledged=int(np.count_nonzero(best == DONE)),
        tally=tally,
        values=met.values,
        sample=met.sample,
        add_of=_best_adds(clients, met, best, tally.lost[:LISTED] if tally is not None else ()),
    )


def _gone_through(met: Numbered) -> tuple[Octets, NDArray[Any]]:
    """By element the end of its most certain add, and how often it was read."""
    best = np.zeros(met.size, dtype=np.uint8)
    for dtype, limit in WIDTHS:
        seen = np.zeros(met.size, dtype=dtype)
        if all(_go_through(block, best, seen, limit) for block in met.blocks()):
            break
    return best, seen


def _tally(final: Operation, met: Numbered, best: Octets, seen: NDArray[Any]) -> Tally:
    kinds = np.empty(met.size, dtype=np.uint8)
    _compare(best, seen, kinds)
    twice = met.in_order(seen > 1)
    return Tally(
        final=final,
        ok=Marked(kinds & THERE > 0),
        lost=met.in_order(kinds == LOST),
        recovered=Marked(kinds & RECOVERED > 0),
        unexpected=met.in_order(kinds == UNEXPECTED, APART),
        duplicated=list(zip(twice, seen[twice].tolist(), strict=True)),
        failed=int(np.count_nonzero(kinds & BY_FAILED)),
    )


def _best_adds(
    clients: ClientColumns, met: Numbered, best: Octets, told_of: Sequence[int]
) -> Callable[[int], Pair]:
    """Gives the first of the most certain adds of one of these elements; all are looked for at once."""

    @cache
    def rows() -> dict[int, int]:
        numbers, tags, rows = met.occurrences(list(told_of))
        certain = tags == best[numbers]
        elements, first = np.unique(numbers[certain], return_index=True)
        return dict(zip(elements.tolist(), rows[certain][first].tolist(), strict=True))

    return lambda at: clients.begun_in(rows()[at])


# --- kernels ---------------------------------------------------------------------------------------


@njit
def _go_through(block: Block, best: Octets, seen: NDArray[Any], limit: int) -> bool:
    """False where an element is seen so often that it comes to the limit."""
    for i in range(len(block.numbers)):
        at = block.numbers[i]
        if block.tags[i] & APART:
            seen[at] += 1
            if seen[at] == limit:
                return False
        else:
            best[at] = max(best[at], block.tags[i])
    return True


@njit
def _compare(best: Octets, seen: NDArray[Any], kinds: Octets) -> None:
    for at in range(len(best)):
        if best[at] == 0:
            kinds[at] = UNEXPECTED if seen[at] > 0 else 0
        elif seen[at] == 0:
            kinds[at] = LOST if best[at] == DONE else 0
        elif best[at] == DONE:
            kinds[at] = THERE
        else:
            kinds[at] = THERE | RECOVERED | (BY_FAILED if best[at] == FAILED else 0)
