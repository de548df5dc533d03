"""Who wrote a key last, as transactions are passed one after the other.

For a read of x by t3 from t1, the levels ask for the writers of x that are in front of t3, but not in front
of t1: of each session the last one.  Transactions are passed in an order that respects what is in front of
what.  The sessions that wrote a key are kept with the one that did so last first.  Mostly a writer has nearly
all older ones in front of it, so that few sessions need to be looked at: `barrier` says up to where it is so.

Kernels that other kernels call (`engine.py`).  Cost: what is looked at per read and per write is at most the
sessions that write the key, and mostly those whose writes are concurrent.
"""

from typing import NamedTuple

from checker.isolation.columns import Ints
from checker.isolation.engine import Engine
from checker.isolation.facts import Facts
from checker.isolation.search import lower_bound


class Latest(NamedTuple):
    """What has been passed so far. All -1 in the beginning.

    `head` [key]: the group of writers that was passed last, `older` [group], `newer` [group]: the others.
    `turn` [group]: when its last writer was passed.
    `place` [2 group]: the position of that writer, [2 group + 1] of the one before; `writer`: likewise the
    transactions.
    `barrier` [t]: of the groups of each key that it writes, those with a `turn` up to here were in front of t
    when it was passed.
    """

    head: Ints
    older: Ints
    newer: Ints
    turn: Ints
    place: Ints
    writer: Ints
    barrier: Ints


def nobody_yet(facts: Facts, engine: Engine) -> Latest:
    """Nothing has been passed."""
    groups = len(facts.group_begin)
    return Latest(
        head=engine.vector(facts.keys, -1),
        older=engine.vector(groups, -1),
        newer=engine.vector(groups, -1),
        turn=engine.vector(groups, -1),
        place=engine.vector(2 * groups, -1),
        writer=engine.vector(2 * groups, -1),
        barrier=engine.vector(facts.transactions, -1),
    )


# --- kernels ---------------------------------------------------------------------------------------


def pass_by(  # noqa: PLR0917 - a kernel gets its arrays as parameters
    facts: Facts, latest: Latest, t: int, turn: int, clocks: Ints, clock: tuple[int, int, int]
) -> None:
    """A transaction has been passed.

    `clock`: the node whose clock says what is in front of it; how many nodes a transaction has; and which of
    them (from 0) has to be in front.
    """
    barrier = turn
    for w in range(facts.write_start[t], facts.write_start[t + 1]):
        key, group = facts.write_key[w], facts.group_of[w]
        barrier = min(barrier, barrier_of(facts, latest, (key, turn), clocks, clock))
        to_front(latest, key, group)
        latest.turn[group] = turn
    latest.barrier[t] = barrier
    remember(facts, latest, t)


def remember(facts: Facts, latest: Latest, t: int) -> None:
    """From now on, `last_writer` finds this transaction."""
    for w in range(facts.write_start[t], facts.write_start[t + 1]):
        at = 2 * facts.group_of[w]
        latest.place[at + 1], latest.writer[at + 1] = latest.place[at], latest.writer[at]
        latest.place[at], latest.writer[at] = facts.position[t], t


def barrier_of(
    facts: Facts, latest: Latest, what: tuple[int, int], clocks: Ints, clock: tuple[int, int, int]
) -> int:
    """Up to which turn the writers of a key are in front.

    What is in front of something has in front of it what that had, so the search ends at the barrier of the
    first writers that it meets.
    """
    barrier, known = what[1], -1
    node, width, part = clock
    g = latest.head[what[0]]
    while g >= 0 and latest.turn[g] > known:
        if latest.place[2 * g] * width + part < clocks[node][facts.group_session[g]]:
            known = max(known, latest.barrier[latest.writer[2 * g]])
        else:
            barrier = latest.turn[g] - 1
        g = latest.older[g]
    return barrier


def to_front(latest: Latest, key: int, group: int) -> None:
    """Put a group in front of the others of its key."""
    first, older, newer = latest.head[key], latest.older[group], latest.newer[group]
    if first == group:
        return
    if newer >= 0:
        latest.older[newer] = older
        if older >= 0:
            latest.newer[older] = newer
    latest.older[group], latest.newer[group] = first, -1
    if first >= 0:
        latest.newer[first] = group
    latest.head[key] = group


def last_writer(facts: Facts, latest: Latest, group: int, done: int, limit: int) -> int:
    """Of the writers of one key in one session (`group`), the last one in front of `limit`.

    -1 where there is none, or only in front of `done`.  All in front of `limit` must have been passed.
    """
    at = 2 * group
    if limit <= done or latest.place[at] < done:
        return -1
    if latest.place[at] < limit:
        return int(latest.writer[at])
    if latest.place[at + 1] < limit:
        return -1 if latest.place[at + 1] < done else int(latest.writer[at + 1])
    begin = facts.group_begin[group]
    w = lower_bound(facts.writer_at, begin, facts.group_begin[group + 1], limit) - 1
    if w < begin or facts.writer_at[w] < done:
        return -1
    return int(facts.at[facts.session_start[facts.group_session[group]] + facts.writer_at[w]])
