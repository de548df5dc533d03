"""Classic checkers judge columns as they judge operations: the same verdict, word for word.

Every random history is judged three times: as operations, as a table made of them, and as a table read from
a file by the compiled reader, where elements are compared as text.

CLASSIC_COLUMNS_CASES sets the number of histories per checker (default: some hundreds, for every day).
"""

import gc
import importlib
import os
import random
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

pytest.importorskip("numba", reason="columns are judged by compiled code, and numba is not installed")

import numpy as np

from checker import kernel
from checker.classic import client_columns, numbering, queue_columns, set_columns, sorted_out
from checker.formats.columns import read_table
from checker.formats.detect import Notation
from checker.history import History
from checker.operation import Operation
from checker.registry import check
from checker.table import Table

CASES = int(os.environ.get("CLASSIC_COLUMNS_CASES", "80"))

Asked = tuple[str, Any]
Elements = list[Any]

INTEGERS: Elements = [0, 1, 2, 3, -4, 5, 6, 7]
PLAIN: Elements = [0, -1, 10**17, 10**18, -(10**19), "a", "b", "0", "long name of an element", True, False]
PLAIN += [None, [1, 2], [1, [2, "x"]], [], "é", "[1,2]"]
ODD: Elements = [0, 1.0, 1, -0.5, {"a": 1}, {"b": [1], "a": 2}, 'quoted "name"', "tab\tbed", [1.5], "a"]


def random_history(rng: random.Random, elements: Elements, asked: Callable[[random.Random, Elements], Asked],
                   answered: Callable[[random.Random, Elements, Asked], Any]) -> list[Operation]:  # fmt: skip
    """Up to five processes at once, ends as they fall, entries of a nemesis and with odd fields between."""
    entries: list[Operation] = []
    open_ones: dict[int, Asked] = {}
    fresh = 0
    for _ in range(rng.choice([0, 1, 5, 30, 60])):
        time = len(entries) * 700_000 if rng.random() < 0.95 else -1
        if rng.random() < 0.05:
            entries.append(Operation(time=time, process="nemesis", type="info", f="start", value=["n1"]))
        elif len(open_ones) < 5 and rng.random() < 0.55:
            ask = asked(rng, elements)
            open_ones[fresh] = ask
            entries.append(Operation(time=time, process=fresh, type="invoke", f=ask[0], value=ask[1]))
            fresh += 1
        elif open_ones:
            process = rng.choice(list(open_ones))
            f, value = open_ones.pop(process)
            kind = rng.choices(("ok", "info", "fail"), (8, 1, 1))[0]
            result = answered(rng, elements, (f, value)) if kind == "ok" else value
            extra = {"link": 3} if rng.random() < 0.05 else None
            entry = {"time": time, "process": process, "type": kind, "f": f, "value": result, "extra": extra}
            entries.append(Operation(**entry))
        elif rng.random() < 0.1:  # A transcript holds completions alone.
            ask = asked(rng, elements)
            entries.append(
                Operation(time=time, process=10_000, type="ok", f=ask[0], value=answered(rng, elements, ask))
            )
    return entries


def some(rng: random.Random, elements: Elements) -> Elements:
    shown = [element for element in elements if rng.random() < 0.7]
    return shown + rng.choices(["stranger", -7, *elements], k=rng.choice([0, 0, 0, 1, 3]))


def ask_set(rng: random.Random, elements: Elements) -> Asked:
    return ("add", rng.choice(elements)) if rng.random() < 0.6 else ("read", None)


def answer_set(rng: random.Random, elements: Elements, asked: Asked) -> Any:
    if asked[0] == "add":
        return asked[1]
    return some(rng, elements) if rng.random() < 0.95 else rng.choice([None, 5, "x", {"a": 1}])


def ask_queue(rng: random.Random, elements: Elements) -> Asked:
    if rng.random() < 0.55:
        return "enqueue", rng.choice(elements)
    return rng.choice(["dequeue", "dequeue", "drain", "size"]), None


def answer_queue(rng: random.Random, elements: Elements, asked: Asked) -> Any:
    if asked[0] == "enqueue":
        return asked[1]
    if asked[0] == "drain":
        return some(rng, elements)[: rng.randint(0, 3)] if rng.random() < 0.9 else None
    return rng.choice([*elements, "stranger"])


def ask_counter(rng: random.Random, elements: Elements) -> Asked:
    if rng.random() < 0.6:
        return rng.choice(["add", "add", "increment", "decrement"]), rng.choice([None, *elements])
    return "read", None


def answer_counter(rng: random.Random, elements: Elements, asked: Asked) -> Any:
    if asked[0] == "read":
        return rng.choice([rng.randint(-9, 20), *elements])
    return asked[1] if rng.random() < 0.9 else 1  # What was asked for counts, not what was answered.


def ask_id(rng: random.Random, elements: Elements) -> Asked:
    return "generate", None


def answer_id(rng: random.Random, elements: Elements, asked: Asked) -> Any:
    return rng.choice([*elements, *range(100, 140)])


def answer_same(rng: random.Random, elements: Elements, asked: Asked) -> Any:
    return asked[1]


WORKLOADS: list[tuple[str, dict[str, Any], Any, Any]] = [
    ("set", {}, ask_set, answer_set),
    ("set-full", {}, ask_set, answer_set),
    ("set-full", {"linearizable?": True}, ask_set, answer_set),
    ("queue", {}, ask_queue, answer_queue),
    ("total-queue", {}, ask_queue, answer_queue),
    ("counter", {}, ask_counter, answer_counter),
    ("counter", {"init": -5}, ask_counter, answer_counter),
    ("counter", {"init": 0.5}, ask_counter, answer_counter),
    ("unique-ids", {}, ask_id, answer_id),
    ("stats", {}, ask_queue, answer_same),
]


def small_sizes(monkeypatch: pytest.MonkeyPatch, case: int) -> None:
    """Let small histories have many blocks and parts, counts that outgrow a byte, and too many kinds."""
    monkeypatch.setattr(numbering, "BLOCK", (1, 2, 5, 1 << 16)[case % 4])
    monkeypatch.setattr(sorted_out, "PART", (1, 8, 1 << 16)[case % 3])
    monkeypatch.setattr(client_columns, "FEW", (1, 255)[case % 2])
    for module in (numbering, queue_columns, set_columns):
        monkeypatch.setattr(module, "WIDTHS", ((np.uint8, (2, 255)[case % 2]), (np.int32, 1 << 31)))


@pytest.mark.parametrize("elements", [INTEGERS, PLAIN, ODD], ids=["integers", "plain", "odd"])
@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda one: f"{one[0]} {list(one[1].values())}")
def test_columns_answer_as_operations_do(
    workload: tuple[str, dict[str, Any], Any, Any],
    elements: Elements,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name, options, asked, answered = workload
    ways: list[bool] = []
    judged = client_columns.in_columns

    def noted(history: History, judge: Any) -> Any:
        found = judged(history, judge)
        ways.append(found is not None)
        return found

    monkeypatch.setattr(client_columns, "in_columns", noted)
    rng = random.Random(f"{name} {options} {len(elements)}")
    for case in range(CASES):
        small_sizes(monkeypatch, case)
        entries = random_history(rng, elements, asked, answered)
        wanted = check(History(entries), name, options)
        assert check(History(Table.from_history(entries)), name, options) == wanted, entries
        file = tmp_path / "h.jsonl"
        file.write_bytes(b"".join(msgspec.json.encode(entry) + b"\n" for entry in entries))
        table = read_table(file, Notation.JSON_LINES)
        assert table is not None
        assert check(History(table), name, options) == wanted, entries
    if elements is INTEGERS or (elements is PLAIN and name != "counter"):
        # Rows with odd fields are objects, and their maps may be: then the way is left.
        assert ways.count(True) > 0.9 * len(ways) or options.get("init") == 0.5


BUGS = [
    ("set", "set_columns", "LOST if best[at] == DONE else 0", "LOST"),
    ("set", "set_columns", "reads.latest()", "-1"),
    ("set", "set_columns", "seen > 1", "seen > 2"),
    ("set", "set_columns", "tags == best[numbers]", "tags > 0"),
    ("set", "set_columns", "[certain][first]", "[certain][first - 1]"),
    ("set-full", "set_full_columns", "stable & (known < absent)", "stable & (known > absent)"),
    ("set-full", "set_full_columns", "begun[at] < ended:", "True:"),
    ("set-full", "set_full_columns", "trace.strange_read[element] != read", "True"),
    ("set-full", "set_full_columns", "min(known[element], ended)", "ended"),
    ("set-full", "set_full_columns", ">= trace.often[element]", "> trace.often[element]"),
    ("queue", "queue_columns", "(PUT, PUT, 0, PUT)", "(PUT, PUT, PUT, 0)"),
    ("queue", "queue_columns", "inside[at] -= 1", "pass"),
    (
        "queue",
        "queue_columns",
        "in_order_of_rows(cells_of(",
        "(lambda cells: cells)(cells_of(",
    ),
    ("total-queue", "queue_columns", "[OPEN, INFO]", "[INFO]"),
    ("total-queue", "queue_columns", "known = attempted > 0", "known = acknowledged > 0"),
    ("total-queue", "queue_columns", "PUT | DONE", "PUT"),
    ("counter", "counter_columns", "amount = -amount", "pass"),
    ("counter", "counter_columns", "start + walk.up[client]", "start + sums[DONE_UP]"),
    ("counter", "counter_columns", "- walk.down[client]", "- sums[BEGUN_DOWN]"),
    ("counter", "counter_columns", "walk.every.begun[at], sums", "row, sums"),
    ("unique-ids", "id_columns", "-counts[twice]", "counts[twice]"),
    ("unique-ids", "id_columns", "< PROOF", "< 1"),
    ("unique-ids", "extremes", "elif _less(pages, kind, found[MOST_ROW], row)", "elif False"),
    ("stats", "outcome_columns", "clients.begun[operation]", "clients.ended[operation]"),
]


@pytest.mark.parametrize(("name", "module", "right", "wrong"), BUGS)
def test_a_difference_is_noticed(
    name: str, module: str, right: str, wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Columns with this bug differ from operations somewhere. (Its kernels are run as plain Python.)"""
    damaged = importlib.import_module(f"checker.classic.{module}")
    source = Path(str(damaged.__file__)).read_text(encoding="utf-8")
    assert right in source, "the place to damage has moved"
    names: dict[str, Any] = {"__name__": damaged.__name__}
    with monkeypatch.context() as plain:
        plain.setattr(kernel, "njit_uncounted", lambda function: function)
        exec(compile(source.replace(right, wrong), module, "exec"), names)
    for each, value in names.items():
        if not each.startswith("__"):
            monkeypatch.setattr(damaged, each, value)
    _, options, asked, answered = next(each for each in WORKLOADS if each[0] == name)
    rng = random.Random(name)
    for _ in range(1500):
        entries = random_history(rng, INTEGERS, asked, answered)
        if check(History(Table.from_history(entries)), name, options) != check(
            History(entries), name, options
        ):
            return
    pytest.fail("nobody noticed")


def test_a_sample_of_many_is_the_same() -> None:
    """Above a thousand elements the least are told; integers are then chosen without objects."""
    rng = random.Random(1)
    for element in (lambda n: n, str, lambda n: n if n % 3 else str(n)):
        values = [element(n) for n in rng.sample(range(-2000, 4000), 3000)]
        entries = [Operation(process=0, type="ok", f="add", value=value) for value in values]
        entries.append(Operation(process=0, type="ok", f="read", value=values[:2500]))
        wanted = check(History(entries), "set")
        assert check(History(Table.from_history(entries)), "set") == wanted
        assert len(wanted.stats["ok"]) == 1000


def test_the_least_and_the_greatest_string_are_the_same() -> None:
    """One may begin with another, and what follows there may be less than the quote that ends it."""
    rng = random.Random(2)
    letters = ["a", "b", " ", "!", "#", "é", "\uffff", "\U0001f600"]
    for _ in range(300):
        values: Elements = [
            "".join(rng.choices(letters, k=rng.randint(0, 3))) for _ in range(rng.randint(1, 6))
        ]
        entries = [Operation(process=0, type="ok", f="generate", value=value) for value in values]
        wanted = check(History(entries), "unique-ids")
        assert check(History(Table.from_history(entries)), "unique-ids") == wanted
        assert wanted.stats["range"] == [min(values), max(values)]


def test_columns_do_not_keep_the_history() -> None:
    """Otherwise large histories pile up until the garbage collector comes by."""
    entries = [Operation(process=0, type="ok", f="add", value=1)]
    history = History(Table.from_history(entries))
    for name in ("set", "queue", "counter", "unique-ids", "stats"):
        check(history, name)
    left = weakref.ref(history)
    gc.disable()
    try:
        del history
        assert left() is None
    finally:
        gc.enable()
