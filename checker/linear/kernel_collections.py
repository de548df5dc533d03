"""The sweeps of `fifo.py` and `collection.py`, compiled: linear in calls and positions."""

from typing import Any

import numpy as np

from checker.kernel import njit

Array = Any

NEVER = np.int64(1) << 62
ADD, REMOVE, SAW, MISSED = range(4)


@njit
def fifo(enqueue_starts: Array, enqueue_ends: Array, dequeue_starts: Array, dequeue_ends: Array) -> bool:
    """No dequeue before its enqueue, and no value overtaken by one enqueued wholly after it."""
    span = 0
    for at in range(len(enqueue_starts)):
        span = max(span, enqueue_starts[at])
        if enqueue_ends[at] != NEVER:
            span = max(span, enqueue_ends[at])
        if dequeue_ends[at] < enqueue_starts[at]:
            return False
    # Position -> value, positive where the enqueue began there, negative where it ended.
    moment = np.zeros(span + 2, np.int32)
    for at in range(len(enqueue_starts)):
        moment[enqueue_starts[at] + 1] = at + 1
        if enqueue_ends[at] != NEVER:
            moment[enqueue_ends[at] + 1] = -at - 1
    latest = np.int64(-1)
    for sign in moment:
        if sign < 0:
            latest = max(latest, dequeue_starts[-sign - 1])
        elif sign > 0 and latest > dequeue_ends[sign - 1]:
            return False
    return True


@njit
def elements(elements: Array, what: Array, starts: Array, ends: Array) -> bool:
    """Is every element, on its own, a linearizable flag that goes up once and down once?"""
    count = elements.max() + 1 if len(elements) else 0
    add_start, add_end = np.full(count, NEVER), np.full(count, NEVER)
    remove_start, remove_end = np.full(count, NEVER), np.full(count, NEVER)
    saw_end, saw_start = np.full(count, NEVER), np.full(count, np.int64(-1))
    for at in range(len(elements)):
        element, start, end = elements[at], starts[at], ends[at]
        if what[at] == ADD:
            add_start[element], add_end[element] = start, end
        elif what[at] == REMOVE:
            remove_start[element], remove_end[element] = start, end
        elif what[at] == SAW:
            saw_end[element] = min(saw_end[element], end)
            saw_start[element] = max(saw_start[element], start)
    kept, removed = np.zeros(count, np.bool_), np.zeros(count, np.bool_)
    for element in range(count):
        if add_start[element] == NEVER or (add_end[element] == NEVER and saw_end[element] == NEVER):
            if saw_end[element] != NEVER:
                return False
            kept[element] = True
            add_start[element] = NEVER
            continue
        first = min(add_end[element], saw_end[element])
        if first < add_start[element]:
            return False
        kept[element] = remove_start[element] == NEVER or remove_start[element] < first
        last = max(add_start[element], saw_start[element])
        removed[element] = remove_start[element] != NEVER and last <= remove_end[element]
        saw_end[element], saw_start[element] = first, max(last, remove_start[element])
    for at in range(len(elements)):
        element = elements[at]
        if what[at] == MISSED and add_start[element] != NEVER:
            if starts[at] > saw_end[element]:
                kept[element] = False
            first = min(saw_end[element], remove_end[element])
            if first < starts[at] and ends[at] < saw_start[element]:
                removed[element] = False
    return bool((kept | removed).all())
