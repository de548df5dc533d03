"""Writes follow reads: who saw which write when.

For a read of x by t3 from t1, and for each transaction that t3 reads from, the level asks what the session of
that one had seen of x by then.  What it had seen when it was itself in front of t1 is in front of t1, too.
Mostly nothing else is left, and the position of the newest thing seen tells.  For that, transactions are
passed in an order that respects sessions and reads, and each leaves what it has seen (side by side).

Where there are too many pairs of session and key (`cells.py`), where a session comes back to large writers
again and again, or where much is asked about long ago, all that was ever seen is first sorted, then searched.

Kernels (`engine.py`); `follow_reads` adds edges, as in `edges.py`.
"""

from typing import NamedTuple

from checker.isolation.cells import Cells
from checker.isolation.columns import Ints
from checker.isolation.edges import Out, Past
from checker.isolation.facts import Facts
from checker.isolation.pending import was_seen
from checker.isolation.search import lower_bound

NEWEST = 2
"""Integers that are kept of the newest sighting in a cell, side by side: they are looked at together."""


class Sightings(NamedTuple):
    """Who first read from which writer of a key when.

    Each has the `position` of the reader in its session, the `writer`, and the place of the next `older` one
    of the same session and key (-1: none).
    `newest` [NEWEST * cell]: the position of the newest one in a cell, and its place; -1 if there is none.
    `patience` [0]: how many may be passed over on the way to older ones.  `seen`: for `was_seen`.
    Where sessions share cells, sightings are ordered by key (`start` [key + 1]), `session` and position, and
    `newest` has the session instead of the position.
    """

    position: Ints
    writer: Ints
    older: Ints
    newest: Ints
    patience: Ints
    seen: Ints
    start: Ints
    session: Ints


def follow_reads(facts: Facts, cells: Cells, past: Past, seen: Sightings, out: Out) -> int:
    """For each read and each transaction that t3 reads from: what the latter's session had read by then.

    Returns -1 if there was too little room for sightings, or too little patience.
    """
    count, used, room, nobody = 0, 0, len(out.source), facts.transactions
    for i in range(past.placed):
        t3 = past.order[i]
        begin, end = facts.read_start[t3], facts.read_start[t3 + 1]
        for other in range(begin, end):
            source = facts.read_from[other]
            if source == nobody:
                continue
            session, position = facts.session_of[source], facts.position[source]
            for r in range(begin, end):
                key, t1 = facts.read_key[r], facts.read_from[r]
                done = past.clocks[t1][session]
                if position < done:
                    continue
                at = last_sighting(cells, seen, (key, session), (done, position))
                while at >= 0 and seen.position[at] >= done:
                    t2, at = seen.writer[at], seen.older[at]
                    if t2 == t1 or facts.position[t2] < past.clocks[t1][facts.session_of[t2]]:
                        continue
                    if count < room:
                        out.source[count] = t2
                        out.slot[count] = r
                    count += 1
                    if t1 == nobody:
                        # One is enough: it is wrong by itself.
                        break
        if cells.along == 1:
            used = note(facts, cells, seen, t3, used)
            if used < 0 or seen.patience[0] < 0:
                return -1
    return count


def last_sighting(cells: Cells, seen: Sightings, where: tuple[int, int], span: tuple[int, int]) -> int:
    """The last thing that a session saw of a key (`where`: both) in a span of its positions: its place.

    -1, or something in front of the span, if there is none.
    """
    key, session = where
    done, position = span
    if cells.along == 1:
        cell = NEWEST * (key * cells.across + session)
        if seen.newest[cell] < done:
            return -1
        at = seen.newest[cell + 1]
        while at >= 0 and seen.position[at] > position and seen.patience[0] >= 0:
            at = seen.older[at]
            seen.patience[0] -= 1
        return int(at)
    low, high = seen.start[key], seen.start[key + 1]
    low = lower_bound(seen.session, low, high, session)
    high = lower_bound(seen.session, low, high, session + 1)
    at = lower_bound(seen.position, low, high, position + 1) - 1
    return at if at >= low else -1


def note(facts: Facts, cells: Cells, seen: Sightings, t: int, used: int) -> int:
    """From now on, `last_sighting` finds what this transaction read from.

    Returns how much room is used, or -1 if there is not enough.
    """
    session, position = facts.session_of[t], facts.position[t]
    for r in range(facts.read_start[t], facts.read_start[t + 1]):
        t2 = facts.read_from[r]
        if t2 == facts.transactions or was_seen(seen.seen, 1, session, t2):
            continue
        low, high = facts.write_start[t2], facts.write_start[t2 + 1]
        if used + high - low > len(seen.writer):
            return -1
        for w in range(low, high):
            cell = NEWEST * (facts.write_key[w] * cells.across + session)
            seen.position[used], seen.writer[used] = position, t2
            seen.older[used] = seen.newest[cell + 1]
            seen.newest[cell], seen.newest[cell + 1] = position, used
            used += 1
    return used


def sightings_at_most(facts: Facts) -> int:
    """How many sightings there are, if no session reads from a transaction more than once."""
    count = 0
    for r in range(len(facts.read_from)):
        t2 = facts.read_from[r]
        if t2 != facts.transactions:
            count += facts.write_start[t2 + 1] - facts.write_start[t2]
    return count


def sort_sightings(facts: Facts, cells: Cells, seen: Sightings) -> int:
    """Session by session, fill `start` (if the rest has no room yet), then the rest. Returns how many there
    are."""
    fill = len(seen.writer) > 0
    for i in range(len(cells.order)):
        t = cells.order[i]
        session = facts.session_of[t]
        for r in range(facts.read_start[t], facts.read_start[t + 1]):
            t2 = facts.read_from[r]
            if t2 == facts.transactions or was_seen(seen.seen, 0, session, t2):
                continue
            for w in range(facts.write_start[t2], facts.write_start[t2 + 1]):
                key = facts.write_key[w]
                if not fill:
                    seen.start[key + 1] += 1
                    continue
                at, cell = seen.start[key], NEWEST * key
                seen.start[key] += 1
                seen.session[at], seen.position[at], seen.writer[at] = session, facts.position[t], t2
                seen.older[at] = seen.newest[cell + 1] if seen.newest[cell] == session else -1
                seen.newest[cell], seen.newest[cell + 1] = session, at
    if fill:
        for key in range(facts.keys - 1, 0, -1):
            seen.start[key] = seen.start[key - 1]
        if facts.keys > 0:
            seen.start[0] = 0
    else:
        for key in range(facts.keys):
            seen.start[key + 1] += seen.start[key]
    return int(seen.start[facts.keys])
