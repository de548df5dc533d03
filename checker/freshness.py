"""Does every read reflect all writes acknowledged before it began? The regular register, with siblings.

A read is fresh when each write that was acknowledged before it began is in the answer, or had been seen by
something in the answer, or by a delete that was under way (`dynamo/sight.py`).  Otherwise:

  stale-read     an acknowledged write is not accounted for
  stale-delete   a version is shown although a delete that had seen it was acknowledged before

With strict quorums (R + W > N, primaries only) neither can happen: every read quorum has a replica that knows
the write.  With option `mode` = `strict` each is a violation; otherwise (`sloppy`) it is counted as allowed,
with its rate.  No false alarm: a read that accounts for a version whose client vanished before anybody knew
what it had replaced is not judged, but counted as `undecided`.

Cost: one pass, compiled for large histories.  Options: `mode`.
"""

from typing import Any

from checker.dynamo.mode import conclusion, first_of, strict
from checker.dynamo.sight import Sight, sights_of
from checker.history import History
from checker.options import only
from checker.verdict import Anomaly, Verdict
from checker.version_graph import KeyVersions, Version, graph_of
from checker.wording import braces, plural, seconds, told, who


def check(history: History, options: dict[str, Any]) -> Verdict:
    """Judge every read of every key."""
    only(options, "freshness", ("mode",))
    condemned = strict(options)
    graph = graph_of(history)
    reads = undecided = stale = back = 0
    anomalies: list[Anomaly] = []
    for name, sights in sights_of(history).items():
        for sight in sights:
            reads += not sight.doubtful
            undecided += sight.doubtful
            if sight.doubtful or (not sight.missed and sight.deleted < 0):
                continue
            stale += sight.missed > 0
            back += sight.deleted >= 0
            if condemned:
                anomalies += _told(graph.keys[name], sight)
    counts = {"stale-read": stale, "stale-delete": back}
    bad = ", ".join(f"{plural(count, name)}" for name, count in counts.items() if count)
    fine = f"all {plural(reads, 'read')} reflect what was acknowledged before them"
    allowed = f"{bad} among {plural(reads, 'read')}, which sloppy quorums allow" if bad else fine
    validity, reason = conclusion(len(anomalies), bad, reads, allowed)
    return Verdict(
        validity=validity,
        reason=reason,
        anomalies=first_of(anomalies),
        allowed={} if condemned else {name: count for name, count in counts.items() if count},
        stats={
            "reads": reads,
            "undecided": undecided,
            "stale_read_rate": round(stale / reads, 6) if reads else 0.0,
            "stale_delete_rate": round(back / reads, 6) if reads else 0.0,
        },
    )


def _told(key: KeyVersions, sight: Sight) -> list[Anomaly]:
    found = []
    shown = f"returned {braces(sight.completion.reads or ())}"
    read = f"the {sight.invocation.f} of {key.key} by {who(sight.invocation)} began at"
    read += f" {seconds(sight.invocation.time)}"
    if sight.missed:
        missed = key.versions[sight.oldest]
        more = f" (and {sight.missed - 1} more that it missed)" if sight.missed > 1 else ""
        sentence = (
            f"{read}, after {missed.id} ({told(missed.pair)}), but {shown}: nothing there had seen "
            f"{missed.id}{more}"
        )
        found.append(_anomaly("stale-read", sentence, sight, missed))
    if sight.deleted >= 0:
        version = key.versions[sight.deleted]
        delete = deleted_by(key, version, sight)
        sentence = (
            f"{read}, after a delete that had seen {version.id} ({told(delete.pair)}), but {shown}, "
            f"{version.id} among them"
        )
        found.append(_anomaly("stale-delete", sentence, sight, version, delete))
    return found


def deleted_by(key: KeyVersions, version: Version, sight: Sight) -> Version:
    """The first delete that had seen the version and was acknowledged before the observation began."""
    return next(
        later
        for later in key.members(key.descendants(version) & key.deletes)
        if later is not version and later.acknowledged_before(sight.invocation)
    )


def _anomaly(kind: str, sentence: str, sight: Sight, *versions: Version) -> Anomaly:
    proof = {sight.invocation.index, sight.completion.index}
    for version in versions:
        proof.update(entry.index for entry in version.pair if entry is not None)
    return Anomaly(
        type=kind,
        sentence=sentence,
        operations=tuple(sorted(proof)),
        key=sight.invocation.key,
        time=sight.completion.time,
    )
