"""Are there ever more siblings than writes that are truly concurrent?

A version that another one had seen is no sibling of it.  So of the siblings in a read only the maximal
ones (`KeyVersions.maximal`) can be truly concurrent, and a store whose versions cannot tell dots apart
shows more with every interleaved write: *sibling explosion* (99 siblings after 100 writes by two clients,
where 2 are concurrent).

Where the causal checker names each false sibling, this one measures growth: siblings per read over time,
against those that can be concurrent.  There is one anomaly per key, at its worst read.

No false alarm: the maximal members of a set are an antichain of what clients saw; any further member had
been seen by another member's client, so no correct state holds both (`causal.py` has the argument).
"""

from typing import Any

from checker.dynamo.sight import Sight, sights_of
from checker.history import History
from checker.verdict import Anomaly, Validity, Verdict
from checker.wording import plural, seconds, who


def check(history: History, options: dict[str, Any]) -> Verdict:
    """Judge all reads. Takes no options."""
    by_key = {
        key: sorted(found, key=lambda sight: sight.completion.index)
        for key, found in sights_of(history).items()
    }
    readings = [reading for found in by_key.values() for reading in found]
    anomalies = tuple(
        _explosion(key, found) for key, found in by_key.items() if any(r.shown > r.concurrent for r in found)
    )
    if not readings:
        return Verdict(validity=Validity.UNKNOWN, reason="no read succeeded, so no sibling was ever seen")
    most = max(reading.shown for reading in readings)
    if anomalies:
        reason = f"{plural(len(anomalies), 'key')} with more siblings than concurrent writes, up to {most}"
    else:
        reason = f"at most {plural(most, 'sibling')}, all of them concurrent"
    validity = Validity.INVALID if anomalies else Validity.VALID
    return Verdict(validity=validity, reason=reason, anomalies=anomalies, stats=_stats(by_key, readings))


def _explosion(key: str, readings: list[Sight]) -> Anomaly:
    wrong = [reading for reading in readings if reading.shown > reading.concurrent]
    worst = max(wrong, key=lambda reading: reading.shown - reading.concurrent)
    invocation, completion = worst.invocation, worst.completion
    sentence = (
        f"the {invocation.f} of {key} by {who(invocation)} at {seconds(worst.completion.time)} showed "
        f"{plural(worst.shown, 'sibling')}, of which {worst.concurrent} can be concurrent; "
        f"{len(wrong)} of {plural(len(readings), 'read')} of the key showed too many, "
        f"first at {seconds(wrong[0].completion.time)}"
    )
    return Anomaly(
        type="sibling-explosion",
        sentence=sentence,
        operations=(invocation.index, completion.index),
        key=key or None,
        time=worst.completion.time,
    )


def _stats(by_key: dict[str, list[Sight]], readings: list[Sight]) -> dict[str, Any]:
    """`series`: per key (time in ns, siblings shown, of which can be concurrent), for plotting."""
    return {
        "reads": len(readings),
        "max": max(reading.shown for reading in readings),
        "mean": round(sum(reading.shown for reading in readings) / len(readings), 3),
        "max_concurrent": max(reading.concurrent for reading in readings),
        "with_siblings": sum(reading.shown > 1 for reading in readings),
        "series": {
            key: [(reading.completion.time, reading.shown, reading.concurrent) for reading in found]
            for key, found in sorted(by_key.items())
            if found
        },
    }
