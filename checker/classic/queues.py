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

Cost: one pass, then the number of different elements.  With numpy (`columns_of`, `check_columns`) ten
million entries are counted by bincount.  Rules and fields: jepsen.checker/queue and /total-queue.
"""

from collections import Counter
from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, NamedTuple

from checker import options as option
from checker.classic.element import identity, shown
from checker.classic.findings import Findings, anomaly, sample
from checker.history import History, Pair
from checker.operation import Operation
from checker.verdict import Anomaly, Verdict
from checker.wording import plural, told, who

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class QueueColumns(NamedTuple):
    """What went in and out: element numbers (0 .. elements - 1), one entry per event.

    `attempted` by every enqueue that began, `acknowledged` by those that succeeded, `dequeued` by every
    element that came out.
    """

    elements: int
    attempted: "NDArray[np.int64]"
    acknowledged: "NDArray[np.int64]"
    dequeued: "NDArray[np.int64]"


class QueueTotals(NamedTuple):
    """Element number -> how often, for each finding. Empty where nothing was found."""

    lost: dict[int, int]
    unexpected: dict[int, int]
    duplicated: dict[int, int]
    recovered: dict[int, int]


# --- queue -----------------------------------------------------------------------------------------


def check_queue(history: History, options: dict[str, Any]) -> Verdict:
    """Replay on an unordered queue. Takes no options."""
    option.only(options, "queue")
    inside: Counter[Hashable] = Counter()
    unexpected: list[tuple[Any, Pair]] = []
    taken = 0
    for _, arrives, pair in _replayed(history):
        if arrives:
            inside[identity(pair[0].value)] += 1
            continue
        for value in _came_out(pair):
            taken += 1
            if inside[identity(value)]:
                inside[identity(value)] -= 1
            else:
                unexpected.append((value, pair))
    findings = Findings()
    findings.report("unexpected", unexpected, lambda found: _not_there(*found))
    stats = {
        "dequeue-count": taken,
        "unexpected-count": len(unexpected),
        "unexpected": sample(value for value, _ in unexpected),
        "left-count": inside.total(),
    }
    return findings.verdict(sound=f"each of {taken} elements that came out had been put in", stats=stats)


def _replayed(history: History) -> list[tuple[int, bool, Pair]]:
    """Enqueues where they begin, dequeues and drains where they end, in the order of the history."""
    events = []
    for pair in history.pairs():
        begin, end = pair
        if begin.f == "enqueue" and (end is None or end.type != "fail"):
            events.append((begin.index, True, pair))
        elif begin.f in ("dequeue", "drain") and end is not None and end.type == "ok":
            events.append((end.index, False, pair))
    return sorted(events, key=lambda event: event[0])


def _came_out(pair: Pair) -> list[Any]:
    """What a successful dequeue or drain returned. A drain of unknown outcome returned nothing we know."""
    begin, end = pair
    if end is None or end.type != "ok":
        return []
    if begin.f == "drain":
        return end.value if isinstance(end.value, list) else []
    return [end.value]


def _not_there(value: Any, pair: Pair) -> Anomaly:
    sentence = f"{shown(value)} came out by {told(pair)}, but no enqueue that had begun by then left it there"
    return anomaly("unexpected", sentence, *pair)


# --- total-queue -----------------------------------------------------------------------------------


def check_total_queue(history: History, options: dict[str, Any]) -> Verdict:
    """Compare what went in with what came out. Takes no options."""
    option.only(options, "total-queue")
    numbers, names = _numbered(history)
    attempted, acknowledged, dequeued = Counter[int](), Counter[int](), Counter[int]()
    for pair in history.pairs():
        if pair[0].f == "enqueue":
            at = numbers[identity(pair[0].value)]
            attempted[at] += 1
            acknowledged[at] += pair[1] is not None and pair[1].type == "ok"
        elif pair[0].f in ("dequeue", "drain"):
            dequeued.update(numbers[identity(value)] for value in _came_out(pair))
    return _told(
        history, names, _totals(attempted, acknowledged, dequeued), _sizes(attempted, acknowledged, dequeued)
    )


def _numbered(history: History) -> tuple[dict[Hashable, int], list[Any]]:
    """Every element that went in or came out, numbered in order of appearance."""
    numbers: dict[Hashable, int] = {}
    names: list[Any] = []
    for pair in history.pairs():
        for value in [pair[0].value] if pair[0].f == "enqueue" else _came_out(pair):
            if numbers.setdefault(identity(value), len(names)) == len(names):
                names.append(value)
    return numbers, names


def _totals(attempted: Counter[int], acknowledged: Counter[int], dequeued: Counter[int]) -> QueueTotals:
    unexpected = {at: count for at, count in dequeued.items() if not attempted[at]}
    expected = Counter({at: count for at, count in dequeued.items() if attempted[at]})
    return QueueTotals(
        lost=dict(acknowledged - dequeued),
        unexpected=unexpected,
        duplicated=dict(expected - attempted),
        recovered=dict((expected & attempted) - acknowledged),
    )


def columns_of(history: History) -> tuple[QueueColumns, list[Any]]:
    """The history as columns, and the elements by number."""
    import numpy as np

    numbers, names = _numbered(history)
    pairs = history.pairs()
    enqueues = [pair for pair in pairs if pair[0].f == "enqueue"]
    done = [pair for pair in enqueues if pair[1] is not None and pair[1].type == "ok"]
    out = [value for pair in pairs if pair[0].f in ("dequeue", "drain") for value in _came_out(pair)]

    def column(values: list[Any]) -> "NDArray[np.int64]":
        return np.array([numbers[identity(value)] for value in values], dtype=np.int64)

    put, acknowledged = (column([pair[0].value for pair in some]) for some in (enqueues, done))
    return QueueColumns(len(names), put, acknowledged, column(out)), names


def check_columns(columns: QueueColumns) -> QueueTotals:
    """The same totals as the pure path, by numpy."""
    import numpy as np

    attempted, acknowledged, dequeued = (
        np.bincount(column, minlength=columns.elements)
        for column in (columns.attempted, columns.acknowledged, columns.dequeued)
    )
    expected = np.where(attempted > 0, dequeued, 0)

    def positive(counts: "NDArray[np.int64]") -> dict[int, int]:
        at = np.flatnonzero(counts > 0)
        return dict(zip(at.tolist(), counts[at].tolist(), strict=True))

    return QueueTotals(
        lost=positive(acknowledged - dequeued),
        unexpected=positive(dequeued - expected),
        duplicated=positive(expected - attempted),
        recovered=positive(np.minimum(expected, attempted) - acknowledged),
    )


def _sizes(attempted: Counter[int], acknowledged: Counter[int], dequeued: Counter[int]) -> dict[str, int]:
    return {
        "attempt-count": attempted.total(),
        "acknowledged-count": acknowledged.total(),
        "ok-count": (dequeued & attempted).total(),
    }


def _told(history: History, names: list[Any], totals: QueueTotals, sizes: dict[str, int]) -> Verdict:
    by_element = _proof(history, {*totals.lost, *totals.unexpected}, names)
    unknown = sum(
        begin.f in ("dequeue", "drain") and (end is None or end.type == "info")
        for begin, end in history.pairs()
    )
    findings = Findings()
    findings.report("lost", list(totals.lost), lambda at: _lost(names[at], by_element[at], unknown))
    findings.report("unexpected", list(totals.unexpected), lambda at: _unexpected(names[at], by_element[at]))
    stats: dict[str, Any] = dict(sizes)
    for name, counts in totals._asdict().items():
        stats[f"{name}-count"] = sum(counts.values())
        stats[name] = sample(names[at] for at, count in counts.items() for _ in range(count))
    stats["unknown-dequeue-count"] = unknown
    allowed = {"duplicated": stats["duplicated-count"], "recovered": stats["recovered-count"]}
    sound = f"all {sizes['acknowledged-count']} acknowledged elements came out"
    return findings.verdict(sound=sound, stats=stats, allowed=allowed)


def _proof(history: History, wanted: set[int], names: list[Any]) -> dict[int, list[Operation]]:
    """The entries that concern an element, for those that need a sentence."""
    at_key = {identity(names[at]): at for at in wanted}
    found: dict[int, list[Operation]] = {at: [] for at in wanted}
    for pair in history.pairs() if wanted else []:
        for value in [pair[0].value] if pair[0].f == "enqueue" else _came_out(pair):
            at = at_key.get(identity(value))
            if at is not None:
                found[at] += [operation for operation in pair if operation is not None]
    return found


def _lost(value: Any, proof: list[Operation], unknown: int) -> Anomaly:
    done = next(o for o in proof if o.type == "ok" and o.f == "enqueue")
    sentence = f"{shown(value)} is lost: its enqueue by {who(done)} was acknowledged, and it never came out"
    if unknown:
        sentence += f" ({plural(unknown, 'dequeue')} of unknown outcome may have taken it along)"
    return anomaly("lost", sentence, *proof)


def _unexpected(value: Any, proof: list[Operation]) -> Anomaly:
    sentence = f"{shown(value)} came out of the queue, and nobody had tried to put it in"
    return anomaly("unexpected", sentence, *proof)
