"""Transactions from text to verdict without objects: the columns and answers are those by objects."""

import json
import random
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from checker import kernel
from checker.history import History
from checker.operation import Operation

if not kernel.available():
    pytest.skip("numba is not installed (extra: scale)", allow_module_level=True)

from checker.formats.columns import read_table
from checker.formats.detect import Notation
from checker.txn import list_append, rw_register
from checker.txn.columns import LIST, REGISTER, TxnColumns, columns_of
from checker.txn.tabled import columns_of_table

CASES = 150

KEYS: list[list[Any]] = [[1, 2, 3], ["x", "y", "ключ"], [1, "1", True, -5], ["a,b", "a]b", "[", 0.5]]
VALUES: list[Callable[[int], Any]] = [
    lambda n: n,
    lambda n: -n * 10**15,
    lambda n: f"v{n},]",
    lambda n: n + 0.5,
    lambda n: [n, f"{n}", n % 2 == 0][n % 3],
]


def entries(rng: random.Random, is_list: bool) -> list[Operation]:
    """Clients at work, with crashes, failures, stale and shuffled reads, and values written twice."""
    keys, value = rng.choice(KEYS), rng.choice(VALUES)
    state: dict[str, list[Any]] = {}
    made: list[Operation] = []
    running: dict[int, list[list[Any]]] = {}
    clients = [rng.choice([p, 10 * p, 10**9 + p]) for p in range(3)]
    for number in range(rng.randint(1, 40)):
        process = rng.choice(clients)
        if process in running:
            steps, kind = running.pop(process), rng.choices(["ok", "info", "fail"], [8, 1, 1])[0]
            told = rng.choice([None, [], steps]) if kind != "ok" else steps
            made.append(entry(process, kind, told))
        elif rng.random() < 0.95:
            steps = [step(rng, is_list, state, keys, value(rng.randint(0, 3 * number))) for _ in range(3)]
            del steps[rng.randint(0, 3) :]
            running[process] = steps
            made.append(
                entry(process, "invoke", [[s[0], s[1], None if s[0] == "r" else s[2]] for s in steps])
            )
        else:
            made.append(entry(10**6 + number, "ok", []))
    made.insert(rng.randrange(len(made)), entry("nemesis", "info", {"a": 1}))
    return made


def step(
    rng: random.Random, is_list: bool, state: dict[str, list[Any]], keys: list[Any], new: Any
) -> list[Any]:
    key = rng.choice(keys)
    held = state.setdefault(repr(key), [])
    if rng.random() < 0.5:
        held.append(new)
        return [LIST if is_list else REGISTER, key, new]
    if is_list:
        shown: Any = held[: rng.choice([len(held), len(held), rng.randint(0, len(held))])]
        if rng.random() < 0.1:
            rng.shuffle(shown)
    else:
        shown = rng.choice([None, new, *held])
    return ["r", key, shown if shown != [] or rng.random() < 0.5 else None]


def entry(process: Any, kind: Any, value: Any) -> Operation:
    return Operation(process=process, type=kind, f="txn", value=value)


def tabled(path: Path, operations: list[Operation]) -> History:
    """The history as the compiled reader reads it."""
    path.write_text(
        "".join(
            json.dumps({"process": o.process, "type": o.type, "f": o.f, "value": o.value}) + "\n"
            for o in operations
        ),
        encoding="utf-8",
    )
    table = read_table(path, Notation.JSON_LINES)
    assert table is not None
    return History(table)


def plainly(columns: TxnColumns) -> dict[str, Any]:
    """Everything as lists; what was read one by one, for how lists are kept may differ."""
    made: dict[str, Any] = {}
    for field in fields(columns):
        column = getattr(columns, field.name)
        made[field.name] = column if isinstance(column, int) else list(column)
    lists = zip(made.pop("list_starts"), made.pop("list_ends"), strict=True)
    elements = made.pop("elements")
    return made | {"lists": [[int(e) for e in elements[low:high]] for low, high in lists]}


@pytest.mark.parametrize("is_list", [True, False], ids=["list-append", "rw-register"])
def test_a_table_gives_the_columns_and_the_answers_that_objects_give(tmp_path: Path, is_list: bool) -> None:
    checker, write = (list_append, LIST) if is_list else (rw_register, REGISTER)
    options = {} if is_list else dict.fromkeys(rw_register.ASSUMPTIONS, True)
    columnar = 0
    for seed in range(CASES):
        operations = entries(random.Random(seed), is_list)
        history = tabled(tmp_path / "history.jsonl", operations)
        if history.table is None:
            continue  # A client contradicts itself: nobody keeps such a history in columns.
        columns = columns_of_table(history, write)
        assert columns is not None, operations
        expected = History(operations)
        assert plainly(columns) == plainly(columns_of(expected, write)), operations
        assert checker.check(history, options) == checker.check(expected, options), operations
        columnar += 1
    assert columnar > CASES // 2


FORMS = {
    "nested": [["r", "x", None], ["append", "x", [1]]],
    "nested key": [["append", ["x"], 1]],
    "nil written": [["append", "x", None]],
    "nil as a key": [["append", None, 1]],
    "two notations": [["append", "x", 1], ["append", "x", 1.0]],
    "a map": {"append": 1},
}


@pytest.mark.parametrize("value", FORMS.values(), ids=FORMS)
def test_values_of_other_forms_go_through_objects(tmp_path: Path, value: Any) -> None:
    operations = [entry(0, "invoke", []), entry(0, "ok", value)]
    history = tabled(tmp_path / "history.jsonl", operations)
    assert columns_of_table(history, LIST) is None
    if isinstance(value, dict):
        with pytest.raises(ValueError, match="no transaction"):
            list_append.check(history, {})
    else:
        assert list_append.check(history, {}) == list_append.check(History(operations), {})


@pytest.mark.parametrize("verb", ["w", "write", "append!", 1])
def test_other_verbs_are_refused_as_ever(tmp_path: Path, verb: Any) -> None:
    history = tabled(tmp_path / "history.jsonl", [entry(0, "invoke", []), entry(0, "ok", [[verb, "x", 1]])])
    with pytest.raises(ValueError, match="no step of a transaction"):
        list_append.check(history, {})


def test_one_text_in_two_spellings_is_one_value(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    lines = ['[["append","x","a"]]', '[["r","x",["\\u0061"]]]']
    path.write_text(
        "".join(f'{{"process":{p},"type":"ok","f":"txn","value":{v}}}\n' for p, v in enumerate(lines))
    )
    table = read_table(path, Notation.JSON_LINES)
    assert table is not None
    history = History(table)
    assert columns_of_table(history, LIST) is None
    assert list_append.check(history, {}).validity.name == "VALID"


def test_tables_grow(tmp_path: Path) -> None:
    """More keys, values, texts and elements than there is room for at first; many keys with equal values."""
    rows = []
    for verb in ("append", "r"):
        for first in range(0, 70_000, 1000):
            names = [(f"k{n}", n % 7) for n in range(first, first + 1000)]
            steps = [[verb, key, value if verb == "append" else [value]] for key, value in names]
            rows += [entry(0, "invoke", []), entry(0, "ok", steps)]
    history = tabled(tmp_path / "history.jsonl", rows)
    columns = columns_of_table(history, LIST)
    assert columns is not None
    assert plainly(columns) == plainly(columns_of(History(rows), LIST))


def test_edn_gives_the_same(tmp_path: Path) -> None:
    rng, path = random.Random(1), tmp_path / "history.edn"
    steps = [f"[:append :k{rng.randrange(9)} {n}]" for n in range(500)]
    steps += [
        f"[:r :k{rng.randrange(9)} ({' '.join(str(rng.randrange(9)) for _ in range(5))})]" for _ in steps
    ]
    path.write_text(
        "".join(f"{{:process {n % 9} :type :ok :f :txn :value [{s}]}}\n" for n, s in enumerate(steps))
    )
    table = read_table(path, Notation.EDN)
    assert table is not None
    columns = columns_of_table(History(table), LIST)
    assert columns is not None
    assert plainly(columns) == plainly(columns_of(History(list(table)), LIST))
