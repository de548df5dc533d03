"""What lies on the time axis: operations, faults, phases, replicas. Plain data, ready for JSON.

Times are whole microseconds since the run began, in columns where there are many of them, so that a page
with thousands of operations stays small and a browser can draw it without converting anything.
"""

from collections.abc import Iterable, Sequence
from heapq import heappop, heappush
from itertools import pairwise
from typing import Any

from checker import phases
from checker.history import History
from checker.operation import OBSERVER, Operation
from splitbrain.report import story, words
from splitbrain.report.story import Pair

OUTCOMES = ("ok", "fail", "info")
Points = list[list[int]]


def micros(time_ns: int) -> int:
    """Nanoseconds to whole microseconds."""
    return time_ns // 1000


def duration(history: Sequence[Operation], results: dict[str, Any]) -> int:
    """The end of the axis in microseconds: the last thing that happened."""
    ends = [op.time for op in history]
    ends += [f.get("healed_at") or 0 for f in results.get("faults", ())]
    return micros(max(ends, default=0)) + 1


class Names:
    """Numbers for strings that repeat."""

    def __init__(self) -> None:
        self.all: list[str] = []
        self._number: dict[str, int] = {}

    def number(self, name: str | None) -> int:
        """The number of a name; -1 for none."""
        if name is None:
            return -1
        if name not in self._number:
            self._number[name] = len(self.all)
            self.all.append(name)
        return self._number[name]


def operations(pairs: Sequence[Pair], lanes: Sequence[int], shown: Sequence[int]) -> dict[str, Any]:
    """The operations as columns. `shown` are the positions to include, in order of time."""
    names = {column: Names() for column in ("f", "key", "node", "error")}
    rows = []
    for place in shown:
        pair = pairs[place]
        last = pair.last
        rows.append(
            (
                pair.invocation.index,
                lanes[place],
                pair.invocation.process,
                OUTCOMES.index(pair.outcome),
                int(pair.is_write),
                micros(pair.invocation.time),
                micros(pair.completion.time) if pair.completion is not None else -1,
                names["f"].number(last.f),
                names["key"].number(pair.invocation.key),
                names["node"].number(last.node or pair.invocation.node),
                names["error"].number(last.error),
                pair.write,
                list(last.reads) if last.reads is not None else None,
                story.deed(pair) + (" (final read)" if last.final else ""),
            )
        )
    heads = ("index", "lane", "process", "outcome", "write", "start", "end", "f", "key", "node", "error")
    columns = dict(zip((*heads, "made", "reads", "text"), map(list, zip(*rows, strict=True)), strict=False))
    return {"rows": columns, "names": {column: known.all for column, known in names.items()}}


def lanes(pairs: Sequence[Pair], clients: int | None) -> tuple[list[int], int]:
    """A lane per client, and how many there are.

    A client whose operation ended `info` goes on under a new process number: its old number plus the
    number of clients.  Without that number (a history from elsewhere) a new process takes over the lane
    of one that crashed before it.
    """
    if clients:
        return [int(p.invocation.process) % clients for p in pairs], clients
    lane_of: dict[int | str, int] = {}
    free: list[tuple[int, int]] = []
    found: list[int] = []
    count = 0
    for pair in pairs:
        process = pair.invocation.process
        if process not in lane_of:
            if free and free[0][0] <= pair.invocation.time:
                lane_of[process] = heappop(free)[1]
            else:
                lane_of[process], count = count, count + 1
        found.append(lane_of[process])
        if pair.completion is not None and pair.outcome == "info":
            heappush(free, (pair.completion.time, lane_of.pop(process)))
    return found, count


def announced(history: History) -> list[dict[str, Any]]:
    """The phases that the harness announced: name and beginning."""
    return [{"name": phase.name, "at": micros(phase.start)} for phase in phases.phases(history)]


def faults(results: dict[str, Any], end: int) -> list[dict[str, Any]]:
    """The faults that were injected, with the side that each node was on. Never healed: until `end`."""
    found = []
    for fault in results.get("faults", ()):
        start = fault.get("injected_at")
        if start is None:
            continue
        healed = fault.get("healed_at")
        links = [tuple(link) for link in fault.get("links") or ()]
        found.append(
            {
                "id": fault.get("id"),
                "kind": fault.get("kind", "fault"),
                "label": words.short_fault(fault),
                "title": words.fault(fault),
                "how": fault.get("how") or "",
                "bit": bool(fault.get("bit")),
                "from": micros(start),
                "until": micros(healed) if healed is not None else end,
                "targets": list(fault.get("targets") or ()),
                "sides": sides(links),
                "oneway": bool(links) and not any((b, a) in links for a, b in links),
            }
        )
    return found


def sides(links: Sequence[tuple[str, ...]]) -> dict[str, int]:
    """Which side of a partition each node is on: nodes that are cut off from the same others share one.

    A node that no cut touches (the bridge between two halves) is not named.
    """
    cut_from: dict[str, tuple[set[str], set[str]]] = {}
    for source, target in links:
        cut_from.setdefault(source, (set(), set()))[0].add(target)
        cut_from.setdefault(target, (set(), set()))[1].add(source)
    seen: list[tuple[set[str], set[str]]] = []
    found = {}
    for node in sorted(cut_from):
        if cut_from[node] not in seen:
            seen.append(cut_from[node])
        found[node] = seen.index(cut_from[node])
    return found


def samples(history: Iterable[Operation]) -> list[tuple[int, dict[str, Any]]]:
    """What the observer saw: (time in microseconds, node -> sample or None)."""
    return [
        (micros(op.time), op.value["replicas"])
        for op in history
        if op.process == OBSERVER
        and op.f == "sample"
        and isinstance(op.value, dict)
        and "replicas" in op.value
    ]


def divergent(looks: Sequence[tuple[int, dict[str, Any]]]) -> dict[str, Any]:
    """Keys whose replicas differed, over time, and since when none did.

    A key is divergent while two nodes that list it have different digests.  A node that did not answer
    says nothing; `silent` counts those.
    """
    points: Points = []
    total = 0
    for at, replicas in looks:
        digests: dict[str, set[str]] = {}
        for held in replicas.values():
            for key, digest in (held or {}).get("digests", {}).items():
                digests.setdefault(key, set()).add(digest)
        total = max(total, len(digests))
        points.append(
            [at, sum(len(d) > 1 for d in digests.values()), sum(h is None for h in replicas.values())]
        )
    since = None
    for at, count, silent in points:
        if count or silent:
            since = None
        elif since is None:
            since = at
    return {"points": points, "total": total, "since": since}


def siblings(pairs: Sequence[Pair], stats: dict[str, Any], limit: int = 12) -> dict[str, Any]:
    """Siblings per key over time: what clients were shown. With the checker's figures, true concurrency too.

    Steps are kept only where the number changes; the keys with most siblings come first.
    """
    series: dict[str, list[tuple[int, int, int | None]]] = {}
    for key, points in (stats.get("series") or {}).items():
        series[str(key)] = [(micros(p[0]), int(p[1]), int(p[2]) if len(p) > 2 else None) for p in points]
    if not series:
        for pair in sorted((p for p in pairs if p.completion is not None), key=lambda p: p.last.time):
            if pair.last.reads is not None and pair.outcome == "ok" and pair.invocation.key is not None:
                point = (micros(pair.last.time), len(pair.last.reads), None)
                series.setdefault(pair.invocation.key, []).append(point)
    kept = sorted(series, key=lambda k: (-max((p[1] for p in series[k]), default=0), _natural(k)))[:limit]
    keys: list[dict[str, Any]] = [
        {
            "key": k,
            "points": _steps([(p[0], p[1]) for p in series[k]]),
            "true": _steps([(p[0], p[2]) for p in series[k] if p[2] is not None])
            if _excess(series[k])
            else [],
        }
        for k in sorted(kept, key=_natural)
    ]
    most = max((p[1] for row in keys for p in row["points"]), default=0)
    return {"keys": keys, "most": most, "hidden": max(0, len(series) - limit)}


def _excess(points: Iterable[tuple[int, int, int | None]]) -> bool:
    """Whether more siblings were ever shown than there were concurrent writes: only then are both drawn."""
    return any(true is not None and shown > true for _, shown, true in points)


def holders(
    looks: Sequence[tuple[int, dict[str, Any]]], key: str | None, version: str | None
) -> list[dict[str, Any]]:
    """Where a version was, from look to look: node, from, until, and whether only as a hint.

    Empty when nothing ever showed it.
    """
    if key is None or version is None:
        return []
    spans: dict[tuple[str, bool], Points] = {}
    for (at, replicas), (after, _) in pairwise([*looks, (looks[-1][0] + 1, {})] if looks else []):
        for node, held in replicas.items():
            for hint in (False, True):
                if held is not None and _holds(held, key, version, hint):
                    runs = spans.setdefault((node, hint), [])
                    if runs and runs[-1][1] == at:
                        runs[-1][1] = after
                    else:
                        runs.append([at, after])
    return [{"node": node, "hint": hint, "spans": runs} for (node, hint), runs in sorted(spans.items())]


def _holds(held: dict[str, Any], key: str, version: str, hint: bool) -> bool:
    if not hint:
        return version in held.get("keys", {}).get(key, ())
    return any(k.split("/", 1)[-1] == key and version in ids for k, ids in held.get("hinted", {}).items())


def _steps(points: Iterable[tuple[int, int]]) -> Points:
    """Drop points that repeat the value before them."""
    kept: Points = []
    for at, value in points:
        if not kept or kept[-1][1] != value:
            kept.append([at, value])
    return kept


def _natural(name: str) -> tuple[str, int, str]:
    """cart-2 before cart-10."""
    head = name.rstrip("0123456789")
    return head, int(name[len(head) :] or 0), name
