"""What happened at which position of a history, compiled: a walk in time without sorting."""

from typing import Any

import numpy as np

from checker.kernel import njit

Array = Any


@njit
def span_of(starts: Array, ends: Array, crashed: Array) -> int:
    """One more than the last position at which something happened."""
    last = np.int64(-1)
    for call in range(len(starts)):
        last = max(last, starts[call])
        if not crashed[call]:
            last = max(last, ends[call])
    return int(last) + 1


@njit
def place_calls(times: tuple[Array, Array], crashed: Array, moments: Array) -> None:
    """Fill `moments`: position -> call + 1 where it began, -(call + 1) where it ended, 0 for neither."""
    starts, ends = times
    moments[:] = 0
    for call in range(len(starts)):
        if starts[call] >= 0:
            moments[starts[call]] = call + 1
        if not crashed[call]:
            moments[ends[call]] = -call - 1


@njit
def moments_of(times: tuple[Array, Array], crashed: Array) -> Array:
    """Every position of the history with the call that began or ended there (`place_calls`)."""
    moments = np.empty(span_of(*times, crashed), np.int32)
    place_calls(times, crashed, moments)
    return moments


@njit
def extent(starts: Array, crashed: Array, moments: Array) -> tuple[int, int, int]:
    """How many levels and entries the whole plan has, and how many calls are open at most."""
    now = int(np.count_nonzero((starts < 0) & ~crashed))
    levels = entries = widest = 0
    for moment in moments:
        if moment > 0:
            now += not crashed[moment - 1]
        elif moment < 0:
            levels, entries, widest = levels + 1, entries + now, max(widest, int(now))
            now -= 1
    return levels, entries, widest
