"""Valid histories damaged in known ways: each damage is found, by the search and by the near-linear rules."""

from collections.abc import Callable
from typing import Any

import pytest

from checker.history import History
from checker.linear import checker, models
from checker.linear.call import calls_of
from checker.operation import Operation

Rows = list[tuple[str, Any, Any]]
"""One call after the other: f, argument, answer."""

REGISTER: Rows = [row for n in range(1, 9) for row in [("write", n, n), ("read", None, n), ("read", None, n)]]
QUEUE: Rows = [("enqueue", n, n) for n in range(8)] + [("dequeue", None, n) for n in range(8)]
SET: Rows = [row for n in range(8) for row in [("add", n, n), ("read", None, list(range(n + 1)))]]
ELEMENTS: Rows = [
    row
    for n in range(8)
    for row in [
        ("contains", n, [n, False]),
        ("add", n, n),
        ("contains", n, [n, True]),
        ("remove", n, n),
        ("contains", n, [n, False]),
    ]
]
TEXTS: Rows = [("get", None, "")] + [
    row
    for n in range(4)
    for row in [("put", f"p{n} ", ""), ("append", f"a{n} ", ""), ("get", None, f"p{n} a{n} ")]
]
COUNTER: Rows = [row for n in range(1, 9) for row in [("add", 1, 1), ("read", None, n)]]


def drop(f: str) -> Callable[[Rows], Rows]:
    """One update is lost: it was acknowledged, and is not in the history at all."""
    return lambda rows: [row for at, row in enumerate(rows) if at != [r[0] for r in rows].index(f)]


def swap(first: int, second: int) -> Callable[[Rows], Rows]:
    """Two answers change places."""

    def spoil(rows: Rows) -> Rows:
        spoilt = list(rows)
        spoilt[first] = (*rows[first][:2], rows[second][2])
        spoilt[second] = (*rows[second][:2], rows[first][2])
        return spoilt

    return spoil


def answer(at: int, value: Any) -> Callable[[Rows], Rows]:
    """One answer is another (stale, duplicate, or without the tail)."""
    return lambda rows: [*rows[:at], (*rows[at][:2], value), *rows[at + 1 :]]


DAMAGES = [
    ("register", REGISTER, drop("write")),
    ("register", REGISTER, swap(1, 4)),
    ("register", REGISTER, answer(5, 1)),
    ("register", REGISTER, answer(7, None)),
    ("register", REGISTER, answer(1, 8)),
    ("fifo-queue", QUEUE, drop("enqueue")),
    ("fifo-queue", QUEUE, drop("dequeue")),
    ("fifo-queue", QUEUE, swap(9, 12)),
    ("fifo-queue", QUEUE, answer(10, 1)),
    ("fifo-queue", QUEUE, answer(9, None)),
    ("kv", TEXTS, drop("put")),
    ("kv", TEXTS, drop("append")),
    ("kv", TEXTS, swap(3, 6)),
    ("kv", TEXTS, answer(3, "p0 ")),
    ("kv", TEXTS, answer(3, "a0 p0 ")),
    ("kv", TEXTS, answer(6, "p1 a0 ")),
    ("kv", TEXTS, answer(0, "p0 ")),
    ("set", SET, drop("add")),
    ("set", SET, swap(1, 5)),
    ("set", SET, answer(9, [0, 1, 2, 3])),
    ("set", SET, answer(15, [0, 1, 2, 3, 4, 5, 6, 7, 8])),
    ("set", ELEMENTS, drop("add")),
    ("set", ELEMENTS, drop("remove")),
    ("set", ELEMENTS, answer(2, [0, False])),
    ("set", ELEMENTS, answer(4, [0, True])),
    ("counter", COUNTER, drop("add")),
    ("counter", COUNTER, swap(1, 5)),
    ("counter", COUNTER, answer(7, 3)),
]


def failure(model_name: str, rows: Rows, tried_max: int) -> Any:
    entries = []
    for f, argument, result in rows:
        entries.append(Operation(process=0, type="invoke", f=f, value=argument))
        entries.append(Operation(process=0, type="ok", f=f, value=result))
    model = models.load(model_name, None, "ignore")
    return checker.judge(model, None, calls_of(History(entries).pairs(), False, model.keeps), tried_max)[0]


@pytest.mark.parametrize("tried_max", [0, 1000], ids=["rules", "search"])
@pytest.mark.parametrize(("model", "rows", "damage"), DAMAGES)
def test_every_damage_is_found(
    model: str, rows: Rows, damage: Callable[[Rows], Rows], tried_max: int
) -> None:
    assert failure(model, rows, tried_max) is None
    found = failure(model, damage(rows), tried_max)
    assert found is not None
    assert found[0].sentence
    assert found[0].operations
