"""Cycles in the dependency graph, by the name of the anomaly that each of them is.

First one pass finds the strongly connected components of all edges; a valid history has none, and is done.
What is left of an invalid one is searched for every anomaly, strongest first.  A component in which one was
found is not searched for what that anomaly implies.  Hence the searches need not demand what a name
promises: where no G0 is, a cycle of ww and wr has a wr; where no G1c is, one of ww, wr and process order
has a process edge; and so on.

  policy       a cycle is                                      found by
  NONE         any cycle of the allowed edges                  components
  ONE          exactly one rw edge, the rest is allowed        reachability, 31 sources at once
  NONADJACENT  rw edges, but no two that follow each other     components of the graph, each node twice
  ANY          any cycle with an rw edge                       components

So existence is always decided, however large a component is, without a time limit.  Only then is a witness
looked for: the shortest cycle (breadth first, passages cost nothing) through some of the edges that are
known to lie on one.  Sources: Adya 1999 chapter 4; Cerone, Gotsman, Analysing Snapshot Isolation, 2016
(adjacent rw edges); Kingsbury, Alvaro, Elle, 2020, section 6.
"""

from collections import Counter
from dataclasses import dataclass
from enum import Enum, auto

from checker.txn import models, witness
from checker.txn.graph import PROCESS, REALTIME, RW, VIA, WR, WW, Graph
from checker.txn.place import Ints
from checker.txn.tangle import Tangle, doubled, tangle_of

TRIES = 16
"""Edges of a component from which a shortest cycle is looked for."""

SHOWN = 8
"""Components of which a cycle is shown, per anomaly."""


class Policy(Enum):
    """How many rw edges a cycle has."""

    NONE = auto()
    ONE = auto()
    NONADJACENT = auto()
    ANY = auto()


BASES: tuple[tuple[str, frozenset[int], Policy], ...] = (
    ("G0", frozenset({WW}), Policy.NONE),
    ("G1c", frozenset({WW, WR}), Policy.NONE),
    ("G-single-item", frozenset({WW, WR}), Policy.ONE),
    ("G-nonadjacent-item", frozenset({WW, WR}), Policy.NONADJACENT),
    ("G2-item", frozenset({WW, WR}), Policy.ANY),
)

LEVELS: tuple[tuple[str, frozenset[int]], ...] = (
    ("", frozenset()),
    ("-process", frozenset({PROCESS})),
    ("-realtime", frozenset({PROCESS, REALTIME})),
)


@dataclass(frozen=True, slots=True)
class Step:
    """The source must come before the target, because of what `kind`, `before` and `after` say."""

    source: int
    target: int
    kind: int
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Cycle:
    """One anomaly. The target of the last step is the source of the first."""

    type: str
    steps: tuple[Step, ...]


def search(graph: Graph, levels: int) -> tuple[list[Cycle], dict[str, int]]:
    """The shortest cycles found, and in how many components each type occurs.

    `levels` is 1 for dependencies only, 2 with the order of clients, 3 with the order of the clock.
    """
    kinds = frozenset({WW, WR, RW, VIA}).union(*(extra for _, extra in LEVELS[:levels]))
    tangle = tangle_of(graph, kinds)
    if tangle is None:
        return [], {}
    found: list[set[str]] = [set() for _ in range(tangle.parts)]
    cycles: list[Cycle] = []
    for suffix, extra in LEVELS[:levels]:
        for base, allowed, policy in BASES:
            name = base + suffix
            hunt = _Hunt(tangle, name, allowed | extra | {VIA}, policy)
            hits = hunt.hits(found)
            for part in hits:
                found[part].add(name)
            cycles += [hunt.cycle(graph.transactions, edges) for edges in list(hits.values())[:SHOWN]]
    return cycles, dict(Counter(name for names in found for name in names))


class _Hunt:
    """The search for one type of cycle in a tangle."""

    def __init__(self, tangle: Tangle, name: str, allowed: frozenset[int], policy: Policy) -> None:
        self.tangle = tangle
        self.name = name
        self.policy = policy
        self.double = policy is Policy.NONADJACENT
        self.graph = doubled(tangle.graph, allowed) if self.double else tangle.graph
        self.kinds = allowed | {RW} if policy in (Policy.ANY, Policy.NONADJACENT) else allowed

    def hits(self, found: list[set[str]]) -> dict[int, list[int]]:
        """The components that have such a cycle, each with some edges that lie on one."""
        skip = self.graph.place.full(self.tangle.parts, 0)
        for part, names in enumerate(found):
            skip[part] = any(self.name in models.implied_anomalies(name) for name in names)
        if all(skip):
            return {}
        part_of = (self._part_of_nodes(), skip)
        if self.policy is Policy.ONE:
            edges = witness.closed_by_others(self.graph, self.kinds, RW, part_of, TRIES)
        else:
            closing = self.kinds - {VIA} if self.policy is Policy.NONE else frozenset({RW})
            edges = witness.on_cycles(self.graph, self.kinds, closing, part_of, TRIES)
        hits: dict[int, list[int]] = {}
        for e in edges:
            hits.setdefault(int(part_of[0][self.graph.sources[e]]), []).append(e)
        return hits

    def _part_of_nodes(self) -> Ints:
        part = self.tangle.part
        if not self.double:
            return part
        return [p for p in part for _ in range(2)] if isinstance(part, list) else part.repeat(2)

    def cycle(self, transactions: int, closing: list[int]) -> Cycle:
        """The shortest cycle through one of the edges, with passages taken out."""
        edges = witness.shortest(self.graph, self.kinds, closing)
        if self.double:
            edges = [int(self.graph.before[e]) for e in edges]
        graph, old = self.tangle.graph, self.tangle.old
        steps: list[Step] = []
        for e in edges:
            target, after = int(old[graph.targets[e]]), int(graph.after[e])
            if graph.kinds[e] == VIA:
                last = steps.pop()
                steps.append(Step(last.source, target, last.kind, last.before, max(after, last.after)))
            else:
                source = int(old[graph.sources[e]])
                steps.append(Step(source, target, int(graph.kinds[e]), int(graph.before[e]), after))
        assert all(step.target < transactions for step in steps)
        return Cycle(self.name, tuple(steps))
