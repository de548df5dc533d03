"""list-append: transactions that append unique elements to lists and read whole lists.

A list tells its own history: whoever reads [1, 2, 3] knows in which order it was written.  Hence

  version order   of a key: its longest read.  Every other read must be a prefix of it, else the reads
                  contradict each other (incompatible-order), as they do if a transaction's own appends
                  are not in its order.
  ww              from the writer of an element to the writer of the next.
  wr              from the writer of the last element of a read to the reader.
  rw              from the reader of a prefix to the writer of the element that it lacks.
  unread appends  that were acknowledged (or are of a transaction another append of which was read) come
                  after everything that was read: ww from the last writer, rw from all who read the longest.

What is wrong with one read by itself: internal (it contradicts what the same transaction did before), G1a
(it shows an append of a failed transaction), G1b (it ends within another transaction), future-read (it
shows what the transaction appends only later), garbage-read (nobody appended it), duplicate-elements; with
an append: dirty-update (it stands behind an aborted one), lost-update (two transactions read one version
and both appended to it).  Cycles of the edges: `cycles.py`.  Models: `models.py`.

Reads are compared element by element with the longest, no hashes: one pass over everything that was read.
The rest is linear in the number of micro-operations.  Source: Kingsbury, Alvaro, Elle: Inferring Isolation
Anomalies from Experimental Observations, VLDB 2020, section 4.
"""

from typing import Any

from checker.history import History
from checker.txn import list_loops
from checker.txn.columns import LIST, NEVER, TxnColumns, columns_of, compact, listed
from checker.txn.graph import Graph, add_fan, filled_graph, grouped
from checker.txn.options import Wanted, wanted_of
from checker.txn.order import add_order
from checker.txn.place import Ints, Place, Plain, place_for
from checker.txn.report import Analysis, judged
from checker.txn.writers import attributed, suspicious
from checker.verdict import Verdict

OPTIONS = ("consistency-models", "anomalies")


def check(history: History, options: dict[str, Any]) -> Verdict:
    """Judge a history whose values are `[["append", key, element], ["r", key, [element, ...]], ...]`.

    Options: `consistency-models` (default strict-serializable), `anomalies` (names that count, too).
    Raises ValueError for an unknown option, model or anomaly, and for a value that is no transaction.
    """
    wanted = wanted_of(options, OPTIONS)
    return check_columns(columns_of(history, LIST), wanted)


def check_columns(columns: TxnColumns, wanted: Wanted, place: Place | None = None) -> Verdict:
    """Judge columns. `place` says where to run the loops (default: compiled if there are many)."""
    place = place or place_for(len(columns.kind) + len(columns.elements))
    columns = listed(columns) if isinstance(place, Plain) else compact(columns)
    return judged(analysis_of(columns, place, wanted.levels), wanted)


def analysis_of(columns: TxnColumns, place: Place, levels: int) -> Analysis:
    """Flags, version orders and the dependency graph."""
    columns, writers, ambiguous = attributed(columns, place)
    micro = (columns.starts, columns.kind, columns.key, columns.value)
    lists = (columns.list_starts, columns.list_ends, columns.elements)
    reads = len(columns.list_starts)
    longest, repeats = _longest(columns, place, micro, lists)
    bounds = (place.full(columns.keys, NEVER), place.full(columns.keys, NEVER))
    order = (longest, *bounds, place.full(columns.keys, 0))
    position, prefix = place.full(columns.values, -1), place.full(reads, 0)
    status, flags = columns.status, writers.flags
    place.run(list_loops.place_elements, lists, order, writers.writer, status, position)
    if place.run(list_loops.compare_reads, status, micro, lists, order, prefix, flags):
        _mark_repeats(columns, place, lists, repeats)
        place.run(list_loops.call_repeated, micro, repeats, flags)
    who = (writers.writer, writers.at, writers.final, writers.previous, flags)
    place.run(list_loops.judge_reads, status, micro, lists, order, prefix, who)
    updater = place.full(columns.values + columns.keys, -1)
    known = (prefix, position, flags)
    place.run(list_loops.judge_appends, status, micro, lists, known, (writers.previous, flags), updater)
    by = (writers.writer, writers.at, writers.previous)
    place.run(list_loops.judge_orders, status, lists, order, by, micro, (position, flags))
    suspected = suspicious(writers, place)
    graph = _graph(columns, place, order, (writers.writer, prefix, position), suspected)
    return Analysis(
        columns=columns,
        writers=writers,
        graph=graph,
        related=add_order(graph, columns, levels),
        updater=updater,
        ambiguous=ambiguous,
        longest=order[0],
    )


def _longest(
    columns: TxnColumns, place: Place, micro: list_loops.Micro, lists: list_loops.Lists
) -> tuple[Ints, Ints]:
    """The longest read of every key that repeats nothing; and which reads repeat."""
    repeats = place.full(len(columns.list_starts), 0)
    stamp = place.full(columns.values, -1)
    longest = place.full(columns.keys, -1)
    place.run(list_loops.longest_reads, columns.status, micro, lists, repeats, longest)
    if place.run(list_loops.repeated, longest, lists, stamp, repeats):
        # Rare: look at all reads, and choose again among those that repeat nothing.
        _mark_repeats(columns, place, lists, repeats)
        longest = place.full(columns.keys, -1)
        place.run(list_loops.longest_reads, columns.status, micro, lists, repeats, longest)
    return longest, repeats


def _mark_repeats(columns: TxnColumns, place: Place, lists: list_loops.Lists, repeats: Ints) -> None:
    """Look at all reads."""
    every = place.full(len(repeats), 0)
    for r in range(len(every)):
        every[r] = r
    place.run(list_loops.repeated, every, lists, place.full(columns.values, -1), repeats)


def _graph(
    columns: TxnColumns, place: Place, order: list_loops.Order, who: tuple[Ints, Ints, Ints], suspected: bool
) -> Graph:
    writer, prefix, position = who
    status, count = columns.status, len(columns.status)
    micro = (columns.starts, columns.kind, columns.key, columns.value)
    reads = len(prefix)
    seen, stamp = place.full(count, 0), place.full(columns.keys, -1)
    place.run(list_loops.mark_seen, position, writer, seen)
    unread = place.room(3 * columns.values)
    found = place.run(
        list_loops.unread_appends, status, micro, order, (writer, position, seen), stamp, unread
    )
    unread = unread[: 3 * found]

    def fill(graph: Graph) -> None:
        _add_versions(graph, columns, order, who, unread)

    capacity = columns.values + found * 5 + reads * 5 + count * 4
    return filled_graph(place, count, capacity, fill, suspected)


def _add_versions(
    graph: Graph, columns: TxnColumns, order: list_loops.Order, who: tuple[Ints, Ints, Ints], unread: Ints
) -> None:
    """WW, WR and RW edges."""
    place, (writer, prefix, _) = graph.place, who
    status, keys = columns.status, columns.keys
    micro = (columns.starts, columns.kind, columns.key, columns.value)
    lists = (columns.list_starts, columns.list_ends, columns.elements)
    graph.size = place.run(list_loops.version_edges, status, lists, order, writer, graph.columns, graph.size)
    tails = place.room(2 * len(prefix))
    out = (graph.columns, graph.size, tails)
    graph.size, tail = place.run(list_loops.read_edges, status, micro, lists, order, (writer, prefix), out)
    read, committed = place.full(keys, -1), place.full(keys, -1)
    place.run(list_loops.last_versions, status, lists, order, writer, (read, committed))
    graph.size = place.run(list_loops.unread_edges, unread, committed, writer, graph.columns, graph.size)
    add_fan(graph, grouped(place, tails[: 2 * tail], 2, keys), grouped(place, unread, 3, keys), read)
