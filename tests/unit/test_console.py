"""Progress and verdicts on the console: plain in logs, live on terminals, never taken for markup."""

import io
import sys
from pathlib import Path
from typing import Any

import pytest

from checker.history import HistoryWriter
from checker.operation import Operation
from splitbrain.report.console import Console
from tests import sample_run

ESCAPE = "\x1b"


class Terminal(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CI", "NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")


def on_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Make standard output a terminal, until the test ends. (Not a fixture: pytest sets its own between.)"""
    stream = Terminal()
    monkeypatch.setattr(sys, "stdout", stream)
    return stream


def recorded(folder: Path, lossy: bool) -> dict[str, Any]:
    """A run's folder with a history in it; returns the results."""
    history, results, _ = sample_run.make(300, lossy=lossy)
    with HistoryWriter(folder / "history.jsonl") as writer:
        for operation in history:
            writer.write(operation)
    (folder / "report.html").write_text("<!doctype html>")
    return results


def test_plain_progress_is_a_line_per_change(quiet: None, capsys: pytest.CaptureFixture[str]) -> None:
    console = Console(plain=True)
    for step in range(101):
        console.progress("main", step / 100, f"{step} operations")
    console.progress("heal", 1.0, "done")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6
    assert lines[0].split() == ["main", "0", "operations"]


def test_a_log_gets_plain_text(quiet: None, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    results = recorded(tmp_path, lossy=True)
    console = Console()
    console.progress("main", 0.5, "half")
    console.verdict(results, tmp_path)
    out = capsys.readouterr().out
    assert console.plain
    assert ESCAPE not in out
    assert not any(line != line.rstrip() for line in out.splitlines())


def test_verdict_tells_the_anomaly_its_operations_and_what_to_do(
    quiet: None, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    results = recorded(tmp_path, lossy=True)
    Console(plain=True).verdict(results, tmp_path)
    out = capsys.readouterr().out
    first = results["checks"]["lost-writes"]["anomalies"][0]
    assert out.lstrip().startswith("INVALID  cart on the simulator, seed 7, bug A01 planted")
    assert first["sentence"] in out
    assert "[ok after" in out
    assert "had not seen" in out
    assert "more in the report" in out
    assert str(tmp_path / "report.html") in out
    assert results["replay"] in out


def test_verdict_of_a_valid_run_counts_what_is_allowed(
    quiet: None, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    results = recorded(tmp_path, lossy=False)
    results["checks"]["causal"]["allowed"] = {"stale-read": 1, "resurfaced-item": 0}
    Console(plain=True).verdict(results, tmp_path)
    out = capsys.readouterr().out
    assert out.lstrip().startswith("valid  cart")
    assert "1 read missed an acknowledged write" in out
    assert "0 removed" not in out


def test_doubts_are_named(quiet: None, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    results = sample_run.make(200, all_bite=False)[1]
    Console(plain=True).verdict(results, tmp_path)
    out = capsys.readouterr().out
    assert out.lstrip().startswith("unknown  cart")
    assert "fault 6 (pause one) did not bite: n2 still answered" in out


def test_json_leaves_standard_output_alone(
    quiet: None, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    console = Console(json=True)
    console.progress("main", 0.1, "a tenth")
    console.fault("n1 is killed")
    console.verdict(recorded(tmp_path, lossy=False), tmp_path)
    seen = capsys.readouterr()
    assert seen.out == ""
    assert "a tenth" in seen.err
    assert "n1 is killed" in seen.err


def test_faults_are_told_once_proved_and_once_healed(quiet: None, capsys: pytest.CaptureFixture[str]) -> None:
    console = Console(plain=True)
    value = {"id": 1, "kind": "kill", "shape": "one", "targets": ["n2"]}
    for at, f, more in (
        (1, "inject", {}),
        (2, "inject", {"bit": True}),
        (3, "heal", {}),
        (3, "heal", {"healed": True}),
        (4, "inject", {"bit": False, "how": "n2 still answers"}),
    ):
        entry = Operation(process="nemesis", type="info", f=f, time=at * 10**9, value=value | more)
        console.fault(entry)
    assert capsys.readouterr().out.splitlines() == [
        "fault   2.00 s  kill, one: n2: bites",
        "fault   3.00 s  kill, one: n2: healed",
        "fault   4.00 s  kill, one: n2: did not bite: n2 still answers",
    ]


def test_square_brackets_are_not_markup(
    quiet: None, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    odd = "[red]w1[/red] and [/nonsense]"
    check = {
        "valid": False,
        "reason": odd,
        "anomalies": [{"type": "lost-write", "sentence": odd}],
        "allowed": {},
    }
    console = Console(plain=True)
    console.progress(odd, 0.0, odd)
    console.fault(odd)
    console.verdict({"valid": False, "checks": {"causal": check}, "replay": odd}, tmp_path)
    out = capsys.readouterr().out
    assert out.count(odd) == 6


def test_errors_go_to_standard_error(quiet: None, capsys: pytest.CaptureFixture[str]) -> None:
    Console(plain=True).error("port 7001 is taken; choose another with --port")
    seen = capsys.readouterr()
    assert seen.out == ""
    assert seen.err == "splitbrain: port 7001 is taken; choose another with --port\n"


def test_terminal_gets_a_live_line_with_active_faults(quiet: None, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_terminal(monkeypatch)
    console = Console()
    assert not console.plain
    value = {"id": 1, "kind": "pause", "targets": ["n3"], "bit": True}
    try:
        console.progress("main", 0.2, "4.0 s, 400 operations")
        console.fault(Operation(process="nemesis", type="info", f="inject", time=1, value=value))
        console.progress("main", 0.3, "6.0 s, 600 operations")
    finally:
        console.close()
    shown = terminal.getvalue()
    assert "600 operations" in shown
    assert "pause: n3" in shown
    assert shown.rfind(f"{ESCAPE}[?25h") > shown.rfind(f"{ESCAPE}[?25l"), "the cursor must come back"


@pytest.mark.parametrize("variable", ["CI", "NO_COLOR"])
def test_environment_is_honoured(
    quiet: None, monkeypatch: pytest.MonkeyPatch, variable: str, tmp_path: Path
) -> None:
    terminal = on_terminal(monkeypatch)
    monkeypatch.setenv(variable, "1")
    console = Console()
    console.verdict(sample_run.make(200)[1], tmp_path)
    assert console.plain == (variable == "CI")
    assert f"{ESCAPE}[3" not in terminal.getvalue()
    assert f"{ESCAPE}[1;3" not in terminal.getvalue()


def test_terminal_has_colours_otherwise(quiet: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    terminal = on_terminal(monkeypatch)
    Console().verdict(sample_run.make(200)[1], tmp_path)
    assert f"{ESCAPE}[1;32m" in terminal.getvalue()
