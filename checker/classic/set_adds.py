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
from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple

from checker import kernel
from checker import options as option
from checker.classic.element import identity, shown, times
from checker.classic.findings import Findings, anomaly, sample
from checker.history import History, Pair
from checker.operation import Operation
from checker.verdict import Anomaly, Verdict
from checker.wording import moment, told

RANK = {"ok": 2, "info": 1, "fail": 0}
"""Ends of an add, by how much they say for the element being there."""


Numbers = Any
"""Numbers of elements, in a list or an array."""


class Tally(NamedTuple):
    """The final read against the adds. Elements are numbers, in the order in which they were met.

    `ok` are all that were added and are there, `duplicated` has the element and how often it is there.
    """

    final: Operation
    ok: Numbers
    lost: Sequence[int]
    recovered: Numbers
    unexpected: Sequence[int]
    duplicated: Sequence[tuple[int, int]]
    failed: int


class Adds(NamedTuple):
    """What was tried and acknowledged, the tally (None without a final read), and what its numbers mean:
    all of them (`values`), or the least ones (`sample`)."""

    attempted: int
    acknowledged: int
    tally: Tally | None
    values: Callable[[Numbers], list[Any]]
    sample: Callable[[Numbers], list[Any]]
    add_of: Callable[[int], Pair]


def check(history: History, options: dict[str, Any]) -> Verdict:
    """Judge the final read. Takes no options."""
    option.only(options, "set")
    if history.table is not None and kernel.available():
        from checker.classic.client_columns import in_columns
        from checker.classic.set_columns import adds_of

        verdict = in_columns(history, lambda clients: _verdict(adds_of(clients)))
        if verdict is not None:
            return verdict
    return _verdict(_adds(history.pairs()))


def _adds(pairs: list[Pair]) -> Adds:
    elements: dict[Hashable, int] = {}
    names: list[Any] = []
    best: list[tuple[str, Pair]] = []
    for pair in pairs:
        if pair[0].f != "add":
            continue
        end = pair[1].type if pair[1] is not None else "info"
        at = elements.setdefault(identity(pair[0].value), len(names))
        if at == len(names):
            names.append(pair[0].value)
            best.append((end, pair))
        elif RANK[end] > RANK[best[at][0]]:
            best[at] = (end, pair)
    ends = [end for end, _ in best]
    final = _final_read(pairs)
    tally = _tally(final, ends, elements, names) if final is not None else None
    return Adds(
        attempted=len(ends),
        acknowledged=ends.count("ok"),
        tally=tally,
        values=lambda numbers: [names[at] for at in numbers],
        sample=lambda numbers: sample(names[at] for at in numbers),
        add_of=lambda at: best[at][1],
    )


def _final_read(pairs: list[Pair]) -> Operation | None:
    """The successful read that completed last."""
    reads = [end for begin, end in pairs if begin.f == "read" and end is not None and end.type == "ok"]
    return max((r for r in reads if isinstance(r.value, list)), key=lambda r: r.index, default=None)


def _tally(final: Operation, ends: list[str], elements: dict[Hashable, int], names: list[Any]) -> Tally:
    """Compare; what nobody had tried to add gets a number and a name."""
    seen: Counter[int] = Counter()
    for value in final.value:
        at = elements.setdefault(identity(value), len(names))
        if at == len(names):
            names.append(value)
        seen[at] += 1
    there = [at for at in range(len(ends)) if at in seen]
    return Tally(
        final=final,
        ok=there,
        lost=[at for at, end in enumerate(ends) if end == "ok" and at not in seen],
        recovered=[at for at in there if ends[at] != "ok"],
        unexpected=range(len(ends), len(names)),
        duplicated=[(at, count) for at, count in sorted(seen.items()) if count > 1],
        failed=sum(ends[at] == "fail" for at in there),
    )


def _verdict(adds: Adds) -> Verdict:
    tally = adds.tally
    counts = {"attempt-count": adds.attempted, "acknowledged-count": adds.acknowledged}
    if tally is None:
        doubt = "the set was never read, so nothing can be said about what it holds"
        return Findings().verdict(sound="", doubt=doubt, stats=counts)
    final = tally.final

    def name(at: int) -> Any:
        return adds.values([at])[0]

    findings = Findings()
    findings.report("lost", tally.lost, lambda at: _lost(adds.add_of(at), final))
    findings.report("unexpected", tally.unexpected, lambda at: _unexpected(name(at), final))
    findings.report(
        "duplicated", tally.duplicated, lambda found: _duplicated(name(found[0]), found[1], final)
    )
    lists: dict[str, Numbers] = {
        "ok": tally.ok,
        "lost": tally.lost,
        "recovered": tally.recovered,
        "unexpected": tally.unexpected,
        "duplicated": [at for at, _ in tally.duplicated],
    }
    stats: dict[str, Any] = dict(counts)
    for kind, elements in lists.items():
        stats |= {f"{kind}-count": len(elements), kind: adds.sample(elements)}
    sound = f"all {adds.acknowledged} acknowledged elements are in the final read"
    return findings.verdict(sound=sound, stats=stats, allowed={"failed-add": tally.failed})


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
