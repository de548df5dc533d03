"""A verdict as JSON-able data: the same object in `--json`, in results, and in pages."""

from typing import Any

import msgspec

from checker.verdict import Verdict


def describe(verdict: Verdict) -> dict[str, Any]:
    """`valid` (true, false or "unknown"), `reason`, `anomalies`, `allowed`, `stats`; keys are strings."""
    anomalies = [
        {
            "type": a.type,
            "sentence": a.sentence,
            "operations": list(a.operations),
            "key": a.key,
            "time": a.time,
        }
        for a in verdict.anomalies
    ]
    return {
        "valid": verdict.validity.as_json(),
        "reason": verdict.reason,
        "anomalies": anomalies,
        "allowed": verdict.allowed,
        "stats": msgspec.to_builtins(verdict.stats, str_keys=True),
    }
