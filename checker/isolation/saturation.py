"""Runs the edge kernels of a level and gathers what they found.

A kernel is run with room for as many edges as there are reads; where that was too little it said how many
there are, and is run once more with enough.
"""

import functools
from collections.abc import Callable

from checker.isolation import edges as rules
from checker.isolation.cells import Cells, cells_of, session_by_session
from checker.isolation.clocks import no_clocks
from checker.isolation.columns import Ints
from checker.isolation.edges import Out, Past
from checker.isolation.engine import Engine
from checker.isolation.facts import Facts
from checker.isolation.latest import nobody_yet
from checker.isolation.order import Edges, vector_clocks
from checker.isolation.pending import RECENT, Pending, monotonic_reads
from checker.isolation.sightings import NEWEST, Sightings, follow_reads, sightings_at_most
from checker.isolation.sorted_sightings import (
    SortedSightings,
    Sorting,
    count_sightings,
    follow_sorted,
    sort_sightings,
)

PENDING = 1
"""Writes that may be pending at once, per operation, with sessions side by side."""

SIGHTINGS = 32
"""Sightings per operation for which there is room side by side: enough for transactions of a hundred."""

PLACES = 2**31
"""Places that a column of integers can tell apart."""

LOOKS = 16
"""Sightings per operation that may be looked at before they are rather sorted."""

Rule = Callable[[Facts, Past | None, Engine, Out], int]


def past_of(facts: Facts, order: Ints, placed: int, engine: Engine, rows: Ints | None = None) -> Past:
    """Clocks of all transactions, and of the state before all writes; `order` is complete.

    They are put in the first of these rows of zeros, or in new ones.
    """
    clocks = no_clocks(facts, facts.transactions + 1, engine) if rows is None else rows
    engine.run(vector_clocks, facts, order, placed, clocks)
    return Past(order, placed, clocks)


def saturate(facts: Facts, names: tuple[str, ...], past: Past | None, engine: Engine) -> Edges:
    """All edges that these rules of `RULES` add."""
    total = Edges(engine.vector(1), engine.vector(1), 0, -2)
    for name in names:
        attempt = functools.partial(RULES[name], facts, past, engine)
        found = with_room(engine, len(facts.read_from), attempt)
        total = found if total.found == 0 else joined(total, found, engine)
    return total


def with_room(engine: Engine, room: int, attempt: Callable[[Out], int], reads: int = -2) -> Edges:
    """Run a kernel until its edges fit."""
    while True:
        out = Out(engine.vector(max(1, room)), engine.vector(max(1, room)))
        count = int(attempt(out))
        if count <= len(out.source):
            return Edges(out.source, out.slot, count, reads)
        room = count


def joined(first: Edges, second: Edges, engine: Engine) -> Edges:
    """The edges of both."""
    return Edges(
        engine.joined(engine.part(first.source, 0, first.found), engine.part(second.source, 0, second.found)),
        engine.joined(engine.part(first.slot, 0, first.found), engine.part(second.slot, 0, second.found)),
        first.found + second.found,
        first.reads,
    )


def _committed_reads(facts: Facts, past: Past | None, engine: Engine, out: Out) -> int:
    first = engine.vector(facts.transactions + 1)
    stamp, upcoming = engine.vector(facts.keys, -1), engine.vector(facts.keys)
    return int(engine.run(rules.committed_reads, facts, first, stamp, upcoming, out))


def _own_writes(facts: Facts, past: Past | None, engine: Engine, out: Out) -> int:
    cells = cells_of(facts, engine)
    stamp, last = engine.vector(cells.size, -1), engine.vector(cells.size, -1)
    return int(engine.run(rules.own_writes, facts, cells, stamp, last, out))


def _fractured(facts: Facts, past: Past | None, engine: Engine, out: Out) -> int:
    seen = engine.vector(facts.transactions, -1)
    stamp, shown = engine.vector(facts.keys, -1), engine.vector(facts.keys)
    return int(engine.run(rules.fractured, facts, seen, stamp, shown, out))


def _monotonic_reads(facts: Facts, past: Past | None, engine: Engine, out: Out) -> int:
    for walk in (cells_of, session_by_session):
        cells = walk(facts, engine)
        # One session pends each write that it sees once, and each of its reads once more; side by side
        # they mostly need less, for what is settled makes room.
        operations = len(facts.write_key) + len(facts.read_from)
        pool = max(1, operations * (PENDING if cells.along else 1))
        waiting = Pending(
            head=engine.vector(cells.size, -1),
            stamp=engine.vector(cells.size, -1),
            after=engine.vector(pool),
            writer=engine.vector(pool),
            seen=_seen(facts, cells, engine),
        )
        count = int(engine.run(monotonic_reads, facts, cells, waiting, out))
        if count >= 0:
            return count
    raise AssertionError("more was pending in a session than it can have seen")


def _seen(facts: Facts, cells: Cells, engine: Engine) -> Ints:
    """For `pending.was_seen`."""
    return engine.vector(facts.sessions * RECENT if cells.along else facts.transactions, -1)


def _earlier_writes(facts: Facts, past: Past | None, engine: Engine, out: Out) -> int:
    assert past is not None
    last = engine.vector(len(facts.group_session), -1)
    return int(engine.run(rules.earlier_writes, facts, past, last, out))


def _behind(facts: Facts, past: Past | None, engine: Engine, out: Out) -> int:
    assert past is not None
    return int(engine.run(rules.behind, facts, past, nobody_yet(facts, engine), out))


def _follow_reads(facts: Facts, past: Past | None, engine: Engine, out: Out) -> int:
    assert past is not None
    new, cells = engine.vector, cells_of(facts, engine)
    operations, room = len(facts.write_key) + len(facts.read_from), int(engine.run(sightings_at_most, facts))
    if cells.along and room <= min(SIGHTINGS * operations, PLACES - 1):
        newest, seen = new(NEWEST * cells.size, -1), _seen(facts, cells, engine)
        known = Sightings(new(room), new(room), new(room), newest, seen)
        count = int(engine.run(follow_reads, facts, cells, past, known, LOOKS * operations, out))
        if count >= 0:
            return count
    return int(engine.run(follow_sorted, facts, past, _sorted_sightings(facts, engine), out))


def _sorted_sightings(facts: Facts, engine: Engine) -> SortedSightings:
    new, start = engine.vector, engine.vector(facts.keys + 1)
    count = int(engine.run(count_sightings, facts, start, new(facts.transactions, -1)))
    known = SortedSightings(start, new(count), new(count), new(count), new(count))
    work = Sorting(
        head=new(facts.sessions, -1),
        tail=new(facts.sessions),
        after=new(len(facts.read_from)),
        last=new(2 * facts.keys, -1),
        seen=new(facts.transactions, -1),
    )
    engine.run(sort_sightings, facts, known, work)
    return known


RULES: dict[str, Rule] = {
    "committed-reads": _committed_reads,
    "own-writes": _own_writes,
    "fractured": _fractured,
    "monotonic-reads": _monotonic_reads,
    "monotonic-writes": _earlier_writes,
    "follow-reads": _follow_reads,
    "causal": _behind,
}
