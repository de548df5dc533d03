"""Limits of time and memory: beyond them a verdict is unknown with the reason, neither a pass nor a hang."""

import functools
import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from checker import budget, manifest
from checker.verdict import Validity
from splitbrain import judging, runner
from splitbrain.checking import main
from splitbrain.options import RunOptions
from splitbrain.report.console import Console

ROOT = Path(__file__).resolve().parents[2]


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


def test_an_error_bears_the_lines_of_the_child_and_survives_the_pipe() -> None:
    class Odd(Exception):
        """Local, and so nothing that another process can make again."""

    def broken(tell: budget.Tell) -> None:
        raise Odd("of its own kind")

    error = budget.run(broken, budget.Limits(time_s=60)).error
    assert "of its own kind" in str(error)
    assert "in broken" in "".join(error.__notes__ if error is not None else [])


def test_a_child_that_is_killed_is_no_answer() -> None:
    def killed(tell: budget.Tell) -> None:
        tell("half of it")
        os.kill(os.getpid(), signal.SIGKILL)

    outcome = budget.run(killed, budget.Limits(time_s=60))
    assert "ran out of memory" in outcome.stopped
    assert (outcome.result, outcome.told) == (None, ("half of it",))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux refuses what is beyond RLIMIT_DATA")
def test_one_allocation_that_is_too_large_is_the_limit_of_memory() -> None:
    """The kernel refuses it; it is not touched, so nobody would see it in RAM."""
    outcome = budget.run(lambda tell: len(bytes(2 << 30)), budget.Limits(time_s=60, memory_mb=300))
    assert outcome.result is None
    assert "300" in outcome.stopped


@pytest.mark.parametrize("way", ["fork", "spawn"])
def test_both_ways_to_start_a_child(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fresh interpreter gets the work as a function and its arguments, as on macOS and Windows."""
    monkeypatch.setattr(budget, "_start_method", lambda: way)
    stated = manifest.Entry(
        name="none", checker="stats", options={}, stated={}, history=[{"process": 0, "type": "ok", "f": "x"}]
    )
    outcome = budget.run(functools.partial(manifest.judge, stated), budget.Limits(time_s=60))
    assert (outcome.result.validity, outcome.told) == (Validity.VALID, ("1 entries were read",))


def test_ctrl_c_is_for_the_parent_alone() -> None:
    """A terminal sends it to both; the child is killed by its parent, without a traceback of its own."""

    def interrupted(tell: budget.Tell) -> int:
        os.kill(os.getpid(), signal.SIGINT)
        return 7

    assert budget.run(interrupted, budget.Limits(time_s=60)).result == 7


def test_where_the_kernel_does_not_tell_ps_does() -> None:
    held = budget._Memory(os.getpid())
    held._by_ps = True
    assert held.held_mb() == pytest.approx(budget._in_proc_mb(os.getpid()), rel=0.5)


@pytest.mark.parametrize(
    "limits", [budget.Limits(time_s=-1), budget.Limits(memory_mb=0), budget.Limits(time_s=float("nan"))]
)
def test_limits_that_cannot_be_kept(limits: budget.Limits) -> None:
    assert "give" in limits.wrong()
    assert budget.Limits(0, 100).wrong() == ""


# --- the command ---------------------------------------------------------------------------------------

WRITES = 24
"""So many at once, of which the model below lets every order be another state: 24! ways through them."""

PATIENCE_S = 60
"""A test that waits longer than this has failed; none waits when things are right."""

MODEL = '''
import os

alive = open({alive!r}, "w")  # Is closed when this process has gone, however it goes.
with open({fifo!r}, "w") as fifo:
    fifo.write(str(os.getpid()))


class Log:
    """Every write is kept in its order; the read of another log fits none."""

    def __init__(self, init=None):
        self.init = ()

    def step(self, state, call):
        if call.f == "write":
            return True, (*state, call.value)
        return list(state) == call.result, state


class Hog(Log):
    """The same, and all that it ever held is kept."""

    kept = []

    def step(self, state, call):
        self.kept.append(bytearray(b"x" * 3_000_000))
        return super().step(state, call)
'''


class Endless:
    """`splitbrain check` of a search without end, in a process group of its own."""

    def __init__(self, folder: Path, *arguments: str, model: str = "Log") -> None:
        self.fifo, self.alive = folder / "fifo", folder / "alive"
        os.mkfifo(self.fifo)
        os.mkfifo(self.alive)
        (folder / "log.py").write_text(MODEL.format(fifo=str(self.fifo), alive=str(self.alive)))
        history = folder / "log.jsonl"
        history.write_text("".join(json.dumps(line) + "\n" for line in contradictory()))
        asked_model = ["--checker", "linearizable", "--model", f"{folder / 'log.py'}:{model}"]
        case = {"path": "log.jsonl", "checker": "linearizable", "expected": "unknown"}
        case["options"] = {"model": f"{folder / 'log.py'}:Log"}  # type: ignore[assignment]
        (folder / "manifest.json").write_text(json.dumps({"files": [case]}))
        asked = ["--manifest", str(folder / "manifest.json")] if "--manifest" in arguments else None
        rest = [each for each in arguments if each != "--manifest"]
        self._told, self._lifeline = (
            os.open(f, os.O_RDONLY | os.O_NONBLOCK) for f in (self.fifo, self.alive)
        )
        self.process = subprocess.Popen(
            [sys.executable, "-m", "splitbrain", "check", *(asked or [str(history), *asked_model]), *rest],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def searching(self) -> int:
        """The id of the process that searches, as soon as it has begun."""
        assert select.select([self._told], [], [], PATIENCE_S)[0], "the search never began"
        return int(os.read(self._told, 20))

    def gone(self) -> bool:
        """Waits until nobody holds the lifeline of the search any more."""
        ended = bool(select.select([self._lifeline], [], [], PATIENCE_S)[0])
        ended = ended and os.read(self._lifeline, 1) == b""
        os.close(self._lifeline)
        os.close(self._told)
        return ended

    def answer(self) -> tuple[int, str, str]:
        out, err = self.process.communicate()
        return self.process.returncode, out, err


def contradictory() -> list[dict[str, Any]]:
    writes = [{"process": p, "type": "invoke", "f": "write", "value": p} for p in range(WRITES)]
    ends = [dict(line, type="ok") for line in writes]
    read = [{"process": 99, "type": kind, "f": "read", "value": [-1]} for kind in ("invoke", "ok")]
    return [*writes, *ends, *read]


def is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(
    ("model", "limit", "reason"),
    [
        ("Log", ("--time-limit", "1"), "the time limit of 1 s was reached while checking"),
        ("Hog", ("--memory-limit", "400", "--time-limit", "300"), "the memory limit of 400 MB was reached"),
    ],
)
def test_a_search_without_end_is_unknown_and_leaves_nothing_running(
    tmp_path: Path, model: str, limit: tuple[str, ...], reason: str
) -> None:
    run = Endless(tmp_path, *limit, "--json", model=model)
    search = run.searching()
    code, out, _ = run.answer()
    answer = json.loads(out)
    assert (code, answer["valid"], answer["anomalies"]) == (2, "unknown", [])
    assert reason in answer["reason"]
    assert "50 entries were read" in answer["reason"]
    assert answer["established"]
    assert not is_running(search)
    assert run.gone()


def test_the_limits_hold_for_every_entry_of_a_manifest(tmp_path: Path) -> None:
    run = Endless(tmp_path, "--manifest", "--time-limit", "1")
    search = run.searching()
    assert run.answer() == (0, "agree 1 of 1\n", "")
    assert not is_running(search)
    assert run.gone()


def test_ctrl_c_ends_both_processes(tmp_path: Path) -> None:
    run = Endless(tmp_path, "--time-limit", "300")
    search = run.searching()
    os.killpg(run.process.pid, signal.SIGINT)
    assert run.answer() == (130, "", "splitbrain: interrupted\n")
    assert not is_running(search)
    assert run.gone()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_whoever_kills_the_command_kills_the_search(tmp_path: Path, how: signal.Signals) -> None:
    run = Endless(tmp_path, "--time-limit", "300")
    run.searching()
    run.process.send_signal(how)
    assert run.answer()[0] == -how
    assert run.gone()


# --- runs ----------------------------------------------------------------------------------------------


def test_the_history_is_on_disk_before_any_check_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever becomes of the checks, the run can be judged later, from a history that is whole."""
    options = RunOptions(workload="cart", seed=3, time_limit_s=3.0)
    quiet = runner.run(options, tmp_path / "quiet", Console(json=True))

    def hopeless(history: Any, options: Any) -> Any:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(judging, "judge", hopeless)
        with pytest.raises(MemoryError):
            runner.run(options, tmp_path / "hopeless", Console(json=True))
    (folder,) = (tmp_path / "hopeless" / "cart").glob("2*")
    whole = Path(quiet["run"], judging.HISTORY).read_bytes()
    assert (folder / judging.HISTORY).read_bytes() == whole
    assert not (folder / judging.RESULTS).exists()
    assert judging.recheck(folder)["valid"] is quiet["valid"]
