"""The order that clients and the clock give: PROCESS and REALTIME edges, linear in the history.

Realtime order has up to n^2 edges.  Instead of reducing it, it goes through passages: before a transaction
that begins after some have ended, one passage collects these, and leads on to it and to the next passage.
"""
# ruff: noqa: PLR0917 - a loop gets its arrays as parameters, and pays for every call

from checker.txn.columns import FAIL, OK, TxnColumns
from checker.txn.graph import Graph
from checker.txn.place import Ints


def add_order(graph: Graph, columns: TxnColumns, levels: int) -> None:
    """What of the two is wanted: `levels` as in `cycles.search`."""
    if levels >= 2:
        add_process(graph, columns)
    if levels >= 3:
        add_realtime(graph, columns)


def add_process(graph: Graph, columns: TxnColumns) -> None:
    """One edge between a client's transactions that follow each other."""
    latest = graph.place.full(columns.processes(), -1)
    graph.size = graph.place.run(
        process_edges, columns.status, columns.process, latest, graph.columns, graph.size
    )


def add_realtime(graph: Graph, columns: TxnColumns) -> None:
    """Edges through passages, from every acknowledged transaction to all that were invoked later."""
    ended: Ints
    begun: Ints
    if isinstance(columns.completed, list):
        ended = [t for t, s in enumerate(columns.status) if s == OK]
        ended.sort(key=columns.completed.__getitem__)
        begun = [t for t, s in enumerate(columns.status) if s != FAIL and columns.invoked[t] >= 0]
        begun.sort(key=columns.invoked.__getitem__)
    else:
        import numpy

        (ended,) = numpy.nonzero(columns.status == OK)
        ended = ended[numpy.argsort(columns.completed[ended])].astype(numpy.int32)
        (begun,) = numpy.nonzero((columns.status != FAIL) & (columns.invoked >= 0))
        begun = begun[numpy.argsort(columns.invoked[begun])].astype(numpy.int32)
    when = (columns.completed, columns.invoked)
    graph.size, graph.nodes = graph.place.run(
        realtime_edges, ended, begun, when, graph.columns, graph.size, graph.nodes
    )


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


def realtime_edges(
    ended: Ints,
    begun: Ints,
    when: tuple[Ints, Ints],
    edges: tuple[Ints, Ints, Ints, Ints, Ints],
    size: int,
    nodes: int,
) -> tuple[int, int]:
    """`ended` by completion and `begun` by invocation are merged."""
    sources, targets, kinds, before, after = edges
    completed, invoked = when
    passage, at = -1, 0
    for i in range(len(begun)):
        t = begun[i]
        if at < len(ended) and completed[ended[at]] < invoked[t]:
            if passage != -1:
                sources[size], targets[size], kinds[size] = passage, nodes, 5
                before[size], after[size] = -1, -1
                size += 1
            passage = nodes
            nodes += 1
        while at < len(ended) and completed[ended[at]] < invoked[t]:
            sources[size], targets[size], kinds[size] = ended[at], passage, 4
            before[size], after[size] = -1, -1
            size += 1
            at += 1
        if passage != -1:
            sources[size], targets[size], kinds[size] = passage, t, 5
            before[size], after[size] = -1, -1
            size += 1
    return size, nodes
