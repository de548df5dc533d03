"""Who wrote what: the part of the analysis that lists and registers share.

Where a value was written twice, nobody can know which write was read, and what would follow from either may
be wrong.  The keys that have such values are left out, all of their steps: what the others show still holds.
"""

from dataclasses import dataclass, replace

from checker.txn.columns import TxnColumns
from checker.txn.place import Ints, Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Writers:
    """Per value: its writing transaction and micro-operation (-1: nobody's).

    Per micro-operation: `final` is 1 for a transaction's last write of a key, `previous` the one before it
    on the same key in the same transaction (-1: none), `flags` what is wrong with it.
    """

    writer: Ints
    at: Ints
    final: Ints
    previous: Ints
    flags: Ints


def attributed(columns: TxnColumns, place: Place) -> tuple[TxnColumns, Writers, int]:
    """The columns without ambiguous keys, who wrote what is left, and how many values were ambiguous."""
    writers = writers_of(columns, place)
    doubtful = place.full(columns.keys, 0)
    count = int(place.run(mark_doubtful, writers.flags, columns.key, doubtful))
    if not count:
        return columns, writers, 0
    columns = _without(columns, place, doubtful)
    return columns, writers_of(columns, place), count


def suspicious(writers: Writers, place: Place) -> bool:
    """Is any flag set yet?"""
    return bool(place.run(flagged, writers.flags))


def _without(columns: TxnColumns, place: Place, doubtful: Ints) -> TxnColumns:
    size = len(columns.kind)
    starts = place.full(len(columns.starts), 0)
    kept = (place.full(size, 0), place.full(size, 0), place.full(size, 0))
    micro = (columns.kind, columns.key, columns.value)
    left = int(place.run(leave_out, columns.starts, micro, doubtful, starts, kept))
    kind, key, value = (column[:left] for column in kept)
    return replace(columns, starts=starts, kind=kind, key=key, value=value)


def writers_of(columns: TxnColumns, place: Place) -> Writers:
    """One pass over all micro-operations. A value that two wrote is AMBIGUOUS, unless all but one failed."""
    size = len(columns.kind)
    found = Writers(
        writer=place.full(columns.values, -1),
        at=place.full(columns.values, -1),
        final=place.small(size),
        previous=place.full(size, -1),
        flags=place.full(size, 0),
    )
    stamps = (place.full(columns.keys, -1), place.full(columns.keys, -1), place.full(columns.keys, -1))
    micro = (columns.starts, columns.kind, columns.key, columns.value)
    result = (found.writer, found.at, found.final, found.previous, found.flags)
    place.run(trace, columns.status, micro, result, stamps)
    return found


def trace(
    status: Ints,
    micro: tuple[Ints, Ints, Ints, Ints],
    result: tuple[Ints, Ints, Ints, Ints, Ints],
    stamps: tuple[Ints, Ints, Ints],
) -> None:
    """Fill the columns of `Writers`; `stamps` are, per key, who touched it last, where, and who wrote it."""
    starts, kind, key, value = micro
    writer, at, final, previous, flags = result
    touched, latest, written = stamps
    for t in range(len(status)):
        for m in range(starts[t], starts[t + 1]):
            k = key[m]
            if touched[k] == t:
                previous[m] = latest[k]
            touched[k], latest[k] = t, m
            if kind[m] == 0:
                v = value[m]
                if writer[v] == -1 or (status[writer[v]] == 2 and status[t] != 2):
                    writer[v], at[v] = t, m
                elif status[t] != 2:
                    flags[m] |= 1024
        for m in range(starts[t + 1] - 1, starts[t] - 1, -1):
            if kind[m] == 0 and written[key[m]] != t:
                written[key[m]] = t
                final[m] = 1


def flagged(flags: Ints) -> int:
    """1 if any is set."""
    for m in range(len(flags)):
        if flags[m]:
            return 1
    return 0


def mark_doubtful(flags: Ints, key: Ints, doubtful: Ints) -> int:
    """The keys with values that are AMBIGUOUS; how many writes repeat one."""
    count = 0
    for m in range(len(flags)):
        if flags[m] & 1024:
            doubtful[key[m]] = 1
            count += 1
    return count


def leave_out(
    starts: Ints,
    micro: tuple[Ints, Ints, Ints],
    doubtful: Ints,
    new_starts: Ints,
    kept: tuple[Ints, Ints, Ints],
) -> int:
    """Copy the micro-operations of all other keys; how many they are."""
    kind, key, value = micro
    count = 0
    for t in range(len(starts) - 1):
        for m in range(starts[t], starts[t + 1]):
            if not doubtful[key[m]]:
                kept[0][count], kept[1][count], kept[2][count] = kind[m], key[m], value[m]
                count += 1
        new_starts[t + 1] = count
    return count
