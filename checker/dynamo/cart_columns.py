"""Carts in columns: which acknowledged items are in no final read, and were taken out by no remove.

The definitions are those of `lost_writes.py`.  Items are compared as text: an add or a remove carries
`{"item":"milk-1"}`, a final read `{"items":["milk-1"]}`.  For values of any other form `carts_of` gives None,
and the caller takes the plain way.
"""

from typing import NamedTuple

import numpy as np

from checker import kernel
from checker.dynamo.columns import DynamoColumns, Flags, Ints, Numbers
from checker.dynamo.ending import spread
from checker.dynamo.ids import CLOSE, QUOTE, Names, Text, Texts, closing, find, in_one_group, put, texts_of
from checker.dynamo.sweep import ordered
from checker.dynamo.table_columns import name_places
from checker.dynamo.table_evidence import InTable
from checker.lost_writes import ADD, REMOVE
from checker.table import POOLED

ITEM = np.frombuffer(b'{"item":"', np.uint8).copy()
ITEMS = np.frombuffer(b'{"items":[', np.uint8).copy()
BRACE = ITEM[0]


class Items(NamedTuple):
    """Per version the number of its item (-1: none), and whether it adds or removes it.

    `kept` are the items in final reads: those of observation n from `kept_first[n]` to `kept_first[n + 1]`.
    """

    item: Numbers
    adds: Flags
    removes: Flags
    kept_first: Ints
    kept: Numbers
    different: int


class Carts(NamedTuple):
    """Per key: acknowledged adds, items that are back, those kept without acknowledgement, and whether it
    could not be judged here (writes had seen each other). `lost` are the versions of all lost items, and
    `keys` their keys.
    """

    acknowledged: Ints
    resurfaced: Ints
    unacknowledged_kept: Ints
    cyclic: Flags
    lost: Ints
    keys: Ints


class Scratch(NamedTuple):
    """By item: the last key that keeps it, and its last remove; by version: the remove before, and stamps."""

    kept_in: Ints
    last_remove: Ints
    remove_before: Ints
    stamp: Ints
    stack: Ints


def carts_of(evidence: InTable, carts: Flags) -> Carts | None:
    """What became of the items of these keys."""
    items = _items(evidence)
    if items is None:
        return None
    columns, keys = evidence.columns, carts.size
    counts = np.zeros((3, keys), np.int64)
    cyclic, lost = np.zeros(keys, np.bool_), np.zeros(columns.invoked.size, np.bool_)
    scratch = Scratch(
        np.full(items.different, -1, np.int64),
        np.full(items.different, -1, np.int64),
        *(np.full(columns.invoked.size, -1, np.int64) for _ in range(3)),
    )
    _keys(columns, items, (carts, cyclic), scratch, (counts, lost))
    gone: Ints = np.flatnonzero(lost)
    of = np.unique(np.searchsorted(columns.version_first, gone, "right") - 1)
    return Carts(counts[0], counts[1], counts[2], cyclic, gone, of)


def _items(evidence: InTable) -> Items | None:
    table, columns = evidence.table, evidence.columns
    begun = evidence.spans.invoked[evidence.read.version_span]
    add, remove = name_places(table, ADD, REMOVE)
    adds, removes = table.f[begun] == add, table.f[begun] == remove
    about = adds | removes
    ended = evidence.spans.completed[evidence.read.read_span]
    wrote = np.where(about & (table.kind[begun] == POOLED), table.value[begun], -1)
    showed = np.where(columns.final & (table.kind[ended] == POOLED), table.value[ended], -1)
    texts = texts_of(table.pool, wrote[wrote >= 0], showed[showed >= 0])
    names, item = in_one_group(int(about.sum())), np.full(len(begun), -1, np.int32)
    count = _number(texts, wrote, names, item)
    sizes = np.zeros(len(showed) + 1, np.int64)
    if count < 0 or not _sizes(texts, showed, sizes):
        return None
    first = np.cumsum(sizes)
    kept = np.empty(int(first[-1]), np.int32)
    _look_up(texts, showed, names, kept)
    return Items(item, adds, removes, first, kept, count)


@kernel.njit_uncounted
def _begins(text: Text, at: int, end: int, start: Text) -> bool:
    if end - at < start.size:
        return False
    for each in range(start.size):  # noqa: SIM110 - numba knows no all()
        if text[at + each] != start[each]:
            return False
    return True


@kernel.njit_uncounted
def _number(texts: Texts, places: Ints, names: Names, item: Numbers) -> int:
    """Number the items in order of first use; how many there are, or -1 where a value has another form."""
    text = texts.text
    count = 0
    for version in range(places.size):
        if places[version] < 0:
            continue
        at, end = texts.offsets[places[version]] + 1, texts.offsets[places[version] + 1]
        if text[at] != BRACE:
            continue
        begin = at + ITEM.size
        if not _begins(text, at, end, ITEM) or closing(text, begin, end) != end - 2 or begin == end - 2:
            return -1
        known, slot = find(text, (begin, end - 2), names, 0)
        if known < 0:
            known = count
            put(text, (begin, end - 2), known, names, slot)
            count += 1
        item[version] = known
    return count


@kernel.njit_uncounted
def _sizes(texts: Texts, places: Ints, sizes: Ints) -> bool:
    """How many items each read shows (shifted by one). False where a value has another form."""
    text = texts.text
    for read in range(places.size):
        if places[read] < 0:
            continue
        at, end = texts.offsets[places[read]] + 1, texts.offsets[places[read] + 1]
        if text[at] != BRACE:
            continue
        if not _begins(text, at, end, ITEMS):
            return False
        at += ITEMS.size
        while text[at] != CLOSE:
            if text[at] != QUOTE or text[at + 1] == QUOTE:
                return False
            at = closing(text, at + 1, end) + 1
            if at == 0:
                return False
            sizes[read + 1] += 1
            at += text[at] != CLOSE
        if at != end - 2:
            return False
    return True


@kernel.njit_uncounted
def _look_up(texts: Texts, places: Ints, names: Names, kept: Numbers) -> None:
    text = texts.text
    done = 0
    for read in range(places.size):
        if places[read] >= 0 and text[texts.offsets[places[read]] + 1] == BRACE:
            at, end = texts.offsets[places[read]] + 1 + ITEMS.size, texts.offsets[places[read] + 1]
            while text[at] != CLOSE:
                start, at = at + 1, closing(text, at + 1, end)
                kept[done], _ = find(text, (start, at), names, 0)
                done += 1
                at += 1
                at += text[at] != CLOSE


@kernel.njit
def _keys(
    columns: DynamoColumns,
    items: Items,
    which: tuple[Flags, Flags],
    scratch: Scratch,
    out: tuple[Ints, Flags],
) -> None:
    """`which`: keys that are carts, and of these the cyclic ones, which are set. `out`: counts, lost."""
    carts, cyclic = which
    place = np.zeros(columns.invoked.size, np.int64)
    for key in range(carts.size):
        if not carts[key]:
            continue
        first, last = columns.version_first[key], columns.version_first[key + 1]
        for version in range(first, last):
            is_add = items.adds[version] and items.item[version] >= 0
            out[0][0, key] += is_add and columns.acknowledged[version] >= 0
        begin, end = columns.read_first[key], columns.read_first[key + 1]
        if not np.any(columns.final[begin:end]):
            continue
        order = ordered(columns, first, last, place)
        if order.size < last - first:
            cyclic[key] = True
            continue
        effective = np.zeros(last - first, np.bool_)
        until = np.iinfo(np.int64).max
        for read in range(begin, end):
            if columns.final[read]:
                effective |= spread(columns, read, order, first)[0]
                until = min(until, columns.read_invoked[read])
                for each in range(items.kept_first[read], items.kept_first[read + 1]):
                    if items.kept[each] >= 0:
                        scratch.kept_in[items.kept[each]] = key
        _judge(columns, items, (key, first, last, until), (effective, scratch), out)


@kernel.njit
def _judge(
    columns: DynamoColumns,
    items: Items,
    where: tuple[int, int, int, int],
    known: tuple[Flags, Scratch],
    out: tuple[Ints, Flags],
) -> None:
    """One cart. `where`: its number, its versions, and when the first final read began."""
    key, first, last, until = where
    effective, scratch = known
    counts, lost = out
    for version in range(first, last):
        item = items.item[version]
        if item < 0:
            continue
        kept = scratch.kept_in[item] == key
        acknowledged = columns.acknowledged[version] >= 0
        if items.removes[version]:
            counts[1, key] += kept and acknowledged
            if effective[version - first]:
                scratch.remove_before[version] = scratch.last_remove[item]
                scratch.last_remove[item] = version
        else:
            counts[2, key] += kept and not acknowledged and not columns.failed[version]
    for version in range(first, last):
        in_time = 0 <= columns.acknowledged[version] < until
        if in_time and items.adds[version] and items.item[version] >= 0:
            item = items.item[version]
            if scratch.kept_in[item] != key:
                lost[version] = not _taken_out(columns, version, scratch.last_remove[item], (first, scratch))


@kernel.njit
def _taken_out(columns: DynamoColumns, add: int, remove: int, known: tuple[int, Scratch]) -> bool:
    """Had one of the removes seen the add, or something that may have?"""
    first, scratch = known
    while remove >= first:
        scratch.stack[0], depth = remove, 1
        stamp = add * columns.invoked.size + remove
        while depth:
            depth -= 1
            version = scratch.stack[depth]
            if version == add or columns.unknown[version]:
                return True
            for edge in range(columns.seen_first[version], columns.seen_first[version + 1]):
                below = columns.seen[edge]
                if scratch.stamp[below] != stamp:
                    scratch.stamp[below] = stamp
                    scratch.stack[depth] = below
                    depth += 1
        remove = scratch.remove_before[remove]
    return False
