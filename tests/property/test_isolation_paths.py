"""Two ways to one verdict: interpreted and compiled kernels, lists of operations and tables.

Not only the answers are the same but the whole verdicts: anomalies, sentences, figures.  Histories come from
Hypothesis (small, and shrunk when something is found) and from the generators of the other tests.
"""

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from checker import kernel
from checker.history import History
from checker.isolation import cells, commit_order, engine, orders, saturation
from checker.isolation.columns import READ, WRITE, TransactionColumns, columns_of
from checker.isolation.engine import Compiled, Engine, Interpreted
from checker.isolation.facts import ABOUT, WRITER, facts_of, resolve
from checker.isolation.groups import with_groups
from checker.isolation.latest import last_before
from checker.isolation.levels import LEVELS, check_columns
from checker.isolation.tabled import transactions_of
from checker.operation import Operation
from checker.verdict import Validity, Verdict
from tests.unit.isolation_script import (
    CHECKERS,
    Script,
    Sessions,
    drawn,
    history_of,
    replicated,
    scattered,
    simulated,
    snapshots,
)

T = TypeVar("T")

pytestmark = pytest.mark.skipif(not kernel.available(), reason="numba is not installed (the extra `scale`)")


@st.composite
def scripts(draw: st.DrawFn) -> Sessions:
    """Sessions whose writes are unique; a read sees nothing, some write, or a value of nobody."""
    outcomes = st.sampled_from(["ok", "ok", "ok", "ok", "info", "fail"])
    step = st.tuples(st.sampled_from("rw"), st.sampled_from("xyz"), st.integers(0, 5))
    shape = st.lists(st.tuples(outcomes, st.lists(step, min_size=1, max_size=4)), min_size=1, max_size=4)
    plan = draw(st.lists(shape, min_size=1, max_size=4))
    written: dict[str, list[int]] = {key: [] for key in "xyz"}
    value = 0
    for session in plan:
        for _, steps in session:
            for f, key, _ in steps:
                if f == "w":
                    value += 1
                    written[key].append(value)
    queues = {key: iter(values) for key, values in written.items()}
    result: Sessions = []
    for session in plan:
        line = []
        for outcome, steps in session:
            told: list[tuple[str, str, Any]] = []
            for f, key, choice in steps:
                seen = [None, *written[key], 999]
                told.append((f, key, next(queues[key]) if f == "w" else seen[choice % len(seen)]))
            line.append(Script(outcome, told))
        result.append(line)
    return result


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(scripts())
def test_both_engines_say_the_same(sessions: Sessions) -> None:
    columns = columns_of(history_of(sessions)).columns
    for name in LEVELS:
        plain = check_columns(columns, name, engine=Interpreted())
        assert check_columns(columns, name, engine=Compiled()) == plain, name


def test_both_engines_say_the_same_of_longer_histories() -> None:
    for seed in range(40):
        rng = Random(seed)
        kinds = (drawn, replicated, scattered, snapshots)
        sessions = simulated(rng, 5, 40) if seed % 5 == 4 else kinds[seed % 5](rng, 30)
        columns = columns_of(history_of(sessions, rng)).columns
        for name in LEVELS:
            plain = check_columns(columns, name, engine=Interpreted())
            assert check_columns(columns, name, engine=Compiled()) == plain, f"seed {seed}: {name}"


def long_session(seen: int) -> TransactionColumns:
    """One client writes x twice in the middle of very many transactions, after 5,000 of them. Another one saw
    the last of them, and then this x."""
    count, middle = 70_000, 5_000
    key = [0] * count
    key[middle] = key[middle + 1] = 1
    return TransactionColumns(
        session=[0] * count + [1],
        status=[0] * (count + 1),
        operation_start=[*range(count + 1), count + 2],
        kind=[WRITE] * count + [READ] * 2,
        key=[*key, 0, 1],
        version=[*range(count), count - 1, seen],
        sessions=2,
        keys=2,
        versions=count,
    )


@pytest.mark.parametrize("level", ["ccv", "serializable", "snapshot-isolation"])
def test_a_session_of_any_length_is_told_apart(level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """If numbers of transactions were cut off, the last one would be long before both writes of x."""
    old, new = long_session(5_000), long_session(5_001)
    assert check_columns(old, level, engine=Compiled()).validity is Validity.INVALID
    assert check_columns(new, level, engine=Compiled()).validity is Validity.VALID
    if level == "ccv":
        monkeypatch.setattr(engine, "NARROW", 2**31)
        assert check_columns(old, level, engine=Compiled()).validity is Validity.VALID, "nobody noticed"


def test_wide_and_narrow_clocks_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(12):
        rng = Random(seed)
        sessions = (drawn, replicated, scattered, snapshots)[seed % 4](rng, 30)
        columns = columns_of(history_of(sessions, rng)).columns
        for name in LEVELS:
            narrow = check_columns(columns, name, engine=Compiled())
            with monkeypatch.context() as patch:
                patch.setattr(engine, "NARROW", 0)
                assert check_columns(columns, name, engine=Compiled()) == narrow, f"seed {seed}: {name}"


def noting(function: Callable[..., T], answers: list[T]) -> Callable[..., T]:
    """The function, whose answers are noted."""

    def noted(*arguments: Any) -> T:
        answers.append(function(*arguments))
        return answers[-1]

    return noted


def test_an_order_before_all_is_known_changes_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[bool] = []
    early = noting(orders.Orders.is_nearly_settled, found)
    for seed in range(400):
        rng = Random(seed)
        sessions = (replicated, drawn, scattered, snapshots)[seed % 4](rng, 8)
        columns = columns_of(history_of(sessions, rng)).columns
        for name in ("serializable", "snapshot-isolation"):
            plain = check_columns(columns, name, engine=Interpreted())
            with monkeypatch.context() as patch:
                patch.setattr(orders, "FEW", 0)
                patch.setattr(orders.Orders, "is_nearly_settled", early)
                again = check_columns(columns, name, engine=Interpreted())
            assert again.validity == plain.validity, f"seed {seed}: {name}"
    assert any(found)
    assert not all(found)


def test_beginning_with_a_likely_order_changes_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[bool] = []
    likely = noting(orders.Orders.is_explained, tried)
    for seed in range(60):
        rng = Random(seed)
        sessions = simulated(rng, 4, 20) if seed % 3 == 0 else (replicated, snapshots)[seed % 2](rng, 15)
        columns = columns_of(history_of(sessions, rng)).columns
        plain = {name: check_columns(columns, name, engine=Interpreted()) for name in LEVELS}
        with monkeypatch.context() as patch:
            patch.setattr(commit_order, "COMPILED_FROM", 0)
            patch.setattr(commit_order, "MANY_SESSIONS", 0)
            patch.setattr(orders, "MANY_SESSIONS", 0)
            patch.setattr(orders.Orders, "is_explained", likely)
            for name in set(LEVELS) - {"serializable", "snapshot-isolation"}:
                assert check_columns(columns, name, engine=Interpreted()) == plain[name], f"{seed}: {name}"
    assert any(tried)
    assert not all(tried)


@pytest.mark.parametrize(
    ("where", "bounds", "alone"),
    [
        (cells, ("CELLS_AT_LEAST", "CELLS_PER_OPERATION"), "session_by_session"),
        (saturation, ("PENDING",), "session_by_session"),
        (saturation, ("SIGHTINGS",), "_sorted_sightings"),
        (saturation, ("LOOKS",), "_sorted_sightings"),
    ],
    ids=["cells", "pending", "sightings", "looks"],
)
@pytest.mark.parametrize("engine", [Interpreted(), Compiled()], ids=["interpreted", "compiled"])
def test_too_little_room_side_by_side_changes_no_verdict(
    where: Any, bounds: tuple[str, ...], alone: str, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sessions are walked one after the other then."""
    walked: list[Any] = []
    noted = noting(getattr(where, alone), walked)
    for seed in range(80):
        rng = Random(seed)
        sessions = (drawn, replicated, scattered, snapshots)[seed % 4](rng, 20)
        columns = columns_of(history_of(sessions, rng)).columns
        plain = {name: check_columns(columns, name, engine=engine).validity for name in LEVELS}
        with monkeypatch.context() as patch:
            for bound in bounds:
                patch.setattr(where, bound, -1)
            patch.setattr(where, alone, noted)
            for name in LEVELS:
                assert check_columns(columns, name, engine=engine).validity == plain[name], f"{seed}: {name}"
    assert walked


def interleaved(rng: Random, sessions: Sessions) -> list[Operation]:
    """The sessions side by side, as a harness records them: some completions are missing, some processes
    end, and the nemesis speaks in between."""
    waiting = [list(session) for session in sessions]
    begun: dict[int, Script] = {}
    entries: list[Operation] = []
    while any(waiting) or begun:
        at = rng.randrange(len(waiting))
        if at in begun:
            script = begun.pop(at)
            if script.outcome != "info" or rng.random() < 0.5 or waiting[at]:
                shown = asked_of(script) if script.outcome != "ok" else [list(s) for s in script.steps]
                entries.append(Operation(process=at, type=script.outcome, f="txn", value=shown))
        elif waiting[at]:
            begun[at] = waiting[at].pop(0)
            entries.append(Operation(process=at, type="invoke", f="txn", value=asked_of(begun[at])))
        elif rng.random() < 0.1:
            entries.append(Operation(process="nemesis", type="info", f="kill", value={"node": "n1"}))
    return entries


def asked_of(script: Script) -> list[Any]:
    """What was invoked: reads do not know yet what they will see."""
    return [[f, key, None if f == "r" else value] for f, key, value in script.steps]


def tabled(path: Path, entries: list[Operation]) -> History:
    """The same entries as a table, through the compiled reader."""
    from checker.formats.columns import read_table
    from checker.formats.detect import Notation

    path.write_bytes(b"".join(msgspec.json.encode(entry) + b"\n" for entry in entries))
    table = read_table(path, Notation.JSON_LINES)
    assert table is not None
    history = History(table)
    assert history.table is not None
    return history


def assert_same(history: History, entries: list[Operation], options: dict[str, Any], hint: str) -> None:
    plain = History(entries)
    for name, check in CHECKERS.items():
        found: list[Verdict] = [check(each, options) for each in (history, plain)]
        assert found[0] == found[1], f"{hint}: {name}"


@pytest.mark.parametrize("seed", range(24))
def test_tables_and_lists_of_operations_say_the_same(seed: int, tmp_path: Path) -> None:
    rng = Random(seed)
    kinds = (drawn, replicated, scattered, snapshots)
    sessions = kinds[seed % 4](rng, 12)
    entries = interleaved(rng, sessions)
    history = tabled(tmp_path / "history.jsonl", entries)
    assert transactions_of(history, None) is not None
    assert_same(history, entries, {}, f"seed {seed}")


@pytest.mark.parametrize("seed", range(12))
def test_tables_of_single_operations_say_the_same(seed: int, tmp_path: Path) -> None:
    rng = Random(seed)
    keyed, words, init = seed % 2 == 0, seed % 3 == 0, 0 if seed % 4 == 1 else None
    entries: list[Operation] = []
    state: dict[str, Any] = {}
    for value in range(1, 40):
        process, key = rng.randrange(4), rng.choice("xy") if keyed else None
        f = rng.choice(["read", "write"])
        asked = None if f == "read" else f"v{value}" if words else value
        kind: Any = rng.choice(["ok", "ok", "ok", "ok", "fail", "info"])
        entries.append(Operation(process=process, type="invoke", f=f, key=key, value=asked))
        if f == "write" and kind == "ok":
            state[key or ""] = asked
        shown = state.get(key or "", init) if f == "read" and kind == "ok" else asked
        if rng.random() < 0.9:
            entries.append(Operation(process=process, type=kind, f=f, key=key, value=shown))
        elif kind == "ok":
            state.pop(key or "", None)
        if entries[-1].type == "invoke":
            break
    history = tabled(tmp_path / "history.jsonl", entries)
    assert transactions_of(history, init) is not None
    assert_same(history, entries, {} if init is None else {"init": init}, f"seed {seed}")


@pytest.mark.parametrize(
    "value",
    [
        [["r", "x", [1]]],
        [["append", "x", 1]],
        [["w", "x", None]],
        [["w", "x", 1.0], ["w", "y", 1]],
        [["r", "x"]],
        {"a": 1},
        None,
    ],
)
def test_what_a_table_cannot_tell_is_told_by_the_operations(value: Any, tmp_path: Path) -> None:
    entries = [
        Operation(process=0, type="invoke", f="txn", value=value),
        Operation(process=0, type="ok", f="txn", value=value),
    ]
    assert_same(tabled(tmp_path / "history.jsonl", entries), entries, {}, repr(value))


def test_mixed_spellings_are_told_by_the_operations(tmp_path: Path) -> None:
    entries = [
        Operation(process=0, type="ok", f="txn", value=[["w", "x", 1]]),
        Operation(process=1, type="ok", f="read", key="x", value=1),
        Operation(process=2, type="ok", f="read", value=["x", 1]),
        Operation(process=2, type="ok", f="read", key="x", value=True),
    ]
    history = tabled(tmp_path / "history.jsonl", entries)
    assert transactions_of(history, None) is None
    assert_same(history, entries, {}, "mixed")


def test_the_last_write_before_a_position_is_found_wherever_it_is() -> None:
    engine = Interpreted()
    for seed in range(100):
        rng = Random(seed)
        told = columns_of(history_of(drawn(rng, 30), rng))
        facts = with_groups(facts_of(told, resolve(told, engine)[0], engine), engine)
        writes = range(facts.write_start[facts.transactions])
        owner = [facts.write[ABOUT * w + WRITER] for w in writes]
        for w in writes:
            same = [
                v
                for v in writes
                if facts.group_of[v] == facts.group_of[w]
                and facts.position[owner[v]] <= facts.position[owner[w]]
            ]
            for limit in range(facts.position[owner[w]] + 2):
                done = rng.randint(0, limit)
                fitting = [v for v in same if done <= facts.position[owner[v]] < limit]
                last = max(fitting, key=lambda v: facts.position[owner[v]], default=-1)
                assert last_before(facts, w, done, limit) == last, f"seed {seed}, write {w}, limit {limit}"
