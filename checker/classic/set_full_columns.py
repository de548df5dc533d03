"""The evidence of `set_full.py` from columns: 10^5 elements in 10^3 reads, 10^8 sightings, in a second.

Same answers as `set_timelines.py`, from one pass over the text of the reads, from the last to begin
backwards: the first read met that shows an element is the last one to show it.  For absence there is a
linked list of the elements that no read has missed so far, in the order in which their adds began: a read
only walks over those that it could show, and each step either meets an element that it does show or takes
one off the list for good.  So the whole costs O(text of the reads + elements).

Moments are rows of the table.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from checker.classic import element_numbers
from checker.classic.added import Added, added
from checker.classic.cell_texts import Ints, OddElement
from checker.classic.client_columns import FAIL, OK, ClientColumns
from checker.classic.element_numbers import (
    CLOSING,
    COMMA,
    COUNT,
    DIGITS_MAX,
    LOWEST,
    NINE,
    ODD,
    SPAN,
    ZERO,
    Elements,
    Met,
    next_in_list,
)
from checker.classic.set_timelines import NEVER, WORST, Fates, Shown
from checker.history import Pair
from checker.kernel import njit_uncounted as njit
from checker.operation import Operation

Small = NDArray[np.int32]

LATER = 1 << 62
"""A row after all others."""


class Reads(NamedTuple):
    """The successful reads in the order in which they began: rows, and where their lists stand as text."""

    begun: Ints
    ended: Ints
    start: Ints
    stop: Ints


class Trace(NamedTuple):
    """What the pass over the reads fills in, per element; reads by their number, from the first on.

    `known`, `present`, `absent` (rows), `following` (the linked list): of added elements.  Of all elements:
    `seen_by`: the read that this pass saw it in last;
    `shown`, `place`: how often the read at hand shows it (where it shows anything twice), and where first;
    `often`, `often_read`: the most that one read showed it (more than once), and the first read to do so;
    `twice_read`, `twice_place`: the first read to show it more than once, and where in it;
    `strange_read`, `strange_place`: the first read to show it before its add began, and where in it.
    """

    known: Ints
    present: Ints
    absent: Ints
    following: Ints
    seen_by: Small
    shown: Small
    place: Ints
    often: Small
    often_read: Small
    twice_read: Small
    twice_place: Ints
    strange_read: Small
    strange_place: Ints


def evidence_of(clients: ClientColumns) -> "ColumnEvidence":
    """Number the elements, and go through the reads. Raises OddElement."""
    adding = np.flatnonzero(clients.of("add"))
    reading = np.flatnonzero(clients.of("read") & (clients.outcome == OK))
    count = len(adding)
    texts = clients.texts(np.concatenate([clients.begun[adding], clients.ended[reading]]))
    lists = texts.is_list.copy()
    lists[:count] = False
    reading = reading[lists[count:]]
    reads = Reads(clients.begun[reading], clients.ended[reading], texts.start[lists], texts.stop[lists])
    room = int((reads.stop - reads.start).max(initial=0))
    met = element_numbers.met_in(texts.first(count), lists[:count], room)
    adds = added(clients, adding, met.numbers, met.different)
    return ColumnEvidence(clients, adds, met, reads)


class ColumnEvidence:
    """`set_timelines.Evidence` in columns."""

    def __init__(self, clients: ClientColumns, adds: Added, met: Met, reads: Reads) -> None:
        self._clients, self._adds, self._reads = clients, adds, reads
        self.attempts = met.different
        self.read_count = len(reads.begun)
        self._elements, trace = _traced(adds, met.elements, reads)
        self.known, self.present, self.absent = trace.known, trace.present, trace.absent
        every = int(self._elements.state[element_numbers.COUNT])
        self.duplicated = self._shown(
            trace.often[:every], trace.often_read, trace.twice_read, trace.twice_place
        )
        strange = (trace.strange_read[:every] >= 0).astype(np.int32)
        self.unexpected = self._shown(strange, trace.strange_read, trace.strange_read, trace.strange_place)

    def _shown(self, often: Small, read: Small, first: Small, place: Ints) -> list[Shown]:
        """Elements shown so often in `read`, in the order in which reads first did so."""
        found = np.flatnonzero(often)
        found = found[np.lexsort((place[found], first[found]))]
        rows = self._reads.begun[read[found]]
        each = zip(found.tolist(), often[found].tolist(), rows.tolist(), strict=True)
        return [Shown(*one) for one in each]

    def fates(self) -> Fates:
        known, present, absent = self.known, self.present, self.absent
        stable = (present != NEVER) & (absent < present)
        lost = (known != NEVER) & (known < absent) & (present < absent)
        stale = np.flatnonzero(stable & (known < absent))
        latency = self._latencies_ms(absent)
        slowest = stale[np.argsort(-latency[stale], kind="stable")[:WORST]]
        return Fates(
            stable=int(stable.sum()),
            lost=np.flatnonzero(lost).tolist(),
            never_read=np.flatnonzero(~stable & ~lost).tolist(),
            stale=stale.tolist(),
            latencies_stable=latency[stable].tolist(),
            latencies_lost=self._latencies_ms(present)[lost].tolist(),
            worst=list(zip(slowest.tolist(), latency[slowest].tolist(), strict=True)),
            failed=int(((self._adds.outcome == FAIL) & (present != NEVER)).sum()),
        )

    def _latencies_ms(self, reads: Ints) -> Ints:
        """Whole milliseconds from `known` to just after these reads began; 0 without a read or a clock."""
        times = self._clients.table.time
        if not len(times):
            return np.zeros(len(reads), dtype=np.int64)
        told = (reads != NEVER) & (self.known != NEVER) & (times[reads] >= 0)
        return np.where(told, np.maximum(times[reads] + 1 - times[self.known], 0) // 1_000_000, 0)

    def values(self, elements: Iterable[int]) -> list[Any]:
        return element_numbers.values_of(self._elements, np.fromiter(elements, dtype=np.int64))

    def add_of(self, element: int) -> Pair:
        return self._clients.pair(int(self._adds.best[element]))

    def entry(self, moment: int) -> Operation | None:
        return self._clients.entry(moment)

    def read_at(self, moment: int) -> Pair:
        return self._clients.pair(int(np.searchsorted(self._clients.begun, moment)))


# --- the pass over the reads -----------------------------------------------------------------------


def _traced(adds: Added, elements: Elements, reads: Reads) -> tuple[Elements, Trace]:
    """Go through the reads; with the elements, to which those that are only shown were added."""
    count = len(adds.begun)
    known = np.where(adds.acknowledged == NEVER, LATER, adds.acknowledged)
    following = np.arange(1, count + 2)
    following[count] = 0  # The head of the list; `count` as a successor is its end.
    present, absent = (np.full(count, NEVER, dtype=np.int64) for _ in range(2))
    trace = Trace(known, present, absent, following, *_unseen(len(elements.kind)))
    read = len(reads.begun)
    while (read := _trace(reads, adds.begun, elements, trace, read)) > 0:
        elements = element_numbers.grown(elements)
        more = _unseen(len(elements.kind) - len(trace.shown))
        longer = [np.concatenate([column, rest]) for column, rest in zip(trace[4:], more, strict=True)]
        trace = Trace(*trace[:4], *longer)
    if read == ODD:
        raise OddElement
    known[known == LATER] = NEVER
    return elements, trace


def _unseen(count: int) -> tuple[NDArray[Any], ...]:
    """The columns of a Trace from `seen_by` on, of elements that were not seen yet."""
    small = (np.full(count, -1, dtype=np.int32) for _ in range(6))
    large = (np.zeros(count, dtype=np.int64) for _ in range(3))
    seen_by, shown, often, often_read, twice_read, strange_read = small
    place, twice_place, strange_place = large
    shown[:] = often[:] = 0
    return (
        seen_by, shown, place, often, often_read, twice_read, twice_place, strange_read, strange_place,
    )  # fmt: skip


@njit
def _trace(reads: Reads, begun: Ints, elements: Elements, trace: Trace, read: int) -> int:
    """Go backwards from before this read: 0 at the end, ODD, or the number of the reads that are left.

    Those are for another call, with more room for elements.
    """
    while read > 0:
        length = reads.stop[read - 1] - reads.start[read - 1]
        if elements.state[COUNT] + length > len(elements.kind):
            return read
        read -= 1
        twice = _sighted(reads, begun, elements, trace, read)
        if twice == ODD:
            return ODD
        if twice:
            _counted(reads, begun, elements, trace, read)
        _missed(reads, begun, trace, read)
    return 0


@njit
def _sighted(reads: Reads, begun: Ints, elements: Elements, trace: Trace, read: int) -> int:
    """What one read shows: ODD where an element is, 1 where it shows one twice, else 0.

    Elements of which the add had begun by then are those below a number: that is how they are numbered.
    """
    text, direct, seen_by, known = elements.text, elements.direct, trace.seen_by, trace.known
    lowest, span = elements.state[LOWEST], elements.state[SPAN]
    at, stop, ended = reads.start[read] + 1, reads.stop[read] - 1, reads.ended[read]
    shown_by_now, twice = np.searchsorted(begun, ended), 0
    while at < stop:
        begin, value = at, np.int64(0)
        while ZERO <= text[at] <= NINE and at - begin < DIGITS_MAX:
            value = value * 10 + np.int64(text[at] - ZERO)
            at += 1
        element = np.int64(-1)
        if at > begin and text[at] in (COMMA, CLOSING) and 0 <= value - lowest < span:
            element = np.int64(direct[value - lowest])
        if element < 0:  # Nothing that can be looked up directly.
            found, at = next_in_list(elements, begin)
            if found == ODD:
                return ODD
            element = np.int64(found)
        at += 1
        if element >= shown_by_now:
            if trace.strange_read[element] != read:
                trace.strange_read[element], trace.strange_place[element] = read, begin
        elif seen_by[element] != read:
            if seen_by[element] < 0:
                trace.present[element] = reads.begun[read]
            seen_by[element] = read
            known[element] = min(known[element], ended)
        else:
            twice = 1
    return twice


@njit
def _counted(reads: Reads, begun: Ints, elements: Elements, trace: Trace, read: int) -> None:
    """How often one read shows each element: gone through again, as it is rare that it shows one twice."""
    at, stop = reads.start[read] + 1, reads.stop[read] - 1
    shown_by_now = np.searchsorted(begun, reads.ended[read])
    while at < stop:
        element, at = next_in_list(elements, at)
        at += 1
        if element < shown_by_now:
            trace.shown[element] = 0
    at = reads.start[read] + 1
    while at < stop:
        begin = at
        element, at = next_in_list(elements, at)
        at += 1
        if element >= shown_by_now:
            continue
        trace.shown[element] += 1
        if trace.shown[element] == 1:
            trace.place[element] = begin
        else:
            trace.twice_read[element], trace.twice_place[element] = read, trace.place[element]
            if trace.shown[element] >= trace.often[element]:
                trace.often[element], trace.often_read[element] = trace.shown[element], read


@njit
def _missed(reads: Reads, begun: Ints, trace: Trace, read: int) -> None:
    """What this read misses is no longer among those that none has missed."""
    end, ended = len(begun), reads.ended[read]
    before, at = end, trace.following[end]
    while at < end and begun[at] < ended:
        if trace.seen_by[at] == read:
            before = at
        else:
            trace.absent[at] = reads.begun[read]
            trace.following[before] = trace.following[at]
        at = trace.following[at]
