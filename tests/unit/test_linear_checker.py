"""The linearizability checker from outside: its options, its models, what it says of a failure."""

import json
from pathlib import Path
from typing import Any

import pytest

from checker.history import History
from checker.linear import checker, models
from checker.linear.call import calls_of
from checker.operation import Operation, OpType
from checker.verdict import Validity

Row = tuple[int, OpType, str, Any]


def history(*rows: Row) -> History:
    return History(
        Operation(process=process, type=kind, f=f, value=value) for process, kind, f, value in rows
    )


def sequence(*calls: tuple[str, Any, Any]) -> History:
    """One client, one call after the other: f, argument, answer."""
    rows: list[Row] = []
    for f, argument, answer in calls:
        rows += [(0, "invoke", f, argument), (0, "ok", f, answer)]
    return history(*rows)


def valid(found: History, **options: Any) -> bool:
    verdict = checker.check(found, {name.replace("_", "-"): value for name, value in options.items()})
    json.dumps(verdict.stats)
    return verdict.validity is Validity.VALID


STALE = history(
    (0, "invoke", "write", 1),
    (0, "ok", "write", 1),
    (1, "invoke", "write", 4),
    (2, "invoke", "read", None),
    (2, "ok", "read", 3),
    (1, "ok", "write", 4),
)


def test_a_failure_says_what_was_open_and_what_the_state_could_be() -> None:
    verdict = checker.check(STALE, {"model": "register"})
    (anomaly,) = verdict.anomalies
    assert anomaly.sentence == (
        "the read of 3 by client 2 (entries 3 to 4) fits nowhere: no order of it with the operations open "
        "then (the write of 4 by client 1) lets it return 3; at that point the register could only be 1 or 4"
    )
    assert anomaly.operations == (2, 3, 4, 5)
    (details,) = verdict.stats["failures"]
    assert details["prefix"] == 4
    assert details["states"] == [1, 4]
    assert [call["entries"] for call in details["stuck"]] == [[3, 4]]
    assert [[step["state"] for step in path] for path in details["paths"]] == [[1], [1, 4]]


def test_the_prefix_is_the_shortest_that_fails() -> None:
    verdict = checker.check(STALE, {"model": "register"})
    prefix = verdict.stats["failures"][0]["prefix"]
    assert not valid(History(STALE[: prefix + 1]), model="register")
    assert valid(History(STALE[:prefix]), model="register")


def test_a_crashed_write_may_happen_late_or_never() -> None:
    crashed: list[Row] = [(0, "invoke", "write", 1), (0, "info", "write", 1)]
    seen: list[Row] = [(1, "invoke", "read", None), (1, "ok", "read", 1)]
    missed: list[Row] = [(1, "invoke", "read", None), (1, "ok", "read", None)]
    assert valid(history(*crashed, *seen), model="register")
    assert valid(history(*crashed, *missed, *missed), model="register")
    assert valid(history(*crashed, *missed, *seen), model="register")
    assert not valid(history(*crashed, *seen, *missed), model="register")


def test_a_failed_cas_is_evidence_only_on_request() -> None:
    failed = history((0, "invoke", "cas", [0, 1]), (0, "fail", "cas", [0, 1]))
    assert valid(failed, init=0)
    assert not valid(failed, init=0, failed_cas="observe")


def test_nil_is_unknown_in_a_register_that_is_never_empty() -> None:
    assert valid(sequence(("read", None, None)), init=0)
    assert not valid(sequence(("write", 1, 1), ("read", None, None)))


def test_true_is_not_one() -> None:
    assert not valid(sequence(("write", True, True), ("read", None, 1)), model="register")


def test_independent_keys_have_registers_of_their_own() -> None:
    both = sequence(("write", ["x", 1], ["x", 1]), ("read", ["y", None], ["y", None]))
    assert valid(both, model="register", independent=True)
    wrong = sequence(("write", ["x", 1], ["x", 1]), ("read", ["x", None], ["x", None]))
    verdict = checker.check(wrong, {"model": "register", "independent": True})
    assert verdict.anomalies[0].key == "x"
    with pytest.raises(
        ValueError, match=r"entry 0: with the option independent every value is \[key, value\]"
    ):
        valid(sequence(("write", 1, 1)), model="register", independent=True)


@pytest.mark.parametrize(
    ("model", "good", "bad"),
    [
        ("mutex", [("acquire", None, None), ("release", None, None)], [("release", None, None)]),
        ("kv", [("append", "a", "a"), ("get", None, "a")], [("append", "a", "a"), ("get", None, "")]),
        (
            "fifo-queue",
            [("enqueue", 1, 1), ("enqueue", 2, 2), ("dequeue", None, 1)],
            [("enqueue", 1, 1), ("enqueue", 2, 2), ("dequeue", None, 2)],
        ),
        ("set", [("add", 1, 1), ("read", None, [1])], [("add", 1, 1), ("read", None, [])]),
        ("counter", [("add", 2, 2), ("read", None, 2)], [("add", 2, 2), ("read", None, 1)]),
        ("multi-register", [("txn", [["r", "x", None]], [["r", "x", 1]])], [("txn", [], [["r", "x", 2]])]),
    ],
)
def test_models(model: str, good: Any, bad: Any) -> None:
    init = {"x": 1} if model == "multi-register" else None
    assert valid(sequence(*good), model=model, init=init)
    assert not valid(sequence(*bad), model=model, init=init)


def test_a_model_of_ones_own(tmp_path: Path) -> None:
    source = tmp_path / "stack.py"
    source.write_text(
        "class Stack:\n"
        "    init = ()\n"
        "    def step(self, state, call):\n"
        "        if call.f == 'push':\n"
        "            return True, (*state, call.value)\n"
        "        return bool(state) and state[-1] == call.result, state[:-1]\n"
    )
    name = f"{source}:Stack"
    assert valid(sequence(("push", 1, 1), ("push", 2, 2), ("pop", None, 2)), model=name)
    assert not valid(sequence(("push", 1, 1), ("push", 2, 2), ("pop", None, 1)), model=name)
    with pytest.raises(ValueError, match="defines no Heap"):
        valid(sequence(), model=f"{source}:Heap")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"modle": "register"}, "linearizable has no option 'modle'; it has model, init"),
        ({"model": "regster"}, "no model is called 'regster'; there are register, cas-register"),
        ({"model": "nowhere.py:Model"}, "there is no file nowhere.py"),
        ({"failed-cas": "maybe"}, "failed-cas is 'ignore' or 'observe', not 'maybe'"),
    ],
)
def test_wrong_options_are_named(options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        checker.check(sequence(), options)


def test_an_operation_that_the_model_does_not_have() -> None:
    with pytest.raises(
        ValueError, match="entry 0: this model has no operation 'push'; it has cas, read, write"
    ):
        valid(sequence(("push", 1, 1)))


def test_a_hard_history_goes_to_the_rules_and_says_who_contradicts_whom() -> None:
    model = models.load("register", None, "ignore")
    rows = history(
        (0, "invoke", "write", 1),
        (0, "ok", "write", 1),
        (1, "invoke", "write", 2),
        (1, "ok", "write", 2),
        (2, "invoke", "read", None),
        (2, "ok", "read", 1),
    )
    failure, _ = checker.judge(model, None, calls_of(rows.pairs(), False, model.keeps), tried_max=0)
    assert failure is not None
    anomaly, details = failure
    assert "could only be 2; the contradiction is that it must have held 1" in anomaly.sentence
    assert "yet it held 2 between" in anomaly.sentence
    assert details["states"] == [2]
    assert anomaly.operations == (0, 1, 2, 3, 4, 5)
    assert details["prefix"] == 5


def test_a_completion_without_invocation_began_before_everything() -> None:
    rows = history((0, "ok", "write", 1), (1, "invoke", "read", None), (1, "ok", "read", None))
    assert not valid(rows, model="register")
    rows = history((1, "invoke", "read", None), (1, "ok", "read", None), (0, "ok", "write", 1))
    assert valid(rows, model="register")


def test_a_model_of_ones_own_may_look_at_the_key(tmp_path: Path) -> None:
    """One partition of two keys: put x and put y do the same thing, but for the key."""
    path = tmp_path / "both.py"
    path.write_text(
        "class Both:\n"
        "    init = ()\n"
        "    def step(self, state, call):\n"
        "        values = dict(state)\n"
        "        if call.f == 'put':\n"
        "            values[call.key] = call.value\n"
        "            return True, tuple(sorted(values.items()))\n"
        "        return call.crashed or values.get(call.key) == call.result, state\n"
        "    def partition(self, calls):\n"
        "        return [calls]\n"
    )

    def rows(seen: int) -> list[Operation]:
        steps = [("put", "x", 1, 1), ("put", "y", 1, 1), ("get", "y", None, seen)]
        return [
            Operation(process=0, type=kind, f=f, key=key, value=value)  # type: ignore[arg-type]
            for f, key, asked, answer in steps
            for kind, value in (("invoke", asked), ("ok", answer))
        ]

    options = {"model": f"{path}:Both"}
    assert checker.check(History(rows(1)), options).validity is Validity.VALID
    verdict = checker.check(History(rows(2)), options)
    assert verdict.validity is Validity.INVALID
    assert "the state could only be" in verdict.reason


def test_what_no_get_can_tell_apart_is_no_value() -> None:
    """After a put of what nobody read, the state is told in words, and not as if it were a text."""
    rows = [
        Operation(process=0, type=kind, f=f, key="k", value=value)  # type: ignore[arg-type]
        for f, asked, answer in [("put", "a a", "a a"), ("append", "b", "b"), ("get", None, "c")]
        for kind, value in (("invoke", asked), ("ok", answer))
    ]
    verdict = checker.check(History(rows), {"model": "kv"})
    assert "could only be a value that no get returned" in verdict.reason
    assert verdict.stats["failures"][0]["states"] == ["a value that no get returned"]
