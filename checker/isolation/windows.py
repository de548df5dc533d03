"""Circles in a graph whose nodes are nearly in order: they are near where an edge leads back.

Put all nodes in a row.  Of a circle, some edge leads back; and all of it lies between places that edges lead
back over.  So only those windows are looked at, which overlapping edges back make one.  In a good order they
are few and short.  Kernels (`engine.py`).
"""

from typing import NamedTuple

from checker.isolation.columns import Ints
from checker.isolation.cycle import knots
from checker.isolation.engine import Engine


class Windows(NamedTuple):
    """`place` [node]: in the row. `number` [place]: the places inside windows are numbered, -1: outside.
    `window` [place]: of those inside."""

    place: Ints
    number: Ints
    window: Ints


class Circling(NamedTuple):
    """Edges on circles: `edge` its number, `knot` the number of its knot."""

    edge: Ints
    knot: Ints


def circling(source: Ints, target: Ints, place: Ints, engine: Engine) -> Circling:
    """All edges on circles. `place` [node]: in the row."""
    nodes, new = len(place), engine.vector
    reach = new(nodes, -1)
    if not int(engine.run(reach_back, source, target, place, reach)):
        return Circling(new(0), new(0))
    windows = Windows(place, new(nodes, -1), new(nodes, -1))
    size = int(engine.run(number_windows, reach, windows))
    room = (new(len(source)), new(len(source)), new(len(source)))
    count = int(engine.run(edges_in_windows, source, target, windows, room))
    inside, tail, head = (engine.head(column, count) for column in room)
    _, label = knots(size, tail, head, engine.flags(size), engine)
    found = Circling(new(count), new(count))
    kept = int(engine.run(keep_circling, (inside, tail, head), label, found))
    return Circling(engine.part(found.edge, 0, kept), engine.part(found.knot, 0, kept))


# --- kernels ---------------------------------------------------------------------------------------


def reach_back(source: Ints, target: Ints, place: Ints, reach: Ints) -> int:
    """For each place, from how far behind it an edge leads back there. Returns how many edges lead back."""
    count = 0
    for e in range(len(source)):
        here, there = place[source[e]], place[target[e]]
        if here >= there:
            reach[there] = max(reach[there], here)
            count += 1
    return count


def number_windows(reach: Ints, windows: Windows) -> int:
    """Fill `number` and `window`. Returns how many places are inside."""
    count, window, end = 0, -1, -1
    for at in range(len(reach)):
        if reach[at] >= 0 and at > end:
            window += 1
        end = max(end, reach[at])
        if at <= end:
            windows.number[at], windows.window[at] = count, window
            count += 1
    return count


def edges_in_windows(source: Ints, target: Ints, windows: Windows, out: tuple[Ints, Ints, Ints]) -> int:
    """The edges with both ends in one window, by number, and their ends. Returns how many there are."""
    inside, tail, head = out
    count = 0
    for e in range(len(source)):
        here, there = windows.place[source[e]], windows.place[target[e]]
        if windows.window[here] >= 0 and windows.window[here] == windows.window[there]:
            inside[count], tail[count], head[count] = e, windows.number[here], windows.number[there]
            count += 1
    return count


def keep_circling(edges: tuple[Ints, Ints, Ints], label: Ints, found: Circling) -> int:
    """The edges between places of one label. Returns how many."""
    inside, tail, head = edges
    count = 0
    for at in range(len(inside)):
        if label[tail[at]] == label[head[at]]:
            found.edge[count], found.knot[count] = inside[at], label[tail[at]]
            count += 1
    return count
