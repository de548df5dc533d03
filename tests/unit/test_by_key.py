"""Classic checkers judge each key alone, in columns and in operations, and say so."""

import json
from pathlib import Path
from typing import Any

import pytest

import checker
from checker import by_key, kernel, registry
from checker.history import History
from checker.operation import Operation
from checker.verdict import Validity
from splitbrain.checking import main

Step = tuple[str, str, Any, Any]
"""Key, f, argument, result."""

GOOD: list[Step] = [
    ("x", "add", 1, 1),
    ("y", "add", 2, 2),
    ("x", "read", None, [1]),
    ("y", "read", None, [2]),
]
BAD: list[Step] = [("x", "add", 1, 1), ("y", "add", 2, 2), ("x", "read", None, [1]), ("y", "read", None, [])]


def entries(steps: list[Step]) -> list[Operation]:
    found = []
    for client, (key, f, asked, answer) in enumerate(steps):
        found.append(Operation(process=client, type="invoke", f=f, value=asked, key=key))
        found.append(Operation(process=client, type="ok", f=f, value=answer, key=key))
    return found


def kinds(rows: list[Operation]) -> list[History]:
    """The history as operations, and where that is possible as columns."""
    plain = History(rows)
    if not kernel.available():
        return [plain]
    from checker.table import Table

    return [plain, History(Table.from_history(plain))]


@pytest.mark.parametrize("name", ["set", "set-full"])
def test_a_set_of_each_key_has_its_own_elements(name: str) -> None:
    for history in kinds(entries(GOOD)):
        verdict = registry.check(history, name)
        assert verdict.validity is Validity.VALID, verdict.reason
        assert verdict.stats["keys"] == 2
    for history in kinds(entries(BAD)):
        verdict = registry.check(history, name)
        assert verdict.validity is Validity.INVALID
        assert verdict.reason.startswith("1 of 2 keys; key y: ")
        (anomaly,) = verdict.anomalies
        assert (anomaly.type, anomaly.key) == ("lost", "y")
        assert set(anomaly.operations) >= {2, 3}, "the entries of the whole history, not of the part"
        assert verdict.stats["failures"] == ["y"]
        assert verdict.stats["results"]["x"]["valid"] is True


def test_a_completion_belongs_to_the_key_of_its_invocation() -> None:
    rows = [
        Operation(process=0, type="invoke", f="add", value=1, key="x"),
        Operation(process=0, type="info", f="add", value=1),
        Operation(process=1, type="invoke", f="add", value=2),
        Operation(process=1, type="ok", f="add", value=2),
    ]
    for history in kinds(rows):
        found = {key: [o.index for o in part] for key, part in by_key.parts(history)}
        assert found == {"x": [0, 1], "": [2, 3]}


def test_the_worst_key_decides_and_an_unknown_one_is_no_pass() -> None:
    steps: list[Step] = [("x", "add", 1, 1), ("x", "read", None, [1]), ("y", "add", 2, 2)]
    for history in kinds(entries(steps)):
        verdict = registry.check(history, "set")
        assert verdict.validity is Validity.UNKNOWN
        assert verdict.stats["failures"] == ["y"]


def test_independent_tuples_are_taken_apart_for_classic_checkers(tmp_path: Path) -> None:
    path = tmp_path / "h.jsonl"
    lines = [
        {"process": o.process, "type": o.type, "f": o.f, "value": [o.key, o.value]} for o in entries(GOOD)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert main([str(path), "--checker", "set-full", "--independent"]) == 0


def test_python_flags_and_options_have_their_names() -> None:
    pair = [
        Operation(process=0, type="invoke", f="write", value=["k", 1]),
        Operation(process=0, type="ok", f="write", value=["k", 1]),
    ]
    assert checker.check(pair, "register", independent=True).validity is Validity.VALID
    read = [
        Operation(process=1, type="invoke", f="read"),
        Operation(process=1, type="ok", f="read", value=[]),
    ]
    assert checker.check(read, "set-full", linearizable=True).validity is not Validity.INVALID


@pytest.mark.parametrize("name", ["linearizable", "queue", "total-queue", "read-committed", "serializable"])
def test_where_no_client_did_anything_nothing_was_tested(name: str) -> None:
    nemesis = Operation(process="nemesis", type="info", f="partition")
    for rows in ([], [nemesis]):
        verdict = registry.check(History(rows), name)
        assert verdict.validity is Validity.UNKNOWN
        assert verdict.reason == registry.UNTESTED


def test_no_key_and_an_empty_one_are_two_objects_of_which_none_is_forgotten() -> None:
    rows = [Operation(process=0, type=kind, f="add", value=1, key=None) for kind in ("invoke", "ok")]
    rows += [
        Operation(process=client, type=kind, f="read", value=[], key=key)
        for client, key in ((1, None), (2, ""))
        for kind in ("invoke", "ok")
    ]
    for history in kinds(rows):
        verdict = registry.check(history, "set")
        assert verdict.validity is Validity.INVALID, "what was added without a key is lost"
        assert verdict.stats["keys"] == 2
