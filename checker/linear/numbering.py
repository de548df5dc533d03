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
    before = np.array([] if first is None else [first], np.int64)
    codes = np.concatenate([before, codes])
    numbers, count = hashed(np.zeros(len(codes), np.int32), codes)
    return numbers[len(before) :], count


def numbered_by_key(keys: Array, codes: Array) -> tuple[Array, int]:
    """The numbers of the different (key, code), and how many there are."""
    return hashed(keys.astype(np.int32), codes) if keys.any() else numbered(codes)


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
def mixed(key: int, code: int) -> int:
    """Where to look for a key and a code first, before it is cut to the size of the table."""
    found = (code * np.int64(-7046029254386353131)) ^ (key * np.int64(-4417276706812531889))
    return int(found ^ (found >> 32))


@njit
def hashed(keys: Array, codes: Array) -> tuple[Array, int]:
    """Number the different (key, code), wherever they lie."""
    places = np.full(1024, np.int32(-1), np.int32)
    firsts = np.empty(len(codes), np.int32)
    numbers = np.empty(len(codes), np.int32)
    count = 0
    for row in range(len(codes)):
        key, code = keys[row], codes[row]
        at = mixed(key, code) & (len(places) - 1)
        while places[at] >= 0:
            first = firsts[places[at]]
            if codes[first] == code and keys[first] == key:
                break
            at = (at + 1) & (len(places) - 1)
        if places[at] < 0:
            places[at] = count
            firsts[count] = row
            count += 1
            if 2 * count > len(places):
                places = wider(keys, codes, firsts[:count], 4 * len(places))
                numbers[row] = count - 1
                continue
        numbers[row] = places[at]
    return numbers, count


@njit
def wider(keys: Array, codes: Array, firsts: Array, size: int) -> Array:
    """The table of `hashed` with more room."""
    places = np.full(size, np.int32(-1), np.int32)
    for number in range(len(firsts)):
        at = mixed(keys[firsts[number]], codes[firsts[number]]) & (size - 1)
        while places[at] >= 0:
            at = (at + 1) & (size - 1)
        places[at] = number
    return places
