"""Evidence of a table: operations, versions and keys are made when somebody asks for them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import TypeVar, overload

import numpy as np

from checker.dynamo.columns import Flags, Ints
from checker.dynamo.evidence import Evidence
from checker.dynamo.table_columns import TableColumns, name_places, read_columns
from checker.history import History, Pair
from checker.version_graph import UNKEYED, KeyVersions, Version, VersionGraph, seen_by_writer

T = TypeVar("T")


def in_table(history: History) -> "InTable | None":
    """The evidence of a history in columns; None where it has to be made of operations."""
    return history.derive(_in_table)


def _in_table(history: History) -> "InTable | None":
    read = read_columns(history)
    return None if read is None else InTable(history, read)


class InTable(Evidence):
    """Of a table: operations are made when they are asked for."""

    def __init__(self, history: History, read: TableColumns) -> None:
        assert history.table is not None
        self.columns, self.read = read.columns, read
        self.table, self.spans = history.table, history.spans()
        self.names = [UNKEYED if at < 0 else self.table.pool[at] for at in read.keys.tolist()]
        self.numbers = {name: number for number, name in enumerate(self.names)}
        self.graph = TableGraph(self)

    def pair(self, read: int) -> Pair:
        return self.operation(int(self.read.read_span[read]))

    def operation(self, span: int) -> Pair:
        """A client operation by its number."""
        ended = int(self.spans.completed[span])
        return self.table[int(self.spans.invoked[span])], self.table[ended] if ended >= 0 else None

    def name(self, number: int) -> str:
        versions = len(self.read.names)
        if number >= 2 * versions:
            return self.read.strangers[number - 2 * versions]
        return str(self.table.pool[int(self.read.names[number % versions])])

    def times(self, moments: Ints) -> Ints:
        if self._plain:
            return self.table.time[moments]
        found: Ints = self.table.time[np.searchsorted(self.table.indexes, moments)]
        return found

    @cached_property
    def _plain(self) -> bool:
        """Are rows and indexes the same? Indexes increase."""
        indexes = self.table.indexes
        return bool(len(indexes) and indexes[0] == 0 and indexes[-1] == len(indexes) - 1)

    def uses(self, f: str) -> Flags:
        (place,) = name_places(self.table, f)
        used = self.table.f[self.spans.invoked[self.read.span]] == place
        counts = np.concatenate((np.zeros(1, np.int64), np.cumsum(used)))[self.read.span_first]
        found: Flags = np.diff(counts) > 0
        return found


class TableGraph(VersionGraph):
    """A version graph that makes what it is asked for."""

    def __init__(self, evidence: InTable) -> None:
        self.evidence = evidence
        self.keys = _Made(evidence.numbers, lambda key: TableVersions(evidence, key))
        self.operations = _Made(evidence.numbers, self._operations)
        self._digraph = None

    def _operations(self, key: int) -> list[Pair]:
        read = self.evidence.read
        spans = read.span[read.span_first[key] : read.span_first[key + 1]]
        return [self.evidence.operation(span) for span in spans.tolist()]

    def find(self, name: str) -> Version | None:
        """The version of that id, whatever its key."""
        found = np.flatnonzero(self.evidence.read.names == self.evidence.table.pool.find(name))
        return self.evidence.version(int(found[0])) if found.size else None

    def first_without(self, key: KeyVersions, members: int, floor: int) -> Pair | None:
        columns, number = self.evidence.columns, self.evidence.numbers[key.key]
        first, last = columns.read_first[number : number + 2].tolist()
        shows = self.evidence.reads_showing(number, self._numbers(key, members))
        over = max(floor, int(columns.read_ended[shows].max(initial=-1)))
        later = np.flatnonzero(columns.read_invoked[first:last] > over)
        return self.evidence.pair(first + int(later[0])) if later.size else None

    def last_shown(self, key: KeyVersions, version: Version, pair: Pair) -> Pair:
        columns, number = self.evidence.columns, self.evidence.numbers[key.key]
        first, last = columns.read_first[number : number + 2].tolist()
        this = first + int(np.searchsorted(columns.read_invoked[first:last], pair[0].index))
        shows = self.evidence.reads_showing(number, self._numbers(key, version.bit))
        mine = shows[(shows < this) & (columns.reader[shows] == columns.reader[this])]
        return self.evidence.pair(int(mine[-1]))

    def _numbers(self, key: KeyVersions, members: int) -> Ints:
        first = int(self.evidence.columns.version_first[self.evidence.numbers[key.key]])
        return np.fromiter((first + at for at in key.places(members)), np.int64)


class TableVersions(KeyVersions):
    """The versions of one key, as columns tell them."""

    def __init__(self, evidence: InTable, key: int) -> None:
        columns = evidence.columns
        self._columns = columns
        self._span = slice(int(columns.version_first[key]), int(columns.version_first[key + 1]))
        super().__init__(evidence.names[key], _Versions(evidence, evidence.names[key], self._span))
        self._name = evidence.name

    @cached_property
    def place(self) -> dict[str, int]:
        first = self._span.start
        return {self._name(number): number - first for number in range(first, self._span.stop)}

    @cached_property
    def direct(self) -> list[list[int]]:
        first, last = self._span.start, self._span.stop
        bounds = self._columns.seen_first[first : last + 1]
        seen = (self._columns.seen[bounds[0] : bounds[-1]] - first).tolist()
        starts = (bounds - bounds[0]).tolist()
        return [seen[start:end] for start, end in pairwise(starts)]

    @cached_property
    def deletes(self) -> int:
        return _mask((self._columns.delete & ~self._columns.failed)[self._span])

    @cached_property
    def unknown(self) -> int:
        return _mask(self._columns.unknown[self._span])

    def acknowledged_before(self, moment: int) -> int:
        ended = self._columns.acknowledged[self._span]
        return _mask((ended >= 0) & (ended < moment))


def _mask(flags: Flags) -> int:
    return int.from_bytes(np.packbits(flags, bitorder="little").tobytes(), "little")


class _Versions(Sequence[Version]):
    """Versions of a key, each made once when it is asked for."""

    def __init__(self, evidence: InTable, key: str, span: slice) -> None:
        self._evidence, self._key = evidence, key
        self._numbers = range(span.start, span.stop)
        self._made: dict[int, Version] = {}

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, at: int) -> Version: ...

    @overload
    def __getitem__(self, at: slice) -> list[Version]: ...

    def __getitem__(self, at: int | slice) -> Version | list[Version]:
        if isinstance(at, slice):
            return [self[each] for each in range(*at.indices(len(self)))]
        if at not in self._made:
            self._made[at] = self._version(range(len(self))[at])
        return self._made[at]

    def _version(self, at: int) -> Version:
        number = self._numbers[at]
        invocation, completion = self._evidence.operation(int(self._evidence.read.version_span[number]))
        return Version(
            id=self._evidence.name(number),
            key=self._key,
            at=at,
            invocation=invocation,
            completion=completion,
            reads=seen_by_writer(invocation, completion),
        )


class _Made(Mapping[str, T]):
    """Something for each key, made when it is asked for."""

    def __init__(self, numbers: dict[str, int], make: Callable[[int], T]) -> None:
        self._numbers, self._make = numbers, make
        self._kept: dict[str, T] = {}

    def __getitem__(self, name: str) -> T:
        if name not in self._kept:
            self._kept[name] = self._make(self._numbers[name])
        return self._kept[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)
