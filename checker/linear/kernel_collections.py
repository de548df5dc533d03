"""The sweeps of `fifo.py` and `collection.py`, compiled: linear in calls and positions."""

from typing import Any

import numpy as np

from checker.kernel import njit

Array = Any

NEVER = np.int64(1) << 62
ADD, REMOVE, SAW, MISSED = range(4)


@njit
def last_position(starts: Array, ends: Array) -> int:
    """The largest start, or end that is not NEVER."""
    span = np.int64(0)
    for at in range(len(starts)):
        span = max(span, starts[at], np.int64(0) if ends[at] == NEVER else ends[at])
    return int(span)


@njit
def fifo(enqueues: Array, dequeues: Array, moment: Array) -> tuple[int, int]:
    """A value dequeued before its enqueue, twice, or one and that by which it was overtaken; -1: neither.

    `enqueues` and `dequeues` have two rows, starts and ends. `moment` (int32, zeros) has two places more than
    there are positions: it becomes the value whose enqueue began there, negative where it ended, plus one.
    """
    enqueue_starts, enqueue_ends = enqueues
    dequeue_starts, dequeue_ends = dequeues
    for at in range(len(enqueue_starts)):
        if dequeue_ends[at] < enqueue_starts[at]:
            return at, at
        moment[enqueue_starts[at] + 1] = at + 1
        if enqueue_ends[at] != NEVER:
            moment[enqueue_ends[at] + 1] = -at - 1
    latest, older = np.int64(-1), -1
    for sign in moment:
        if sign < 0:
            if dequeue_starts[-sign - 1] > latest:
                latest, older = dequeue_starts[-sign - 1], -sign - 1
        elif sign > 0 and latest > dequeue_ends[sign - 1]:
            return int(older), int(sign - 1)
    return -1, -1


@njit
def elements(elements: Array, what: Array, starts: Array, ends: Array, found: Array) -> Array:
    """Which elements are, on their own, a linearizable flag that goes up once and down once?

    `found` (int64) has six columns and a row per element, and is room to work in: of the add start and end,
    of the remove start and end, of those that saw it first end and last start.
    """
    count = len(found)
    for element in range(count):
        for column in range(5):
            found[element, column] = NEVER
        found[element, 5] = -1
    for at in range(len(elements)):
        row, kind = found[elements[at]], what[at]
        if kind == SAW:
            row[4], row[5] = min(row[4], ends[at]), max(row[5], starts[at])
        elif kind != MISSED:
            row[2 * kind], row[2 * kind + 1] = starts[at], ends[at]
    kept, removed = np.zeros(count, np.bool_), np.zeros(count, np.bool_)
    for element in range(count):
        add_start, add_end, remove_start, remove_end, saw_end, saw_start = found[element]
        if add_start == NEVER or (add_end == NEVER and saw_end == NEVER):
            kept[element] = saw_end == NEVER
            found[element, 0] = NEVER
            continue
        first = min(add_end, saw_end)
        if first < add_start:
            found[element, 0] = NEVER
            continue
        kept[element] = remove_start == NEVER or remove_start < first
        last = max(add_start, saw_start)
        removed[element] = remove_start != NEVER and last <= remove_end
        found[element, 4], found[element, 5] = first, max(last, remove_start)
    for at in range(len(elements)):
        row = found[elements[at]]
        if what[at] == MISSED and row[0] != NEVER:
            if starts[at] > row[4]:
                kept[elements[at]] = False
            if min(row[4], row[3]) < starts[at] and ends[at] < row[5]:
                removed[elements[at]] = False
    return kept | removed
