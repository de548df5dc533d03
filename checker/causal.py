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

One anomaly is reported per version and type, at the first operation that shows it.  The first of each type
are listed; the reason and `stats["found"]` have the full counts.

Without a successful final read of every written key nothing can be said about lost writes: unknown, unless
something else is invalid.

Cost: one pass, compiled for large histories (`dynamo/causal_columns.py`).
"""

from collections import Counter
from functools import partial
from typing import Any

import msgspec

from checker.dynamo import scale, sentences
from checker.dynamo.findings import Findings
from checker.dynamo.sight import Sight, sights_of
from checker.final_reads import Ending, endings
from checker.history import History
from checker.options import only
from checker.verdict import Validity, Verdict
from checker.version_graph import KeyVersions, VersionGraph, graph_of
from checker.wording import listed


class Totals(msgspec.Struct, kw_only=True):
    """What was counted over all keys. `reads` are those before the end, of which some are stale."""

    writes: int = 0
    acknowledged: int = 0
    final_reads: int = 0
    reads: int = 0
    stale: int = 0
    deleted: int = 0
    doubts: list[str] = msgspec.field(default_factory=list)

    def measure(self, sight: Sight) -> None:
        """Count one observation, unless it is a final read."""
        if not sight.final:
            self.reads += 1
            self.stale += sight.missed > 0
            self.deleted += sight.deleted >= 0

    def conclude(self, ending: Ending) -> None:
        """Count the end of a key."""
        self.acknowledged += ending.acknowledged
        self.final_reads += len(ending.readings)
        self.doubts += [ending.doubt] if ending.doubt else []


def check(history: History, options: dict[str, Any]) -> Verdict:
    """Judge all keys. Takes no options."""
    only(options, "causal")
    if scale.compiled(history):
        from checker.dynamo import causal_columns

        found, totals = causal_columns.gathered(history)
    else:
        found, totals = _gathered(history)
    return _verdict(found, totals)


def _verdict(found: Findings, totals: Totals) -> Verdict:
    counts = found.counts
    if counts:
        validity, reason = Validity.INVALID, ", ".join(f"{n} {name}" for name, n in counts.items())
    elif totals.doubts:
        validity, reason = Validity.UNKNOWN, f"lost writes cannot be judged: {listed(totals.doubts)}"
    elif not totals.acknowledged:
        validity, reason = Validity.UNKNOWN, "the history has no acknowledged write to judge"
    else:
        validity = Validity.VALID
        reason = f"all {totals.acknowledged} acknowledged writes are there, or replaced by one that saw them"
    allowed = {"stale-read": totals.stale, "stale-delete": totals.deleted}
    return Verdict(
        validity=validity,
        reason=reason,
        anomalies=found.told(),
        allowed={name: count for name, count in allowed.items() if count},
        stats={
            "writes": totals.writes,
            "acknowledged": totals.acknowledged,
            "final_reads": totals.final_reads,
            "reads": totals.reads,
            "stale_read_rate": round(totals.stale / totals.reads, 4) if totals.reads else 0.0,
            "stale_delete_rate": round(totals.deleted / totals.reads, 4) if totals.reads else 0.0,
            "found": counts,
        },
    )


def _gathered(history: History) -> tuple[Findings, Totals]:
    """Everything, without compiled code."""
    graph, sights = graph_of(history), sights_of(history)
    found, totals = Findings(), Totals()
    for name, key in graph.keys.items():
        add_circles(found, key)
        reported: set[tuple[str, str]] = set()
        for sight in sights[name]:
            if sight.suspect:
                _add_observed(found, graph, (key, sight), reported)
            totals.measure(sight)
        ending = endings(history)[name]
        _add_end(found, ending)
        totals.conclude(ending)
        totals.writes += len(key.versions)
    return found, totals


def add_circles(found: Findings, key: KeyVersions) -> None:
    """Writes of the key that had seen each other."""
    for number, names in enumerate(key.cycles):
        end = sentences.circle_end(key, names)
        found.add("causal-cycle", end.index, number, partial(sentences.circle, key, names))


def _add_observed(
    found: Findings, graph: VersionGraph, what: tuple[KeyVersions, Sight], reported: set[tuple[str, str]]
) -> None:
    """Phantoms, duplicates and false siblings in what one operation saw; `reported` ones are left out."""
    key, sight = what
    reads, entry = sight.completion.reads or (), sight.completion.index

    def new(kind: str, name: str) -> bool:
        known = (kind, name) in reported
        reported.add((kind, name))
        return not known

    for name, count in Counter(reads).items():
        if sentences.why_phantom(graph, key, name, sight.pair) and new("phantom-version", name):
            tell = partial(sentences.phantom, graph, key, name, sight.pair)
            found.add("phantom-version", entry, reads.index(name), tell)
        if count > 1 and new("duplicate-sibling", name):
            tell = partial(sentences.duplicate, key, name, sight.pair)
            found.add("duplicate-sibling", entry, reads.index(name), tell)
    shown = key.mask(reads)
    for at in key.places(shown & ~key.maximal(shown)):
        if new("false-sibling", key.versions[at].id):
            found.add("false-sibling", entry, at, partial(sentences.false_sibling, key, at, sight.pair))


def _add_end(found: Findings, ending: Ending) -> None:
    """Lost and resurrected versions, each at the first final read that shows it."""
    key, lost, back = ending.key, 0, 0
    for reading in ending.readings:
        entry = reading.pair[1].index if reading.pair[1] is not None else -1
        for at in key.places(reading.lost & ~lost):
            found.add("lost-write", entry, at, partial(sentences.lost, key, at, reading.pair))
        for at, by in reading.back:
            if not back >> at & 1:
                kind = "resurrected-delete" if key.deletes >> by & 1 else "resurrected-version"
                found.add(kind, entry, at, partial(sentences.resurrected, key, at, by, reading.pair))
            back |= 1 << at
        lost |= reading.lost
