"""Windows of a row (`windows.py`) are sorted, as far as that is possible.

A node is the number of a place in a window; a label is the number of a knot, nodes that all lead to each
other; most are one node by itself.  Kernels (`engine.py`).
"""

from typing import NamedTuple

from checker.isolation.columns import Ints
from checker.isolation.cycle import Neighbours
from checker.isolation.engine import Engine
from checker.isolation.heap import pop, push
from checker.isolation.line import Line
from checker.isolation.ranges import Ranges


class Sorting(NamedTuple):
    """What sorting works with. By label, for a knot counts as one: `degree`, the `lowest` node, and how many
    `nodes`. By node: the `next` one of the same label. `heap` and `order` of nodes."""

    degree: Ints
    nodes: Ints
    lowest: Ints
    next: Ints
    heap: Ints
    order: Ints


def sorting(size: int, engine: Engine) -> Sorting:
    """Room for so many nodes."""
    new = engine.vector
    return Sorting(
        degree=new(size),
        nodes=new(size),
        lowest=new(size, -1),
        next=new(size),
        heap=new(size + 1),
        order=new(size),
    )


# --- kernels ---------------------------------------------------------------------------------------


def sort_windows(
    line: Line,
    ranges: Ranges,
    graph: tuple[Neighbours, Ints],
    room: Sorting,
    left: Ranges,
) -> int:
    """Let all edges lead forward but those inside a knot, whose nodes come one after the other; what is first
    stays first. Returns how many knots are `left`.

    A window where something is stuck stays as it is: some edges are not known there.
    """
    load_sorting(graph, room)
    count = 0
    for window in range(len(ranges.low)):
        low, high = ranges.low[window], ranges.high[window]
        if ranges.stuck[window] == 1:
            left.low[count], left.high[count] = low, high
            count += 1
        else:
            count = sort_window(line, (low, ranges.first[window], high - low + 1), graph, room, left, count)
    return count


def load_sorting(graph: tuple[Neighbours, Ints], room: Sorting) -> None:
    """Fill what is known of each label."""
    index, label = graph
    for n in range(len(label) - 1, -1, -1):
        room.next[n], room.lowest[label[n]] = room.lowest[label[n]], n
        room.nodes[label[n]] += 1
        for k in range(index.start[n], index.start[n + 1]):
            after = label[index.after[k]]
            if after != label[n]:
                room.degree[after] += 1


def sort_window(  # noqa: PLR0917 - a kernel gets its arrays as parameters
    line: Line,
    where: tuple[int, int, int],
    graph: tuple[Neighbours, Ints],
    room: Sorting,
    left: Ranges,
    count: int,
) -> int:
    """Sort one window, from a place and a number on, so many nodes. Returns how many knots are left."""
    low, first, length = where
    index, label = graph
    size = done = 0
    for n in range(first, first + length):
        if room.lowest[label[n]] == n and room.degree[label[n]] == 0:
            push(room.heap, size, n)
            size += 1
    while size > 0:
        n = pop(room.heap, size)
        size -= 1
        if room.nodes[label[n]] > 1:
            left.low[count], left.high[count] = low + done, low + done + room.nodes[label[n]] - 1
            count += 1
        while n >= 0:
            room.order[done] = line.at[n - first + low]
            done += 1
            for k in range(index.start[n], index.start[n + 1]):
                after = label[index.after[k]]
                if after != label[n]:
                    room.degree[after] -= 1
                    if room.degree[after] == 0:
                        push(room.heap, size, room.lowest[after])
                        size += 1
            n = room.next[n]
    for i in range(length):
        line.at[low + i], line.place[room.order[i]] = room.order[i], low + i
    return count
