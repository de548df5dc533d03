"""What an operation is called beside its bar, and what there is to know of it: `append x 3, read y [1]`."""

from typing import Any

from checker.classic.element import shown
from checker.history import Pair
from checker.operation import Operation
from checker.wording import braces

MOST = 300
"""Characters that are told of one operation, however much it did."""

READS = frozenset({"read", "get", "r", "dequeue", "drain"})


def label(pair: Pair) -> str:
    """What was asked and answered: `read → [1,2]`, `add 5`, `cas [0,1]`, `append x 3, r y [1]`."""
    begin, end = pair
    ok = end is not None and end.type == "ok"
    value = end.value if end is not None and ok else begin.value
    key = f" {begin.key}" if begin.key is not None else ""
    if begin.f == "txn" and isinstance(value, list):
        return ", ".join(_micro(step, ok) for step in value)
    if begin.write is not None or (end is not None and end.reads is not None):
        return _versions(begin, end)
    if begin.f in READS:
        return f"{begin.f}{key} → {shown(value) if ok else '?'}"
    changed = f" → {shown(value)}" if value != begin.value and begin.value is not None else ""
    argument = begin.value if begin.value is not None else value
    return f"{begin.f}{key}" + (f" {shown(argument)}" if argument is not None else "") + changed


def _micro(step: Any, ok: bool) -> str:
    if not isinstance(step, list) or len(step) != 3:
        return shown(step)
    letter, key, value = step
    verb = {"r": "read", "w": "write"}.get(letter, str(letter))
    if value is None and verb == "read":
        return f"read {key} = {'nothing' if ok else '?'}"
    # Lists are appended to and read as they are; registers are equal to something.
    return f"{verb} {key} {shown(value)}" if _of_list(verb, value) else f"{verb} {key} = {shown(value)}"


def _of_list(verb: str, value: Any) -> bool:
    return verb == "append" or isinstance(value, list)


def _versions(begin: Operation, end: Operation | None) -> str:
    """An operation of a Dynamo store: which version it wrote, which ones it was shown."""
    item = begin.value.get("item") if isinstance(begin.value, dict) else None
    what = begin.f + (f" {item}" if item is not None else "")
    seen = end.reads if end is not None else None
    if begin.write is None:
        return f"{what} → {braces(seen or ())}"
    return f"{what}: {begin.write}" + (f", had seen {braces(seen)}" if seen else "")


def details(pair: Pair) -> list[str]:
    """Who did it, when it began and how it ended, a line each."""
    begin, end = pair
    lines = [who(begin.process) + (f" through {begin.node}" if begin.node else ""), _when("began", begin)]
    if end is None:
        lines.append("never completed: it may have taken effect, or may still")
    else:
        told = {
            "ok": "succeeded",
            "fail": "failed, certainly without effect",
            "info": "ended with an unknown outcome",
        }
        lines.append(_when(told.get(end.type, end.type), end))
        if end.error:
            lines.append(shorten(f"error: {end.error}", MOST))
    return lines


def _when(what: str, entry: Operation) -> str:
    moment = f", {entry.time / 1e9:.4f} s" if entry.time >= 0 else ""
    return f"{what} in entry {entry.index}{moment}"


def only_reads(begin: Operation) -> bool:
    """Does it change nothing? Transactions may consist of reads."""
    if begin.f == "txn" and isinstance(begin.value, list):
        return all(isinstance(step, list) and step[:1] == ["r"] for step in begin.value)
    return begin.f in READS


def who(process: int | str) -> str:
    """`client 3`; others have names."""
    return f"client {process}" if isinstance(process, int) else str(process)


def shorten(text: str, room: int) -> str:
    """The beginning of the text, where all of it has no room."""
    return text if len(text) <= room else text[: max(room - 1, 3)] + "…"
