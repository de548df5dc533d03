"""Ids of versions as numbers, straight from the text of a pool.

A list such as `["w12","w7"]` is read byte by byte, and each id is looked up among those that were written: a
table of hashes, and the bytes themselves where hashes agree.  No string is made.

`resolve` gives None for anything but lists of strings without escapes: the caller then takes the plain way.
"""

from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from checker import kernel
from checker.dynamo.columns import Ints, Numbers
from checker.pool import Pool

Text = NDArray[np.uint8]

QUOTE, BACKSLASH, OPEN, CLOSE, COMMA = (np.uint8(ord(each)) for each in '"\\[],')
PRIME, BASIS = np.uint64(1099511628211), np.uint64(14695981039346656037)


class Ids(NamedTuple):
    """Lists of ids as numbers: list n is `ids[first[n]:first[n + 1]]`, and `list_at` is n for a place.

    A number below the count of names is the position of the name that was given, from there on it counts
    `strangers`: ids that are in a list and not among the names.
    """

    list_at: Numbers
    first: Ints
    ids: Numbers
    strangers: list[str]


class Texts(NamedTuple):
    """Text i is `text[offsets[i] + 1:offsets[i + 1]]`, as in a pool."""

    text: Text
    offsets: Ints


class Names(NamedTuple):
    """Names by hash. Each group has slots of its own: from `base[g]` on a power of two, `mask[g]` + 1.

    A slot has the upper half of the hash and the number + 1 of the name; 0 is free.
    """

    slots: NDArray[np.uint64]
    base: Ints
    mask: Ints
    start: Ints
    end: Ints


class Grouped(NamedTuple):
    """Names (places of strings) and lists (places of lists of strings, -1: none) in the same groups.

    Group g has `names[name_first[g]:name_first[g + 1]]`, and of both lists those from `list_first[g]` on.
    A list mostly holds names of its own group: these are looked up in a table so small that it stays near.
    """

    names: Numbers
    name_first: Ints
    lists: Numbers
    more_lists: Numbers
    list_first: Ints


def resolve(pool: Pool, grouped: Grouped) -> Ids | None:
    """All lists, in numbers of the names.

    None where two names are the same, or something has another form than it should.
    """
    names = grouped.names
    written = np.zeros(len(pool), np.bool_)
    written[names] = True
    if np.count_nonzero(written) < len(names):
        return None
    list_at = np.full(len(pool), -1, np.int32)
    places, group = np.empty((2, 2 * len(grouped.lists)), np.int64)
    count = _different(grouped, list_at, (places, group))
    places, group = places[:count].copy(), group[:count].copy()
    texts, table = texts_of(pool, names, places), empty(grouped.name_first)
    sizes = np.zeros(places.size, np.int64)
    if not _enter(texts, names, grouped.name_first, table) or not _sizes(texts, places, sizes):
        return None
    first = np.concatenate((np.zeros(1, np.int64), np.cumsum(sizes)))
    found = np.empty(int(first[-1]), np.int32)
    where = np.empty((2, 0), np.int64)
    unknown = _look_up(texts, (places, group), table, (found, where))
    if not unknown:
        return Ids(list_at, first, found, [])
    where = np.empty((2, unknown), np.int64)
    _look_up(texts, (places, group), table, (found, where))
    return Ids(list_at, first, found, _foreign(texts, names, where, found))


def texts_of(pool: Pool, *places: NDArray[Any]) -> Texts:
    """The text of a pool. What was appended as an object gets one as well, where its place is asked for."""
    if all(not each.size or int(each.max()) < pool.read for each in places):
        return Texts(pool.text, pool.offsets)
    asked = np.zeros(len(pool), np.bool_)
    for each in places:
        asked[each] = True
    encode = msgspec.json.Encoder().encode
    more = [b"\n" + encode(pool[at]) if asked[at] else b"" for at in range(pool.read, len(pool))]
    ends = int(pool.offsets[-1]) + np.cumsum([len(each) for each in more], dtype=np.int64)
    text = np.concatenate((pool.text, np.frombuffer(b"".join(more), np.uint8)))
    return Texts(text, np.concatenate((pool.offsets, ends)))


def empty(first: Ints) -> Names:
    """A table for names of which group g has those from `first[g]` to `first[g + 1]`."""
    sizes = np.maximum(np.diff(first), 1)
    # Never more than half full, and never less than a quarter.
    slots = 1 << (np.ceil(np.log2(sizes)).astype(np.int64) + 1)
    base = np.cumsum(slots) - slots
    names = int(first[-1])
    return Names(
        np.zeros(int(slots.sum()), np.uint64),
        base,
        slots - 1,
        np.zeros(names, np.int64),
        np.zeros(names, np.int64),
    )


def in_one_group(names: int) -> Names:
    """A table for so many names together."""
    return empty(np.array([0, names], np.int64))


def _foreign(texts: Texts, names: Numbers, where: Ints, found: Numbers) -> list[str]:
    """Number what is no name of its own group: names of others, then strangers, whose texts are returned."""
    table = in_one_group(len(names) + where.shape[1])
    _enter(texts, names, np.array([0, len(names)], np.int64), table)
    number_of = np.empty(where.shape[1], np.int32)
    count = _number(texts.text, where, table, (number_of, len(names)))
    found[found < 0] = number_of
    strangers = slice(len(names), count)
    return [
        bytes(texts.text[start:end]).decode()
        for start, end in zip(table.start[strangers].tolist(), table.end[strangers].tolist(), strict=True)
    ]


@kernel.njit_uncounted
def _different(grouped: Grouped, list_at: Numbers, out: tuple[Ints, Ints]) -> int:
    """Number the places of lists in order of first use, with the group of it; how many there are."""
    places, groups = out
    count = 0
    for group in range(grouped.list_first.size - 1):
        for at in range(grouped.list_first[group], grouped.list_first[group + 1]):
            for place in (grouped.lists[at], grouped.more_lists[at]):
                if place >= 0 and list_at[place] < 0:
                    list_at[place], places[count], groups[count] = count, place, group
                    count += 1
    return count


@kernel.njit_uncounted
def _hash(text: Text, start: int, end: int) -> np.uint64:
    value = BASIS
    for at in range(start, end):
        value = (value ^ np.uint64(text[at])) * PRIME
    # The low bits choose the slot, and must depend on all bytes.
    return value ^ (value >> np.uint64(29))


@kernel.njit_uncounted
def find(text: Text, span: tuple[int, int], table: Names, group: int) -> tuple[int, int]:
    """(number of the name in that group or -1, slot where it is or may be put)."""
    slots, starts, ends = table.slots, table.start, table.end
    value = _hash(text, span[0], span[1])
    base, mask = table.base[group], table.mask[group]
    slot = int(base + np.int64(value & np.uint64(mask)))
    tag = value >> np.uint64(32)
    while slots[slot]:
        if slots[slot] >> np.uint64(32) == tag:
            number = int(np.int64(slots[slot] & np.uint64(0xFFFFFFFF)) - 1)
            if _same(text, (starts[number], ends[number]), span):
                return number, slot
        slot = int(base + ((slot - base + 1) & mask))
    return -1, slot


@kernel.njit_uncounted
def _same(text: Text, one: tuple[int, int], other: tuple[int, int]) -> bool:
    if one[1] - one[0] != other[1] - other[0]:
        return False
    for at in range(one[1] - one[0]):  # noqa: SIM110 - numba knows no all()
        if text[one[0] + at] != text[other[0] + at]:
            return False
    return True


@kernel.njit_uncounted
def put(text: Text, span: tuple[int, int], number: int, table: Names, slot: int) -> None:
    """Put a name into the slot that `find` gave."""
    tag = _hash(text, span[0], span[1]) >> np.uint64(32)
    table.slots[slot] = (tag << np.uint64(32)) | np.uint64(number + 1)
    table.start[number], table.end[number] = span


@kernel.njit_uncounted
def _enter(texts: Texts, names: Numbers, first: Ints, table: Names) -> bool:
    """Put all names into the table. False where one is no plain string, or is there already."""
    text, offsets = texts.text, texts.offsets
    for group in range(first.size - 1):
        for number in range(first[group], first[group + 1]):
            start, end = offsets[names[number]] + 1, offsets[names[number] + 1]
            if end - start < 2 or text[start] != QUOTE or closing(text, start + 1, end) != end - 1:
                return False
            known, slot = find(text, (start + 1, end - 1), table, group)
            if known >= 0:
                return False
            put(text, (start + 1, end - 1), number, table, slot)
    return True


@kernel.njit_uncounted
def closing(text: Text, start: int, end: int) -> int:
    """Where the string ends that begins there; -1 where it has an escape or no end."""
    for at in range(start, end):
        if text[at] == QUOTE:
            return at
        if text[at] == BACKSLASH:
            return -1
    return -1


@kernel.njit_uncounted
def _sizes(texts: Texts, places: Ints, sizes: Ints) -> bool:
    """How many strings each list holds. False where one is no list of plain strings."""
    text, offsets = texts.text, texts.offsets
    for number in range(places.size):
        at, end = offsets[places[number]] + 1, offsets[places[number] + 1]
        if end - at < 2 or text[at] != OPEN or text[end - 1] != CLOSE:
            return False
        at += 1
        while at < end - 1:
            if text[at] != QUOTE:
                return False
            at = closing(text, at + 1, end) + 1
            sizes[number] += 1
            if at == 0 or (at < end - 1 and (text[at] != COMMA or at + 2 > end - 1)):
                return False
            at += at < end - 1
    return True


@kernel.njit_uncounted
def _look_up(texts: Texts, lists: tuple[Ints, Ints], table: Names, out: tuple[Numbers, Ints]) -> int:
    """The numbers of all ids, -1 for the unknown; how many these are, and where, as far as there is room."""
    text, offsets = texts.text, texts.offsets
    places, groups = lists
    found, where = out
    done = unknown = 0
    for number in range(places.size):
        at, end = offsets[places[number]] + 2, offsets[places[number] + 1] - 1
        while at < end:
            start, at = at + 1, closing(text, at + 1, end)
            found[done], _ = find(text, (start, at), table, groups[number])
            if found[done] < 0:
                if unknown < where.shape[1]:
                    where[0, unknown], where[1, unknown] = start, at
                unknown += 1
            done += 1
            at += 2
    return unknown


@kernel.njit_uncounted
def _number(text: Text, where: Ints, table: Names, out: tuple[Numbers, int]) -> int:
    """Number these texts, the new ones from a number on; the number after the last."""
    number_of, count = out
    for each in range(where.shape[1]):
        known, slot = find(text, (where[0, each], where[1, each]), table, 0)
        if known < 0:
            known = count
            put(text, (where[0, each], where[1, each]), known, table, slot)
            count += 1
        number_of[each] = known
    return count
