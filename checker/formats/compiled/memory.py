"""The arrays behind the addresses on the desk: made here, grown here, and kept alive here."""

from typing import Any

import numpy as np
import numpy.typing as npt

from checker.formats.compiled import interning, pair, scan
from checker.formats.compiled.desk import (
    AT,
    COLUMNS,
    END,
    FIELD_NAMES,
    FIELDS,
    FULL,
    MASK,
    NODE,
    NOTATION,
    ODD,
    ODDS,
    OFFSETS,
    POOL,
    ROOM,
    ROWS,
    ROWS_ROOM,
    SIZE,
    SLACK,
    SLOTS,
    SMALL,
    UNIQUE,
    USED,
    WANTED,
    WIDE,
)

ENTRY_BYTES_MIN = 20
GROWTH = 4
"""A value as JSON is at most this many times as long as its notation (`a ` becomes `"a",`)."""
UNIQUE_FIRST = 4096
"""Room for so many different values at first."""
NAMES = (*FIELD_NAMES, "kind")


class Memory:
    """What the compiled reader has read so far, and the text that it reads from.

    `text` is where the caller puts the next piece; it is scanned from `begin` to `end`.
    """

    def __init__(self, notation: int, total: int) -> None:
        """`total`: the bytes that will be read in all, about."""
        self.text = np.zeros(0, dtype=np.uint8)
        self._desk = np.zeros(SIZE, dtype=np.int64)
        self._desk[NOTATION] = notation
        self._total = total
        self._read = 0
        self._pool = np.zeros(0, dtype=np.uint8)
        self._offsets = np.zeros(1, dtype=np.int64)
        self._slots = np.zeros(1, dtype=np.int64)
        self._odd = np.zeros((0, 3), dtype=np.int64)
        self._columns = {name: np.zeros(0, dtype=_size(name)) for at, name in enumerate(NAMES) if _always(at)}

    def emptied(self) -> "Memory":
        """One that has read nothing, and holds the same text."""
        made = Memory(int(self._desk[NOTATION]), self._total)
        made.text = self.text
        return made

    @property
    def rows(self) -> int:
        """How many entries there are so far."""
        return int(self._desk[ROWS])

    def make_text(self, size: int) -> None:
        """Room for a text of so many bytes; what is there stays."""
        self.text = _roomy(self.text, size + SLACK)

    def scan(self, begin: int, end: int) -> tuple[int, int]:
        """Read the entries between two places of the text: how that ended, and the place where it did."""
        desk = self._desk
        self.text[end : end + SLACK] = 0
        base = self.text.ctypes.data
        desk[AT], desk[END], desk[ODDS] = base + begin, base + end, 0
        self._make_rows(end - begin)
        used, wanted = int(desk[USED]), int(desk[USED]) + (end - begin) * GROWTH + 2 * SLACK
        if len(self._pool) < wanted:
            self._pool = _sized(self._pool, used, max(wanted, self._expected(used) + wanted - used))
        desk[POOL] = self._pool.ctypes.data
        status = FULL
        while status == FULL:
            self._make_room()
            status = scan.scan(desk.ctypes.data)
        at = int(desk[AT]) - base
        self._read += at - begin
        return status, at

    def odd(self) -> list[list[int]]:
        """Of each odd entry of the last scan its row, and where it begins and ends in the text."""
        found = self._odd[: self._desk[ODDS]] - [0, self.text.ctypes.data, self.text.ctypes.data]
        rows: list[list[int]] = found.tolist()
        return rows

    def columns(self) -> dict[str, npt.NDArray[Any]]:
        """The columns by name, without rare ones that no entry filled. Rows of odd entries are not set."""
        return {name: column[: self.rows] for name, column in self._columns.items()}

    def parted(self, places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Pooled values taken apart into keys and values: one row for each, as `pair` says."""
        desk, count = self._desk, len(places)
        used = int(desk[USED])
        sizes = int((self._offsets[places + 1] - self._offsets[places]).sum())
        self._pool = _sized(self._pool, used, used + sizes + 8 * count + 2 * SLACK)
        desk[POOL] = self._pool.ctypes.data
        self._make_unique(int(desk[UNIQUE]) + 2 * count)
        pairs = np.zeros((count, pair.PAIR), dtype=np.int64)
        pairs[:, 0] = places
        pair.part(desk.ctypes.data, pairs.ctypes.data, count)
        return pairs

    def texts(self) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
        """The texts of the pool, with room for one byte more, and where they begin and end."""
        used, unique = int(self._desk[USED]), int(self._desk[UNIQUE])
        return _roomy(self._pool, used + 1)[: used + 1], self._offsets[: unique + 1]

    def _expected(self, count: int) -> int:
        """How many there will be in the end, if it goes on like this: room that is not used costs nothing."""
        return int(1.1 * count * self._total / self._read) if self._read else 0

    def _make_rows(self, size: int) -> None:
        """Room for the entries in so many bytes; if there is none, for all that are to be expected."""
        rows, wanted = self.rows, self.rows + size // ENTRY_BYTES_MIN + 2
        if len(self._columns["kind"]) < wanted:
            more = max(wanted, self._expected(rows) + wanted - rows)
            self._columns = {name: _sized(column, rows, more) for name, column in self._columns.items()}
        if len(self._odd) < wanted - rows:
            self._odd = np.zeros((wanted - rows, 3), dtype=np.int64)
        self._desk[ODD] = self._odd.ctypes.data
        self._desk[ROWS_ROOM] = len(self._columns["kind"])
        self._place_columns()

    def _place_columns(self) -> None:
        for name, column in self._columns.items():
            self._desk[COLUMNS + NAMES.index(name)] = column.ctypes.data

    def _make_room(self) -> None:
        """Room for one more entry at least, or the column that it wants."""
        desk = self._desk
        if wanted := int(desk[WANTED]):
            name = NAMES[wanted]
            column = np.zeros(len(self._columns["kind"]), dtype=_size(name))
            column[: self.rows] = 0 if name == "final" else -1
            self._columns[name] = column
            desk[WANTED] = 0
            self._place_columns()
        unique = int(desk[UNIQUE])
        if unique + FIELDS > desk[ROOM]:
            self._make_unique(max(UNIQUE_FIRST, 2 * unique + FIELDS, self._expected(unique)))

    def _make_unique(self, room: int) -> None:
        """Room for so many different values."""
        desk = self._desk
        if room > desk[ROOM]:
            self._offsets = _sized(self._offsets, int(desk[UNIQUE]) + 1, room + 1)
            slots = np.zeros(1 << (2 * room - 1).bit_length(), dtype=np.int64)
            interning.moved(self._slots.ctypes.data, len(self._slots), slots.ctypes.data, len(slots) - 1)
            self._slots = slots
            desk[ROOM], desk[MASK] = room, len(slots) - 1
            desk[OFFSETS], desk[SLOTS] = self._offsets.ctypes.data, slots.ctypes.data


def _always(field: int) -> bool:
    """Does every table have this column?"""
    return field < NODE or NAMES[field] == "kind"


def _size(name: str) -> type[np.integer[Any]]:
    return np.int64 if name in WIDE else np.int32 if name in SMALL else np.int8


def _roomy(array: npt.NDArray[Any], size: int) -> npt.NDArray[Any]:
    """The array, copied to one of twice the size where it is smaller than asked."""
    return array if len(array) >= size else _sized(array, len(array), max(size, 2 * len(array)))


def _sized(array: npt.NDArray[Any], kept: int, size: int) -> npt.NDArray[Any]:
    made = np.zeros(size, dtype=array.dtype)
    made[:kept] = array[:kept]
    return made
