"""Causal memory, PRAM and causal consistency: here each session, or each transaction, may see its own order.

`session_edges`, for causal memory (CM) and PRAM.  Session p must be able to put all writes that matter to it
and its own transactions in one order that explains what it read.  Causal memory asks that this order
respects everything that sessions and reads put before something; PRAM only sessions, and the reads of p.
What is in front of a read grows with the edges found so far (if t2 must come before t1, then whoever has
seen t1 has t2 behind it), so rounds are run until nothing changes.  That is complete: the transactions of p
are in one order, so for each of them "what must be before it" can be laid out one batch after the other,
each batch in any order that respects the edges, and then every read sees the last write in front of it.
Cost: rounds (two or three in practice) times reads of p times sessions.

`find_unexplained`, for causal consistency (CC).  Here each transaction may see its own order of its past.
Between the writers that it read from, a small graph says who must come before whom; a cycle in it is a
violation.  Cost: reads times sessions times reads of a transaction.

Kernels (`engine.py`).
"""

from typing import NamedTuple

from checker.isolation.columns import Ints
from checker.isolation.edges import Out
from checker.isolation.facts import Facts


class View(NamedTuple):
    """Session `session`; `seen` [i * sessions + j]: how many transactions of session j must be in front of
    its i-th. `clocks` are the causal ones; `deep`: 1 for causal memory, 0 for PRAM."""

    session: int
    seen: Ints
    clocks: Ints
    deep: int


def view_base(facts: Facts, view: View) -> None:
    """What sessions and reads alone put in front of each transaction of the session."""
    sessions, begin = facts.sessions, facts.session_start[view.session]
    length = len(view.seen) // sessions
    for i in range(length):
        t = facts.at[begin + i]
        for j in range(sessions):
            if view.deep == 1:
                view.seen[i * sessions + j] = view.clocks[t * sessions + j]
            elif i > 0:
                view.seen[i * sessions + j] = view.seen[(i - 1) * sessions + j]
        if view.deep == 1:
            continue
        view.seen[i * sessions + view.session] = i
        for r in range(facts.read_start[t], facts.read_start[t + 1]):
            source = facts.read_from[r]
            if source != facts.transactions:
                at = i * sessions + facts.session_of[source]
                view.seen[at] = max(view.seen[at], facts.position[source] + 1)


def session_edges(facts: Facts, view: View, out: Out) -> tuple[int, int]:  # noqa: PLR0912
    """One round: the edges, and 1 if something was seen that had not been before."""
    count, changed, room = 0, 0, len(out.source)
    sessions, begin, seen = facts.sessions, facts.session_start[view.session], view.seen
    for i in range(len(seen) // sessions):
        t3 = facts.at[begin + i]
        for r in range(facts.read_start[t3], facts.read_start[t3 + 1]):
            key, t1 = facts.read_key[r], facts.read_from[r]
            for g in range(facts.group_start[key], facts.group_start[key + 1]):
                j = facts.group_session[g]
                limit = seen[i * sessions + j]
                low, high = facts.group_begin[g], facts.group_begin[g + 1]
                while low < high:
                    middle = (low + high) // 2
                    if facts.writer_at[middle] < limit:
                        low = middle + 1
                    else:
                        high = middle
                if low == facts.group_begin[g]:
                    continue
                place = facts.writer_at[low - 1]
                t2 = facts.at[facts.session_start[j] + place]
                if t2 in (t1, t3):
                    continue
                if t1 != facts.transactions:
                    if facts.session_of[t1] == j and place < facts.position[t1]:
                        continue
                    if view.deep == 1 and place < view.clocks[t1 * sessions + j]:
                        continue
                if count < room:
                    out.source[count] = t2
                    out.slot[count] = r
                count += 1
                if t1 == facts.transactions:
                    continue
                # Whoever has t1 in front of it has t2 there, too, from the first such transaction on.
                home, last = facts.session_of[t1], facts.position[t1]
                low, high = 0, i
                while low < high:
                    middle = (low + high) // 2
                    if seen[middle * sessions + home] > last:
                        high = middle
                    else:
                        low = middle + 1
                if home == view.session:
                    # One of the session's own: what must be before it is in front of what it read, too.
                    low = last
                while low < i and seen[low * sessions + j] <= place:
                    changed = 1
                    for other in range(sessions if view.deep == 1 else 0):
                        at = low * sessions + other
                        seen[at] = max(seen[at], view.clocks[t2 * sessions + other])
                    seen[low * sessions + j] = max(seen[low * sessions + j], place + 1)
                    low += 1
    return count, changed


class Explaining(NamedTuple):
    """What `find_unexplained` works with: `order` of `placed`, `clocks`, `same` [slot in transaction] (the
    first slot with the same writer), `before` [slots x slots], `degree` [slots]."""

    order: Ints
    placed: int
    clocks: Ints
    same: Ints
    before: Ints
    degree: Ints


def find_unexplained(facts: Facts, work: Explaining) -> int:  # noqa: PLR0912
    """The first transaction whose past has no order that explains what it read, or -1."""
    sessions, clocks, nobody = facts.sessions, work.clocks, facts.transactions
    for i in range(work.placed):
        t3 = work.order[i]
        begin = facts.read_start[t3]
        reads = facts.read_start[t3 + 1] - begin
        for a in range(reads):
            work.same[a] = a
            for b in range(a - 1, -1, -1):
                if facts.read_from[begin + b] == facts.read_from[begin + a]:
                    work.same[a] = b
            for b in range(reads):
                work.before[a * reads + b] = 0
        for b in range(reads):
            key, t1 = facts.read_key[begin + b], facts.read_from[begin + b]
            for g in range(facts.group_start[key], facts.group_start[key + 1]):
                j = facts.group_session[g]
                limit = clocks[t3 * sessions + j]
                low, high = facts.group_begin[g], facts.group_begin[g + 1]
                while low < high:
                    middle = (low + high) // 2
                    if facts.writer_at[middle] < limit:
                        low = middle + 1
                    else:
                        high = middle
                if low == facts.group_begin[g]:
                    continue
                place = facts.writer_at[low - 1]
                t2 = facts.at[facts.session_start[j] + place]
                if t2 == t1:
                    continue
                if t1 == nobody:
                    return int(t3)
                for a in range(reads):
                    first = facts.read_from[begin + a]
                    if first == nobody or work.same[a] != a:
                        continue
                    if first == t2 or facts.position[first] < clocks[t2 * sessions + facts.session_of[first]]:
                        work.before[a * reads + work.same[b]] = 1
        for a in range(reads):
            first = facts.read_from[begin + a]
            for b in range(reads):
                t1 = facts.read_from[begin + b]
                if work.same[a] != a or work.same[b] != b or first in (nobody, t1) or t1 == nobody:
                    continue
                if facts.position[first] < clocks[t1 * sessions + facts.session_of[first]]:
                    work.before[a * reads + b] = 1
        # Take away what nothing left must come before, until all is gone or nothing can go.
        left = reads
        for a in range(reads):
            work.degree[a] = 0
        progress = 1
        while progress == 1 and left > 0:
            progress = 0
            for b in range(reads):
                free = work.degree[b] == 0
                for a in range(reads):
                    if work.degree[a] == 0 and work.before[a * reads + b] == 1:
                        free = False
                if free:
                    work.degree[b] = 1
                    left -= 1
                    progress = 1
        if left > 0:
            return int(t3)
    return -1
