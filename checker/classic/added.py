"""The adds of a set by element, from columns: when one began, when one was acknowledged, which is best."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from checker.classic.cell_texts import Ints
from checker.classic.client_columns import FAIL, OK, RANK, ClientColumns
from checker.classic.set_timelines import NEVER
from checker.kernel import njit_uncounted as njit

Small = NDArray[np.int32]


class Added(NamedTuple):
    """By element number, in the order in which the first adds began.

    `begun` and `acknowledged`: the row where the first add began, and the first where one was acknowledged
    (NEVER if none was).  `best`: the operation that is the first of the most certain adds, and `outcome` how
    it ended.
    """

    begun: Ints
    acknowledged: Ints
    best: Ints
    outcome: NDArray[np.int8]


def added(clients: ClientColumns, adding: Ints, numbers: Small, count: int) -> Added:
    """Of the operations `adding`, whose elements have these numbers below `count`."""
    begun, acknowledged, best = (np.full(count, NEVER, dtype=np.int64) for _ in range(3))
    outcome = np.full(count, FAIL, dtype=np.int8)
    found = Added(begun, acknowledged, best, outcome)
    rows = clients.begun[adding], clients.ended[adding]
    _by_element(adding, numbers, *rows, clients.outcome[adding], found)
    return found


@njit
def _by_element(  # noqa: PLR0917
    adding: Ints, numbers: Small, begun: Ints, ended: Ints, outcome: NDArray[np.int8], found: Added
) -> None:
    for i in range(len(adding)):
        at, how = numbers[i], outcome[i]
        if found.best[at] == NEVER:
            found.begun[at] = begun[i]
        if how == OK and (found.acknowledged[at] == NEVER or ended[i] < found.acknowledged[at]):
            found.acknowledged[at] = ended[i]
        if found.best[at] == NEVER or RANK[how] > RANK[found.outcome[at]]:
            found.best[at], found.outcome[at] = adding[i], how
