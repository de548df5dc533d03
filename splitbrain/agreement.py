"""`splitbrain check --manifest`: judge a collection of histories and say where we disagree with it."""

import argparse
import functools
import sys
from pathlib import Path
from typing import Any

from checker import budget, manifest
from checker.manifest import Disagreement, Entry
from checker.verdict import Validity, Verdict
from splitbrain import checking


def agree(asked: argparse.Namespace) -> int:
    """Judge every entry, print each disagreement with our reason, then `agree A of B`. 0 when A is B.

    Raises ManifestError.
    """
    root = Path(asked.root) if asked.root else None
    entries = [entry for file in asked.manifest for entry in manifest.entries_of(Path(file), root)]
    limits = checking.limits_of(asked)
    stream = sys.stderr if asked.json else sys.stdout
    differing: list[Disagreement] = []
    for entry in entries:
        found = manifest.compare(entry, _judged(entry, limits, asked.lenient))
        if found is not None:
            differing.append(found)
            stream.write(_told(found))
            stream.flush()
    stream.write(f"agree {len(entries) - len(differing)} of {len(entries)}\n")
    if asked.json:
        _print_json(entries, differing)
    return 1 if differing else 0


def _judged(entry: Entry, limits: budget.Limits, lenient: bool) -> Verdict:
    outcome = budget.run(functools.partial(manifest.judge, entry, lenient=lenient), limits)
    if outcome.error is not None:
        raise outcome.error
    if outcome.stopped:
        established = f"; established so far: {'; '.join(outcome.told)}" if outcome.told else ""
        return Verdict(validity=Validity.UNKNOWN, reason=f"{outcome.stopped}{established}")
    verdict: Verdict = outcome.result
    return verdict


def _told(found: Disagreement) -> str:
    lines = [
        f"{found.entry.name} ({found.entry.checker})",
        f"  {found.difference}",
        f"  ours: {found.reason}",
    ]
    if found.entry.note:
        lines.append(f"  the collection notes: {found.entry.note}")
    return "".join(f"{line}\n" for line in lines)


def _print_json(entries: list[Entry], differing: list[Disagreement]) -> None:
    import msgspec

    told: list[dict[str, Any]] = [
        {"name": d.entry.name, "checker": d.entry.checker, "difference": d.difference, "reason": d.reason}
        for d in differing
    ]
    result = {"agree": len(entries) - len(differing), "of": len(entries), "disagreements": told}
    sys.stdout.write(msgspec.json.encode(result).decode() + "\n")
