"""Limits of time and memory: beyond them a verdict is unknown with the reason, neither a pass nor a hang."""

import json
from pathlib import Path

import pytest

from checker import budget
from splitbrain.checking import main


def test_without_limits_the_work_is_done_here() -> None:
    assert budget.run(lambda tell: 7, budget.Limits()).result == 7


def test_work_within_its_limits_gives_its_result() -> None:
    outcome = budget.run(lambda tell: [1, 2], budget.Limits(time_s=60, memory_mb=4096))
    assert outcome.result == [1, 2]
    assert outcome.stopped == ""


def test_work_that_takes_too_long_is_stopped_with_what_it_told() -> None:
    def endless(tell: budget.Tell) -> None:
        tell("half of it")
        while True:
            pass

    outcome = budget.run(endless, budget.Limits(time_s=0.5))
    assert outcome.result is None
    assert "0.5" in outcome.stopped
    assert outcome.told == ("half of it",)


def test_work_that_takes_too_much_memory_is_stopped() -> None:
    def greedy(tell: budget.Tell) -> int:
        held = []
        while True:
            held.append(bytearray(b"x" * 10_000_000))

    outcome = budget.run(greedy, budget.Limits(time_s=60, memory_mb=300))
    assert outcome.result is None
    assert "300" in outcome.stopped


def test_an_error_comes_through() -> None:
    def broken(tell: budget.Tell) -> None:
        raise ValueError("no such model")

    outcome = budget.run(broken, budget.Limits(time_s=60))
    assert str(outcome.error) == "no such model"


def wide(path: Path) -> None:
    """Compare-and-sets that nothing tells apart: a search without end for any general checker."""
    lines = []
    for round_ in range(40):
        for process in range(24):
            value = [round_ * process % 7, (round_ + process) % 7]
            lines.append({"process": process, "type": "invoke", "f": "cas", "value": value})
        lines += [dict(line, type="ok") for line in lines[-24:]]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_the_command_says_unknown_beyond_the_limit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "wide.jsonl"
    wide(path)
    arguments = [str(path), "--checker", "linearizable", "--model", "cas-register", "--json"]
    code = main([*arguments, "--option", "init=0", "--time-limit", "0.05"])
    answer = json.loads(capsys.readouterr().out)
    assert answer["valid"] in ("unknown", False)
    assert code == (2 if answer["valid"] == "unknown" else 1)
    assert answer["reason"]
