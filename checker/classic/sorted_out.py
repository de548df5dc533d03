"""Elements that cannot be looked up by their value (strings, nil, scattered integers), told from each other.

A hash table of ten million strings is larger than any cache, and every look into it waits for memory.  So
the occurrences are dealt first: each is written as a record (its hash, and what it comes from) into the part
that the hash says, and each part is small enough for a table that stays in the cache.  Texts are compared
only where hashes are equal.

Cost: linear; 20 bytes for an occurrence.
"""

from typing import Any, NamedTuple

import numpy as np

from checker.classic.cell_texts import Bytes, Ints
from checker.classic.cells import Small
from checker.classic.element_numbers import (
    DIGITS_MAX,
    INT,
    MINUS,
    NIL,
    NINE,
    ODD,
    TEXT,
    ZERO,
    decoded,
    plain_end,
)
from checker.kernel import njit_uncounted as njit

PART = 1 << 16
"""So many records are in one part: with their table they stay in a cache of the second level."""

FORM = 3
"""The bits of a code that tell the form of an element: INT, NIL or TEXT."""

FACTOR = 0x5851F42D4C957F2D


class Others(NamedTuple):
    """Records by part: their codes (hash and form), what they come from, and their places in `numbers`.

    An integer comes from itself, a text from where it begins.  `bounds` count how many each part has; when
    the columns are there, they say where the next one goes.
    """

    bounds: Ints
    code: Ints
    origin: Ints
    place: Small


class Sorted(NamedTuple):
    """The first record of each element."""

    code: Ints
    origin: Ints


NOTHING = Sorted(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))


def counting(room: int) -> Others:
    """For a first walk, which only counts how many come into each part; of at most so many occurrences."""
    parts = 1 << (room // PART).bit_length()
    none = np.zeros(0, dtype=np.int64)
    return Others(np.zeros(parts, dtype=np.int64), none, none, np.zeros(0, dtype=np.int32))


def refusing() -> Others:
    """For a walk that gives up at an element of these."""
    return counting(0)._replace(bounds=np.zeros(0, dtype=np.int64))


def filling(counted: Others) -> Others:
    """For a second walk over the same, which fills the parts."""
    starts, count = np.cumsum(counted.bounds) - counted.bounds, int(counted.bounds.sum())
    code, origin = np.empty(count, dtype=np.int64), np.empty(count, dtype=np.int64)
    return Others(starts, code, origin, np.empty(count, dtype=np.int32))


def sorted_out(text: Bytes, others: Others, numbers: Small, start: int) -> Sorted:
    """Give each different element a number from `start` on, and write it in its places."""
    begins = np.append(0, others.bounds[:-1])
    slots = np.empty(2 << int((others.bounds - begins).max()).bit_length(), dtype=np.int32)
    count = 0
    for begin, end in zip(begins.tolist(), others.bounds.tolist(), strict=True):
        used = slots[: 2 << (end - begin).bit_length()]
        count = _sort_out(text, others, (begin, end), (used, numbers), (start, count))
    return Sorted(others.code[:count], others.origin[:count])


def values(text: Bytes, elements: Sorted, numbers: Ints) -> list[Any]:
    """These elements as Python values."""
    forms, origins = elements.code[numbers] & FORM, elements.origin[numbers]
    found: list[Any] = origins.tolist()
    for at in np.flatnonzero(forms == NIL).tolist():
        found[at] = None
    written = np.flatnonzero(forms == TEXT)
    stops = np.empty(len(written), dtype=np.int64)
    _find_ends(text, origins[written], stops)
    for at, value in zip(written.tolist(), decoded(text, origins[written], stops), strict=True):
        found[at] = value
    return found


# --- kernels ---------------------------------------------------------------------------------------


@njit
def token(text: Bytes, begin: int) -> tuple[int, int, int]:
    """The element that begins here: its form, what it comes from, and the place behind it; or ODD there."""
    at, value = begin, np.int64(0)
    if text[at] == MINUS:
        at += 1
    digits = at
    while ZERO <= text[at] <= NINE and at - digits < DIGITS_MAX:
        value = value * 10 + np.int64(text[at] - ZERO)
        at += 1
    if at > digits and not ZERO <= text[at] <= NINE:
        if digits > begin and text[digits] == ZERO:
            return INT, 0, ODD
        return INT, int(-value if digits > begin else value), at
    stop = plain_end(text, begin)
    if stop - begin == 4 and text[begin] == 110:
        return NIL, 0, stop
    return TEXT, begin, stop


@njit
def other(text: Bytes, others: Others, found: tuple[int, int, int], place: int) -> None:
    """Count an element, as `token` tells it, in its part, or write its record there."""
    form, origin, stop = found
    code = np.int64(_code(text, origin, stop) if form == TEXT else origin * FACTOR)
    code ^= code >> 32
    code *= FACTOR
    code = ((code ^ (code >> 29)) & ~FORM) | form
    part = (code >> 40) & (len(others.bounds) - 1)
    at = others.bounds[part]
    others.bounds[part] = at + 1
    if len(others.code) > 0:
        others.code[at], others.origin[at], others.place[at] = code, origin, place


@njit
def _code(text: Bytes, start: int, stop: int) -> int:
    """A hash of a text, eight bytes at a time."""
    code = word = np.int64(0)
    for at in range(start, stop):
        word = (word << 8) | np.int64(text[at])
        if (at - start) & 7 == 7:
            code = (code ^ word) * FACTOR
            code ^= code >> 32
            word = np.int64(0)
    return int((code ^ word) * FACTOR)


@njit
def _sort_out(
    text: Bytes, others: Others, part: tuple[int, int], tables: tuple[Small, Small], count: tuple[int, int]
) -> int:
    """Number the elements of one part; how many there are by now.

    The first record of each is moved to the front, to where all records were looked at already.
    """
    code, origin = others.code, others.origin
    slots, numbers = tables
    start, different = count
    mask = len(slots) - 1
    slots[:] = -1
    for at in range(part[0], part[1]):
        slot = (code[at] >> 4) & mask
        number = slots[slot]
        while number >= 0 and (code[number] != code[at] or not _same(text, others, number, at)):
            slot = (slot + 1) & mask
            number = slots[slot]
        if number < 0:
            number = slots[slot] = different
            code[different], origin[different] = code[at], origin[at]
            different += 1
        numbers[others.place[at]] = start + number
    return different


@njit
def _same(text: Bytes, others: Others, one: int, two: int) -> bool:
    """Are these records, whose codes are the same, of one element?"""
    first, second = others.origin[one], others.origin[two]
    if others.code[one] & FORM != TEXT:
        return bool(first == second)
    length = plain_end(text, second) - second
    same = plain_end(text, first) - first == length
    for i in range(length if same else 0):
        same &= text[first + i] == text[second + i]
    return bool(same)


@njit
def _find_ends(text: Bytes, starts: Ints, stops: Ints) -> None:
    for at in range(len(starts)):
        stops[at] = plain_end(text, starts[at])
