"""Where a large register gets stuck: the calls by which that can be told, out of columns.

Where a call needs a value that nobody can have left there (`kernel_presence.py`), what comes after its end
does not matter; and where the search cannot find every state that was possible then, only the calls open at
that time do.  They are some tens; objects for all calls took 20 s and 1.2 GB for a million.

Needs numpy and numba.
"""

from typing import Any, NamedTuple

import numpy as np

from checker.linear import compiled, kernel_guesses, pieces
from checker.linear.compiled import CallColumns
from checker.linear.kernel_search import NONE

Array = Any


class DeadEnd(NamedTuple):
    """The calls to tell it by. `open_only`: they are open when the first of them ends, which fits nowhere."""

    calls: Array
    open_only: bool


def dead_end(columns: CallColumns, told: int) -> DeadEnd | None:
    """Why is a register out of order? In a prefix of up to `told` calls; None: that is not seen from here."""
    moments = compiled.moments_of((columns.starts, columns.ends), columns.crashed)
    needy = compiled.needy(columns, moments)
    if needy == NONE:
        return None
    end = int(columns.ends[needy])
    begun = columns.starts < end
    if np.count_nonzero(begun) <= told or not _leads_to(columns, moments[:end]):
        return DeadEnd(begun, open_only=False)
    plan = compiled.plan_of(columns, moments[: end + 1], np.zeros(len(columns.cells), np.bool_))
    if compiled.run(plan, columns.first, compiled.EXPLAINED)[0] == kernel_guesses.STUCK:
        return DeadEnd(begun, open_only=False)
    return DeadEnd(begun & (columns.ends >= end), open_only=True)


def _leads_to(columns: CallColumns, moments: Array) -> bool:
    """Is there an order of all that ended in these moments?"""
    times = columns.starts, columns.ends
    return pieces.has_order(moments, times, columns.kinds, columns.crashed, columns.cells, columns.first)
