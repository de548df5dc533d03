"""Conversion: piece by piece, every field kept, and never over the source."""

import random
from pathlib import Path

import pytest

from checker import kernel
from checker.formats import convert as converting
from checker.formats.convert import convert, write
from checker.formats.load import load
from checker.history import HistoryError
from checker.operation import Operation

READERS = [
    pytest.param(True, marks=pytest.mark.skipif(not kernel.available(), reason="numba is not installed")),
    False,
]


def entries(indexes: list[int]) -> list[Operation]:
    """Entries with everything that an entry can hold."""
    rng = random.Random(4)
    return [
        Operation(
            index=index,
            time=10 * at,
            process="nemesis" if at % 5 == 4 else at % 5,
            type=rng.choice(["invoke", "ok", "info", "fail"]),
            f="put",
            value=[["append", at, [1, None, "ü\n"]]],
            error="slow" if at % 3 else None,
            node=f"n{at % 3}",
            key=f"key-{at % 4}",
            write=f"w{at}",
            reads=tuple(f"w{each}" for each in range(at % 3)),
            context="c" * (at % 20),
            final=at % 2 == 0,
            extra={"link": {"a": at}} if at % 4 == 0 else None,
        )
        for at, index in enumerate(indexes)
    ]


@pytest.fixture(params=READERS)
def streaming(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file counts as a large one; with and without the compiled reader."""
    monkeypatch.setattr(converting, "WHOLE_BYTES", -1)
    if request.param:
        from checker.formats import columns

        monkeypatch.setattr(columns, "PIECE_BYTES", 700)
    else:
        monkeypatch.setattr(kernel, "available", lambda: False)


@pytest.mark.usefixtures("streaming")
@pytest.mark.parametrize("first", ["jsonl", "json", "edn"])
@pytest.mark.parametrize("second", ["jsonl", "json", "edn"])
def test_a_stream_keeps_every_field(tmp_path: Path, first: str, second: str) -> None:
    made = entries(list(range(3, 60, 2)))
    write(made, tmp_path / "one", first)
    summary = convert(tmp_path / "one", tmp_path / "two", second, lenient=False, independent=False)
    assert summary.entries == len(made)
    assert summary.problems == ()
    assert list(load(tmp_path / "two")) == made


@pytest.mark.usefixtures("streaming")
@pytest.mark.parametrize("indexes", [[-1] * 9, [0, 1, 2, 2, 9], [5, -1, 6], [-1, 0, 1], [0, 4, 9]])
def test_a_stream_numbers_entries_as_a_history_does(tmp_path: Path, indexes: list[int]) -> None:
    write(entries(indexes), tmp_path / "one", "jsonl")
    history = load(tmp_path / "one")
    summary = convert(tmp_path / "one", tmp_path / "two", "edn", lenient=False, independent=False)
    assert summary.problems == tuple(each for each in history.problems if "indexes" in each)
    assert [each.index for each in load(tmp_path / "two")] == [each.index for each in history]


@pytest.mark.usefixtures("streaming")
def test_a_stream_tells_what_a_history_tells(tmp_path: Path) -> None:
    good = '{"process":0,"type":"invoke","f":"get","value":[1,2]}\n{"process":1,"type":"ok","f":"get"}\n'
    (tmp_path / "torn").write_text(good + '{"process":0,"ty')
    summary = convert(tmp_path / "torn", tmp_path / "two", "edn", lenient=False, independent=True)
    history = load(tmp_path / "torn", independent=True)
    assert summary.notes == (*history.notes, converting.UNPAIRED)
    assert len(history.notes) == 2
    assert list(load(tmp_path / "two")) == list(history)


@pytest.mark.usefixtures("streaming")
def test_what_cannot_be_converted_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "one").write_text('{"process":0,"type":"invoke","f":"get"}\n{"process":0}\n')
    (tmp_path / "two").write_text("mine")
    with pytest.raises(HistoryError, match="line 2"):
        convert(tmp_path / "one", tmp_path / "two", "edn", lenient=False, independent=False)
    assert (tmp_path / "two").read_text() == "mine"
    assert {path.name for path in tmp_path.iterdir()} == {"one", "two"}


def test_the_source_is_never_overwritten(tmp_path: Path) -> None:
    text = '{"process":0,"type":"invoke","f":"get"}\n'
    (tmp_path / "one").write_text(text)
    (tmp_path / "link").symlink_to(tmp_path / "one")
    for target in ("one", "link"):
        with pytest.raises(HistoryError, match="name another file"):
            convert(tmp_path / "one", tmp_path / target, "edn", lenient=False, independent=False)
    assert (tmp_path / "one").read_text() == text
