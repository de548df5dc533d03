"""Histories: what was invoked and how it ended, in the order in which it was recorded.

A history is the only evidence a checker gets.  It is therefore streamed while the run goes on
(`HistoryWriter`), read back tolerantly where a killed harness may have torn it and strictly everywhere
else, and its order is its truth: an invocation is recorded before the request leaves, a completion after
the answer has come, so what stands later in the file did not end before what stands earlier began.

Rules of this file
  1. Entries are never reordered.  An entry without an index gets its position as index.
  2. An invocation without completion is `info` for ever: it may have happened, or may still happen.
  3. A torn last line (the harness was killed in the middle of it) is a note.  Any other line that is not
     an operation is a HistoryError that names file, line and what was expected there.
  4. What cannot have been recorded by a working harness (a process with two open operations, say) is a
     problem: the history is kept, but no checker calls it valid (`registry.py`).
  5. A large history stays in the columns that it was read into (`table.py`); operations are made of them
     when somebody asks, and checkers that know columns never do.  Both ways give the same answers.

The format is JSON lines, one operation each (`operation.py`); those of other tools are read, too
(`formats/`)."""

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast, overload

import msgspec

from checker.operation import Operation

if TYPE_CHECKING:
    from checker.spans import Spans
    from checker.table import Table

Pair = tuple[Operation, Operation | None]
"""A client's invocation and its completion (None: it never came)."""

T = TypeVar("T")

EXPECTED = 'one operation per line, as in {"index":0,"time":0,"process":0,"type":"invoke","f":"get"}'


class HistoryError(Exception):
    """A history that cannot be read. The message names the file, the place in it, and what was expected."""


class Columnar(Sequence[Operation]):
    """Entries that are kept as columns: `table.Table`, named here so that small histories need no numpy."""


class History(Sequence[Operation]):
    """The entries of a run, oldest first. Immutable; what checkers derive from it is computed once.

    `notes` say what is odd but harmless about the recording, `problems` what makes its verdicts doubtful.
    `table` has the columns of a history that was read into them; it is None for others, and where entries
    contradict each other.
    """

    table: "Table | None" = None

    def __init__(self, operations: Iterable[Operation], notes: Iterable[str] = ()) -> None:
        self.notes = tuple(notes)
        self._derived: dict[Callable[[History], Any], Any] = {}
        if isinstance(operations, Columnar) and self._adopt(cast("Table", operations)):
            return
        self._operations, disorder = _numbered(list(operations))
        self._pairs, problems = _paired(self._operations)
        self.problems: tuple[str, ...] = (*disorder, *problems, *_time_travel(self._operations))

    def _adopt(self, table: "Table") -> bool:
        """Keep the columns; False where what is wrong with them is better told of operations."""
        from checker.soundness import sound

        found = sound(table)
        if found is None:
            return False
        self.table, self._spans, problems = found
        self.problems = tuple(problems)
        return True

    @cached_property
    def _operations(self) -> list[Operation]:
        assert self.table is not None
        return list(self.table)

    @cached_property
    def _pairs(self) -> list[Pair]:
        every = self._operations
        return [
            (every[begun], every[ended] if ended >= 0 else None)
            for begun, ended in zip(self._spans.invoked.tolist(), self._spans.completed.tolist(), strict=True)
        ]

    def spans(self) -> "Spans":
        """Rows of `table` where the operations of `pairs()` began and ended. Only where there is a table."""
        if self.table is None:
            raise ValueError("this history is not kept in columns; use pairs()")
        return self._spans

    @classmethod
    def from_file(cls, path: Path | str) -> Self:
        """Read a file in any notation, recognised from its content. Raises HistoryError.

        `formats.load.load` is the same with choices: lenient, independent keys, progress.
        """
        from checker.formats.load import read

        return cls(*read(Path(path), lenient=False, progress=None))

    def pairs(self) -> list[Pair]:
        """Every client operation in order of invocation, with its completion or None."""
        return self._pairs

    def derive(self, build: Callable[["History"], T]) -> T:
        """`build(self)`, computed at the first call only: checkers share what is costly to build."""
        if build not in self._derived:
            self._derived[build] = build(self)
        result: T = self._derived[build]
        return result

    @overload
    def __getitem__(self, at: int) -> Operation: ...

    @overload
    def __getitem__(self, at: slice) -> list[Operation]: ...

    def __getitem__(self, at: int | slice) -> Operation | list[Operation]:
        if self.table is not None and "_operations" not in self.__dict__:
            return self.table[at]  # A verdict names a few entries; the others are not made for them.
        return self._operations[at]

    def __len__(self) -> int:
        return len(self._operations if self.table is None else self.table)

    def __iter__(self) -> Iterator[Operation]:
        return iter(self._operations)


class HistoryWriter:
    """Streams a history to disk. Every entry is one line in one write, so a kill loses at most the last.

    Safe to call from several threads: entries get their index, and reach the file, in one order.
    """

    def __init__(self, path: Path | str) -> None:
        self._path = Path(path)
        self._file: int | None = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        self._encoder = msgspec.json.Encoder()
        self._lock = threading.Lock()
        self._next = 0

    def write(self, operation: Operation) -> Operation:
        """Record one entry and return it with its index."""
        with self._lock:
            if self._file is None:
                raise HistoryError(f"{self._path}: the history is closed; nothing can be recorded any more")
            numbered = msgspec.structs.replace(operation, index=self._next)
            line = self._encoder.encode(numbered) + b"\n"
            while line:
                line = line[os.write(self._file, line) :]
            self._next += 1
            return numbered

    def close(self) -> None:
        """Make everything durable and close the file. Safe to repeat."""
        with self._lock:
            if self._file is not None:
                os.fsync(self._file)
                os.close(self._file)
                self._file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _numbered(operations: list[Operation]) -> tuple[list[Operation], list[str]]:
    """Indexes that increase are kept (a part of a longer history); anything else is renumbered."""
    last = -1
    for operation in operations:
        if operation.index <= last:
            break
        last = operation.index
    else:
        return operations, []
    renumbered = [msgspec.structs.replace(o, index=at) for at, o in enumerate(operations)]
    if all(o.index == -1 for o in operations):
        return renumbered, []
    return renumbered, [disorder(operation.index, last)]


def disorder(index: int, last: int) -> str:
    """What is said of indexes that do not increase."""
    return f"the indexes do not increase ({index} comes after {last}); entries were numbered anew"


def _paired(operations: list[Operation]) -> tuple[list[Pair], list[str]]:
    """Match completions with invocations; a completion that has none counts as its own invocation."""
    pairs: list[Pair] = []
    open_at: dict[int, int] = {}
    writers: dict[str, Operation] = {}
    problems: list[str] = []
    for operation in operations:
        if not isinstance(operation.process, int):
            continue
        at = open_at.pop(operation.process, None)
        if operation.type == "invoke":
            if at is not None:
                problems.append(
                    f"entry {operation.index}: client {operation.process} invokes {operation.f} although its "
                    f"{pairs[at][0].f} of entry {pairs[at][0].index} has not completed"
                )
            if operation.write is not None and operation.write in writers:
                problems.append(
                    f"entry {operation.index}: writes {operation.write}, which entry "
                    f"{writers[operation.write].index} already wrote; every write needs an id of its own"
                )
            elif operation.write is not None:
                writers[operation.write] = operation
            open_at[operation.process] = len(pairs)
            pairs.append((operation, None))
        elif at is None:
            problems.append(
                f"entry {operation.index}: client {operation.process} completes {operation.f}, "
                "which it had not invoked"
            )
            pairs.append((operation, operation))
        else:
            problems += _mismatch(pairs[at][0], operation)
            pairs[at] = (pairs[at][0], operation)
    return pairs, problems


def _mismatch(invocation: Operation, completion: Operation) -> list[str]:
    """Fields in which a completion contradicts its invocation. A field may be left out."""
    return [
        f"entry {completion.index}: completes {name} {after!r}, "
        f"but entry {invocation.index} invoked {name} {before!r}"
        for name in ("f", "key", "write")
        for before, after in [(getattr(invocation, name), getattr(completion, name))]
        if before is not None and after is not None and before != after
    ]


def _time_travel(operations: list[Operation]) -> list[str]:
    """Time may stand still between two entries, and never runs backwards."""
    last: Operation | None = None
    for operation in operations:
        if operation.time < 0:
            continue
        if last is not None and operation.time < last.time:
            before = f"{last.time} of entry {last.index}"
            return [f"entry {operation.index}: its time {operation.time} is before {before}"]
        last = operation
    return []
