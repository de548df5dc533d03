"""Transactions of a table as columns of micro-operations, from the text of their values.

A value like `[["append",3,17],["r",4,[1,2]],["w","x",5]]` is never made into objects: the compiled scanner
(`micro_scan.py`) numbers keys and values as it goes through the text.

Rules of this file
  1. Keys are numbered from 0 in the order in which they appear; so are values, where a number stands for one
     value *of one key*.  Reads that are not known are left out, and number nothing.
  2. Equal is what Python calls equal (1 and 1.0), but true is not 1.
  3. What the scanner does not know is declined as a whole (`micro_of` is None), and the caller takes the way
     through objects: nested keys or values, nil as a key or written, other verbs, more or fewer than three
     parts, values without text, one value in two notations ("a" and "\\u0061", 1 and 1.0).

Cost: linear in the text; memory about 50 bytes a different value (200 where the values of a key lie far
apart), and 20 a micro-operation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

import msgspec
import numpy as np
import numpy.typing as npt

from checker import kernel
from checker.table import INT_MAX, NIL, POOLED, Table

if TYPE_CHECKING:
    from checker.micro_scan import Columns, Index, Tables

Ints = npt.NDArray[np.int64]
Small = npt.NDArray[np.int32]
Texts = tuple[npt.NDArray[np.uint8], Ints]
"""The text of a pool, and for each name where its JSON begins and how long it is."""

WRITE, READ, APPEND = 0, 1, 2
"""What a verb is, however it is spelled."""

ROOM = 1 << 16
"""Of everything so much at first; doubled where it does not suffice, so that all copying is linear."""
ELEMENTS_MAX = 2**31 - 2


class Names(Sequence[Any]):
    """What numbers stand for, decoded when somebody asks. Codes are those of `micro_scan.py`."""

    def __init__(self, codes: Ints, texts: Texts) -> None:
        self._codes = codes
        self._texts = texts

    def __len__(self) -> int:
        return len(self._codes)

    @overload
    def __getitem__(self, at: int) -> Any: ...

    @overload
    def __getitem__(self, at: slice) -> list[Any]: ...

    def __getitem__(self, at: int | slice) -> Any:
        if isinstance(at, slice):
            return [self[place] for place in range(*at.indices(len(self)))]
        code = int(self._codes[at])
        if code % 4 == 0:
            return code // 4
        if code % 4 == 2:
            return code == 6
        return decoded(self._texts, code // 4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Micro:
    """The micro-operations of row i are `start[i]` to `start[i + 1]` (int32 throughout).

    `verb` is WRITE, READ or APPEND.  `value` is the number of what was written or read, -1 for a read of nil;
    where reads return lists, of a read it is the row r in `list_start`, and the list is
    `elements[list_start[r]:list_end[r]]` (nil is the empty list): lists share elements where they begin
    alike.  `keys` and `values` say how many there are, `spellings` which verbs appear, also in what was left
    out.
    """

    start: Small
    verb: Small
    key: Small
    value: Small
    list_start: Small
    list_end: Small
    elements: Small
    keys: int
    values: int
    key_names: Names
    value_names: Names
    spellings: frozenset[str]


def micro_of(
    table: Table, rows: Ints, *, lists: bool = False, known: npt.NDArray[np.bool_] | None = None
) -> Micro | None:
    """The micro-operations of these rows of the table, None where one is of a form that is not known here.

    `lists`: reads return lists (else single values).  `known`: for each of the rows, whether what it read
    is known (default: all); other reads are left out.
    """
    kinds, pool = table.kind[rows], table.pool
    if not kernel.available() or not ((kinds == NIL) | (kinds == POOLED)).all():
        return None
    places = np.where(kinds == POOLED, table.value[rows], -1)
    if len(places) and int(places.max()) >= pool.read:
        return None
    return _Scanning(table, places, lists, known).micro()


def decoded(texts: Texts, name: int) -> Any:
    """The value of a name."""
    text, (start, length) = texts[0], texts[1][name]
    return msgspec.json.decode(text[start : start + length].data)


class _Scanning:
    """The tables of the scanner, and their growth."""

    def __init__(self, table: Table, places: Ints, lists: bool, known: npt.NDArray[np.bool_] | None) -> None:
        from checker import micro_scan

        self._scan = micro_scan
        self._pool = table.pool
        self._places = places
        self._modes = (np.ones(len(places), np.uint8) if known is None else known.astype(np.uint8), lists)
        self._state = np.zeros(10, dtype=np.int64)
        self._start = np.zeros(len(places) + 1, dtype=np.int32)
        offsets = table.pool.offsets
        total = int((offsets[places + 1] - offsets[places])[places >= 0].sum())
        self._columns: Columns = micro_scan.Columns(
            micro=np.zeros((3, ROOM + total // 32), np.int32),
            list_start=np.zeros(ROOM, np.int32),
            list_end=np.zeros(ROOM, np.int32),
            elements=np.zeros(ROOM, np.int32),
        )
        keys, blocks, names = (
            micro_scan.Index(_slots(ROOM), np.zeros((ROOM, width), np.int64)) for width in (6, 2, 2)
        )
        self._tables: Tables = micro_scan.Tables(
            keys=keys,
            blocks=blocks,
            names=names,
            numbers=np.empty((ROOM, 1 << micro_scan.BLOCK_BITS), np.int32),
            values=np.empty(ROOM, np.int64),
        )

    def micro(self) -> Micro | None:
        """Scan everything."""
        scan, pool = self._scan, (self._pool.text, self._pool.offsets, self._places)
        while True:
            out = (self._start, self._columns)
            status = scan.scan(pool, self._modes, out, self._tables, self._state)
            if status != scan.FULL:
                break
            if not self._grown():
                return None
        if status == scan.DECLINED or (self._state[scan.SPECIAL] and not self._unambiguous()):
            return None
        return self._result()

    def _grown(self) -> bool:
        """Make room for the row at hand; False where numbers of 32 bits do not suffice."""
        scan, state, columns, tables = self._scan, self._state, self._columns, self._tables
        place = self._places[state[scan.ROW]]
        length = int(self._pool.offsets[place + 1] - self._pool.offsets[place])
        micros, tokens = length // scan.MICRO_BYTES + 2, length // scan.TOKEN_BYTES + 2
        used, elements = state.tolist(), scan.ELEMENTS_ROOM * tokens
        if used[scan.ELEMENTS] + elements > ELEMENTS_MAX:
            return False
        self._columns = scan.Columns(
            micro=_roomy(columns.micro, used[scan.MICROS] + micros, axis=1),
            list_start=_roomy(columns.list_start, used[scan.LISTS] + micros),
            list_end=_roomy(columns.list_end, used[scan.LISTS] + micros),
            elements=_roomy(columns.elements, used[scan.ELEMENTS] + elements),
        )
        if used[scan.KEYS] + micros > len(tables.keys.rows):
            tables = tables._replace(keys=self._larger(tables.keys, used[scan.KEYS] + micros))
            scan.enter(used[scan.KEYS], False, tables.keys)
        tables = tables._replace(
            numbers=_roomy(tables.numbers, used[scan.BLOCKS] + tokens),
            values=_roomy(tables.values, used[scan.VALUES] + tokens),
        )
        if used[scan.BLOCKS] + tokens > len(tables.blocks.rows):
            tables = tables._replace(blocks=self._larger(tables.blocks, used[scan.BLOCKS] + tokens))
            scan.enter(used[scan.BLOCKS], True, tables.blocks)
        if used[scan.NAMES] + tokens > len(tables.names.rows):
            tables = tables._replace(names=self._larger(tables.names, used[scan.NAMES] + tokens))
            scan.enter_names(used[scan.NAMES], self._pool.text, tables.names)
        self._tables = tables
        return True

    def _larger(self, index: "Index", size: int) -> "Index":
        rows = _roomy(index.rows, size)
        return self._scan.Index(_slots(len(rows)), rows)

    def _unambiguous(self) -> bool:
        """Do the names stand for different values, none of which is also an integer?"""
        seen = set()
        for name in range(int(self._state[self._scan.NAMES])):
            value = decoded(self._texts(), name)
            whole = isinstance(value, float) and value.is_integer() and abs(value) < INT_MAX
            if whole or value in seen:
                return False
            seen.add(value)
        return True

    def _texts(self) -> Texts:
        return self._pool.text, self._tables.names.rows

    def _result(self) -> Micro:
        scan, columns, tables = self._scan, self._columns, self._tables
        used = self._state.tolist()
        codes = (tables.keys.rows[: used[scan.KEYS], 0], tables.values[: used[scan.VALUES]])
        verb, key, value = (row[: used[scan.MICROS]] for row in columns.micro)
        return Micro(
            start=self._start,
            verb=verb,
            key=key,
            value=value,
            list_start=columns.list_start[: used[scan.LISTS]],
            list_end=columns.list_end[: used[scan.LISTS]],
            elements=columns.elements[: used[scan.ELEMENTS]],
            keys=used[scan.KEYS],
            values=used[scan.VALUES],
            key_names=Names(codes[0], self._texts()),
            value_names=Names(codes[1], self._texts()),
            spellings=frozenset(
                verb for bit, verb in enumerate(scan.SPELLED) if used[scan.SPELLINGS] >> bit & 1
            ),
        )


def _slots(room: int) -> Small:
    """Free slots for so many numbers, at most half of which will be taken."""
    return np.full(1 << (2 * room - 1).bit_length(), -1, dtype=np.int32)


def _roomy(array: npt.NDArray[Any], size: int, axis: int = 0) -> npt.NDArray[Any]:
    """The array, copied to one of at least twice the size where it is smaller than asked."""
    if array.shape[axis] >= size:
        return array
    shape = list(array.shape)
    shape[axis] = max(size, 2 * shape[axis])
    made = np.zeros(shape, dtype=array.dtype)
    made[tuple(slice(length) for length in array.shape)] = array
    return made
