"""What comes before what, for serializability and snapshot isolation: a graph that only grows.

Under serializability a transaction is one node: it happens at one moment.  Under snapshot isolation it is
two, its beginning (when it takes its snapshot) and its end (when it commits), and the first comes before the
second.  A dependency a -> b (same session, b read what a wrote, b wrote over a) leads from the end of a to
the beginning of b; that a read before b wrote over it (rw) leads from the beginning of a to the end of b.
The history satisfies the level if and only if some order of the writes of each key leaves this graph without
a cycle: for snapshot isolation that says the same as "no cycle in which no two rw follow each other" (Cerone
and Gotsman, "Analysing snapshot isolation", PODC 2016).

Edges have the round in which they were found (`forced_order.py`); what was found in one round follows from
the rounds before it.  Kernels (`engine.py`).
"""

from collections.abc import Sequence

from checker.isolation.clocks import no_clocks
from checker.isolation.columns import Ints
from checker.isolation.cycle import Neighbours, circles
from checker.isolation.dependency import (
    ASSUMED,
    OVERWRITE,
    READ,
    EdgeColumns,
    base_edges,
    causal_orders,
)
from checker.isolation.engine import Engine
from checker.isolation.facts import Facts
from checker.isolation.heap import count_down, pop
from checker.isolation.order import Edges

ROOM = 4
"""Edges for which there is room, for each that the history has by itself."""


def session_bits(sessions: int, engine: Engine) -> Ints:
    """A bit for each session; some share one where there are many."""
    bit = engine.words(sessions)
    for session in range(sessions):
        bit[session] = 1 << session % engine.bits
    return bit


class Precedence:
    """The graph of one history. `width` is 1 (serializability) or 2 (snapshot isolation).

    `edges`: the older ones first; `size`: how many there are.
    """

    def __init__(self, facts: Facts, width: int, engine: Engine) -> None:
        self.facts, self.width, self.engine = facts, width, engine
        self.nodes = facts.transactions * width
        self.size, self.rounds = 0, [0]
        new = engine.vector
        self.edges = self._store = EdgeColumns(new(0), new(0), engine.flags(0), new(0), new(0))
        self.bit = session_bits(facts.sessions, engine)
        self._grouped = Neighbours(new(self.nodes + 1), new(0), new(0))
        # What is never written takes no memory: room for all that there will be, so that nothing is copied.
        out = self.room(ROOM * (facts.transactions * (width + 1) + len(facts.read_from)))
        self.add(int(engine.run(base_edges, facts, width, out)))

    def room(self, length: int) -> EdgeColumns:
        """The edges, with room for so many more behind them."""
        store = (self.engine.grown(column, self.size, length) for column in self._store)
        self._store = EdgeColumns(*store)
        return self._store

    def add(self, size: int) -> None:
        """The edges up to this number, which are in their room, are those of one more round."""
        self.size, self.edges = size, self.edges_up_to(size)
        self.rounds.append(size)

    def add_causes(self, edges: Edges) -> bool:
        """Add the edges of causal consistency, which both levels imply. False if one of them cannot be."""
        out = self.room(edges.found)
        size = int(self.engine.run(causal_orders, self.facts, edges, self.width, out, self.size))
        if size >= 0:
            self.add(size)
        return size >= 0

    def suppose(self, orders: Sequence[tuple[int, int, int]]) -> "Precedence":
        """A copy in which for each (first, second, key) the first wrote the key before the second, and was
        read before that."""
        copy = object.__new__(Precedence)
        copy.__dict__.update(self.__dict__)
        copy.rounds = list(self.rounds)
        copy._store = EdgeColumns(*(self.engine.part(column, 0, self.size) for column in self._store))
        copy._append(
            [(self.last(first), self.first(second), ASSUMED, key, -1) for first, second, key in orders]
        )
        copy._append(
            [
                (self.first(reader), self.last(second), OVERWRITE, key, first)
                for first, second, key in orders
                for reader in self._readers(first, key)
                if reader != second
            ]
        )
        return copy

    def _append(self, rows: list[tuple[int, int, int, int, int]]) -> None:
        out = self.room(len(rows))
        for at, row in enumerate(rows):
            for column, value in zip(out, row, strict=True):
                column[self.size + at] = value
        self.add(self.size + len(rows))

    def _readers(self, writer: int, key: int) -> list[int]:
        """Who read the key from this transaction."""
        edges, index = self.neighbours()
        node = self.last(writer)
        out = (int(index.edge[i]) for i in range(int(index.start[node]), int(index.start[node + 1])))
        return [
            int(edges.target[e]) // self.width for e in out if edges.kind[e] == READ and edges.key[e] == key
        ]

    def first(self, transaction: int) -> int:
        """The node of its beginning."""
        return transaction * self.width

    def last(self, transaction: int) -> int:
        """The node of its end."""
        return transaction * self.width + self.width - 1

    def before(self, edge: int) -> int:
        """How many edges were known before the round in which this one was found."""
        return max(end for end in self.rounds if end <= edge)

    def edges_up_to(self, size: int) -> EdgeColumns:
        """The first edges, and some that are in the room behind them."""
        return EdgeColumns(*(self.engine.head(column, size) for column in self._store))

    def neighbours(self) -> tuple[EdgeColumns, Neighbours]:
        """The edges, and which of them lead from each node."""
        known = len(self._grouped.edge)
        if known < self.size:
            new = self.engine.vector
            grown = Neighbours(new(self.nodes + 1), new(self.size), new(self.size))
            self.engine.run(group_more, self.edges, self._grouped, new(self.nodes), grown)
            self._grouped = grown
        return self.edges, self._grouped

    def sorted(self) -> tuple[Ints, int, int]:
        """Nodes in an order that respects all edges, how many got a place, and how many should have."""
        order, degree = self.engine.vector(self.nodes), self.engine.vector(self.nodes)
        heap, (_, index) = self.engine.vector(self.nodes + 1), self.neighbours()
        placed, wanted = self.engine.run(
            sort_nodes, self.facts.position, self.width, index, (order, degree), heap
        )
        return order, int(placed), int(wanted)

    def no_clocks(self) -> Ints:
        """clocks[n][j]: how many nodes of session j are strictly before n; none yet. One row is to spare."""
        return no_clocks(self.facts, self.nodes + 1, self.engine, self.width)

    def circle(self) -> list[int]:
        """The edges of a short circle; empty if there is none."""
        edges = self.edges
        found = circles(self.nodes, edges.source, edges.target, self.rounds[1], 1, self.engine)
        return found[0] if found else []

    def way(self, source: int, target: int, limit: int) -> list[int]:
        """A shortest way between two nodes through edges below a number; empty if there is none."""
        edges, index = self.neighbours()
        new = self.engine.vector
        came, queue = new(self.nodes, -1), new(self.nodes + 1)
        self.engine.run(search_breadth, index, (source, target, limit), came, queue)
        way: list[int] = []
        at = target
        while int(came[at]) >= 0 and (not way or at != source):
            way.append(int(came[at]))
            at = int(edges.source[way[-1]])
        return way[::-1]

    def describe(self, edge: int) -> tuple[int, int, int, int, int]:
        """Source and target as transactions, kind, key, third."""
        edges = self.edges
        source, target = int(edges.source[edge]) // self.width, int(edges.target[edge]) // self.width
        return source, target, int(edges.kind[edge]), int(edges.key[edge]), int(edges.third[edge])


# --- kernels ---------------------------------------------------------------------------------------


def group_more(edges: EdgeColumns, known: Neighbours, behind: Ints, grown: Neighbours) -> None:
    """The neighbours by all edges, where those by the first ones are known. `behind`: a vector of zeros, by
    node."""
    first = len(known.edge)
    for e in range(first, len(edges.source)):
        behind[edges.source[e]] += 1
    shift = 0
    for n in range(len(behind)):
        grown.start[n] = known.start[n] + shift
        for i in range(known.start[n], known.start[n + 1]):
            grown.edge[i + shift], grown.after[i + shift] = known.edge[i], known.after[i]
        more, behind[n] = behind[n], known.start[n + 1] + shift
        shift += more
    grown.start[len(behind)] = len(edges.source)
    for e in range(first, len(edges.source)):
        n = edges.source[e]
        grown.edge[behind[n]], grown.after[behind[n]] = e, edges.target[e]
        behind[n] += 1


def sort_nodes(
    position: Ints, width: int, index: Neighbours, room: tuple[Ints, Ints], heap: Ints
) -> tuple[int, int]:
    """Place every node whose predecessors are placed, the first first. Returns how many could be, and how
    many there are.

    Mostly the next one is; in the heap are those that were passed by while they had to wait.
    """
    order, degree = room
    for i in range(len(index.after)):
        degree[index.after[i]] += 1
    size = placed = wanted = passed = 0
    while True:
        if size > 0:
            n = pop(heap, size)
            size -= 1
        else:
            while passed < len(order) and (position[passed // width] < 0 or degree[passed] > 0):
                wanted += position[passed // width] >= 0
                passed += 1
            if passed == len(order):
                return placed, wanted
            n = passed
            wanted += 1
            passed += 1
        order[placed] = n
        placed += 1
        for i in range(index.start[n], index.start[n + 1]):
            size = count_down(heap, size, degree, index.after[i], passed)


def search_breadth(index: Neighbours, what: tuple[int, int, int], came: Ints, queue: Ints) -> None:
    """Fill `came` with the edge by which each node was reached first, using edges below a number."""
    source, goal, limit = what
    queue[0] = source
    done, waiting = 0, 1
    while done < waiting and came[goal] < 0:
        n = queue[done]
        done += 1
        for i in range(index.start[n], index.start[n + 1]):
            e = index.edge[i]
            if e < limit and came[index.after[i]] < 0:
                came[index.after[i]] = e
                queue[waiting] = index.after[i]
                waiting += 1
