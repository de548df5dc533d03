"""Looking something up in a sorted part of a column. Kernels that other kernels call (`engine.py`)."""

from checker.isolation.columns import Ints
from checker.isolation.facts import Facts

NEAR = 4
"""Integers that `last_writer` keeps for each group; all -1 before the first search."""


def lower_bound(column: Ints, low: int, high: int, value: int) -> int:
    """The first place in column[low:high] that holds no less than the value; `high` if none does."""
    while low < high:
        middle = (low + high) // 2
        if column[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


def last_below(column: Ints, begin: int, end: int, at: int, limit: int) -> int:
    """The last place in column[begin:end] that holds less than the limit, begin - 1 if none does.

    Looked for from `at` on, in both directions: cheap where limits change little from one time to the next.
    """
    while at + 1 < end and column[at + 1] < limit:
        at += 1
    while at >= begin and column[at] >= limit:
        at -= 1
    return at


def last_writer(facts: Facts, near: Ints, group: int, done: int, limit: int) -> int:
    """Of the writers of one key in one session (`group`), the last one in front of `limit`.

    -1 where there is none, or only in front of `done`.  `near` has where the search before ended, NEAR
    integers for each group, side by side, so that looking there again is one look into memory: the place of
    the writer that was found, its position, that of the next one, and its transaction.
    """
    if limit <= done:
        return -1
    at = NEAR * group
    if limit <= near[at + 1] or limit > near[at + 2]:
        begin, end = facts.group_begin[group], facts.group_begin[group + 1]
        w = last_below(facts.writer_at, begin, end, max(near[at], begin - 1), limit)
        near[at] = w
        near[at + 1] = facts.writer_at[w] if w >= begin else -1
        near[at + 2] = facts.writer_at[w + 1] if w + 1 < end else facts.transactions
        near[at + 3] = -1
        if w >= begin:
            near[at + 3] = facts.at[facts.session_start[facts.group_session[group]] + facts.writer_at[w]]
    if near[at + 1] < done:
        return -1
    return int(near[at + 3])
