"""Timelines of the elements of a set on arrays: 10^5 elements in 10^3 reads, 10^8 sightings, in a second.

Same answers as `set_timelines.trace`, from one pass over the reads, from the last to begin backwards: the
first read met that shows an element is the last one to show it.  For absence there is a linked list of the
elements that no read has missed so far, in the order in which their adds began: a read only walks over those
that it could show, and each step either meets an element that it does show or takes one off the list for
good.  So the whole costs O(sightings + elements).
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
    return _kernel()(columns)  # type: ignore[no-any-return]


@cache
def _kernel() -> Any:
    return kernel.njit(_trace)


def _trace(columns: SetColumns) -> tuple[Ints, Ints, Ints]:
    elements = columns.begun.size
    known = columns.acknowledged.copy()
    for at in range(elements):
        if known[at] < 0:
            known[at] = 1 << 62  # Later than any entry.
    present = np.full(elements, -1, dtype=np.int64)
    absent = np.full(elements, -1, dtype=np.int64)
    seen_by = np.full(elements, -1, dtype=np.int32)
    following = np.arange(1, elements + 2)
    # `following[elements]` is the head of the list; `elements` as a successor is its end.
    following[elements] = 0
    for read in range(columns.read_begun.size - 1, -1, -1):
        begun, ended = columns.read_begun[read], columns.read_ended[read]
        for sighting in range(columns.first[read], columns.first[read + 1]):
            at = columns.sightings[sighting]
            if seen_by[at] < 0:
                present[at] = begun
            seen_by[at] = read
            known[at] = min(known[at], ended)
        before, at = elements, following[elements]
        while at < elements and columns.begun[at] < ended:
            if seen_by[at] == read:
                before = at
            else:
                absent[at] = begun
                following[before] = following[at]
            at = following[at]
    for at in range(elements):
        if known[at] == 1 << 62:
            known[at] = -1
    return known, present, absent
