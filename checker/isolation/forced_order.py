"""Which writes must come before which in every order, for serializability and snapshot isolation.

The order of the writes of a key is not recorded; but often there is no choice.  A write is known to come
before another of its key if its beginning comes before the other's end (the other way round would close a
circle). Then, in the graph of `precedence.py`:

  - who read the first did not see the second, so it began before that ended (rw)
  - two that write one key do not overlap, so the first ended before the second began (snapshot isolation)
  - t3 read x from t1, and t2 writes x and ended before t3 began: t2 comes before t1

Rounds are run until nothing new follows.  A circle by then proves that there is no order.  No circle proves
nothing: what is left open is searched (`region.py`).  Where every write is preceded by a read of its key,
nothing is left open, for then the reads give the order (the mini-transactions of MTC).

Only what comes first among later writers gets an edge, so that their number stays linear in practice.
Kernels (`engine.py`); cost of a round: reads and writes times sessions that write the key.
"""

from typing import Any, NamedTuple

from checker.isolation.columns import Ints
from checker.isolation.engine import Engine
from checker.isolation.facts import Facts
from checker.isolation.latest import Latest, last_writer, nobody_yet, pass_by
from checker.isolation.precedence import Precedence
from checker.isolation.search import lower_bound


class Versions(NamedTuple):
    """What was read from whom, by version. A version is the slot of a write (`Facts.write_key`), or, for the
    state before all writes, the number of slots plus the key.

    `slot_of` [w]: the slot of `Facts.writer_at` [w].  `owner` [slot]: the transaction of a write.
    `version_of` [r]: what a read saw.
    `read_start` [version + 1], `reads`: the reads by version.
    """

    slot_of: Ints
    owner: Ints
    version_of: Ints
    read_start: Ints
    reads: Ints
    slots: int


class Round(NamedTuple):
    """What the rules work with: `rank` [node] in an order that respects what is known; `clocks`; for each
    group of writers a `hint` (where the last look ended) and a `candidate`."""

    order: Ints
    placed: int
    rank: Ints
    clocks: Ints
    latest: Latest
    hint: Ints
    candidate: Ints
    width: int


class ForcedOrder:
    """Grows a graph until nothing more follows. `circle` says whether there is no order; else `clocks` and
    `order` are those of the whole graph."""

    def __init__(self, graph: Precedence, versions: Versions) -> None:
        self.graph, self._versions = graph, versions
        self.circle = False
        self.clocks: Ints = ()
        self.order: Ints = ()
        self.placed = 0
        self._grow()

    def _grow(self) -> None:
        graph, engine = self.graph, self.graph.engine
        while True:
            edges, index = graph.neighbours()
            self.order, self.placed, wanted = graph.sorted(edges, index)
            if self.placed < wanted:
                self.circle = True
                return
            self.clocks = graph.clocks(edges, index, self.order, self.placed)
            room = len(graph.facts.read_from) + len(graph.facts.write_key)
            while True:
                out = graph.room(room)
                work = self._round()
                count = int(engine.run(settle_reads, graph.facts, work, out))
                count = int(engine.run(settle_writes, graph.facts, self._versions, work, out, count))
                if count <= len(out.source):
                    break
                room = count
            if count == 0:
                return
            graph.add(out, count)

    def after(self, transactions: list[int]) -> list[int]:
        """For each node of these transactions the bits of those nodes of theirs that are known to come after
        it, numbered in this order."""
        facts, width = self.graph.facts, self.graph.width
        nodes = [t * width + part for t in transactions for part in range(width)]
        places = [
            (int(facts.session_of[n // width]), int(facts.position[n // width]) * width + n % width)
            for n in nodes
        ]
        after = [0] * len(nodes)
        for at, later in enumerate(nodes):
            row = self.clocks[later * facts.sessions : (later + 1) * facts.sessions]
            past, bit = row if isinstance(row, list) else row.tolist(), 1 << at
            for earlier, (session, place) in enumerate(places):
                if past[session] > place:
                    after[earlier] |= bit
        return after

    def _round(self) -> Round:
        graph, new = self.graph, self.graph.engine.vector
        groups = len(graph.facts.group_session) + 1
        hint, candidate = new(groups), new(groups)
        rank = new(graph.nodes)
        graph.engine.run(rank_nodes, self.order, self.placed, rank)
        latest = nobody_yet(graph.facts, graph.engine)
        return Round(self.order, self.placed, rank, self.clocks, latest, hint, candidate, graph.width)


def versions_of(facts: Facts, engine: Engine) -> Versions:
    """Group the reads by what they saw."""
    slots = int(facts.write_start[facts.transactions])
    new = engine.vector
    versions = Versions(
        slot_of=new(slots),
        owner=new(slots),
        version_of=new(len(facts.read_from)),
        read_start=new(slots + facts.keys + 1),
        reads=new(len(facts.read_from)),
        slots=slots,
    )
    engine.run(find_versions, facts, versions)
    return versions


# --- kernels ---------------------------------------------------------------------------------------


def rank_nodes(order: Ints, placed: int, rank: Ints) -> None:
    """The place of each node in the order."""
    for i in range(placed):
        rank[order[i]] = i


def find_versions(facts: Facts, versions: Versions) -> None:
    """Fill everything."""
    for t in range(facts.transactions):
        for w in range(facts.write_start[t], facts.write_start[t + 1]):
            versions.owner[w] = t
    for key in range(facts.keys):
        for g in range(facts.group_start[key], facts.group_start[key + 1]):
            begin = facts.session_start[facts.group_session[g]]
            for w in range(facts.group_begin[g], facts.group_begin[g + 1]):
                t = facts.at[begin + facts.writer_at[w]]
                versions.slot_of[w] = lower_bound(
                    facts.write_key, facts.write_start[t], facts.write_start[t + 1], key
                )
    for r in range(len(facts.read_from)):
        t, key = facts.read_from[r], facts.read_key[r]
        if t == facts.transactions:
            version = versions.slots + key
        else:
            version = lower_bound(facts.write_key, facts.write_start[t], facts.write_start[t + 1], key)
        versions.version_of[r] = version
        versions.read_start[version] += 1
    total = 0
    for version in range(len(versions.read_start)):
        total += versions.read_start[version]
        versions.read_start[version] = total
    for r in range(len(facts.read_from) - 1, -1, -1):
        version = versions.version_of[r]
        versions.read_start[version] -= 1
        versions.reads[versions.read_start[version]] = r


def settle_reads(facts: Facts, work: Round, out: Any) -> int:
    """Who ended before a read began, and was not seen, is older than what was seen."""
    count, room, sessions, width = 0, len(out.source), facts.sessions, work.width
    clocks, nobody = work.clocks, facts.transactions
    for i in range(work.placed):
        t3 = work.order[i] // width
        begins, ends = work.order[i] == t3 * width, work.order[i] == t3 * width + width - 1
        for r in range(facts.read_start[t3], facts.read_start[t3 + 1] if begins else facts.read_start[t3]):
            key, t1 = facts.read_key[r], facts.read_from[r]
            if t1 == nobody:
                continue
            next_group, barrier = work.latest.head[key], work.latest.barrier[t1]
            while next_group >= 0 and work.latest.turn[next_group] > barrier:
                g, next_group = next_group, work.latest.older[next_group]
                j = facts.group_session[g]
                limit = clocks[t3 * width * sessions + j] // width
                done = clocks[t1 * width * sessions + j] // width
                t2 = last_writer(facts, work.latest, g, done, limit)
                if t2 < 0 or t2 == t1:
                    continue
                if count < room:
                    out.source[count], out.target[count] = t2 * width + width - 1, t1 * width
                    out.kind[count], out.key[count], out.third[count] = 3, key, t3
                count += 1
        if ends:
            pass_by(facts, work.latest, t3, i, clocks, width)
    return count


def settle_writes(facts: Facts, versions: Versions, work: Round, out: Any, count: int) -> int:
    """Who is known to write a key next: readers of what it wrote over began before it ended."""
    width, nobody = work.width, facts.transactions
    for key in range(facts.keys):
        low, high = facts.group_start[key], facts.group_start[key + 1]
        for own in range(low - 1, high):
            for g in range(low, high):
                work.hint[g] = facts.group_begin[g]
            # The state before all writes first, then the writes of one session after the other.
            begin = facts.group_begin[own] if own >= low else -1
            end = facts.group_begin[own + 1] if own >= low else 0
            session = facts.group_session[own] if own >= low else 0
            for w in range(begin, end):
                t1 = nobody if w < 0 else facts.at[facts.session_start[session] + facts.writer_at[w]]
                version = versions.slots + key if w < 0 else versions.slot_of[w]
                unread = versions.read_start[version] == versions.read_start[version + 1]
                if unread and (width == 1 or w < 0):
                    continue
                left = fill_candidates(facts, work, (low, high), (t1, own, w))
                while left > 0:
                    best = first_candidate(work, low, high)
                    t2 = work.candidate[best]
                    work.candidate[best] = -1
                    left -= 1 + drop_candidates(facts, work, (low, high), t2)
                    count = edges_between(facts, versions, work, (t1, t2, key, version), out, count)
    return count


def fill_candidates(facts: Facts, work: Round, groups: tuple[int, int], writer: tuple[int, int, int]) -> int:
    """For each session the first that is known to write the key after `t1`. Returns how many there are."""
    t1, own, w = writer
    sessions, width, left = facts.sessions, work.width, 0
    for g in range(groups[0], groups[1]):
        start = facts.session_start[facts.group_session[g]]
        at, end = work.hint[g], facts.group_begin[g + 1]
        if w >= 0:
            if g == own:
                at = w + 1
            session, place = facts.session_of[t1], facts.position[t1] * width
            while at < end:
                t2 = facts.at[start + facts.writer_at[at]]
                if work.clocks[(t2 * width + width - 1) * sessions + session] > place:
                    break
                at += 1
            work.hint[g] = at
        work.candidate[g] = -1
        if at < end:
            work.candidate[g] = facts.at[start + facts.writer_at[at]]
            left += 1
    return left


def first_candidate(work: Round, low: int, high: int) -> int:
    """The group of the candidate that ends first in the order at hand."""
    best, best_rank = -1, 0
    for g in range(low, high):
        if work.candidate[g] >= 0:
            rank = work.rank[work.candidate[g] * work.width + work.width - 1]
            if best < 0 or rank < best_rank:
                best, best_rank = g, rank
    return best


def drop_candidates(facts: Facts, work: Round, groups: tuple[int, int], t2: int) -> int:
    """Take away what comes after t2 anyway, and needs no edges. Returns how many went."""
    width, dropped = work.width, 0
    session, place = facts.session_of[t2], facts.position[t2] * width
    for g in range(groups[0], groups[1]):
        later = work.candidate[g]
        if later >= 0 and work.clocks[(later * width + width - 1) * facts.sessions + session] > place:
            work.candidate[g] = -1
            dropped += 1
    return dropped


def edges_between(  # noqa: PLR0917 - a kernel gets its arrays as parameters
    facts: Facts, versions: Versions, work: Round, what: tuple[int, int, int, int], out: Any, count: int
) -> int:
    """The edges between t1, those who read what it wrote, and t2, which wrote over it."""
    t1, t2, key, version = what
    room, sessions, width = len(out.source), facts.sessions, work.width
    overlap = False
    if t1 != facts.transactions and width == 2:
        overlap = work.clocks[2 * t2 * sessions + facts.session_of[t1]] <= 2 * facts.position[t1] + 1
    if overlap:
        if count < room:
            out.source[count], out.target[count] = 2 * t1 + 1, 2 * t2
            out.kind[count], out.key[count], out.third[count] = 4, key, -1
        count += 1
    for i in range(versions.read_start[version], versions.read_start[version + 1]):
        t3 = facts.reader[versions.reads[i]]
        if t3 == t2:
            continue
        past = work.clocks[(t2 * width + width - 1) * sessions + facts.session_of[t3]]
        if past <= facts.position[t3] * width:
            if count < room:
                out.source[count], out.target[count] = t3 * width, t2 * width + width - 1
                out.kind[count], out.key[count], out.third[count] = 5, key, t1
            count += 1
    return count
