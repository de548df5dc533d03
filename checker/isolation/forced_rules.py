"""The rules by which one write must come before another (`forced_order.py`), applied in one pass.

Nodes are passed in an order that respects the edges known so far.  What is found on the way counts at once
wherever that is possible, so that few rounds are needed.  Kernels (`engine.py`).
"""

from typing import NamedTuple

from checker.isolation.clocks import hand_on, spread_clock
from checker.isolation.columns import Ints
from checker.isolation.cycle import Neighbours
from checker.isolation.dependency import EdgeColumns, put_edge
from checker.isolation.facts import ABOUT, POSITION, PRIOR, PRIOR_POSITION, WRITER, Facts
from checker.isolation.latest import (
    BARRIER,
    KNOWN,
    TURN,
    Latest,
    enter,
    first,
    following,
    last_before,
    search_before,
    set_barrier,
)
from checker.isolation.versions import Versions

NEAR = 4
"""Integers that are kept of each write that may be the nearest before another: the write, and"""

SINCE, BY, RECENT = 1, 2, 3
"""the position of its transaction, the session of that, and the transaction if it is the last one that was
passed of its session (else -1)."""


class Round(NamedTuple):
    """What the rules work with: `order` of `placed` nodes; `neighbours`: the edges known before, of which
    those from number `since` on are not in the `clocks` yet (-1: it is the first round); `changed` [node]:
    the bits of sessions (`bit` [session]) of which the clock says more than when the rules were applied to it
    last; whether `everything` is new; which nodes the rules have `passed`, and the `latest` writers by then;
    and a vector for the `nearest` writes, as many as sessions."""

    order: Ints
    placed: int
    neighbours: Neighbours
    since: int
    clocks: Ints
    changed: Ints
    bit: Ints
    everything: bool
    passed: Ints
    latest: Latest
    nearest: Ints
    width: int


# --- kernels ---------------------------------------------------------------------------------------


def settle(facts: Facts, versions: Versions, work: Round, out: EdgeColumns, count: int) -> int:
    """The edges that follow, from `count` on. Returns how many there are then."""
    width = work.width
    for i in range(work.placed):
        node = work.order[i]
        t = node // width
        begin = t * width
        end = begin + width - 1
        # What becomes known of it by its own edges is left for the next round.
        news, work.changed[node] = -1 if work.everything else work.changed[node], 0
        if node == begin and news != 0:
            for r in range(facts.read_start[t], facts.read_start[t + 1]):
                count = settle_read(facts, work, (t, r, news), out, count)
        if node == end and news != 0:
            for w in range(facts.write_start[t], facts.write_start[t + 1]):
                count = settle_write(facts, versions, work, (t, w, news), out, count)
        for part in range(width if node == end else 0):
            set_barrier(facts, work.latest, t, i, work.clocks, (end - part, width, part))
        if node == begin:
            enter(facts, work.latest, t, i)
        work.passed[node] = 1
        grown = work.since >= 0 and (news != 0 or work.changed[node] != 0)
        result = (work.clocks, work.changed, work.bit)
        spread_clock(facts, (node, width, work.since), grown, work.neighbours, result)
    return count


def settle_read(facts: Facts, work: Round, what: tuple[int, int, int], out: EdgeColumns, count: int) -> int:
    """Who ended before a read began, and was not seen, is older than what was seen.

    `what`: the transaction, its read, and the bits of the sessions of which more is in front of it.
    """
    t3, r, news = what
    width, clocks, latest = work.width, work.clocks, work.latest
    key, t1 = facts.read_key[r], facts.read_from[r]
    if t1 == facts.transactions:
        return count
    w, barrier = first(latest, key), latest.barrier[t1]
    while w >= 0 and latest.known[KNOWN * w + TURN] > barrier:
        j = facts.session_of[facts.write[ABOUT * w + WRITER]]
        found = -1
        if news & work.bit[j] != 0:
            limit = clocks[t3 * width][j] // width
            done = clocks[t1 * width][j] // width
            found = last_before(facts, w, done, limit)
        if found >= 0 and facts.write[ABOUT * found + WRITER] != t1:
            t2 = facts.write[ABOUT * found + WRITER]
            count = put_edge(out, count, (t2 * width + width - 1, t1 * width, 3, key, t3))
        w = following(latest, w)
    return count


def settle_write(  # noqa: PLR0917 - a kernel gets its arrays as parameters
    facts: Facts, versions: Versions, work: Round, what: tuple[int, int, int], out: EdgeColumns, count: int
) -> int:
    """Who is known to have written a key right before: its readers began before this one ended.

    `what`: the transaction, its write, and the bits of the sessions of which more is in front of it.
    """
    t2, w, news = what
    key = facts.write_key[w]
    found = writes_before(facts, work, t2, key)
    for i in range(found):
        session = work.nearest[NEAR * i + BY]
        if news & work.bit[session] != 0 and not is_overwritten(work, i, found):
            before = work.nearest[NEAR * i]
            t1 = facts.write[ABOUT * before + WRITER]
            count = edges_between(facts, versions, work, (t1, t2, key, before), out, count)
    if found == 0 and work.everything:
        nobody = facts.transactions
        count = edges_between(facts, versions, work, (nobody, t2, key, versions.slots + key), out, count)
    return count


def writes_before(facts: Facts, work: Round, t2: int, key: int) -> int:
    """Fill `nearest` with the last write of the key by each session that is in front of the end of t2; but
    not with all whose turn is up to a barrier: they are in front of others. Returns how many."""
    width, latest, nearest, mine = work.width, work.latest, work.nearest, facts.session_of[t2]
    clock = work.clocks[t2 * width + width - 1]
    known, found, w = -1, 0, first(latest, key)
    while w >= 0 and latest.known[KNOWN * w + TURN] > known:
        at, to = ABOUT * w, NEAR * found
        t = facts.write[at + WRITER]
        j = facts.session_of[t]
        limit = facts.position[t2] if j == mine else (clock[j] + width - 1) // width
        if facts.write[at + POSITION] < limit:
            known = max(known, latest.known[KNOWN * w + BARRIER])
            nearest[to], nearest[to + SINCE] = w, facts.write[at + POSITION]
            nearest[to + BY], nearest[to + RECENT], found = j, t, found + 1
        elif facts.write[at + PRIOR_POSITION] >= 0:
            # It is mostly long ago, and written over: what is kept beside the later one is enough for that.
            before, position = facts.write[at + PRIOR], facts.write[at + PRIOR_POSITION]
            if position >= limit:
                before = search_before(facts, w, 0, limit)
                position = facts.write[ABOUT * before + POSITION] if before >= 0 else -1
            if position >= 0:
                nearest[to], nearest[to + SINCE] = before, position
                nearest[to + BY], nearest[to + RECENT], found = j, -1, found + 1
        w = following(latest, w)
    return found


def is_overwritten(work: Round, at: int, found: int) -> bool:
    """Is one of the recent among the nearest writes known to come after this one?

    A recent one is only passed over for one that was passed later: where there is no order, all might come
    after each other, and if all were passed over, nobody would find that.
    """
    width, nearest = work.width, work.nearest
    session, place = nearest[NEAR * at + BY], nearest[NEAR * at + SINCE] * width
    for i in range(at if nearest[NEAR * at + RECENT] >= 0 else found):
        t = nearest[NEAR * i + RECENT]
        if t >= 0 and place < work.clocks[t * width + width - 1][session]:
            return True
    return False


def edges_between(  # noqa: PLR0917 - a kernel gets its arrays as parameters
    facts: Facts,
    versions: Versions,
    work: Round,
    what: tuple[int, int, int, int],
    out: EdgeColumns,
    count: int,
) -> int:
    """The edges between t1, those who read what it wrote, and t2, which wrote over it."""
    t1, t2, key, version = what
    width, overlap = work.width, False
    if t1 != facts.transactions and width == 2:
        overlap = work.clocks[2 * t2][facts.session_of[t1]] <= 2 * facts.position[t1] + 1
    if overlap:
        count = put_edge(out, count, (2 * t1 + 1, 2 * t2, 4, key, -1))
    for i in range(versions.read_start[version], versions.read_start[version + 1]):
        t3 = versions.reader[i]
        if t3 == t2:
            continue
        past = work.clocks[t2 * width + width - 1][facts.session_of[t3]]
        if past <= facts.position[t3] * width:
            # An edge without room is found again, which it would not be if clocks knew it.
            if count < len(out.source) and work.passed[t3 * width] == 1:
                # The clock of its source is right, so what follows needs no further round.
                place = facts.position[t3] * width
                pair = (t3 * width, t2 * width + width - 1, facts.session_of[t3], place)
                hand_on(pair, (work.clocks, work.changed, work.bit))
            count = put_edge(out, count, (t3 * width, t2 * width + width - 1, 5, key, t1))
    return count
