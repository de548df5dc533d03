"""Which node comes before which, as columns, and those edges that are in the history itself.

Nodes and edges are those of `precedence.py`.  Kernels (`engine.py`).
"""

from typing import NamedTuple

from checker.isolation.columns import Ints
from checker.isolation.facts import Facts
from checker.isolation.order import Edges

WITHIN, PROCESS, READ, ORDER, OVERLAP, OVERWRITE, ASSUMED = 0, 1, 2, 3, 4, 5, 6
"""Kinds of edges: beginning to end; same session; wr; ww because of a read; ww because two overlap; rw; ww
that is only supposed, to see what would follow."""


class EdgeColumns(NamedTuple):
    """Edge e leads from node `source` to node `target`. `key` is -1 for sessions; `third` is a transaction:
    for ORDER who read from the target, for OVERWRITE from whom the source read."""

    source: Ints
    target: Ints
    kind: Ints
    key: Ints
    third: Ints


# --- kernels ---------------------------------------------------------------------------------------


def put_edge(out: EdgeColumns, count: int, edge: tuple[int, int, int, int, int]) -> int:
    """One edge more, if there is room. Returns how many there are."""
    if count < len(out.source):
        out.source[count], out.target[count], out.kind[count], out.key[count], out.third[count] = edge
    return count + 1


def base_edges(facts: Facts, width: int, out: EdgeColumns) -> int:
    """Beginnings before ends, sessions, and reads. Returns how many."""
    count = 0
    for t in range(facts.transactions):
        if facts.position[t] < 0:
            continue
        if width == 2:
            out.source[count], out.target[count] = 2 * t, 2 * t + 1
            out.kind[count], out.key[count], out.third[count] = 0, -1, -1
            count += 1
        after = facts.next[t]
        if after >= 0:
            out.source[count], out.target[count] = t * width + width - 1, after * width
            out.kind[count], out.key[count], out.third[count] = 1, -1, -1
            count += 1
    for r in range(len(facts.read_from)):
        source = facts.read_from[r]
        if source != facts.transactions:
            out.source[count], out.target[count] = source * width + width - 1, facts.reader[r] * width
            out.kind[count], out.key[count], out.third[count] = 2, facts.read_key[r], -1
            count += 1
    return count


def causal_orders(facts: Facts, edges: Edges, width: int, out: EdgeColumns, count: int) -> int:
    """What comes before what was read, because it is in front of the read. Returns how many edges there are
    then; -1 if that is the state before all writes."""
    for e in range(edges.found):
        r = edges.slot[e]
        after = facts.read_from[r]
        if after == facts.transactions:
            return -1
        out.source[count], out.target[count] = edges.source[e] * width + width - 1, after * width
        out.kind[count], out.key[count], out.third[count] = 3, facts.read_key[r], facts.reader[r]
        count += 1
    return count
