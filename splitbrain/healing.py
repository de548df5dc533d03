"""`splitbrain heal`: clear away what a harness that was killed left behind.

A run that ended says so in its journal (`closed`).  One that did not, and whose harness is dead, may have
left stopped or running nodes, proxies or containers; the journal's first entry tells where.  Embedded proxies
die with their harness.  Healing is safe to repeat and never touches a run whose harness lives.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from nemesis.journal import Journal, read_journal
from splitbrain.places.leftovers import sweep
from splitbrain.places.process import ProcessId
from splitbrain.program import PlaceError

CLEAN, FAILED = 0, 3
"""Exit codes: nothing is left; something could not be cleared away."""

Say = Callable[[str], object]


def heal(runs: Path, say: Say) -> int:
    """Heal every run under this folder, and tell what was done. Returns an exit code."""
    if not runs.is_dir():
        say(f"{runs} is no folder of runs; name the right one with --runs")
        return FAILED
    code, quiet = CLEAN, True
    try:
        for sentence in sweep(runs):
            quiet = False
            say(sentence)
    except (PlaceError, PermissionError) as error:
        code, quiet = FAILED, False
        say(str(error))
    for path in sorted(runs.glob("*/*/journal.jsonl")):
        try:
            sentences = _heal_run(path)
        except (PlaceError, OSError) as error:
            code, sentences = FAILED, [f"could not be healed: {error}"]
        for sentence in sentences:
            quiet = False
            say(f"{path.parent.name}: {sentence}")
    if quiet:
        say("nothing to heal")
    return code


def _heal_run(path: Path) -> list[str]:
    """Close the journal of a run that cannot do it any more. Raises PlaceError, OSError."""
    entries = read_journal(path)
    facts = next((entry.get("facts") for entry in entries if entry["event"] == "cluster"), None)
    if any(entry["event"] == "closed" for entry in entries) or not _dead(facts):
        return []
    done = _open_faults(entries)
    assert facts is not None
    if facts.get("place") == "docker":
        from splitbrain.places.containers import sweep as sweep_containers

        done += sweep_containers(facts.get("run_label"))
    Journal(path).write("closed", by="splitbrain heal", process=os.getpid())
    return [*done, "closed its journal"]


def _dead(facts: Any) -> bool:
    """Is the harness that wrote these facts gone? The simulator has none: there is nothing to heal."""
    if not isinstance(facts, dict) or "harness" not in facts:
        return False
    try:
        return msgspec.convert(facts["harness"], ProcessId).state == "dead"
    except msgspec.ValidationError:
        return False


def _open_faults(entries: list[dict[str, Any]]) -> list[str]:
    """A sentence per fault that was injected and never healed: what the cluster died with."""
    active: dict[Any, dict[str, Any]] = {}
    for entry in entries:
        fault = entry.get("fault")
        if not isinstance(fault, dict):
            continue
        if entry["event"] in ("inject", "injected"):
            active[fault.get("id")] = fault
        elif entry["event"] == "healed":
            active.pop(fault.get("id"), None)
    return [
        f"fault {number} ({_describe(fault)}) was active; it ended with its cluster"
        for number, fault in active.items()
    ]


def _describe(fault: dict[str, Any]) -> str:
    return " ".join([str(fault.get("kind", "fault")), *map(str, fault.get("targets", ()))])
