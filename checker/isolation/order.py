"""Orders of transactions: is there one, in which order to walk, and what each transaction has behind it.

Kernels (`engine.py`).  The graph is the sessions (implicit: each transaction before the next of its
session), the reads (a writer before its readers) and further edges, each a transaction and the slot of a
read: the transaction must come before the one that the slot reads from (`edges.py`).
"""

from typing import NamedTuple

from checker.isolation.columns import Ints
from checker.isolation.engine import Engine
from checker.isolation.facts import Facts
from checker.isolation.heap import count_down, pop


class Edges(NamedTuple):
    """`source` [e] comes before the transaction that read `slot` [e] reads from; `found` are filled in.

    `reads`: -2 if every reader comes after what it read from, -1 if none, else only those of that session.
    """

    source: Ints
    slot: Ints
    found: int
    reads: int


def no_edges(engine: Engine, reads: int = -2) -> Edges:
    """The order of sessions and reads alone."""
    return Edges(engine.vector(1), engine.vector(1), 0, reads)


def topological(facts: Facts, edges: Edges, engine: Engine) -> tuple[Ints, int]:
    """Transactions in an order that respects all edges, and how many got a place; fewer than all that
    count if there is a cycle. The rest of the vector is not meaningful.

    Of those that could be next, the one that ended first is.
    """
    start = engine.vector(facts.transactions + 1)
    target = engine.vector(len(facts.read_from) + edges.found)
    engine.run(adjacency, facts, edges, start, target)
    order, degree = engine.vector(facts.transactions), engine.vector(facts.transactions)
    heap = engine.vector(facts.transactions + 1)
    return order, int(engine.run(kahn, facts, (start, target), order, degree, heap))


def counting(facts: Facts, engine: Engine) -> int:
    """How many transactions count."""
    return int(engine.run(count_placed, facts))


# --- kernels ---------------------------------------------------------------------------------------


def count_placed(facts: Facts) -> int:
    """How many transactions have a position."""
    count = 0
    for t in range(facts.transactions):
        if facts.position[t] >= 0:
            count += 1
    return count


def rank_of(order: Ints, placed: int, rank: Ints) -> None:
    """rank[t]: the place of t in the order."""
    for i in range(placed):
        rank[order[i]] = i


def count_sessions(facts: Facts, lengths: Ints, reads: Ints) -> None:
    """How many transactions of each session count, and how many external reads they have."""
    for t in range(facts.transactions):
        if facts.position[t] >= 0:
            lengths[facts.session_of[t]] += 1
            reads[facts.session_of[t]] += facts.read_start[t + 1] - facts.read_start[t]


def adjacency(facts: Facts, edges: Edges, start: Ints, target: Ints) -> None:
    """The edges that are not implicit, by source: counted first, then put in place from the back."""
    nobody = facts.transactions
    wanted = edges.reads
    for turn in range(2):
        for r in range(len(facts.read_from)):
            source = facts.read_from[r]
            if source == nobody or (wanted != -2 and facts.session_of[facts.reader[r]] != wanted):
                continue
            if turn == 0:
                start[source] += 1
            else:
                start[source] -= 1
                target[start[source]] = facts.reader[r]
        for e in range(edges.found):
            source, after = edges.source[e], facts.read_from[edges.slot[e]]
            if after == nobody:
                # Before the state before all writes: wrong by itself, and told apart from cycles.
                continue
            if turn == 0:
                start[source] += 1
            else:
                start[source] -= 1
                target[start[source]] = after
        if turn == 0:
            total = 0
            for t in range(facts.transactions):
                total += start[t]
                start[t] = total
            start[facts.transactions] = total


def kahn(facts: Facts, edges: tuple[Ints, Ints], order: Ints, degree: Ints, heap: Ints) -> int:
    """Place every transaction whose predecessors are placed, the first first. Returns how many could be.

    Mostly the next one is; in the heap are those that were passed by while they had to wait.
    """
    start, target = edges
    for t in range(facts.transactions):
        if facts.next[t] >= 0:
            degree[facts.next[t]] += 1
        for e in range(start[t], start[t + 1]):
            degree[target[e]] += 1
    size = placed = passed = 0
    while True:
        if size > 0:
            t = pop(heap, size)
            size -= 1
        else:
            while passed < facts.transactions and (facts.position[passed] < 0 or degree[passed] > 0):
                passed += 1
            if passed == facts.transactions:
                return placed
            t = passed
            passed += 1
        order[placed] = t
        placed += 1
        after = facts.next[t]
        if after >= 0:
            size = count_down(heap, size, degree, after, passed)
        for e in range(start[t], start[t + 1]):
            size = count_down(heap, size, degree, target[e], passed)


def vector_clocks(facts: Facts, order: Ints, placed: int, clocks: Ints) -> None:
    """clocks[t][j]: how many transactions of session j are strictly before t; none, before the state before
    all writes."""
    for i in range(placed):
        t = order[i]
        mine, session = clocks[t], facts.session_of[t]
        if facts.position[t] > 0:
            before = clocks[facts.at[facts.session_start[session] + facts.position[t] - 1]]
            for j in range(len(mine)):
                mine[j] = before[j]
        mine[session] = facts.position[t]
        for r in range(facts.read_start[t], facts.read_start[t + 1]):
            source = facts.read_from[r]
            if source == facts.transactions:
                continue
            other = facts.session_of[source]
            if mine[other] > facts.position[source]:
                # It has the source behind it already, and with it all that the source has behind it.
                continue
            theirs = clocks[source]
            for j in range(len(mine)):
                mine[j] = max(mine[j], theirs[j])
            mine[other] = max(mine[other], facts.position[source] + 1)
