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

from checker.dynamo.mode import conclusion, first_of, strict
from checker.dynamo.sight import Sight, sights_of
from checker.history import History
from checker.options import only
from checker.verdict import Anomaly, Verdict
from checker.version_graph import KeyVersions, graph_of
from checker.wording import braces, plural, seconds, told, who


def check(history: History, options: dict[str, Any]) -> Verdict:
    """Judge every read of every client."""
    only(options, "monotonicity", ("mode",))
    condemned = strict(options)
    graph = graph_of(history)
    reads = undecided = forgotten = unread = 0
    anomalies: list[Anomaly] = []
    for name, sights in sights_of(history).items():
        for at, sight in enumerate(sights):
            if sight.doubtful:
                undecided += 1
                continue
            reads += 1
            forgotten += sight.forgotten >= 0
            unread += sight.unread >= 0
            if condemned and sight.forgotten >= 0:
                anomalies.append(_forgotten(graph.keys[name], sights, at))
            if condemned and sight.unread >= 0:
                anomalies.append(_unread(graph.keys[name], sight))
    counts = {"forgotten-version": forgotten, "unread-write": unread}
    bad = ", ".join(plural(count, name) for name, count in counts.items() if count)
    fine = f"in all {plural(reads, 'read')} clients see what they saw and wrote before"
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
            "forgotten_version_rate": round(forgotten / reads, 6) if reads else 0.0,
            "unread_write_rate": round(unread / reads, 6) if reads else 0.0,
        },
    )


def _forgotten(key: KeyVersions, sights: list[Sight], at: int) -> Anomaly:
    sight, version = sights[at], key.versions[sights[at].forgotten]
    earlier = next(
        other
        for other in reversed(sights[:at])
        if other.invocation.process == sight.invocation.process
        and version.id in (other.completion.reads or ())
    )
    sentence = (
        f"{who(sight.invocation)} was shown {version.id} by its {earlier.invocation.f} of {key.key} at "
        f"{seconds(earlier.completion.time)}; {_later(sight)} had seen {version.id}"
    )
    proof = (earlier.invocation.index, earlier.completion.index)
    return _anomaly("forgotten-version", sentence, sight, proof)


def _unread(key: KeyVersions, sight: Sight) -> Anomaly:
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
