"""How stale are the reads, in versions and in time, and is that what quorums of this size should give?

For every read before the end (`dynamo/sight.py` has the definition of what it accounts for):

  k-staleness   how many writes that were acknowledged before it began it does not account for; 0 is fresh
  t-staleness   how long before its beginning the oldest of these was acknowledged
  consistency   the share of fresh reads, by the time between the last acknowledged write and the read

Given `n`, `r`, `w` the closed form for k, and given a latency `fit` too (a published one by name, or
{"write": [ms...], "other": [ms...]} with one's own samples), the Monte Carlo for t stand beside the measured
figures (`pbs.py`).  The prediction knows one write, fixed replicas, no failures and no repairs, and a read
that begins in any relation to the write; the difference to it is what this checker is for.

Never invalid: being stale is a measurement here, and a violation only in `freshness.py`.  Unknown without a
read that can be judged.  Options: `n`, `r`, `w`, `fit`, `seed` (of the Monte Carlo; 0).  Cost: one pass.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Any

import msgspec

from checker import pbs
from checker.dynamo import scale
from checker.dynamo.sight import Sight, judged, sights_of
from checker.history import History
from checker.options import OptionError, only
from checker.verdict import Validity, Verdict
from checker.version_graph import KeyVersions, graph_of
from checker.wording import plural

OPTIONS = ("n", "r", "w", "fit", "seed")

QUANTILES = (0.5, 0.9, 0.99, 0.999, 1.0)

VERSIONS = (1, 2, 3, 5, 10)
"""The k for which the share of reads within k versions is told."""

EDGES_MS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0)
"""Bounds of the bins by time since the last acknowledged write."""


class Measured(msgspec.Struct, kw_only=True):
    """`missed`: per read. `late`: per stale read, ms. Both sorted. `bins`: per bin (reads, fresh ones)."""

    missed: Sequence[int]
    late: Sequence[float]
    bins: list[tuple[int, int]]


def check(history: History, options: dict[str, Any]) -> Verdict:
    """Measure all reads of all keys."""
    only(options, "staleness", OPTIONS)
    expected = _expected(options)
    if scale.compiled(history):
        from checker.dynamo.staleness_columns import measured_columns

        measured = measured_columns(history)
    else:
        measured = _measured(history)
    reads = len(measured.missed)
    if not reads:
        return Verdict(validity=Validity.UNKNOWN, reason="no read could be judged", stats=expected)
    stale = len(measured.late)
    stats = _stats(measured) | expected
    reason = f"{stale} of {plural(reads, 'read')} stale ({stale / reads:.2%})"
    if stale:
        reason += f", by up to {plural(measured.missed[-1], 'version')} and {measured.late[-1]:.1f} ms"
    if "predicted" in stats and "stale_rate" in stats["predicted"]:
        reason += f"; PBS without timing expects {stats['predicted']['stale_rate']:.2%}"
    allowed = {"stale-read": stale} if stale else {}
    return Verdict(validity=Validity.VALID, reason=reason, allowed=allowed, stats=stats)


def _measured(history: History) -> Measured:
    """Everything, without compiled code."""
    missed: list[int] = []
    late: list[float] = []
    bins = [(0, 0)] * (len(EDGES_MS) + 1)
    graph = graph_of(history)
    for name, sights in sights_of(history).items():
        key = graph.keys[name]
        acknowledged = _acknowledgements(key)
        for sight in judged(sights):
            missed.append(sight.missed)
            if sight.missed:
                late.append(_late(key, sight))
            _put_into(bins, sight, acknowledged)
    return Measured(missed=sorted(missed), late=sorted(late), bins=bins)


def _acknowledgements(key: KeyVersions) -> list[tuple[int, int]]:
    """(index, time) of all acknowledgements of writes, by index."""
    ends = [v.completion for v in key.versions if v.outcome == "ok" and not v.is_delete]
    return sorted((end.index, end.time) for end in ends if end is not None)


def _late(key: KeyVersions, sight: Sight) -> float:
    end = key.versions[sight.oldest].completion
    assert end is not None
    return (sight.invocation.time - end.time) / 1e6


def _put_into(bins: list[tuple[int, int]], sight: Sight, acknowledged: list[tuple[int, int]]) -> None:
    before = bisect_left(acknowledged, (sight.invocation.index,))
    if before:
        since = (sight.invocation.time - acknowledged[before - 1][1]) / 1e6
        at = bisect_right(EDGES_MS, since)
        reads, fresh = bins[at]
        bins[at] = (reads + 1, fresh + (not sight.missed))


def _stats(measured: Measured) -> dict[str, Any]:
    missed = measured.missed
    starts = (0.0, *EDGES_MS)
    return {
        "reads": len(missed),
        "stale": len(measured.late),
        "stale_rate": round(len(measured.late) / len(missed), 6),
        "k_quantiles": {str(q): pbs.quantile(missed, q) for q in QUANTILES},
        "k_within": {str(k): round(bisect_left(missed, k) / len(missed), 6) for k in VERSIONS},
        "t_ms_quantiles": {
            str(q): round(pbs.quantile(measured.late, q), 3) for q in QUANTILES if measured.late
        },
        "consistent_by_ms": [
            {"from_ms": start, "reads": reads, "consistent": round(fresh / reads, 6)}
            for start, (reads, fresh) in zip(starts, measured.bins, strict=True)
            if reads
        ],
    }


def _expected(options: dict[str, Any]) -> dict[str, Any]:
    """What PBS predicts, under `predicted`; empty without n, r and w."""
    given = [name for name in ("n", "r", "w") if name in options]
    if not given and "fit" not in options:
        return {}
    if len(given) < 3:
        raise OptionError("staleness predicts with all of n, r and w; give the three together")
    n, r, w = (_whole(options, name) for name in ("n", "r", "w"))
    try:
        stale = pbs.miss(n, r, w)
    except ValueError as error:
        raise OptionError(str(error)) from None
    result: dict[str, Any] = {
        "stale_rate": stale,
        "k_within": {str(k): round(pbs.within(n, r, w, k), 6) for k in VERSIONS},
    }
    if "fit" in options:
        result |= _timed(_fit(options["fit"]), (n, r, w), _whole(options, "seed", 0))
    return {"predicted": result}


def _timed(fit: pbs.Fit, quorum: tuple[int, int, int], seed: int) -> dict[str, Any]:
    prediction = pbs.predict(fit, *quorum, seed=seed)
    return {
        "consistent_by_ms": [
            {"from_ms": start, "consistent": round(prediction.consistent(start), 6)}
            for start in (0.0, *EDGES_MS)
        ],
        "visible_ms": {str(q): round(prediction.visible(q), 3) for q in QUANTILES[:-1]},
    }


def _whole(options: dict[str, Any], name: str, otherwise: int | None = None) -> int:
    value = options.get(name, otherwise)
    if not isinstance(value, int) or isinstance(value, bool):
        raise OptionError(f"option {name} is {value!r}; expected a whole number")
    return value


def _fit(value: Any) -> pbs.Fit:
    """A published fit by name, or samples."""
    if isinstance(value, str) and value in pbs.FITS:
        return pbs.FITS[value]
    if isinstance(value, dict) and set(value) == {"write", "other"}:
        write, other = (tuple(float(each) for each in value[name]) for name in ("write", "other"))
        if write and other:
            return pbs.Fit(write=write, other=other)
    names = ", ".join(pbs.FITS)
    raise OptionError(f'option fit is {value!r}; expected {names}, or {{"write": [ms...], "other": [ms...]}}')
