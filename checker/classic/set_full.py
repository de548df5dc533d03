"""set-full: what became of every element of a set, over all reads of the run?

Operations are `add` of an element, and `read` of all elements, as often as one likes.  For each element:

  known        the first entry after which everybody could know it: its add was acknowledged, or a read that
               shows it ended
  stable       the last read to begin that could show it does: it is there for good, as far as we saw
  lost         it was known, and then a read began that missed it, and no later one shows it: invalid
  never-read   neither of the two; no read after it was known tells anything
  stale        stable, but some read that began after it was known missed it: invalid with the option
               `linearizable?`, otherwise counted in `allowed`
  duplicated   a read shows it more than once: invalid (Jepsen means to report this, and never does)
  unexpected   a read shows what nobody had begun to add: invalid (Jepsen overlooks it)

No element stable and none lost: unknown.  Stale is decided by the order of the history, so it is also seen
where two entries lie within one millisecond.

Latencies (ms): from `known` to the beginning of the last read that missed it (stable), or of the last that
still showed it (lost); 0 when there was none.

Cost: the size of all reads, in Python sets or, from COLUMNAR_FROM shown elements on and where numba is
installed, in one kernel each for presence and absence.  Rules and fields: jepsen.checker/set-full.
"""

from typing import Any

from checker import kernel
from checker import options as option
from checker.classic import set_timelines
from checker.classic.element import shown, times
from checker.classic.findings import Findings, anomaly, moment, sample
from checker.classic.set_timelines import NEVER, Fate, Records, Timelines
from checker.history import History
from checker.operation import Operation
from checker.verdict import Anomaly, Verdict
from checker.wording import told, who

COLUMNAR_FROM = 2_000_000
"""Elements shown by all reads together from which loading numba (0.5 s) is the smaller cost."""

QUANTILES = (0.0, 0.5, 0.95, 0.99, 1.0)


def check(history: History, options: dict[str, Any]) -> Verdict:
    """Judge every element. Option `linearizable?` (default false): a stale read is an anomaly."""
    option.only(options, "set-full", ("linearizable?",))
    linearizable = option.flag(options, "linearizable?")
    records = set_timelines.records_of(history)
    if records.shown >= COLUMNAR_FROM and kernel.available():
        from checker.classic.set_columns import check_columns, columns_of

        timelines = check_columns(columns_of(records))
    else:
        timelines = set_timelines.trace(records)
    return _verdict(records, timelines, linearizable)


def _verdict(records: Records, timelines: Timelines, linearizable: bool) -> Verdict:
    fates = [timelines.fate(at) for at in range(len(records.elements))]
    by_fate = {fate: [at for at, had in enumerate(fates) if had is fate] for fate in Fate}
    stale = [at for at in by_fate[Fate.STABLE] if timelines.is_stale(at)]
    findings = Findings()
    findings.report("lost", by_fate[Fate.LOST], lambda at: _lost(records, timelines, at))
    findings.report("duplicated", list(records.duplicated), lambda at: _duplicated(records, at))
    findings.report("unexpected", records.unexpected, lambda found: _unexpected(*found))
    if linearizable:
        findings.report("stale", stale, lambda at: _stale(records, timelines, at))
    stats = _stats(records, timelines, by_fate, stale)
    failed = sum(end == "fail" and timelines.last_present[at] != NEVER for at, end in enumerate(records.ends))
    allowed = {"stale": 0 if linearizable else len(stale), "failed-add": failed}
    doubt = "" if by_fate[Fate.STABLE] else "no element was read after it was known, so nothing was tested"
    sound = (
        f"{len(by_fate[Fate.STABLE])} of {len(records.elements)} elements are there for good, none is lost"
    )
    return findings.verdict(sound=sound, doubt=doubt, stats=stats, allowed=allowed)


def _stats(
    records: Records, timelines: Timelines, by_fate: dict[Fate, list[int]], stale: list[int]
) -> dict[str, Any]:
    """Counts, elements and latencies. Element -> its latency in ms where a list needs its order."""
    stable, lost = by_fate[Fate.STABLE], by_fate[Fate.LOST]
    latency = {at: _latency_ms(records, timelines, at, timelines.last_absent[at]) for at in stable}
    worst = sorted(stale, key=lambda at: -latency[at])[:8]
    names = records.elements
    return {
        "attempt-count": len(names),
        "stable-count": len(stable),
        "lost-count": len(lost),
        "lost": sample(names[at] for at in lost),
        "never-read-count": len(by_fate[Fate.NEVER_READ]),
        "never-read": sample(names[at] for at in by_fate[Fate.NEVER_READ]),
        "stale-count": len(stale),
        "stale": sample(names[at] for at in stale),
        "worst-stale": [{"element": names[at], "latency-ms": latency[at]} for at in worst],
        "duplicated-count": len(records.duplicated),
        "duplicated": {shown(names[at]): count for at, (count, _) in records.duplicated.items()},
        "unexpected-count": len(records.unexpected),
        "unexpected": sample(value for value, _ in records.unexpected),
        "read-count": len(records.reads),
        "stable-latencies-ms": _quantiles(list(latency.values())),
        "lost-latencies-ms": _quantiles(
            [_latency_ms(records, timelines, at, timelines.last_present[at]) for at in lost]
        ),
    }


def _latency_ms(records: Records, timelines: Timelines, at: int, read: int) -> int:
    """Whole milliseconds from `known` to just after this read began; 0 without a read or a clock."""
    known = records.at(timelines.known[at])
    begun = records.at(read)
    if begun is None or known is None or begun.time < 0:
        return 0
    return max(begun.time + 1 - known.time, 0) // 1_000_000


def _quantiles(latencies: list[int]) -> dict[str, int]:
    ordered = sorted(latencies)
    if not ordered:
        return {}
    return {f"{share:g}": ordered[min(len(ordered) - 1, int(len(ordered) * share))] for share in QUANTILES}


# --- sentences -------------------------------------------------------------------------------------


def _lost(records: Records, timelines: Timelines, at: int) -> Anomaly:
    known, missed, last = (
        records.at(entry)
        for entry in (timelines.known[at], timelines.last_absent[at], timelines.last_present[at])
    )
    assert known is not None
    assert missed is not None
    before = f", was last seen by the read that began {moment(last)}" if last is not None else ""
    sentence = (
        f"{shown(records.elements[at])} is lost: {_known(known)}{before}, and the read that {who(missed)} "
        f"began {moment(missed)} does not show it"
    )
    return anomaly("lost", sentence, *records.adds[at], known, last, *records.read_of(missed))


def _known(known: Operation) -> str:
    if known.f == "read":
        return f"it was seen by the read of client {known.process} {moment(known)}"
    return f"its add by client {known.process} was acknowledged {moment(known)}"


def _stale(records: Records, timelines: Timelines, at: int) -> Anomaly:
    known, missed = records.at(timelines.known[at]), records.at(timelines.last_absent[at])
    assert known is not None
    assert missed is not None
    sentence = (
        f"{shown(records.elements[at])} was read stale: {_known(known)}, and yet the read that {who(missed)} "
        f"began {moment(missed)} does not show it; a later read does"
    )
    return anomaly("stale", sentence, *records.adds[at], known, *records.read_of(missed))


def _duplicated(records: Records, at: int) -> Anomaly:
    count, read = records.duplicated[at]
    end = read[1]
    assert end is not None
    sentence = (
        f"the read by {who(end)} that ended {moment(end)} shows {shown(records.elements[at])} "
        f"{times(count)}; a set holds an element once"
    )
    return anomaly("duplicated", sentence, *records.adds[at], *read)


def _unexpected(value: Any, read: Any) -> Anomaly:
    sentence = f"{told(read)}, shows {shown(value)}, which nobody had begun to add by then"
    return anomaly("unexpected", sentence, *read)
