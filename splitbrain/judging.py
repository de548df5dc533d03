"""From a recorded run to its verdicts: after a run, and again later by `splitbrain check`."""

from pathlib import Path
from typing import Any

import msgspec

from checker import registry
from checker.history import History
from checker.verdict import Verdict
from nemesis.fault import Fault, FaultReport
from splitbrain import results, runs
from splitbrain.options import RunOptions, UsageError
from splitbrain.report import page
from store.ring import Ring
from workloads import registry as workloads

HISTORY, RESULTS, TEST, REPORT = "history.jsonl", "results.json", "test.json", "report.html"


def judge(history: History, options: RunOptions) -> dict[str, Verdict]:
    """Run all checks of the workload. A check that crashes is unknown, with its reason."""
    workload = workloads.load(options.workload)
    return {
        name: registry.check(history, name, check_options(history, name, options)) for name in workload.checks
    }


def check_options(history: History, checker: str, options: RunOptions) -> dict[str, Any]:
    """What a checker cannot see in a history: which nodes are the primaries of which key."""
    if checker != "convergence":
        return {}
    ring = Ring(options.node_names, options.partitions, options.n)
    keys = _keys(history)
    return {"primaries": {key: list(ring.primaries(ring.partition(key.encode()))) for key in keys}}


def _keys(history: History) -> list[str]:
    if history.table is None:
        return sorted({op.key for op in history if op.key is not None})
    pool, places = history.table.pool, set(history.table.key.tolist())
    return sorted(pool[place] for place in places if place >= 0)


def conclude(
    folder: Path, options: RunOptions, reports: list[FaultReport], facts: dict[str, Any]
) -> dict[str, Any]:
    """Judge what was recorded in `folder`, write results and report, return the results."""
    history = History.from_file(folder / HISTORY)
    verdicts = judge(history, options)
    facts = facts | {"run": str(folder)}
    facts["fingerprint"] = results.fingerprint(folder / HISTORY, str(facts.get("place_fingerprint", "")))
    outcome = results.assemble(options, history, verdicts, reports, facts)
    runs.write_json(folder / RESULTS, outcome)
    (folder / REPORT).write_text(
        page.render(history, outcome, runs.read_json(folder / TEST)), encoding="utf-8"
    )
    return outcome


def recheck(folder: Path) -> dict[str, Any]:
    """Judge a recorded run again, complete or not. Raises UsageError when it cannot be read."""
    test = runs.read_json(folder / TEST)
    try:
        options = msgspec.convert(test["options"], RunOptions)
        schedule = msgspec.convert(test["schedule"], tuple[Fault, ...])
    except (KeyError, msgspec.ValidationError) as error:
        raise UsageError(f"{folder / TEST} is not the test of a run of this version: {error}") from None
    history = History.from_file(folder / HISTORY)
    reports = reports_in(history, schedule)
    earlier = _earlier(folder / RESULTS)
    return conclude(folder, options, reports, earlier)


def _earlier(path: Path) -> dict[str, Any]:
    """What only the run itself could know, from its results, where it got so far as to write them."""
    if not path.exists():
        return {"interrupted": True}
    old = runs.read_json(path)
    counted = {"operations", "ok", "fail", "info"}
    return {
        "stats": {key: value for key, value in old.get("stats", {}).items() if key not in counted},
        "interrupted": old.get("interrupted", False),
        "place_fingerprint": old.get("stats", {}).get("fingerprint", ""),
    }


def reports_in(history: History, schedule: tuple[Fault, ...]) -> list[FaultReport]:
    """What became of the faults, read from the nemesis's entries in the history."""
    reports = {fault.id: FaultReport(fault=fault) for fault in schedule}
    for operation in history:
        if operation.process != "nemesis" or not isinstance(operation.value, dict):
            continue
        report = reports.get(operation.value.get("id", -1))
        if report is None:
            continue
        told = operation.value
        if operation.f == "inject":
            report.injected_at = told.get("injected_at", operation.time)
            report.bit, report.how = told.get("bit", report.bit), told.get("how", report.how)
        elif operation.f == "heal":
            report.healed_at = told.get("healed_at", operation.time)
    return [report for report in reports.values() if report.injected_at is not None]
