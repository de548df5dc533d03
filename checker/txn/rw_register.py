"""rw-register: transactions that write unique values to registers and read them.

A register forgets, so the order of its versions must be inferred, and only what follows from the wanted
assumptions is:

  initial state         comes before all versions (always)
  `wfr-keys?`           who read v and then wrote w in one transaction put w after v
  `sequential-keys?`    one client's transactions see and leave versions of a key in order
  `linearizable-keys?`  so do transactions of which one ended before the other began
  `transaction-order`   {entry: number}: versions are in the order of these numbers

A transaction that finds v and leaves w puts w after v under the last three, too.  Versions in a circle are
an anomaly (cyclic-versions), and their keys give no further order.  With it: ww from writer to next writer,
wr from writer to reader, rw from the readers of a version to the writers of the next.  Between versions
whose order is not known there is no edge: that can hide an anomaly, and never makes one up.

Wrong by itself: internal, G1a (read of a failed write), G1b (read of a value that its transaction then
overwrote), future-read, lost-update (two read one version and both wrote), garbage-read (nobody wrote it).
The initial state of a register is None.  If a history never shows that, but one value that nobody wrote,
and some read of it began before a write was acknowledged, that value is taken for the initial one: counted as
`unwritten-read`, no anomaly.  Cycles and models as in `cycles.py`.  Linear but for `linearizable-keys?`,
which costs the number of transactions times how many of them touch one key at once.  Source:
Kingsbury, Alvaro, Elle, 2020, section 5.
"""

from collections import deque
from itertools import islice
from typing import Any

from checker.history import History
from checker.txn import register_loops as loops
from checker.txn.columns import NEVER, REGISTER, TxnColumns, columns_of, compact, listed
from checker.txn.components import components_if_cyclic
from checker.txn.flags import CYCLIC
from checker.txn.graph import WW, Graph, add_fan, empty_graph, grouped, numbers
from checker.txn.options import Wanted, wanted_of
from checker.txn.order import add_order
from checker.txn.place import Ints, Place, Plain, place_for
from checker.txn.report import LISTED, Analysis, judged
from checker.txn.unravel import unraveled
from checker.txn.version_pairs import version_pairs
from checker.txn.writers import Writers, attributed, suspicious
from checker.verdict import Verdict

ASSUMPTIONS = ("wfr-keys?", "sequential-keys?", "linearizable-keys?")
OPTIONS = ("consistency-models", "anomalies", *ASSUMPTIONS, "transaction-order")


def check(history: History, options: dict[str, Any]) -> Verdict:
    """Judge a history whose values are `[["w", key, value], ["r", key, value], ...]`.

    Options: `consistency-models` (default strict-serializable), `anomalies` (names that count, too), the
    assumptions above (default: none).  Raises ValueError for what it does not know.
    """
    wanted = wanted_of(options, OPTIONS)
    for name in ASSUMPTIONS:
        if not isinstance(options.get(name, False), bool):
            raise ValueError(f"the option {name!r} is true or false, not {options[name]!r}")
    order = options.get("transaction-order")
    if order is not None and not isinstance(order, dict):
        raise ValueError("the option 'transaction-order' is a map from entries to numbers")
    assumed = frozenset(name for name in ASSUMPTIONS if options.get(name, False))
    return check_columns(columns_of(history, REGISTER), wanted, assumed, order)


def check_columns(
    columns: TxnColumns,
    wanted: Wanted,
    assumed: frozenset[str] = frozenset(),
    order: dict[Any, Any] | None = None,
    place: Place | None = None,
) -> Verdict:
    """Judge columns. `place` says where to run the loops (default: compiled if there are many)."""
    place = place or place_for(len(columns.kind))
    columns = listed(columns) if isinstance(place, Plain) else compact(columns)
    return judged(analysis_of(columns, place, wanted.levels, assumed, order), wanted)


def analysis_of(
    columns: TxnColumns, place: Place, levels: int, assumed: frozenset[str], order: dict[Any, Any] | None
) -> Analysis:
    """Flags, version orders and the dependency graph."""
    columns, writers, ambiguous = attributed(columns, place)
    micro = (columns.starts, columns.kind, columns.key, columns.value)
    who = (writers.writer, writers.at, writers.final, writers.previous, writers.flags)
    updater = place.full(columns.values + columns.keys, -1)
    seen = place.full(len(columns.status), 0)
    place.run(loops.judge, columns.status, micro, who, updater, seen)
    when = (columns.invoked, columns.completed)
    initial = (place.full(columns.keys, -1), place.full(columns.keys, NEVER))
    first = (writers.writer, writers.previous, writers.flags)
    place.run(loops.judge_unwritten, columns.status, micro, when, first, initial)
    versions = version_pairs(columns, place, who, seen, (assumed, order))
    graph, related, rings = _graph(columns, place, writers, versions, levels)
    return Analysis(
        columns=columns,
        writers=writers,
        graph=graph,
        related=related,
        updater=updater,
        ambiguous=ambiguous,
        rings=rings,
    )


def _circles(
    columns: TxnColumns, place: Place, writers: Writers, versions: tuple[Ints, Ints], suspected: bool
) -> tuple[Ints, Ints, dict[int, list[int]]]:
    """The key of every version; which keys have versions in a circle; and the rings of versions by the
    micro-operations that are flagged for them."""
    micro = (columns.starts, columns.kind, columns.key, columns.value)
    count, every = len(versions[0]), columns.values + columns.keys
    key_of, broken = place.full(every, 0), place.full(columns.keys, 0)
    place.run(loops.keys_of_versions, micro, columns.values, key_of)
    order = empty_graph(place, every, 0)
    order.sources, order.targets, order.kinds, order.size = (
        versions[0],
        versions[1],
        place.small(count),
        count,
    )
    found = components_if_cyclic(order, frozenset({WW}), suspected)
    if found is None:
        return key_of, broken, {}
    labels, parts = found
    place.run(loops.break_keys, labels, place.full(parts, 0), key_of, (writers.at, writers.flags), broken)
    return key_of, broken, _rings(order, writers)


def _graph(
    columns: TxnColumns, place: Place, writers: Writers, versions: tuple[Ints, Ints], levels: int
) -> tuple[Graph, bool, dict[int, list[int]]]:
    """The dependencies, with what proves them, unless it can be told without them that there is no cycle;
    whether anything comes before anything; and the rings of versions."""
    count, size, rows = len(versions[0]), len(columns.kind), len(columns.status)
    suspected = suspicious(writers, place)
    key_of, broken, rings = _circles(columns, place, writers, versions, suspected)
    if not suspected and not rings:
        acyclic, related = unraveled(columns, place, writers, versions, levels)
        if acyclic:
            graph = empty_graph(place, rows, 0)
            graph.acyclic = True
            return graph, related, rings
    graph = empty_graph(place, rows, 5 * count + 5 * size + 4 * rows)
    _add_versions(graph, columns, writers, versions, (key_of, broken))
    graph.filled = graph.size
    return graph, add_order(graph, columns, levels), rings


def _add_versions(
    graph: Graph, columns: TxnColumns, writers: Writers, versions: tuple[Ints, Ints], keys: tuple[Ints, Ints]
) -> None:
    """WW, WR and RW edges. `keys` are the key of every version, and which keys are broken."""
    place, count, every = graph.place, len(versions[0]), len(keys[0])
    micro = (columns.starts, columns.kind, columns.key, columns.value)
    pairs = place.room(2 * len(columns.kind))
    found = place.run(loops.readers_of, columns.status, micro, (writers.writer, writers.previous), pairs)
    pairs = pairs[: 2 * found]
    graph.size = place.run(loops.read_edges, columns.status, writers.writer, pairs, graph.columns, graph.size)
    readers = grouped(place, pairs, 2, every)
    installed = (place.full(every + 2, 0), place.room(count), place.room(count))
    known = (writers.writer, *keys)
    graph.size = place.run(
        loops.version_edges, columns.status, versions, known, installed, graph.columns, graph.size
    )
    add_fan(graph, readers, installed, numbers(place, every))


def _rings(order: Graph, writers: Writers) -> dict[int, list[int]]:
    """A shortest ring of versions through each that was flagged, of as many as are listed."""
    starts, after = order.index(frozenset({WW}), order.targets)
    flagged = (v for v, at in enumerate(writers.at) if at != -1 and writers.flags[at] & CYCLIC)
    return {int(writers.at[v]): _ring(starts, after, v) for v in islice(flagged, LISTED)}


def _ring(starts: Ints, after: Ints, begin: int) -> list[int]:
    """The versions of a shortest ring, from `begin` on: breadth first until it is met again."""
    came: dict[int, int] = {}
    queue = deque([begin])
    while begin not in came:
        v = queue.popleft()
        for w in map(int, after[starts[v] : starts[v + 1]]):
            if w not in came:
                came[w] = v
                queue.append(w)
    ring = [came[begin]]
    while ring[-1] != begin:
        ring.append(came[ring[-1]])
    return ring[::-1]
