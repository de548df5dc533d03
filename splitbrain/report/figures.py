"""Which picture explains which anomaly: lanes for all, and beside them what fits the type.

a circle       transactions that would each have to come before the next
a tree         versions of a Dynamo store: which replaced which, and what a read showed
a scale        a counter and its bounds; balances and their total
sides          replicas beside each other
"""

from typing import Any, NamedTuple

from markupsafe import Markup

from checker.history import Pair
from checker.verdict import Anomaly
from splitbrain.report import branches, circle, crossing, elements, labels, lanes, readings, scales, sides
from splitbrain.report.crossing import Circle
from splitbrain.report.evidence import Evidence

Drawn = tuple[Markup, str]
"""A picture and its caption."""

CONTEXT: dict[str, tuple[tuple[str, ...], int, int]] = {
    "set-full": (("read",), 0, 2),
    "queue": (("enqueue", "dequeue", "drain"), 6, 0),
    "total-queue": (("drain",), 0, 2),
    "counter": (("add", "increment", "decrement", "read"), 7, 0),
    "bank": (("transfer", "read"), 4, 0),
}
"""Checker -> what is drawn beside the proof: operations of these kinds, so many before its end and after."""

SHARED = frozenset({"duplicate-id", "lost-update"})
"""Types for which no operation is more to blame than the others."""

TRANSACTIONS = frozenset({"list-append", "rw-register"})
"""Checkers that look at keys of transactions: others on the same key are drawn, too."""


class Scene(NamedTuple):
    """What a picture is made of.

    `number`: how many of the type came before it in this check; `cyclic`: it is a circle of transactions.
    """

    checker: str
    anomaly: Anomaly
    stats: dict[str, Any]
    number: int
    pairs: list[Pair]
    evidence: Evidence
    cyclic: bool


class Picture(NamedTuple):
    """The pictures of one anomaly. `more`: operations of it that are not drawn."""

    lanes: Markup
    more: int
    extra: Markup
    caption: str
    cycles: list[dict[str, Any]]


def draw(scene: Scene, told: list[Circle], ringed: set[int]) -> Picture:
    """Everything that explains the anomaly. `told` are its circles; `ringed` entries are marked."""
    circles = [_as_drawn(each, scene) for each in told] or [c for c in [_circle(scene)] if c is not None]
    around = circles[0] if circles else None
    pairs, texts = _with_context(scene, around), {}
    if scene.checker in elements.CHECKERS and around is None:
        element = elements.of(scene.anomaly, scene.pairs)
        texts = elements.texts(element, pairs) if element is not None else {}
    names = around.entries if around is not None else {}
    marked = ringed or (set() if around is not None and around.edges else _ringed(scene.anomaly))
    extra = _extra(scene)
    return Picture(
        lanes=lanes.draw(pairs, marked, names, texts) if pairs else Markup(""),
        more=max(len(pairs) - lanes.MOST, 0),
        extra=extra[0] if extra is not None else Markup(""),
        caption=extra[1] if extra is not None else "",
        cycles=[_told(each) for each in circles if each.edges],
    )


def _ringed(anomaly: Anomaly) -> set[int]:
    """The entries of what shows the anomaly: its last operation, or all where none is more to blame."""
    everything = set(anomaly.operations)
    return everything if anomaly.type in SHARED else {max(everything, default=-1)}


def _with_context(scene: Scene, around: Circle | None = None) -> list[Pair]:
    """The operations of the anomaly, and some around them without which it cannot be understood."""
    fs, before, after = CONTEXT.get(scene.checker, ((), 0, 0))
    pairs = {pair[0].index: pair for pair in scene.pairs}
    if around is not None:
        pairs |= {pair[0].index: pair for pair in scene.evidence.pairs(list(around.entries))}
    if scene.anomaly.type in branches.TYPES:
        near = branches.writers(scene.anomaly, scene.evidence)[: lanes.MOST]
        pairs |= {pair[0].index: pair for pair in near}
    if scene.checker in TRANSACTIONS and not scene.cyclic:
        near = readings.neighbours(scene.anomaly, scene.pairs, scene.evidence)
        pairs |= {pair[0].index: pair for pair in near}
    if pairs and (before or after):
        last = max(pairs)
        near = scene.evidence.around(last, lambda pair: pair[0].f in fs, before, after)
        pairs |= {pair[0].index: pair for pair in near}
    if len(pairs) > lanes.MOST:
        return scene.pairs
    return [pairs[at] for at in sorted(pairs)]


def _as_drawn(told: Circle, scene: Scene) -> Circle:
    """The circle of a checker, with its transactions in the words of the lanes."""
    words = {
        told.entries[entry.index]: labels.shorten(labels.label(pair), labels.MOST)
        for pair in scene.pairs
        for entry in pair
        if entry is not None and entry.index in told.entries
    }
    return told._replace(names=told.names | words)


def _circle(scene: Scene) -> Circle | None:
    """The circle that follows from what the operations of an anomaly saw."""
    match scene.anomaly.type:
        case "long-fork":
            return crossing.fork(scene.pairs, scene.evidence)
        case "causal-reverse":
            return crossing.reverse(scene.pairs)
        case "causal-cycle":
            return crossing.saw(scene.pairs)
        case _:
            return None


def _told(found: Circle) -> dict[str, Any]:
    return {
        "edges": found.edges,
        "picture": circle.draw(found.edges),
        "transactions": found.names,
        "reasons": found.reasons,
        "suppose": found.suppose,
    }


def _extra(scene: Scene) -> Drawn | None:
    anomaly, evidence = scene.anomaly, scene.evidence
    if anomaly.type in sides.TYPES:
        return sides.draw(anomaly, evidence)
    if anomaly.type in branches.TYPES:
        return branches.draw(anomaly, evidence)
    if anomaly.type in readings.TYPES:
        return readings.draw(anomaly, scene.pairs, evidence)
    match scene.checker:
        case "set" | "set-full" | "total-queue":
            element = elements.of(anomaly, scene.pairs)
            return None if element is None else elements.shelf(anomaly, element, _with_context(scene))
        case "counter":
            errors = scene.stats.get("errors", [])
            return scales.bounds(errors[scene.number]) if scene.number < len(errors) else None
        case "bank":
            return _bank(scene)
        case "stats":
            return scales.outcomes(scene.stats.get("by-f", {}))
        case _:
            return None


def _bank(scene: Scene) -> Drawn | None:
    ends = [end for _, end in scene.pairs if end is not None]
    if not ends:
        return None
    if scene.anomaly.type == "wrong-total":
        return scales.balances(ends[-1].value, scene.stats.get("total-amount"))
    return scales.accounts(ends[-1].value, _accounts(scene))


def _accounts(scene: Scene) -> list[str]:
    """The accounts as the checker knows them: the sentence names those that are too many or too few."""
    end = scene.pairs[-1][1]
    value = end.value if end is not None else None
    names = [str(n) for n in (value if isinstance(value, dict) else range(len(value or ())))]
    told = scene.anomaly.sentence
    if scene.anomaly.type == "missing-key":
        listed = told.rpartition("does not show ")[2].replace(" and ", ", ").split(", ")
        return [*names, *listed]
    if scene.anomaly.type == "unexpected-key":
        strange = told.rpartition(" shows ")[2].partition(", which")[0].replace(" and ", ", ").split(", ")
        return [name for name in names if name not in strange]
    return []
