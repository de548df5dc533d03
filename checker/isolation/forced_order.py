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

Only what comes last among earlier writers gets an edge, so that their number stays linear in practice.
Kernels (`engine.py`); cost of a round: the clocks, and reads and writes times concurrent writers of the key
(`latest.py`).
"""

from typing import NamedTuple

from checker.isolation.columns import Ints
from checker.isolation.dependency import EdgeColumns
from checker.isolation.engine import Engine
from checker.isolation.facts import Facts
from checker.isolation.latest import OLDER, TURN, WIDTH, Latest, last_writer, nobody_yet, pass_by
from checker.isolation.precedence import Precedence
from checker.isolation.search import lower_bound


class Versions(NamedTuple):
    """What was read from whom, by version. A version is the slot of a write (`Facts.write_key`), or, for the
    state before all writes, the number of slots plus the key.

    `owner` [slot]: the transaction of a write.
    `version_of` [r]: what a read saw.
    `read_start` [version + 1], `reads`: the reads by version.
    """

    owner: Ints
    version_of: Ints
    read_start: Ints
    reads: Ints
    slots: int


class Round(NamedTuple):
    """What the rules work with: `order` of `placed` nodes; `changed` [node]: 1 where the clock is not that of
    the round before; `clocks`; which writers have `begun` and `ended` where the rules are in that order; and
    a vector for `nearest` writers, as many as groups."""

    order: Ints
    placed: int
    changed: Ints
    clocks: Ints
    begun: Latest
    ended: Latest
    nearest: Ints
    width: int


class ForcedOrder:
    """Grows a graph, one round at a time. `circle` says whether there is no order; else `clocks` and `order`
    are those of the graph before the last round."""

    def __init__(self, graph: Precedence, versions: Versions) -> None:
        self.graph, self._versions = graph, versions
        self.circle = False
        self.clocks: Ints = ()
        self.order: Ints = ()
        self.placed = self._spread = 0

    def settle(self) -> "ForcedOrder":
        """Grow until nothing more follows."""
        while self.grow():
            pass
        return self

    def grow(self) -> int:
        """One round; how many edges it has found. What has nothing new in front of it is passed over."""
        graph, engine = self.graph, self.graph.engine
        edges, index = graph.neighbours()
        self.order, self.placed, wanted = graph.sorted(edges, index)
        if self.placed < wanted:
            self.circle = True
            return 0
        if not self._spread:
            self.clocks = graph.no_clocks()
        changed = engine.flags(graph.nodes, 0 if self._spread else 1)
        graph.spread(self.clocks, changed, (self.order, self.placed), self._spread)
        self._spread = graph.size
        room = len(graph.facts.read_from) + len(graph.facts.write_key)
        while True:
            out, work = graph.room(room), self._round(changed)
            size = int(engine.run(settle_reads, graph.facts, work, out, graph.size))
            size = int(engine.run(settle_writes, graph.facts, self._versions, work, out, size))
            if size <= len(out.source):
                break
            room = size - graph.size
        found = size - graph.size
        if found:
            graph.add(size)
        return found

    def _round(self, changed: Ints) -> Round:
        facts, engine = self.graph.facts, self.graph.engine
        begun, ended = nobody_yet(facts, engine), nobody_yet(facts, engine)
        nearest = engine.vector(len(facts.group_begin))
        order, width = (self.order, self.placed), self.graph.width
        return Round(*order, changed, self.clocks, begun, ended, nearest, width)


def versions_of(facts: Facts, engine: Engine) -> Versions:
    """Group the reads by what they saw."""
    slots = int(facts.write_start[facts.transactions])
    new = engine.vector
    versions = Versions(
        owner=new(slots),
        version_of=new(len(facts.read_from)),
        read_start=new(slots + facts.keys + 1),
        reads=new(len(facts.read_from)),
        slots=slots,
    )
    engine.run(find_versions, facts, versions)
    return versions


# --- kernels ---------------------------------------------------------------------------------------


def find_versions(facts: Facts, versions: Versions) -> None:
    """Fill everything."""
    for t in range(facts.transactions):
        for w in range(facts.write_start[t], facts.write_start[t + 1]):
            versions.owner[w] = t
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


def settle_reads(facts: Facts, work: Round, out: EdgeColumns, count: int) -> int:
    """Who ended before a read began, and was not seen, is older than what was seen."""
    room, width = len(out.source), work.width
    clocks, nobody = work.clocks, facts.transactions
    for i in range(work.placed):
        t3 = work.order[i] // width
        begins, ends = work.order[i] == t3 * width, work.order[i] == t3 * width + width - 1
        low, high = facts.read_start[t3], facts.read_start[t3 + 1]
        for r in range(low, high if begins and work.changed[t3 * width] == 1 else low):
            key, t1 = facts.read_key[r], facts.read_from[r]
            if t1 == nobody:
                continue
            next_group, barrier = work.ended.head[key], work.ended.barrier[t1]
            while next_group >= 0 and work.ended.group[WIDTH * next_group + TURN] > barrier:
                g, next_group = next_group, work.ended.group[WIDTH * next_group + OLDER]
                j = facts.group_session[g]
                limit = clocks[t3 * width][j] // width
                done = clocks[t1 * width][j] // width
                t2 = last_writer(facts, work.ended, g, done, limit)
                if t2 < 0 or t2 == t1:
                    continue
                if count < room:
                    out.source[count], out.target[count] = t2 * width + width - 1, t1 * width
                    out.kind[count], out.key[count], out.third[count] = 3, key, t3
                count += 1
        if ends:
            pass_by(facts, work.ended, t3, i, clocks, (t3 * width, width, width - 1))
    return count


def settle_writes(facts: Facts, versions: Versions, work: Round, out: EdgeColumns, count: int) -> int:
    """Who is known to have written a key right before: its readers began before this one ended."""
    width = work.width
    for i in range(work.placed):
        node = work.order[i]
        t2 = node // width
        if node == t2 * width + width - 1 and work.changed[node] == 1:
            for w in range(facts.write_start[t2], facts.write_start[t2 + 1]):
                count = settle_write(facts, versions, work, (t2, w), out, count)
        if node == t2 * width:
            pass_by(facts, work.begun, t2, i, work.clocks, (node + width - 1, width, 0))
    return count


def settle_write(  # noqa: PLR0917 - a kernel gets its arrays as parameters
    facts: Facts, versions: Versions, work: Round, what: tuple[int, int], out: EdgeColumns, count: int
) -> int:
    """Edges between one write, and what it is known to have written over, or may have at most."""
    t2, w = what
    width, begun, key = work.width, work.begun, facts.write_key[w]
    clock = work.clocks[t2 * width + width - 1]
    known, found = -1, 0
    g = begun.head[key]
    while g >= 0 and begun.group[WIDTH * g + TURN] > known:
        limit = (clock[facts.group_session[g]] + width - 1) // width
        if g == facts.group_of[w]:
            limit = facts.position[t2]
        t1 = last_writer(facts, begun, g, 0, limit)
        if t1 >= 0:
            known = max(known, begun.barrier[t1])
            if not is_overwritten(facts, work, t1, found):
                work.nearest[found] = t1
                found += 1
                version = lower_bound(facts.write_key, facts.write_start[t1], facts.write_start[t1 + 1], key)
                count = edges_between(facts, versions, work, (t1, t2, key, version), out, count)
        g = begun.group[WIDTH * g + OLDER]
    if found == 0:
        nobody = facts.transactions
        count = edges_between(facts, versions, work, (nobody, t2, key, versions.slots + key), out, count)
    return count


def is_overwritten(facts: Facts, work: Round, t1: int, found: int) -> bool:
    """Is one of the nearest writers known to come after this one?"""
    width, session = work.width, facts.session_of[t1]
    for i in range(found):
        clock = work.clocks[work.nearest[i] * width + width - 1]
        if facts.position[t1] * width < clock[session]:
            return True
    return False


def edges_between(  # noqa: PLR0917 - a kernel gets its arrays as parameters
    facts: Facts,
    versions: Versions,
    work: Round,
    what: tuple[int, int, int, int],
    out: EdgeColumns,
    count: int,
) -> int:
    """The edges between t1, those who read what it wrote, and t2, which wrote over it."""
    t1, t2, key, version = what
    room, width = len(out.source), work.width
    overlap = False
    if t1 != facts.transactions and width == 2:
        overlap = work.clocks[2 * t2][facts.session_of[t1]] <= 2 * facts.position[t1] + 1
    if overlap:
        if count < room:
            out.source[count], out.target[count] = 2 * t1 + 1, 2 * t2
            out.kind[count], out.key[count], out.third[count] = 4, key, -1
        count += 1
    for i in range(versions.read_start[version], versions.read_start[version + 1]):
        t3 = facts.reader[versions.reads[i]]
        if t3 == t2:
            continue
        past = work.clocks[t2 * width + width - 1][facts.session_of[t3]]
        if past <= facts.position[t3] * width:
            if count < room:
                out.source[count], out.target[count] = t3 * width, t2 * width + width - 1
                out.kind[count], out.key[count], out.third[count] = 5, key, t1
            count += 1
    return count
