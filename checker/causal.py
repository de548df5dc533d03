"""Did the store keep exactly the versions that nobody had replaced?

The strongest check that needs nothing but what clients wrote and saw.  Every observation (a read, or the
read in a read-modify-write) is held against the version graph (`version_graph.py`):

  phantom-version      it shows a version that nobody had written by then, or whose write had failed
  duplicate-sibling    it shows one version twice
  false-sibling        it shows two versions as concurrent although one had seen the other
  causal-cycle         two writes had each seen the other: at least one answer came from the future

A final read (`final_reads.py`, with the argument why there is no false alarm) must in addition show exactly
the causally maximal versions:

  lost-write           an acknowledged write is not there, and nothing that had seen it accounts for it
  resurrected-delete   a version is there that an acknowledged delete had seen
  resurrected-version  a version is there that an acknowledged write had seen

Why the first four raise no false alarm at any time, faults or not: a version's context becomes part of the
clock of every state that holds the version, so no state, and no merge of states, holds it beside something
that it replaced; a read-modify-write reads before it writes, so nobody can see a version before its
invocation; and a write that failed without effect has no version to show.

A sloppy quorum may answer with an older state.  That is counted, not condemned:

  stale-read           a read before the end does not account for a write acknowledged before it began
  stale-delete         a read before the end shows what a delete, acknowledged before it began, had seen

One anomaly is reported per version and type, at the first operation that shows it, and at most LISTED of a
type; the reason has the full count.

Without a successful final read of every written key nothing can be said about lost writes: unknown, unless
something else is invalid.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from checker.dynamo.sight import Sight, sights_of
from checker.final_reads import Ending, Reading, endings
from checker.history import History, Pair
from checker.operation import Operation
from checker.verdict import Anomaly, Validity, Verdict
from checker.version_graph import KeyVersions, Version, VersionGraph, graph_of
from checker.wording import braces, listed, seconds, told, who

LISTED = 50
"""Anomalies of one type that are listed. A store without dots makes thousands of false siblings."""


def check(history: History, options: dict[str, Any]) -> Verdict:
    """Judge all keys. Takes no options."""
    graph = graph_of(history)
    sights = sights_of(history)
    staleness = _Staleness()
    anomalies: list[Anomaly] = []
    for key, versions in graph.keys.items():
        anomalies += _cycles(versions)
        reported: set[tuple[str, str]] = set()
        for sight in sights[key]:
            if sight.suspect:
                anomalies += _observation(graph, versions, sight.pair, reported)
            staleness.measure(sight)
        anomalies += _end(graph, endings(history)[key])
    return _verdict(history, anomalies, staleness)


def _verdict(history: History, anomalies: list[Anomaly], staleness: "_Staleness") -> Verdict:
    doubts = [ending.doubt for ending in endings(history).values() if ending.doubt]
    stats = {
        "writes": sum(len(key.versions) for key in graph_of(history).keys.values()),
        "acknowledged": sum(ending.acknowledged for ending in endings(history).values()),
        "final_reads": sum(len(ending.readings) for ending in endings(history).values()),
        **staleness.stats(),
    }
    allowed = {name: count for name, count in staleness.found.items() if count}
    anomalies.sort(key=lambda anomaly: (anomaly.time or 0, anomaly.operations))
    counts = Counter(anomaly.type for anomaly in anomalies)
    if anomalies:
        validity, reason = Validity.INVALID, ", ".join(f"{n} {name}" for name, n in counts.most_common())
    elif doubts:
        validity, reason = Validity.UNKNOWN, f"lost writes cannot be judged: {listed(doubts)}"
    elif not stats["acknowledged"]:
        validity, reason = Validity.UNKNOWN, "the history has no acknowledged write to judge"
    else:
        validity = Validity.VALID
        reason = (
            f"all {stats['acknowledged']} acknowledged writes are there, or replaced by one that saw them"
        )
    return Verdict(
        validity=validity, reason=reason, anomalies=_first_of_each(anomalies), allowed=allowed, stats=stats
    )


def _first_of_each(anomalies: list[Anomaly]) -> tuple[Anomaly, ...]:
    """At most LISTED of each type, in their order."""
    room: Counter[str] = Counter({anomaly.type: LISTED for anomaly in anomalies})
    listed_ones = []
    for anomaly in anomalies:
        if room[anomaly.type]:
            room[anomaly.type] -= 1
            listed_ones.append(anomaly)
    return tuple(listed_ones)


# --- every observation -----------------------------------------------------------------------------


def _observation(
    graph: VersionGraph, key: KeyVersions, pair: Pair, reported: set[tuple[str, str]]
) -> Iterator[Anomaly]:
    """Phantoms, duplicates and false siblings in what one operation saw; `reported` ones are left out."""
    completion = pair[1]
    assert completion is not None
    reads = completion.reads or ()

    def new(kind: str, name: str) -> bool:
        known = (kind, name) in reported
        reported.add((kind, name))
        return not known

    for name, count in Counter(reads).items():
        why = _phantom(graph, key, name, pair)
        if why and new("phantom-version", name):
            sentence = f"{_shown(pair)} {name}, {why}"
            yield _anomaly("phantom-version", sentence, key.key, completion, graph.find(name))
        if count > 1 and new("duplicate-sibling", name):
            sentence = f"{_shown(pair)} {name} {count} times; a version is one sibling"
            yield _anomaly("duplicate-sibling", sentence, key.key, completion, key.by_id.get(name))
    shown = key.mask(reads)
    for older in key.members(shown & ~key.maximal(shown)):
        if new("false-sibling", older.id):
            yield _false_sibling(graph, key, pair, older)


def _false_sibling(graph: VersionGraph, key: KeyVersions, pair: Pair, older: Version) -> Anomaly:
    assert pair[1] is not None
    reads = pair[1].reads or ()
    newer = next(version for version in key.members(key.mask(reads)) if key.has_seen(version, older))
    chain = graph.path(newer.id, older.id)
    through = f" (through {listed(chain[1:-1])})" if len(chain) > 2 else ""
    sentence = (
        f"{_shown(pair)} {braces(reads)}: {newer.id} had seen {older.id}{through} and replaced it, "
        "so the two cannot be siblings"
    )
    return _anomaly("false-sibling", sentence, key.key, pair[1], older, newer)


def _phantom(graph: VersionGraph, key: KeyVersions, name: str, pair: Pair) -> str:
    """Why the operation cannot have seen this version; empty when it can."""
    version = graph.find(name)
    if version is None:
        return "which nobody had written"
    if version.key != key.key:
        return f"which was written to {version.key} by {told(version.pair)}"
    if version.invocation is pair[0]:
        return "which it had yet to write itself"
    assert pair[1] is not None
    if version.invocation.index > pair[1].index:
        return (
            f"which was not written before {seconds(version.invocation.time)}, by {who(version.invocation)}"
        )
    if version.outcome == "fail":
        return f"whose write certainly had no effect: {told(version.pair)}"
    if version.is_delete:
        return "which is a delete: it replaces what it saw and has nothing to show"
    return ""


def _cycles(key: KeyVersions) -> Iterator[Anomaly]:
    for names in key.cycles:
        versions = [key.by_id[name] for name in names]
        sentence = (
            f"writes to {key.key} had seen each other in a circle: {' saw '.join([*names, names[0]])}; "
            "each client reads before it writes, so one of the reads showed the future"
        )
        last = max((v.completion or v.invocation for v in versions), key=lambda o: o.index)
        yield _anomaly("causal-cycle", sentence, key.key, last, *versions)


def _shown(pair: Pair) -> str:
    assert pair[1] is not None
    final = "final " if pair[1].final else ""
    return f"the {final}{pair[0].f} of {pair[0].key} by {who(pair[0])} at {seconds(pair[1].time)} was shown"


# --- the end of a key ------------------------------------------------------------------------------


def _end(graph: VersionGraph, ending: Ending) -> Iterator[Anomaly]:
    """Lost and resurrected versions, each reported at the first final read that shows it."""
    lost: set[str] = set()
    back: set[str] = set()
    for reading in ending.readings:
        for version in reading.lost:
            if version.id not in lost:
                yield _lost(ending.key, version, reading)
            lost.add(version.id)
        for version, replaced_by in reading.back:
            if version.id not in back:
                yield _resurrected(graph, ending.key, version, replaced_by, reading)
            back.add(version.id)


def _lost(key: KeyVersions, version: Version, reading: Reading) -> Anomaly:
    sentence = (
        f"{version.id} ({told(version.pair)}) is lost: the final read of {key.key} by "
        f"{who(reading.invocation)} at {seconds(reading.completion.time)} returned "
        f"{braces(reading.completion.reads or ())}, and nothing there had seen {version.id}"
    )
    return _anomaly("lost-write", sentence, key.key, reading.completion, version)


def _resurrected(
    graph: VersionGraph, key: KeyVersions, version: Version, replaced_by: Version, reading: Reading
) -> Anomaly:
    kind = "resurrected-delete" if replaced_by.is_delete else "resurrected-version"
    done = "deleted" if replaced_by.is_delete else "replaced"
    chain = graph.path(replaced_by.id, version.id)
    through = f", through {listed(chain[1:-1])}," if len(chain) > 2 else ""
    sentence = (
        f"{version.id} is back: {replaced_by.id} ({told(replaced_by.pair)}) had seen it{through} and {done} "
        f"it, but the final read of {key.key} by {who(reading.invocation)} "
        f"at {seconds(reading.completion.time)} returned {braces(reading.completion.reads or ())}"
    )
    return _anomaly(kind, sentence, key.key, reading.completion, version, replaced_by)


def _anomaly(kind: str, sentence: str, key: str, shown: Operation, *versions: Version | None) -> Anomaly:
    """`shown` is the entry that shows it; the writes of the versions are part of the proof."""
    proof = {shown.index}
    for version in versions:
        if version is not None:
            proof.add(version.invocation.index)
            if version.completion is not None:
                proof.add(version.completion.index)
    return Anomaly(
        type=kind, sentence=sentence, operations=tuple(sorted(proof)), key=key or None, time=shown.time
    )


# --- what the mode allows --------------------------------------------------------------------------


class _Staleness:
    """Counts reads before the end that do not reflect what had been acknowledged when they began."""

    def __init__(self) -> None:
        self.reads = 0
        self.found = {"stale-read": 0, "stale-delete": 0}

    def measure(self, sight: Sight) -> None:
        """Count one observation, unless it is a final read."""
        if not sight.final:
            self.reads += 1
            self.found["stale-read"] += sight.missed > 0
            self.found["stale-delete"] += sight.deleted >= 0

    def stats(self) -> dict[str, Any]:
        """Counts and rates for the verdict."""
        rates = {
            f"{name.replace('-', '_')}_rate": round(count / self.reads, 4) if self.reads else 0.0
            for name, count in self.found.items()
        }
        return {"reads": self.reads, **rates}
