"""Operations that contradict each other or the clock, told as circles: what had to come before what.

The checkers `long-fork`, `causal-reverse` and `causal` name the operations; the circle follows from what they
saw.
"""

from typing import Any, NamedTuple

from checker.classic.element import identity, shown
from checker.history import Pair
from checker.verdict import Anomaly
from splitbrain.report.circle import Edge
from splitbrain.report.evidence import Evidence


class Circle(NamedTuple):
    """A cycle for `circle.draw`: what the names stand for, which entries they have, and the edges.

    `reasons` are orders that had to be known first, `suppose` what the circle follows from, if anything.
    """

    names: dict[str, str]
    entries: dict[int, str]
    edges: list[Edge]
    reasons: tuple[str, ...] = ()
    suppose: str = ""


def circle_of(told: dict[str, Any]) -> Circle:
    """The circle that a checker found, from its stats; findings that are no circle have the same form."""
    names = told.get("transactions", {})
    return Circle(
        names={name: each["text"] for name, each in names.items()},
        entries={entry: name for name, each in names.items() for entry in each["entries"]},
        edges=[_edge(step) for step in told.get("steps", [])],
        reasons=tuple(reason["sentence"] for reason in told.get("reasons", [])),
        suppose=told.get("suppose", ""),
    )


def _edge(step: dict[str, Any]) -> Edge:
    """One step. Its kind stands beside it on the page, and need not end the sentence, too."""
    kind = step["edge"]
    return Edge(str(step["from"]), str(step["to"]), kind, step["sentence"].removesuffix(f" ({kind})"))


class Told:
    """What the stats of a check tell of its anomalies, taken out one anomaly after the other."""

    def __init__(self, stats: dict[str, Any]) -> None:
        self._cycles = list(stats.get("cycles", []))
        self._findings = list(stats.get("findings", []))

    def cycles(self, anomaly: Anomaly) -> list[Circle]:
        """The circles of an anomaly: one, or one for each of the suppositions of which one must hold."""
        first = _take(self._cycles, anomaly)
        if first is None:
            return []
        found = [first]
        while first.get("suppose") and (more := _take(self._cycles, anomaly, first["transactions"])):
            found.append(more)
        return [circle_of(each) for each in found]

    def finding(self, anomaly: Anomaly) -> Circle | None:
        """Who is who in an anomaly that is no circle."""
        found = _take(self._findings, anomaly)
        return None if found is None else circle_of(found)


def _take(told: list[dict[str, Any]], anomaly: Anomaly, same: Any = None) -> dict[str, Any] | None:
    """The first of that type whose transactions are among what proves the anomaly, out of the list."""
    proof = set(anomaly.operations)
    for at, each in enumerate(told):
        fits = same is None or (each.get("suppose") and each["transactions"] == same)
        if each["type"] == anomaly.type and fits and circle_of(each).entries.keys() <= proof:
            return told.pop(at)
    return None


def fork(pairs: list[Pair], evidence: Evidence) -> Circle | None:
    """Two reads of which each saw a write that the other missed."""
    reads = [(pair, state) for pair in pairs if (state := _state(pair))]
    if len(reads) != 2:
        return None
    (one, left), (other, right) = reads
    first = next((key for key in left if left[key] is not None and right.get(key) is None), None)
    second = next((key for key in right if right[key] is not None and left.get(key) is None), None)
    if first is None or second is None:
        return None
    names = {
        "T1": f"read by client {one[0].process}: {_told(left, first, second)}",
        "T2": f"write of {second} = {shown(right[second])}",
        "T3": f"read by client {other[0].process}: {_told(right, first, second)}",
        "T4": f"write of {first} = {shown(left[first])}",
    }
    edges = [
        Edge("T1", "T2", "rw", f"T1 did not see {second}, so T1 came before its write T2"),
        Edge("T2", "T3", "wr", f"T3 saw {second} = {shown(right[second])}, so T2 came before T3"),
        Edge("T3", "T4", "rw", f"T3 did not see {first}, so T3 came before its write T4"),
        Edge("T4", "T1", "wr", f"T1 saw {first} = {shown(left[first])}, so T4 came before T1"),
    ]
    entries = {one[0].index: "T1", other[0].index: "T3"}
    entries |= _writer(second, right[second], other, evidence, "T2")
    entries |= _writer(first, left[first], one, evidence, "T4")
    return Circle(names, entries, edges)


def _writer(key: str, value: Any, read: Pair, evidence: Evidence, name: str) -> dict[int, str]:
    """The entry of who wrote what a read saw, with the name of it; empty where nobody did."""
    until = read[1].index if read[1] is not None else read[0].index

    def wrote(pair: Pair) -> bool:
        steps = pair[0].value if isinstance(pair[0].value, list) else []
        wanted = ("w", key, identity(value))
        return any(
            isinstance(step, list) and len(step) == 3 and (step[0], str(step[1]), identity(step[2])) == wanted
            for step in steps
        )

    return {pair[0].index: name for pair in evidence.around(until, wrote, 1, 0)}


def _state(pair: Pair) -> dict[str, Any]:
    end = pair[1]
    steps = end.value if end is not None and isinstance(end.value, list) else []
    return {
        str(step[1]): step[2]
        for step in steps
        if isinstance(step, list) and len(step) == 3 and step[0] == "r"
    }


def _told(state: dict[str, Any], *keys: str) -> str:
    return ", ".join(f"{key} = {'nothing' if state[key] is None else shown(state[key])}" for key in keys)


def reverse(pairs: list[Pair]) -> Circle | None:
    """A read that shows a later write and lacks one that was acknowledged before that began."""
    reads = [pair for pair in pairs if pair[0].f == "read"]
    writes = sorted((pair for pair in pairs if pair[0].f == "write"), key=lambda pair: pair[0].index)
    if len(reads) != 1 or len(writes) != 2:
        return None
    (read,), (missed, latest) = reads, writes
    old, new = shown(missed[0].value), shown(latest[0].value)
    names = {
        "T1": f"write of {old} by client {missed[0].process}",
        "T2": f"write of {new} by client {latest[0].process}",
        "T3": f"read by client {read[0].process}: shows {new}, lacks {old}",
    }
    edges = [
        Edge("T1", "T2", "realtime", f"the write of {old} was acknowledged before the write of {new} began"),
        Edge("T2", "T3", "wr", f"the read shows {new}, so it came after T2"),
        Edge("T3", "T1", "rw", f"the read does not show {old}, so it came before T1"),
    ]
    entries = {missed[0].index: "T1", latest[0].index: "T2", read[0].index: "T3"}
    return Circle(names, entries, edges)


def saw(pairs: list[Pair]) -> Circle | None:
    """Writes of versions that had seen each other in a circle."""
    writes = {pair[0].write: pair for pair in pairs if pair[0].write is not None}
    seen = {
        name: [other for other in (end.reads or () if end is not None else ()) if other in writes]
        for name, (_, end) in writes.items()
    }
    way = next((way for name in seen if (way := _back(name, seen))), None)
    if way is None:
        return None
    names = {
        name: f"{writes[name][0].f} by client {writes[name][0].process}, had seen {', '.join(seen[name])}"
        for name in way
    }
    edges = [
        Edge(older, newer, "seen", f"{newer} was written by a client that had been shown {older}")
        for newer, older in zip(way, [*way[1:], way[0]], strict=True)
    ]
    return Circle(names, {writes[name][0].index: name for name in way}, edges[::-1])


def _back(start: str, seen: dict[str, list[str]]) -> list[str]:
    """A shortest way from a version over what was seen back to itself; empty if there is none."""
    ways = [[start]]
    known: set[str] = set()
    while ways:
        way = ways.pop(0)
        for older in seen[way[-1]]:
            if older == start:
                return way
            if older not in known:
                known.add(older)
                ways.append([*way, older])
    return []
