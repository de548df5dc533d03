"""Did the replicas become equal after the faults were healed, and then rest?

Judged from the observer's looks (`replicas.py`), which list per node what it holds as a primary:

  divergent-replicas   at the last look two primaries of a key hold something different
  hints-left           at the last look a node still keeps hints, although every target can be reached
  repair-never-stops   nodes still receive repairs between the last two looks, although nobody writes

Primaries of a key are those that `options["primaries"]` names ({key: [nodes]}), otherwise all nodes that
ever listed it.  A key that one primary lists and another does not is a difference: one of them lacks a
write, or has unlearned a delete.  A key that none lists is equal everywhere.

No false alarm: once no link is cut and no client writes, anti-entropy between the primaries has a fixpoint,
and a store that promises convergence must have reached it when the harness takes its last look (which it
delays until nothing changes, within a generous limit).  A look is not a snapshot, but replicas at rest
look the same at any moment.  Unknown: there is no last look, a node did not answer it, or there is no
earlier one after healing to compare the repairs with.
"""

from typing import Any

import msgspec

from checker import phases, replicas
from checker.history import History
from checker.operation import ReplicaSample
from checker.replicas import Look
from checker.verdict import Anomaly, Validity, Verdict
from checker.version_graph import UNKEYED
from checker.wording import braces, listed, plural, seconds

Primaries = dict[str, tuple[str, ...]]


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A key whose primaries differ: digest (None: not held) -> nodes."""

    key: str
    groups: dict[str | None, tuple[str, ...]]


def check(history: History, options: dict[str, Any]) -> Verdict:
    """`options["primaries"]`: key -> its primary nodes, where the caller knows the ring."""
    looks = replicas.looks(history)
    if not looks or not looks[-1].final:
        missing = "no last look at the replicas after healing was recorded"
        return Verdict(validity=Validity.UNKNOWN, reason=f"{missing}, so convergence cannot be judged")
    primaries = _primaries(looks, options.get("primaries") or {})
    healed = phases.healed_at(history)
    rest = [look for look in looks if healed is None or look.time >= healed]
    anomalies = [_divergent(looks[-1], each) for each in differences(looks[-1], primaries)]
    anomalies += _hints_left(looks[-1])
    if len(rest) > 1:
        anomalies += _restless(rest[-2], rest[-1])
    stats = _stats(looks, rest, primaries, healed)
    return _verdict(anomalies, _doubts(rest), stats, len(primaries))


def differences(look: Look, primaries: Primaries) -> list[Difference]:
    """The keys whose primaries hold something different at this look. Silent nodes are left out."""
    found = []
    held = {node: sample.digests for node, sample in look.nodes.items() if sample is not None}
    for key, nodes in primaries.items():
        # Most keys of most looks are equal; only the others are worth grouping.
        if len({held[node].get(key) for node in nodes if node in held}) < 2:
            continue
        groups: dict[str | None, tuple[str, ...]] = {}
        for node in nodes:
            if node in held:
                digest = held[node].get(key)
                groups[digest] = (*groups.get(digest, ()), node)
        found.append(Difference(key=key, groups=groups))
    return found


def _primaries(looks: list[Look], known: dict[str, list[str]]) -> Primaries:
    """For every key that was ever held: the nodes that must hold it in the end."""
    found: dict[str, dict[str, None]] = {}
    for look in looks:
        for node, sample in look.nodes.items():
            for key in sample.digests if sample is not None else ():
                found.setdefault(key, {})[node] = None
    return {key: tuple(known.get(key, sorted(found[key]))) for key in sorted(found)}


def _divergent(look: Look, difference: Difference) -> Anomaly:
    told = []
    for digest, nodes in difference.groups.items():
        verb = "holds" if len(nodes) == 1 else "hold"
        what = f"{verb} {braces(look.held(difference.key, nodes))}"
        if digest is None:
            what = f"{verb} nothing"
        told.append(f"{listed(nodes)} {what}")
    sets = [set(look.held(difference.key, nodes)) for nodes in difference.groups.values()]
    clocks = " (the same versions, with different clocks)" if all(ids == sets[0] for ids in sets[1:]) else ""
    sentence = (
        f"the replicas of {difference.key} still differ at {seconds(look.time)}: {'; '.join(told)}{clocks}"
    )
    return Anomaly(
        type="divergent-replicas",
        sentence=sentence,
        operations=(look.index,),
        key=None if difference.key == UNKEYED else difference.key,
        time=look.time,
    )


def _hints_left(look: Look) -> list[Anomaly]:
    found = []
    for node, sample in look.nodes.items():
        if sample is not None and sample.hints:
            targets = sorted({label.partition("/")[0] for label in sample.hinted})
            whom = f" for {listed(targets)}" if targets else ""
            sentence = (
                f"{node} still keeps {plural(sample.hints, 'hint')}{whom} at {seconds(look.time)}, "
                "although no fault is active any more"
            )
            found.append(
                Anomaly(type="hints-left", sentence=sentence, operations=(look.index,), time=look.time)
            )
    return found


def _restless(before: Look, last: Look) -> list[Anomaly]:
    """Repairs received between two looks, when there was nothing left to repair."""
    found = []
    for node, sample in last.nodes.items():
        earlier = before.nodes.get(node)
        # A smaller count is a node that started anew; nobody may do that after healing, but it is no repair.
        if sample is not None and earlier is not None and sample.repairs > earlier.repairs:
            sentence = (
                f"{node} received {plural(sample.repairs - earlier.repairs, 'repair')} between "
                f"{seconds(before.time)} and {seconds(last.time)}, although nobody wrote any more: "
                "the replicas do not agree, or never notice that they do"
            )
            found.append(
                Anomaly(
                    type="repair-never-stops",
                    sentence=sentence,
                    operations=(before.index, last.index),
                    time=last.time,
                )
            )
    return found


def _doubts(rest: list[Look]) -> str:
    """Why convergence was not fully judged; empty when it was."""
    if rest and rest[-1].silent:
        return f"{listed(rest[-1].silent)} did not answer the last look"
    if len(rest) < 2:
        return "the replicas were looked at only once after healing, so nobody knows whether repair stopped"
    if rest[-2].silent:
        return f"{listed(rest[-2].silent)} did not answer the last look but one, so its repairs are not known"
    return ""


def _verdict(anomalies: list[Anomaly], doubt: str, stats: dict[str, Any], keys: int) -> Verdict:
    if anomalies:
        kinds = sorted({anomaly.type for anomaly in anomalies})
        validity, reason = Validity.INVALID, f"the replicas did not come to rest: {listed(kinds)}"
    elif doubt:
        validity, reason = Validity.UNKNOWN, doubt
    else:
        validity, reason = Validity.VALID, f"the replicas of {plural(keys, 'key')} are equal and at rest"
        if stats["converged_after_s"]:
            reason += f", {stats['converged_after_s']:.2f} s after the last fault was healed"
    return Verdict(validity=validity, reason=reason, anomalies=tuple(anomalies), stats=stats)


def _stats(looks: list[Look], rest: list[Look], primaries: Primaries, healed: int | None) -> dict[str, Any]:
    """`series`: (time in ns, keys that diverge among the nodes that answer), for plotting."""
    counts = {look.index: len(differences(look, primaries)) for look in looks}
    converged: int | None = None
    for look in rest:
        at_rest = not counts[look.index] and not look.silent and not _hints(look)
        if not at_rest:
            converged = None
        elif converged is None:
            converged = look.time
    # Already equal at the first look: it took no time that anybody could measure.
    first = rest[0].time if rest else None
    after = None if converged is None or healed is None else round((converged - healed) / 1e9, 3)
    if converged is not None and converged == first and healed is not None:
        after = 0.0
    return {
        "keys": len(primaries),
        "looks": len(looks),
        "most_divergent": max(counts.values()),
        "most_hints": max(_hints(look) for look in looks),
        "repairs": _repairs(looks),
        "healed_at": healed,
        "converged_at": converged,
        "converged_after_s": after,
        "series": [(look.time, counts[look.index]) for look in looks],
        "hints_series": [(look.time, _hints(look)) for look in looks],
    }


def _hints(look: Look) -> int:
    return sum(sample.hints for sample in look.nodes.values() if sample is not None)


def _repairs(looks: list[Look]) -> int:
    """All repairs received, over restarts (where a node's counter begins again at zero)."""
    total = 0
    last: dict[str, ReplicaSample] = {}
    for look in looks:
        for node, sample in look.nodes.items():
            if sample is not None:
                before = last[node].repairs if node in last else 0
                total += sample.repairs - before if sample.repairs >= before else sample.repairs
                last[node] = sample
    return total
