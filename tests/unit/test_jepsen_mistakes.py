"""Mistakes and gaps of Jepsen's checkers and of tools around them, and that they are not repeated here.

Each test says what goes wrong there and what is right here.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from checker import registry
from checker.history import History
from checker.operation import Operation
from checker.verdict import Validity, Verdict
from splitbrain.checking import main

Line = tuple[int, Any, str, Any]
"""Process, type, f, value."""


def judged(name: str, lines: list[Line], times: list[int] | None = None, **options: Any) -> Verdict:
    return registry.check(History(entries(lines, times)), name, options)


def entries(lines: list[Line], times: list[int] | None = None) -> list[Operation]:
    clock = times if times is not None else [at * 1_000_000 for at in range(len(lines))]
    return [
        Operation(process=process, type=kind, f=f, value=value, time=time)
        for (process, kind, f, value), time in zip(lines, clock, strict=True)
    ]


def pair(process: int, f: str, value: Any, end: str = "ok", result: Any = None) -> list[Line]:
    return [(process, "invoke", f, value), (process, end, f, value if result is None else result)]


def types(verdict: Verdict) -> set[str]:
    return {anomaly.type for anomaly in verdict.anomalies}


def write(path: Path, lines: list[Line]) -> str:
    maps = [{"process": p, "type": kind, "f": f, "value": value} for p, kind, f, value in lines]
    path.write_text("".join(json.dumps(each) + "\n" for each in maps))
    return str(path)


# --- sets ------------------------------------------------------------------------------------------


def test_set_full_reports_duplicates() -> None:
    """Jepsen keeps the elements seen fewer than once, so its map of duplicates is always empty."""
    verdict = judged("set-full", pair(0, "add", 1) + pair(1, "read", None, result=[1, 1, 1]))
    assert verdict.validity is Validity.INVALID
    assert verdict.stats["duplicated"] == {"1": 3}


def test_set_full_reports_what_nobody_added() -> None:
    """Jepsen looks only at elements that were added."""
    verdict = judged("set-full", pair(0, "add", 1) + pair(1, "read", None, result=[1, 9]))
    assert verdict.validity is Validity.INVALID
    assert verdict.stats["unexpected"] == [9]


def test_the_final_read_of_a_set_shows_an_element_twice() -> None:
    """Jepsen turns the final read into a set first, and so overlooks it."""
    verdict = judged("set", pair(0, "add", 1) + pair(1, "read", None, result=[1, 1]))
    assert types(verdict) == {"duplicated"}


def test_staleness_below_a_millisecond_counts() -> None:
    """Jepsen calls an element stale when its latency in whole milliseconds is above 0."""
    lines = pair(0, "add", 1) + pair(1, "read", None, result=[]) + pair(1, "read", None, result=[1])
    verdict = judged("set-full", lines, times=[0, 10, 20, 30, 40, 50], **{"linearizable?": True})
    assert types(verdict) == {"stale"}
    assert verdict.stats["worst-stale"] == [{"element": 1, "latency-ms": 0}]


def test_an_element_of_two_parts_is_an_element() -> None:
    """elle-cli's example of set-full fails for the form of its values alone: `[k v]` added, and `v` read."""
    assert judged("set-full", pair(0, "add", [1, 5]) + pair(1, "read", None, result=[[1, 5]])).validity is (
        Validity.VALID
    )


# --- counters, queues, statistics ------------------------------------------------------------------


def test_counters_go_down() -> None:
    """Jepsen refuses a negative add (it throws), which makes the verdict unknown."""
    lines = [*pair(0, "add", 5), *pair(0, "add", -2), *pair(0, "decrement", 1)]
    assert judged("counter", lines + pair(1, "read", None, result=2)).validity is Validity.VALID
    assert judged("counter", lines + pair(1, "read", None, result=3)).validity is Validity.INVALID


def test_a_counter_that_nobody_read_is_not_valid() -> None:
    """elle-cli's example of a counter holds no read at all, and passes."""
    assert judged("counter", pair(0, "add", 5)).validity is Validity.UNKNOWN


def test_a_failed_enqueue_supplies_nothing() -> None:
    """Jepsen lets every enqueue that was invoked take effect, also one that certainly did not."""
    lines = pair(0, "enqueue", 1, "fail") + pair(1, "dequeue", None, result=1)
    assert types(judged("queue", lines)) == {"unexpected"}
    crashed = pair(0, "enqueue", 1, "info") + pair(1, "dequeue", None, result=1)
    assert judged("queue", crashed).validity is Validity.VALID


def test_statistics_are_what_their_documentation_says() -> None:
    """Jepsen's documentation calls a kind that never succeeded unknown, its code false. Ours: both false."""
    lines = pair(0, "add", 1) + pair(1, "read", None, "fail")
    assert judged("stats", lines).validity is Validity.INVALID
    from checker.classic import stats

    assert "Invalid when some kind of operation never\nsucceeded" in str(stats.__doc__)


# --- transactions and locks ------------------------------------------------------------------------


def test_a_register_that_shows_what_nobody_wrote() -> None:
    """Elle's rw-register accepts it; a test of its own says that this is a bug."""
    lines = pair(0, "txn", [["w", "x", 1]]) + pair(1, "txn", [["r", "x", None]], result=[["r", "x", 7]])
    verdict = judged("rw-register", lines)
    assert verdict.validity is Validity.INVALID
    assert "nobody wrote 7" in verdict.anomalies[0].sentence


def test_names_of_models_are_never_read_as_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Maelstrom splits at ` , ` only and takes `a,b` for one model. Here an unknown name is refused."""
    file = write(tmp_path / "h.jsonl", pair(0, "txn", [["w", "x", 1]]))
    option = 'consistency-models=["serializable,read-committed"]'
    assert main([file, "--checker", "rw-register", "--option", option]) == 4
    assert "there are strict-serializable" in capsys.readouterr().err
    option = 'consistency-models=["serializable","read-committed"]'
    assert main([file, "--checker", "rw-register", "--option", option]) in (0, 2)


def test_a_lock_whose_acquisition_timed_out_may_be_held_or_not() -> None:
    """Maelstrom's lock checker ignored operations of unknown outcome, and found faults that were none."""
    held = [(0, "invoke", "acquire", None), (0, "info", "acquire", None)]
    assert judged("mutex", held + pair(1, "acquire", None)).validity is Validity.VALID
    assert judged("mutex", held + pair(1, "release", None)).validity is Validity.VALID
    both = pair(1, "acquire", None) + pair(2, "acquire", None)
    assert judged("mutex", both).validity is Validity.INVALID


def test_a_write_that_timed_out_keeps_its_value() -> None:
    """A recorder that drops the value of a timed-out write makes the read of it look like garbage."""
    lines: list[Line] = [(0, "invoke", "write", 5), (0, "info", "write", None)]
    assert judged("register", lines + pair(1, "read", None, result=5)).validity is Validity.VALID


# --- verdicts, pages, exit codes -------------------------------------------------------------------


def test_a_violation_outranks_a_doubt(tmp_path: Path) -> None:
    """Jepsen's test-all looks for unknown before false, so a real failure beside a doubt exits with 2."""
    bad = write(tmp_path / "bad.jsonl", pair(0, "generate", None, result=1) * 2)
    doubtful = write(tmp_path / "doubtful.jsonl", pair(0, "generate", None, "fail"))
    assert main([doubtful, bad, "--checker", "unique-ids"]) == 1
    assert main([bad, doubtful, "--checker", "unique-ids"]) == 1
    assert main([doubtful, "--checker", "unique-ids"]) == 2


def test_a_checker_that_crashes_never_passes() -> None:
    """As Jepsen's check-safe; said here because elle-cli once exited with 0 whatever it had found."""

    def broken(history: History, options: dict[str, Any]) -> Verdict:
        raise RuntimeError("out of luck")

    verdict = registry.guarded(broken, History(entries(pair(0, "read", None))), {})
    assert verdict.validity is Validity.UNKNOWN
    assert "out of luck" in verdict.reason


def test_the_page_needs_no_other_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without gnuplot or graphviz Jepsen's whole run becomes unknown."""
    monkeypatch.setenv("PATH", os.devnull)
    lines = pair(0, "txn", [["append", "x", 1], ["append", "y", 1]])
    lines += pair(1, "txn", [["append", "x", 2], ["append", "y", 2]])
    reads = [["r", "x", None], ["r", "y", None]]
    lines += pair(2, "txn", reads, result=[["r", "x", [1, 2]], ["r", "y", [2, 1]]])
    page = tmp_path / "cycle.html"
    file = write(tmp_path / "h.jsonl", lines)
    assert main([file, "--checker", "list-append", "--html", str(page)]) == 1
    assert "<svg" in page.read_text()


def test_the_very_first_operation_may_be_the_bad_one(tmp_path: Path) -> None:
    """Knossos' renderer fails an assertion there, and the verdict becomes unknown."""
    file = write(tmp_path / "h.jsonl", pair(0, "read", None, result=7))
    page = tmp_path / "page.html"
    assert main([file, "--checker", "register", "--html", str(page)]) == 1
    assert "7" in page.read_text()


@pytest.mark.parametrize(
    "name",
    ["siblings", "convergence", "monotonicity", "read-your-writes", "monotonic-reads", "monotonic-writes",
     "writes-follow-reads", "causal-consistency"],
)  # fmt: skip
def test_what_jepsen_has_no_checker_for(name: str) -> None:
    """No checker of siblings, of convergence after repair, of sessions over registers; one for causality that
    knows a single register and is marked for removal."""
    assert callable(registry.CHECKERS[name])
