"""What is left of a graph when everything that lies on no cycle is taken away."""
# ruff: noqa: PLR0917 - a loop gets its arrays as parameters, and pays for every call

from dataclasses import dataclass
from typing import Any

from checker.txn.components import components_if_cyclic
from checker.txn.graph import RW, VIA, Graph, empty_graph
from checker.txn.place import Ints, Plain

SMALL = 5_000
"""Edges up to which the interpreter is done before machine code is even loaded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tangle:
    """The components that have cycles, in one graph. Node v was `old[v]`, and is in component `part[v]`."""

    graph: Graph
    part: Ints
    parts: int
    old: Ints


def tangle_of(graph: Graph, kinds: frozenset[int]) -> Tangle | None:
    """Only nodes and edges (of these kinds) inside components; None when there is no cycle at all."""
    place = graph.place
    found = components_if_cyclic(graph, kinds, suspected=graph.fill is None)
    if found is None:
        return None
    labels, count = found
    sizes, new = place.full(count, 0), place.full(graph.nodes, -1)
    nodes, parts = place.run(number_nodes, labels, sizes, new)
    if not nodes:
        return None
    part, old = place.full(nodes, 0), place.full(nodes, 0)
    place.run(describe_nodes, labels, sizes, new, part, old)
    wanted = place.full(VIA + 1, 0)
    for kind in kinds:
        wanted[kind] = 1
    whole = (graph.sources, graph.targets, graph.kinds)
    size = place.run(cut_edges, graph.size, (labels, new), wanted, whole, (part, part, part, part), False)
    cut = empty_graph(place, nodes, size)
    kept = (cut.sources, cut.targets, cut.kinds, cut.before)
    cut.size = place.run(cut_edges, graph.size, (labels, new), wanted, whole, kept, True)
    graph.prove()
    place.run(copy_evidence, cut.size, (cut.before, cut.after), (graph.before, graph.after), graph.filled)
    if cut.size <= SMALL and not isinstance(place, Plain):
        cut, part, old = _interpreted(cut), part.tolist(), old.tolist()
    return Tangle(graph=cut, part=part, parts=int(parts), old=old)


def _interpreted(graph: Graph) -> Graph:
    columns: list[Any] = [column[: graph.size].tolist() for column in graph.columns]
    small = empty_graph(Plain(), graph.transactions, 0)
    small.nodes, small.size = graph.nodes, graph.size
    small.sources, small.targets, small.kinds, small.before, small.after = columns
    return small


def number_nodes(labels: Ints, sizes: Ints, new: Ints) -> tuple[int, int]:
    """New numbers for the nodes of components with more than one; `sizes` become numbers of components."""
    nodes, parts = 0, 0
    for v in range(len(labels)):
        sizes[labels[v]] += 1
    for v in range(len(labels)):
        if sizes[labels[v]] > 1:
            new[v] = nodes
            nodes += 1
    for c in range(len(sizes)):
        if sizes[c] > 1:
            sizes[c] = parts
            parts += 1
    return nodes, parts


def describe_nodes(labels: Ints, sizes: Ints, new: Ints, part: Ints, old: Ints) -> None:
    """The component and the old number of every kept node."""
    for v in range(len(labels)):
        if new[v] != -1:
            part[new[v]] = sizes[labels[v]]
            old[new[v]] = v


def cut_edges(
    size: int,
    nodes: tuple[Ints, Ints],
    wanted: Ints,
    whole: tuple[Ints, Ints, Ints],
    kept: tuple[Ints, Ints, Ints, Ints],
    fill: bool,
) -> int:
    """Count the edges inside components, or copy them; the last column gets their old numbers."""
    labels, new = nodes
    sources, targets, kinds = whole
    count = 0
    for e in range(size):
        if wanted[kinds[e]] and labels[sources[e]] == labels[targets[e]] and new[sources[e]] != -1:
            if fill:
                kept[0][count], kept[1][count] = new[sources[e]], new[targets[e]]
                kept[2][count], kept[3][count] = kinds[e], e
            count += 1
    return count


def copy_evidence(size: int, new: tuple[Ints, Ints], old: tuple[Ints, Ints], filled: int) -> None:
    """Replace the old number of every edge by the versions that prove it, which only the first ones have."""
    before, after = new
    for e in range(size):
        number = before[e]
        before[e], after[e] = -1, -1
        if number < filled:
            before[e], after[e] = old[0][number], old[1][number]


def doubled(graph: Graph, kinds: frozenset[int]) -> Graph:
    """Node 2v: v was reached, not by rw; node 2v+1: by rw. Two rw edges in a row are impossible in it.

    `before` holds the number that an edge had.
    """
    double = empty_graph(graph.place, 2 * graph.transactions, 2 * graph.size)
    double.nodes = 2 * graph.nodes
    wanted = graph.place.full(VIA + 1, 0)
    for kind in kinds | {RW}:
        wanted[kind] = 1
    whole = (graph.sources, graph.targets, graph.kinds)
    double.size = graph.place.run(double_edges, graph.size, whole, wanted, double.columns)
    return double


def double_edges(
    size: int, whole: tuple[Ints, Ints, Ints], wanted: Ints, edges: tuple[Ints, Ints, Ints, Ints, Ints]
) -> int:
    """A passage keeps the state, rw is allowed in state 0 only and leads to state 1, the rest to state 0."""
    sources, targets, kinds, before, after = edges
    count = 0
    for e in range(size):
        kind = whole[2][e]
        if not wanted[kind]:
            continue
        for state in range(1 if kind == 2 else 2):
            onward = state
            if kind == 2:
                onward = 1
            elif kind != 5:
                onward = 0
            sources[count], targets[count] = 2 * whole[0][e] + state, 2 * whole[1][e] + onward
            kinds[count], before[count], after[count] = kind, e, -1
            count += 1
    return count
