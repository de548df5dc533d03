"""An entry of anybody's history, once it is a plain map, as an Operation.

Rules of this file
  1. `process`, `type` and `f` must be there; a transaction (its value is a list of lists) may lack `f`, as it
     does in histories written for Elle, and gets `txn`.
  2. What Operation has no field for is kept in `extra`.  A field that has a type of its own here and another
     one there (`:error [:duplicate-key "k"]`) is kept in `extra` too, and is in the field as text.
  3. Processes other than numbers are strings.  Keywords of old conversions (":invoke") lose their colon.
  4. A value of an independent history is a pair of key and value.  The text looks like that of any other
     pair, so this is done only where the caller says so.
"""

from collections.abc import Iterable
from typing import Any, cast, get_args

import msgspec

from checker.formats.write import edn_text
from checker.operation import Operation, OpType

TYPES = frozenset(get_args(OpType))
TEXTS = ("error", "node", "key", "write", "context")
EXPECTED_MAP = "a map with process, type and f, as in {:process 0, :type :invoke, :f :read, :value nil}"


class EntryError(ValueError):
    """A map that is no entry of a history. The message says what is wrong with which field."""


def operation_of(entry: Any) -> Operation:
    """The operation that a map, or an old tuple `[process type f value]`, stands for. Raises EntryError."""
    if isinstance(entry, list):
        entry = _from_tuple(entry)
    if not isinstance(entry, dict):
        raise EntryError(f"found {_shown(entry)}")
    rest = dict(entry)
    index, time = _integer(rest, "index"), _integer(rest, "time")
    process = _process(rest.pop("process", None))
    kind = _type(rest.pop("type", None))
    value = rest.pop("value", None)
    f = _f(rest.pop("f", None), value)
    final = rest.pop("final", False) if isinstance(rest.get("final", False), bool) else False
    texts = {name: _text(rest, name) for name in TEXTS if name in rest}
    nested = rest.pop("extra", None)
    reads = _reads(rest)
    extra = {name if isinstance(name, str) else edn_text(name): kept for name, kept in rest.items()}
    if nested is not None:
        extra = {**nested, **extra} if isinstance(nested, dict) else {**extra, "extra": nested}
    return Operation(
        index=index, time=time, process=process, type=kind, f=f, value=value, final=final, reads=reads,
        extra=extra or None, **texts,
    )  # fmt: skip


def unwrapped(operations: Iterable[Operation]) -> tuple[list[Operation], list[str]]:
    """An independent history by keys: `[k v]` becomes the key, as text, and the value. And notes."""
    made: list[Operation] = []
    left = 0
    for operation in operations:
        value = operation.value
        if not isinstance(operation.process, int):
            made.append(operation)
        elif isinstance(value, (list, tuple)) and len(value) == 2:
            key = value[0] if isinstance(value[0], str) else edn_text(value[0])
            made.append(msgspec.structs.replace(operation, key=key, value=value[1]))
        else:
            made.append(operation)
            left += 1
    return made, whole_note(left)


def whole_note(left: int) -> list[str]:
    """What is said of client entries whose value is no pair."""
    return [f"{left} client entries carry no [key value] pair and were kept as they are"] if left else []


def _from_tuple(entry: list[Any]) -> dict[str, Any]:
    if len(entry) != 4:
        raise EntryError(f"found {_shown(entry)}")
    return dict(zip(("process", "type", "f", "value"), entry, strict=True))


def _integer(rest: dict[Any, Any], name: str) -> int:
    found = rest.pop(name, None)
    if found is None:
        return -1
    if isinstance(found, float) and found.is_integer():
        return int(found)
    if not isinstance(found, int) or isinstance(found, bool):
        raise EntryError(f"{name} is {_shown(found)}, not a whole number")
    return found


def _process(found: Any) -> int | str:
    if isinstance(found, int) and not isinstance(found, bool):
        return found
    if found is None:
        raise EntryError("there is no process")
    return found.removeprefix(":") if isinstance(found, str) else edn_text(found)


def _type(found: Any) -> OpType:
    kind = found.removeprefix(":") if isinstance(found, str) else found
    if isinstance(kind, str) and kind in TYPES:
        return cast(OpType, kind)
    raise EntryError(f"type is {_shown(found)}, not one of invoke, ok, fail, info")


def _f(found: Any, value: Any) -> str:
    if isinstance(found, str):
        return found.removeprefix(":")
    if found is not None:
        return edn_text(found)
    if isinstance(value, list) and all(isinstance(item, list) for item in value):
        return "txn"
    raise EntryError("there is no f")


def _text(rest: dict[Any, Any], name: str) -> str | None:
    """The field as text; the original stays in the rest where that loses something."""
    found = rest[name]
    if found is None or isinstance(found, str):
        del rest[name]
        return found
    return edn_text(found)


def _reads(rest: dict[Any, Any]) -> tuple[str, ...] | None:
    found = rest.get("reads")
    if isinstance(found, (list, tuple)) and all(isinstance(item, str) for item in found):
        del rest["reads"]
        return tuple(found)
    if "reads" in rest and found is None:
        del rest["reads"]
    return None


def _shown(found: Any) -> str:
    text = edn_text(found)
    return text if len(text) <= 80 else f"{text[:80]}…"
