"""What a register must have held when: a necessary rule, compiled; it finds most wrong answers in one sweep.

A call that needs value v (a read of it, a compare-and-set from it) needs somebody who stored v, began before
the call ended, and may have been the last to store: no call that saw or stored something else began after
that one had ended, and ended before the needing call began.  Where nobody is left, no order explains the
answer, whatever the rest of the history is; the search need not try.
"""

from typing import Any

import numpy as np

from checker.kernel import njit
from checker.linear.kernel_schedule import CAS, READ, WRITE

Array = Any

BEFORE_ALL = -1
"""The position at which the initial value was stored."""

NEVER = -2


@njit
def absent(  # noqa: PLR0912, PLR0917 one kernel
    moments: Array, times: tuple[Array, Array], kinds: Array, cells: Array, first: int, other_since: Array
) -> int:
    """The first call to end, by end, that needs a value nobody can have left there; -1: there is none.

    `moments` are those of `kernel_moments.py`, `first` is the initial value. All values are numbered from 0;
    `cells` has no TABLE.  `other_since` is room for a position (int32) per call.
    """
    starts, ends = times
    values = max(np.int64(first), cells[:, 1:].max()) + 1 if len(cells) else np.int64(first) + 1
    stored_until = np.full(values, np.int64(NEVER))
    stored_until[first] = BEFORE_ALL
    for call in np.flatnonzero(starts < 0):
        other_since[call] = NEVER
        what, a, b = cells[kinds[call], 0], cells[kinds[call], 1], cells[kinds[call], 2]
        if what in (WRITE, CAS):
            made = a if what == WRITE else b
            stored_until[made] = max(stored_until[made], ends[call])
    # The latest start among calls that have ended, and among those that saw another value than that one.
    since, value, since_other = np.int64(NEVER), np.int64(-1), np.int64(NEVER)
    for moment in moments:
        call = abs(moment) - 1
        if moment == 0:
            continue
        what, a, b = cells[kinds[call], 0], cells[kinds[call], 1], cells[kinds[call], 2]
        needs = what in (READ, CAS)
        if moment > 0:
            if needs:
                other_since[call] = since_other if value == a else since
            if what in (WRITE, CAS):
                made = a if what == WRITE else b
                stored_until[made] = max(stored_until[made], ends[call])
            continue
        if needs and stored_until[a] < other_since[call]:
            return int(call)
        for seen in (a, b if what == CAS else a):
            if what in (READ, WRITE, CAS):
                if seen == value:
                    since = max(since, starts[call])
                elif starts[call] > since:
                    since_other, since, value = since, starts[call], seen
                else:
                    since_other = max(since_other, starts[call])
    return -1
