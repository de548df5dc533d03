"""The order that clients and the clock give: PROCESS and REALTIME edges, linear in the history.

Realtime order has up to n^2 edges.  Instead of reducing it, it goes through passages: before a transaction
that begins after some have ended, one passage collects these, and leads on to it and to the next passage.

A valid history needs none of them (`components.py`): they are only drawn where there is a cycle.
"""

from checker.txn.columns import FAIL, OK, TxnColumns
from checker.txn.graph import Graph, orders
from checker.txn.place import Ints, Place


def add_order(graph: Graph, columns: TxnColumns, levels: int) -> bool:
    """What of the two is wanted: `levels` as in `cycles.search`. Does anything come before anything then?"""
    if levels >= 2:
        add_process(graph, columns)
    if levels >= 3:
        graph.timeline = timeline_of(columns, graph.place)
        return graph.size > 0 or bool(graph.place.run(orders, graph.timeline))
    return graph.size > 0


def add_process(graph: Graph, columns: TxnColumns) -> None:
    """One edge between a client's transactions that follow each other."""
    latest = graph.place.full(columns.processes(), -1)
    graph.size = graph.place.run(
        process_edges, columns.status, columns.process, latest, graph.columns, graph.size
    )


def draw_realtime(graph: Graph) -> None:
    """Edges through passages, from every acknowledged transaction to all that were invoked later."""
    graph.size, graph.nodes = graph.place.run(
        realtime_edges, graph.timeline, graph.columns, graph.size, graph.nodes
    )
    graph.timeline = None


def timeline_of(columns: TxnColumns, place: Place) -> Ints:
    """In the order of the clock: t + 1 where transaction t was invoked, -t - 1 where it was acknowledged.

    0 means nothing.  Moments are as a rule the numbers of entries: then there is a place for each, else they
    are sorted.
    """
    status, when = columns.status, (columns.invoked, columns.completed)
    if not len(status):
        return place.full(0, 0)
    last = max(when[0]) if isinstance(when[0], list) else int(when[0].max())
    if last < 4 * len(status):
        timeline = place.full(last + 1, 0)
        if place.run(mark_events, status, when, timeline):
            return timeline
    events = [
        (int(moment), -sign, sign * (t + 1))
        for sign, moments in zip((1, -1), when, strict=True)
        for t, moment in enumerate(moments)
        if (status[t] != FAIL and moment >= 0 if sign == 1 else status[t] == OK)
    ]
    timeline = place.full(len(events), 0)
    for at, (_, _, event) in enumerate(sorted(events)):
        timeline[at] = event
    return timeline


def process_edges(
    status: Ints, process: Ints, latest: Ints, edges: tuple[Ints, Ints, Ints, Ints, Ints], size: int
) -> int:
    """An unknown transaction may happen later than the client's next: no edge leads out of it."""
    sources, targets, kinds, before, after = edges
    for t in range(len(status)):
        if status[t] == 2:
            continue
        p = process[t]
        if latest[p] != -1:
            sources[size], targets[size], kinds[size] = latest[p], t, 3
            before[size], after[size] = -1, -1
            size += 1
        if status[t] == 0:
            latest[p] = t
    return size


def mark_events(status: Ints, when: tuple[Ints, Ints], timeline: Ints) -> bool:
    """Put invocations, and what was acknowledged before the last of them, in their places. Had each one?"""
    invoked, completed = when
    for t in range(len(status)):
        if status[t] != 2 and invoked[t] >= 0:
            if timeline[invoked[t]] != 0:
                return False
            timeline[invoked[t]] = t + 1
        if status[t] == 0 and completed[t] < len(timeline):
            if completed[t] < 0 or timeline[completed[t]] != 0:
                return False
            timeline[completed[t]] = -t - 1
    return True


def realtime_edges(
    timeline: Ints, edges: tuple[Ints, Ints, Ints, Ints, Ints], size: int, nodes: int
) -> tuple[int, int]:
    """Whatever ended between two invocations leads to a passage before the second one."""
    sources, targets, kinds, before, after = edges
    passage, since = -1, 0
    for moment in range(len(timeline)):
        if timeline[moment] <= 0:
            continue
        fresh = 1
        for at in range(since, moment):
            if timeline[at] == 0:
                continue
            if fresh and passage != -1:
                sources[size], targets[size], kinds[size] = passage, nodes, 5
                before[size], after[size] = -1, -1
                size += 1
            if fresh:
                passage, fresh = nodes, 0
                nodes += 1
            sources[size], targets[size], kinds[size] = -timeline[at] - 1, passage, 4
            before[size], after[size] = -1, -1
            size += 1
        since = moment + 1
        if passage != -1:
            sources[size], targets[size], kinds[size] = passage, timeline[moment] - 1, 5
            before[size], after[size] = -1, -1
            size += 1
    return size, nodes
