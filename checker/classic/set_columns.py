"""Timelines of the elements of a set on arrays: 10^5 elements in 10^3 reads, 10^8 sightings, in a second.

Same answers as `set_timelines.trace`.  Presence is one pass over all sightings.  Absence goes through the
reads from the last to begin backwards with a linked list of the elements that no read has missed so far, in
the order in which their adds began: a read only walks over those that it could show, and each step either
meets an element that the read does show or takes one off the list for good.  So the whole costs O(sightings
+ elements).
"""

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from checker import kernel
from checker.classic.set_timelines import Records, Timelines

Ints = NDArray[np.int64]


class SetColumns(NamedTuple):
    """Elements are numbered by the beginning of their first add; moments are entry indexes, -1 is never.

    `begun`, `acknowledged`: per element.  `read_begun`, `read_ended`: per read, in the order in which they
    began.  `first`: where the sightings of a read start in `sightings` (element numbers); one more at the
    end.
    """

    begun: Ints
    acknowledged: Ints
    read_begun: Ints
    read_ended: Ints
    first: Ints
    sightings: NDArray[np.int32]


def columns_of(records: Records) -> SetColumns:
    """The same records as arrays."""
    reads = sorted(records.reads, key=lambda read: read.begun)
    sizes = np.array([0, *(len(read.shows) for read in reads)], dtype=np.int64)
    sightings = np.empty(int(sizes.sum()), dtype=np.int32)
    first = np.cumsum(sizes)
    for at, read in enumerate(reads):
        sightings[first[at] : first[at + 1]] = read.shows
    return SetColumns(
        begun=np.array(records.begun, dtype=np.int64),
        acknowledged=np.array(records.acknowledged, dtype=np.int64),
        read_begun=np.array([read.begun for read in reads], dtype=np.int64),
        read_ended=np.array([read.ended for read in reads], dtype=np.int64),
        first=first,
        sightings=sightings,
    )


def check_columns(columns: SetColumns) -> Timelines:
    """Known, last seen and last missed, per element."""
    known, present, absent = trace_columns(columns)
    return Timelines(known.tolist(), present.tolist(), absent.tolist())


def trace_columns(columns: SetColumns) -> tuple[Ints, Ints, Ints]:
    """As `check_columns`, left in arrays."""
    presence, absence = _kernels()
    known, present = presence(columns)
    return known, present, absence(columns)


@cache
def _kernels() -> tuple[Any, Any]:
    return kernel.njit(_presence), kernel.njit(_absence)


def _presence(columns: SetColumns) -> tuple[Ints, Ints]:
    known = columns.acknowledged.copy()
    present = np.full(known.size, -1, dtype=np.int64)
    for read in range(columns.read_begun.size):
        begun, ended = columns.read_begun[read], columns.read_ended[read]
        for sighting in range(columns.first[read], columns.first[read + 1]):
            at = columns.sightings[sighting]
            present[at] = begun  # Reads come in the order in which they began: the last one stays.
            if known[at] < 0 or ended < known[at]:
                known[at] = ended
    return known, present


def _absence(columns: SetColumns) -> Ints:
    elements = columns.begun.size
    absent = np.full(elements, -1, dtype=np.int64)
    seen_by = np.full(elements, -1, dtype=np.int64)
    following = np.arange(1, elements + 2)
    # `following[elements]` is the head of the list; `elements` as a successor is its end.
    following[elements] = 0 if elements else elements
    for read in range(columns.read_begun.size - 1, -1, -1):
        for sighting in range(columns.first[read], columns.first[read + 1]):
            seen_by[columns.sightings[sighting]] = read
        before, at = elements, following[elements]
        while at < elements and columns.begun[at] < columns.read_ended[read]:
            if seen_by[at] == read:
                before = at
            else:
                absent[at] = columns.read_begun[read]
                following[before] = following[at]
            at = following[at]
    return absent
