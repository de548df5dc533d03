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

from functools import partial
from typing import Any

import msgspec

from checker import phases, replicas
from checker.dynamo.divergence import Counted, Primaries, counted, digests
from checker.dynamo.findings import Findings, Tell
from checker.history import History
from checker.options import only
from checker.replicas import Look
from checker.verdict import Anomaly, Validity, Verdict
from checker.version_graph import UNKEYED
from checker.wording import braces, listed, plural, seconds


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A key whose primaries differ: digest (None: not held) -> nodes."""

    key: str
    groups: dict[str | None, tuple[str, ...]]


def check(history: History, options: dict[str, Any]) -> Verdict:
    """`options["primaries"]`: key -> its primary nodes, where the caller knows the ring."""
    only(options, "convergence", ("primaries",))
    looks = replicas.looks(history)
    if not looks or not looks[-1].final:
        missing = "no last look at the replicas after healing was recorded"
        return Verdict(validity=Validity.UNKNOWN, reason=f"{missing}, so convergence cannot be judged")
    counts = counted(looks, options.get("primaries") or {})
    healed = phases.healed_at(history)
    after = [at for at, look in enumerate(looks) if healed is None or look.time >= healed]
    rest = looks[after[0] :] if after else []
    found = Findings()
    for at, difference in enumerate(differences(looks[-1], counts.primaries)):
        found.add("divergent-replicas", looks[-1].index, at, partial(_divergent, looks[-1], difference))
    _add_hints_left(found, looks[-1])
    if len(rest) > 1:
        _add_restless(found, rest[-2], rest[-1])
    stats = _stats(looks, range(len(looks) - len(rest), len(looks)), counts, healed)
    return _verdict(found, _doubts(rest), stats | {"found": found.counts})


def differences(look: Look, primaries: Primaries) -> list[Difference]:
    """The keys whose primaries hold something different at this look. Silent nodes are left out."""
    found = []
    held = digests(look.brief)
    for key, nodes in primaries.items():
        # Most keys are equal; only the others are worth grouping.
        if len({held[node].get(key) for node in nodes if node in held}) < 2:
            continue
        groups: dict[str | None, tuple[str, ...]] = {}
        for node in nodes:
            if node in held:
                digest = held[node].get(key)
                groups[digest] = (*groups.get(digest, ()), node)
        found.append(Difference(key=key, groups=groups))
    return found


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


def _add_hints_left(found: Findings, look: Look) -> None:
    for at, (node, sample) in enumerate(look.nodes.items()):
        if sample is not None and sample.hints:
            targets = sorted({label.partition("/")[0] for label in sample.hinted})
            whom = f" for {listed(targets)}" if targets else ""
            sentence = (
                f"{node} still keeps {plural(sample.hints, 'hint')}{whom} at {seconds(look.time)}, "
                "although no fault is active any more"
            )
            left = Anomaly(type="hints-left", sentence=sentence, operations=(look.index,), time=look.time)
            found.add("hints-left", look.index, at, _already(left))


def _already(anomaly: Anomaly) -> Tell:
    return lambda: anomaly


def _add_restless(found: Findings, before: Look, last: Look) -> None:
    """Repairs received between two looks, when there was nothing left to repair."""
    for at, (node, sample) in enumerate(last.brief.items()):
        earlier = before.brief.get(node)
        # A smaller count is a node that started anew; nobody may do that after healing, but it is no repair.
        if sample is not None and earlier is not None and sample.repairs > earlier.repairs:
            sentence = (
                f"{node} received {plural(sample.repairs - earlier.repairs, 'repair')} between "
                f"{seconds(before.time)} and {seconds(last.time)}, although nobody wrote any more: "
                "the replicas do not agree, or never notice that they do"
            )
            restless = Anomaly(
                type="repair-never-stops",
                sentence=sentence,
                operations=(before.index, last.index),
                time=last.time,
            )
            found.add("repair-never-stops", last.index, at, _already(restless))


def _doubts(rest: list[Look]) -> str:
    """Why convergence was not fully judged; empty when it was."""
    if rest and rest[-1].silent:
        return f"{listed(rest[-1].silent)} did not answer the last look"
    if len(rest) < 2:
        return "the replicas were looked at only once after healing, so nobody knows whether repair stopped"
    if rest[-2].silent:
        return f"{listed(rest[-2].silent)} did not answer the last look but one, so its repairs are not known"
    return ""


def _verdict(found: Findings, doubt: str, stats: dict[str, Any]) -> Verdict:
    if found.counts:
        kinds = sorted(found.counts)
        validity, reason = Validity.INVALID, f"the replicas did not come to rest: {listed(kinds)}"
    elif doubt:
        validity, reason = Validity.UNKNOWN, doubt
    else:
        validity, reason = (
            Validity.VALID,
            f"the replicas of {plural(stats['keys'], 'key')} are equal and at rest",
        )
        if stats["converged_after_s"]:
            reason += f", {stats['converged_after_s']:.2f} s after the last fault was healed"
    return Verdict(validity=validity, reason=reason, anomalies=found.told(), stats=stats)


def _stats(looks: list[Look], rest: range, counts: Counted, healed: int | None) -> dict[str, Any]:
    """`series`: (time in ns, keys that diverge among the nodes that answer), for plotting.

    `rest` are the looks after healing.
    """
    converged: int | None = None
    for at in rest:
        at_rest = not counts.different[at] and not counts.silent[at] and not counts.hints[at]
        if not at_rest:
            converged = None
        elif converged is None:
            converged = looks[at].time
    # Already equal at the first look: it took no time that anybody could measure.
    first = looks[rest.start].time if rest else None
    after = None if converged is None or healed is None else round((converged - healed) / 1e9, 3)
    if converged is not None and converged == first and healed is not None:
        after = 0.0
    return {
        "keys": len(counts.primaries),
        "looks": len(looks),
        "most_divergent": max(counts.different),
        "most_hints": max(counts.hints),
        "repairs": counts.repairs,
        "healed_at": healed,
        "converged_at": converged,
        "converged_after_s": after,
        "series": [(look.time, count) for look, count in zip(looks, counts.different, strict=True)],
        "hints_series": [(look.time, count) for look, count in zip(looks, counts.hints, strict=True)],
    }
