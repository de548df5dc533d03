"""Are there ever more siblings than writes that are truly concurrent?

A version that another one had seen is no sibling of it.  So of the siblings in a read only the maximal
ones (`KeyVersions.maximal`) can be truly concurrent, and a store whose versions cannot tell dots apart
shows more with every interleaved write: *sibling explosion* (99 siblings after 100 writes by two clients,
where 2 are concurrent).

Where the causal checker names each false sibling, this one measures growth: siblings per read over time,
against those that can be concurrent.  There is one anomaly per key, at its worst read.

The series are for plotting: of the KEYS with the most siblings, without points that repeat the one before,
and of a long series the highest of every few.

No false alarm: the maximal members of a set are an antichain of what clients saw; any further member had
been seen by another member's client, so no correct state holds both (`causal.py` has the argument).
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from checker.dynamo import scale
from checker.dynamo.findings import Findings
from checker.dynamo.sight import Sight, sights_of
from checker.history import History, Pair
from checker.options import only
from checker.verdict import Anomaly, Validity, Verdict
from checker.wording import plural, seconds, who

KEYS, POINTS = 100, 2000
"""How many series there are at most, and points in each."""

Point = tuple[int, int, int]
"""A read: its end in ns, siblings shown, and how many of these can be concurrent."""


class Worst(NamedTuple):
    """The read of a key that shows the most too many, and of all its reads: how many do, and the first."""

    pair: Pair
    shown: int
    concurrent: int
    wrong: int
    reads: int
    first_time: int


class Growth(NamedTuple):
    """All reads together. `points` gives those of a key by their ends; `most` the siblings of each key."""

    found: Findings
    reads: int
    shown: int
    most_concurrent: int
    with_siblings: int
    most: dict[str, int]
    points: Callable[[str], list[Point]]


def check(history: History, options: dict[str, Any]) -> Verdict:
    """Judge all reads. Takes no options."""
    only(options, "siblings")
    if scale.compiled(history):
        from checker.dynamo import sibling_columns

        growth = sibling_columns.gathered(history)
    else:
        growth = _gathered(history)
    if not growth.reads:
        return Verdict(validity=Validity.UNKNOWN, reason="no read succeeded, so no sibling was ever seen")
    most = max(growth.most.values())
    wrong = growth.found.counts.get("sibling-explosion", 0)
    if wrong:
        reason = f"{plural(wrong, 'key')} with more siblings than concurrent writes, up to {most}"
    else:
        reason = f"at most {plural(most, 'sibling')}, all of them concurrent"
    validity = Validity.INVALID if wrong else Validity.VALID
    return Verdict(
        validity=validity, reason=reason, anomalies=growth.found.told(), stats=_stats(growth, most)
    )


def _gathered(history: History) -> Growth:
    """Everything, without compiled code."""
    found = Findings()
    by_key = {
        key: sorted(sights, key=lambda sight: sight.completion.index)
        for key, sights in sights_of(history).items()
        if sights
    }
    for key, sights in by_key.items():
        wrong = [sight for sight in sights if sight.shown > sight.concurrent]
        if wrong:
            worst = max(wrong, key=lambda sight: sight.shown - sight.concurrent)
            about = Worst(
                worst.pair,
                worst.shown,
                worst.concurrent,
                len(wrong),
                len(sights),
                wrong[0].completion.time,
            )
            found.add("sibling-explosion", worst.completion.index, 0, partial(explosion, key, about))
    every = [sight for sights in by_key.values() for sight in sights]
    return Growth(
        found=found,
        reads=len(every),
        shown=sum(sight.shown for sight in every),
        most_concurrent=max((sight.concurrent for sight in every), default=0),
        with_siblings=sum(sight.shown > 1 for sight in every),
        most={key: max(sight.shown for sight in sights) for key, sights in by_key.items()},
        points=lambda key: [_point(sight) for sight in by_key[key]],
    )


def _point(sight: Sight) -> Point:
    return sight.completion.time, sight.shown, sight.concurrent


def explosion(key: str, worst: Worst) -> Anomaly:
    """A key with too many siblings, at its worst read."""
    invocation, completion = worst.pair
    assert completion is not None
    sentence = (
        f"the {invocation.f} of {key} by {who(invocation)} at {seconds(completion.time)} showed "
        f"{plural(worst.shown, 'sibling')}, of which {worst.concurrent} can be concurrent; "
        f"{worst.wrong} of {plural(worst.reads, 'read')} of the key showed too many, "
        f"first at {seconds(worst.first_time)}"
    )
    return Anomaly(
        type="sibling-explosion",
        sentence=sentence,
        operations=(invocation.index, completion.index),
        key=key or None,
        time=completion.time,
    )


def _stats(growth: Growth, most: int) -> dict[str, Any]:
    """`series`: per key (time in ns, siblings shown, of which can be concurrent), for plotting."""
    plotted = sorted(growth.most, key=lambda key: (-growth.most[key], key))[:KEYS]
    return {
        "reads": growth.reads,
        "max": most,
        "mean": round(growth.shown / growth.reads, 3),
        "max_concurrent": growth.most_concurrent,
        "with_siblings": growth.with_siblings,
        "series": {key: _thinned(growth.points(key)) for key in sorted(plotted)},
        "found": growth.found.counts,
    }


def _thinned(points: list[Point]) -> list[Point]:
    """Without repetitions, except at the end; of a long rest the highest of each part."""
    pairs = zip(points, [(0, -1, -1), *points], strict=False)
    kept = [point for point, before in pairs if point[1:] != before[1:] or point is points[-1]]
    part = -(-len(kept) // POINTS)
    if part < 2:
        return kept
    return [max(kept[at : at + part], key=lambda point: point[1]) for at in range(0, len(kept), part)]
