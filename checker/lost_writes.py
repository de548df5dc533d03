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

One anomaly per lost write.  The first TOLD have their cause (`cause.py`) and the time when it was gone,
the others the time of their acknowledgement; the reason has the full count.
"""

from typing import Any

import msgspec

from checker import final_reads
from checker.cause import Loss, explain
from checker.final_reads import Ending
from checker.history import History
from checker.verdict import Anomaly, Validity, Verdict
from checker.version_graph import KeyVersions, Version, graph_of
from checker.wording import listed, plural, seconds, who

TOLD = 20
"""Lost writes whose cause is told. Where hundreds are lost, twenty causes are enough to read."""

ADD, REMOVE = "add", "remove"


class Report(msgspec.Struct, kw_only=True):
    """What was found over all keys."""

    losses: list[Loss] = msgspec.field(default_factory=list)
    doubts: list[str] = msgspec.field(default_factory=list)
    acknowledged: int = 0
    resurfaced: int = 0
    unacknowledged_kept: int = 0


def check(history: History, options: dict[str, Any]) -> Verdict:
    """Judge all keys. Takes no options."""
    report = Report()
    for key, ending in final_reads.endings(history).items():
        if any(invocation.f == ADD for invocation, _ in graph_of(history).operations[key]):
            _judge_cart(history, ending, report)
        else:
            _judge_writes(history, ending, report)
    report.losses.sort(key=lambda loss: loss.version.invocation.index)
    anomalies = tuple(_anomaly(history, loss, with_cause=at < TOLD) for at, loss in enumerate(report.losses))
    allowed = {"resurfaced-item": report.resurfaced} if report.resurfaced else {}
    validity, reason = _conclusion(report)
    stats = {
        "acknowledged": report.acknowledged,
        "lost": len(report.losses),
        "unacknowledged_kept": report.unacknowledged_kept,
    }
    return Verdict(validity=validity, reason=reason, anomalies=anomalies, allowed=allowed, stats=stats)


def _conclusion(report: Report) -> tuple[Validity, str]:
    if report.losses:
        share = len(report.losses) / report.acknowledged
        lost = (
            f"{len(report.losses)} of {plural(report.acknowledged, 'acknowledged write')} lost ({share:.1%})"
        )
        told_of = f"; the first {TOLD} are told with their cause" if len(report.losses) > TOLD else ""
        return Validity.INVALID, lost + told_of
    if report.doubts:
        return Validity.UNKNOWN, f"lost writes cannot be judged: {listed(report.doubts)}"
    if not report.acknowledged:
        return Validity.UNKNOWN, "no write was acknowledged, so none could be lost"
    return Validity.VALID, f"none of {plural(report.acknowledged, 'acknowledged write')} is lost"


# --- keys with versions ------------------------------------------------------------------------------


def _judge_writes(history: History, ending: Ending, report: Report) -> None:
    report.acknowledged += ending.acknowledged
    if ending.doubt:
        report.doubts.append(ending.doubt)
    known: set[str] = set()
    for reading in ending.readings:
        for version in reading.lost:
            if version.id not in known:
                known.add(version.id)
                report.losses.append(
                    Loss(
                        key=ending.key,
                        version=version,
                        carriers=ending.key.descendants(version),
                        reading=reading,
                        operations=graph_of(history).operations[ending.key.key],
                    )
                )


# --- carts -------------------------------------------------------------------------------------------


def _judge_cart(history: History, ending: Ending, report: Report) -> None:
    key = ending.key
    adds = [version for version in key.versions if version.invocation.f == ADD and item_of(version)]
    acknowledged = [version for version in adds if version.outcome == "ok"]
    report.acknowledged += len(acknowledged)
    if not ending.readings:
        report.doubts += [ending.doubt] if acknowledged else []
        return
    kept = {item for reading in ending.readings for item in items_in(reading.completion.value)}
    effective = 0
    for reading in ending.readings:
        effective |= key.covered(reading.present | key.deletes)
    removes = [version for version in key.versions if version.invocation.f == REMOVE]
    removes_of: dict[str, list[Version]] = {}
    for remove in removes:
        removes_of.setdefault(item_of(remove), []).append(remove)
    report.resurfaced += sum(r.outcome == "ok" and item_of(r) in kept for r in removes)
    report.unacknowledged_kept += sum(a.outcome == "info" and item_of(a) in kept for a in adds)
    for add in acknowledged:
        judged = all(add.acknowledged_before(reading.invocation) for reading in ending.readings)
        taken_out = any(
            r.bit & effective and _had_seen(key, r, add) for r in removes_of.get(item_of(add), ())
        )
        if not judged or item_of(add) in kept or taken_out:
            continue
        if final_reads.may_still_be_held(history, key, add):
            report.doubts.append(f"the replicas had not settled when {key.key} was read last")
            continue
        report.losses.append(_cart_loss(history, ending, add))


def _had_seen(key: KeyVersions, remove: Version, add: Version) -> bool:
    """Had the remove's client seen the item? Where what was seen is not recorded, it may have."""
    behind = key.behind(remove) | remove.bit
    return bool(behind & add.bit) or bool(behind & key.unknown)


def _cart_loss(history: History, ending: Ending, add: Version) -> Loss:
    """Carriers are the writes that had seen the item and did not drop it."""
    key, item = ending.key, item_of(add)
    later = list(key.members(key.descendants(add)))
    keeping = [v for v in later if (v is add or _keeps(v, item))]
    carriers = key.mask(version.id for version in keeping)
    dropping = (
        version
        for version in later
        if not version.bit & carriers
        and not (version.invocation.f == REMOVE and item_of(version) == item)
        and key.mask(version.reads or ()) & carriers
    )
    return Loss(
        key=key,
        version=add,
        carriers=carriers,
        reading=ending.readings[0],
        operations=graph_of(history).operations[key.key],
        dropped=next(dropping, None),
    )


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


def _anomaly(history: History, loss: Loss, with_cause: bool) -> Anomaly:
    sentence = _head(loss)
    time = loss.version.completion.time if loss.version.completion is not None else None
    proof = {loss.reading.completion.index}
    proof.update(entry.index for entry in loss.version.pair if entry is not None)
    if with_cause:
        cause = explain(history, loss)
        sentence, time = f"{sentence}. {cause.text}".rstrip(), cause.time
        proof.update(cause.operations)
    return Anomaly(
        type="lost-write",
        sentence=sentence,
        operations=tuple(sorted(proof)),
        key=loss.key.key or None,
        time=time,
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
        f"{seconds(completion.time)}, is not in the final read at {seconds(loss.reading.completion.time)}, "
        "nor is anything that had seen it"
    )
