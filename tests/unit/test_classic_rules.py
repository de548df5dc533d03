"""Jepsen's classic checkers: a history that is right, and each damage that its checker must find."""

import json
from typing import Any

import pytest

from checker import registry
from checker.formats.entries import operation_of
from checker.history import History
from checker.verdict import Validity

Line = tuple[Any, str, str, Any]


def history(*lines: Line) -> History:
    return History(
        operation_of({"index": i, "process": p, "type": t, "f": f, "value": v})
        for i, (p, t, f, v) in enumerate(lines)
    )


def pair(process: int, f: str, value: Any, result: Any = None, kind: str = "ok") -> list[Line]:
    return [(process, "invoke", f, value), (process, kind, f, value if result is None else result)]


def adds(*elements: int) -> list[Line]:
    return [line for element in elements for line in pair(0, "add", element)]


def read(result: Any, process: int = 1) -> list[Line]:
    return [(process, "invoke", "read", None), (process, "ok", "read", result)]


def queue(*operations: tuple[str, Any]) -> list[Line]:
    return [
        line
        for f, value in operations
        for line in ([(0, "invoke", f, value if f == "enqueue" else None), (0, "ok", f, value)])
    ]


def transaction(process: int, *steps: list[Any]) -> list[Line]:
    asked = [[s[0], s[1], None if s[0] == "r" else s[2]] for s in steps]
    return [(process, "invoke", "txn", asked), (process, "ok", "txn", list(steps))]


RIGHT: dict[str, list[Line]] = {
    "set": adds(1, 2) + read([1, 2]),
    "set-full": adds(1) + read([1]) + adds(2) + read([1, 2]) + read([1, 2]),
    "counter": adds(1, 2) + read(3),
    "queue": queue(("enqueue", 1), ("enqueue", 2), ("dequeue", 2)),
    "total-queue": queue(("enqueue", 1), ("dequeue", 1)),
    "unique-ids": queue(("generate", 1), ("generate", 2)),
    "bank": read({"a": 5, "b": 5}) + read({"a": 7, "b": 3}),
    "long-fork": transaction(0, ["w", 1, 1])
    + transaction(1, ["r", 1, 1], ["r", 2, None])
    + transaction(0, ["w", 2, 1])
    + transaction(1, ["r", 1, 1], ["r", 2, 1]),
    "causal-reverse": pair(0, "write", 1) + pair(0, "write", 2) + read([1, 2]),
    "stats": adds(1) + read([1]),
}

DAMAGED: list[tuple[str, str, list[Line]]] = [
    ("set", "lost", adds(1, 2) + read([1])),
    ("set", "unexpected", adds(1) + read([1, 9])),
    ("set", "duplicated", adds(1) + read([1, 1])),
    ("set-full", "lost", adds(1, 2) + read([1, 2]) + read([1])),
    ("set-full", "duplicated", adds(1) + read([1, 1])),
    ("set-full", "unexpected", adds(1) + read([1, 9])),
    ("counter", "", adds(1, 2) + read(4)),
    ("counter", "", adds(1, 2) + read(2)),
    ("queue", "unexpected", queue(("enqueue", 1), ("dequeue", 2))),
    ("queue", "unexpected", queue(("enqueue", 1), ("dequeue", 1), ("dequeue", 1))),
    ("total-queue", "lost", queue(("enqueue", 1), ("enqueue", 2), ("dequeue", 1))),
    ("total-queue", "unexpected", queue(("enqueue", 1), ("dequeue", 1), ("dequeue", 5))),
    ("unique-ids", "", queue(("generate", 1), ("generate", 1))),
    ("bank", "wrong-total", read({"a": 5, "b": 5}) + read({"a": 7, "b": 5})),
    ("bank", "negative-value", read({"a": 5, "b": 5}) + read({"a": 11, "b": -1})),
    ("bank", "unexpected-key", read({"a": 5, "b": 5}) + read({"a": 5, "b": 5, "c": 0})),
    (
        "long-fork",
        "",
        transaction(0, ["w", 1, 1])
        + transaction(1, ["w", 2, 1])
        + transaction(2, ["r", 1, 1], ["r", 2, None])
        + transaction(3, ["r", 1, None], ["r", 2, 1]),
    ),
    ("causal-reverse", "", pair(0, "write", 1) + pair(0, "write", 2) + read([2])),
    ("stats", "", adds(1) + pair(1, "read", None, kind="fail")),
]


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right_is_valid(name: str) -> None:
    verdict = registry.check(history(*RIGHT[name]), name)
    assert verdict.validity is Validity.VALID, verdict
    assert verdict.anomalies == ()


@pytest.mark.parametrize(("name", "anomaly", "lines"), DAMAGED)
def test_what_is_damaged_is_found_and_told(name: str, anomaly: str, lines: list[Line]) -> None:
    verdict = registry.check(history(*lines), name)
    assert verdict.validity is Validity.INVALID, verdict
    types = {found.type for found in verdict.anomalies}
    assert not anomaly or anomaly in types
    assert verdict.reason
    assert all(found.sentence and found.operations for found in verdict.anomalies)
    json.dumps(verdict.stats, default=str)


@pytest.mark.parametrize("name", sorted(set(RIGHT) - {"stats"}))
def test_nothing_proves_nothing(name: str) -> None:
    """A history without operations is never invalid, and a crash would be unknown with its trace."""
    verdict = registry.check(history(), name)
    assert verdict.validity is not Validity.INVALID
    assert "crashed" not in verdict.reason


def test_every_checker_of_the_table_can_be_loaded() -> None:
    for name in registry.CHECKERS:
        assert callable(registry.CHECKERS[name])


def test_an_unknown_option_is_refused_by_name() -> None:
    from checker.options import OptionError

    for name, lines in RIGHT.items():
        with pytest.raises(OptionError, match="colour"):
            registry.check(history(*lines), name, {"colour": "blue"})
