"""Writes follow reads: who saw which write when, all of it sorted first.

It needs no cell for each session and key, and bounds what is looked at: of what one session saw of a key, the
writers of each session are a group, and of a group, the latest writer that was seen by then is enough, for
its session puts it behind the others.  Hence a search per group answers what `sightings.py` walks through.

Kernels (`engine.py`); `follow_sorted` adds edges, as in `edges.py`.
"""

from typing import NamedTuple

from checker.isolation.columns import Ints
from checker.isolation.edges import Out, Past, add_edge
from checker.isolation.facts import Facts
from checker.isolation.pending import was_seen
from checker.isolation.search import lower_bound
from checker.isolation.sightings import in_front


class SortedSightings(NamedTuple):
    """Who first read from which writer of a key when: by key (`start` [key + 1]), `session` of the reader,
    session of the writer, and `position` of the reader.

    The last two make a group: `first` is the place of its first one, and `writer` the latest in its session
    of those seen so far.
    """

    start: Ints
    session: Ints
    position: Ints
    first: Ints
    writer: Ints


class Sorting(NamedTuple):
    """What `sort_sightings` works with: a list of reads for each session that was read from (`head` and
    `tail`, -1: empty; `after` [r]), and who read [2 * key] from whom [2 * key + 1] last.

    `seen`: for `was_seen`.
    """

    head: Ints
    tail: Ints
    after: Ints
    last: Ints
    seen: Ints


def count_sightings(facts: Facts, start: Ints, seen: Ints) -> int:
    """Fill `start`. Returns how many there are."""
    for i in range(facts.session_start[facts.sessions]):
        t = facts.at[i]
        for r in range(facts.read_start[t], facts.read_start[t + 1]):
            t2 = facts.read_from[r]
            if t2 != facts.transactions and not was_seen(seen, 0, facts.session_of[t], t2):
                for w in range(facts.write_start[t2], facts.write_start[t2 + 1]):
                    start[facts.write_key[w] + 1] += 1
    for key in range(facts.keys):
        start[key + 1] += start[key]
    return int(start[facts.keys])


def sort_sightings(facts: Facts, known: SortedSightings, work: Sorting) -> None:
    """Fill the rest, one reading session after the other."""
    for session in range(facts.sessions):
        for i in range(facts.session_start[session], facts.session_start[session + 1]):
            t = facts.at[i]
            for r in range(facts.read_start[t], facts.read_start[t + 1]):
                t2 = facts.read_from[r]
                if t2 == facts.transactions or was_seen(work.seen, 0, session, t2):
                    continue
                other = facts.session_of[t2]
                if work.head[other] < 0:
                    work.head[other] = r
                else:
                    work.after[work.tail[other]] = r
                work.tail[other], work.after[r] = r, -1
        for other in range(facts.sessions):
            r, work.head[other] = work.head[other], -1
            while r >= 0:
                put(facts, known, work, (session, other), r)
                r = work.after[r]
    for key in range(facts.keys - 1, 0, -1):
        known.start[key] = known.start[key - 1]
    if facts.keys > 0:
        known.start[0] = 0


def put(facts: Facts, known: SortedSightings, work: Sorting, pair: tuple[int, int], r: int) -> None:
    """What is seen by one read, of the second session by the first: `start` is where each key goes on."""
    t2 = facts.read_from[r]
    for w in range(facts.write_start[t2], facts.write_start[t2 + 1]):
        key = facts.write_key[w]
        at = known.start[key]
        known.start[key] += 1
        known.session[at], known.position[at] = pair[0], facts.position[facts.reader[r]]
        known.first[at], known.writer[at] = at, t2
        if work.last[2 * key] == pair[0] and work.last[2 * key + 1] == pair[1]:
            known.first[at] = known.first[at - 1]
            if facts.position[known.writer[at - 1]] > facts.position[t2]:
                known.writer[at] = known.writer[at - 1]
        work.last[2 * key], work.last[2 * key + 1] = pair


def follow_sorted(facts: Facts, past: Past, known: SortedSightings, out: Out) -> int:
    """`follow_reads`, without the edges that others imply."""
    count, nobody = 0, facts.transactions
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
                low = lower_bound(known.session, known.start[key], known.start[key + 1], session)
                at = lower_bound(known.session, low, known.start[key + 1], session + 1) - 1
                while at >= low:
                    first, last = known.first[at], at
                    at = first - 1
                    if known.position[last] < done:
                        # All of it had been seen in front of t1.
                        continue
                    latest = lower_bound(known.position, first, last + 1, position + 1) - 1
                    if latest < first:
                        continue
                    t2 = known.writer[latest]
                    if t2 == t1 or in_front(facts, past, t2, t1):
                        continue
                    count = add_edge(out, count, t2, r)
                    if t1 == nobody:
                        # One is enough: it is wrong by itself.
                        break
    return count
