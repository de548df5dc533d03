"""Classic checkers judge columns as they judge operations: the same verdict, word for word.

Every random history is judged three times: as operations, as a table made of them, and as a table read from
a file by the compiled reader, where elements are compared as text.

CLASSIC_COLUMNS_CASES sets the number of histories per checker (default: some hundreds, for every day).
"""

import importlib
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

pytest.importorskip("numba")

from checker import kernel
from checker.classic import client_columns
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
    return rng.choice([rng.randint(-9, 20), *elements]) if asked[0] == "read" else asked[1]


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
    for _ in range(CASES):
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
    ("set", "set_columns", "acknowledged & ~there", "~there"),
    ("set", "set_columns", "clients.ended[reading].max(", "clients.ended[reading].min("),
    ("set", "set_columns", "seen > 1", "seen > 2"),
    ("set-full", "set_full_columns", "stable & (known < absent)", "stable & (known > absent)"),
    ("set-full", "set_full_columns", "begun[at] < ended:", "True:"),
    ("set-full", "set_full_columns", "trace.strange_read[element] != read", "True"),
    ("set-full", "set_full_columns", "min(known[element], ended)", "ended"),
    ("set-full", "set_full_columns", ">= trace.often[element]", "> trace.often[element]"),
    ("queue", "queue_columns", "outcome[of] == FAIL", "outcome[of] == INFO"),
    ("queue", "queue_columns", "inside[numbers[i]] -= 1", "pass"),
    ("total-queue", "queue_columns", "(clients.outcome == OPEN) |", "False |"),
    ("total-queue", "queue_columns", "attempted > 0", "acknowledged > 0"),
    ("counter", "counter_columns", "sign * np.where", "np.where"),
    ("counter", "counter_columns", "done[0][first]", "done[0][last]"),
    ("unique-ids", "id_columns", "-counts[twice]", "counts[twice]"),
    ("stats", "outcome_columns", "operations[0]", "operations[-1]"),
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
