"""What `lost_writes.py` finds, found in columns. Needs numpy and numba."""

from functools import partial

import numpy as np

from checker.dynamo.cart_columns import Carts, carts_of
from checker.dynamo.columns import Flags, Ints, Numbers
from checker.dynamo.ending import endings_of
from checker.dynamo.evidence import Evidence, evidence_of
from checker.dynamo.findings import LISTED
from checker.dynamo.table_evidence import InTable
from checker.final_reads import ending_of, may_still_be_held, not_settled
from checker.history import History
from checker.lost_writes import ADD, Report, cart_loss, judge_cart, write_loss


def gathered(history: History) -> Report:
    """Everything."""
    evidence, ends, report = evidence_of(history), endings_of(history), Report()
    carts = evidence.uses(ADD)
    plain = ~carts[np.searchsorted(evidence.columns.version_first, ends.lost, "right") - 1]
    _add_lost(report, evidence, ends.lost[plain], ends.columns.lost_in)
    report.acknowledged += int(ends.acknowledged[~carts].sum())
    judged = carts_of(evidence, carts) if isinstance(evidence, InTable) and carts.any() else None
    for key in _in_question(carts, judged, ends.doubts):
        if not carts[key]:
            report.doubts.append(ends.doubts[key])
        elif judged is None or judged.cyclic[key]:
            name = evidence.names[key]
            operations = evidence.graph.operations[name]
            judge_cart(history, ending_of(history, evidence.versions(key), operations), report)
        elif not ends.readings[key]:
            report.doubts += [ends.doubts[key]] if judged.acknowledged[key] else []
        else:
            _add_items(report, history, evidence, _of_key(evidence, judged, key))
    if judged is not None:
        fine = ~judged.cyclic
        report.acknowledged += int(judged.acknowledged[fine].sum())
        report.resurfaced += int(judged.resurfaced[fine].sum())
        report.unacknowledged_kept += int(judged.unacknowledged_kept[fine].sum())
    return report


def _in_question(carts: Flags, judged: Carts | None, doubts: dict[int, str]) -> list[int]:
    """The keys about which there is more to say than counts, in their order."""
    if judged is None:
        return sorted({*doubts, *np.flatnonzero(carts).tolist()})
    return sorted({*doubts, *judged.keys.tolist(), *np.flatnonzero(judged.cyclic).tolist()})


def _of_key(evidence: Evidence, judged: Carts, key: int) -> Ints:
    first, last = np.searchsorted(judged.lost, evidence.columns.version_first[key : key + 2])
    return judged.lost[first:last]


def _add_items(report: Report, history: History, evidence: Evidence, lost: Ints) -> None:
    """The lost items of one cart, unless a replica may still hold them."""
    if not lost.size:
        return
    key, _ = evidence.place(int(lost[0]))
    versions = evidence.versions(key)
    held = may_still_be_held(history, versions)
    begin, end = evidence.columns.read_first[key : key + 2].tolist()
    reading = begin + int(np.argmax(evidence.columns.final[begin:end]))
    for number in lost.tolist():
        place = evidence.place(number)[1]
        if held >> place & 1:
            report.doubts.append(not_settled(versions.key))
            continue
        invoked = int(evidence.columns.invoked[number])
        report.lost += 1
        report.losses.append((invoked, partial(cart_loss, versions, place, evidence.pair(reading))))


def _add_lost(report: Report, evidence: Evidence, lost: Ints, lost_in: Numbers) -> None:
    """All are counted, and the first are kept."""
    invoked = evidence.columns.invoked[lost]
    report.lost += lost.size
    for at in np.argsort(invoked)[:LISTED].tolist():
        number = int(lost[at])
        key, place = evidence.place(number)
        pair = evidence.pair(int(lost_in[number]))
        report.losses.append((int(invoked[at]), partial(write_loss, evidence.versions(key), place, pair)))
