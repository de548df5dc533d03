"""A large history as compiled code sees it: columns, what the kernels found in them, and the way back.

Checkers count in the columns and choose there what to tell.  For that they ask for a Sight, a Pair or the
versions of a key, which are made of the few operations that are concerned.

A key in which writes had seen each other in a circle has no order to sweep in.  It is judged the plain way,
and the answers are put into the same arrays.
"""

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from checker.dynamo.columns import DynamoColumns, Flags, Ints, columns_of
from checker.dynamo.sight import Sight, key_sights
from checker.dynamo.sweep import SightColumns, check_columns
from checker.history import History, Pair
from checker.version_graph import KeyVersions, Version, VersionGraph, graph_of, observes


class Evidence:
    """`names` are the keys in the order of the columns; `graph` tells about a key when it is asked."""

    columns: DynamoColumns
    names: Sequence[str]
    graph: VersionGraph

    def pair(self, read: int) -> Pair:
        """The operation of an observation."""
        raise NotImplementedError

    def name(self, number: int) -> str:
        """The id that a number in `shown` stands for."""
        raise NotImplementedError

    def times(self, moments: Ints) -> Ints:
        """Indexes of entries as times in ns."""
        raise NotImplementedError

    def uses(self, f: str) -> Flags:
        """Per key: has it an operation of that name?"""
        raise NotImplementedError

    @cached_property
    def sights(self) -> SightColumns:
        """Every observation, judged."""
        found = check_columns(self.columns)
        for key in np.flatnonzero(found.cyclic).tolist():
            self._judge_plainly(key, found)
        return found

    def key_of_read(self, read: int) -> int:
        """The number of the key of an observation."""
        return int(np.searchsorted(self.columns.read_first, read, "right")) - 1

    def key_of_version(self, number: int) -> int:
        """The number of the key of a version."""
        return int(np.searchsorted(self.columns.version_first, number, "right")) - 1

    def places(self, numbers: Ints) -> Ints:
        """The places of versions among those of their key."""
        first = self.columns.version_first
        found: Ints = numbers - first[np.searchsorted(first, numbers, "right") - 1]
        return found

    def place(self, number: int) -> tuple[int, int]:
        """The key of a version, and its place there."""
        key = self.key_of_version(number)
        return key, number - int(self.columns.version_first[key])

    def versions(self, key: int) -> KeyVersions:
        """The versions of a key."""
        return self.graph.keys[self.names[key]]

    def version(self, number: int) -> Version:
        """A version by its number."""
        key, place = self.place(number)
        return self.versions(key).versions[place]

    def reads_showing(self, key: int, numbers: Ints) -> Ints:
        """The observations of a key that show one of these versions, in order of invocation."""
        first, last = self.columns.read_first[key : key + 2].tolist()
        bounds = self.columns.shown_first[first : last + 1]
        hits = np.isin(self.columns.shown[bounds[0] : bounds[-1]], numbers)
        sums = np.concatenate((np.zeros(1, np.int64), np.cumsum(hits)))[bounds - bounds[0]]
        found: Ints = first + np.flatnonzero(np.diff(sums) > 0)
        return found

    def sight(self, read: int) -> Sight:
        """An observation as an object."""
        found, key = self.sights, self.key_of_read(read)
        base = int(self.columns.version_first[key])
        places = (found.oldest[read], found.deleted[read], found.forgotten[read], found.unread[read])
        oldest, deleted, forgotten, unread = (max(int(number) - base, -1) for number in places)
        return Sight(
            pair=self.pair(read),
            shown=int(self.columns.shown_first[read + 1] - self.columns.shown_first[read]),
            concurrent=int(found.concurrent[read]),
            missed=int(found.missed[read]),
            oldest=oldest,
            deleted=deleted,
            forgotten=forgotten,
            unread=unread,
            doubtful=bool(found.doubtful[read]),
            suspect=bool(found.suspect[read]),
        )

    def _judge_plainly(self, key: int, found: SightColumns) -> None:
        """The observations of one key, in the arrays as if the kernel had judged them."""
        columns, versions = self.columns, self.versions(key)
        base, first = int(columns.version_first[key]), int(columns.read_first[key])
        for read, sight in enumerate(key_sights(versions, self.graph.operations[versions.key]), start=first):
            found.missed[read], found.concurrent[read] = sight.missed, sight.concurrent
            found.doubtful[read], found.suspect[read] = sight.doubtful, sight.suspect
            for column, at in (
                (found.oldest, sight.oldest),
                (found.deleted, sight.deleted),
                (found.forgotten, sight.forgotten),
                (found.unread, sight.unread),
            ):
                column[read] = base + at if at >= 0 else -1
            shown = versions.mask(sight.completion.reads or ())
            for at in versions.places(shown & ~versions.maximal(shown)):
                if found.beside[base + at] < 0:
                    found.beside[base + at] = read


def evidence_of(history: History) -> Evidence:
    """The evidence of a large history, gathered once for all checkers."""
    return history.derive(_evidence)


def _evidence(history: History) -> Evidence:
    if history.table is not None:
        from checker.dynamo.table_evidence import in_table

        if (evidence := in_table(history)) is not None:
            return evidence
    return InMemory(history)


class InMemory(Evidence):
    """Of operations."""

    def __init__(self, history: History) -> None:
        self.graph = graph_of(history)
        self.names = list(self.graph.keys)
        self.columns, self._strangers = columns_of(self.graph)
        self._history = history

    @cached_property
    def _pairs(self) -> list[Pair]:
        return [pair for name in self.names for pair in self.graph.operations[name] if observes(pair)]

    @cached_property
    def _ids(self) -> list[str]:
        return [version.id for key in self.graph.keys.values() for version in key.versions]

    @cached_property
    def _clock(self) -> tuple[Ints, Ints]:
        count = len(self._history)
        indexes = np.fromiter((entry.index for entry in self._history), np.int64, count)
        return indexes, np.fromiter((entry.time for entry in self._history), np.int64, count)

    def pair(self, read: int) -> Pair:
        return self._pairs[read]

    def name(self, number: int) -> str:
        versions = len(self._ids)
        return (
            self._ids[number % versions] if number < 2 * versions else self._strangers[number - 2 * versions]
        )

    def times(self, moments: Ints) -> Ints:
        indexes, times = self._clock
        found: Ints = times[np.searchsorted(indexes, moments)]
        return found

    def uses(self, f: str) -> Flags:
        return np.array(
            [any(i.f == f for i, _ in self.graph.operations[name]) for name in self.names], np.bool_
        )
