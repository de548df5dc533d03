"""Values of a table as codes, compiled: texts of the pool taken apart.

A value is an int64 code: an integer is itself; nil, true and false have codes beyond all integers of a table;
so has any string, by its place.  Equal codes mean equal values.  What has no code is OTHER, and the caller
takes the way through objects.
"""

from typing import Any

import numpy as np

from checker.kernel import njit

Array = Any

NOTHING, FALSE, TRUE, OTHER = -(1 << 62), -(1 << 62) + 1, -(1 << 62) + 2, -(1 << 62) + 3
STRINGS = 1 << 61
"""The code of the string at place p is STRINGS + p."""

SCALAR, PAIR, KEYED_PAIR, UNKNOWN = range(4)
"""The form of a value: one code; [a, b]; [a, [b, c]]; anything else."""


@njit
def scalar(text: Array, at: int, end: int) -> tuple[int, int]:
    """The code of the integer, nil or boolean at a place of the text, and where it ends. Or OTHER."""
    if at + 4 <= end and text[at] == ord("n"):
        return NOTHING, at + 4
    if at + 4 <= end and text[at] == ord("t"):
        return TRUE, at + 4
    if at + 5 <= end and text[at] == ord("f"):
        return FALSE, at + 5
    negative = at < end and text[at] == ord("-")
    at += negative
    first, number = at, np.int64(0)
    while at < end and ord("0") <= text[at] <= ord("9") and at - first < 19:
        number = number * 10 + np.int64(text[at]) - 48
        at += 1
    if at == first or at - first > 18 or (at < end and text[at] not in (ord(","), ord("]"))):
        return OTHER, at
    return int(-number if negative else number), at


@njit
def take_apart(text: Array, offsets: Array) -> tuple[Array, Array]:
    """Per place of a pool with text: its form, and up to three codes."""
    count = len(offsets) - 1
    forms = np.full(count, UNKNOWN, np.int8)
    codes = np.full((count, 3), OTHER, np.int64)
    for place in range(count):
        at, end = offsets[place] + 1, offsets[place + 1]
        if at < end and text[at] == ord('"'):
            forms[place], codes[place, 0] = SCALAR, STRINGS + place
            continue
        opened = depth = parts = 0
        fine = True
        while fine and at < end:
            if text[at] == ord("["):
                # One list within another one, and there at its end.
                fine = opened == 0 or (opened == 1 and parts == 1)
                opened, depth, at = opened + 1, depth + 1, at + 1
            elif text[at] == ord(","):
                fine, at = depth > 0 and parts > 0, at + 1
            elif text[at] == ord("]"):
                depth, at = depth - 1, at + 1
            elif parts == 3 or depth != opened:
                fine = False
            else:
                codes[place, parts], at = scalar(text, at, end)
                fine = codes[place, parts] != OTHER
                parts += 1
        if fine and depth == 0 and parts == opened + (opened > 0) + (opened == 0):
            forms[place] = opened
    return forms, codes
