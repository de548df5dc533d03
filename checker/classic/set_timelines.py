"""The timeline of every element of a set: when it was known, last seen, last missed (`set_full.py`).

This is the readable way, through operations, with Python sets.  All moments are indexes of entries of the
history, whose order decides; NEVER is -1.  `set_full_columns.py` gives the same evidence from columns.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from checker.classic.element import identity
from checker.history import History, Pair
from checker.operation import Operation

NEVER = -1


class Moments(Protocol):
    """Moments by element, in a list or an array."""

    def __getitem__(self, element: int, /) -> Any: ...


class Fates(NamedTuple):
    """What became of the elements, by number, in order.

    `stable` counts those there for good, of which `stale` were missed after they were known; with
    `latencies` (whole ms) from known to the last read that missed it (stable) or showed it (lost), and the
    `worst` stale ones, slowest first, with theirs.  `failed` counts those whose add failed, and that were
    seen all the same.
    """

    stable: int
    lost: Sequence[int]
    never_read: Sequence[int]
    stale: Sequence[int]
    latencies_stable: Sequence[int]
    latencies_lost: Sequence[int]
    worst: list[tuple[int, int]]
    failed: int


class Shown(NamedTuple):
    """An element that a read showed so often, and should not have. `read` is the moment at which it began."""

    element: int
    often: int
    read: int


class Evidence(Protocol):
    """What `set_full.py` needs to judge and to tell, whoever gathered it.

    `attempts` elements were added; elements from that number on were only shown.  `known`, `present` and
    `absent` are moments: when an element was known, when the latest read began that shows it, and the latest
    that misses it.
    """

    @property
    def attempts(self) -> int: ...
    @property
    def read_count(self) -> int: ...
    @property
    def known(self) -> Moments: ...
    @property
    def present(self) -> Moments: ...
    @property
    def absent(self) -> Moments: ...
    @property
    def duplicated(self) -> Sequence[Shown]: ...
    @property
    def unexpected(self) -> Sequence[Shown]: ...

    def fates(self) -> Fates:
        """What became of all elements."""
        ...

    def values(self, elements: Iterable[int]) -> list[Any]:
        """The elements of these numbers."""
        ...

    def add_of(self, element: int) -> Pair:
        """The first of the most certain adds of an element."""
        ...

    def entry(self, moment: int) -> Operation | None:
        """The entry of a moment; None for NEVER."""
        ...

    def read_at(self, moment: int) -> Pair:
        """The read that began at this moment."""
        ...


@dataclass(frozen=True, slots=True)
class Read:
    """A successful read: when it began and ended, and the numbers of the added elements it shows."""

    begun: int
    ended: int
    shows: list[int]


@dataclass
class Records:
    """The adds and reads of a history, with elements numbered by the beginning of their first add.

    `begun` and `acknowledged` are the first add's invocation and the first acknowledgement (or NEVER),
    `ends` how the most certain add of the element ended.  `unexpected` are elements shown before anybody had
    begun to add them, once each; `duplicates` maps an element to its highest count in one read.
    """

    elements: list[Any] = field(default_factory=list)
    attempts: int = 0
    adds: list[Pair] = field(default_factory=list)
    begun: list[int] = field(default_factory=list)
    acknowledged: list[int] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)
    reads: list[Read] = field(default_factory=list)
    unexpected: list[Shown] = field(default_factory=list)
    duplicates: dict[int, Shown] = field(default_factory=dict)
    by_index: dict[int, Pair] = field(default_factory=dict)
    known: list[int] = field(default_factory=list)
    present: list[int] = field(default_factory=list)
    absent: list[int] = field(default_factory=list)

    @property
    def read_count(self) -> int:
        return len(self.reads)

    @property
    def duplicated(self) -> list[Shown]:
        return list(self.duplicates.values())

    def fates(self) -> Fates:
        every = range(self.attempts)
        stable = [at for at in every if self.present[at] != NEVER and self.absent[at] < self.present[at]]
        gone = [at for at in every if self.present[at] < self.absent[at] > self.known[at] != NEVER]
        settled = {*stable, *gone}
        latency = {at: self._latency_ms(at, self.absent[at]) for at in stable}
        stale = [at for at in stable if self.known[at] < self.absent[at]]
        failed = sum(end == "fail" and self.present[at] != NEVER for at, end in enumerate(self.ends))
        return Fates(
            stable=len(stable),
            lost=gone,
            never_read=[at for at in every if at not in settled],
            stale=stale,
            latencies_stable=list(latency.values()),
            latencies_lost=[self._latency_ms(at, self.present[at]) for at in gone],
            worst=[(at, latency[at]) for at in sorted(stale, key=lambda at: -latency[at])[:WORST]],
            failed=failed,
        )

    def _latency_ms(self, element: int, read: int) -> int:
        """Whole milliseconds from `known` to just after this read began; 0 without a read or a clock."""
        known, begun = self.entry(self.known[element]), self.entry(read)
        if begun is None or known is None or begun.time < 0:
            return 0
        return max(begun.time + 1 - known.time, 0) // 1_000_000

    def values(self, elements: Iterable[int]) -> list[Any]:
        return [self.elements[at] for at in elements]

    def add_of(self, element: int) -> Pair:
        return self.adds[element]

    def entry(self, moment: int) -> Operation | None:
        pair = self.by_index.get(moment)
        if pair is None:
            return None
        return pair[0] if pair[0].index == moment else pair[1]

    def read_at(self, moment: int) -> Pair:
        return self.by_index[moment]


WORST = 8
"""So many of the slowest elements are named."""


def records_of(history: History) -> Records:
    """Number the elements, translate what the reads show, and trace them."""
    records = Records()
    pairs = history.pairs()
    numbers: dict[Hashable, int] = {}
    for pair in pairs:
        if pair[0].f == "add":
            _add(records, numbers, pair)
    records.attempts = len(records.elements)
    strange: set[Hashable] = set()
    for pair in pairs:
        end = pair[1]
        if pair[0].f == "read" and end is not None and end.type == "ok" and isinstance(end.value, list):
            _read(records, numbers, pair, strange)
    _trace(records)
    return records


def _remember(records: Records, pair: Pair) -> None:
    for entry in pair:
        if entry is not None:
            records.by_index[entry.index] = pair


def _add(records: Records, numbers: dict[Hashable, int], pair: Pair) -> None:
    begin, end = pair
    _remember(records, pair)
    key, acknowledged = identity(begin.value), NEVER
    how = end.type if end is not None else "info"
    if end is not None and how == "ok":
        acknowledged = end.index
    at = numbers.setdefault(key, len(numbers))
    if at == len(records.elements):
        records.elements.append(begin.value)
        records.adds.append(pair)
        records.begun.append(begin.index)
        records.acknowledged.append(acknowledged)
        records.ends.append(how)
        return
    # The same element again: whichever add was acknowledged first makes it known.
    known = [index for index in (records.acknowledged[at], acknowledged) if index != NEVER]
    records.acknowledged[at] = min(known, default=NEVER)
    if ("fail", "info", "ok").index(how) > ("fail", "info", "ok").index(records.ends[at]):
        records.ends[at], records.adds[at] = how, pair


def _read(records: Records, numbers: dict[Hashable, int], pair: Pair, strange: set[Hashable]) -> None:
    begin, end = pair
    assert end is not None
    _remember(records, pair)
    shows: list[int] = []
    for value in end.value:
        key = identity(value)
        at = numbers.get(key)
        if at is not None and records.begun[at] < end.index:
            shows.append(at)
        elif key not in strange:
            strange.add(key)
            if at is None:
                at = len(records.elements)
                records.elements.append(value)
            records.unexpected.append(Shown(at, 1, begin.index))
    if len(set(shows)) < len(shows):
        for at, count in Counter(shows).items():
            if count > max(1, records.duplicates[at].often if at in records.duplicates else 1):
                records.duplicates[at] = Shown(at, count, begin.index)
    records.reads.append(Read(begin.index, end.index, shows))


def _trace(records: Records) -> None:
    """Presence by a pass over all reads; absence from the last read backwards, until each was missed once."""
    known = list(records.acknowledged)
    present = [NEVER] * len(known)
    for read in records.reads:
        for at in read.shows:
            present[at] = max(present[at], read.begun)
            if known[at] == NEVER or read.ended < known[at]:
                known[at] = read.ended
    absent = [NEVER] * len(known)
    never_missed = set(range(len(known)))
    for read in sorted(records.reads, key=lambda read: -read.begun):
        # A read that ended before an element's add began was not meant to show it.
        missed = [at for at in never_missed.difference(read.shows) if records.begun[at] < read.ended]
        for at in missed:
            absent[at] = read.begun
        never_missed.difference_update(missed)
    records.known, records.present, records.absent = known, present, absent
