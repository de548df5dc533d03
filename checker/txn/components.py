"""Strongly connected components: the parts of a graph in which cycles can be, found in linear time.

Tarjan's algorithm (Depth-first search and linear graph algorithms, 1972) with the recursion written out.
Components are numbered in the order in which they are finished, which is a topological order read backwards:
an edge between two components always leads from the larger number to the smaller.

A valid history has no cycle at all.  That is cheaper to find out by taking away, again and again, a node that
no edge leads to (Kahn, Topological sorting of large networks, 1962): nodes are met in about the order in
which they happened, and the work needs one array.  Before a cycle early in the history it stops early.

The clock needs no edges for that.  A transaction becomes free when the timeline is read up to where it was
invoked, and the timeline is not read past the acknowledgement of one that has not been taken away.
"""

from checker.txn.graph import REALTIME, Graph
from checker.txn.order import draw_realtime
from checker.txn.place import Ints


def components(graph: Graph, kinds: frozenset[int]) -> tuple[Ints, int]:
    """The component of every node, counting only edges of these kinds; and how many there are."""
    starts, after = graph.index(kinds, graph.targets)
    labels, entered = graph.place.full(graph.nodes, -1), graph.place.full(graph.nodes, 0)
    room = graph.place.room
    work = (room(graph.nodes), room(graph.nodes + 1), room(graph.nodes), room(graph.nodes))
    return labels, int(graph.place.run(strong, starts, after, labels, entered, work))


def components_if_cyclic(graph: Graph, kinds: frozenset[int], suspected: bool) -> tuple[Ints, int] | None:
    """The same; None if edges of these kinds make no cycle, which is not tried where one is suspected.

    What the clock orders counts if it is among the kinds; then it is drawn where there is a cycle.
    """
    if graph.acyclic:
        return None
    place = graph.place
    timed = graph.timeline is not None and REALTIME in kinds
    if not suspected:
        starts, after = graph.index(kinds, graph.targets)
        blockers = place.full(graph.nodes, 0)
        place.run(count_blockers, starts, after, blockers)
        timeline = graph.timeline if timed else place.full(0, 0)
        if place.run(peel, starts, after, blockers, timeline, place.room(graph.nodes)) == graph.nodes:
            return None
    if timed:
        draw_realtime(graph)
    return components(graph, kinds)


def count_blockers(starts: Ints, after: Ints, blockers: Ints) -> None:
    """How many of the edges lead to every node."""
    for j in range(starts[len(blockers)]):
        blockers[after[j]] += 1


def peel(starts: Ints, after: Ints, blockers: Ints, timeline: Ints, free: Ints) -> int:
    """Take away nodes that nothing has to come before while there are any; how many.

    `blockers` count the edges to each node.  `after` [starts [v]] up to starts [v + 1] are the nodes that
    come after v.  What is not invoked in the timeline does not wait for it.
    """
    count = opened = moment = root = 0
    for event in timeline:
        if event > 0:
            blockers[event - 1] += 1
    while True:
        while opened > 0:
            opened -= 1
            v = free[opened]
            blockers[v] = -1
            count += 1
            for j in range(starts[v], starts[v + 1]):
                w = after[j]
                blockers[w] -= 1
                if blockers[w] == 0:
                    free[opened] = w
                    opened += 1
        if root < len(blockers):
            # First what does not wait for anything.
            if blockers[root] == 0:
                free[0], opened = root, 1
            root += 1
        elif moment < len(timeline) and (timeline[moment] >= 0 or blockers[-timeline[moment] - 1] == -1):
            v = timeline[moment] - 1
            moment += 1
            if v >= 0:
                blockers[v] -= 1
                if blockers[v] == 0:
                    free[0], opened = v, 1
        else:
            return count


def strong(
    starts: Ints, after: Ints, labels: Ints, entered: Ints, work: tuple[Ints, Ints, Ints, Ints]
) -> int:
    """Label every node; `entered` must be 0 and `labels` -1 before."""
    low, open_nodes, path, cursor = work
    clock, count, opened = 0, 0, 0
    for root in range(len(labels)):
        if entered[root] != 0:
            continue
        depth = 0
        path[0] = root
        clock += 1
        entered[root] = low[root] = clock
        cursor[root] = starts[root]
        open_nodes[opened] = root
        opened += 1
        while depth >= 0:
            v = path[depth]
            if cursor[v] < starts[v + 1]:
                w = after[cursor[v]]
                cursor[v] += 1
                if entered[w] == 0:
                    clock += 1
                    entered[w] = low[w] = clock
                    cursor[w] = starts[w]
                    open_nodes[opened] = w
                    opened += 1
                    depth += 1
                    path[depth] = w
                elif labels[w] == -1 and entered[w] < low[v]:
                    low[v] = entered[w]
                continue
            if low[v] == entered[v]:
                while True:
                    opened -= 1
                    w = open_nodes[opened]
                    labels[w] = count
                    if w == v:
                        break
                count += 1
            depth -= 1
            if depth >= 0 and low[v] < low[path[depth]]:
                low[path[depth]] = low[v]
    return count
