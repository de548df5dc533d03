"""From flags and cycles to a verdict: what was found, and what of it matters for the wanted models."""

from dataclasses import dataclass, field
from typing import Any

from checker.txn import flags, models
from checker.txn.columns import OK, TxnColumns
from checker.txn.cycles import SHOWN, search
from checker.txn.explain import Story
from checker.txn.graph import Graph
from checker.txn.options import Wanted
from checker.txn.place import Ints
from checker.txn.shapes import SHAPES, search_shape
from checker.txn.writers import Writers
from checker.verdict import Anomaly, Validity, Verdict

LISTED = 20
"""Anomalies of one type that are told. The counts in `stats` are complete."""

EMPTY = "empty-transaction-graph"


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """What is known about a history before cycles are looked for.

    `updater` is, per version, the first micro-operation that updated it; `ambiguous` how many writes repeat a
    value, whose keys are left out of everything; `longest`, for lists only, the longest read of every key;
    `rings`, for registers only, versions that come before each other, by the write that is flagged for it;
    `related`: does anything come before anything?
    """

    columns: TxnColumns
    writers: Writers
    graph: Graph
    related: bool
    updater: Ints
    ambiguous: int = 0
    longest: Ints | None = None
    rings: dict[int, list[int]] = field(default_factory=dict)

    def flagged(self) -> dict[int, list[int]]:
        """The micro-operations that have a flag, by flag, in the order of the history."""
        column = self.writers.flags
        marked = (
            [m for m, flag in enumerate(column) if flag] if isinstance(column, list) else column.nonzero()[0]
        )
        found: dict[int, list[int]] = {}
        for m in marked:
            for bit in range(12):
                if int(column[m]) >> bit & 1:
                    found.setdefault(1 << bit, []).append(int(m))
        return found


def judged(analysis: Analysis, wanted: Wanted) -> Verdict:
    """The verdict; `stats` hold every count, the models that are broken, and the cycles step by step."""
    story = Story(analysis.columns, analysis.writers, analysis.updater, analysis.longest, analysis.rings)
    flagged = analysis.flagged()
    cycles, counts = search(analysis.graph, wanted.levels)
    for name in sorted(set(SHAPES) & set(wanted.anomalies)):
        shaped = search_shape(analysis.graph, name, story.key_of_step)
        counts.update({name: len(shaped)} if shaped else {})
        cycles += shaped[:SHOWN]
    told = [(cycle.type, *story.cycle(cycle), cycle) for cycle in cycles]
    counts.update({flags.ANOMALIES[bit]: len(at) for bit, at in flagged.items() if bit in flags.ANOMALIES})
    anomalies = [
        _flag_anomaly(story, bit, m)
        for bit, at in flagged.items()
        if flags.ANOMALIES.get(bit) in wanted.bad
        for m in at[:LISTED]
    ]
    for name, sentence, _, cycle in told:
        if name in wanted.bad:
            rows = [step.source for step in cycle.steps]
            anomalies.append(_anomaly(story, name, sentence, rows, _key(story, cycle.steps[0])))
    return _verdict(analysis, wanted, counts, anomalies, ([data for _, _, data, _ in told], flagged))


def _verdict(
    analysis: Analysis,
    wanted: Wanted,
    counts: dict[str, int],
    anomalies: list[Anomaly],
    details: tuple[list[dict[str, Any]], dict[int, list[int]]],
) -> Verdict:
    cycles, flagged = details
    bad = {name: count for name, count in counts.items() if name in wanted.bad}
    weakest, stronger = models.violated(counts)
    empty = not analysis.related
    doubts = _doubts(analysis.ambiguous, empty)
    status = analysis.columns.status
    committed = status.count(OK) if isinstance(status, list) else int((status == OK).sum())
    if bad:
        broken = f"; this is not {' or '.join(weakest)}" if weakest else ""
        reason = ", ".join(f"{count} {name}" for name, count in sorted(bad.items())) + broken
        validity = Validity.INVALID
    elif doubts:
        validity, reason = Validity.UNKNOWN, "; ".join(doubts)
    else:
        asked = " and ".join((*wanted.models, *(f"no {name}" for name in wanted.anomalies)))
        reason = f"{committed} acknowledged transactions show nothing that contradicts: {asked or 'nothing'}"
        validity = Validity.VALID
    allowed = {name: count for name, count in counts.items() if name not in wanted.bad}
    if flags.UNWRITTEN in flagged:
        allowed["unwritten-read"] = len(flagged[flags.UNWRITTEN])
    stats = {
        "transactions": len(analysis.columns.status),
        "acknowledged": committed,
        "anomaly_types": sorted([*bad, *([EMPTY] if empty else [])]),
        "counts": dict(sorted(counts.items())),
        "not": weakest,
        "also_not": stronger,
        "cycles": cycles,
    }
    return Verdict(validity=validity, reason=reason, anomalies=tuple(anomalies), allowed=allowed, stats=stats)


def _doubts(ambiguous: int, empty: bool) -> list[str]:
    doubts = []
    if ambiguous:
        doubts.append(
            f"{ambiguous} written values are not unique for their key, so nobody can know which was read"
        )
    if empty:
        doubts.append("no transaction depends on another, so the history proves nothing")
    return doubts


def _flag_anomaly(story: Story, bit: int, micro: int) -> Anomaly:
    sentence, rows = story.wrong(micro, bit)
    return _anomaly(story, flags.ANOMALIES[bit], sentence, list(rows), str(story.key_of(micro)))


def _key(story: Story, step: Any) -> str | None:
    key = story.key_of_step(step)
    return None if key is None else str(key)


def _anomaly(story: Story, name: str, sentence: str, rows: list[int], key: str | None) -> Anomaly:
    times = story.columns.times
    time = max((int(times[row]) for row in rows), default=-1) if len(times) else -1
    return Anomaly(
        type=name,
        sentence=sentence,
        operations=story.entries(*rows),
        key=key,
        time=time if time >= 0 else None,
    )
