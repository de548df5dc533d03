"""queue and total-queue: does everything that comes out of a queue come from somewhere, and come out at all?

Operations are `enqueue` of an element, `dequeue` of one, and `drain` of all that is left (a list).

`queue` replays the history on an unordered queue: an enqueue that did not fail may have taken effect as soon
as it began, a successful dequeue takes its element when it ends.  An element that is not there is
`unexpected`.  It says nothing about order (`linearizable` with the model `fifo-queue` does).

`total-queue` counts every element over the whole history, and so needs one that was drained at the end:

  lost          acknowledged more often than it came out: invalid
  unexpected    came out, and nobody had tried to put it in: invalid
  duplicated    came out more often than it went in: allowed, most queues deliver at least once
  recovered     its enqueue was not acknowledged, and it came out: allowed

A dequeue of unknown outcome may have taken an element along.  As in Jepsen such an element is lost all the
same (nobody got it); its sentence says how many dequeues may be to blame.

Cost: one pass, then the number of different elements.  Rules and fields: jepsen.checker/queue and
/total-queue.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, NamedTuple

from checker import kernel
from checker import options as option
from checker.classic.element import identity, shown
from checker.classic.findings import LISTED, VALUES_MAX, Findings, anomaly, sample
from checker.history import History, Pair
from checker.verdict import Anomaly, Verdict
from checker.wording import plural, told, who


class Replay(NamedTuple):
    """What a queue did: `taken` elements came out, `left` remained.

    `unexpected` are the elements that were not there, as numbers, in order, with the operation (a number,
    too) that they came out of.
    """

    taken: int
    left: int
    unexpected: Sequence[tuple[int, int]]
    values: Callable[[Iterable[int]], list[Any]]
    pair_of: Callable[[int], Pair]


class Totals(NamedTuple):
    """Element number -> how often, for each finding, in the order of the numbers. Empty where nothing was."""

    lost: dict[int, int]
    unexpected: dict[int, int]
    duplicated: dict[int, int]
    recovered: dict[int, int]


class Count(NamedTuple):
    """The totals of a queue; `unknown` dequeues may have taken something along.

    `proof_of` gives the operations that put an element in or took it out.
    """

    attempted: int
    acknowledged: int
    matched: int
    unknown: int
    totals: Totals
    values: Callable[[Iterable[int]], list[Any]]
    proof_of: Callable[[Iterable[int]], dict[int, list[Pair]]]


# --- queue -----------------------------------------------------------------------------------------


def check_queue(history: History, options: dict[str, Any]) -> Verdict:
    """Replay on an unordered queue. Takes no options."""
    option.only(options, "queue")
    if history.table is not None and kernel.available():
        from checker.classic.client_columns import in_columns
        from checker.classic.queue_columns import replay_of

        verdict = in_columns(history, lambda clients: _queue_verdict(replay_of(clients)))
        if verdict is not None:
            return verdict
    return _queue_verdict(_replay(history))


def _replay(history: History) -> Replay:
    inside: Counter[Hashable] = Counter()
    strange: list[Any] = []
    unexpected: list[tuple[int, int]] = []
    taken = 0
    for _, arrives, at in _events(history):
        pair = history.pairs()[at]
        if arrives:
            inside[identity(pair[0].value)] += 1
            continue
        for value in _came_out(pair):
            taken += 1
            if inside[identity(value)]:
                inside[identity(value)] -= 1
            else:
                unexpected.append((len(strange), at))
                strange.append(value)
    return Replay(
        taken=taken,
        left=inside.total(),
        unexpected=unexpected,
        values=lambda numbers: [strange[number] for number in numbers],
        pair_of=lambda at: history.pairs()[at],
    )


def _events(history: History) -> list[tuple[int, bool, int]]:
    """Enqueues where they begin, dequeues and drains where they end, in the order of the history."""
    events = []
    for at, (begin, end) in enumerate(history.pairs()):
        if begin.f == "enqueue" and (end is None or end.type != "fail"):
            events.append((begin.index, True, at))
        elif begin.f in ("dequeue", "drain") and end is not None and end.type == "ok":
            events.append((end.index, False, at))
    return sorted(events)


def _queue_verdict(replay: Replay) -> Verdict:
    values = replay.values(element for element, _ in replay.unexpected)
    found = list(zip(values, (at for _, at in replay.unexpected), strict=True))
    findings = Findings()
    findings.report("unexpected", found, lambda one: _not_there(one[0], replay.pair_of(one[1])))
    stats = {
        "dequeue-count": replay.taken,
        "unexpected-count": len(values),
        "unexpected": sample(values),
        "left-count": replay.left,
    }
    return findings.verdict(
        sound=f"each of {replay.taken} elements that came out had been put in", stats=stats
    )


def _came_out(pair: Pair) -> list[Any]:
    """What a successful dequeue or drain returned. A drain of unknown outcome returned nothing we know."""
    begin, end = pair
    if end is None or end.type != "ok":
        return []
    if begin.f == "drain":
        return end.value if isinstance(end.value, list) else []
    return [end.value]


def _not_there(value: Any, pair: Pair) -> Anomaly:
    sentence = f"{shown(value)} came out of the {told(pair)}, but no enqueue begun by then left it there"
    return anomaly("unexpected", sentence, *pair)


# --- total-queue -----------------------------------------------------------------------------------


def check_total_queue(history: History, options: dict[str, Any]) -> Verdict:
    """Compare what went in with what came out. Takes no options."""
    option.only(options, "total-queue")
    if history.table is not None and kernel.available():
        from checker.classic.client_columns import in_columns
        from checker.classic.queue_columns import count_of

        verdict = in_columns(history, lambda clients: _total_verdict(count_of(clients)))
        if verdict is not None:
            return verdict
    return _total_verdict(_count(history))


def _count(history: History) -> Count:
    """Elements are numbered in the order in which operations put them in or took them out."""
    numbers: dict[Hashable, int] = {}
    names: list[Any] = []
    attempted, acknowledged, dequeued = Counter[int](), Counter[int](), Counter[int]()
    unknown = 0
    for pair in history.pairs():
        begin, end = pair
        for value in _moved(pair):
            at = numbers.setdefault(identity(value), len(names))
            if at == len(names):
                names.append(value)
            if begin.f == "enqueue":
                attempted[at] += 1
                acknowledged[at] += end is not None and end.type == "ok"
            else:
                dequeued[at] += 1
        unknown += begin.f in ("dequeue", "drain") and (end is None or end.type == "info")
    return Count(
        attempted=attempted.total(),
        acknowledged=acknowledged.total(),
        matched=(dequeued & attempted).total(),
        unknown=unknown,
        totals=_totals(attempted, acknowledged, dequeued),
        values=lambda wanted: [names[at] for at in wanted],
        proof_of=lambda wanted: _proof(history, numbers, frozenset(wanted)),
    )


def _moved(pair: Pair) -> list[Any]:
    """What an operation tried to put in, or took out."""
    if pair[0].f == "enqueue":
        return [pair[0].value]
    return _came_out(pair) if pair[0].f in ("dequeue", "drain") else []


def _totals(attempted: Counter[int], acknowledged: Counter[int], dequeued: Counter[int]) -> Totals:
    expected = Counter({at: count for at, count in dequeued.items() if attempted[at]})
    found = (
        acknowledged - dequeued,
        dequeued - expected,
        expected - attempted,
        (expected & attempted) - acknowledged,
    )
    return Totals(*(dict(sorted(counts.items())) for counts in found))


def _proof(history: History, numbers: dict[Hashable, int], wanted: frozenset[int]) -> dict[int, list[Pair]]:
    found: dict[int, list[Pair]] = {at: [] for at in wanted}
    for pair in history.pairs() if wanted else []:
        for value in _moved(pair):
            if (at := numbers[identity(value)]) in wanted:
                found[at].append(pair)
    return found


def _total_verdict(count: Count) -> Verdict:
    totals = count.totals
    told_of = [*list(totals.lost)[:LISTED], *list(totals.unexpected)[:LISTED]]
    names = dict(zip(told_of, count.values(told_of), strict=True))
    proof = count.proof_of(told_of)
    findings = Findings()
    findings.report("lost", list(totals.lost), lambda at: _lost(names[at], proof[at], count.unknown))
    findings.report("unexpected", list(totals.unexpected), lambda at: _unexpected(names[at], proof[at]))
    stats: dict[str, Any] = {
        "attempt-count": count.attempted,
        "acknowledged-count": count.acknowledged,
        "ok-count": count.matched,
    }
    for kind, counts in totals._asdict().items():
        values = zip(count.values(counts), counts.values(), strict=True)
        stats[f"{kind}-count"] = sum(counts.values())
        stats[kind] = sample(value for value, times in values for _ in range(min(times, VALUES_MAX)))
    stats["unknown-dequeue-count"] = count.unknown
    allowed = {"duplicated": stats["duplicated-count"], "recovered": stats["recovered-count"]}
    sound = f"all {count.acknowledged} acknowledged elements came out"
    return findings.verdict(sound=sound, stats=stats, allowed=allowed)


def _lost(value: Any, proof: list[Pair], unknown: int) -> Anomaly:
    done = next(end for begin, end in proof if begin.f == "enqueue" and end is not None and end.type == "ok")
    sentence = f"{shown(value)} is lost: its enqueue by {who(done)} was acknowledged, and it never came out"
    if unknown:
        sentence += f" ({plural(unknown, 'dequeue')} of unknown outcome may have taken it along)"
    return anomaly("lost", sentence, *(entry for pair in proof for entry in pair))


def _unexpected(value: Any, proof: list[Pair]) -> Anomaly:
    sentence = f"{shown(value)} came out of the {told(proof[0])}, and nobody had tried to put it in"
    return anomaly("unexpected", sentence, *(entry for pair in proof for entry in pair))
