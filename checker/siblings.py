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

import msgspec

from checker.history import History, Pair
from checker.verdict import Anomaly, Validity, Verdict
from checker.version_graph import KeyVersions, graph_of, observes
from checker.wording import plural, seconds, who


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """One read: how many siblings it showed, and how many of them can be concurrent."""

    pair: Pair
    count: int
    concurrent: int

    @property
    def time(self) -> int:
        """When the read completed."""
        assert self.pair[1] is not None
        return self.pair[1].time


def check(history: History, options: dict[str, Any]) -> Verdict:
    """Judge all reads. Takes no options."""
    graph = graph_of(history)
    by_key = {key: _readings(versions, graph.operations[key]) for key, versions in graph.keys.items()}
    readings = [reading for found in by_key.values() for reading in found]
    anomalies = tuple(
        _explosion(key, found) for key, found in by_key.items() if any(r.count > r.concurrent for r in found)
    )
    if not readings:
        return Verdict(validity=Validity.UNKNOWN, reason="no read succeeded, so no sibling was ever seen")
    most = max(reading.count for reading in readings)
    if anomalies:
        reason = f"{plural(len(anomalies), 'key')} with more siblings than concurrent writes, up to {most}"
    else:
        reason = f"at most {plural(most, 'sibling')}, all of them concurrent"
    validity = Validity.INVALID if anomalies else Validity.VALID
    return Verdict(validity=validity, reason=reason, anomalies=anomalies, stats=_stats(by_key, readings))


def _readings(key: KeyVersions, operations: list[Pair]) -> list[Reading]:
    """All reads of a key by time of completion. Ids that nobody wrote count as siblings of their own."""
    found = []
    for pair in operations:
        if observes(pair):
            assert pair[1] is not None
            reads = pair[1].reads or ()
            unwritten = len({name for name in reads if name not in key.by_id})
            concurrent = key.maximal(key.mask(reads)).bit_count() + unwritten
            found.append(Reading(pair=pair, count=len(reads), concurrent=concurrent))
    return sorted(found, key=lambda reading: reading.pair[1].index if reading.pair[1] else 0)


def _explosion(key: str, readings: list[Reading]) -> Anomaly:
    wrong = [reading for reading in readings if reading.count > reading.concurrent]
    worst = max(wrong, key=lambda reading: reading.count - reading.concurrent)
    invocation, completion = worst.pair
    assert completion is not None
    sentence = (
        f"the {invocation.f} of {key} by {who(invocation)} at {seconds(worst.time)} showed "
        f"{plural(worst.count, 'sibling')}, of which {worst.concurrent} can be concurrent; "
        f"{len(wrong)} of {plural(len(readings), 'read')} of the key showed too many, "
        f"first at {seconds(wrong[0].time)}"
    )
    return Anomaly(
        type="sibling-explosion",
        sentence=sentence,
        operations=(invocation.index, completion.index),
        key=key or None,
        time=worst.time,
    )


def _stats(by_key: dict[str, list[Reading]], readings: list[Reading]) -> dict[str, Any]:
    """`series`: per key (time in ns, siblings shown, of which can be concurrent), for plotting."""
    return {
        "reads": len(readings),
        "max": max(reading.count for reading in readings),
        "mean": round(sum(reading.count for reading in readings) / len(readings), 3),
        "max_concurrent": max(reading.concurrent for reading in readings),
        "with_siblings": sum(reading.count > 1 for reading in readings),
        "series": {
            key: [(reading.time, reading.count, reading.concurrent) for reading in found]
            for key, found in sorted(by_key.items())
            if found
        },
    }
