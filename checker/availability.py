"""How well were clients served, in health and under each kind of fault?

Success rate and latency by fault phase (`phases.py`).  An operation belongs to the segment in which it was
invoked.  Latency is that of successful operations, from invocation to completion as the client saw it.

Never invalid: a store may refuse.  What it may not do is lie, which the other checkers judge.
"""

from typing import Any

import msgspec

from checker.history import History, Pair
from checker.options import only
from checker.phases import Segment, segment_at, segments
from checker.verdict import Validity, Verdict

QUANTILES = {"p50_ms": 0.50, "p95_ms": 0.95, "p99_ms": 0.99}


class Service(msgspec.Struct, kw_only=True):
    """What clients got in all segments of one name. `duration` and `latencies` in ns."""

    duration: int = 0
    ok: int = 0
    fail: int = 0
    info: int = 0
    latencies: list[int] = msgspec.field(default_factory=list)

    @property
    def operations(self) -> int:
        """All of them."""
        return self.ok + self.fail + self.info

    def add(self, pair: Pair) -> None:
        """Count one operation. One that never completed is `info`."""
        invocation, completion = pair
        match completion.type if completion is not None else "info":
            case "ok":
                assert completion is not None
                self.ok += 1
                if completion.time >= invocation.time >= 0:
                    self.latencies.append(completion.time - invocation.time)
            case "fail":
                self.fail += 1
            case _:
                self.info += 1

    def as_stats(self) -> dict[str, Any]:
        """Counts, the success rate (None without operations), and latency quantiles in milliseconds."""
        count = self.operations
        ordered = sorted(self.latencies)
        return {
            "duration_s": round(self.duration / 1e9, 3),
            "operations": count,
            "ok": self.ok,
            "fail": self.fail,
            "info": self.info,
            "success_rate": round(self.ok / count, 4) if count else None,
            **{name: quantile_ms(ordered, share) for name, share in QUANTILES.items()},
        }


def check(history: History, options: dict[str, Any]) -> Verdict:
    """Measure. Takes no options."""
    only(options, "availability")
    parts = segments(history)
    by_phase = _durations(parts)
    total = Service(duration=parts[-1].end if parts else 0)
    if history.table is not None:
        from checker.dynamo import service_columns

        service_columns.add(history, parts, by_phase, total)
    else:
        for pair in history.pairs():
            by_phase[segment_at(parts, pair[0].time).name].add(pair)
            total.add(pair)
    if not total.operations:
        return Verdict(validity=Validity.VALID, reason="no client asked anything")
    used = {name: service for name, service in by_phase.items() if service.operations}
    stats = {
        "total": total.as_stats(),
        "phases": {name: used[name].as_stats() for name in sorted(used, key=_order)},
    }
    return Verdict(validity=Validity.VALID, reason=_reason(stats), stats=stats)


def quantile_ms(ordered: list[int], share: float) -> float | None:
    """The smallest latency that this share of the operations did not exceed (nearest rank), in ms."""
    if not ordered:
        return None
    # Ceiling in integers: 0.99 * 100 is 99.00000000000001 in floating point.
    rank = -(-round(share * 1000) * len(ordered) // 1000)
    return round(ordered[max(rank, 1) - 1] / 1e6, 3)


def _durations(parts: list[Segment]) -> dict[str, Service]:
    services: dict[str, Service] = {}
    for part in parts:
        services.setdefault(part.name, Service()).duration += part.end - part.start
    return services


def _order(name: str) -> tuple[int, str]:
    """Healthy first, then the faults from single ones to combinations, then what comes after."""
    if name == "healthy":
        return 0, name
    return (9, name) if name in ("settle", "final", "end") else (1 + name.count("+"), name)


def _reason(stats: dict[str, Any]) -> str:
    told = [
        f"{name} {phase['success_rate']:.1%}"
        for name, phase in stats["phases"].items()
        if phase["success_rate"] is not None
    ]
    return f"operations that succeeded: {stats['total']['success_rate']:.1%} ({', '.join(told)})"
