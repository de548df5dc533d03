"""Large files of EDN or JSON lines straight into columns, with the compiled reader.

`read_table` gives None for whatever that reader declines: another notation, a file that is torn or wrong,
numba
not installed.  The caller then reads the file with the readers for ordinary files, which tell what is wrong.
"""

import gc
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import numpy as np
import numpy.typing as npt

from checker.formats import scan
from checker.formats.detect import BYTE_ORDER_MARK, Notation
from checker.formats.edn import EdnError, read_one
from checker.formats.entries import EntryError, operation_of
from checker.formats.jsonl import decoded
from checker.formats.source import Progress, collector_paused
from checker.operation import Operation
from checker.pool import Pool
from checker.table import TYPES, Filler, Table

PIECE_BYTES = 1 << 22
ENTRY_BYTES_MIN = 20
GROWTH = 4
"""A value as JSON is at most this many times as long as in EDN (`a ` becomes `"a",`)."""
UNIQUE_FIRST = 4096
"""Room for so many different values at first."""
NOTATIONS = (Notation.JSON_LINES, Notation.EDN, Notation.EDN_WRAPPED)
WRONG = (EdnError, EntryError, msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_anything = msgspec.json.Decoder()


def read_table(path: Path, notation: Notation, progress: Progress | None = None) -> Table | None:
    """The table of a file, None where the compiled reader declines. Raises OSError."""
    if notation not in NOTATIONS:
        return None
    with path.open("rb") as file, collector_paused():
        reading = _Reading(notation)
        if not reading.all(file, path.stat().st_size, progress):
            return None
        try:
            table = reading.table()
        except WRONG:
            return None
        _settled()
        return table


class _Reading:
    """The tables of the compiled reader while it goes through a file."""

    def __init__(self, notation: Notation) -> None:
        self._edn = notation is not Notation.JSON_LINES
        self._wrapped = notation is Notation.EDN_WRAPPED
        self._pool = np.zeros(0, dtype=np.uint8)
        self._offsets = np.zeros(1, dtype=np.int64)
        self._hashes = np.zeros(0, dtype=np.int64)
        self._slots = np.full(1, scan.EMPTY, dtype=np.int64)
        self._state = np.zeros(5, dtype=np.int64)
        self._stack = np.zeros(600, dtype=np.int64)
        self._memo = np.zeros(2 * scan.MEMO, dtype=np.int64)
        self._cells = np.zeros(scan.CELLS, dtype=np.int64)
        self._columns = _columns(0)
        self._parts: list[dict[str, npt.NDArray[Any]]] = []
        self._odd: dict[int, Operation] = {}
        self._count = 0

    def all(self, file: BinaryIO, total: int, progress: Progress | None) -> bool:
        """Read the file; False where it is declined."""
        rest, done = b"", 0
        while piece := file.read(PIECE_BYTES):
            piece = piece.removeprefix(BYTE_ORDER_MARK) if done == 0 else piece
            done += len(piece)
            text = rest + piece
            if not self._parts and self._wrapped:
                text = b" " * (_bracket(text) + 1) + text[_bracket(text) + 1 :]
            status = self._scan(text)
            rest = text[int(self._state[scan.AT]) :]
            if status is None or (status == scan.DECLINED and not self._ended(rest)):
                return False
            if progress:
                progress(min(done, total), total)
        return self._ended(rest) if self._wrapped else _is_blank(rest, self._edn)

    def _ended(self, rest: bytes) -> bool:
        return self._wrapped and rest.strip() in (b"]", b")")

    def _scan(self, text: bytes) -> int | None:
        """The status of the scan, None where an odd entry is none."""
        entries = len(text) // ENTRY_BYTES_MIN + 2
        if len(self._columns[2]) < entries:
            self._columns = _columns(entries)
        self._state[[scan.AT, scan.ROWS, scan.ODDS]] = 0
        array, status = np.frombuffer(text, dtype=np.uint8), scan.FULL
        self._pool = _roomy(self._pool, int(self._state[scan.USED]) + len(text) * GROWTH + 64)
        while status == scan.FULL:
            self._make_room()
            tables = (self._pool, self._offsets, self._hashes, self._slots, self._state, self._stack)
            status = scan.scan(array, self._edn, self._columns, (*tables, self._memo, self._cells))
        try:
            if self._edn and b";" in text:  # Nobody else looks into comments.
                text[: int(self._state[scan.AT])].decode()
            for row, start, end in self._columns[3][: int(self._state[scan.ODDS])].tolist():
                self._odd[self._count + row] = self._operation(text[start:end])
        except WRONG:
            return None
        count = int(self._state[scan.ROWS])
        self._parts.append(_part(self._columns, count))
        self._count += count
        return status

    def _operation(self, entry: bytes) -> Operation:
        return operation_of(read_one(entry.decode("utf-8"))) if self._edn else decoded(entry)

    def _make_room(self) -> None:
        """Room for the values of one more entry at least; doubled, so that all copying is linear."""
        unique = int(self._state[scan.UNIQUE])
        if unique + scan.KINDS > len(self._hashes):
            self._hashes = _roomy(self._hashes, max(UNIQUE_FIRST, unique + scan.KINDS))
            self._offsets = _roomy(self._offsets, len(self._hashes) + 1)
            self._slots = np.full(1 << (2 * len(self._hashes) - 1).bit_length(), scan.EMPTY, dtype=np.int64)
            scan.rehashed(self._hashes, unique, self._slots)

    def table(self) -> Table:
        """The columns of all that was read. Raises one of WRONG where a value is none."""
        pool = Pool.of_text(*self._texts())
        columns = {
            name: np.concatenate([part[name] for part in self._parts] or [np.zeros(0, dtype=np.int64)])
            for name in _part(self._columns, 0)
        }
        plain = np.ones(self._count, dtype=bool)
        plain[list(self._odd)] = False
        places = {text: at for at, text in enumerate(TYPES)}
        used = {at: places.get(pool[at], -1) for at in _different(columns["type"][plain])}
        if -1 in used.values():
            raise EntryError("a type that is none")
        columns["type"] = _translated(columns["type"], used, plain)
        return self._with_odd(columns, pool)

    def _texts(self) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
        used, unique = int(self._state[scan.USED]), int(self._state[scan.UNIQUE])
        return _roomy(self._pool, used + 1)[: used + 1].copy(), self._offsets[: unique + 1].copy()

    def _with_odd(self, columns: dict[str, npt.NDArray[Any]], pool: Pool) -> Table:
        """The table, in which odd entries have columns too."""
        filler = Filler(pool)
        for row, operation in self._odd.items():
            filler.add(row, operation)
        rows = list(self._odd)
        for name, column in filler.columns().items():
            columns[name][rows] = column
        return Table(columns, pool, self._odd)


def _settled() -> None:
    """Count all objects among the old ones, so that the collector does not search the new ones at once."""
    if gc.get_freeze_count() == 0:
        gc.freeze()
        gc.unfreeze()


def _bracket(text: bytes) -> int:
    """Where the envelope opens; a comment before it may hold brackets."""
    at = 0
    while text[at : at + 1] not in (b"[", b"(", b""):
        at = text.find(b"\n", at) if text[at : at + 1] == b";" else at + 1
        if at < 0:
            return len(text)
    return at


def _is_blank(rest: bytes, edn: bool) -> bool:
    """Is there nothing but blanks, and comments in text, at the end of the file?"""
    lines = [line.strip(b" \t\r\v\f,") for line in rest.split(b"\n")] if edn else [rest.strip()]
    try:
        rest.decode()
    except UnicodeDecodeError:
        return False
    return all(not line or (edn and line.startswith(b";")) for line in lines)


def _columns(entries: int) -> scan.Columns:
    """Room for so many entries."""
    return (
        np.zeros((len(scan.WIDE), entries), dtype=np.int64),
        np.zeros((len(scan.SMALL), entries), dtype=np.int32),
        np.zeros(entries, dtype=np.int8),
        np.zeros((entries, 3), dtype=np.int64),
    )


def _part(columns: scan.Columns, count: int) -> dict[str, npt.NDArray[Any]]:
    """The first rows of the columns, copied: the room is for the next piece of the file."""
    wide, small, kinds, _ = columns
    part: dict[str, npt.NDArray[Any]] = dict(zip(scan.WIDE, wide[:, :count].copy(), strict=True))
    part.update(zip(scan.SMALL, small[:, :count].copy(), strict=True))
    part["kind"] = kinds[:count].copy()
    return part


def _different(column: npt.NDArray[Any]) -> list[int]:
    """The numbers in a column of places, in order."""
    found: list[int] = np.flatnonzero(np.bincount(column)).tolist()
    return found


def _translated(
    column: npt.NDArray[Any], used: dict[int, int], plain: npt.NDArray[Any]
) -> npt.NDArray[np.int8]:
    table = np.zeros(max(used, default=0) + 1, dtype=np.int8)
    table[list(used)] = list(used.values())
    made = np.zeros(len(column), dtype=np.int8)
    made[plain] = table[column[plain]]
    return made


def _roomy(array: npt.NDArray[Any], size: int) -> npt.NDArray[Any]:
    """The array, copied to one of twice the size where it is smaller than asked."""
    if len(array) >= size:
        return array
    made = np.zeros(max(size, 2 * len(array)), dtype=array.dtype)
    made[: len(array)] = array
    return made
