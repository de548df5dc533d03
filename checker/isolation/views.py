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
from checker.isolation.facts import ABOUT, WRITER, Facts
from checker.isolation.latest import KNOWN, TURN, Latest, first, following, last_before, pass_by
from checker.isolation.search import last_below, lower_bound


class View(NamedTuple):
    """Session `session`; `seen` [i][j]: how many transactions of session j must be in front of
    its i-th. `clocks` are the causal ones; `deep`: 1 for causal memory, 0 for PRAM.

    `rank` [transaction]: places in an order that suits many; edges that it respects are left out. Empty:
    none.
    """

    session: int
    seen: Ints
    clocks: Ints
    deep: int
    rank: Ints


class Looks(NamedTuple):
    """What is kept from look to look. For each group of writers the one found last, as `hint`, and the
    position of the `next` one; they hold if `stamp` [group] is the number of the round.  For each key what
    the session `shown` last was read from, if `stamp_key` says so.  `row` [i]: the round that must look at
    the i-th transaction again, `writer` [transaction]: at those who read from it.
    """

    hint: Ints
    next: Ints
    stamp: Ints
    shown: Ints
    stamp_key: Ints
    row: Ints
    writer: Ints


def view_base(facts: Facts, view: View) -> None:
    """What sessions and reads alone put in front of each transaction of the session."""
    begin = facts.session_start[view.session]
    for i in range(len(view.seen)):
        t = facts.at[begin + i]
        mine = view.seen[i]
        before = view.clocks[t if view.deep == 1 else 0]
        if view.deep == 0 and i > 0:
            before = view.seen[i - 1]
        if view.deep == 1 or i > 0:
            for j in range(len(mine)):
                mine[j] = before[j]
        if view.deep == 1:
            continue
        mine[view.session] = i
        for r in range(facts.read_start[t], facts.read_start[t + 1]):
            source = facts.read_from[r]
            if source != facts.transactions:
                session = facts.session_of[source]
                mine[session] = max(mine[session], facts.position[source] + 1)


def first_round(facts: Facts, view: View, looks: Looks, turn: int, out: Out) -> tuple[int, int]:
    """All reads of the session: the edges, and 1 if something was seen that had not been before.

    What is in front only grows along the session.  So a session's last writer of a key is looked at again
    only when there is a newer one: that the older one comes before what was read last was said then, and
    what was read last comes before what is read now.
    """
    count, changed = 0, 0
    begin, ranked = facts.session_start[view.session], len(view.rank) > 0
    for i in range(len(view.seen)):
        t3 = facts.at[begin + i]
        for r in range(facts.read_start[t3], facts.read_start[t3 + 1]):
            key, t1 = facts.read_key[r], facts.read_from[r]
            news = is_news(facts, view, i, t1)
            place = view.rank[t1] if ranked and t1 != facts.transactions else -1
            if looks.stamp_key[key] == turn and looks.shown[key] != t1:
                before = looks.shown[key]
                written = before != facts.transactions
                if written and before != t3 and (not news or view.rank[before] >= place):
                    more, grown = put_before(facts, view, looks, (before, i, r, turn), out, count)
                    count += more
                    changed = max(changed, grown)
            looks.stamp_key[key], looks.shown[key] = turn, t1
            for g in range(facts.group_start[key], facts.group_start[key + 1]):
                limit = view.seen[i][facts.group_session[g]]
                low, high = facts.group_begin[g], facts.group_begin[g + 1]
                if looks.stamp[g] != turn:
                    looks.stamp[g], looks.hint[g], looks.next[g] = turn, low - 1, facts.writer_at[low]
                if limit <= looks.next[g]:
                    continue
                w = last_below(facts.writer_at, low, high, looks.hint[g], limit)
                looks.hint[g] = w
                looks.next[g] = facts.writer_at[w + 1] if w + 1 < high else facts.transactions
                t2 = facts.at[facts.session_start[facts.group_session[g]] + facts.writer_at[w]]
                if t2 in (t1, t3) or (news and view.rank[t2] < place):
                    continue
                more, grown = put_before(facts, view, looks, (t2, i, r, turn), out, count)
                count += more
                changed = max(changed, grown)
    return count, changed


def is_news(facts: Facts, view: View, i: int, t1: int) -> bool:
    """Has nothing before the i-th transaction t1 in front of it, while there is an order to compare with?

    Then an edge to t1 puts nothing in front of others, and only matters where that order does not respect it.
    """
    if len(view.rank) == 0 or t1 == facts.transactions or facts.session_of[t1] == view.session:
        return False
    return i == 0 or view.seen[i - 1][facts.session_of[t1]] <= facts.position[t1]


def next_round(facts: Facts, view: View, looks: Looks, turn: int, out: Out) -> tuple[int, int]:
    """The same for those reads only that something has been put in front of, or whose writer was put
    there."""
    count, changed = 0, 0
    begin = facts.session_start[view.session]
    for i in range(len(view.seen)):
        t3 = facts.at[begin + i]
        for r in range(facts.read_start[t3], facts.read_start[t3 + 1]):
            key, t1 = facts.read_key[r], facts.read_from[r]
            if looks.row[i] != turn and (t1 == facts.transactions or looks.writer[t1] != turn):
                continue
            news = is_news(facts, view, i, t1)
            place = view.rank[t1] if news else -1
            for g in range(facts.group_start[key], facts.group_start[key + 1]):
                limit = view.seen[i][facts.group_session[g]]
                low, high = facts.group_begin[g], facts.group_begin[g + 1]
                w = lower_bound(facts.writer_at, low, high, limit) - 1
                if w < low:
                    continue
                t2 = facts.at[facts.session_start[facts.group_session[g]] + facts.writer_at[w]]
                if t2 not in (t1, t3) and (not news or view.rank[t2] >= place):
                    more, grown = put_before(facts, view, looks, (t2, i, r, turn), out, count)
                    count += more
                    changed = max(changed, grown)
    return count, changed


def put_before(  # noqa: PLR0917 - a kernel gets its arrays as parameters
    facts: Facts, view: View, looks: Looks, what: tuple[int, int, int, int], out: Out, count: int
) -> tuple[int, int]:
    """t2 comes before what the read saw: the edge, if it is needed, and what that puts in front of others.

    Returns how many edges that is, and 1 if something was seen that had not been before.
    """
    t2, i, r, turn = what
    t1, j, place = facts.read_from[r], facts.session_of[t2], facts.position[t2]
    sessions, seen, nobody = facts.sessions, view.seen, facts.transactions
    if t1 != nobody:
        if facts.session_of[t1] == j and place < facts.position[t1]:
            return 0, 0
        if view.deep == 1 and place < view.clocks[t1][j]:
            return 0, 0
    news = 0
    if len(view.rank) == 0 or t1 == nobody or view.rank[t2] >= view.rank[t1]:
        if count < len(out.source):
            out.source[count], out.slot[count] = t2, r
        news = 1
    if t1 == nobody:
        return news, 0
    # Whoever has t1 in front of it has t2 there, too, from the first such transaction on.
    home, last = facts.session_of[t1], facts.position[t1]
    low, high = 0, i
    while low < high:
        middle = (low + high) // 2
        if seen[middle][home] > last:
            high = middle
        else:
            low = middle + 1
    if home == view.session:
        # One of the session's own: what must be before it is in front of what it read, too.
        low = last
    changed = 0
    while low < i and seen[low][j] <= place:
        changed = 1
        looks.row[low] = turn + 1
        for other in range(sessions if view.deep == 1 else 0):
            see(facts, view, looks, (low, other, view.clocks[t2][other], turn + 1))
        see(facts, view, looks, (low, j, place + 1, turn + 1))
        low += 1
    return news, changed


def see(facts: Facts, view: View, looks: Looks, what: tuple[int, int, int, int]) -> None:
    """So many transactions of a session are in front of a row; the next round looks at what that brings."""
    row, session, limit, turn = what
    mine, begin = view.seen[row], facts.session_start[session]
    for place in range(mine[session], limit):
        looks.writer[facts.at[begin + place]] = turn
    mine[session] = max(mine[session], limit)


class Explaining(NamedTuple):
    """What `find_unexplained` works with: `order` of `placed`, `clocks`, the `latest` writers, `same`
    [slot in transaction] (the first slot with the same writer), `before` [slots x slots] and `degree`
    [slots]."""

    order: Ints
    placed: int
    clocks: Ints
    latest: Latest
    same: Ints
    before: Ints
    degree: Ints


def find_unexplained(facts: Facts, work: Explaining) -> int:  # noqa: PLR0912
    """The first transaction whose past has no order that explains what it read, or -1."""
    clocks, nobody = work.clocks, facts.transactions
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
            barrier = work.latest.barrier[t1]
            next_one = first(work.latest, key)
            while next_one >= 0 and work.latest.known[KNOWN * next_one + TURN] > barrier:
                w, next_one = next_one, following(work.latest, next_one)
                j = facts.session_of[facts.write[ABOUT * w + WRITER]]
                done = clocks[t1][j]
                # What is before the one that is in front of the read last is before that anyway.
                found = last_before(facts, w, done, clocks[t3][j])
                if found < 0 or facts.write[ABOUT * found + WRITER] == t1:
                    continue
                t2 = facts.write[ABOUT * found + WRITER]
                if t1 == nobody:
                    return int(t3)
                for a in range(reads):
                    source = facts.read_from[begin + a]
                    if source == nobody or work.same[a] != a:
                        continue
                    if source == t2 or facts.position[source] < clocks[t2][facts.session_of[source]]:
                        work.before[a * reads + work.same[b]] = 1
        for a in range(reads):
            source = facts.read_from[begin + a]
            if work.same[a] != a or source == nobody:
                continue
            for b in range(reads):
                t1 = facts.read_from[begin + b]
                if work.same[b] != b or t1 == nobody:
                    continue
                if source != t1 and facts.position[source] < clocks[t1][facts.session_of[source]]:
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
        pass_by(facts, work.latest, t3, i, clocks, (t3, 1, 0))
    return -1
