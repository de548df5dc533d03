"""The least and the greatest of many elements, found in the columns where all are integers or all strings."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from checker.classic.blocks import Block
from checker.classic.cell_texts import Bytes, Ints
from checker.classic.cells import Pages, begins
from checker.classic.element_numbers import INT, NIL, QUOTE
from checker.classic.numbering import Numbered
from checker.classic.unique_ids import range_of
from checker.kernel import njit_uncounted as njit

MIXED, INTEGERS, STRINGS, NONE = range(4)
"""What all elements are that were looked at."""

KIND, LEAST_ROW, LEAST, MOST_ROW, MOST = range(5)
"""What is found so far: that, and the rows and numbers of the two."""


def extremes(met: Numbered, there: NDArray[np.bool_]) -> list[Any]:
    """Both, of the elements marked as being there, as `range_of` gives them. No list is taken apart."""
    found = np.array([NONE, 0, 0, 0, 0], dtype=np.int64)
    for block in met.blocks():
        _look_for(met.cells.pages, block, found)
    if found[KIND] in (MIXED, NONE):
        return range_of(met.values(met.in_order(there)))
    return met.values([found[LEAST], found[MOST]])


@njit
def _look_for(pages: Pages, block: Block, found: Ints) -> None:
    for i in range(len(block.numbers)):
        row, number = block.rows[i], block.numbers[i]
        kind = _kind(pages, row)
        if found[KIND] == NONE:
            found[KIND] = kind
            found[LEAST_ROW] = found[MOST_ROW] = row
            found[LEAST] = found[MOST] = number
        if kind == MIXED or kind != found[KIND]:
            found[KIND] = MIXED
            return
        if _less(pages, kind, row, found[LEAST_ROW]):
            found[LEAST_ROW], found[LEAST] = row, number
        elif _less(pages, kind, found[MOST_ROW], row):
            found[MOST_ROW], found[MOST] = row, number


@njit
def _kind(pages: Pages, row: int) -> int:
    if pages.kind[row] == INT:
        return INTEGERS
    if pages.kind[row] == NIL:
        return MIXED
    return STRINGS if pages.text[begins(pages, row)] == QUOTE else MIXED


@njit
def _less(pages: Pages, kind: int, one: int, two: int) -> bool:
    if kind == INTEGERS:
        return bool(pages.value[one] < pages.value[two])
    return _string_less(pages.text, begins(pages, one), begins(pages, two))


@njit
def _string_less(text: Bytes, one: int, two: int) -> bool:
    """Is the one string less? As UTF-8, strings have the order of their characters."""
    at = 1
    while text[one + at] == text[two + at] and text[one + at] != QUOTE:
        at += 1
    first, second = text[one + at], text[two + at]
    return bool(second != QUOTE and (first == QUOTE or first < second))
