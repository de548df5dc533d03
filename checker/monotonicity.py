"""Does a client ever lose sight of what it was shown, or of what it wrote itself?

Per client and key, in the order in which the client did things:

  forgotten-version   a read does not account for a version that an earlier read of the same client showed
                      (monotonic reads, Terry et al. 1994)
  unread-write        a read does not account for a write that the same client had acknowledged before (read
                      your writes)

*Accounts for* is defined in `dynamo/sight.py`: shown, or seen by what is shown, or by a delete under way.
Sloppy quorums promise neither, so both are counted as allowed, with their rate; with option `mode` = `strict`
each is a violation.  A read that cannot be judged, because somebody vanished whose write it shows, counts as
`undecided`.  At most one anomaly of each type per read, about the version that was written first.

Cost: one pass, compiled for large histories.  Options: `mode`.
"""

from typing import Any

from checker.dynamo.mode import strict
from checker.dynamo.reads import Demand, judge
from checker.dynamo.sight import Sight
from checker.history import History
from checker.options import only
from checker.verdict import Anomaly, Verdict
from checker.version_graph import KeyVersions, VersionGraph
from checker.wording import braces, seconds, told, who


def check(history: History, options: dict[str, Any]) -> Verdict:
    """Judge every read of every client."""
    only(options, "monotonicity", ("mode",))
    demands = (
        Demand("forgotten-version", "forgotten", _forgotten),
        Demand("unread-write", "unread", _unread),
    )
    fine = "in all {} clients see what they saw and wrote before"
    return judge(history, demands, fine, strict(options))


def _forgotten(graph: VersionGraph, key: KeyVersions, sight: Sight) -> Anomaly:
    version = key.versions[sight.forgotten]
    begun, ended = graph.last_shown(key, version, sight.pair)
    assert ended is not None
    sentence = (
        f"{who(sight.invocation)} was shown {version.id} by its {begun.f} of {key.key} at "
        f"{seconds(ended.time)}; {_later(sight)} had seen {version.id}"
    )
    return _anomaly("forgotten-version", sentence, sight, (begun.index, ended.index))


def _unread(graph: VersionGraph, key: KeyVersions, sight: Sight) -> Anomaly:
    version = key.versions[sight.unread]
    sentence = (
        f"{who(sight.invocation)} wrote {version.id} itself ({told(version.pair)}); "
        f"{_later(sight)} had seen {version.id}"
    )
    proof = tuple(entry.index for entry in version.pair if entry is not None)
    return _anomaly("unread-write", sentence, sight, proof)


def _later(sight: Sight) -> str:
    return (
        f"its {sight.invocation.f} at {seconds(sight.invocation.time)} returned "
        f"{braces(sight.completion.reads or ())}, and nothing there"
    )


def _anomaly(kind: str, sentence: str, sight: Sight, proof: tuple[int, ...]) -> Anomaly:
    return Anomaly(
        type=kind,
        sentence=sentence,
        operations=tuple(sorted({*proof, sight.invocation.index, sight.completion.index})),
        key=sight.invocation.key,
        time=sight.completion.time,
    )
