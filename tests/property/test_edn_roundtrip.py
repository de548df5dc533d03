"""What is written is read back; the compiled reader and the plain one agree; garbage is a HistoryError."""

import contextlib
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checker import kernel
from checker.formats import edn
from checker.formats.convert import TARGETS, convert, write
from checker.formats.load import load, read, recognised
from checker.formats.write import edn_text
from checker.history import History, HistoryError
from checker.operation import Operation

TEXTS = st.text(max_size=6)
NUMBERS = st.integers(-(10**17), 10**17)
ATOMS = st.none() | st.booleans() | NUMBERS | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
VALUES = st.recursive(
    ATOMS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=8
)
KEYED = st.dictionaries(NUMBERS, NUMBERS, max_size=3) | st.dictionaries(st.tuples(NUMBERS), TEXTS, max_size=2)
MICROS = st.lists(
    st.tuples(st.sampled_from(["r", "append", "w"]), TEXTS | NUMBERS, VALUES).map(list), max_size=3
)
NAMES = st.sampled_from(["read", "write", "cas", "txn", "add"])


def operations(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Operation]]:
    """Entries as any tool may record them."""
    one = st.builds(
        Operation,
        time=st.integers(-1, 10**15),
        process=st.integers(0, 5) | st.just("nemesis"),
        type=st.sampled_from(["invoke", "ok", "fail", "info"]),
        f=NAMES,
        value=values,
        error=st.none() | TEXTS,
        key=st.none() | TEXTS,
        final=st.booleans(),
        reads=st.none() | st.lists(TEXTS, max_size=2).map(tuple),
        extra=st.none() | st.dictionaries(st.sampled_from(["link", "clock-offsets"]), VALUES, min_size=1),
    )
    return st.lists(one, min_size=1, max_size=4)


@given(VALUES | KEYED)
def test_a_value_survives_edn(value: Any) -> None:
    assert edn.read_one(edn_text(value)) == value


@given(operations(VALUES | KEYED | MICROS))
def test_a_history_survives_edn(made: list[Operation]) -> None:
    history = History(made)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history"
        write(history, path, "edn")
        assert list(load(path)) == list(history)


@given(
    operations(VALUES | MICROS), st.sampled_from(["jsonl", "json", "edn"]), st.sampled_from(["jsonl", "edn"])
)
def test_a_history_survives_any_conversion(made: list[Operation], first: str, second: str) -> None:
    history = History(made)
    with tempfile.TemporaryDirectory() as folder:
        one, two = Path(folder) / "one", Path(folder) / "two"
        write(history, one, first)
        summary = convert(one, two, second, lenient=False, independent=False)
        assert summary.entries == len(history)
        assert list(load(two)) == list(history)


@pytest.mark.skipif(not kernel.available(), reason="numba is not installed")
@settings(deadline=None, max_examples=200)
@given(operations(VALUES | KEYED | MICROS), st.sampled_from(["jsonl", "edn"]))
def test_both_readers_give_the_same(made: list[Operation], notation: str) -> None:
    from checker.formats.columns import read_table

    if notation == "jsonl":  # JSON turns every key of a map into text, and then both readers see text.
        made = [operation for operation in made if not isinstance(operation.value, dict)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history"
        write(History(made), path, notation)
        table = read_table(path, recognised(path)) if made else None
        plain, _ = read(path, lenient=False, progress=None)
        assert table is None or list(table) == plain
        assert table is not None or not made


SIGNS = ["{", "}", "[", "]", "(", ")", "#", '"', "\\", ";", ":", ",", "\n", " ", "\t"]
WORDS = [":type", ":ok", ":f", ":process", ":value", " 0 ", "nil", "#_", "#x", "1/2", "ok", "é"]
LINES = ["{:process 0 :type :ok :f :read}\n", '{"process":0,"type":"ok","f":"get"}\n', "0\t:ok\t:read\t1\n"]
PIECES = st.sampled_from([*SIGNS, *WORDS, *LINES])
GARBAGE = st.binary(max_size=60) | st.lists(PIECES, max_size=14).map(lambda parts: "".join(parts).encode())


@settings(deadline=None, max_examples=500)
@given(GARBAGE, st.booleans())
def test_garbage_is_a_history_error_or_a_history(data: bytes, lenient: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history"
        path.write_bytes(data)
        with contextlib.suppress(HistoryError):
            history = load(path, lenient=lenient)
            assert lenient or "skipped" not in str(history.notes)
        if kernel.available() and not lenient:
            _agree(path)


def _agree(path: Path) -> None:
    """The compiled reader may decline a file; what it takes, the plain one takes with the same result."""
    from checker.formats.columns import read_table

    told: list[str] = []
    table = read_table(path, recognised(path), None, told)
    if table is not None:
        assert (list(table), told) == read(path, lenient=False, progress=None)


@given(operations(VALUES), st.sampled_from(TARGETS[:2]), st.data())
def test_a_truncated_file_loses_its_last_entry_only(
    made: list[Operation], to: str, data: st.DataObject
) -> None:
    history = History(made)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history"
        write(history, path, to)
        whole = path.read_bytes()
        last = whole[:-1].rfind(b"\n") + 1
        path.write_bytes(whole[: data.draw(st.integers(last, len(whole) - 2))])
        assert list(load(path)) == list(history)[:-1]
