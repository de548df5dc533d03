"""Large files of EDN or JSON straight into columns, with the compiled reader.

`read_table` gives None for whatever that reader declines: another notation, a file that is wrong, numba not
installed.  The caller then reads the file with the readers for ordinary files, which tell what is wrong.
"""

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import numpy as np
import numpy.typing as npt

from checker.formats.compiled import desk
from checker.formats.compiled.memory import Memory
from checker.formats.compiled.pair import ODD_KEY
from checker.formats.compiled.word import HAS_WORDS, HIGHS
from checker.formats.detect import BYTE_ORDER_MARK, Notation
from checker.formats.edn import EdnError, read_one
from checker.formats.entries import EntryError, operation_of, unwrapped, whole_note
from checker.formats.jsonl import decoded
from checker.formats.source import Declined, Progress, collector_paused, torn_note
from checker.operation import Operation
from checker.pool import Pool
from checker.table import RARE, SIZES, TYPES, Filler, Table

PIECE_BYTES = 1 << 22
ENTRY_BYTES_MAX = 1 << 26
"""What has no end after so many bytes is no entry."""
NOTATIONS = {
    Notation.JSON_LINES: desk.LINES,
    Notation.JSON_ARRAY: desk.ARRAY,
    Notation.EDN: desk.EDN,
    Notation.EDN_WRAPPED: desk.EDN,
}
WRONG = (EdnError, EntryError, msgspec.DecodeError, UnicodeDecodeError, RecursionError)
CLOSERS = {ord("["): b"]", ord("("): b")"}
JSON_BLANKS, EDN_BLANKS = b" \t\r\n", b" \t\n\v\f\r,"


def read_table(
    path: Path,
    notation: Notation,
    progress: Progress | None = None,
    notes: list[str] | None = None,
    independent: bool = False,
) -> Table | None:
    """The table of a file, None where the reader declines. Raises OSError.

    What must be said about the file is appended to `notes`.  `independent`: values are `[key value]` pairs.
    """
    if notation not in NOTATIONS or not HAS_WORDS:
        return None
    reading = _Reading(notation, path.stat().st_size)
    try:
        with path.open("rb") as file, collector_paused():
            for _ in reading.pieces(file, progress):
                pass
        if independent:
            reading.part()
        table = reading.table()
    except Declined:
        return None
    if table.odd:
        _settled()
    if notes is not None:
        notes += reading.notes(path) + (whole_note(reading.whole) if independent else [])
    return table


def stream(path: Path, notation: Notation, notes: list[str]) -> Iterator[Operation]:
    """The operations of a file, of which no more than a piece is in memory. Raises Declined, OSError.

    What must be said about the file is appended to `notes` in the end.
    """
    if notation not in NOTATIONS or not HAS_WORDS:
        raise Declined
    reading = _Reading(notation, path.stat().st_size)
    with path.open("rb") as file:
        for _ in reading.pieces(file, None):
            yield from reading.taken()
    yield from reading.taken()
    notes += reading.notes(path)


class _Reading:
    """A file on its way through the compiled reader."""

    def __init__(self, notation: Notation, total: int) -> None:
        self._notation = NOTATIONS[notation]
        self._wrapped = notation in (Notation.JSON_ARRAY, Notation.EDN_WRAPPED)
        self._blanks = EDN_BLANKS if self._notation == desk.EDN else JSON_BLANKS
        self._closer = b""
        self._total = total
        self._memory = Memory(self._notation, total)
        self._odd: dict[int, Operation] = {}
        self._rows = 0
        self.torn = False
        """Does the last line end before its entry does?"""
        self.whole = 0
        """How many entries of clients hold no pair, where they should."""

    def pieces(self, file: BinaryIO, progress: Progress | None) -> Iterator[None]:
        """Read the file piece by piece. Raises Declined."""
        kept = done = 0
        while True:
            memory = self._memory
            memory.make_text(kept + PIECE_BYTES)
            got = file.readinto(memory.text[kept : kept + PIECE_BYTES].data)  # type: ignore[attr-defined]
            if not got:
                break
            begin, end = self._opened(got) if done == 0 else 0, kept + got
            status, at = memory.scan(begin, end)
            self._check(begin, at)
            done, kept = done + got, end - at
            memory.text[:kept] = memory.text[at:end]
            if kept > ENTRY_BYTES_MAX or (status == desk.DECLINED and not self._ended(kept)):
                raise Declined
            if progress:
                progress(min(done, self._total), self._total)
            yield
        if not (self._ended(kept) if self._wrapped else self._last(memory.text[:kept].tobytes())):
            raise Declined

    def _opened(self, got: int) -> int:
        """Where the entries begin: behind the mark of the byte order, and behind the envelope's bracket."""
        head = self._memory.text[:got].tobytes()
        begin = len(BYTE_ORDER_MARK) if head.startswith(BYTE_ORDER_MARK) else 0
        if not self._wrapped:
            return begin
        bracket = _bracket(head, begin)
        self._closer = CLOSERS.get(head[bracket], b"") if bracket < got else b""
        # What is before it may be a comment, into which nobody else looks.
        return min(bracket + 1, got) if _is_text(head[:bracket]) else got

    def _check(self, begin: int, at: int) -> None:
        """All that has been read must be text, and odd entries must be entries."""
        text, memory = self._memory.text, self._memory
        # Eight bytes at a time; the slack behind the text is zero.
        is_ascii = not np.bitwise_or.reduce(text[: (at | 7) + 1].view(np.int64)) & HIGHS
        if not is_ascii and not _is_text(text[begin:at].tobytes()):
            raise Declined
        try:
            for row, start, stop in memory.odd():
                self._odd[row] = self._operation(text[start:stop].tobytes())
        except WRONG:
            raise Declined from None
        self._rows = memory.rows

    def _operation(self, entry: bytes) -> Operation:
        if self._notation == desk.EDN:
            return operation_of(read_one(entry.decode("utf-8")))
        return decoded(entry)

    def _ended(self, kept: int) -> bool:
        """Is nothing left but the end of the envelope?"""
        rest = self._memory.text[:kept].tobytes().strip(self._blanks)
        return bool(self._closer) and rest == self._closer

    def _last(self, rest: bytes) -> bool:
        """Take what stands at the end of the file without being complete; False where it is no text."""
        if self._notation == desk.EDN:
            lines = (line.strip(self._blanks) for line in rest.split(b"\n"))
            return _is_text(rest) and all(not line or line.startswith(b";") for line in lines)
        if not _is_text(rest):
            return False  # Its strings may be in the pool, though the line will not be in the table.
        if rest.strip():
            try:
                self._odd[self._rows] = decoded(rest)
                self._rows += 1
            except WRONG:
                self.torn = True
        return True

    def notes(self, path: Path) -> list[str]:
        """What must be said about the file."""
        return [torn_note(_lines(path) + 1)] if self.torn else []

    def taken(self) -> Table:
        """What was read since the last time, which is forgotten. Raises Declined."""
        table = self.table()
        self._memory, self._odd, self._rows = self._memory.emptied(), {}, 0
        return table

    def part(self) -> None:
        """Make keys and values of the pairs that clients have as values. Raises Declined for odd ones."""
        columns = self._memory.columns()
        plain = np.ones(self._memory.rows, dtype=bool)
        plain[[row for row in self._odd if row < len(plain)]] = False
        clients = plain & (columns["process"] >= 0)
        rows = np.flatnonzero(clients & (columns["kind"] == desk.POOLED))
        places, inverse = np.unique(columns["value"][rows], return_inverse=True)
        pairs = self._memory.parted(places)
        if bool((pairs[:, 1] == ODD_KEY).any()):
            raise Declined
        of_row = pairs[inverse.reshape(-1)]
        are_pairs = of_row[:, 1] >= 0
        rows, of_row = rows[are_pairs], of_row[are_pairs]
        columns["key"][rows], columns["kind"][rows], columns["value"][rows] = of_row[:, 1:].T
        self.whole = int(clients.sum()) - len(rows)
        for row, operation in self._odd.items():
            (self._odd[row],), left = unwrapped([operation])
            self.whole += len(left)

    def table(self) -> Table:
        """The columns of all that was read. Raises Declined for types that are none, and huge numbers."""
        pool = Pool.of_text(*self._memory.texts())
        columns = self._memory.columns()
        if self._rows > self._memory.rows:
            columns = {name: np.append(column, column.dtype.type(0)) for name, column in columns.items()}
        columns["type"] = _translated(columns["type"], list(self._odd), pool)
        if self._odd:
            try:
                self._fill_odd(columns, pool)
            except OverflowError:
                raise Declined from None
        return Table(columns, pool, {row: each for row, each in self._odd.items() if each.extra})

    def _fill_odd(self, columns: dict[str, npt.NDArray[Any]], pool: Pool) -> None:
        """Odd entries have columns, too."""
        filler, rows = Filler(pool), list(self._odd)
        for row, operation in self._odd.items():
            filler.add(row, operation)
        filled = filler.columns()
        for name, nothing in RARE.items():
            if name in columns:
                columns[name][rows] = nothing
            elif name in filled:
                columns[name] = np.full(self._rows, nothing, dtype=SIZES[name])
        for name, column in filled.items():
            columns[name][rows] = column


def _settled() -> None:
    """Count all objects among the old ones, so that the collector does not search the new ones at once."""
    if gc.get_freeze_count() == 0:
        gc.freeze()
        gc.unfreeze()


def _bracket(text: bytes, at: int) -> int:
    """Where the envelope opens; a comment before it may hold brackets."""
    while text[at : at + 1] not in (b"[", b"(", b""):
        at = text.find(b"\n", at) if text[at : at + 1] == b";" else at + 1
        if at < 0:
            return len(text)
    return at


def _is_text(data: bytes) -> bool:
    """Is this UTF-8?"""
    try:
        return data.isascii() or bool(data.decode("utf-8")) or not data
    except UnicodeDecodeError:
        return False


def _lines(path: Path) -> int:
    """How many newlines there are in a file."""
    with path.open("rb") as file:
        return sum(piece.count(b"\n") for piece in iter(lambda: file.read(PIECE_BYTES), b""))


def _translated(column: npt.NDArray[np.int32], odd: list[int], pool: Pool) -> npt.NDArray[np.int8]:
    """Places of types in the pool as their numbers. Raises Declined for a text that is none."""
    if len(odd) == len(column):
        return np.zeros(len(column), dtype=np.int8)
    if odd:
        plain = np.ones(len(column), dtype=bool)
        plain[odd] = False
        column[odd] = column[int(plain.argmax())]
    numbers = {text: at for at, text in enumerate(TYPES)}
    places = np.flatnonzero(np.bincount(column)).tolist()
    if any(pool[place] not in numbers for place in places):
        raise Declined
    table = np.zeros(max(places) + 1, dtype=np.int8)
    table[places] = [numbers[pool[place]] for place in places]
    return table[column]
