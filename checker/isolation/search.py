"""Looking something up in a sorted part of a column. Kernels that other kernels call (`engine.py`)."""

from checker.isolation.columns import Ints
from checker.isolation.facts import Facts


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


def last_writer(facts: Facts, hint: Ints, group: int, done: int, limit: int) -> int:
    """Of the writers of one key in one session (`group`), the last one in front of `limit`.

    -1 where there is none, or only in front of `done`.  `hint` [group] is where the search before ended.
    """
    if limit <= done:
        return -1
    begin, end = facts.group_begin[group], facts.group_begin[group + 1]
    w = last_below(facts.writer_at, begin, end, hint[group], limit)
    hint[group] = max(w, begin)
    if w < begin or facts.writer_at[w] < done:
        return -1
    return int(facts.at[facts.session_start[facts.group_session[group]] + facts.writer_at[w]])
