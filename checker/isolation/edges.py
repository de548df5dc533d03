"""Which write must have come before which: the edges that each level adds to sessions and reads.

All levels here have one shape (Biswas and Enea, "On the complexity of checking transactional consistency",
OOPSLA 2019).  If t3 reads x from t1, and t2 writes x too, and t2 is *in front of* t3 in the sense of the
level, then t2 must come before t1: otherwise t3 should have seen t2, or something newer.  The history
satisfies the level if and only if all such edges, the sessions and the reads leave some order of the
transactions possible, that is, if they form no cycle.  In front of t3 is:

  committed_reads  what t3 read from earlier in the same transaction           (read committed)
  own_writes       the earlier transactions of the session of t3               (read your writes)
  fractured        what t3 reads from; with own_writes                         (read atomic)
  monotonic_reads  what earlier transactions of the session read from
  earlier_writes   what came, in its session, before something that t3 reads from
  behind           everything that sessions and reads put before t3
  follow_reads     what was read, in its session, before (or in) something that t3 reads from

Kernels (`engine.py`), here and in `pending.py` and `sightings.py`.  Each writes `out` as far as it is long,
and returns how many edges there are: the caller makes `out` longer and repeats (`saturation.py`).  Edges that
others imply are left out, which keeps their number linear in practice.  Cost: reads times the smaller of
written and read keys per transaction (the first four), reads times sessions (behind), reads times reads of a
transaction (earlier_writes, follow_reads).
"""

from typing import NamedTuple

from checker.isolation.cells import Cells
from checker.isolation.columns import Ints
from checker.isolation.facts import ABOUT, WRITER, Facts
from checker.isolation.latest import KNOWN, TURN, Latest, first, following, last_before, pass_by
from checker.isolation.search import lower_bound

FAR_MORE = 8
"""Writes of a transaction per read of another from which on they are searched instead of walked."""


class Past(NamedTuple):
    """Transactions in an order that respects sessions and reads, and their vector clocks."""

    order: Ints
    placed: int
    clocks: Ints


class Out(NamedTuple):
    """Room for edges (`order.Edges`)."""

    source: Ints
    slot: Ints


def add_edge(out: Out, count: int, source: int, slot: int) -> int:
    """One edge more, if there is room. Returns how many there are."""
    if count < len(out.source):
        out.source[count], out.slot[count] = source, slot
    return count + 1


def committed_reads(facts: Facts, first: Ints, stamp: Ints, upcoming: Ints, out: Out) -> int:
    """Walk each transaction backwards; `upcoming` [key] is the next read of a key, stamped by transaction.

    Only the next read of a key needs an edge: it has one to the read after it, since it wrote the key too.
    """
    count, nobody = 0, facts.transactions
    for t3 in range(facts.transactions):
        begin, end = facts.read_start[t3], facts.read_start[t3 + 1]
        for r in range(end - 1, begin - 1, -1):
            first[facts.read_from[r]] = r
        for r in range(end - 1, begin - 1, -1):
            t2, read = facts.read_from[r], facts.read_key[r]
            if t2 == nobody:
                low, high = 0, 0
            elif first[t2] == r:
                low, high = facts.write_start[t2], facts.write_start[t2 + 1]
            else:
                low, high = -1, 0
            for w in range(low, high):
                key = read if w == -1 else facts.write_key[w]
                if stamp[key] == t3 and facts.read_from[upcoming[key]] != t2:
                    count = add_edge(out, count, t2, upcoming[key])
            stamp[read] = t3
            upcoming[read] = r
    return count


def own_writes(facts: Facts, cells: Cells, stamp: Ints, last: Ints, out: Out) -> int:
    """The last writer of each key so far in the session, `last` [cell], with a stamp where sessions share
    cells."""
    count = 0
    for i in range(len(cells.order)):
        t3 = cells.order[i]
        session = facts.session_of[t3]
        for r in range(facts.read_start[t3], facts.read_start[t3 + 1]):
            cell = facts.read_key[r] * cells.across + session * cells.along
            if last[cell] < 0 or last[cell] == facts.read_from[r]:
                continue
            if cells.along == 0 and stamp[cell] != session:
                continue
            count = add_edge(out, count, last[cell], r)
        for w in range(facts.write_start[t3], facts.write_start[t3 + 1]):
            cell = facts.write_key[w] * cells.across + session * cells.along
            last[cell] = t3
            if cells.along == 0:
                stamp[cell] = session
    return count


def fractured(facts: Facts, seen: Ints, stamp: Ints, shown: Ints, out: Out) -> int:
    """`shown` [key]: the slot that read the key, stamped by transaction; `seen` [transaction]: by t3.

    A key that was read from two writers gets both edges at once: a cycle, as it should be.
    """
    count, nobody = 0, facts.transactions
    for t3 in range(facts.transactions):
        begin, end = facts.read_start[t3], facts.read_start[t3 + 1]
        for r in range(begin, end):
            key, t1 = facts.read_key[r], facts.read_from[r]
            if stamp[key] == t3 and facts.read_from[shown[key]] != t1:
                for source, slot in ((t1, shown[key]), (facts.read_from[shown[key]], r)):
                    if source != nobody:
                        count = add_edge(out, count, source, slot)
            stamp[key] = t3
            shown[key] = r
        for r in range(begin, end):
            t2 = facts.read_from[r]
            if t2 == nobody or seen[t2] == t3:
                continue
            seen[t2] = t3
            low, high = facts.write_start[t2], facts.write_start[t2 + 1]
            if high - low <= FAR_MORE * (end - begin):
                for w in range(low, high):
                    key = facts.write_key[w]
                    if stamp[key] == t3 and facts.read_from[shown[key]] != t2:
                        count = add_edge(out, count, t2, shown[key])
                continue
            # It wrote far more than t3 read: look for the keys of t3 among its writes instead.
            for slot in range(begin, end):
                w = lower_bound(facts.write_key, low, high, facts.read_key[slot])
                found = w < high and facts.write_key[w] == facts.read_key[slot]
                if found and facts.read_from[slot] != t2:
                    count = add_edge(out, count, t2, slot)
    return count


def behind(facts: Facts, past: Past, latest: Latest, out: Out) -> int:
    """For each read and each session, the last transaction that writes the key and is in front of t3.

    Transactions are walked in an order that respects sessions and reads, so whoever is in front was passed.
    """
    count, clocks = 0, past.clocks
    for i in range(past.placed):
        t3 = past.order[i]
        for r in range(facts.read_start[t3], facts.read_start[t3 + 1]):
            key, t1 = facts.read_key[r], facts.read_from[r]
            w = first(latest, key)
            while w >= 0 and latest.known[KNOWN * w + TURN] > latest.barrier[t1]:
                j = facts.session_of[facts.write[ABOUT * w + WRITER]]
                found = last_before(facts, w, clocks[t1][j], clocks[t3][j])
                if found >= 0 and facts.write[ABOUT * found + WRITER] != t1:
                    count = add_edge(out, count, facts.write[ABOUT * found + WRITER], r)
                w = following(latest, w)
        pass_by(facts, latest, t3, i, past.clocks, (t3, 1, 0))
    return count


def earlier_writes(facts: Facts, past: Past, last: Ints, out: Out) -> int:
    """For each read and each transaction that t3 reads from, the last one of its session before it that
    writes the key. `last` [group]: the write that was passed last, -1 in the beginning."""
    count, nobody = 0, facts.transactions
    for i in range(past.placed):
        t3 = past.order[i]
        begin, end = facts.read_start[t3], facts.read_start[t3 + 1]
        for r in range(begin, end):
            key, t1 = facts.read_key[r], facts.read_from[r]
            for other in range(begin, end):
                source = facts.read_from[other]
                if source == nobody:
                    continue
                j, limit = facts.session_of[source], facts.position[source]
                done = past.clocks[t1][j]
                if limit <= done:
                    continue
                low, high = facts.group_start[key], facts.group_start[key + 1]
                g = lower_bound(facts.group_session, low, high, j)
                if g == high or facts.group_session[g] != j or last[g] < 0:
                    continue
                found = last_before(facts, last[g], done, limit)
                if found >= 0 and facts.write[ABOUT * found + WRITER] != t1:
                    count = add_edge(out, count, facts.write[ABOUT * found + WRITER], r)
        for w in range(facts.write_start[t3], facts.write_start[t3 + 1]):
            last[facts.group_of[w]] = w
    return count
