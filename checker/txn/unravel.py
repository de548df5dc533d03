"""Do transactions on registers come before each other in a circle? Told without drawing an edge.

A register whose order is only known in part has many edges: from the writer and all readers of a version to
the writers of all versions that may come next.  A valid history needs none of them.  Transactions are taken
away one after the other, as in `components.py`, and a version counts who is still there of those who wrote or
read it.  Who wrote a next version waits until nobody else is left.  That is the same as waiting at all those
edges, in a tenth of the memory; where something is left in the end, they are drawn.

A transaction waits once for each
  - version that it read from another one, until its writer is gone                                       wr
  - version that is known to come right before one that it wrote, until those are gone              ww and rw
  - transaction of the same client before it                                                          process
  - moment at which it was invoked: the timeline (`order.py`) is not read past who is still there    realtime
"""
# ruff: noqa: PLR0917, PLR0912, PLR0915 - a loop gets its arrays as parameters, and pays for every call

from checker.txn.columns import TxnColumns
from checker.txn.graph import grouped, orders
from checker.txn.order import timeline_of
from checker.txn.place import Ints, Place
from checker.txn.register_loops import Micro, readers_of
from checker.txn.writers import Writers

Versions = tuple[Ints, Ints]
"""Pairs of versions, the first before the second, sorted by the first."""

Touched = tuple[Ints, Ints, Ints, Ints]
"""For each version: where its readers begin, and the readers; how many of those who wrote or read it are
left, and the exclusive or of their numbers, which is who is left when one is."""

Next = tuple[Ints, Ints]
"""For each version where those after it begin, and these."""


def unraveled(
    columns: TxnColumns, place: Place, writers: Writers, versions: Versions, levels: int
) -> tuple[bool, bool]:
    """Is there no cycle? Does anything come before anything? `levels` as in `cycles.search`.

    Nothing must be wrong with any read, and the order of versions must have no circle.
    """
    count, every = len(columns.status), columns.values + columns.keys
    micro = (columns.starts, columns.kind, columns.key, columns.value)
    who = (writers.writer, writers.previous)
    pairs = place.room(2 * len(columns.kind))
    found = place.run(readers_of, columns.status, micro, who, pairs)
    starts, readers, _ = grouped(place, pairs[: 2 * found], 2, every)
    del pairs
    touched = (starts, readers, place.full(every, 0), place.full(every, 0))
    following = (place.full(every + 1, 0), versions[1])
    blockers, links = place.full(count, 0), (place.full(count, -1), place.full(count, -1))
    waiting = place.run(count_waiting, columns.status, who[0], versions, touched, following, blockers)
    if levels >= 2:
        latest = place.full(columns.processes(), -1)
        waiting += place.run(link_clients, columns.status, columns.process, latest, links, blockers)
    timeline = timeline_of(columns, place) if levels >= 3 else place.full(0, 0)
    related = bool(waiting) or bool(place.run(orders, timeline))
    work = (blockers, links, place.room(count))
    gone = place.run(unravel, (columns.status, *who), micro, touched, following, timeline, work)
    return int(gone) == count, related


def count_waiting(
    status: Ints, writer: Ints, versions: Versions, touched: Touched, following: Next, blockers: Ints
) -> int:
    """Fill what is counted by version, and what each transaction waits for; how often any has to."""
    starts, readers, left, mixed = touched
    waiting = 0
    for v in range(len(left)):
        w = writer[v] if v < len(writer) else -1
        if w != -1 and status[w] != 2:
            left[v], mixed[v] = 1, w
        for i in range(starts[v], starts[v + 1]):
            left[v] += 1
            mixed[v] ^= readers[i]
            if w != -1 and status[w] != 2:
                blockers[readers[i]] += 1
                waiting += 1
    for e in range(len(versions[0])):
        v, after = versions[0][e], versions[1][e]
        following[0][v + 1] += 1
        w = writer[after] if after < len(writer) else -1
        if w != -1 and status[w] != 2 and (left[v] > 1 or (left[v] == 1 and mixed[v] != w)):
            blockers[w] += 1
            waiting += 1
    for v in range(len(left)):
        following[0][v + 1] += following[0][v]
    return waiting


def link_clients(status: Ints, process: Ints, latest: Ints, links: tuple[Ints, Ints], blockers: Ints) -> int:
    """The edges of `order.process_edges`, as lists: the `first` that follows, and the `sibling` of each."""
    first, sibling = links
    waiting = 0
    for t in range(len(status)):
        if status[t] == 2:
            continue
        before = latest[process[t]]
        if before != -1:
            sibling[t], first[before] = first[before], t
            blockers[t] += 1
            waiting += 1
        if status[t] == 0:
            latest[process[t]] = t
    return waiting


def unravel(
    who: tuple[Ints, Ints, Ints],
    micro: Micro,
    touched: Touched,
    following: Next,
    timeline: Ints,
    work: tuple[Ints, tuple[Ints, Ints], Ints],
) -> int:
    """Take transactions away that wait for nothing while there are any; how many."""
    status, writer, previous = who
    starts, kind, key, value = micro
    reader_starts, readers, left, mixed = touched
    next_starts, next_versions = following
    blockers, links, free = work
    count = opened = moment = root = 0
    for event in timeline:
        if event > 0:
            blockers[event - 1] += 1
    while True:
        while opened > 0:
            opened -= 1
            t = free[opened]
            blockers[t] = -1
            count += 1
            other = links[0][t]
            while other != -1:
                blockers[other] -= 1
                free[opened] = other
                opened += blockers[other] == 0
                other = links[1][other]
            for m in range(starts[t], starts[t + 1]):
                v = value[m]
                if kind[m] == 0:
                    if status[t] == 2 or writer[v] != t:
                        continue
                    for i in range(reader_starts[v], reader_starts[v + 1]):
                        blockers[readers[i]] -= 1
                        free[opened] = readers[i]
                        opened += blockers[readers[i]] == 0
                elif status[t] != 0 or (previous[m] != -1 and value[previous[m]] == v):
                    continue
                elif v < 0:
                    v = len(writer) + key[m]
                elif writer[v] == t:
                    continue
                left[v] -= 1
                mixed[v] ^= t
                if left[v] > 1:
                    continue
                # Whoever is left alone has only others to wait for; and when nobody is, the others go on.
                for i in range(next_starts[v], next_starts[v + 1]):
                    after = next_versions[i]
                    w = writer[after] if after < len(writer) else -1
                    if w == -1 or status[w] == 2 or w == t or (left[v] == 1 and w != mixed[v]):
                        continue
                    blockers[w] -= 1
                    free[opened] = w
                    opened += blockers[w] == 0
        if root < len(blockers):
            if blockers[root] == 0:
                free[0], opened = root, 1
            root += 1
        elif moment < len(timeline) and (timeline[moment] >= 0 or blockers[-timeline[moment] - 1] == -1):
            t = timeline[moment] - 1
            moment += 1
            if t >= 0:
                blockers[t] -= 1
                free[0], opened = t, int(blockers[t] == 0)
        else:
            return count
