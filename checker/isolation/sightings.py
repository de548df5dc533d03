"""Writes follow reads: who saw which write when, as transactions are passed one after the other.

For a read of x by t3 from t1, and for each transaction that t3 reads from, the level asks what the session of
that one had seen of x by then.  What it had seen when it was itself in front of t1 is in front of t1, too.
Mostly nothing else is left, and the position of the newest thing seen tells.  For that, transactions are
passed in an order that respects sessions and reads, and each leaves what it has seen.

That is not the way where there are too many cells, where large writers are read again and again, where much
is asked about long ago, or where much of what was seen is in front of t1 anyway: see `sorted_sightings.py`.

Kernels (`engine.py`); `follow_reads` adds edges, as in `edges.py`.
"""

from typing import NamedTuple

from checker.isolation.cells import Cells
from checker.isolation.columns import Ints
from checker.isolation.edges import Out, Past, add_edge
from checker.isolation.facts import Facts
from checker.isolation.pending import was_seen

NEWEST = 2
"""Integers that are kept of the newest sighting in a cell, side by side: they are looked at together."""


class Sightings(NamedTuple):
    """Who first read from which writer of a key when, with a cell for each session and key.

    Each has the `position` of the reader in its session, the `writer`, and the place of the next `older` one
    in the same cell (-1: none).
    `newest` [NEWEST * cell]: the position of the newest one in the cell, and its place; -1 if there is none.
    `seen`: for `was_seen`.
    """

    position: Ints
    writer: Ints
    older: Ints
    newest: Ints
    seen: Ints


def follow_reads(  # noqa: PLR0917 - a kernel gets its arrays as parameters
    facts: Facts, cells: Cells, past: Past, known: Sightings, patience: int, out: Out
) -> int:
    """For each read and each transaction that t3 reads from: what the latter's session had read by then.

    `patience`: how many sightings may be looked at, besides one per question on average. Returns -1 if that
    was not enough.
    """
    count, used, nobody = 0, 0, facts.transactions
    for i in range(past.placed):
        t3 = past.order[i]
        begin, end = facts.read_start[t3], facts.read_start[t3 + 1]
        patience += (end - begin) * (end - begin)
        for other in range(begin, end):
            source = facts.read_from[other]
            if source == nobody:
                continue
            session, position = facts.session_of[source], facts.position[source]
            for r in range(begin, end):
                t1 = facts.read_from[r]
                done = past.clocks[t1][session]
                cell = NEWEST * (facts.read_key[r] * cells.across + session)
                if position < done or known.newest[cell] < done:
                    continue
                at = known.newest[cell + 1]
                while at >= 0 and known.position[at] >= done and patience >= 0:
                    patience -= 1
                    t2, late, at = known.writer[at], known.position[at] > position, known.older[at]
                    if late or t2 == t1 or in_front(facts, past, t2, t1):
                        continue
                    count = add_edge(out, count, t2, r)
                    if t1 == nobody:
                        # One is enough: it is wrong by itself.
                        break
        used = note(facts, cells, known, t3, used)
        if patience < 0:
            return -1
    return count


def in_front(facts: Facts, past: Past, t2: int, t1: int) -> bool:
    """Do sessions and reads put one before the other?"""
    return bool(facts.position[t2] < past.clocks[t1][facts.session_of[t2]])


def note(facts: Facts, cells: Cells, known: Sightings, t: int, used: int) -> int:
    """What a transaction read from is known from now on. Returns how much room is used."""
    session, position = facts.session_of[t], facts.position[t]
    for r in range(facts.read_start[t], facts.read_start[t + 1]):
        t2 = facts.read_from[r]
        if t2 == facts.transactions or was_seen(known.seen, 1, session, t2):
            continue
        for w in range(facts.write_start[t2], facts.write_start[t2 + 1]):
            cell = NEWEST * (facts.write_key[w] * cells.across + session)
            known.position[used], known.writer[used] = position, t2
            known.older[used] = known.newest[cell + 1]
            known.newest[cell], known.newest[cell + 1] = position, used
            used += 1
    return used


def sightings_at_most(facts: Facts) -> int:
    """How many there are at most: what a session reads from again may be noted again."""
    count = 0
    for r in range(len(facts.read_from)):
        t2 = facts.read_from[r]
        if t2 != facts.transactions:
            count += facts.write_start[t2 + 1] - facts.write_start[t2]
    return count
