"""The sweep over zones of `register.py`, compiled.

Beyond some million calls the time goes into memory outside of the cache, and above all into touching it for
the first time.  Positions are therefore kept in 32 bits, and the arrays come from numpy, which asks for
large pages.
"""

from typing import Any

import numpy as np

from checker.kernel import njit

Array = Any

NEVER = np.int32(2**31 - 1)
SPAN_MAX = 2**31 - 4
"""Positions up to here; a column of calls that may lie beyond is refused (`register.check_columns`)."""

FINE, UNWRITTEN, FUTURE, OVERLAP, INSIDE = range(5)


@njit
def zones(clusters: Array, starts: Array, ends: Array, writes: Array, found: Array) -> int:
    """Fill `found` per cluster: first end, last start, start of the write, first end of a read (int32).

    Returns the last position.
    """
    for cluster in range(len(found)):
        found[cluster, 0] = found[cluster, 2] = found[cluster, 3] = NEVER
        found[cluster, 1] = -1
    span = np.int64(0)
    for at in range(len(clusters)):
        cluster, start, end = clusters[at], starts[at], ends[at]
        span = max(span, start)
        if end < NEVER:
            span = max(span, end)
        else:
            end = np.int64(NEVER)
        found[cluster, 0] = min(found[cluster, 0], end)
        found[cluster, 1] = max(found[cluster, 1], start)
        # No branches: which calls write is nothing that a processor could guess.
        write = writes[at]
        found[cluster, 2] = start if write else found[cluster, 2]
        found[cluster, 3] = min(found[cluster, 3], NEVER if write else end)
    return int(span)


@njit
def sweep(found: Array, at_point: Array, keys: Array, initial: Array, wrong: Array) -> tuple[int, int, int]:
    """The first contradiction: what it is or FINE, the cluster, the other cluster.

    `wrong` has a row per key: one contradiction of that key, in the same way. `at_point` (int32, zeros) has a
    place per position and three more: `at_point[p]` becomes the cluster whose zone has its first point at
    position p - 1, plus one, and then the clusters in that order. Linear in clusters and positions.
    """
    last = np.full(len(wrong), np.int32(-1), np.int32)
    first = (np.int64(FINE), np.int64(-1), np.int64(-1))
    for cluster in range(len(found)):
        first_end, last_start, written, first_read = found[cluster]
        kind = FINE
        if initial[cluster]:
            # Written before everything, so that its zone comes first; a key has one initial value.
            if first_read != NEVER:
                found[cluster, 0] = -1
                last[keys[cluster]] = cluster
            continue
        if written == NEVER and first_read != NEVER:
            kind = UNWRITTEN
        elif first_read < written and written != NEVER:
            kind = FUTURE
        elif first_end != NEVER:
            at_point[min(first_end, last_start) + 1] = cluster + 1
        if kind != FINE and wrong[keys[cluster], 0] == FINE:
            wrong[keys[cluster], 0], wrong[keys[cluster], 1], wrong[keys[cluster], 2] = kind, cluster, -1
            if first[0] == FINE:
                first = (np.int64(kind), np.int64(cluster), np.int64(-1))
    count = 0
    for point in range(len(at_point)):
        cluster = at_point[point] - 1
        at_point[count] = cluster
        count += cluster >= 0
    for at in range(count):
        cluster = at_point[at]
        key, first_end, last_start = keys[cluster], found[cluster, 0], found[cluster, 1]
        other = last[key]
        until = found[other, 1] if other >= 0 else -1
        if first_end < until and wrong[key, 0] == FINE:
            kind = OVERLAP if first_end < last_start else INSIDE
            wrong[key, 0], wrong[key, 1], wrong[key, 2] = kind, cluster, other
            if first[0] == FINE:
                first = (np.int64(kind), np.int64(cluster), np.int64(other))
        last[key] = cluster if first_end < last_start else other
    return int(first[0]), int(first[1]), int(first[2])
