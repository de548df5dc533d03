"""Collects what a checker finds and turns it into a verdict: all counted, the first of each kind told.

A store that loses everything makes a million anomalies.  Sentences are built for the first LISTED of each
type only; `stats` count them all.
"""

import heapq
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from checker.operation import Operation
from checker.verdict import Anomaly, Validity, Verdict

T = TypeVar("T")

LISTED = 50
"""Anomalies of one type that get a sentence."""

VALUES_MAX = 1000
"""Elements of one list in the stats; the count beside it is complete."""


class Findings:
    """Anomalies of one check, by type in the order in which they were reported."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.anomalies: list[Anomaly] = []

    def report(self, kind: str, items: Sequence[T], tell: Callable[[T], Anomaly]) -> None:
        """Count all items; `tell` makes the anomaly of the first ones."""
        if items:
            self.counts[kind] = self.counts.get(kind, 0) + len(items)
            self.anomalies += [tell(item) for item in items[:LISTED]]

    def verdict(
        self, *, sound: str, stats: dict[str, Any], doubt: str = "", allowed: dict[str, int] | None = None
    ) -> Verdict:
        """Invalid when anything was reported, else unknown when there is a doubt, else valid: `sound`."""
        allowed = {kind: count for kind, count in (allowed or {}).items() if count}
        if self.counts:
            validity = Validity.INVALID
            reason = ", ".join(f"{count} {kind}" for kind, count in self.counts.items())
        elif doubt:
            validity, reason = Validity.UNKNOWN, doubt
        else:
            validity, reason = Validity.VALID, sound
        return Verdict(
            validity=validity, reason=reason, anomalies=tuple(self.anomalies), allowed=allowed, stats=stats
        )


def anomaly(kind: str, sentence: str, *proof: Operation | None) -> Anomaly:
    """An anomaly that these entries prove; it showed at the last of them."""
    entries = {operation.index: operation for operation in proof if operation is not None}
    last = entries[max(entries)] if entries else None
    time = last.time if last is not None and last.time >= 0 else None
    return Anomaly(type=kind, sentence=sentence, operations=tuple(sorted(entries)), time=time)


def sample(values: Iterable[Any]) -> list[Any]:
    """The values for the stats: the least, in order where they have one, and not too many."""
    all_values = list(values)
    return least(lambda: all_values)


def least(each: Callable[[], Iterable[Any]]) -> list[Any]:
    """The same of what `each` goes through, which may be asked twice."""
    try:
        return heapq.nsmallest(VALUES_MAX, each())
    except TypeError:
        return heapq.nsmallest(VALUES_MAX, each(), key=repr)
