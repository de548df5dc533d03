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

from checker.dynamo.mode import strict
from checker.dynamo.reads import Demand, judge
from checker.dynamo.sight import Sight
from checker.history import History
from checker.options import only
from checker.verdict import Anomaly, Verdict
from checker.version_graph import KeyVersions, Version, VersionGraph
from checker.wording import braces, seconds, told, who


def check(history: History, options: dict[str, Any]) -> Verdict:
    """Judge every read of every key."""
    only(options, "freshness", ("mode",))
    demands = (Demand("stale-read", "oldest", _missed), Demand("stale-delete", "deleted", _shows_deleted))
    return judge(history, demands, "all {} reflect what was acknowledged before them", strict(options))


def _missed(graph: VersionGraph, key: KeyVersions, sight: Sight) -> Anomaly:
    missed = key.versions[sight.oldest]
    more = f" (and {sight.missed - 1} more that it missed)" if sight.missed > 1 else ""
    sentence = (
        f"{_began(key, sight)}, after {missed.id} ({told(missed.pair)}), but {_returned(sight)}: nothing "
        f"there had seen {missed.id}{more}"
    )
    return _anomaly("stale-read", sentence, sight, missed)


def _shows_deleted(graph: VersionGraph, key: KeyVersions, sight: Sight) -> Anomaly:
    version = key.versions[sight.deleted]
    delete = deleted_by(key, version, sight)
    sentence = (
        f"{_began(key, sight)}, after a delete that had seen {version.id} ({told(delete.pair)}), but "
        f"{_returned(sight)}, {version.id} among them"
    )
    return _anomaly("stale-delete", sentence, sight, version, delete)


def _began(key: KeyVersions, sight: Sight) -> str:
    read = f"the {sight.invocation.f} of {key.key} by {who(sight.invocation)}"
    return f"{read} began at {seconds(sight.invocation.time)}"


def _returned(sight: Sight) -> str:
    return f"returned {braces(sight.completion.reads or ())}"


def deleted_by(key: KeyVersions, version: Version, sight: Sight) -> Version:
    """The first delete that had seen the version and was acknowledged before the observation began."""
    deletes = key.descendants(version.at) & key.deletes & ~version.bit
    return next(key.members(deletes & key.acknowledged_before(sight.invocation.index)))


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
