"""Checkers that hold every read against a demand or two: one head for all of them.

A demand is a field of `Sight` that has to be empty, with the type and the sentence of what it means when it
is not.  Sloppy quorums promise nothing of the kind, so what is found is counted as allowed; with option
`mode` = `strict` it is a violation.  A read that cannot be judged, because somebody vanished whose write it
shows, counts as `undecided`.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from checker.dynamo import scale
from checker.dynamo.findings import Findings
from checker.dynamo.mode import conclusion
from checker.dynamo.sight import Sight, sights_of
from checker.history import History
from checker.verdict import Anomaly, Verdict
from checker.version_graph import KeyVersions, VersionGraph, graph_of
from checker.wording import plural


class Demand(NamedTuple):
    """`field` of a Sight is -1 where the demand is met, else the version about which `tell` speaks."""

    kind: str
    field: str
    tell: Callable[[VersionGraph, KeyVersions, Sight], Anomaly]


class Judged(NamedTuple):
    """How many reads could be judged and how many not, and how many of each kind break the demand."""

    reads: int
    undecided: int
    counts: dict[str, int]
    found: Findings


def judge(history: History, demands: tuple[Demand, ...], fine: str, condemned: bool) -> Verdict:
    """The verdict about all reads of all keys. `fine` says that all is well, with `{}` for the reads."""
    if scale.compiled(history):
        from checker.dynamo.read_columns import judged_columns

        judged = judged_columns(history, demands)
    else:
        judged = _judged(history, demands)
    reads = plural(judged.reads, "read")
    counts = {kind: count for kind, count in judged.counts.items() if count}
    bad = ", ".join(plural(count, kind) for kind, count in counts.items())
    allowed = f"{bad} among {reads}, which sloppy quorums allow" if bad else fine.format(reads)
    validity, reason = conclusion(sum(counts.values()) if condemned else 0, bad, judged.reads, allowed)
    rates = {
        f"{kind.replace('-', '_')}_rate": round(count / judged.reads, 6) if judged.reads else 0.0
        for kind, count in judged.counts.items()
    }
    return Verdict(
        validity=validity,
        reason=reason,
        anomalies=judged.found.told() if condemned else (),
        allowed={} if condemned else counts,
        stats={
            "reads": judged.reads,
            "undecided": judged.undecided,
            **rates,
            "found": judged.found.counts if condemned else {},
        },
    )


def _judged(history: History, demands: tuple[Demand, ...]) -> Judged:
    """Everything, without compiled code."""
    graph, found = graph_of(history), Findings()
    reads = undecided = 0
    for name, sights in sights_of(history).items():
        for sight in sights:
            undecided += sight.doubtful
            reads += not sight.doubtful
            for demand in demands if not sight.doubtful else ():
                if getattr(sight, demand.field) >= 0:
                    tell = partial(demand.tell, graph, graph.keys[name], sight)
                    found.add(demand.kind, sight.completion.index, 0, tell)
    counts = {demand.kind: found.counts.get(demand.kind, 0) for demand in demands}
    return Judged(reads, undecided, counts, found)
