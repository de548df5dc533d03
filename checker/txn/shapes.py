"""Cycles with a name of their own, looked for when somebody asks: write skew and long fork.

The search of `cycles.py` stops at the strongest anomaly of a component, and tells one cycle of it.  A write
skew beside a read skew would not be told.  Here every pair of readers that miss something is looked at.

  write-skew  T1 -rw-> T2 -rw-> T1, by two keys: each missed what the other wrote
  long-fork   W1 -wr-> R1 -rw-> W2 -wr-> R2 -rw-> W1, by two keys: each reader saw what the other missed

Cost: the number of pairs of a reader and a later writer inside the components of these edges, which can be
the square of the component.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

from checker.txn.cycles import Cycle, Step
from checker.txn.graph import RW, VIA, WR, Graph
from checker.txn.tangle import Tangle, tangle_of

SHAPES = ("write-skew", "long-fork")

Edges = dict[int, dict[int, list[Step]]]
"""By source and target."""


def search_shape(graph: Graph, name: str, key_of: Callable[[Step], Any]) -> list[Cycle]:
    """All cycles of a shape; `key_of` says which key an edge is about."""
    tangle = tangle_of(graph, frozenset({WR, RW, VIA}))
    if tangle is None:
        return []
    edges = {kind: _direct(tangle, graph.transactions, kind) for kind in (WR, RW)}
    found = _write_skews(edges[RW]) if name == "write-skew" else _long_forks(edges[WR], edges[RW])
    return [
        Cycle(name, steps) for steps in found if len({str(key_of(s)) for s in steps if s.kind == RW}) == 2
    ]


def _direct(tangle: Tangle, transactions: int, kind: int) -> Edges:
    """The edges of a kind between transactions, those through passages too, with their old numbers."""
    graph, old = tangle.graph, tangle.old
    onward: dict[int, list[int]] = defaultdict(list)
    for e in range(graph.size):
        if graph.kinds[e] == VIA:
            onward[int(graph.sources[e])].append(e)
    found: Edges = defaultdict(lambda: defaultdict(list))
    for first in range(graph.size):
        if graph.kinds[first] != kind:
            continue
        source, before = int(old[graph.sources[first]]), int(graph.before[first])
        todo, seen = [first], {first}
        while todo:
            e = todo.pop()
            target, after = int(graph.targets[e]), int(graph.after[e])
            if old[target] < transactions:
                step = Step(source, int(old[target]), kind, before, max(after, int(graph.after[first])))
                found[source][step.target].append(step)
                continue
            more = [x for x in onward[target] if x not in seen]
            seen.update(more)
            todo += more
    return found


def _write_skews(missed: Edges) -> Iterator[tuple[Step, ...]]:
    for one, targets in missed.items():
        for two, steps in targets.items():
            for back in missed[two][one] if one < two and two in missed and one in missed[two] else ():
                yield from ((step, back) for step in steps)


def _long_forks(shown: Edges, missed: Edges) -> Iterator[tuple[Step, ...]]:
    readers = [
        (w, r, step) for w, targets in shown.items() for r, steps in targets.items() for step in steps[:1]
    ]
    for write, reader, saw in readers:
        for other in missed.get(reader, {}):
            for second in shown.get(other, {}):
                back = missed.get(second, {}).get(write, [])
                if other == write or second == reader or not back or write > other:
                    continue
                see = shown[other][second][0]
                yield from ((saw, miss, see, b) for miss in missed[reader][other] for b in back)
