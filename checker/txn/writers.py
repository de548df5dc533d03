"""Who wrote what: the part of the analysis that lists and registers share."""

from dataclasses import dataclass

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


def writers_of(columns: TxnColumns, place: Place) -> Writers:
    """One pass over all micro-operations. A value that two wrote is AMBIGUOUS, unless all but one failed."""
    size = len(columns.kind)
    found = Writers(
        writer=place.full(columns.values, -1),
        at=place.full(columns.values, -1),
        final=place.full(size, 0),
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
