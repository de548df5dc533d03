"""Published transaction histories with the verdicts of their projects: Elle's own tests, and Elle-CLI's.

They are read where they are (`../shared/histories` beside the checkout), never copied.  Where this project
disagrees on purpose, the exception is listed here and argued in `docs/findings/garbage-reads.md`.
"""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from checker.history import History
from checker.operation import Operation
from checker.txn import list_append, rw_register
from checker.verdict import Verdict

PUBLISHED = Path(__file__).resolve().parents[3] / "shared" / "histories"
CHECKS = {"elle_list_append": list_append.check, "elle_rw_register": rw_register.check}
GARBAGE = "read of a never-written value"

pytestmark = pytest.mark.skipif(not PUBLISHED.is_dir(), reason="the published histories are not here")


def cases() -> list[Any]:
    """Every check of the litmus files, named after its case."""
    found = []
    for name in CHECKS if PUBLISHED.is_dir() else ():
        for case in json.loads((PUBLISHED / "litmus" / f"{name}.json").read_text())["cases"]:
            for number, expected in enumerate(case["checks"]):
                found.append(pytest.param(name, case, expected, id=f"{name}: {case['name']} {number}"))
    return found


def judged(name: str, case: dict[str, Any], expected: dict[str, Any]) -> Verdict:
    """What this project says."""
    history = History(msgspec.convert(case["history"], list[Operation]))
    options = {"consistency-models": expected["consistency_models"], **expected.get("options", {})}
    return CHECKS[name](history, options | {"anomalies": expected.get("anomalies", [])})


@pytest.mark.parametrize(("name", "case", "expected"), cases())
def test_the_litmus_histories_of_elle(name: str, case: dict[str, Any], expected: dict[str, Any]) -> None:
    verdict = judged(name, case, expected)
    if case["name"] == GARBAGE:
        assert verdict.validity.as_json() is False
        assert verdict.stats["anomaly_types"] == ["garbage-read"]
        return
    assert verdict.validity.as_json() == expected["valid"], verdict.reason
    if "anomaly_types" in expected:
        assert set(verdict.stats["anomaly_types"]) == set(expected["anomaly_types"])
    if "not" in expected:
        assert set(verdict.stats["not"]) == set(expected["not"])


def test_the_example_of_the_elle_paper_is_not_serializable() -> None:
    raw = json.loads((PUBLISHED / "elle-cli/histories/elle/paper-example.json").read_text())
    history = History(msgspec.convert([{"f": "txn", **entry} for entry in raw], list[Operation]))
    verdict = list_append.check(history, {"consistency-models": ["serializable"]})
    assert verdict.validity.as_json() is False
    assert "G-single-item" in verdict.stats["anomaly_types"]


def transactions(*steps: list[list[Any]]) -> list[Operation]:
    """One transaction after the other, each by its own client."""
    entries = []
    for process, value in enumerate(steps):
        blank = [[verb, key, None if verb == "r" else v] for verb, key, v in value]
        entries.append(Operation(process=process, type="invoke", f="txn", value=blank))
        entries.append(Operation(process=process, type="ok", f="txn", value=value))
    return entries


def test_snapshot_isolation_without_read_skew() -> None:
    """`elle/histories/si-without-g-single.edn`: adjacent missed writes only."""
    history = History(
        transactions(
            [["append", 9, 2]],
            [["append", 8, 1], ["r", 9, None]],
            [["r", 6, None], ["r", 8, None], ["append", 9, 5]],
            [["append", 6, 2], ["r", 9, [2]]],
        )
    )
    options = {"consistency-models": ["snapshot-isolation", "repeatable-read"]}
    verdict = list_append.check(history, options)
    assert verdict.stats["anomaly_types"] == ["G2-item"]
    assert verdict.stats["not"] == ["repeatable-read"]


def test_appends_that_nobody_read_come_after_what_was_read() -> None:
    """The shape of `elle-cli/histories/elle/list-append-gh-30.edn`: each client misses the other's append."""
    entries = transactions(
        [["r", 2, []], ["r", 3, []], ["append", 4, 0]], [["append", 3, 1], ["append", 2, 4], ["r", 4, []]]
    )
    verdict = list_append.check(
        History([entries[0], entries[2], entries[1], entries[3]]), {"consistency-models": ["serializable"]}
    )
    assert verdict.stats["anomaly_types"] == ["G2-item"]
    assert verdict.stats["cycles"][0]["shape"] == "write-skew"
