"""FIFO queues to which no value is enqueued twice: linearizable or not in one sweep.

With distinct values and no crashed dequeue, a history is linearizable if and only if none of these is in it
(Henzinger, Sezgin, Vafeiadis 2013; Bouajjani and others 2015):
  1. a value dequeued that was never enqueued, or dequeued twice;
  2. a value dequeued before its enqueue began;
  3. a value enqueued before another, and dequeued after it or never: enqueue(a) ended before enqueue(b)
     began, and dequeue(b) ended before dequeue(a) began;
  4. a dequeue that found the queue empty while at every moment some value was certainly in it: between the
     end of its enqueue and the start of its dequeue.
A crashed enqueue has no end if its value is dequeued, and is left out if not.

A crashed dequeue may have removed a value that nobody else dequeued, or none.  If the history is in order
without the crashed dequeues, it is in order.  If it is not, even without the values that nobody dequeued, it
never is: whatever the crashed dequeues removed, the others make a history by themselves.  What lies between
is left to the general search.  Linear but for the sorting.
"""

from bisect import bisect_left
from typing import Any

import msgspec

from checker.linear.call import FOREVER, Call, freeze
from checker.linear.explain import described
from checker.linear.prefix import Proof

Array = Any


class FifoColumns(msgspec.Struct, frozen=True, kw_only=True):
    """Per value, as positions: when its enqueue began and ended, and its dequeue (FOREVER: it never did)."""

    enqueue_starts: Array
    enqueue_ends: Array
    dequeue_starts: Array
    dequeue_ends: Array


def judged(calls: list[Call]) -> tuple[bool, Proof | None]:
    """Do the rules decide, and what do they prove: a sentence and the calls that contradict each other?"""
    values = [freeze(call.value) for call in calls if call.f == "enqueue"]
    if len(set(values)) < len(values):
        return False, None
    answered = [call for call in calls if call.f == "enqueue" or not call.crashed]
    proof = _violation(answered)
    if proof is None or len(answered) == len(calls):
        return True, proof
    dequeued = {freeze(call.result) for call in answered if call.f == "dequeue"}
    proof = _violation([call for call in answered if call.f == "dequeue" or freeze(call.value) in dequeued])
    return proof is not None, proof


def _violation(calls: list[Call]) -> Proof | None:
    enqueues = {freeze(call.value): call for call in calls if call.f == "enqueue"}
    dequeues: dict[Any, Call] = {}
    for call in calls:
        if call.f != "dequeue" or call.result is None:
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
    return _overtaking(pairs) or _emptiness(pairs, [call for call in calls if _found_nothing(call)])


def _found_nothing(call: Call) -> bool:
    return call.f == "dequeue" and call.result is None


def _emptiness(pairs: list[tuple[Call, Call | None]], empty: list[Call]) -> Proof | None:
    """A dequeue from an empty queue, within a time in which it never was: from `since` to `until`."""
    if not empty:
        return None
    there = [
        (enqueue.end, FOREVER if dequeue is None else dequeue.start, enqueue)
        for enqueue, dequeue in pairs
        if dequeue is None or enqueue.end < dequeue.start
    ]
    times: list[tuple[int, int, list[Call]]] = []
    for start, end, enqueue in sorted(there, key=lambda time: time[0]):
        if times and start < times[-1][1]:
            since, until, members = times[-1]
            if end > until:
                times[-1] = since, end, [*members[:1], enqueue]
        else:
            times.append((start, end, [enqueue]))
    starts = [since for since, _, _ in times]
    for call in empty:
        at = bisect_left(starts, call.start) - 1
        if at >= 0 and call.end < times[at][1]:
            members = times[at][2]
            told = f"{_by(call)} found nothing, but there was something at every moment: {_by(members[0])}"
            return f"{told} had ended before, and what came later overlapped", [call, *members]
    return None


def _overtaking(pairs: list[tuple[Call, Call | None]]) -> Proof | None:
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
    return contradiction(columns) is None


def contradiction(columns: FifoColumns) -> tuple[int, int] | None:
    """The places of two values (or of one, twice) that break rule 2 or 3. Compiled, as above."""
    import numpy as np

    from checker.linear import kernel_collections as kernel

    enqueues = columns.enqueue_starts, columns.enqueue_ends
    # Of numpy, which asks for large pages: touching memory for the first time is most of the cost.
    moment = np.zeros(kernel.last_position(*enqueues) + 2, np.int32)
    older, newer = kernel.fifo(enqueues, (columns.dequeue_starts, columns.dequeue_ends), moment)
    return None if older < 0 else (older, newer)


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
    return f"{described(call)} by client {call.process} (entry {call.entries[0]})"
