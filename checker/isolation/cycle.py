"""Short circles in a graph, for people to follow; and its knots, in which all circles are.

A graph is two columns: edge e leads from `source` [e] to `target` [e].  A knot is a set of nodes that all
lead to each other; without one there is no circle.  Of each graph some circles are found that have no node
in common, and each is the shortest through one of the nodes that were tried.  Kernels (`engine.py`).
"""

from typing import NamedTuple

from checker.isolation.columns import Ints
from checker.isolation.engine import Engine
from checker.isolation.facts import Facts
from checker.isolation.order import Edges
from checker.txn.components import strong

STARTS = 60
"""So many nodes are tried as the start of a shortest circle; a circle of two ends the trial."""


class Step(NamedTuple):
    """`source` must come before `target`: because of their session (slot -1), because target read from
    source (`slot`, not forced), or because the read `slot` saw target although source was in front of it."""

    source: int
    target: int
    slot: int
    forced: bool


class Neighbours(NamedTuple):
    """The edges of node n are `edge` [start[n]] up to `edge` [start[n + 1]], by number; `after` are the nodes
    to which they lead."""

    start: Ints
    edge: Ints
    after: Ints


class Walk(NamedTuple):
    """What `short_circle` works with: `came` [node] is the edge by which the search from `stamp` [node]
    came."""

    came: Ints
    stamp: Ints
    depth: Ints
    queue: Ints


def cycles(facts: Facts, edges: Edges, wanted: int, engine: Engine) -> list[list[Step]]:
    """Up to `wanted` short circles of sessions, reads and these edges, with no transaction in common."""
    room = facts.transactions + len(facts.read_from) + edges.found
    source, target, slot = (engine.vector(room) for _ in range(3))
    counts = engine.run(all_edges, facts, edges, (source, target, slot))
    size, plain = int(counts[0]), int(counts[1])
    source, target = engine.part(source, 0, size), engine.part(target, 0, size)
    found = circles(facts.transactions, source, target, plain, wanted, engine)
    return [
        [Step(int(source[e]), int(target[e]), int(slot[e]), e >= plain) for e in circle] for circle in found
    ]


def circles(  # noqa: PLR0917
    nodes: int, source: Ints, target: Ints, plain: int, wanted: int, engine: Engine
) -> list[list[int]]:
    """Up to `wanted` short circles as numbers of edges; those from number `plain` on are tried first."""
    found: list[list[int]] = []
    gone = engine.flags(nodes)
    new = engine.vector
    while len(found) < wanted:
        index, label = knots(nodes, source, target, gone, engine)
        starts = new(STARTS)
        count = int(engine.run(pick_starts, (source, target), plain, label, gone, starts))
        if count == 0:
            break
        walk = Walk(new(nodes), new(nodes, -1), new(nodes), new(nodes + 1))
        circle = new(nodes + 1)
        length = int(engine.run(short_circle, index, (source, target), label, starts, count, (walk, circle)))
        found.append([int(circle[at]) for at in range(length)])
        for e in found[-1]:
            gone[int(source[e])] = 1
    return found


def knots(nodes: int, source: Ints, target: Ints, gone: Ints, engine: Engine) -> tuple[Neighbours, Ints]:
    """The edges by source, and for each node the number of its knot. A node that is gone is one by itself."""
    new = engine.vector
    index = Neighbours(new(nodes + 1), new(len(source)), new(len(source)))
    engine.run(group_edges, source, target, gone, index)
    label, entered = new(nodes, -1), new(nodes)
    work = (new(nodes), new(nodes + 1), new(nodes), new(nodes))
    engine.run(strong, index.start, index.after, label, entered, work)
    return index, label


# --- kernels ---------------------------------------------------------------------------------------


def all_edges(facts: Facts, edges: Edges, out: tuple[Ints, Ints, Ints]) -> tuple[int, int]:
    """Sessions and reads, then the further edges. Returns how many there are, and how many of the former."""
    source, target, slot = out
    nobody, count = facts.transactions, 0
    for t in range(facts.transactions):
        if facts.next[t] >= 0:
            source[count], target[count], slot[count] = t, facts.next[t], -1
            count += 1
    for r in range(len(facts.read_from)):
        if facts.read_from[r] == nobody:
            continue
        if edges.reads == -2 or facts.session_of[facts.reader[r]] == edges.reads:
            source[count], target[count], slot[count] = facts.read_from[r], facts.reader[r], r
            count += 1
    plain = count
    for e in range(edges.found):
        after = facts.read_from[edges.slot[e]]
        if after != nobody:
            source[count], target[count], slot[count] = edges.source[e], after, edges.slot[e]
            count += 1
    return count, plain


def group_edges(source: Ints, target: Ints, gone: Ints, index: Neighbours) -> None:
    """Number the edges by source, in their order; without those of nodes that are gone."""
    for e in range(len(source)):
        if gone[source[e]] == 0 and gone[target[e]] == 0:
            index.start[source[e]] += 1
    total = 0
    for n in range(len(index.start)):
        total += index.start[n]
        index.start[n] = total
    for e in range(len(source) - 1, -1, -1):
        if gone[source[e]] == 0 and gone[target[e]] == 0:
            index.start[source[e]] -= 1
            index.edge[index.start[source[e]]] = e
            index.after[index.start[source[e]]] = target[e]


def pick_starts(edges: tuple[Ints, Ints], plain: int, label: Ints, gone: Ints, starts: Ints) -> int:
    """Nodes with an edge inside a knot; first those whose edge is not plain. Returns how many."""
    source, target = edges
    count, last = 0, -1
    for turn in range(2):
        low, high = (plain, len(source)) if turn == 0 else (0, plain)
        for e in range(low, high):
            if count == len(starts):
                return count
            inside = label[source[e]] == label[target[e]] and source[e] != last
            if inside and gone[source[e]] == 0 and gone[target[e]] == 0:
                last = source[e]
                starts[count] = last
                count += 1
    return count


def short_circle(  # noqa: PLR0917 - a kernel gets its arrays as parameters
    index: Neighbours,
    edges: tuple[Ints, Ints],
    label: Ints,
    starts: Ints,
    count: int,
    room: tuple[Walk, Ints],
) -> int:
    """Fill the circle with the edges of the shortest one through a start. Returns its length."""
    source, target = edges
    walk, circle = room
    best = 0
    for trial in range(count):
        begin = starts[trial]
        walk.queue[0], walk.depth[begin] = begin, 0
        done, waiting, closed = 0, 1, False
        while done < waiting and not closed:
            n = walk.queue[done]
            done += 1
            if best > 0 and walk.depth[n] + 1 >= best:
                break
            for i in range(index.start[n], index.start[n + 1]):
                e = index.edge[i]
                after = target[e]
                if label[after] != label[begin] or walk.stamp[after] == trial:
                    continue
                walk.stamp[after], walk.came[after] = trial, e
                walk.depth[after] = walk.depth[n] + 1
                walk.queue[waiting] = after
                waiting += 1
                if after == begin:
                    closed = True
                    break
        if closed:
            best, at = walk.depth[begin], begin
            for place in range(best - 1, -1, -1):
                circle[place] = walk.came[at]
                at = source[walk.came[at]]
        if best == 2:
            break
    return int(best)
