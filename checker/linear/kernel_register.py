"""The sweep over zones of `register.py`, compiled."""

from typing import Any

import numpy as np

from checker.kernel import njit

Array = Any

NEVER = np.int64(1) << 62
FINE, UNWRITTEN, FUTURE, OVERLAP, INSIDE = range(5)


@njit
def sweep(  # noqa: PLR0912, PLR0917 one kernel
    clusters: Array, starts: Array, ends: Array, writes: Array, keys: Array, initial: Array
) -> tuple[int, int, int]:
    """(what is wrong or FINE, cluster, the other cluster). Linear in calls and in the span of positions."""
    count = len(keys)
    first_end = np.full(count, NEVER)
    last_start = np.full(count, np.int64(-1))
    written = np.full(count, NEVER)
    first_read = np.full(count, NEVER)
    span = np.int64(0)
    for at in range(len(clusters)):
        cluster, start, end = clusters[at], starts[at], ends[at]
        first_end[cluster] = min(first_end[cluster], end)
        last_start[cluster] = max(last_start[cluster], start)
        if writes[at]:
            written[cluster] = start
        else:
            first_read[cluster] = min(first_read[cluster], end)
        span = max(span, start)
        if end != NEVER:
            span = max(span, end)
    # `at_point[p]` is the cluster whose zone has its first point at position p - 1, plus one.
    at_point = np.zeros(span + 3, np.int32)
    last = np.full(keys.max() + 1 if count else 1, -1)
    for cluster in range(count):
        if initial[cluster]:
            # Written before everything, so that its zone comes first; a key has one initial value.
            if first_read[cluster] != NEVER:
                first_end[cluster] = -1
                last[keys[cluster]] = cluster
            continue
        if written[cluster] == NEVER and first_read[cluster] != NEVER:
            return UNWRITTEN, cluster, -1
        if first_read[cluster] < written[cluster] and written[cluster] != NEVER:
            return FUTURE, cluster, -1
        if first_end[cluster] != NEVER:
            at_point[min(first_end[cluster], last_start[cluster]) + 1] = cluster + 1
    for point in range(len(at_point)):
        cluster = at_point[point] - 1
        if cluster < 0:
            continue
        key = keys[cluster]
        forward = first_end[cluster] < last_start[cluster]
        until = last_start[last[key]] if last[key] >= 0 else np.int64(-1)
        if (point - 1 if forward else first_end[cluster]) < until:
            return (OVERLAP if forward else INSIDE), cluster, last[key]
        if forward:
            last[key] = cluster
    return FINE, -1, -1
