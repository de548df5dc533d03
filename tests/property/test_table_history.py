"""A history in columns is the same history: pairs, problems, entries, whatever its operations are."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checker.history import History
from checker.operation import Operation

pytest.importorskip("numba", exc_type=ImportError)

from checker.table import Table

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([10**18, 1.0, "x", "read", [1, [2]], {"a": 1}]),
)
ENTRIES = st.fixed_dictionaries(
    {
        "process": st.one_of(st.integers(0, 2), st.sampled_from(["nemesis", -4, 1 << 70])),
        "type": st.sampled_from(["invoke", "invoke", "ok", "fail", "info"]),
        "f": st.sampled_from(["read", "write"]),
        "value": VALUES,
    },
    optional={
        "time": st.integers(-1, 9),
        "key": st.sampled_from(["x", "read"]),
        "error": st.just("late"),
        "node": st.just("n1"),
        "write": st.sampled_from(["a", "b"]),
        "reads": st.sampled_from([(), ("a",)]),
        "final": st.booleans(),
        "extra": st.just({"link": 1}),
    },
)


@st.composite
def entries(draw: st.DrawFn) -> list[Operation]:
    """Mostly well-formed histories: what a client does is put in order with some probability."""
    made: list[dict[str, Any]] = draw(st.lists(ENTRIES, max_size=12))
    if draw(st.booleans()):
        made = _in_order(made)
    if draw(st.booleans()):
        now = 0
        for entry in made:
            if "time" in entry:
                now = entry["time"] = max(now, entry["time"])
    numbered = draw(st.sampled_from(["none", "rows", "wide", "wrong"]))
    for at, entry in enumerate(made):
        if numbered != "none":
            entry["index"] = {"rows": at, "wide": 3 * at + 2, "wrong": at % 3}[numbered]
    return [Operation(**entry) for entry in made]


def _in_order(made: list[dict[str, Any]]) -> list[dict[str, Any]]:
    open_now: dict[Any, dict[str, Any]] = {}
    kept = []
    for entry in made:
        begun = open_now.pop(entry["process"], None)
        entry.pop("write", None)
        if begun is None:
            entry["type"] = "invoke"
            open_now[entry["process"]] = entry
        else:
            entry["type"] = "ok" if entry["type"] == "invoke" else entry["type"]
            entry["f"] = begun["f"]
            entry.pop("key", None)
        kept.append(entry)
    return kept


@settings(deadline=None)  # The first one compiles.
@given(entries())
def test_columns_give_the_same_history(operations: list[Operation]) -> None:
    plain, columnar = History(operations), History(Table.from_history(operations))
    assert columnar.problems == plain.problems
    assert len(columnar) == len(plain)
    assert [columnar[at] for at in range(len(plain))] == list(plain)
    assert columnar.pairs() == plain.pairs()
    assert list(columnar) == list(plain)
    assert columnar[1:] == plain[1:]


@settings(deadline=None)  # The first one compiles.
@given(entries())
def test_spans_are_the_pairs(operations: list[Operation]) -> None:
    history = History(Table.from_history(operations))
    if history.table is None:
        return
    invoked, completed = history.spans()
    pairs = [
        (history.table[begun], history.table[ended] if ended >= 0 else None)
        for begun, ended in zip(invoked.tolist(), completed.tolist(), strict=True)
    ]
    assert pairs == history.pairs()


def test_sound_histories_stay_in_columns() -> None:
    history = History(
        Table.from_history(
            [
                Operation(process=0, type="invoke", f="read"),
                Operation(process="nemesis", type="info", f="kill", extra={"why": "fun"}),
                Operation(process=0, type="ok", f="read", value=3),
                Operation(process=0, type="ok", f="read", value=4),
            ]
        )
    )
    assert history.table is not None
    assert [(a.index, b.index if b else None) for a, b in history.pairs()] == [(0, 2), (3, 3)]


def test_a_history_that_is_not_in_columns_has_no_spans() -> None:
    with pytest.raises(ValueError, match="use pairs"):
        History([]).spans()
