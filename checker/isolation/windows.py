"""Circles in a graph whose nodes are nearly in order: they are near where an edge leads back.

Of a circle, some edge leads back in the row (`line.py`); and all of it lies between places that edges lead
back over.  So only those windows are looked at, which overlapping edges back make one.  In a good row they
are few and short.  They are sorted (`sorting.py`), and what is left of them are the nodes that all lead to
each other.  These are run again (`schedule.py`), with something more that is supposed to be known, until
nothing is left: all edges lead forward then, so there is no circle at all.  Kernels (`engine.py`).
"""

from typing import NamedTuple

from checker.isolation.columns import Ints
from checker.isolation.cycle import Neighbours, knots
from checker.isolation.dependency import EdgeColumns
from checker.isolation.facts import ABOUT, WRITER, Facts
from checker.isolation.line import Line
from checker.isolation.pins import Pins, pinned_back, pins_from
from checker.isolation.ranges import (
    Ranges,
    number_places,
    reach_again,
    reach_back,
    unite,
    windows_of,
)
from checker.isolation.schedule import Schedule
from checker.isolation.sorting import sort_windows, sorting
from checker.isolation.versions import Versions

ROOM = 8
"""Edges inside windows for which there is room at first, for each node."""


class Inside(NamedTuple):
    """The edges inside windows: from number `tail` to number `head`; `third` as for pins."""

    tail: Ints
    head: Ints
    third: Ints


class Circling(NamedTuple):
    """Which transactions circles are about, and the number of the `knot`: those with a node on one, each once
    or twice, and those of whose writes an edge speaks (also the state before all writes)."""

    transaction: Ints
    knot: Ints


class Windows:
    """The windows of a row in which there may still be circles."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule, self._engine = schedule, schedule.graph.engine
        self._facts, self._versions = schedule.graph.facts, schedule.versions
        self._width, self._line = schedule.graph.width, schedule.line
        self.ranges = self._first()

    def circles(self, pins: Pins) -> Circling:
        """All edges on circles. Windows are sorted, so that of each only its knots are left."""
        low = self.ranges.low
        if not len(low):
            return Circling(*(self._engine.vector(0) for _ in Circling._fields))
        inside = self._inside(pins)
        size = int(self.ranges.first[len(low)])
        index, label = knots(size, inside.tail, inside.head, self._engine.flags(size), self._engine)
        new, room = self._engine.vector, size + len(inside.tail)
        found, told = Circling(new(room), new(room)), self._engine.flags(size)
        work = (self.ranges, inside, label, told, found)
        kept = int(self._engine.run(on_circles, self._width, self._line, work))
        ranges = self._of(new(size), new(size), size)
        run = (self._line, self.ranges, (index, label), sorting(size, self._engine), ranges)
        count = int(self._engine.run(sort_windows, *run))
        self.ranges = self._of(ranges.low, ranges.high, count)
        return Circling(*(self._engine.head(column, kept) for column in found))

    def transactions(self) -> set[int]:
        """Those of which something is in a window."""
        room = self._engine.vector(int(self._engine.run(number_places, self.ranges)))
        self._engine.run(list_transactions, self._width, self._line, self.ranges, room)
        return set(self._engine.listed(room))

    def reach(self, pins: Pins) -> bool:
        """Let windows reach as far as pins lead back. True if that goes beyond them."""
        engine, known = self._engine, self.ranges
        ends = engine.vector(len(pins.source)), engine.vector(len(pins.source))
        count = int(engine.run(pinned_back, pins, self._line.place, *ends))
        both = [
            engine.joined(old, engine.head(new, count))
            for old, new in zip((known.low, known.high), ends, strict=True)
        ]
        self._unite(both)
        return int(engine.run(number_places, self.ranges)) > int(engine.run(number_places, known))

    def run_again(self, pins: Pins) -> None:
        """Find another order inside the windows. Then they are where edges still lead back."""
        run, engine = (self.ranges.low, self.ranges.high), self._engine
        self._schedule.run_again(run, pins)
        room = int(engine.run(number_places, self.ranges)) + len(run[0])
        ends = engine.vector(room), engine.vector(room)
        setting = (self._facts, self._versions, self._width, self._line)
        count = int(engine.run(reach_again, *setting, run, ends))
        self._unite([engine.head(column, count) for column in ends])

    def _first(self) -> Ranges:
        reach = self._engine.vector(len(self._line.at), -1)
        back = int(self._engine.run(reach_back, self._facts, self._versions, self._width, self._line, reach))
        low, high = self._engine.vector(back), self._engine.vector(back)
        return self._of(low, high, int(self._engine.run(windows_of, reach, low, high)))

    def _unite(self, ends: list[Ints]) -> None:
        low, high = self._engine.arranged(ends, ends[0])
        self.ranges = self._of(low, high, int(self._engine.run(unite, low, high)))

    def _of(self, low: Ints, high: Ints, count: int) -> Ranges:
        new = self._engine.vector
        low, high = self._engine.head(low, count), self._engine.head(high, count)
        return Ranges(low, high, new(count + 1), new(count + 1), self._engine.flags(count))

    def _inside(self, pins: Pins) -> Inside:
        size = int(self._engine.run(number_places, self.ranges))
        graph, room = self._schedule.graph, ROOM * size
        edges, index = graph.neighbours()
        while True:
            out = Inside(*(self._engine.vector(room) for _ in Inside._fields))
            work = (edges, index, pins, self.ranges, out)
            run = self._engine.run
            count = int(run(edges_inside, self._facts, self._versions, self._width, self._line, work))
            if count <= room:
                return Inside(*(self._engine.head(column, count) for column in out))
            room = count


# --- kernels ---------------------------------------------------------------------------------------


def edges_inside(
    facts: Facts,
    versions: Versions,
    width: int,
    line: Line,
    work: tuple[EdgeColumns, Neighbours, Pins, Ranges, Inside],
) -> int:
    """Fill `edge` and `stuck`, and the edges as far as there is room. Returns how many there are."""
    edges, index, pins, ranges, out = work
    count = 0
    for window in range(len(ranges.low)):
        low, high = ranges.low[window], ranges.high[window]
        shift = ranges.first[window] - low
        for i in range(low, high + 1):
            node = line.at[i]
            ranges.stuck[window] |= line.stuck[node]
            for k in range(index.start[node], index.start[node + 1]):
                e = index.edge[k]
                there = line.place[index.after[k]]
                if low <= there <= high:
                    third = edges.third[e] if edges.kind[e] == 5 else -1
                    count = put(out, count, (i + shift, there + shift, third))
            begin, end = pins_from(pins, node)
            for p in range(begin, end):
                there = line.place[pins.target[p]]
                if low <= there <= high:
                    count = put(out, count, (i + shift, there + shift, pins.third[p]))
            count = edges_to_writes(facts, versions, line, (i, width, low, high, shift), out, count)
        ranges.edge[window + 1] = count
    return count


def list_transactions(width: int, line: Line, ranges: Ranges, out: Ints) -> None:
    """The transaction of each place that is inside; the places are numbered."""
    for window in range(len(ranges.low)):
        for i in range(ranges.low[window], ranges.high[window] + 1):
            out[ranges.first[window] + i - ranges.low[window]] = line.at[i] // width


def put(out: Inside, count: int, edge: tuple[int, int, int]) -> int:
    """One edge more, if there is room. Returns how many there are."""
    if count < len(out.tail):
        out.tail[count], out.head[count], out.third[count] = edge
    return count + 1


def edges_to_writes(  # noqa: PLR0917 - a kernel gets its arrays as parameters
    facts: Facts,
    versions: Versions,
    line: Line,
    where: tuple[int, int, int, int, int],
    out: Inside,
    count: int,
) -> int:
    """Each write of a transaction comes after the one that it wrote over, and after those who read that:
    the edges to its node at this place. Returns how many there are.

    Where it could not be run, that is because of a circle of other edges, and only that one counts.
    """
    at, width, low, high, shift = where
    node = line.at[at]
    t = node // width
    if line.stuck[t * width + width - 1] == 1:
        return count
    for w in range(facts.write_start[t], facts.write_start[t + 1]):
        before, t1 = line.previous[w], facts.transactions
        if before < versions.slots:
            t1 = facts.write[ABOUT * before + WRITER]
            here = line.place[t1 * width + width - 1]
            if node == t * width and low <= here <= high:
                count = put(out, count, (here + shift, at + shift, -1))
        if node != t * width + width - 1:
            continue
        for i in range(versions.read_start[before], versions.read_start[before + 1]):
            t3 = versions.reader[i]
            here = line.place[t3 * width]
            if low <= here <= high and t3 != t:
                count = put(out, count, (here + shift, at + shift, t1))
    return count


def on_circles(width: int, line: Line, work: tuple[Ranges, Inside, Ints, Ints, Circling]) -> int:
    """Fill what is found. Returns how much that is. `told` [number of a place]: 1 if it is among it."""
    ranges, inside, label, told, found = work
    count = 0
    for window in range(len(ranges.low)):
        shift = ranges.low[window] - ranges.first[window]
        for e in range(ranges.edge[window], ranges.edge[window + 1]):
            tail, head = inside.tail[e], inside.head[e]
            if label[tail] != label[head]:
                continue
            for end in (tail, head):
                if told[end] == 0:
                    told[end] = 1
                    found.transaction[count], found.knot[count] = line.at[end + shift] // width, label[tail]
                    count += 1
            if inside.third[e] >= 0:
                found.transaction[count], found.knot[count] = inside.third[e], label[tail]
                count += 1
    return count
