"""The dependency graph: who must come before whom, and by what evidence.

Nodes below `transactions` are transactions, those above are *passages*: they stand for many edges at once
and keep the graph linear in the history (everybody who was done before everybody who then began; everybody
who read the last known version before everybody who wrote a later one).  An edge into a passage has the
kind of all the edges that it stands for; the edges that lead on from it are `VIA`.  No path leads from a
transaction to itself through passages alone, so a passage never makes a cycle by itself.

Kinds: `WW` the target installed a later version of what the source wrote; `WR` the target read what the
source wrote; `RW` the target installed a later version of what the source read; `PROCESS` one client did
the source before the target; `REALTIME` the source was done before the target began.
"""
# ruff: noqa: PLR0917, PLR0912 - a loop gets its arrays as parameters, and pays for every call

from collections.abc import Callable
from dataclasses import dataclass

from checker.txn.place import Ints, Place

WW, WR, RW, PROCESS, REALTIME, VIA = range(6)
KINDS = ("ww", "wr", "rw", "process", "realtime")

Groups = tuple[Ints, Ints, Ints]
"""Transactions by group: `starts` of every group (and two ends), members, and a version of every member."""


@dataclass(slots=True, kw_only=True)
class Graph:
    """Edges as columns, `size` of them used. `before` and `after` are versions that prove it (-1: none).

    These two are of use only where there is a cycle, and are half of what a graph takes.  So where nothing is
    known to be wrong they are not held: a graph that has a `fill` gets them when it is asked to `prove`
    itself, for its first `filled` edges.  The others have none.

    Likewise the order of the clock is only drawn where there is a cycle: a graph with a `timeline`
    (`order.py`) has no REALTIME edges yet, but they count.  And where it was told without any edges that
    there is no cycle (`unravel.py`), the graph has none at all, but is `acyclic`.
    """

    place: Place
    transactions: int
    nodes: int
    size: int
    sources: Ints
    targets: Ints
    kinds: Ints
    before: Ints
    after: Ints
    fill: Callable[["Graph"], None] | None = None
    filled: int = 0
    timeline: Ints | None = None
    acyclic: bool = False

    @property
    def columns(self) -> tuple[Ints, Ints, Ints, Ints, Ints]:
        """What a loop that adds edges writes to."""
        return self.sources, self.targets, self.kinds, self.before, self.after

    def prove(self) -> None:
        """Make sure that `before` and `after` are there: add the edges that have them once more."""
        if self.fill is None:
            return
        nodes, size, room = self.nodes, self.size, len(self.sources)
        self.before, self.after = self.place.room(room), self.place.room(room)
        self.nodes, self.size = self.transactions, 0
        self.fill(self)
        self.nodes, self.size, self.fill = nodes, size, None

    def index(self, kinds: frozenset[int], values: Ints | None = None) -> tuple[Ints, Ints]:
        """The edges of these kinds by source: `starts` of every node, and what `values` has for each edge, if
        not its number."""
        wanted = self.place.full(VIA + 1, 0)
        for kind in kinds:
            wanted[kind] = 1
        starts = self.place.full(self.nodes + 2, 0)
        chosen = self.place.run(count_sources, self.size, self.sources, self.kinds, wanted, starts)
        out = self.place.room(max(chosen, 1))
        columns = (self.sources, self.kinds, numbers(self.place, self.size) if values is None else values)
        self.place.run(fill_edges, self.size, columns, wanted, starts, out)
        return starts, out


def numbers(place: Place, size: int) -> Ints:
    """So many numbers, from 0 on."""
    numbered = place.room(size)
    place.run(count_up, numbered)
    return numbered


def filled_graph(
    place: Place, transactions: int, capacity: int, fill: Callable[[Graph], None], suspected: bool
) -> Graph:
    """The graph with the edges that `fill` adds, the same at every call. Is a cycle to be expected?"""
    graph = _graph(place, transactions, capacity, place.room if suspected else place.sink)
    fill(graph)
    graph.fill, graph.filled = None if suspected else fill, graph.size
    return graph


def orders(timeline: Ints) -> bool:
    """Was anything acknowledged before something was invoked?"""
    acknowledged = False
    for event in timeline:
        if event > 0 and acknowledged:
            return True
        acknowledged |= event < 0
    return False


def empty_graph(place: Place, transactions: int, capacity: int) -> Graph:
    """A graph with room for `capacity` edges. Who adds one, writes all five columns."""
    return _graph(place, transactions, capacity, place.room)


def _graph(place: Place, transactions: int, capacity: int, evidence: Callable[[int], Ints]) -> Graph:
    room = max(capacity, 1)
    return Graph(
        place=place,
        transactions=transactions,
        nodes=transactions,
        size=0,
        sources=place.room(room),
        targets=place.room(room),
        kinds=place.small(room),
        before=evidence(room),
        after=evidence(room),
    )


def count_sources(size: int, sources: Ints, kinds: Ints, wanted: Ints, starts: Ints) -> int:
    """Count the edges of every node two places ahead, so that `fill_edges` leaves `starts` right."""
    chosen = 0
    for e in range(size):
        if wanted[kinds[e]]:
            starts[sources[e] + 2] += 1
            chosen += 1
    for v in range(2, len(starts)):
        starts[v] += starts[v - 1]
    return chosen


def fill_edges(size: int, columns: tuple[Ints, Ints, Ints], wanted: Ints, starts: Ints, out: Ints) -> None:
    """Put what the last column has of every edge at its source's place. Afterwards node v owns
    `out[starts[v]:starts[v + 1]]`."""
    sources, kinds, values = columns
    for e in range(size):
        if wanted[kinds[e]]:
            out[starts[sources[e] + 1]] = values[e]
            starts[sources[e] + 1] += 1


def count_up(numbered: Ints) -> None:
    """Each place its number."""
    for at in range(len(numbered)):
        numbered[at] = at


def by_group(rows: Ints, width: int, starts: Ints, members: Ints, extra: Ints) -> None:
    """Sort rows of `width` columns (group, transaction, version if there are three) by their group."""
    count = len(rows) // width
    for i in range(count):
        starts[rows[width * i] + 2] += 1
    for g in range(2, len(starts)):
        starts[g] += starts[g - 1]
    for i in range(count):
        at = starts[rows[width * i] + 1]
        members[at] = rows[width * i + 1]
        if width == 3:
            extra[at] = rows[3 * i + 2]
        starts[rows[width * i] + 1] += 1


def grouped(place: Place, rows: Ints, width: int, groups: int) -> Groups:
    """Rows of `width` columns (group, transaction, version if there are three) by their group."""
    starts, members = place.full(groups + 2, 0), place.room(len(rows) // width)
    extra = place.room(len(members)) if width == 3 else members
    place.run(by_group, rows, width, starts, members, extra)
    return starts, members, extra


def add_fan(graph: Graph, readers: Groups, writers: Groups, version: Ints) -> None:
    """RW edges within every group, as `fan` says."""
    slot = graph.place.full(graph.transactions, 0)
    graph.size, graph.nodes = graph.place.run(
        fan,
        (*readers[:2], *writers[:2]),
        slot,
        graph.columns,
        graph.size,
        graph.nodes,
        (version, writers[2]),
    )


def fan(
    groups: tuple[Ints, Ints, Ints, Ints],
    slot: Ints,
    edges: tuple[Ints, Ints, Ints, Ints, Ints],
    size: int,
    nodes: int,
    writers_of: tuple[Ints, Ints],
) -> tuple[int, int]:
    """RW edges from every reader of a group to every writer of the group but itself; linear by passages.

    `groups` are starts and members of the readers, then of the writers, by group; `writers_of` the version
    that a reader of the group read, and the version of every writer.  With writers W1..Wu, two chains of
    passages P and S lead to W1..Wi and to Wi..Wu: the reader Wi enters them beside its own place.  That
    takes 4 u edges and 2 a reader; where all edges are no more than these, they are added as they are.
    """
    reader_starts, readers, writer_starts, writers = groups
    sources, targets, kinds, before, after = edges
    version, installed = writers_of
    for g in range(len(reader_starts) - 2):
        first = writer_starts[g]
        if first == writer_starts[g + 1] or reader_starts[g] == reader_starts[g + 1]:
            continue
        count = 0
        for at in range(first, writer_starts[g + 1]):  # each writer once, or it would reach itself
            if slot[writers[at]] == 0:
                writers[first + count], installed[first + count] = writers[at], installed[at]
                count += 1
                slot[writers[at]] = count
        many = reader_starts[g + 1] - reader_starts[g]
        if many * count <= 4 * count + 2 * many:
            for at in range(reader_starts[g], reader_starts[g + 1]):
                for i in range(count):
                    if writers[first + i] != readers[at]:
                        sources[size], targets[size], kinds[size] = readers[at], writers[first + i], 2
                        before[size], after[size] = version[g], installed[first + i]
                        size += 1
                    slot[writers[first + i]] = 0
            continue
        for i in range(count):
            for chain in range(2):
                # P is the node nodes + i, S the node nodes + count + i.
                passage = nodes + chain * count + i
                sources[size], targets[size], kinds[size] = passage, writers[first + i], 5
                before[size], after[size] = -1, installed[first + i]
                size += 1
                onward = i - 1 if chain == 0 else i + 1
                if 0 <= onward < count:
                    sources[size], targets[size], kinds[size] = passage, nodes + chain * count + onward, 5
                    before[size], after[size] = -1, -1
                    size += 1
        for at in range(reader_starts[g], reader_starts[g + 1]):
            t = readers[at]
            low = slot[t] - 2 if slot[t] > 0 else count - 1
            high = slot[t] if slot[t] > 0 else count
            if low >= 0:
                sources[size], targets[size], kinds[size] = t, nodes + low, 2
                before[size], after[size] = version[g], -1
                size += 1
            if high < count:
                sources[size], targets[size], kinds[size] = t, nodes + count + high, 2
                before[size], after[size] = version[g], -1
                size += 1
        for i in range(count):
            slot[writers[first + i]] = 0
        nodes += 2 * count
    return size, nodes
