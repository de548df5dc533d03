"""Which versions of a register are known to come before which, under the assumptions that are wanted.

A register forgets, so this is inferred (`rw_register.py` has the rules).  Of every transaction and key only
two versions matter: the one that it found, and the one that it left.
"""

from itertools import pairwise
from typing import Any

from checker.txn import register_loops as loops
from checker.txn.columns import TxnColumns
from checker.txn.graph import grouped
from checker.txn.place import Ints, Place


def version_pairs(
    columns: TxnColumns,
    place: Place,
    who: loops.Who,
    seen: Ints,
    wanted: tuple[frozenset[str], dict[Any, Any] | None],
) -> tuple[Ints, Ints]:
    """Which version is known to come before which: two columns of versions, each pair once."""
    edges, used = _pairs(columns, place, who, seen, wanted)
    edges = (place.cut(edges[0], used), place.cut(edges[1], used))
    versions = columns.values + columns.keys
    starts, stamp = place.full(versions + 2, 0), place.full(versions, -1)
    used = place.run(loops.unique_edges, edges, starts, place.room(used), stamp)
    return place.cut(edges[0], used), place.cut(edges[1], used)


def _pairs(
    columns: TxnColumns,
    place: Place,
    who: loops.Who,
    seen: Ints,
    wanted: tuple[frozenset[str], dict[Any, Any] | None],
) -> tuple[tuple[Ints, Ints], int]:
    """The same with room to spare, and how many they are; some may be there more than once."""
    assumed, order = wanted
    size, values = len(columns.kind), columns.values
    micro = (columns.starts, columns.kind, columns.key, columns.value)
    every = (place.room(size), place.room(size), place.room(size), place.room(size))
    count = place.run(loops.touches_of, columns.status, micro, who, seen, place.full(columns.keys, 0), every)
    keys, rows, found, left = (column[:count] for column in every)
    room = 8 * count
    edges = (place.room(room), place.room(room))
    used = place.run(loops.follow_reads, found, left, edges, 0) if assumed or order else 0
    groups = _by_key(place, columns.keys, keys) if assumed - {"wfr-keys?"} else (keys, keys)
    if "sequential-keys?" in assumed:
        latest = (place.full(columns.processes(), -1), place.full(columns.processes(), -1))
        touches, clients = (rows, found, left), (columns.status, columns.process)
        used = place.run(loops.follow_clients, groups, touches, clients, latest, edges, used)
    if "linearizable-keys?" in assumed:
        edges, used = _follow_clock(columns, place, groups, (rows, found, left), (edges, used))
    if order:
        used = _follow_order(columns, (keys, rows, left), order, (edges, used))
    parents = place.full(values + columns.keys, 0)
    used = place.run(loops.follow_nothing, keys, left, parents, edges, used, values)
    return edges, used


def _by_key(place: Place, count: int, keys: Ints) -> tuple[Ints, Ints]:
    """The touches of every key, in the order of the history."""
    pairs = place.room(2 * len(keys))
    place.run(loops.number_touches, keys, pairs)
    return grouped(place, pairs, 2, count)[:2]


def _follow_clock(
    columns: TxnColumns,
    place: Place,
    groups: tuple[Ints, Ints],
    touches: tuple[Ints, Ints, Ints],
    so_far: tuple[tuple[Ints, Ints], int],
) -> tuple[tuple[Ints, Ints], int]:
    """Where the room did not suffice, once more with enough."""
    edges, used = so_far
    when = (columns.invoked, columns.completed)
    count = len(touches[0])
    work = (place.room(count), place.room(count))
    total = place.run(loops.follow_clock, groups, touches, when, work, edges, used)
    if total > len(edges[0]) - count:
        larger = (place.room(total + count), place.room(total + count))
        for old, new in zip(edges, larger, strict=True):
            new[:used] = old[:used]
        edges = larger
        place.run(loops.follow_clock, groups, touches, when, work, edges, used)
    return edges, int(total)


def _follow_order(
    columns: TxnColumns,
    touches: tuple[Ints, Ints, Ints],
    order: dict[Any, Any],
    so_far: tuple[tuple[Ints, Ints], int],
) -> int:
    """The versions of every key in the order that the user gives to the entries of the history."""
    edges, used = so_far
    number = {int(entry): at for entry, at in order.items()}
    by_key: dict[int, list[tuple[Any, int]]] = {}
    for key, row, version in zip(*touches, strict=True):
        entries = columns.entries[row] if columns.entries else (row,)
        at = next((number[entry] for entry in reversed(entries) if entry in number), None)
        if at is not None and 0 <= version < columns.values:
            by_key.setdefault(int(key), []).append((at, int(version)))
    for chain in by_key.values():
        ordered = list(dict.fromkeys(version for _, version in sorted(chain)))
        for before, after in pairwise(ordered):
            edges[0][used], edges[1][used] = before, after
            used += 1
    return used
