"""The elements in cells one after the other, with their numbers, in blocks as large as one likes.

A cursor remembers where the next block goes on, which may be in the middle of a list.
"""

from typing import Any, NamedTuple

import numpy as np

from checker.classic.cell_texts import Bytes, Ints
from checker.classic.cells import APART, Cells, Rows, Small, begins, cell, ends, length
from checker.classic.client_columns import Octets
from checker.classic.element_numbers import CLOSING, COMMA, DIGITS_MAX, INT, NIL, NINE, ODD, ZERO
from checker.classic.sorted_out import Others, other, token
from checker.kernel import njit_uncounted as njit

STRANGE = -2
"""In place of a count: there is an element that is no close integer."""

AT, TEXT_AT, TEXT_END, ROW, TAG = range(5)
"""What a cursor holds: the next place of a cell, and of a list under way the next text (or 0)."""


class Block(NamedTuple):
    """Occurrences of elements: their numbers, the tags of their cells, and the rows of these."""

    numbers: Small
    tags: Octets
    rows: Rows

    def first(self, count: int) -> "Block":
        """The first ones."""
        return Block(self.numbers[:count], self.tags[:count], self.rows[:count])


def block_of(room: int, width: Any) -> Block:
    """Room for so many occurrences; what is never written takes no memory."""
    return Block(np.empty(room, np.int32), np.empty(room, np.uint8), np.empty(room, width))


def start() -> Ints:
    """The cursor before the first element."""
    return np.zeros(5, dtype=np.int64)


# --- kernels ---------------------------------------------------------------------------------------


@njit
def fill(cells: Cells, direct: tuple[int, int], cursor: Ints, block: Block, others: Others) -> int:
    """Fill a block from the cursor on; how many it has now, or ODD or STRANGE."""
    pages, count, full = cells.pages, 0, len(block.numbers)
    lowest, span = direct
    at, end = cursor[AT], length(cells)
    while True:
        if cursor[TEXT_AT] > 0:
            count = _fill_from_list(pages.text, direct, cursor, (block, others), count)
            if count < 0:
                return count
        if count == full or at == end:
            cursor[AT] = at
            return count
        tag, row = cell(cells, at)
        at += 1
        if tag & APART:
            cursor[TEXT_AT], cursor[TEXT_END] = begins(pages, row) + 1, ends(pages, row) - 1
            cursor[ROW], cursor[TAG] = row, tag
        elif tag > 0:
            kind, value = pages.kind[row], pages.value[row]
            if kind == INT and 0 <= value - lowest < span:
                block.numbers[count] = value - lowest
            elif len(others.bounds) == 0:
                return STRANGE
            elif kind in (INT, NIL):
                other(pages.text, others, (kind, value, 0), count)
            else:
                found = token(pages.text, begins(pages, row))
                if found[2] != ends(pages, row):
                    return ODD
                other(pages.text, others, found, count)
            block.tags[count], block.rows[count] = tag, row
            count += 1


@njit
def _fill_from_list(
    text: Bytes, direct: tuple[int, int], cursor: Ints, into: tuple[Block, Others], count: int
) -> int:
    """The same with what the list under way holds, from this count on."""
    (lowest, span), (block, others) = direct, into
    at, last, full = cursor[TEXT_AT], cursor[TEXT_END], len(block.numbers)
    while at < last and count < full:
        begin, value = at, np.int64(0)
        while ZERO <= text[at] <= NINE and at - begin < DIGITS_MAX:
            value = value * 10 + np.int64(text[at] - ZERO)
            at += 1
        if at > begin and text[at] in (COMMA, CLOSING) and 0 <= value - lowest < span:
            block.numbers[count] = value - lowest
        else:
            form, origin, at = token(text, begin)
            if at == ODD or text[at] not in (COMMA, CLOSING):
                return ODD
            if form == INT and 0 <= origin - lowest < span:
                block.numbers[count] = origin - lowest
            elif len(others.bounds) == 0:
                return STRANGE
            else:
                other(text, others, (form, origin, at), count)
        block.tags[count], block.rows[count] = cursor[TAG], cursor[ROW]
        count, at = count + 1, at + 1
    cursor[TEXT_AT] = at if at < last else 0
    return count
