"""Bad input: one clear sentence that names the fix, the right exit code, and nothing left behind."""

from pathlib import Path

import pytest

from splitbrain.cli import main

WRONG = [
    (["run", "basket"], "cart"),
    (["run", "cart", "--faults", "earthquake"], "partition"),
    (["run", "cart", "--on", "mars"], "sim"),
    (["run", "cart", "--bug", "Z99"], "A01"),
    (["run", "cart", "--bug", "no/such/file.py"], "no/such/file.py"),
    (["run", "cart", "--nodes", "0"], "--nodes"),
    (["run", "cart", "--n", "9"], "--n"),
    (["run", "cart", "--w", "4"], "--w"),
    (["run", "cart", "--rate", "0"], "--rate"),
    (["run", "cart", "--engine", "paper"], "log"),
    (["run", "cart", "--proxy", "none"], "embedded"),
    (["run", "cart", "--frobnicate"], "frobnicate"),
    (["run", "cart", "--seed", "x"], "--seed"),
    (["run"], "workload"),
    (["frobnicate"], "frobnicate"),
    (["check", "no/such/run"], "no/such/run"),
]


@pytest.mark.parametrize(
    ("argv", "names"), WRONG, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_wrong_usage(
    argv: list[str],
    names: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(argv) == 4
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("splitbrain: ")
    assert names in said.err
    assert "Traceback" not in said.err
    assert list(tmp_path.iterdir()) == []


def test_an_unreadable_history(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    history = tmp_path / "history.jsonl"
    history.write_text(
        '{"process":0,"type":"invoke","f":"get"}\nnot json\n{"process":0,"type":"ok","f":"get"}\n'
    )
    assert main(["check", str(history)]) == 4
    said = capsys.readouterr().err
    assert "line 2" in said or ":2" in said


def test_an_unknown_checker(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    history = tmp_path / "history.jsonl"
    history.write_text("")
    assert main(["check", str(history), "--checker", "astrology"]) == 4
    assert "causal" in capsys.readouterr().err


def test_a_folder_that_is_not_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(tmp_path)]) == 4
    assert "test.json" in capsys.readouterr().err


def test_list_names_everything(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    said = capsys.readouterr().out
    for name in (
        "cart",
        "kv",
        "sim",
        "local",
        "docker",
        "partition",
        "kill",
        "pause",
        "causal",
        "A01",
        "E02",
    ):
        assert name in said


def test_heal_with_nothing_to_do(tmp_path: Path) -> None:
    assert main(["heal", "--runs", str(tmp_path)]) == 0


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("splitbrain ")


def test_a_history_is_converted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = tmp_path / "history.jsonl"
    lines.write_text(
        '{"process":0,"type":"invoke","f":"read"}\n{"process":0,"type":"ok","f":"read","value":3}\n'
    )
    edn = tmp_path / "history.edn"
    assert main(["convert", str(lines), str(edn)]) == 0
    assert "2 entries" in capsys.readouterr().out
    assert ":type :invoke" in edn.read_text()
    back = tmp_path / "back.json"
    assert main(["convert", str(edn), str(back)]) == 0
    assert '"value":3' in back.read_text()
    assert main(["convert", str(lines), str(tmp_path / "history.xml")]) == 4
    assert "--to jsonl" in capsys.readouterr().err


def test_a_fault_that_the_place_cannot_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All places of this version can do all faults; the table decides, so a place that cannot is made up."""
    from splitbrain.places import catalogue

    monkeypatch.setitem(catalogue.ABILITIES, "sim", frozenset({"kill"}))
    assert main(["run", "cart", "--faults", "kill,pause", "--runs", str(tmp_path)]) == 4
    said = capsys.readouterr().err
    assert "--faults pause" in said
    assert "sim" in said
    assert list(tmp_path.iterdir()) == []
