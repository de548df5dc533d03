"""Monotonic reads: what a session has seen and not yet compared with a later read of the key.

Kernels (`engine.py`) that add edges, as in `edges.py`.
"""

from typing import NamedTuple

from checker.isolation.cells import Cells
from checker.isolation.columns import Ints
from checker.isolation.edges import Out, add_edge
from checker.isolation.facts import Facts

RECENT = 64
"""Transactions of which a session remembers whether it has seen them, where sessions are side by side."""


class Pending(NamedTuple):
    """Per cell a linked list of writers that the session has seen and not yet compared with a later read.

    `head` [cell], `stamp` [cell] by session where sessions share cells, `after` and `writer` [place in the
    pool].  `seen`: whose writes have been pending, of all transactions, or of the RECENT last ones of each
    session.
    """

    head: Ints
    stamp: Ints
    after: Ints
    writer: Ints
    seen: Ints


def monotonic_reads(facts: Facts, cells: Cells, pending: Pending, out: Out) -> int:  # noqa: PLR0912
    """A read settles all pending writers of its key: they come before what it saw, which is pending next.

    Returns -1 if the pool was too small.
    """
    count, used, free = 0, 0, -1
    for i in range(len(cells.order)):
        t3 = cells.order[i]
        session = facts.session_of[t3]
        if cells.along == 0 and facts.position[t3] == 0:
            used, free = 0, -1
        for r in range(facts.read_start[t3], facts.read_start[t3 + 1]):
            cell, t1 = facts.read_key[r] * cells.across + session * cells.along, facts.read_from[r]
            entry = pending.head[cell] if cells.along == 1 or pending.stamp[cell] == session else -1
            while entry >= 0:
                if pending.writer[entry] != t1:
                    count = add_edge(out, count, pending.writer[entry], r)
                entry = pending.after[entry]
        for r in range(facts.read_start[t3], facts.read_start[t3 + 1]):
            cell = facts.read_key[r] * cells.across + session * cells.along
            entry = pending.head[cell] if cells.along == 1 or pending.stamp[cell] == session else -1
            while entry >= 0:
                settled, entry = entry, pending.after[entry]
                pending.after[settled], free = free, settled
            pending.head[cell] = -1
            if cells.along == 0:
                pending.stamp[cell] = session
        for r in range(facts.read_start[t3], facts.read_start[t3 + 1]):
            t1 = facts.read_from[r]
            if t1 == facts.transactions:
                continue
            known = was_seen(pending.seen, cells.along, session, t1)
            low = -1 if known else facts.write_start[t1]
            high = 0 if known else facts.write_start[t1 + 1]
            for w in range(low, high):
                key = facts.read_key[r] if w == -1 else facts.write_key[w]
                cell = key * cells.across + session * cells.along
                head = pending.head[cell] if cells.along == 1 or pending.stamp[cell] == session else -1
                if head >= 0 and pending.writer[head] == t1:
                    continue
                entry, free = (free, pending.after[free]) if free >= 0 else (used, -1)
                used += entry == used
                if entry == len(pending.writer):
                    return -1
                pending.writer[entry], pending.after[entry] = t1, head
                pending.head[cell] = entry
                if cells.along == 0:
                    pending.stamp[cell] = session
    return count


def was_seen(seen: Ints, along: int, session: int, transaction: int) -> bool:
    """Has the session been here with this transaction? Then true, or false if that was long ago.

    Where sessions are walked one after the other, `seen` has a place for each transaction, and forgets
    nothing; side by side, each session has RECENT places.
    """
    place = session * RECENT + transaction % RECENT if along == 1 else transaction
    mark = transaction if along == 1 else session
    if seen[place] == mark:
        return True
    seen[place] = mark
    return False
