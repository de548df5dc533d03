"""Histories in the notations of other tools: Jepsen's EDN, one map per line, and its log.

Rules of this file
  1. What Jepsen, Knossos and Elle compare with keywords is written as keywords: `:type`, `:f`, the names of
     processes that are not numbers, the verbs of micro-operations, and the keys of maps.  All other strings
     are strings; reading gives the same Python value for both.
  2. Entries keep their order, index and time; what was kept in `extra` goes back to where it came from.
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from checker.operation import Operation

KEYWORD = re.compile(r"[A-Za-z*!_?$%&=<>.+-][\w*!?$%&=<>.+-]*(/[\w*!?$%&=<>.+-]+)?\??", re.ASCII)
VERBS = frozenset({"r", "w", "append", "read", "write", "inc", "send", "poll"})
SYMBOLIC = {"inf": "##Inf", "-inf": "##-Inf", "nan": "##NaN"}
FIELDS = ("error", "node", "key", "write", "reads", "context")


def edn_lines(operations: Iterable[Operation]) -> Iterator[str]:
    """One EDN map per operation, without the newline."""
    return map(edn_line, operations)


def edn_line(operation: Operation) -> str:
    """The operation as Jepsen prints it."""
    extra = operation.extra or {}
    parts = [f":index {operation.index}"]
    if operation.time != -1:
        parts.append(f":time {operation.time}")
    parts.append(f":type :{operation.type}, :process {_name(operation.process)}, :f {_name(operation.f)}")
    parts.append(f":value {_value(operation.value)}")
    for name in FIELDS:
        value = extra.get(name, getattr(operation, name))
        if value is not None:
            parts.append(f":{name} {edn_text(value)}")
    if operation.final:
        parts.append(":final true")
    parts += [f"{_key(name)} {edn_text(value)}" for name, value in extra.items() if name not in FIELDS]
    return "{" + ", ".join(parts) + "}"


def log_line(operation: Operation) -> str:
    """The operation as Jepsen's log has it: process, type, f, value and, where there is one, error."""
    columns = [_name(operation.process), f":{operation.type}", _name(operation.f), _value(operation.value)]
    if operation.error is not None:
        columns.append(edn_text((operation.extra or {}).get("error", operation.error)))
    return "INFO  jepsen.util - " + "\t".join(columns)


def edn_text(value: Any) -> str:
    """Any value of a history as EDN."""
    if value is None:
        return "nil"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return SYMBOLIC.get(repr(value), repr(value))
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(key)} {edn_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (set, frozenset)):
        return "#{" + " ".join(sorted(map(edn_text, value))) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + " ".join(map(edn_text, value)) + "]"
    raise TypeError(f"{type(value).__name__} has no notation in EDN")


def _value(value: Any) -> str:
    """A value of an operation, in which a list of `[verb ...]` is a transaction."""
    if isinstance(value, list) and value and all(_is_micro(item) for item in value):
        return "[" + " ".join(f"[:{' '.join([m[0], *map(edn_text, m[1:])])}]" for m in value) + "]"
    return edn_text(value)


def _is_micro(item: Any) -> bool:
    return isinstance(item, (list, tuple)) and len(item) > 1 and isinstance(item[0], str) and item[0] in VERBS


def _key(key: Any) -> str:
    return f":{key}" if isinstance(key, str) and KEYWORD.fullmatch(key) else edn_text(key)


def _name(name: int | str) -> str:
    return str(name) if isinstance(name, int) else _key(name)


def _string(text: str) -> str:
    """JSON's escapes for what must be escaped are EDN's too."""
    return json.dumps(text, ensure_ascii=False)
