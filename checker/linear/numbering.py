"""Values as numbers from 0 on, in order of appearance, compiled: what kernels index their arrays by.

Codes that lie close together, as those of nearly every test do, are looked up in an array: neighbours in
time are neighbours in it, so that a walk in the order of time stays in the cache.  Others are hashed, which
scatters them, into a table that grows with the number of different ones.
"""

from typing import Any

import numpy as np

from checker.kernel import njit
from checker.linear.kernel_values import NOTHING

Array = Any

SPARSE = 4
"""Codes are looked up in an array if they span no more than so many integers per code."""

SPECIAL = 3
"""Codes from NOTHING on that stand for no integer: nil, false, true."""


def numbered(codes: Array, first: int | None = None) -> tuple[Array, int]:
    """The numbers of codes (`kernel_values.py`), and how many there are; `first`, if any, is 0."""
    low, high = extent(codes)
    size = max(high - low + 1, 0) + SPECIAL
    if size <= SPARSE * len(codes) + SPECIAL:
        numbers, places = np.empty(len(codes), np.int32), np.full(size, np.int32(-1))
        return numbers, dense(codes, (first is not None, first or 0), low, places, numbers)
    numbers, count = hashed(codes if first is None else np.concatenate([[first], codes]))
    return numbers[first is not None :], count


def numbered_by_key(keys: Array, codes: Array) -> tuple[Array, int]:
    """The numbers of the different (key, code), and how many there are."""
    if not keys.any():
        return numbered(codes)
    # The codes of every key in a range of its own, or, where these are too wide, a range for all numbers.
    lows, sizes = extents(keys, codes, int(keys.max()) + 1, SPARSE * len(codes))
    if sizes.sum() <= SPARSE * len(codes):
        return numbered(moved(keys, codes, lows, np.cumsum(sizes) - sizes))
    numbers, count = numbered(codes)
    return numbered(keys * np.int64(count) + numbers)


@njit
def extent(codes: Array) -> tuple[int, int]:
    """The least and the largest of codes, without those that are SPECIAL."""
    low, high = np.int64(1) << 62, -(np.int64(1) << 62)
    for code in codes:
        if not NOTHING <= code < NOTHING + SPECIAL:
            low, high = min(low, code), max(high, code)
    return int(low), int(high)


@njit
def place_of(code: int, low: int) -> int:
    """Where the number of a code is kept: those that are SPECIAL first, others from `low` on."""
    return code - NOTHING if code < NOTHING + SPECIAL else code - low + SPECIAL


@njit
def dense(codes: Array, first: Array, low: int, places: Array, numbers: Array) -> int:
    """Fill the numbers of codes; how many there are. `places` are -1.

    `first`: is there a code that is number 0 whether it is met or not, and which?
    """
    count = 0
    if first[0]:
        at, count = place_of(first[1], low), 1
        if 0 <= at < len(places):
            places[at] = 0
    for row in range(len(codes)):
        at = place_of(codes[row], low)
        number = places[at]
        if number < 0:
            number = places[at] = count
            count += 1
        numbers[row] = number
    return count


@njit
def extents(keys: Array, codes: Array, count: int, size_max: int) -> tuple[Array, Array]:
    """By key the least code, and how many places its codes take; no more than one above `size_max`."""
    lows, highs = np.full(count, np.int64(1) << 62), np.full(count, -(np.int64(1) << 62))
    for row in range(len(codes)):
        key, code = keys[row], codes[row]
        if not NOTHING <= code < NOTHING + SPECIAL:
            lows[key], highs[key] = min(lows[key], code), max(highs[key], code)
    for key in range(count):
        highs[key] = min(max(highs[key] - lows[key] + 1, 0), size_max) + SPECIAL
    return lows, highs


@njit
def moved(keys: Array, codes: Array, lows: Array, starts: Array) -> Array:
    """Codes that differ where (key, code) does: those of a key lie together, from `starts` on."""
    found = np.empty(len(codes), np.int64)
    for row in range(len(codes)):
        found[row] = starts[keys[row]] + place_of(codes[row], lows[keys[row]])
    return found


@njit
def mixed(code: int) -> int:
    """Where to look for a code first, before it is cut to the size of the table."""
    found = code * np.int64(-7046029254386353131)
    return int(found ^ (found >> 32))


@njit
def hashed(codes: Array) -> tuple[Array, int]:
    """Number codes, wherever they lie."""
    places = np.full(1024, np.int32(-1), np.int32)
    firsts = np.empty(len(codes), np.int64)
    numbers = np.empty(len(codes), np.int32)
    count = 0
    for row in range(len(codes)):
        at = found_at(places, firsts, codes[row])
        if places[at] < 0:
            places[at], firsts[count] = count, codes[row]
            count += 1
            if 2 * count > len(places):
                places = wider(firsts[:count], 4 * len(places))
                at = found_at(places, firsts, codes[row])
        numbers[row] = places[at]
    return numbers, count


@njit
def found_at(places: Array, firsts: Array, code: int) -> int:
    """Where the number of a code is, or is to be put."""
    at = mixed(code) & (len(places) - 1)
    while places[at] >= 0 and firsts[places[at]] != code:
        at = (at + 1) & (len(places) - 1)
    return at


@njit
def wider(firsts: Array, size: int) -> Array:
    """The table of `hashed` with more room: of different codes, by their numbers."""
    places = np.full(size, np.int32(-1), np.int32)
    for number in range(len(firsts)):
        places[found_at(places, firsts, firsts[number])] = number
    return places
