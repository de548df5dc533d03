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

WIDTH = 4
"""Integers that are kept of each group, side by side: they are looked at together."""

WRITER, BEFORE, OLDER, NEWER = 0, 1, 2, 3
"""Where they are: the last writer that was passed and the one before, and the groups of the key that were
passed next before and after. Nothing else, so that the groups of many keys stay near the processor."""


class Latest(NamedTuple):
    """What has been passed so far. All -1 in the beginning.

    `head` [key]: the group of writers that was passed last.  `group` [WIDTH * group + WRITER ...].
    `turn` [t]: when it was passed.
    `barrier` [t]: of the groups of each key that it writes, those with a turn up to here were in front of t
    when it was passed; the last one is that of the state before all writes.
    """

    head: Ints
    group: Ints
    turn: Ints
    barrier: Ints


def nobody_yet(facts: Facts, engine: Engine) -> Latest:
    """Nothing has been passed."""
    return Latest(
        head=engine.vector(facts.keys, -1),
        group=engine.vector(WIDTH * len(facts.group_begin), -1),
        turn=engine.vector(facts.transactions, -1),
        barrier=engine.vector(facts.transactions + 1, -1),
    )


# --- kernels ---------------------------------------------------------------------------------------


def pass_by(  # noqa: PLR0917 - a kernel gets its arrays as parameters
    facts: Facts, latest: Latest, t: int, turn: int, clocks: Ints, clock: tuple[int, int, int]
) -> None:
    """A transaction has been passed.

    `clock`: the node whose clock says what is in front of it; how many nodes a transaction has; and which of
    them (from 0) has to be in front.
    """
    set_barrier(facts, latest, t, turn, clocks, clock)
    enter(facts, latest, t, turn)


def set_barrier(  # noqa: PLR0917 - a kernel gets its arrays as parameters
    facts: Facts, latest: Latest, t: int, turn: int, clocks: Ints, clock: tuple[int, int, int]
) -> None:
    """What is in front of it is known by now. As above."""
    barrier = turn
    for w in range(facts.write_start[t], facts.write_start[t + 1]):
        barrier = min(barrier, barrier_of(facts, latest, (facts.write_key[w], turn), clocks, clock))
    latest.barrier[t] = barrier


def enter(facts: Facts, latest: Latest, t: int, turn: int) -> None:
    """From now on it is the last one of its session that wrote its keys."""
    for w in range(facts.write_start[t], facts.write_start[t + 1]):
        to_front(latest, facts.write_key[w], facts.group_of[w])
    latest.turn[t] = turn
    remember(facts, latest, t)


def remember(facts: Facts, latest: Latest, t: int) -> None:
    """From now on, `last_writer` finds this transaction."""
    for w in range(facts.write_start[t], facts.write_start[t + 1]):
        at = WIDTH * facts.group_of[w]
        latest.group[at + BEFORE], latest.group[at + WRITER] = latest.group[at + WRITER], t


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
    while g >= 0:
        writer = latest.group[WIDTH * g + WRITER]
        turn = latest.turn[writer]
        if turn <= known:
            break
        if facts.position[writer] * width + part < clocks[node][facts.session_of[writer]]:
            known = max(known, latest.barrier[writer])
        else:
            barrier = turn - 1
        g = latest.group[WIDTH * g + OLDER]
    return barrier


def turn_of(latest: Latest, group: int) -> int:
    """When the last writer of a group was passed. It must have one."""
    return int(latest.turn[latest.group[WIDTH * group + WRITER]])


def to_front(latest: Latest, key: int, group: int) -> None:
    """Put a group in front of the others of its key."""
    known, at, first = latest.group, WIDTH * group, latest.head[key]
    if first == group:
        return
    older, newer = known[at + OLDER], known[at + NEWER]
    if newer >= 0:
        known[WIDTH * newer + OLDER] = older
        if older >= 0:
            known[WIDTH * older + NEWER] = newer
    known[at + OLDER], known[at + NEWER] = first, -1
    if first >= 0:
        known[WIDTH * first + NEWER] = group
    latest.head[key] = group


def last_writer(facts: Facts, latest: Latest, group: int, done: int, limit: int) -> int:
    """Of the writers of one key in one session (`group`), the last one in front of `limit`.

    -1 where there is none, or only in front of `done`.  All in front of `limit` must have been passed.
    """
    writer = latest.group[WIDTH * group + WRITER]
    if limit <= done or writer < 0 or facts.position[writer] < done:
        return -1
    if facts.position[writer] < limit:
        return int(writer)
    before = latest.group[WIDTH * group + BEFORE]
    if before < 0 or facts.position[before] < done:
        return -1
    if facts.position[before] < limit:
        return int(before)
    begin = facts.group_begin[group]
    w = lower_bound(facts.writer_at, begin, facts.group_begin[group + 1], limit) - 1
    if w < begin or facts.writer_at[w] < done:
        return -1
    return int(facts.at[facts.session_start[facts.group_session[group]] + facts.writer_at[w]])
