"""What users lost: acknowledged effects that are gone in the end, each with its cause.

Two kinds of key, told apart by their operations.

A **cart** (it has an `add`): every acknowledged add whose item is in no final read of the cart, unless a
remove of that item took it out.  A remove can only have taken it out if its client had seen the item (it
descends from the add), and only if it took effect itself (the final read is accounted for by it).  In a
correct store a chain of writes, each seen by the next, leads from the add to what the final read shows
(`final_reads.py`); every link unites what it was shown and so carries the item on, except a remove of it.
Hence no false alarm.  Removed items that are back are allowed (paper, 4.4) and counted as
`resurfaced-item`; an add without acknowledgement may be there or not.

**Any other key**: every acknowledged write that is neither in a final read nor accounted for by one that
had seen it; the same judgement as the causal checker's.

One anomaly per lost write.  The first LISTED are listed, the first TOLD of them with their cause (`cause.py`)
and the time when it was gone, the others with the time of their acknowledgement; the reason and
`stats["found"]` have the full count.

Cost: one pass, compiled for large histories (`dynamo/ending.py`, `dynamo/cart_columns.py`).
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from checker import final_reads, replicas
from checker.cause import Loss, explain
from checker.dynamo import scale
from checker.dynamo.findings import LISTED
from checker.final_reads import Ending
from checker.history import History, Pair
from checker.options import only
from checker.replicas import Look
from checker.verdict import Anomaly, Validity, Verdict
from checker.version_graph import KeyVersions, Version, graph_of
from checker.wording import listed, plural, seconds, who

TOLD = 20
"""Lost writes whose cause is told. Where hundreds are lost, twenty causes are enough to read."""

ADD, REMOVE = "add", "remove"


class Report(msgspec.Struct, kw_only=True):
    """What was found over all keys. A loss is the entry that invoked the write, and how to make it.

    `lost` counts all, also where only the first are in `losses`.
    """

    losses: list[tuple[int, Callable[[], Loss]]] = msgspec.field(default_factory=list)
    lost: int = 0
    doubts: list[str] = msgspec.field(default_factory=list)
    acknowledged: int = 0
    resurfaced: int = 0
    unacknowledged_kept: int = 0

    def add(self, version: Version, loss: Callable[[], Loss]) -> None:
        """One lost write."""
        self.lost += 1
        self.losses.append((version.invocation.index, loss))


def check(history: History, options: dict[str, Any]) -> Verdict:
    """Judge all keys. Takes no options."""
    only(options, "lost-writes")
    if scale.compiled(history):
        from checker.dynamo import lost_columns

        report = lost_columns.gathered(history)
    else:
        report = _gathered(history)
    first = [loss() for _, loss in sorted(report.losses, key=lambda each: each[0])[:LISTED]]
    looks = replicas.narrowed(history, {loss.key.key for loss in first[:TOLD]}) if first else []
    anomalies = [_with_cause(history, loss, looks) for loss in first[:TOLD]]
    anomalies += [_anomaly(loss) for loss in first[TOLD:]]
    validity, reason = _conclusion(report)
    stats = {
        "acknowledged": report.acknowledged,
        "lost": report.lost,
        "unacknowledged_kept": report.unacknowledged_kept,
        "found": {"lost-write": report.lost} if report.lost else {},
    }
    allowed = {"resurfaced-item": report.resurfaced} if report.resurfaced else {}
    return Verdict(validity=validity, reason=reason, anomalies=tuple(anomalies), allowed=allowed, stats=stats)


def _conclusion(report: Report) -> tuple[Validity, str]:
    if report.lost:
        share = report.lost / report.acknowledged
        lost = f"{report.lost} of {plural(report.acknowledged, 'acknowledged write')} lost ({share:.1%})"
        told_of = f"; the first {TOLD} are told with their cause" if report.lost > TOLD else ""
        return Validity.INVALID, lost + told_of
    if report.doubts:
        return Validity.UNKNOWN, f"lost writes cannot be judged: {listed(report.doubts)}"
    if not report.acknowledged:
        return Validity.UNKNOWN, "no write was acknowledged, so none could be lost"
    return Validity.VALID, f"none of {plural(report.acknowledged, 'acknowledged write')} is lost"


def _gathered(history: History) -> Report:
    """Everything, without compiled code."""
    report, graph = Report(), graph_of(history)
    for name, ending in final_reads.endings(history).items():
        if any(invocation.f == ADD for invocation, _ in graph.operations[name]):
            judge_cart(history, ending, report)
        else:
            _judge_writes(ending, report)
    return report


# --- keys with versions ------------------------------------------------------------------------------


def _judge_writes(ending: Ending, report: Report) -> None:
    report.acknowledged += ending.acknowledged
    report.doubts += [ending.doubt] if ending.doubt else []
    known, key = 0, ending.key
    for reading in ending.readings:
        for at in key.places(reading.lost & ~known):
            report.add(key.versions[at], partial(write_loss, key, at, reading.pair))
        known |= reading.lost


def write_loss(key: KeyVersions, at: int, reading: Pair) -> Loss:
    """All that had seen the write would account for it."""
    return Loss(key=key, version=key.versions[at], carriers=key.descendants(at), reading=reading)


# --- carts -------------------------------------------------------------------------------------------


def judge_cart(history: History, ending: Ending, report: Report) -> None:
    """Add what became of the items of one cart."""
    key = ending.key
    adds = [version for version in key.versions if version.invocation.f == ADD and item_of(version)]
    acknowledged = [version for version in adds if version.outcome == "ok"]
    report.acknowledged += len(acknowledged)
    if not ending.readings:
        report.doubts += [ending.doubt] if acknowledged else []
        return
    kept = {item for reading in ending.readings for item in items_in(_content(reading))}
    effective = 0
    for reading in ending.readings:
        effective |= key.covered(reading.present | key.deletes)
    removes = [version for version in key.versions if version.invocation.f == REMOVE]
    removes_of: dict[str, list[Version]] = {}
    for remove in removes:
        removes_of.setdefault(item_of(remove), []).append(remove)
    report.resurfaced += sum(r.outcome == "ok" and item_of(r) in kept for r in removes)
    report.unacknowledged_kept += sum(a.outcome == "info" and item_of(a) in kept for a in adds)
    held = final_reads.may_still_be_held(history, key)
    for add in acknowledged:
        judged = all(add.acknowledged_before(reading.pair[0]) for reading in ending.readings)
        taken_out = any(
            r.bit & effective and _had_seen(key, r, add) for r in removes_of.get(item_of(add), ())
        )
        if not judged or item_of(add) in kept or taken_out:
            continue
        if held & add.bit:
            report.doubts.append(final_reads.not_settled(key.key))
            continue
        report.add(add, partial(cart_loss, key, add.at, ending.readings[0].pair))


def _content(reading: final_reads.Reading) -> Any:
    completion = reading.pair[1]
    return completion.value if completion is not None else None


def _had_seen(key: KeyVersions, remove: Version, add: Version) -> bool:
    """Had the remove's client seen the item? Where what was seen is not recorded, it may have."""
    behind = key.behind(remove.at) | remove.bit
    return bool(behind & add.bit) or bool(behind & key.unknown)


def cart_loss(key: KeyVersions, at: int, reading: Pair) -> Loss:
    """Carriers are the writes that had seen the item and did not drop it."""
    add = key.versions[at]
    item = item_of(add)
    later = list(key.members(key.descendants(at)))
    keeping = [v for v in later if (v is add or _keeps(v, item))]
    carriers = key.mask(version.id for version in keeping)
    dropping = (
        version
        for version in later
        if not version.bit & carriers
        and not (version.invocation.f == REMOVE and item_of(version) == item)
        and key.mask(version.reads or ()) & carriers
    )
    return Loss(key=key, version=add, carriers=carriers, reading=reading, dropped=next(dropping, None))


def _keeps(version: Version, item: str) -> bool:
    """Was the cart written with the item? Where the content is not recorded: unless it removed it."""
    completion = version.completion
    if completion is not None and isinstance(completion.value, dict) and "items" in completion.value:
        return item in items_in(completion.value)
    return not (version.invocation.f == REMOVE and item_of(version) == item)


def item_of(version: Version) -> str:
    """The item that an add or a remove is about; empty where there is none."""
    value = version.invocation.value
    return str(value.get("item", "")) if isinstance(value, dict) else ""


def items_in(value: Any) -> list[str]:
    """The items of a cart as it was read or written."""
    return list(value.get("items", ())) if isinstance(value, dict) else []


# --- telling -----------------------------------------------------------------------------------------


def _anomaly(loss: Loss) -> Anomaly:
    proof = {loss.read.index}
    proof.update(entry.index for entry in loss.version.pair if entry is not None)
    return Anomaly(
        type="lost-write",
        sentence=_head(loss),
        operations=tuple(sorted(proof)),
        key=loss.key.key or None,
        time=loss.version.completion.time if loss.version.completion is not None else None,
    )


def _with_cause(history: History, loss: Loss, looks: list[Look]) -> Anomaly:
    told, cause = _anomaly(loss), explain(history, loss, looks)
    return msgspec.structs.replace(
        told,
        sentence=f"{told.sentence}. {cause.text}".rstrip(),
        operations=tuple(sorted({*told.operations, *cause.operations})),
        time=cause.time,
    )


def _head(loss: Loss) -> str:
    version, key = loss.version, loss.key.key
    invocation, completion = version.pair
    assert completion is not None
    if item_of(version):
        return (
            f"{item_of(version)} is lost: {who(invocation)} added it to {key} ({version.id}, invoked at "
            f"{seconds(invocation.time)}, acknowledged at {seconds(completion.time)}), no remove of it took "
            "effect, and no final read shows it"
        )
    return (
        f"{version.id} is lost: the {invocation.f} of {key} by {who(invocation)}, acknowledged at "
        f"{seconds(completion.time)}, is not in the final read at {seconds(loss.read.time)}, "
        "nor is anything that had seen it"
    )
