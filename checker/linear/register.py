"""Registers to which no value is written twice: linearizable or not in one sweep, at any size.

The write of a value and its reads are a *cluster*.  Let m be the earliest end in it and M the latest start.
The register must hold the value from m to M if m < M (a *forward* zone), and may hold it at one point only,
anywhere between M and m, if not (a *backward* zone).  The history is linearizable if and only if (Gibbons and
Korach 1997)
  1. every value read was written, by a write that had begun when the read ended;
  2. no two forward zones of a key overlap;
  3. no backward zone of a key lies within a forward zone.
The initial value is a write before everything.  A crashed write has no end if its value is read, and is left
out if not; a crashed read is left out.

`violation` is the plain version, `check_columns` the compiled one: a minimum and a maximum per cluster, then
the zones in the order of their first points, which need no sorting because every entry of a history has a
position of its own.
"""

from typing import Any

import msgspec

from checker.linear.call import Call, freeze

Array = Any

UNWRITTEN, FUTURE, OVERLAP, INSIDE = (
    "unwritten-value",
    "read-before-write",
    "overlapping-zones",
    "stale-value",
)

BEFORE_ALL = -1
"""The position at which the initial value was written."""


class Violation(msgspec.Struct, frozen=True):
    """What is wrong, and the clusters that prove it: the one, and for two zones the other."""

    kind: str
    cluster: int
    other: int = -1


class RegisterColumns(msgspec.Struct, frozen=True, kw_only=True):
    """Calls as arrays: their cluster, start and end (FOREVER: crashed) as positions, and whether they write.

    `keys` has the key of every cluster, `initial` whether it is the key's initial value. No value is written
    twice to a key, and no read is crashed.
    """

    clusters: Array
    starts: Array
    ends: Array
    writes: Array
    keys: Array
    initial: Array


class Clusters:
    """The calls of one key by the value that they write or read."""

    def __init__(self, init: Any) -> None:
        self.values: list[Any] = [init]
        self.calls: list[list[Call]] = [[]]
        self.write: list[Call | None] = [None]

    @classmethod
    def of(cls, calls: list[Call], init: Any) -> "Clusters | None":
        """Sort the calls into clusters, first that of the initial value; None if a value is written twice."""
        clusters = cls(init)
        at_value = {init: 0}
        for call in calls:
            value = freeze(call.value if call.f == "write" else call.result)
            at = at_value.setdefault(value, len(clusters.values))
            if at == len(clusters.values):
                clusters.values.append(value)
                clusters.calls.append([])
                clusters.write.append(None)
            if call.f == "write":
                if at == 0 or clusters.write[at] is not None:
                    return None
                clusters.write[at] = call
            clusters.calls[at].append(call)
        return clusters


def violation(clusters: Clusters) -> Violation | None:
    """The first proof that one key is not linearizable, or None."""
    zones = []
    for at, (calls, write) in enumerate(zip(clusters.calls, clusters.write, strict=True)):
        reads = [call for call in calls if call.f != "write"]
        if write is None and at > 0:
            return Violation(UNWRITTEN, at)
        if write is not None and any(read.end < write.start for read in reads):
            return Violation(FUTURE, at)
        if not reads and (write is None or write.crashed):
            continue
        first_end = min(call.end for call in calls) if at > 0 else BEFORE_ALL
        zones.append((first_end, max(call.start for call in calls), at))
    found = conflict(zones)
    if found is None:
        return None
    forward = next(first_end < last_start for first_end, last_start, at in zones if at == found[0])
    return Violation(OVERLAP if forward else INSIDE, *found)


def conflict(zones: list[tuple[int, int, int]]) -> tuple[int, int] | None:
    """The names of a zone and of the forward zone that it contradicts (rules 2 and 3), or None.

    `zones` are the first end and the last start of each, and its name.
    """
    last, until = -1, BEFORE_ALL
    for first_end, last_start, name in sorted(zones, key=lambda zone: min(zone[:2])):
        if (first_end if first_end < last_start else max(first_end, last_start)) < until:
            return name, last
        if first_end < last_start:
            last, until = name, last_start
    return None


def columns_of(clusters: Clusters) -> RegisterColumns:
    """One key's clusters as columns."""
    import numpy as np

    rows = [
        (at, call.start, call.end, call.f == "write")
        for at, calls in enumerate(clusters.calls)
        for call in calls
    ]
    table = np.array(rows, np.int64).reshape(-1, 4)
    initial = np.zeros(len(clusters.values), np.bool_)
    initial[0] = True
    return RegisterColumns(
        clusters=table[:, 0].copy(),
        starts=table[:, 1].copy(),
        ends=table[:, 2].copy(),
        writes=table[:, 3] == 1,
        keys=np.zeros(len(initial), np.int64),
        initial=initial,
    )


def check_columns(columns: RegisterColumns) -> Violation | None:
    """The compiled version, for all keys at once. Needs numpy and numba."""
    code, cluster, other = _swept(columns)[0]
    kind = (None, UNWRITTEN, FUTURE, OVERLAP, INSIDE)[code]
    return None if kind is None else Violation(kind, cluster, other)


def wrong_keys(columns: RegisterColumns) -> Array:
    """Which keys are not linearizable, as an array of booleans. Compiled; needs numpy and numba."""
    return _swept(columns)[1][:, 0] != 0


def _swept(columns: RegisterColumns) -> tuple[tuple[int, int, int], Array]:
    """The first contradiction, and one of each key."""
    import numpy as np

    from checker.linear import kernel_register as kernel

    found = np.empty((len(columns.keys), 4), np.int32)
    span = kernel.zones(columns.clusters, columns.starts, columns.ends, columns.writes, found)
    if span > kernel.SPAN_MAX:
        raise ValueError(f"position {span} is beyond {kernel.SPAN_MAX}; number the entries anew")
    wrong = np.zeros((int(columns.keys.max(initial=-1)) + 1, 3), np.int64)
    at_point = np.zeros(span + 3, np.int32)
    return kernel.sweep(found, at_point, columns.keys, columns.initial, wrong), wrong


def proof(clusters: Clusters, found: Violation) -> tuple[str, list[Call]]:
    """A sentence, without subject, and the two to four calls that prove it."""
    value, calls, write = _told(clusters, found.cluster)
    reads = [call for call in calls if call.f != "write"]
    first = min(reads, key=lambda call: call.end) if reads else None
    if found.kind == UNWRITTEN and first is not None:
        return f"client {first.process} read {value}, which nobody wrote", [first]
    if found.kind == FUTURE and first is not None and write is not None:
        told = f"client {first.process} had read {value} before client {write.process} began to write it"
        return told, [first, write]
    other, others, _ = _told(clusters, found.other)
    ends = [min(others, key=lambda call: call.end), max(others, key=lambda call: call.start)]
    mine = [min(calls, key=lambda call: call.end), max(calls, key=lambda call: call.start)]
    since = f"since {_by(ends[0])} ended" if found.other else "from the beginning"
    held = f"it must have held {other} {since} until {_by(ends[1])} began"
    witness = list(dict.fromkeys(_entries(ends[found.other == 0 :] + mine)))
    if found.kind == OVERLAP:
        return f"{held}, and {value} from when {_by(mine[0])} ended until {_by(mine[1])} began", witness
    between = f"{_by(mine[1])} began after that and {_by(mine[0])} ended before"
    return f"{held}, yet it held {value} between: {between}", witness


def _entries(calls: list[Call]) -> list[Call]:
    unique = {call.entries: call for call in calls}
    return list(unique.values())


def _told(clusters: Clusters, at: int) -> tuple[str, list[Call], Call | None]:
    value = clusters.values[at]
    return ("nil" if value is None else str(value)), clusters.calls[at], clusters.write[at]


def _by(call: Call) -> str:
    return f"the {call.f} by client {call.process} (entry {call.entries[0]})"
