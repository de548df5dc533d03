"""Why a write was lost, as far as the history tells.

A verdict says that a write is gone; this says what became of it.  The witnesses are the looks at the
replicas (who held it last, and what was there next), the reads (who saw it last, and what was seen
next) and the faults that were active in between.  Four stories cover what stores do:

  replaced   another write, which had not seen it, took its place on the same nodes (last-write-wins,
             a wrong comparison of clocks)
  vanished   the nodes that held it, as primaries or as hints, did not hold it at the next look
  killed     the node that acknowledged it was killed before any look found it
  unmerged   a client that had seen it wrote without it

Rules of this file
  1. Nothing is said that the history does not show: "took its place" needs both versions on the same
     nodes one after the other, or at least a write that nothing but this one can explain.
  2. A *carrier* is the write itself or anything that had seen it and should therefore still account for
     it.  A write is gone when no carrier is held.
  3. The explanation never changes a verdict.
"""

from typing import Any

import msgspec

from checker import phases
from checker.history import History, Pair
from checker.operation import Operation
from checker.phases import FaultSpan
from checker.replicas import Holder, Look
from checker.version_graph import KeyVersions, Version, graph_of
from checker.wording import braces, listed, seconds, told, who


class Loss(msgspec.Struct, frozen=True, kw_only=True):
    """A lost write: `carriers` are the versions that would account for it, `reading` shows that none does.

    `dropped` is a version that had seen a carrier and was written without it, where there is one.
    """

    key: KeyVersions
    version: Version
    carriers: int
    reading: Pair
    dropped: Version | None = None

    @property
    def read(self) -> Operation:
        """The answer of that read."""
        assert self.reading[1] is not None
        return self.reading[1]


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """`text` in sentences (empty when there is no witness), `operations` are the indexes that show it.

    `time` is when it was certainly gone (ns).
    """

    text: str
    time: int
    operations: tuple[int, ...] = ()


class _Trace(msgspec.Struct, frozen=True, kw_only=True):
    """The look that found it last with who held it, and the next look (None: there was none)."""

    last: Look | None
    holders: tuple[Holder, ...]
    gone: Look | None
    looked: bool


def explain(history: History, loss: Loss, looks: list[Look]) -> Cause:
    """Tell what became of a lost write. `looks` need to know no other keys (`replicas.narrowed`)."""
    trace = _trace(looks, loss)
    missing = _first_missing(history, loss)
    window = _window(loss, trace, missing)
    active = [span for span in phases.faults(history) if span.overlaps(*window)]
    successor = _successor(loss, trace, missing)
    parts = [_story(loss, trace, successor, active), _seen_from(loss, missing)]
    if active:
        parts.append(f"active meanwhile: {listed(str(span) for span in active)}")
    proof: set[int] = set()
    for pair in (successor.pair if successor else None, missing, loss.dropped.pair if loss.dropped else None):
        proof.update(entry.index for entry in pair or () if entry is not None)
    text = " ".join(f"{part[0].upper()}{part[1:]}." for part in parts if part)
    return Cause(text=text, time=window[1], operations=tuple(sorted(proof)))


# --- the witnesses ---------------------------------------------------------------------------------


def _trace(looks: list[Look], loss: Loss) -> _Trace:
    ids = [version.id for version in loss.key.members(loss.carriers)]
    after = [look for look in looks if look.time >= loss.version.invocation.time]
    found = [(at, tuple(look.holders(loss.key.key, ids))) for at, look in enumerate(after)]
    found = [(at, holders) for at, holders in found if holders]
    if not found:
        acknowledged = [look for look in after if look.time >= _acknowledged(loss)]
        return _Trace(last=None, holders=(), gone=next(iter(acknowledged), None), looked=bool(after))
    at, holders = found[-1]
    later = after[at + 1 :]
    nodes = {holder.node for holder in holders}
    # A holder that is silent at the next look may still hold it then: the look that tells is a later one.
    telling = [look for look in later if not nodes.intersection(look.silent)]
    return _Trace(last=after[at], holders=holders, gone=next(iter(telling or later), None), looked=True)


def _first_missing(history: History, loss: Loss) -> Pair | None:
    """The read from which on no read shows it: the first that began after the last to show it ended."""
    completion = loss.version.completion
    floor = completion.index if completion is not None else -1
    return graph_of(history).first_without(loss.key, loss.carriers, floor)


def _window(loss: Loss, trace: _Trace, missing: Pair | None) -> tuple[int, int]:
    """Between when it was certainly there and when it was certainly gone."""
    start = trace.last.time if trace.last is not None else loss.version.invocation.time
    ends = [loss.read.time]
    if missing is not None and missing[1] is not None:
        ends.append(missing[1].time)
    if trace.gone is not None:
        ends.append(trace.gone.time)
    return start, max(min(ends), start)


def _successor(loss: Loss, trace: _Trace, missing: Pair | None) -> Version | None:
    """The write that is there instead: it had not seen the lost one, nor the lost one it.

    On the nodes that held the lost one if they are known, otherwise what was first seen in its stead; of
    several the one that was written at about the same time.
    """
    nodes = {holder.node for holder in trace.holders if holder.hint_for is None} or None
    ids = trace.gone.held(loss.key.key, nodes) if trace.gone is not None else []
    if nodes is None and missing is not None and missing[1] is not None:
        ids = [*ids, *(missing[1].reads or ())]
    if not trace.looked and not ids:
        ids = list(loss.read.reads or ())
    lost = loss.version
    rivals = [
        version
        for version in loss.key.members(loss.key.mask(ids))
        if not version.bit & loss.carriers
        and not loss.key.has_seen(lost, version)
        and not loss.key.has_seen(version, lost)
    ]
    return min(rivals, key=lambda v: abs(v.invocation.time - lost.invocation.time), default=None)


def _acknowledged(loss: Loss) -> int:
    completion = loss.version.completion
    return completion.time if completion is not None else loss.version.invocation.time


# --- the story -------------------------------------------------------------------------------------


def _story(loss: Loss, trace: _Trace, successor: Version | None, active: list[FaultSpan]) -> str:
    name = loss.version.id
    if loss.dropped is not None:
        seen = braces(loss.dropped.reads or ())
        return f"it was dropped by {loss.dropped.id} ({told(loss.dropped.pair)}), which had seen {seen}"
    if trace.last is not None:
        return _vanished(loss, trace, successor, active)
    node = loss.version.invocation.node
    killed = _killed(active, {node} if node is not None else set())
    if killed is not None and trace.looked:
        unseen = f"no look at the replicas ever found {name}"
        return f"{unseen}, and {node}, which acknowledged it, was killed at {seconds(killed.start)}"
    if successor is not None:
        return f"its place was taken by {_rival(successor, name)}"
    if trace.looked:
        return _unseen(trace, name)
    return ""


def _unseen(trace: _Trace, name: str) -> str:
    """Nobody ever held it at a look; who could not be asked at the first one is part of the truth."""
    told_so = f"no look at the replicas ever found {name}"
    if trace.gone is None or not trace.gone.silent:
        return told_so
    return (
        f"{told_so} ({listed(trace.gone.silent)} did not answer the next one, at {seconds(trace.gone.time)})"
    )


def _vanished(loss: Loss, trace: _Trace, successor: Version | None, active: list[FaultSpan]) -> str:
    assert trace.last is not None
    primaries = [holder.node for holder in trace.holders if holder.hint_for is None]
    killed = _killed(active, {holder.node for holder in trace.holders})
    if successor is not None and primaries and killed is None and trace.gone is not None:
        between = f"between {seconds(trace.last.time)} and {seconds(trace.gone.time)}"
        return f"its place on {listed(primaries)} was taken {between} by {_rival(successor, loss.version.id)}"
    last = f"at {seconds(trace.last.time)} {_held_by(trace)} held it"
    carriers = _ids_held(trace, loss)
    if carriers and loss.version.id not in carriers:
        last += f" (in {listed(carriers)}, which had seen it)"
    if trace.gone is None:
        return f"{last}, and nobody looked again"
    silent = f" ({listed(trace.gone.silent)} did not answer)" if trace.gone.silent else ""
    return f"{last}; by {seconds(trace.gone.time)} no replica held it{silent}"


def _ids_held(trace: _Trace, loss: Loss) -> list[str]:
    """The carriers that were held at the last look that found any, in order of invocation."""
    assert trace.last is not None
    key = loss.key
    held = key.mask(trace.last.kept(key.key)) & loss.carriers
    return [version.id for version in key.members(held)]


def _held_by(trace: _Trace) -> str:
    only = "only " if len({holder.node for holder in trace.holders}) == 1 else ""
    return only + listed(str(holder) for holder in trace.holders)


def _rival(successor: Version, lost: str) -> str:
    """The other write and what it had seen, which shows that it had no right to replace the lost one."""
    what = f"{successor.id} ({told(successor.pair)})"
    if successor.reads is None:
        return what
    return f"{what}, which had seen {braces(successor.reads)} and not {lost}"


def _killed(active: list[FaultSpan], nodes: set[str]) -> FaultSpan | None:
    return next((span for span in active if span.kind == "kill" and nodes.intersection(span.targets)), None)


def _seen_from(loss: Loss, missing: Pair | None) -> str:
    """From when on reads do not show it; nothing to add where that is the final read itself."""
    if missing is None or missing[1] is None or missing[1].final:
        return ""
    reads: Any = missing[1].reads or ()
    return (
        f"from {seconds(missing[1].time)} on no read shows it: "
        f"{who(missing[0])} was the first to be shown {braces(reads)} instead"
    )
