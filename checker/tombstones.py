"""Does anything come back that was gone?

A version is *gone* for a read that does not show it and accounts for it: something that the read shows
had seen and replaced the version, or a delete that had seen it was acknowledged before the read began.  When
a later read (one that began after that read had ended) shows the version again, it came back:

  resurrected-delete    a delete that had seen it was acknowledged before it was gone
  reappeared-version    only other writes had replaced it

Each version is one anomaly, however often it is shown: with who saw it gone first, who saw it back first and
last, and how many reads did.  A final read (after healing and settling, all replicas agree) that shows one
makes the history invalid in any mode: a tombstone was lost, or was reaped while a replica still held what it
had deleted.  Before the end, sloppy quorums may ask a replica that is behind: counted as allowed, and a
violation with option `mode` = `strict`.  What replaced it must have been acknowledged: a crash may take along
a write that was not, and bring back what it had replaced.  That, too, is only counted.

`stats.returns` lists every return with its interval.  Cost: O(ids read * log reads), plus a walk of the graph
for each version that may be back.  Options: `mode`.
"""

from bisect import bisect_left
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import msgspec

from checker import phases
from checker.dynamo import scale
from checker.dynamo.findings import LISTED, Findings
from checker.dynamo.mode import strict
from checker.dynamo.sight import Sight, sights_of
from checker.history import History, Pair
from checker.operation import Operation
from checker.options import only
from checker.verdict import Anomaly, Validity, Verdict
from checker.version_graph import KeyVersions, Version, graph_of, is_final
from checker.wording import listed, plural, seconds, told, who

DELETED, REPLACED = "resurrected-delete", "reappeared-version"


class Return(msgspec.Struct, frozen=True, kw_only=True):
    """A version that came back. `gone` did not show it, `back` are the reads that did after that."""

    version: Version
    by: Version
    gone: Pair
    back: tuple[Pair, ...]

    @property
    def kind(self) -> str:
        """The type of the anomaly."""
        return DELETED if self.by.is_delete else REPLACED

    @property
    def final(self) -> bool:
        """Is it still back in the end?"""
        return any(is_final(ended(pair)) for pair in self.back)

    @property
    def certain(self) -> bool:
        """Was it gone for good by then?"""
        return self.by.acknowledged_before(self.back[-1][0])


class Returned(NamedTuple):
    """All returns: the violations among them, the others by type, their number, and the first of them."""

    found: Findings
    allowed: dict[str, int]
    returned: int
    first: list[Return]
    deletes: int
    reads: int


def check(history: History, options: dict[str, Any]) -> Verdict:
    """Judge all keys."""
    only(options, "tombstones", ("mode",))
    at_rest, condemned = phases.settled(history) is not False, strict(options)
    if scale.compiled(history):
        from checker.dynamo import return_columns

        all_of = return_columns.gathered(history, at_rest, condemned)
    else:
        all_of = _gathered(history, lambda each: each.certain and (condemned or (each.final and at_rest)))
    wrong, rest = sum(all_of.found.counts.values()), sum(all_of.allowed.values())
    if wrong:
        validity, reason = Validity.INVALID, f"{plural(wrong, 'version')} came back after being gone"
    elif not all_of.reads:
        validity, reason = Validity.UNKNOWN, "no read succeeded, so nothing was ever seen to be gone"
    else:
        validity = Validity.VALID
        reason = f"nothing stays back after {plural(all_of.deletes, 'acknowledged delete')}"
        reason += f"; {plural(rest, 'version')} came back for a while" if rest else ""
    return Verdict(
        validity=validity,
        reason=reason,
        anomalies=all_of.found.told(),
        allowed={kind: count for kind, count in all_of.allowed.items() if count},
        stats={
            "deletes": all_of.deletes,
            "returned": all_of.returned,
            "returns": [_told(each) for each in all_of.first],
            "found": all_of.found.counts,
        },
    )


def _gathered(history: History, is_wrong: Callable[[Return], bool]) -> Returned:
    """Everything, without compiled code."""
    graph, sights = graph_of(history), sights_of(history)
    every = [each for name, seen in sights.items() for each in returns(graph.keys[name], seen)]
    found, allowed = Findings(), {DELETED: 0, REPLACED: 0}
    for each in every:
        if is_wrong(each):
            found.add(each.kind, ended(each.back[0]).index, each.version.at, partial(anomaly, each))
        else:
            allowed[each.kind] += 1
    return Returned(
        found=found,
        allowed=allowed,
        returned=len(every),
        first=every[:LISTED],
        deletes=sum(v.is_delete and v.outcome == "ok" for key in graph.keys.values() for v in key.versions),
        reads=sum(len(seen) for seen in sights.values()),
    )


def ended(pair: Pair) -> Operation:
    """The completion of an observation."""
    assert pair[1] is not None
    return pair[1]


def returns(key: KeyVersions, sights: list[Sight]) -> list[Return]:
    """All versions of a key that came back, in order of invocation."""
    shown: dict[int, list[Sight]] = {}
    for sight in sights:
        for at in {key.place[name] for name in sight.completion.reads or () if name in key.place}:
            shown.setdefault(at, []).append(sight)
    replaced = _replaced(key, shown)
    by_end = sorted(sights, key=lambda sight: sight.completion.index)
    found = []
    for at in sorted(shown):
        if at in replaced and shown[at][-1].invocation.index > replaced[at]:
            found += _returned(key.versions[at], shown[at], key, by_end, replaced[at])
    return found


def _replaced(key: KeyVersions, shown: dict[int, list[Sight]]) -> dict[int, int]:
    """Per version the first moment from which a read may find it gone.

    That is the end of the first read that shows something that had seen it, or the acknowledgement of a
    delete that had.  Taken in order of time, each version gets its moment when it is first reached.
    """
    first = {at: min(sight.completion.index for sight in seen) for at, seen in shown.items()}
    for version in key.members(key.deletes):
        if version.outcome == "ok" and version.completion is not None:
            first[version.at] = min(version.completion.index, first.get(version.at, version.completion.index))
    result: dict[int, int] = {}
    for at, moment in sorted(first.items(), key=lambda item: item[1]):
        pending = list(key.direct[at])
        while pending:
            older = pending.pop()
            if older not in result:
                result[older] = moment
                pending += key.direct[older]
    return result


def _returned(
    version: Version, shown: list[Sight], key: KeyVersions, by_end: list[Sight], since: int
) -> list[Return]:
    """The return of one version, or nothing. The read that finds it gone is the first to end."""
    until = max(sight.invocation.index for sight in shown)
    later = _later(key, version, until)
    start = bisect_left(by_end, since, key=lambda sight: sight.completion.index)
    for sight in by_end[start:]:
        if sight.completion.index >= until:
            break
        by = None if version.id in (sight.completion.reads or ()) else _by(key, later, sight)
        if by is not None:
            back = tuple(other.pair for other in shown if other.invocation.index > sight.completion.index)
            return [Return(version=version, by=by, gone=sight.pair, back=back)]
    return []


def _later(key: KeyVersions, version: Version, until: int) -> set[int]:
    """What had seen the version, as far as it was invoked by then: few of many, where returns are soon."""
    found: set[int] = set()
    pending = [version.at]
    while pending:
        for at in key.seen_by[pending.pop()]:
            if at not in found and at != version.at and key.versions[at].invocation.index < until:
                found.add(at)
                pending.append(at)
    return found


def _by(key: KeyVersions, later: set[int], sight: Sight) -> Version | None:
    """What had replaced the version, as far as this read shows: best a delete, then what was acknowledged."""
    names = (name for name in sight.completion.reads or () if name in key.place)
    behind = later.intersection(key.place[name] for name in names)
    pending = list(behind)
    while pending:
        fresh = later.intersection(key.direct[pending.pop()]) - behind
        behind |= fresh
        pending += fresh
    everything = [key.versions[at] for at in sorted(later)]
    by_delete = (v for v in everything if v.is_delete and v.acknowledged_before(sight.invocation))
    by_write = (v for v in everything if v.at in behind and v.outcome == "ok")
    by_any = (v for v in everything if v.at in behind)
    return next(by_delete, None) or next(by_write, None) or next(by_any, None)


def anomaly(each: Return) -> Anomaly:
    """A return in a sentence."""
    version, gone = each.version, each.gone
    readers = listed(dict.fromkeys(who(begun) for begun, _ in each.back))
    first, last = ended(each.back[0]), ended(each.back[-1])
    verb = "deleted" if each.by.is_delete else "replaced"
    sentence = (
        f"{version.id} came back: {each.by.id} ({told(each.by.pair)}) had seen it and {verb} it, and "
        f"{who(gone[0])} saw at {seconds(ended(gone).time)} that it was gone, but "
        f"{plural(len(each.back), 'later read')} of {version.key} by {readers} showed it again, "
        f"from {seconds(first.time)} to {seconds(last.time)}{' (the end)' if each.final else ''}"
    )
    proof = {gone[0].index, ended(gone).index, first.index, last.index}
    for pair in (version.pair, each.by.pair):
        proof.update(entry.index for entry in pair if entry is not None)
    return Anomaly(
        type=each.kind,
        sentence=sentence,
        operations=tuple(sorted(proof)),
        key=version.key or None,
        time=first.time,
    )


def _told(each: Return) -> dict[str, Any]:
    """A return as data, times in ns."""
    return {
        "type": each.kind,
        "key": each.version.key,
        "version": each.version.id,
        "by": each.by.id,
        "gone_at": ended(each.gone).time,
        "from": ended(each.back[0]).time,
        "to": ended(each.back[-1]).time,
        "reads": len(each.back),
        "seen_by": list(dict.fromkeys(str(begun.process) for begun, _ in each.back)),
        "at_the_end": each.final,
    }
