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

Cost: the size of all reads, in Python sets; for a history in columns in one compiled pass over their text.
Rules and fields: jepsen.checker/set-full.
"""

from collections.abc import Sequence
from typing import Any

from checker import kernel
from checker import options as option
from checker.classic import set_timelines
from checker.classic.element import shown, times
from checker.classic.findings import Findings, anomaly, sample
from checker.classic.set_timelines import Evidence, Fates, Shown
from checker.history import History
from checker.operation import Operation
from checker.verdict import Anomaly, Verdict
from checker.wording import moment, told, who

QUANTILES = (0.0, 0.5, 0.95, 0.99, 1.0)


def check(history: History, options: dict[str, Any]) -> Verdict:
    """Judge every element. Option `linearizable?` (default false): a stale read is an anomaly."""
    option.only(options, "set-full", ("linearizable?",))
    linearizable = option.flag(options, "linearizable?")
    if history.table is not None and kernel.available():
        from checker.classic.client_columns import in_columns
        from checker.classic.set_full_columns import evidence_of

        verdict = in_columns(history, lambda clients: _verdict(evidence_of(clients), linearizable))
        if verdict is not None:
            return verdict
    return _verdict(set_timelines.records_of(history), linearizable)


def _verdict(evidence: Evidence, linearizable: bool) -> Verdict:
    fates = evidence.fates()
    findings = Findings()
    findings.report("lost", fates.lost, lambda at: _lost(evidence, at))
    findings.report("duplicated", evidence.duplicated, lambda found: _duplicated(evidence, found))
    findings.report("unexpected", evidence.unexpected, lambda found: _unexpected(evidence, found))
    if linearizable:
        findings.report("stale", fates.stale, lambda at: _stale(evidence, at))
    allowed = {"stale": 0 if linearizable else len(fates.stale), "failed-add": fates.failed}
    doubt = "" if fates.stable else "no element was read after it was known, so nothing was tested"
    sound = f"{fates.stable} of {evidence.attempts} elements are there for good, none is lost"
    return findings.verdict(sound=sound, doubt=doubt, stats=_stats(evidence, fates), allowed=allowed)


def _stats(evidence: Evidence, fates: Fates) -> dict[str, Any]:
    """Counts, elements and latencies."""
    lost, never_read, stale = map(evidence.values, (fates.lost, fates.never_read, fates.stale))
    worst = zip(evidence.values(at for at, _ in fates.worst), fates.worst, strict=True)
    duplicated = evidence.values(found.element for found in evidence.duplicated)
    unexpected = evidence.values(found.element for found in evidence.unexpected)
    return {
        "attempt-count": evidence.attempts,
        "stable-count": fates.stable,
        "lost-count": len(lost),
        "lost": sample(lost),
        "never-read-count": len(never_read),
        "never-read": sample(never_read),
        "stale-count": len(stale),
        "stale": sample(stale),
        "worst-stale": [{"element": element, "latency-ms": ms} for element, (_, ms) in worst],
        "duplicated-count": len(duplicated),
        "duplicated": {
            shown(element): found.often
            for element, found in zip(duplicated, evidence.duplicated, strict=True)
        },
        "unexpected-count": len(unexpected),
        "unexpected": sample(unexpected),
        "read-count": evidence.read_count,
        "stable-latencies-ms": _quantiles(fates.latencies_stable),
        "lost-latencies-ms": _quantiles(fates.latencies_lost),
    }


def _quantiles(latencies: Sequence[int]) -> dict[str, int]:
    ordered = sorted(latencies)
    if not ordered:
        return {}
    return {f"{share:g}": ordered[min(len(ordered) - 1, int(len(ordered) * share))] for share in QUANTILES}


# --- sentences -------------------------------------------------------------------------------------


def _lost(evidence: Evidence, at: int) -> Anomaly:
    known, missed, last = (
        evidence.entry(moment) for moment in (evidence.known[at], evidence.absent[at], evidence.present[at])
    )
    assert known is not None
    assert missed is not None
    before = f", it was last seen by the read that began {moment(last)}" if last is not None else ""
    sentence = (
        f"{_name(evidence, at)} is lost: {_known(known)}{before}, and the read that {who(missed)} "
        f"began {moment(missed)} does not show it"
    )
    proof = (*evidence.add_of(at), known, last, *evidence.read_at(evidence.absent[at]))
    return anomaly("lost", sentence, *proof)


def _name(evidence: Evidence, at: int) -> str:
    return shown(evidence.values([at])[0])


def _known(known: Operation) -> str:
    if known.f == "read":
        return f"it was seen by the read of client {known.process} {moment(known)}"
    return f"its add by client {known.process} was acknowledged {moment(known)}"


def _stale(evidence: Evidence, at: int) -> Anomaly:
    known, missed = evidence.entry(evidence.known[at]), evidence.entry(evidence.absent[at])
    assert known is not None
    assert missed is not None
    sentence = (
        f"{_name(evidence, at)} was read stale: {_known(known)}, and yet the read that {who(missed)} "
        f"began {moment(missed)} does not show it; a later read does"
    )
    proof = (*evidence.add_of(at), known, *evidence.read_at(evidence.absent[at]))
    return anomaly("stale", sentence, *proof)


def _duplicated(evidence: Evidence, found: Shown) -> Anomaly:
    read = evidence.read_at(found.read)
    end = read[1]
    assert end is not None
    sentence = (
        f"the read by {who(end)} that ended {moment(end)} shows {_name(evidence, found.element)} "
        f"{times(found.often)}; a set holds an element once"
    )
    return anomaly("duplicated", sentence, *evidence.add_of(found.element), *read)


def _unexpected(evidence: Evidence, found: Shown) -> Anomaly:
    read = evidence.read_at(found.read)
    sentence = (
        f"the {told(read)}, shows {_name(evidence, found.element)}, which nobody had begun to add by then"
    )
    return anomaly("unexpected", sentence, *read)
