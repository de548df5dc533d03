"""FIFO queues to which no value is enqueued twice: linearizable or not in one sweep.

With distinct values, no dequeue from an empty queue and no crashed dequeue, a history is linearizable if and
only if none of these is in it (Henzinger, Sezgin, Vafeiadis 2013; Bouajjani and others 2015):
  1. a value dequeued that was never enqueued, or dequeued twice;
  2. a value dequeued before its enqueue began;
  3. a value enqueued before another, and dequeued after it or never: enqueue(a) ended before enqueue(b)
     began, and dequeue(b) ended before dequeue(a) began.
A crashed enqueue has no end if its value is dequeued, and is left out if not.  Everything else is left to the
general search.  Linear: the third rule is one walk over the positions of the history.
"""

from typing import Any

import msgspec

from checker.linear.call import FOREVER, Call, freeze
from checker.linear.explain import described

Array = Any


class FifoColumns(msgspec.Struct, frozen=True, kw_only=True):
    """Per value, as positions: when its enqueue began and ended, and its dequeue (FOREVER: it never did)."""

    enqueue_starts: Array
    enqueue_ends: Array
    dequeue_starts: Array
    dequeue_ends: Array


def applies(calls: list[Call]) -> bool:
    """Are the values distinct, every dequeue answered, and none of them empty?"""
    values = [freeze(call.value) for call in calls if call.f == "enqueue"]
    if len(set(values)) < len(values):
        return False
    return all(call.f == "enqueue" or (not call.crashed and call.result is not None) for call in calls)


def violation(calls: list[Call]) -> tuple[str, list[Call]] | None:
    """A sentence and the calls that prove it, or None. The calls must be such that the rules apply."""
    enqueues = {freeze(call.value): call for call in calls if call.f == "enqueue"}
    dequeues: dict[Any, Call] = {}
    for call in calls:
        if call.f != "dequeue":
            continue
        value = freeze(call.result)
        enqueue = enqueues.get(value)
        if enqueue is None:
            return f"{_by(call)} returned what nobody had enqueued", [call]
        if value in dequeues:
            return f"{_by(dequeues[value])} and {_by(call)} returned the same", [dequeues[value], call]
        if call.end < enqueue.start:
            return f"{_by(call)} ended before {_by(enqueue)} began", [call, enqueue]
        dequeues[value] = call
    pairs = [
        (enqueue, dequeues.get(value))
        for value, enqueue in enqueues.items()
        if value in dequeues or not enqueue.crashed
    ]
    return _overtaking(pairs)


def _overtaking(pairs: list[tuple[Call, Call | None]]) -> tuple[str, list[Call]] | None:
    """Walk over time, with the value that is dequeued last among those whose enqueue has ended."""
    moments = [(enqueue.start, False, at) for at, (enqueue, _) in enumerate(pairs)]
    moments += [(enqueue.end, True, at) for at, (enqueue, _) in enumerate(pairs)]
    latest: tuple[int, int] = (-1, -1)
    for _, ended, at in sorted(moments):
        enqueue, dequeue = pairs[at]
        if ended:
            latest = max(latest, (dequeue.start if dequeue is not None else FOREVER, at))
        elif dequeue is not None and latest[0] > dequeue.end:
            older, late = pairs[latest[1]]
            after = f"only {_by(late)} came later" if late is not None else "it was never dequeued"
            told = f"{_by(older)} ended before {_by(enqueue)} began, but {_by(dequeue)} came first: {after}"
            return told, [older, enqueue, dequeue, *([late] if late is not None else [])]
    return None


def check_columns(columns: FifoColumns) -> bool:
    """Rules 2 and 3, compiled; rule 1 is a matter of making the columns. Needs numpy and numba."""
    from checker.linear import kernel_collections as kernel

    return bool(
        kernel.fifo(
            columns.enqueue_starts, columns.enqueue_ends, columns.dequeue_starts, columns.dequeue_ends
        )
    )


def columns_of(calls: list[Call]) -> FifoColumns | None:
    """The calls as columns; None where rule 1 is broken. The calls must be such that the rules apply."""
    import numpy as np

    at_value = {freeze(call.value): at for at, call in enumerate(c for c in calls if c.f == "enqueue")}
    rows = np.full((4, len(at_value)), FOREVER, np.int64)
    for call in calls:
        at = at_value.get(freeze(call.value if call.f == "enqueue" else call.result), -1)
        row = 0 if call.f == "enqueue" else 2
        if at < 0 or rows[row, at] != FOREVER:
            return None
        rows[row, at], rows[row + 1, at] = call.start, call.end
    kept = (rows[1] != FOREVER) | (rows[2] != FOREVER)
    starts, ends, dequeue_starts, dequeue_ends = (row[kept].copy() for row in rows)
    return FifoColumns(
        enqueue_starts=starts, enqueue_ends=ends, dequeue_starts=dequeue_starts, dequeue_ends=dequeue_ends
    )


def _by(call: Call) -> str:
    return f"{described(call)} by process {call.process} (entry {call.entries[0]})"
