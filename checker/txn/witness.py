"""Which edges lie on a cycle of a certain kind, and the shortest such cycle through one of them."""
# ruff: noqa: PLR0917 - a loop gets its arrays as parameters, and pays for every call

from checker.txn.components import components
from checker.txn.graph import VIA, Graph
from checker.txn.place import Ints, Plain

BATCH = 31
"""Edges whose reachability is computed at once: the bits of an int32 but for its sign."""


def on_cycles(
    graph: Graph, kinds: frozenset[int], closing: frozenset[int], part_of: tuple[Ints, Ints], tries: int
) -> list[int]:
    """Edges of the `closing` kinds inside a component of the graph of `kinds`.

    `part_of` are the part of every node and a 1 for parts to be left out; at most `tries` edges of a part.
    """
    place = graph.place
    part, skip = part_of
    labels, _ = components(graph, kinds)
    wanted, taken, chosen = place.full(VIA + 1, 0), place.full(len(skip), 0), place.full(graph.size, 0)
    for kind in closing:
        wanted[kind] = 1
    ends = (graph.sources, graph.targets, graph.kinds)
    limits = (wanted, skip, taken, part, labels)
    count = place.run(closing_edges, graph.size, ends, limits, chosen, tries, False)
    return [int(e) for e in chosen[:count]]


def closed_by_others(
    graph: Graph, kinds: frozenset[int], closing: int, part_of: tuple[Ints, Ints], tries: int
) -> list[int]:
    """Edges of the kind `closing` whose target reaches their source through edges of `kinds` alone."""
    place = graph.place
    part, skip = part_of
    labels, count = components(graph, kinds)
    wanted, taken, chosen = place.full(VIA + 1, 0), place.full(len(skip), 0), place.full(graph.size, 0)
    wanted[closing] = 1
    ends = (graph.sources, graph.targets, graph.kinds)
    limits = (wanted, skip, taken, part, labels)
    # Components are numbered against the direction of edges: no path leads to a larger number.
    size = place.run(closing_edges, graph.size, ends, limits, chosen, graph.size + 1, True)
    suspects = [int(e) for e in chosen[:size]]
    suspects.sort(key=lambda e: int(labels[graph.targets[e]]))
    member_starts, members = place.full(count + 2, 0), place.full(graph.nodes, 0)
    place.run(members_of, labels, member_starts, members)
    masks = place.full(count, 0)
    starts, out = graph.index(kinds)
    confirmed: list[int] = []
    for at in range(0, len(suspects), BATCH):
        batch = [e for e in suspects[at : at + BATCH] if taken[part[graph.sources[e]]] < tries]
        if not batch:
            continue
        queue = place.full(len(batch), 0)
        for i, e in enumerate(batch):
            queue[i] = e
        index = (starts, out, member_starts, members)
        hits = place.run(reach, queue, graph.sources, graph.targets, labels, index, masks)
        for i, e in enumerate(batch):
            if hits >> i & 1:
                taken[part[graph.sources[e]]] += 1
                confirmed.append(e)
    return confirmed


def shortest(graph: Graph, kinds: frozenset[int], closing: list[int]) -> list[int]:
    """The edges of the shortest cycle that one of `closing` and edges of `kinds` make."""
    place = graph.place
    starts, out = graph.index(kinds)
    distance, by, queue = (
        place.full(graph.nodes, -1),
        place.full(graph.nodes, -1),
        place.full(2 * graph.size + graph.nodes + 2, 0),
    )
    edges = (starts, out, graph.sources, graph.targets, graph.kinds)
    best: list[int] = []
    best_length = -1
    for e in closing:
        source, target = int(graph.targets[e]), int(graph.sources[e])
        length = int(place.run(breadth_first, source, target, edges, distance, by, queue))
        if length >= 0 and (best_length < 0 or length < best_length):
            best, best_length = [e, *_path(graph, by, source, target)], length
        if best_length == 1:
            break
        if isinstance(place, Plain):
            distance, by = place.full(graph.nodes, -1), place.full(graph.nodes, -1)
        else:
            distance.fill(-1)
            by.fill(-1)
    return best


def _path(graph: Graph, by: Ints, source: int, target: int) -> list[int]:
    path = []
    while target != source:
        path.append(int(by[target]))
        target = int(graph.sources[path[-1]])
    return path[::-1]


def closing_edges(
    size: int,
    ends: tuple[Ints, Ints, Ints],
    limits: tuple[Ints, Ints, Ints, Ints, Ints],
    chosen: Ints,
    tries: int,
    backwards: bool,
) -> int:
    """Edges inside one component, or (`backwards`) those that do not certainly lead away for good."""
    sources, targets, kinds = ends
    wanted, skip, taken, part, labels = limits
    count = 0
    for e in range(size):
        p = part[sources[e]]
        if not wanted[kinds[e]] or skip[p] or taken[p] >= tries:
            continue
        source, target = labels[sources[e]], labels[targets[e]]
        if source == target or (backwards and source < target):
            chosen[count] = e
            count += 1
            if not backwards:
                taken[p] += 1
    return count


def members_of(labels: Ints, starts: Ints, members: Ints) -> None:
    """The nodes of component c are `members[starts[c]:starts[c + 1]]`."""
    for v in range(len(labels)):
        starts[labels[v] + 2] += 1
    for c in range(2, len(starts)):
        starts[c] += starts[c - 1]
    for v in range(len(labels)):
        members[starts[labels[v] + 1]] = v
        starts[labels[v] + 1] += 1


def reach(
    batch: Ints,
    sources: Ints,
    targets: Ints,
    labels: Ints,
    index: tuple[Ints, Ints, Ints, Ints],
    masks: Ints,
) -> int:
    """Bit i: the target of edge `batch[i]` reaches its source. `masks` are 0 before and after."""
    starts, out, member_starts, members = index
    low, high = labels[sources[batch[0]]], labels[targets[batch[0]]]
    for i in range(len(batch)):
        masks[labels[targets[batch[i]]]] |= 1 << i
        low = min(low, labels[sources[batch[i]]])
        high = max(high, labels[targets[batch[i]]])
    for c in range(high, low, -1):
        if masks[c] == 0:
            continue
        for at in range(member_starts[c], member_starts[c + 1]):
            v = members[at]
            for j in range(starts[v], starts[v + 1]):
                after = labels[targets[out[j]]]
                if after >= low:
                    masks[after] |= masks[c]
    hits = 0
    for i in range(len(batch)):
        if masks[labels[sources[batch[i]]]] >> i & 1:
            hits |= 1 << i
    for c in range(low, high + 1):
        masks[c] = 0
    return hits


def breadth_first(
    source: int,
    target: int,
    edges: tuple[Ints, Ints, Ints, Ints, Ints],
    distance: Ints,
    by: Ints,
    queue: Ints,
) -> int:
    """The number of edges of a shortest path, not counting those out of passages (VIA); -1: there is none.

    Layer after layer: within a layer a VIA edge adds to the layer itself.
    """
    starts, out, _, targets, kinds = edges
    distance[source] = 0
    queue[0] = source
    head, tail, length = 0, 1, 0
    while head < tail:
        layer = tail
        at = head
        while at < tail:  # along passages first, which grow the layer
            v = queue[at]
            at += 1
            for j in range(starts[v], starts[v + 1]):
                w = targets[out[j]]
                if kinds[out[j]] == 5 and (distance[w] == -1 or distance[w] > length):
                    distance[w], by[w] = length, out[j]
                    queue[tail] = w
                    tail += 1
        layer = tail
        if distance[target] != -1:
            return length
        for at in range(head, layer):
            v = queue[at]
            for j in range(starts[v], starts[v + 1]):
                w = targets[out[j]]
                if kinds[out[j]] != 5 and distance[w] == -1:
                    distance[w], by[w] = length + 1, out[j]
                    queue[tail] = w
                    tail += 1
        head = layer
        length += 1
    return -1
