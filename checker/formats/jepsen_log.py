"""Jepsen's text logs, from 2014 to today, and `history.txt`: columns process, type, f, value, error.

    INFO  jepsen.util - 3\\t:invoke\\t:cas\\t[1 2]                                     (2014)
    INFO [2015-05-04 12:00:00] jepsen worker 3 - jepsen.util 3\\t:ok\\t:read\\t2        (2015)
    2024-05-04 12:00:00,123{GMT}\\tINFO\\t[jepsen worker 3] jepsen.util: 3\\t:ok\\t:read\\t2
    3\\t:info\\t:write\\t4\\t:timeout                                                  (history.txt)

Rules of this file
  1. A line that does not have these columns belongs to somebody else and is ignored.
  2. Old logs put the reason of an `:info` or `:fail` where the value belongs, and thereby lose what was
     tried. It is moved to `error`, and the value is that of the invocation: a checker must know it.
  3. Columns are separated by tabs, or by blanks in files that went through an editor.
  4. A log has no index and no time of its own; its order is the order of the lines.
"""

import re
from typing import Any

from checker.formats.edn import EdnError, read
from checker.formats.entries import EntryError, operation_of
from checker.operation import Operation

LINE = re.compile(
    r"""^(?:[^\n]*?\bjepsen\.util(?:\ -|:)?\s+)?  # whatever the logger says first
    (-?\d+|:[\w./-]+|nemesis) [ \t]+              # process
    :(invoke|ok|fail|info) [ \t]+                 # type
    (:?[\w./?!*+<>=-]+)                           # f
    (?:[ \t]+([^\n]*?))? [ \t\r]*$                # value and error
    """,
    re.VERBOSE | re.MULTILINE,
)


class LogReader:
    """Reads one line after the other, because a completion may need its invocation."""

    def __init__(self) -> None:
        self._open: dict[int | str, Operation] = {}

    def line(self, text: str) -> Operation | None:
        """The operation on this line, None if it is about something else. Raises EntryError."""
        found = LINE.match(text)
        if not found:
            return None
        process, kind, f, rest = found.groups()
        value, error = _columns(rest or "", kind, process)
        entry = {"process": int(process) if process.lstrip("-").isdigit() else process, "type": kind, "f": f}
        operation = operation_of(entry | {"value": value} | ({"error": error} if error is not None else {}))
        return self._completed(operation, moved=error is None and (rest or "").startswith((":", '"', "#")))

    def _completed(self, operation: Operation, moved: bool) -> Operation:
        if operation.type == "invoke":
            self._open[operation.process] = operation
            return operation
        invoked = self._open.pop(operation.process, None)
        doubtful = moved and operation.type in ("info", "fail")
        if not doubtful or invoked is None or invoked.value == operation.value:
            return operation
        return operation_of(
            {"process": operation.process, "type": operation.type, "f": operation.f}
            | {"value": invoked.value, "error": operation.value}
        )


def _columns(rest: str, kind: str, process: str) -> tuple[Any, Any]:
    """Value and error. Prose, in which old logs tell faults, is a value of the nemesis, and else an error."""
    try:
        forms = read(rest)
    except EdnError as error:
        if not process.isdigit():
            return rest, None
        if kind in ("info", "fail"):
            return None, rest
        raise EntryError(f"the value is no EDN: {error}") from None
    if len(forms) <= 1:
        return (forms or [None])[0], None
    if "\t" in rest or len(forms) == 2:
        return forms[0], forms[1] if len(forms) == 2 else forms[1:]
    return rest, None
