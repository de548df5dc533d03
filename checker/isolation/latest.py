"""Who wrote a key last, as transactions are passed one after the other.

For a read of x by t3 from t1, the levels ask for the writers of x that are in front of t3, but not in front
of t1: of each session the last one.  Transactions are passed in an order that respects what is in front of
what.  The last write of each session that wrote a key is kept in a list, the newest first.  Mostly a writer
has nearly all older ones in front of it, so that few need to be looked at: `barrier` says up to where.

Kernels that other kernels call (`engine.py`).  Cost: what is looked at per read and per write is at most the
sessions that write the key, and mostly those whose writes are concurrent.
"""

from typing import NamedTuple

from checker.isolation.columns import Ints
from checker.isolation.engine import Engine
from checker.isolation.facts import ABOUT, POSITION, PRIOR, PRIOR_POSITION, WRITER, Facts
from checker.isolation.search import lower_bound

KNOWN = 4
"""Integers that are kept of each write that was passed, side by side: they are looked at together."""

OLDER, TURN, BARRIER = 0, 1, 2
"""Where they are: the write of the key that was passed before it; when it was passed (-1 if its session has
written the key again since then, so that it is taken out where it is met); the barrier of its transaction,
and behind it a second one where a transaction has two nodes."""


class Latest(NamedTuple):
    """What has been passed so far.

    `head` [key]: the write that was passed last (-1: none).  `known` [KNOWN * w + OLDER ...].
    `barrier` [t]: of the writes of each key that it writes, those with a turn up to here were in front of t
    when it was passed; the last one is that of the state before all writes. -1 in the beginning.

    Where a transaction has two nodes, it is put in the lists when its beginning is passed, and gets its
    barriers with its end: up to which turn others begin in front of its end, and up to which they end in
    front of its beginning. The second one is `barrier` [t].
    """

    head: Ints
    known: Ints
    barrier: Ints


def nobody_yet(facts: Facts, engine: Engine) -> Latest:
    """Nothing has been passed."""
    return Latest(
        head=engine.vector(facts.keys, -1),
        known=engine.vector(KNOWN * len(facts.group_of)),
        barrier=engine.vector(facts.transactions + 1, -1),
    )


# --- kernels ---------------------------------------------------------------------------------------


def pass_by(  # noqa: PLR0917 - a kernel gets its arrays as parameters
    facts: Facts, latest: Latest, t: int, turn: int, clocks: Ints, clock: tuple[int, int, int]
) -> None:
    """A transaction has been passed.

    `clock`: the node whose clock says what is in front of it; how many nodes a transaction has; and which of
    them (from 0) has to be in front: so many barriers come before this one.
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
    _, width, part = clock
    if part == width - 1:
        latest.barrier[t] = barrier
    for w in range(facts.write_start[t], facts.write_start[t + 1]):
        latest.known[KNOWN * w + BARRIER + part] = barrier


def enter(facts: Facts, latest: Latest, t: int, turn: int) -> None:
    """From now on it is the last one of its session that wrote its keys."""
    known = latest.known
    for w in range(facts.write_start[t], facts.write_start[t + 1]):
        at, key, prior = KNOWN * w, facts.write_key[w], facts.write[ABOUT * w + PRIOR]
        known[at + OLDER], latest.head[key] = latest.head[key], w
        known[at + TURN], known[at + BARRIER], known[at + BARRIER + 1] = turn, latest.barrier[t], -1
        if prior >= 0:
            known[KNOWN * prior + TURN] = -1


def barrier_of(
    facts: Facts, latest: Latest, what: tuple[int, int], clocks: Ints, clock: tuple[int, int, int]
) -> int:
    """Up to which turn the writers of a key are in front.

    What is in front of something has in front of it what that had, so the search ends at the barrier of the
    first writers that it meets.
    """
    key, barrier = what
    known, w = -1, first(latest, key)
    node, width, part = clock
    while w >= 0 and latest.known[KNOWN * w + TURN] > known:
        session = facts.session_of[facts.write[ABOUT * w + WRITER]]
        if facts.write[ABOUT * w + POSITION] * width + part < clocks[node][session]:
            known = max(known, latest.known[KNOWN * w + BARRIER + part])
        else:
            barrier = latest.known[KNOWN * w + TURN] - 1
        w = following(latest, w)
    return barrier


def first(latest: Latest, key: int) -> int:
    """The last write of a key, -1 if there is none."""
    w = latest.head[key]
    while w >= 0 and latest.known[KNOWN * w + TURN] < 0:
        w = latest.known[KNOWN * w + OLDER]
    latest.head[key] = w
    return int(w)


def following(latest: Latest, w: int) -> int:
    """The next older one that is the last of its session, -1 if there is none."""
    older = latest.known[KNOWN * w + OLDER]
    while older >= 0 and latest.known[KNOWN * older + TURN] < 0:
        older = latest.known[KNOWN * older + OLDER]
    latest.known[KNOWN * w + OLDER] = older
    return int(older)


def last_before(facts: Facts, w: int, done: int, limit: int) -> int:
    """Of the writes of a key by one session, up to this one, the last one in front of `limit`; -1 where there
    is none, or only in front of `done`."""
    at = ABOUT * w
    if limit <= done or facts.write[at + POSITION] < done:
        return -1
    if facts.write[at + POSITION] < limit:
        return w
    if facts.write[at + PRIOR_POSITION] < done:
        return -1
    if facts.write[at + PRIOR_POSITION] < limit:
        return int(facts.write[at + PRIOR])
    return search_before(facts, w, done, limit)


def search_before(facts: Facts, w: int, done: int, limit: int) -> int:
    """The same, wherever it is."""
    begin, end = facts.group_begin[facts.group_of[w]], facts.group_begin[facts.group_of[w] + 1]
    at = lower_bound(facts.writer_at, begin, end, limit) - 1
    if at < begin or facts.writer_at[at] < done:
        return -1
    session = facts.session_of[facts.write[ABOUT * w + WRITER]]
    t = facts.at[facts.session_start[session] + facts.writer_at[at]]
    return lower_bound(facts.write_key, facts.write_start[t], facts.write_start[t + 1], facts.write_key[w])
