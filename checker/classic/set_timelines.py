"""The timeline of every element of a set: when it was known, last seen, last missed (`set_full.py`).

All moments are indexes of entries of the history, whose order decides; NEVER is -1.  `trace` is the readable
way, with Python sets; `set_columns.py` does the same on arrays.
"""

import enum
from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

from checker.classic.element import identity
from checker.history import History, Pair
from checker.operation import Operation

NEVER = -1


class Fate(enum.Enum):
    """What became of an element."""

    STABLE = "stable"
    LOST = "lost"
    NEVER_READ = "never-read"


@dataclass(frozen=True, slots=True)
class Read:
    """A successful read: when it began and ended, and the numbers of the known elements it shows."""

    begun: int
    ended: int
    shows: list[int]


@dataclass(slots=True)
class Records:
    """The adds and reads of a history, with elements numbered by the beginning of their first add.

    `begun` and `acknowledged` are the first add's invocation and the first acknowledgement (or NEVER),
    `ends` how the most certain add of the element ended.  `unexpected` are values shown before anybody had
    begun to add them, once each; `duplicated` maps an element to its highest count in one read.
    """

    history: History
    elements: list[Any] = field(default_factory=list)
    adds: list[Pair] = field(default_factory=list)
    begun: list[int] = field(default_factory=list)
    acknowledged: list[int] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)
    reads: list[Read] = field(default_factory=list)
    unexpected: list[tuple[Any, Pair]] = field(default_factory=list)
    duplicated: dict[int, tuple[int, Pair]] = field(default_factory=dict)
    shown: int = 0
    by_index: dict[int, Pair] = field(default_factory=dict)

    def at(self, index: int) -> Operation | None:
        """The entry of an add or a read with this index."""
        pair = self.by_index.get(index)
        if pair is None:
            return None
        return pair[0] if pair[0].index == index else pair[1]

    def read_of(self, entry: Operation) -> Pair:
        """Both ends of the operation that this entry belongs to."""
        return self.by_index[entry.index]


@dataclass(frozen=True, slots=True)
class Timelines:
    """Per element: `known`, and the latest beginning of a read that shows it and of one that misses it."""

    known: list[int]
    last_present: list[int]
    last_absent: list[int]

    def fate(self, at: int) -> Fate:
        known, present, absent = self.known[at], self.last_present[at], self.last_absent[at]
        if present != NEVER and absent < present:
            return Fate.STABLE
        if known != NEVER and known < absent and present < absent:
            return Fate.LOST
        return Fate.NEVER_READ

    def is_stale(self, at: int) -> bool:
        """Was it missed by a read that began after it was known? Asked of stable elements."""
        return self.known[at] < self.last_absent[at]


def records_of(history: History) -> Records:
    """Number the elements, and translate what the reads show."""
    records = Records(history)
    pairs = history.pairs()
    numbers: dict[Hashable, int] = {}
    for pair in pairs:
        if pair[0].f == "add":
            _add(records, numbers, pair)
    strange: set[Hashable] = set()
    for pair in pairs:
        end = pair[1]
        if pair[0].f == "read" and end is not None and end.type == "ok" and isinstance(end.value, list):
            _read(records, numbers, pair, strange)
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
            records.unexpected.append((value, pair))
    if len(set(shows)) < len(shows):
        for at, count in Counter(shows).items():
            if count > max(1, records.duplicated.get(at, (1, pair))[0]):
                records.duplicated[at] = (count, pair)
    records.shown += len(shows)
    records.reads.append(Read(begin.index, end.index, shows))


def trace(records: Records) -> Timelines:
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
    return Timelines(known, present, absent)
