"""set: is everything that was added there when the set is read for the last time?

Operations are `add` of an element and `read` of all elements; the last successful read decides.

  lost         acknowledged, and not in the final read: invalid
  unexpected   in the final read, and nobody had tried to add it: invalid
  duplicated   in the final read more than once: invalid, a set holds an element once
  recovered    never acknowledged, and there all the same: allowed
  failed-add   certainly not added, by its client's word, and there all the same: counted in `allowed`

Cost: the number of entries plus the size of the final read.  Rules and names of fields: jepsen.checker/set.
Unlike there, an element that the final read shows twice is not overlooked.  Without a final read: unknown.
"""

from collections import Counter
from collections.abc import Hashable
from typing import Any

from checker import options as option
from checker.classic.element import identity, shown, times
from checker.classic.findings import Findings, anomaly, moment, sample
from checker.history import History, Pair
from checker.operation import Operation
from checker.verdict import Anomaly, Verdict
from checker.wording import told

RANK = {"ok": 2, "info": 1, "fail": 0}
"""Ends of an add, by how much they say for the element being there."""


class _Adds:
    """The adds of a history by element, the best known of each: acknowledged, then unknown, then failed."""

    def __init__(self, pairs: list[Pair]) -> None:
        self.by_element: dict[Hashable, tuple[str, Pair]] = {}
        for pair in pairs:
            if pair[0].f == "add":
                end = pair[1].type if pair[1] is not None else "info"
                key = identity(pair[0].value)
                known = self.by_element.get(key)
                if known is None or RANK[end] > RANK[known[0]]:
                    self.by_element[key] = (end, pair)

    def ended(self, *ends: str) -> set[Hashable]:
        return {key for key, (end, _) in self.by_element.items() if end in ends}

    def value(self, key: Hashable) -> Any:
        return self.by_element[key][1][0].value


def check(history: History, options: dict[str, Any]) -> Verdict:
    """Judge the final read. Takes no options."""
    option.only(options, "set")
    pairs = history.pairs()
    adds = _Adds(pairs)
    final = _final_read(pairs)
    counts = {
        "attempt-count": len(adds.by_element),
        "acknowledged-count": len(adds.ended("ok")),
    }
    if final is None:
        doubt = "the set was never read, so nothing can be said about what it holds"
        return Findings().verdict(sound="", doubt=doubt, stats=counts)
    return _judged(adds, final, counts)


def _final_read(pairs: list[Pair]) -> Operation | None:
    """The successful read that completed last."""
    reads = [end for begin, end in pairs if begin.f == "read" and end is not None and end.type == "ok"]
    return max((r for r in reads if isinstance(r.value, list)), key=lambda r: r.index, default=None)


def _judged(adds: _Adds, final: Operation, counts: dict[str, int]) -> Verdict:
    values = {identity(value): value for value in final.value}
    seen = Counter(identity(value) for value in final.value)
    there = values.keys() & adds.by_element.keys()
    lost = sorted(adds.ended("ok") - values.keys(), key=repr)
    unexpected = [key for key in values if key not in adds.by_element]
    duplicated = [key for key, count in seen.items() if count > 1]
    recovered = there - adds.ended("ok")
    findings = Findings()
    findings.report("lost", lost, lambda key: _lost(adds.by_element[key][1], final))
    findings.report("unexpected", unexpected, lambda key: _unexpected(values[key], final))
    findings.report("duplicated", duplicated, lambda key: _duplicated(values[key], seen[key], final))
    lists = {
        "ok": [values[key] for key in there],
        "lost": [adds.value(key) for key in lost],
        "recovered": [values[key] for key in recovered],
        "unexpected": [values[key] for key in unexpected],
        "duplicated": [values[key] for key in duplicated],
    }
    stats: dict[str, Any] = dict(counts)
    for name, elements in lists.items():
        stats |= {f"{name}-count": len(elements), name: sample(elements)}
    sound = f"all {counts['acknowledged-count']} acknowledged elements are in the final read"
    failed = len(there & adds.ended("fail"))
    return findings.verdict(sound=sound, stats=stats, allowed={"failed-add": failed})


def _lost(pair: Pair, final: Operation) -> Anomaly:
    sentence = (
        f"{shown(pair[0].value)} is lost: {told(pair)}, and the final read, by client {final.process} "
        f"{moment(final)}, does not hold it"
    )
    return anomaly("lost", sentence, *pair, final)


def _unexpected(value: Any, final: Operation) -> Anomaly:
    sentence = (
        f"the final read, by client {final.process} {moment(final)}, holds {shown(value)}, "
        "which nobody had tried to add"
    )
    return anomaly("unexpected", sentence, final)


def _duplicated(value: Any, count: int, final: Operation) -> Anomaly:
    sentence = (
        f"the final read, by client {final.process} {moment(final)}, holds {shown(value)} {times(count)}; "
        "a set holds an element once"
    )
    return anomaly("duplicated", sentence, final)
