"""Writes follow reads: who saw which write when.

Kernels (`engine.py`); the last one adds edges, as in `edges.py`.
"""

from typing import NamedTuple

from checker.isolation.cells import Cells
from checker.isolation.columns import Ints
from checker.isolation.edges import Out
from checker.isolation.facts import Facts
from checker.isolation.pending import was_seen
from checker.isolation.search import last_below, lower_bound

FIRST = 4
"""Integers that `first_sighting` keeps for each cell; all -1 in the beginning."""

FAR = 2**31 - 1
"""A position behind all others."""


class Sightings(NamedTuple):
    """For each key who saw which of its writers when: `start` [cell + 1], then per entry the `session` (empty
    where each has its own cells), the `position` of the transaction in it that first read from the `writer`.
    Ordered by all three."""

    start: Ints
    session: Ints
    position: Ints
    writer: Ints


def sightings(facts: Facts, cells: Cells, seen: Ints, result: Sightings) -> int:
    """Fill `start` (if the rest has no room yet), then the rest. Returns the number of entries."""
    fill = len(result.writer) > 0
    for i in range(len(cells.order)):
        t = cells.order[i]
        session = facts.session_of[t]
        for r in range(facts.read_start[t], facts.read_start[t + 1]):
            t2 = facts.read_from[r]
            if t2 == facts.transactions or was_seen(seen, cells.along, session, t2):
                continue
            for w in range(facts.write_start[t2], facts.write_start[t2 + 1]):
                cell = facts.write_key[w] * cells.across + session * cells.along
                if not fill:
                    result.start[cell + 1] += 1
                    continue
                entry = result.start[cell]
                result.start[cell] += 1
                if cells.along == 0:
                    result.session[entry] = session
                result.position[entry] = facts.position[t]
                result.writer[entry] = t2
    if fill:
        for cell in range(cells.size - 1, 0, -1):
            result.start[cell] = result.start[cell - 1]
        if cells.size > 0:
            result.start[0] = 0
    else:
        for cell in range(cells.size):
            result.start[cell + 1] += result.start[cell]
    return int(result.start[cells.size])


def first_sighting(
    cells: Cells, seen: Sightings, first: Ints, where: tuple[int, int], span: tuple[int, int]
) -> tuple[int, int]:
    """The first thing that a session saw of a key (`where`: both) in a span of its positions; and where what
    it saw of the key ends. Twice the same if there is nothing.

    `first`, where each session has its own cells, has for each FIRST integers of the search before: what was
    found, its position, and from which position on: mostly the answer is still the same, and nothing.
    """
    key, session = where
    position, last = span
    cell = key * cells.across + session * cells.along
    at = FIRST * cell
    if cells.along == 1 and first[at + 2] <= position <= first[at + 1] and first[at + 1] > last:
        return 0, 0
    low, high = seen.start[cell], seen.start[cell + 1]
    if cells.along == 0:
        low = lower_bound(seen.session, low, high, session)
        high = lower_bound(seen.session, low, high, session + 1)
        return lower_bound(seen.position, low, high, position), high
    found = last_below(seen.position, low, high, min(max(low, first[at]), high - 1), position) + 1
    first[at], first[at + 2] = found, position
    first[at + 1] = seen.position[found] if found < high else FAR
    return found, high


def follow_reads(  # noqa: PLR0917 - a kernel gets its arrays as parameters
    facts: Facts, cells: Cells, clocks: Ints, seen: Sightings, first: Ints, out: Out
) -> int:
    """For each read and each transaction that t3 reads from: what the latter's session had read by then.

    What it had read when it was itself in front of t1 is in front of t1 anyway.
    """
    count, room, nobody = 0, len(out.source), facts.transactions
    for t3 in range(facts.transactions):
        begin, end = facts.read_start[t3], facts.read_start[t3 + 1]
        for r in range(begin, end):
            key, t1 = facts.read_key[r], facts.read_from[r]
            for other in range(begin, end):
                source = facts.read_from[other]
                if source == nobody:
                    continue
                session, position = facts.session_of[source], facts.position[source]
                done = clocks[t1][session]
                if position < done:
                    continue
                low, high = first_sighting(cells, seen, first, (key, session), (done, position))
                while low < high and seen.position[low] <= position:
                    t2 = seen.writer[low]
                    low += 1
                    if t2 == t1 or facts.position[t2] < clocks[t1][facts.session_of[t2]]:
                        continue
                    if count < room:
                        out.source[count] = t2
                        out.slot[count] = r
                    count += 1
                    if t1 == nobody:
                        # One is enough: it is wrong by itself.
                        break
    return count
