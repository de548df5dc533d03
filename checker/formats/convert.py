"""From one notation to another: what `splitbrain convert` does.

Rules of this file
  1. Entries go from reader to writer one by one: of a file of any size only a piece is in memory.  A file
     that is one JSON array is the exception where the compiled reader declines it.
  2. Whether clients contradict each other takes the whole history to see.  Of files beyond WHOLE_BYTES that
     is left to `splitbrain check`, and a note says so.
  3. The target appears when it is complete, and never takes the place of the source.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec

from checker import kernel
from checker.formats.entries import unwrapped, whole_note
from checker.formats.load import READERS, load, recognised
from checker.formats.source import Declined, Source
from checker.formats.write import edn_line, log_line
from checker.history import HistoryError, disorder
from checker.operation import Operation

_encode = msgspec.json.Encoder().encode

WHOLE_BYTES = 16 << 20
UNPAIRED = (
    "the file is large: whether its clients contradict each other was not looked at (splitbrain check does)"
)


def json_line(operation: Operation) -> str:
    """The operation as one line of the native notation."""
    return _encode(operation).decode("utf-8")


LINES: dict[str, Callable[[Operation], str]] = {"jsonl": json_line, "edn": edn_line, "log": log_line}
TARGETS = (*LINES, "json")
"""What can be written: JSON lines, Jepsen's EDN, Jepsen's log, and one JSON array."""


class Summary(msgspec.Struct, kw_only=True, frozen=True):
    """What was converted: entries written, remarks about reading, and what makes the history doubtful."""

    entries: int
    notes: tuple[str, ...]
    problems: tuple[str, ...]


def convert(source: Path, target: Path, to: str, lenient: bool, independent: bool) -> Summary:
    """Write the history in `source` to `target`. Raises HistoryError, ValueError for an unknown `to`."""
    if to not in TARGETS:
        raise ValueError(f"cannot write {to!r}; there are {', '.join(TARGETS)}")
    if target.exists() and source.exists() and target.samefile(source):
        raise HistoryError(f"{target}: is the history that is to be converted; name another file to write")
    # Devices and pipes are written to directly.
    written = target.with_name(target.name + ".part") if target.is_file() or not target.exists() else target
    try:
        summary = _converted(source, written, to, lenient, independent)
        if written != target:
            written.replace(target)
        return summary
    except OSError as error:
        raise HistoryError(f"{target}: cannot write the history: {error.strerror or error}") from None
    finally:
        if written != target:
            written.unlink(missing_ok=True)


def write(history: Iterable[Operation], target: Path, to: str) -> int:
    """Write operations in one of TARGETS: how many there were. Raises OSError."""
    count = 0
    with target.open("w", encoding="utf-8", newline="\n") as file:
        line, before = (json_line, "[") if to == "json" else (LINES[to], "")
        for operation in history:
            file.write(before + line(operation) + ("" if to == "json" else "\n"))
            before = ",\n " if to == "json" else ""
            count += 1
        if to == "json":
            file.write("]\n" if count else "[]\n")
    return count


def _converted(source: Path, target: Path, to: str, lenient: bool, independent: bool) -> Summary:
    if _size(source) <= WHOLE_BYTES:
        history = load(source, lenient=lenient, independent=independent)
        return Summary(entries=write(history, target, to), notes=history.notes, problems=history.problems)
    stream = _Stream(source, lenient, independent)
    while True:
        try:
            count = write(stream, target, to)
            return Summary(entries=count, notes=(*stream.notes, UNPAIRED), problems=stream.problems)
        except Declined:
            stream.compiled = False
        except _Disorder as disorder:
            stream.problems = (str(disorder),)


class _Disorder(Exception):
    """Indexes do not increase: all entries must be numbered anew, also those that have been written."""


class _Stream:
    """The operations of a file, one by one. They can be asked for again, after Declined or _Disorder."""

    def __init__(self, path: Path, lenient: bool, independent: bool) -> None:
        self._path = path
        self._lenient = lenient
        self._independent = independent
        self.compiled = kernel.available() and not lenient
        self.problems: tuple[str, ...] = ()
        self.notes: list[str] = []

    def __iter__(self) -> Iterator[Operation]:
        self.notes = []
        whole = 0
        for operation in self._numbered(self._read()):
            if self._independent:
                (made,), left = unwrapped([operation])
                whole += len(left)
                yield made
            else:
                yield operation
        self.notes += whole_note(whole)

    def _read(self) -> Iterator[Operation]:
        try:
            notation = recognised(self._path)
            if self.compiled:
                from checker.formats.columns import stream

                yield from stream(self._path, notation, self.notes)
                return
            with self._path.open("rb") as file:
                source = Source(self._path, file, self._lenient, None)
                yield from READERS[notation](source)
                self.notes += source.notes()
        except OSError as error:
            raise HistoryError(f"{self._path}: cannot read the history: {error.strerror or error}") from None

    def _numbered(self, operations: Iterator[Operation]) -> Iterator[Operation]:
        """What `History` does with indexes: those that increase are kept, and otherwise places take over."""
        last, is_bare = -1, True
        for at, operation in enumerate(operations):
            is_bare = is_bare and operation.index == -1
            if is_bare or self.problems:
                yield msgspec.structs.replace(operation, index=at)
                continue
            if operation.index <= last or (at > 0 and last == -1):
                raise _Disorder(disorder(operation.index if last >= 0 else -1, last))
            last = operation.index
            yield operation


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise HistoryError(f"{path}: cannot read the history: {error.strerror or error}") from None
