"""Looking something up in a sorted part of a column. Kernels that other kernels call (`engine.py`)."""

from typing import NamedTuple

from checker.isolation.columns import Ints
from checker.isolation.facts import Facts


class Near(NamedTuple):
    """The last two writers of each group that have been passed, where transactions are walked in an order.

    `place` [2 g]: the position of the last one, [2 g + 1] of the one before; `writer`: likewise the
    transactions.  All -1 in the beginning.  Mostly one of the two is asked for, and nothing else is looked at.
    """

    place: Ints
    writer: Ints


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


def pass_by(facts: Facts, near: Near, t: int) -> None:
    """A transaction has been passed, and is among those that `last_writer` finds."""
    for w in range(facts.write_start[t], facts.write_start[t + 1]):
        at = 2 * facts.group_of[w]
        near.place[at + 1], near.writer[at + 1] = near.place[at], near.writer[at]
        near.place[at], near.writer[at] = facts.position[t], t


def last_writer(facts: Facts, near: Near, group: int, done: int, limit: int) -> int:
    """Of the writers of one key in one session (`group`), the last one in front of `limit`.

    -1 where there is none, or only in front of `done`.  All in front of `limit` must have been passed.
    """
    at = 2 * group
    if limit <= done or near.place[at] < done:
        return -1
    if near.place[at] < limit:
        return int(near.writer[at])
    if near.place[at + 1] < limit:
        return -1 if near.place[at + 1] < done else int(near.writer[at + 1])
    begin = facts.group_begin[group]
    w = lower_bound(facts.writer_at, begin, facts.group_begin[group + 1], limit) - 1
    if w < begin or facts.writer_at[w] < done:
        return -1
    return int(facts.at[facts.session_start[facts.group_session[group]] + facts.writer_at[w]])
