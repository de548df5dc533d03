"""From one notation to another: what `splitbrain convert` does."""

from collections.abc import Callable
from pathlib import Path

import msgspec

from checker.formats.load import load
from checker.formats.write import edn_line, log_line
from checker.history import History, HistoryError
from checker.operation import Operation

_encode = msgspec.json.Encoder().encode


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
    history = load(source, lenient=lenient, independent=independent)
    try:
        write(history, target, to)
    except OSError as error:
        raise HistoryError(f"{target}: cannot write the history: {error.strerror or error}") from None
    return Summary(entries=len(history), notes=history.notes, problems=history.problems)


def write(history: History, target: Path, to: str) -> None:
    """Write a history in one of TARGETS. Raises OSError."""
    with target.open("w", encoding="utf-8", newline="\n") as file:
        if to == "json":
            file.write("[" + ",\n ".join(map(json_line, history)) + "]\n")
        else:
            file.writelines(LINES[to](operation) + "\n" for operation in history)
