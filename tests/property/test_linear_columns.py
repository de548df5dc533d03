"""The linearizability checker gives one answer, whether a history is a list of operations or columns."""

import os
import random
from typing import Any

import pytest

from checker import kernel
from checker.history import History
from checker.linear import checker
from checker.operation import Operation
from checker.verdict import Validity
from tests.property.linear_objects import generated

CASES = int(os.environ.get("SPLITBRAIN_ORACLE_CASES", "200"))

pytestmark = pytest.mark.skipif(not kernel.available(), reason="numba is not installed")


def keyed(parts: list[History], rng: random.Random, form: str) -> list[Operation]:
    """Histories of several keys in one; the key is a field, or with the option independent in the value."""
    found: list[Operation] = []
    queues = [list(part) for part in parts]
    while any(queues):
        key = rng.choice([at for at, queue in enumerate(queues) if queue])
        o = queues[key].pop(0)
        value = [key, o.value] if form == "pair" else o.value
        process = 1000 * key + int(o.process)
        found.append(
            Operation(
                process=process, type=o.type, f=o.f, value=value, key=f"k{key}" if form == "key" else None
            )
        )
    return found


def dressed(value: Any, dress: str, rng: random.Random) -> Any:
    """The same value in another kind, so that not only integers are met."""
    if isinstance(value, list):
        return [dressed(item, dress, rng) for item in value]
    if isinstance(value, bool) or not isinstance(value, int):
        return value
    return {"int": value, "text": f"v{value}", "bool": value > 1, "float": float(value)}[dress]


def outcome(operations: Any, options: dict[str, Any]) -> Any:
    """The verdict, or the complaint."""
    try:
        verdict = checker.check(History(operations), options)
    except ValueError as error:
        return str(error)
    return verdict.validity, verdict.reason, verdict.anomalies, verdict.stats


@pytest.mark.parametrize("model", ["register", "cas-register", "fifo-queue", "set", "kv", "counter", "mutex"])
def test_columns_and_operations_get_one_answer(model: str) -> None:
    from checker.table import Table

    rng = random.Random(f"columns {model}")
    columnar = 0
    found = {Validity.VALID: 0, Validity.INVALID: 0}
    for _ in range(CASES):
        form = rng.choice(["one", "key", "pair"])
        parts = [generated(model, rng, rng.random() < 0.7) for _ in range(1 if form == "one" else 3)]
        if form == "pair":
            # Without a completion there is no key in it either.
            parts = [History(o for o in part if o.type != "info") for part in parts]
        dress = rng.choice(["int", "int", "int", "text", "bool", "float"]) if model != "counter" else "int"
        operations = list(parts[0]) if form == "one" else keyed(parts, rng, form)
        rows = [
            Operation(process=o.process, type=o.type, f=o.f, key=o.key, value=dressed(o.value, dress, rng))
            for o in operations
        ]
        init = rng.choice([None, None, 0, "v0"]) if "register" in model else None
        options = {
            "model": model,
            "init": init,
            "independent": form == "pair",
            **({"failed-cas": rng.choice(["ignore", "observe"])} if model == "cas-register" else {}),
        }
        table = Table.from_history(History(rows))
        columnar += History(table).table is not None
        expected = outcome(rows, options)
        assert outcome(table, options) == expected, (options, rows)
        if isinstance(expected, tuple):
            found[expected[0]] += 1
    assert columnar > CASES // 2
    assert min(found.values()) > CASES // 20, found


def test_what_has_no_column_is_declined_and_judged_all_the_same() -> None:
    from checker.linear.columnar import sifted
    from checker.linear.models import CasRegister
    from checker.table import Table

    rows = [
        Operation(process=0, type="invoke", f="write", value=2.5),
        Operation(process=0, type="ok", f="write", value=2.5),
        Operation(process=0, type="invoke", f="read"),
        Operation(process=0, type="ok", f="read", value=2),
    ]
    history = History(Table.from_history(History(rows)))
    assert sifted(history, CasRegister(None), False, 10, 10) is None
    assert checker.check(history, {}).validity is Validity.INVALID


def plain_queue(rng: random.Random) -> list[Operation]:
    """Six values go in and come out, sometimes in a wrong order; every operation by a client of its own."""
    out = list(range(6))
    if rng.random() < 0.6:
        at = rng.randrange(5)
        out[at], out[at + 1] = out[at + 1], out[at]
    moments = [(2.0 * value, "enqueue", value) for value in range(6)]
    moments += [(3 + 2.0 * at, "dequeue", value) for at, value in enumerate(out)]
    entries = []
    for client, (moment, f, value) in enumerate(moments):
        asked = value if f == "enqueue" else None
        entries.append(
            (moment - 2 * rng.random(), Operation(process=client, type="invoke", f=f, value=asked))
        )
        entries.append((moment + 2 * rng.random(), Operation(process=client, type="ok", f=f, value=value)))
    return list(History(operation for _, operation in sorted(entries, key=lambda entry: entry[0])))


@pytest.mark.parametrize("model", ["register", "fifo-queue"])
def test_of_a_large_plain_history_the_proof_alone_is_told(
    model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from checker.linear import columnar
    from checker.linear.models import load
    from checker.table import Table

    monkeypatch.setattr(checker, "SHORTENED", 0)
    rng, proofs = random.Random(f"proof {model}"), 0
    for _ in range(3 * CASES):
        rows = list(generated(model, rng, False)) if model == "register" else plain_queue(rng)
        table = Table.from_history(History(rows))
        found = columnar.sifted(History(table), load(model, None, "ignore"), False, 0, 0)
        expected, verdict = (checker.check(History(kind), {"model": model}) for kind in (rows, table))
        assert verdict.validity is expected.validity
        if found is None or not found.proof:
            continue
        proofs += 1
        (anomaly,) = verdict.anomalies
        alone = [rows[at] for at in anomaly.operations]
        assert checker.check(History(alone), {"model": model}).validity is Validity.INVALID, rows
    assert proofs > CASES // 20


@pytest.mark.parametrize("damage", [False, True])
def test_a_long_history_with_duplicate_values_is_searched_in_columns(
    damage: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from checker.table import Table

    rng = random.Random(5)
    rows: list[Operation] = []
    value: Any = None
    for at in range(300):
        process, new = at % 3, rng.randrange(3)
        f, argument = rng.choice([("read", None), ("write", new), ("cas", [value, new])])
        rows.append(Operation(process=process, type="invoke", f=f, value=argument))
        result = value if f == "read" else argument
        if damage and at > 200 and f == "read":
            damage, result = False, 7
        rows.append(Operation(process=process, type="ok", f=f, value=result))
        value = new if f != "read" else value
    monkeypatch.setattr(checker, "SEARCHED", 10)
    table = Table.from_history(History(rows))
    expected = Validity.INVALID if any(o.value == 7 for o in rows) else Validity.VALID
    verdicts = [checker.check(History(kind), {}) for kind in (rows, table)]
    assert [verdict.validity for verdict in verdicts] == [expected, expected]
    assert verdicts[0].reason == verdicts[1].reason


def test_a_plain_register_leaves_out_failed_writes_and_reads_that_tell_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from checker.table import Table

    monkeypatch.setattr(checker, "SHORTENED", 0)

    def validity(*steps: tuple[str, Any, Any, Any]) -> Validity:
        rows = [
            Operation(process=0, type=kind, f=f, value=value)  # type: ignore[arg-type]
            for f, end, asked, answer in steps
            for kind, value in (("invoke", asked), (end, answer))
        ]
        table = Table.from_history(History(rows))
        return checker.check(History(table), {"model": "register", "init": 0}).validity

    write, failed = ("write", "ok", 1, 1), ("write", "fail", 2, 2)
    assert validity(write, failed, ("read", "ok", None, 1)) is Validity.VALID
    assert validity(write, failed, ("read", "ok", None, 2)) is Validity.INVALID
    assert validity(write, ("read", "ok", None, None)) is Validity.VALID


def test_of_a_large_history_that_is_searched_the_open_calls_alone_are_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where the states cannot be found they tell all that the whole history would."""
    from checker.linear import columnar, compiled, kernel_guesses
    from checker.linear.models import load
    from checker.table import Table

    rows_for = kernel_guesses.rows_for
    for name in ("SEARCHED", "SHORTENED"):
        monkeypatch.setattr(checker, name, 0)
    monkeypatch.setattr(compiled, "AT_ONCE", 0)
    monkeypatch.setattr(compiled, "EXPLAINED", 1)
    monkeypatch.setattr(
        kernel_guesses, "rows_for", lambda levels, most: 1 if most == 1 else rows_for(levels, most)
    )
    rng, dead_ends = random.Random("open only"), 0
    for _ in range(5 * CASES):
        rows = list(generated("cas-register", rng, False, calls_max=12, clients_max=4))
        table = Table.from_history(History(rows))
        found = columnar.sifted(History(table), load("cas-register", None, "ignore"), False, 0, 0)
        expected, verdict = (checker.check(History(kind), {}) for kind in (rows, table))
        assert verdict.validity is expected.validity, rows
        if found is not None and any(found.open_only):
            dead_ends += 1
            assert (verdict.anomalies, verdict.stats) == (expected.anomalies, expected.stats), rows
    assert dead_ends > CASES // 10
