"""A history from a file in whatever notation.

Rules of this file
  1. Strict: what is not an entry is a HistoryError that names file, line, what was found and what was
     expected. Lenient: it is skipped, and a note says how many were and why the first one was.
  2. A last line that is torn (the recorder was killed) is a note either way.
  3. Files are read in pieces, and `progress(done, total)` is told bytes after each.
  4. A large file takes the compiled reader (`table.py`) where numba is there; it declines whatever it does
     not know, and then the readers here read the file, with the same result.
"""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checker import kernel
from checker.formats import jsonl
from checker.formats.detect import BYTE_ORDER_MARK, HEAD_BYTES, Notation, holds_log_line, notation_of
from checker.formats.edn import EdnError, Reader
from checker.formats.entries import EXPECTED_MAP, EntryError, operation_of, unwrapped
from checker.formats.jepsen_log import LogReader
from checker.formats.source import Progress, Source, collector_paused
from checker.history import History, HistoryError
from checker.operation import Operation

if TYPE_CHECKING:
    from checker.table import Table

LARGE_BYTES = {Notation.EDN: 4 << 20, Notation.EDN_WRAPPED: 4 << 20, Notation.JSON_LINES: 16 << 20}
"""From here on the compiled reader saves more than it takes to import."""

EXPECTED_COLUMNS = "the columns process, :type, :f, value and error, separated by tabs"


def load(
    path: Path | str, *, lenient: bool = False, independent: bool = False, progress: Progress | None = None
) -> History:
    """The history in a file of JSON lines, a JSON array, EDN, or Jepsen's log. Raises HistoryError.

    `independent`: values are `[key value]` pairs, which become the key and the value of the operation.
    """
    return History(*read(Path(path), lenient=lenient, independent=independent, progress=progress))


def read(
    path: Path, *, lenient: bool, progress: Progress | None, independent: bool = False
) -> tuple[Sequence[Operation], list[str]]:
    """The operations in a file, in columns where it is large, and what must be said about it.

    Raises HistoryError.
    """
    try:
        with path.open("rb") as file, collector_paused():
            notation = recognised(path)
            notes: list[str] = []
            if not lenient and (table := _table(path, notation, progress, notes, independent)):
                return table, notes
            source = Source(path, file, lenient, progress)
            operations = list(READERS[notation](source))
    except OSError as error:
        raise HistoryError(f"{path}: cannot read the history: {error.strerror or error}") from None
    operations, more = unwrapped(operations) if independent else (operations, [])
    return operations, [*source.notes(), *more]


def _table(
    path: Path, notation: Notation, progress: Progress | None, notes: list[str], independent: bool
) -> "Table | None":
    """The table of a large file, None where it has none."""
    if path.stat().st_size < LARGE_BYTES.get(notation, math.inf) or not kernel.available():
        return None
    from checker.formats.columns import read_table

    return read_table(path, notation, progress, notes, independent)


def recognised(path: Path) -> Notation:
    """The notation of a file. Raises OSError."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        notation = notation_of(head)
        # A log may begin with megabytes about the cluster before its first operation.
        while notation is Notation.JSON_LINES and not head.lstrip().startswith(b"{"):
            if not (head := file.read(HEAD_BYTES << 4)):
                return Notation.JSON_LINES
            notation = Notation.LOG if holds_log_line(head) else notation
    return notation


def _edn_lines(source: Source) -> Iterator[Operation]:
    return _edn(source, Reader())


def _edn_wrapped(source: Source) -> Iterator[Operation]:
    return _edn(source, Reader(wrapped=True))


def _edn(source: Source, reader: Reader) -> Iterator[Operation]:
    for piece, last in source.pieces():
        text = _text(source, piece, last)
        while True:
            wrong: EdnError | None = None
            try:
                forms = reader.feed(text, last)
            except EdnError as error:
                forms, wrong = reader.taken(), error
            yield from _operations(source, reader, forms)
            if wrong is None:
                break
            if wrong.torn and last:
                source.torn(wrong.line)
            else:
                source.wrong(f"line {wrong.line}", f"found {wrong}", EXPECTED_MAP)
            text = reader.recover()
            if not text:
                break


def _operations(source: Source, reader: Reader, forms: list[Any]) -> Iterator[Operation]:
    for at, form in enumerate(forms):
        try:
            yield operation_of(form)
        except EntryError as error:
            source.wrong(f"line {reader.line_of(at)}", str(error), EXPECTED_MAP)


def _log(source: Source) -> Iterator[Operation]:
    reader = LogReader()
    for piece, last in source.pieces():
        for number, line in enumerate(_text(source, piece, last).split("\n"), start=source.line + 1):
            try:
                operation = reader.line(line)
            except EntryError as error:
                source.wrong(f"line {number}", str(error), EXPECTED_COLUMNS)
                continue
            if operation is not None:
                yield operation


def _text(source: Source, piece: bytes, last: bool) -> str:
    piece = piece.removeprefix(BYTE_ORDER_MARK)
    try:
        return piece.decode("utf-8")
    except UnicodeDecodeError as error:
        if last and error.end == len(piece):
            return piece[: error.start].decode("utf-8")  # The entry is torn within a character.
        line = source.line + piece.count(b"\n", 0, error.start) + 1
        source.wrong(f"line {line}", "found bytes that are no UTF-8", "text")
        return piece.decode("utf-8", "replace")


READERS = {
    Notation.JSON_LINES: jsonl.lines,
    Notation.JSON_ARRAY: jsonl.array,
    Notation.EDN: _edn_lines,
    Notation.EDN_WRAPPED: _edn_wrapped,
    Notation.LOG: _log,
}
