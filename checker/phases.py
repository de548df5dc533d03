"""What was going on at a moment of a run: its phases, and the faults that were active.

The harness announces phases (main, heal, settle, final, end) and the nemesis its injections and heals,
all in the history.  Checkers use this to say "while n2 was killed", reports to draw lanes and to compare
latency in health with latency under a partition.

Rules of this file
  1. A fault is active from its first `inject` entry (it may bite from there) to its last `heal` entry (it
     may bite until there).  One that was never healed is active to the end of the history.
  2. A segment is named after the kinds that are active in it, sorted and joined by `+` (`kill+partition`),
     `healthy` where there is none, and after the phase once the main phase is over (`settle`, `final`).
  3. All times are nanoseconds since the run began.
"""

from bisect import bisect_right
from typing import Any

import msgspec

from checker.bystanders import entries_of, last_time
from checker.history import History
from checker.operation import HARNESS, NEMESIS

HEALTHY = "healthy"


class Phase(msgspec.Struct, frozen=True, kw_only=True):
    """A phase of the run. `settled` is what the harness says of the replicas, where it says so."""

    name: str
    start: int
    end: int
    index: int
    settled: bool | None = None


class FaultSpan(msgspec.Struct, frozen=True, kw_only=True):
    """When a fault was active, and what it was. `bit` is None when nobody tried to prove it."""

    id: int
    kind: str
    shape: str
    targets: tuple[str, ...]
    start: int
    end: int
    healed: bool
    bit: bool | None

    def overlaps(self, start: int, end: int) -> bool:
        """Was it active at any moment of this interval?"""
        return self.start <= end and self.end >= start

    def __str__(self) -> str:
        what = f"{self.kind} {self.shape}".rstrip()
        where = f" of {', '.join(self.targets)}" if self.targets else ""
        until = f"to {self.end / 1e9:.2f} s" if self.healed else "and never healed"
        return f"{what}{where} (from {self.start / 1e9:.2f} s {until})"


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """An interval in which the same kinds of fault are active; `faults` are the ids of those."""

    name: str
    start: int
    end: int
    faults: tuple[int, ...] = ()


def phases(history: History) -> list[Phase]:
    """The announced phases in order; empty when the history is not one of our runs."""
    return history.derive(_phases)


def settled(history: History) -> bool | None:
    """Did the replicas come to rest before the final reads? None: the harness does not say."""
    said = [phase.settled for phase in phases(history) if phase.settled is not None]
    return said[-1] if said else None


def healed_at(history: History) -> int | None:
    """When the last fault was undone: the beginning of `settle` (of `heal`, if it got no further)."""
    starts = {phase.name: phase.start for phase in phases(history)}
    return starts.get("settle", starts.get("heal"))


def faults(history: History) -> list[FaultSpan]:
    """All faults that were injected, in order of injection."""
    return history.derive(_faults)


def segments(history: History) -> list[Segment]:
    """The whole run, cut wherever the set of active faults or the phase changes."""
    return history.derive(_segments)


def segment_at(parts: list[Segment], time: int) -> Segment:
    """The segment that a moment belongs to. `parts` are those of `segments`, never empty."""
    at = bisect_right(parts, time, key=lambda part: part.start) - 1
    return parts[max(at, 0)]


def _phases(history: History) -> list[Phase]:
    marks = []
    for operation in entries_of(history, HARNESS):
        if operation.f == "phase":
            facts = operation.value if isinstance(operation.value, dict) else {"phase": operation.value}
            marks.append((operation, facts))
    if not marks:
        return []
    ends = [later.time for later, _ in marks[1:]] + [last_time(history)]
    return [
        Phase(
            name=str(facts.get("phase", "")),
            start=operation.time,
            end=end,
            index=operation.index,
            settled=facts.get("settled", facts.get("converged")),
        )
        for (operation, facts), end in zip(marks, ends, strict=True)
    ]


def _faults(history: History) -> list[FaultSpan]:
    seen: dict[int, dict[str, Any]] = {}
    for operation in entries_of(history, NEMESIS):
        if not isinstance(operation.value, dict):
            continue
        # A heal entry may stand for everything ("recover all") and carry no id.
        facts = operation.value
        if "id" not in facts:
            continue
        fresh = {"start": operation.time, "end": None, "bit": None, "facts": facts}
        span = seen.setdefault(facts["id"], fresh)
        if operation.f == "heal":
            span["end"] = operation.time
        elif facts.get("bit") is not None:
            span["bit"] = facts["bit"]
    last = last_time(history)
    return [
        FaultSpan(
            id=number,
            kind=str(span["facts"].get("kind", "fault")),
            shape=str(span["facts"].get("shape", "")),
            targets=tuple(span["facts"].get("targets", ())),
            start=span["start"],
            end=last if span["end"] is None else span["end"],
            healed=span["end"] is not None,
            bit=span["bit"],
        )
        for number, span in seen.items()
    ]


def _segments(history: History) -> list[Segment]:
    spans = faults(history)
    later = {phase.start: phase.name for phase in phases(history) if phase.name not in ("main", "heal")}
    last = last_time(history)
    cuts = {0, last} | {span.start for span in spans} | {span.end for span in spans} | set(later)
    edges = sorted(cut for cut in cuts if 0 <= cut <= last)
    result: list[Segment] = []
    phase = ""
    for start, end in zip(edges, [*edges[1:], last], strict=True):
        phase = later.get(start, phase)
        active = [span for span in spans if span.start <= start < span.end]
        name = phase or "+".join(sorted({span.kind for span in active})) or HEALTHY
        part = Segment(name=name, start=start, end=end, faults=tuple(span.id for span in active))
        if result and (result[-1].name, result[-1].faults) == (part.name, part.faults):
            part = msgspec.structs.replace(part, start=result.pop().start)
        result.append(part)
    return result
