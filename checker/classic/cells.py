"""Which values of a table a checker has to look at, and where they stand as text.

Cells are gone through one after the other and nothing is written down about them: for ten million of them
it would be more to write, and slower, than to look again where each begins.

Values that are Python objects (of entries with odd fields) get text behind that of the file.  What cannot be
compared as text gets one that no kernel can read: whoever meets it takes the way through objects.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from checker.classic.cell_texts import OPENING, Bytes, Ints, is_plain
from checker.classic.client_columns import ClientColumns, Octets, Operations
from checker.kernel import njit_uncounted as njit
from checker.pool import MARK
from checker.table import INT, POOLED

if TYPE_CHECKING:
    from checker.pool import Pool

Small = NDArray[np.int32]
Rows = NDArray[Any]
"""Rows of a table, in 32 bits where it has no more of them than that."""

ENDED, APART = 128, 64
"""Bits of a tag: the value is that of the end of the operation; it is a list, and taken apart."""

NO_LIST = ord("(")
"""The mark before the text of a Python value that looks like a list, and is none."""

UNREADABLE = b"!"


ROOM, CELLS, INTEGERS, LOWEST, HIGHEST = range(5)
"""Measures of cells: bounds for the elements, how many are no lists, and which of these are integers."""


class Pages(NamedTuple):
    """The columns of values, and the text of pooled ones: a mark, and then the value, from `offsets` on."""

    kind: NDArray[np.int8]
    value: Ints
    text: Bytes
    offsets: Ints


class Cells(NamedTuple):
    """The cells of all operations, or in the order of the history (`by_row`), and a list in the row `last`.

    `wanted` tells by what an operation does and how it ended the tag of its cell, or 0 for none.  Those with
    the bit APART are left out where they are no lists.
    """

    pages: Pages
    every: Operations
    wanted: Octets
    by_row: Octets
    last: int

    @property
    def width(self) -> Any:
        """The type of number that tells rows."""
        return np.int32 if len(self.pages.kind) < 1 << 31 else np.int64

    def measures(self) -> list[int]:
        """ROOM to HIGHEST."""
        measures = np.array([0, 0, 0, 1 << 62, -(1 << 62)], dtype=np.int64)
        _measure(self, measures)
        found: list[int] = measures.tolist()
        return found

    def latest(self) -> int:
        """The last row that has a cell, or -1."""
        return int(_latest(self))


def cells_of(clients: ClientColumns, wanted: Octets, last: int = -1) -> Cells:
    """The cells in the order of the operations; at the end a list in the row `last`, if that is one."""
    return Cells(pages_of(clients), clients.every, wanted, np.zeros(0, dtype=np.uint8), last)


def in_order_of_rows(cells: Cells) -> Cells:
    """The same cells in the order of the history."""
    by_row = np.zeros(len(cells.pages.kind), dtype=np.uint8)
    _spread(cells, by_row)
    return cells._replace(by_row=by_row)


def pages_of(clients: ClientColumns) -> Pages:
    """The values of a table with their texts."""
    table, pool = clients.table, clients.table.pool
    text, offsets = pool.text, pool.offsets
    if len(pool) > pool.read and _refers(table.kind, table.value, pool.read):
        written, lengths = _written(pool)
        text = np.concatenate([text, written])
        offsets = np.concatenate([offsets, offsets[-1] + np.cumsum(lengths)])
    return Pages(table.kind, table.value, text, offsets)


def _written(pool: "Pool") -> tuple[Bytes, list[int]]:
    """The texts of all objects, each with its mark, and their lengths."""
    texts = [_text(pool[place]) for place in range(pool.read, len(pool))]
    ended = b"".join([*texts, bytes([MARK])])
    return np.frombuffer(ended, dtype=np.uint8).copy(), list(map(len, texts))


def _text(value: Any) -> bytes:
    mark = bytes([NO_LIST if isinstance(value, tuple) else MARK])
    try:
        text = msgspec.json.encode(value) if is_plain(value) else UNREADABLE
    except (OverflowError, UnicodeEncodeError, msgspec.MsgspecError):
        text = UNREADABLE
    if text == UNREADABLE and isinstance(value, list):
        text = b"[" + UNREADABLE + b"]"
    return mark + text


# --- kernels ---------------------------------------------------------------------------------------


@njit
def begins(pages: Pages, row: int) -> int:
    """Where the text of a pooled value begins."""
    return int(pages.offsets[pages.value[row]] + 1)


@njit
def ends(pages: Pages, row: int) -> int:
    """Where it ends."""
    return int(pages.offsets[pages.value[row] + 1])


@njit
def is_list(pages: Pages, row: int) -> bool:
    """Is the value in this row a list?"""
    if pages.kind[row] != POOLED:
        return False
    begin = begins(pages, row)
    return bool(pages.text[begin] == OPENING and pages.text[begin - 1] != NO_LIST)


@njit
def _refers(kind: NDArray[np.int8], value: Ints, place: int) -> bool:
    """Is there a value with this place in the pool, or a later one?"""
    found = False
    for row in range(len(kind)):
        found |= kind[row] == POOLED and value[row] >= place
    return found


@njit
def length(cells: Cells) -> int:
    """How many places there are where a cell can be."""
    if len(cells.by_row) > 0:
        return len(cells.by_row)
    return len(cells.every.begun) + (cells.last >= 0)


@njit
def cell(cells: Cells, at: int) -> tuple[int, int]:
    """The tag and the row of what is in this place; the tag 0 where nothing is."""
    if len(cells.by_row) > 0:
        return cells.by_row[at], at
    if at == len(cells.every.begun):
        return APART, cells.last
    tag = cells.wanted[cells.every.does[at], cells.every.outcome[at]]
    row = cells.every.ended[at] if tag & ENDED else cells.every.begun[at]
    if tag & APART and not is_list(cells.pages, row):
        tag = np.uint8(0)
    return tag, row


@njit
def _measure(cells: Cells, measures: Ints) -> None:
    pages = cells.pages
    for at in range(length(cells)):
        tag, row = cell(cells, at)
        if tag & APART:
            measures[ROOM] += (ends(pages, row) - begins(pages, row)) // 2
        elif tag > 0:
            measures[ROOM] += 1
            measures[CELLS] += 1
            if pages.kind[row] == INT:
                measures[INTEGERS] += 1
                measures[LOWEST] = min(measures[LOWEST], pages.value[row])
                measures[HIGHEST] = max(measures[HIGHEST], pages.value[row])


@njit
def _latest(cells: Cells) -> int:
    latest = -1
    for at in range(length(cells)):
        tag, row = cell(cells, at)
        if tag > 0:
            latest = max(latest, row)
    return latest


@njit
def _spread(cells: Cells, by_row: Octets) -> None:
    for at in range(length(cells)):
        tag, row = cell(cells, at)
        if tag > 0:
            by_row[row] = tag
