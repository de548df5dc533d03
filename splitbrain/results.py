"""The results of a run: one JSON object, the same for `--json`, `results.json` and the report.

`valid` is the composition of all checks (invalid > unknown > valid).  A fault that did not bite, or a run
in which no operation succeeded, can at best be "unknown": nothing was put to the test.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from checker.answer import describe
from checker.history import History
from checker.verdict import Validity, Verdict, worst
from nemesis.fault import FaultReport
from splitbrain.guarantees import SLOPPY
from splitbrain.options import RunOptions

__all__ = ["assemble", "count", "describe", "describe_fault", "doubts_about", "fingerprint", "validity_of"]

SCHEMA = 1
"""Version of the object. It grows by fields; a change of meaning raises it."""

EXIT = {Validity.VALID: 0, Validity.INVALID: 1, Validity.UNKNOWN: 2}


def assemble(
    options: RunOptions,
    history: History,
    verdicts: dict[str, Verdict],
    reports: list[FaultReport],
    facts: dict[str, Any],
) -> dict[str, Any]:
    """Build the object. `facts` are `run` (folder), `stats`, and what else the runner knows."""
    counts = count(history)
    doubts = doubts_about(counts, reports)
    validity = worst(
        [*(v.validity for v in verdicts.values()), Validity.UNKNOWN if doubts else Validity.VALID]
    )
    return {
        "schema": SCHEMA,
        "valid": validity.as_json(),
        "workload": options.workload,
        "seed": options.seed,
        "fingerprint": facts["fingerprint"],
        "place": options.place,
        "bug": options.bug,
        "checks": {name: describe(verdict) for name, verdict in verdicts.items()},
        "faults": [describe_fault(report) for report in reports],
        "inconclusive": doubts,
        "run": facts["run"],
        "replay": options.command(),
        "stats": counts | facts.get("stats", {}),
        "guarantees": msgspec.to_builtins(SLOPPY),
        "interrupted": facts.get("interrupted", False),
    }


def validity_of(results: dict[str, Any]) -> Validity:
    """The lattice value of the `valid` field."""
    return {True: Validity.VALID, False: Validity.INVALID}.get(results["valid"], Validity.UNKNOWN)


def describe_fault(report: FaultReport) -> dict[str, Any]:
    """A fault and what became of it, as one flat object."""
    flat: dict[str, Any] = msgspec.to_builtins(report.fault)
    rest = {
        "injected_at": report.injected_at,
        "healed_at": report.healed_at,
        "bit": report.bit,
        "how": report.how,
    }
    return flat | rest


def doubts_about(counts: dict[str, int], reports: list[FaultReport]) -> list[str]:
    """Why this run proves less than it seems to; empty when it does not."""
    doubts = [
        f"fault {r.fault.id} ({r.fault.kind} {r.fault.shape}".rstrip() + f") did not bite: {r.how}"
        for r in reports
        if not r.bit
    ]
    if not counts["ok"]:
        doubts.append("no operation succeeded, so nothing was tested")
    return doubts


def count(history: History) -> dict[str, int]:
    """Completions of clients by outcome."""
    counts = {"operations": 0, "ok": 0, "fail": 0, "info": 0}
    for kind, number in _entries(history).items():
        counts["operations" if kind == "invoke" else kind] += number
    counts["info"] += counts["operations"] - counts["ok"] - counts["fail"] - counts["info"]
    return counts


def _entries(history: History) -> Mapping[str, int]:
    """How many entries of clients there are of each type."""
    if (table := history.table) is None:
        return Counter(operation.type for operation in history if isinstance(operation.process, int))
    from checker.table import TYPES  # With numpy, which small histories do without.

    return {kind: int((table.type[table.process >= 0] == at).sum()) for at, kind in enumerate(TYPES)}


def fingerprint(history_file: Path, place_fingerprint: str) -> str:
    """Hash of the recorded history and of the events behind it: equal for equal seeds in the simulator."""
    mix = hashlib.blake2b(digest_size=16)
    mix.update(history_file.read_bytes())
    mix.update(place_fingerprint.encode())
    return mix.hexdigest()
