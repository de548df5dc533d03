"""Short cycles in an order that cannot be, for people to follow.

Only what a failed topological sort left over is looked at, and of that only what leads back to itself.
Pure Python: it runs once, when there is something to explain.
"""

from collections import deque
from typing import NamedTuple

from checker.isolation.columns import Ints
from checker.isolation.facts import Facts
from checker.isolation.order import Edges

STARTS = 60
"""So many transactions are tried as the start of a shortest cycle; a cycle of two ends the trial."""


class Step(NamedTuple):
    """`source` must come before `target`: because of their session (slot -1), because target read from
    source (`slot`, not forced), or because the read `slot` saw target although source was in front of it."""

    source: int
    target: int
    slot: int
    forced: bool


Graph = dict[int, list[Step]]


def cycles(facts: Facts, edges: Edges, order: Ints, placed: int, wanted: int) -> list[list[Step]]:
    """Up to `wanted` short cycles with no transaction in common, among what is not placed."""
    done = set(order[:placed]) if isinstance(order, list) else set(order[:placed].tolist())
    left = {t for t in range(facts.transactions) if facts.position[t] >= 0 and t not in done}
    graph = trimmed(_graph(facts, edges, left))
    found: list[list[Step]] = []
    while graph and len(found) < wanted:
        cycle = _shortest(graph)
        found.append(cycle)
        graph = trimmed(_without(graph, {step.source for step in cycle}))
    return found


def steps(facts: Facts, edges: Edges) -> Graph:
    """The whole graph."""
    return _graph(facts, edges, {t for t in range(facts.transactions) if facts.position[t] >= 0})


def _graph(facts: Facts, edges: Edges, left: set[int]) -> Graph:
    graph: Graph = {t: [] for t in left}
    for t in left:
        if (after := int(facts.next[t])) in left:
            graph[t].append(Step(t, after, -1, False))
        if edges.reads not in (-2, int(facts.session_of[t])):
            continue
        for slot in range(int(facts.read_start[t]), int(facts.read_start[t + 1])):
            if (source := int(facts.read_from[slot])) in left:
                graph[source].append(Step(source, t, slot, False))
    for e in range(edges.found):
        source, slot = int(edges.source[e]), int(edges.slot[e])
        if source in left and (target := int(facts.read_from[slot])) in left:
            graph[source].append(Step(source, target, slot, True))
    return graph


def trimmed(graph: Graph) -> Graph:
    """Without transactions that lead nowhere or come from nowhere."""
    for _ in range(2):
        incoming: dict[int, list[int]] = {t: [] for t in graph}
        outgoing = {t: len(following) for t, following in graph.items()}
        for t, following in graph.items():
            for step in following:
                incoming[step.target].append(t)
        dead = [t for t, count in outgoing.items() if count == 0]
        gone = set(dead)
        while dead:
            for before in incoming[dead.pop()]:
                outgoing[before] -= 1
                if outgoing[before] == 0 and before not in gone:
                    gone.add(before)
                    dead.append(before)
        graph = _reversed(_without(graph, gone))
    return graph


def _without(graph: Graph, gone: set[int]) -> Graph:
    return {
        t: [step for step in following if step.target not in gone]
        for t, following in graph.items()
        if t not in gone
    }


def _reversed(graph: Graph) -> Graph:
    turned: Graph = {t: [] for t in graph}
    for following in graph.values():
        for step in following:
            turned[step.target].append(Step(step.target, step.source, step.slot, step.forced))
    return turned


def _shortest(graph: Graph) -> list[Step]:
    starts = sorted(graph, key=lambda t: (not any(step.forced for step in graph[t]), t))
    best: list[Step] = []
    for start in starts[:STARTS]:
        cycle = path(graph, start, start)
        if cycle and (not best or len(cycle) < len(best)):
            best = cycle
        if len(best) == 2:
            break
    # A transaction may lie between two cycles without being on one; then every one is tried.
    for start in starts[STARTS:] if not best else ():
        if best := path(graph, start, start):
            break
    return best


def path(graph: Graph, start: int, goal: int) -> list[Step]:
    """A shortest way with at least one step; empty if there is none."""
    came: dict[int, Step] = {}
    queue = deque([start])
    while queue:
        t = queue.popleft()
        for step in graph.get(t, ()):
            if step.target in came:
                continue
            came[step.target] = step
            if step.target == goal:
                way = [step]
                while way[-1].source != start:
                    way.append(came[way[-1].source])
                return way[::-1]
            queue.append(step.target)
    return []
