"""A history of a Dynamo store as arrays: the versions of every key and the observations of them.

Versions and observations are grouped by key and stand in the order in which they were invoked, so a key is a
range.  A moment is an index of the history; -1 is never.  What an operation was shown is a range of numbers.
Of V versions a number below V is a version of its own key, V + v is version v of another key, and from 2 V on
it is an id that nobody wrote.

Memory is linear in the history: about 60 bytes an operation and 4 bytes per id read.

This file makes them of operations in memory, `table_columns.py` of columns that were read.
"""

from array import array
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from checker.history import Pair
from checker.version_graph import KeyVersions, VersionGraph, is_final, observes

Ints = NDArray[np.int64]
Numbers = NDArray[np.int32]
Flags = NDArray[np.bool_]


class DynamoColumns(NamedTuple):
    """`_first` arrays say where a range starts, with one more entry for the end of the last.

    Per key: `version_first`, `read_first`.  Per version: `invoked`, `acknowledged` (-1: it was not),
    `failed`, `delete`, `unknown` (what it had seen is not recorded), `writer` (number of the client within
    the key), and in `seen` the versions that it had seen.  Per observation: `read_invoked`, `read_ended`,
    `final`, `reader`, and in `shown` what it showed.  `clients` is the largest number of clients of a key,
    `numbers` what the numbers in `shown` stay below.
    """

    version_first: Ints
    invoked: Ints
    acknowledged: Ints
    failed: Flags
    delete: Flags
    unknown: Flags
    writer: Numbers
    seen_first: Ints
    seen: Numbers
    read_first: Ints
    read_invoked: Ints
    read_ended: Ints
    final: Flags
    reader: Numbers
    shown_first: Ints
    shown: Numbers
    clients: int
    numbers: int


class _Lists:
    """The columns while they grow. `ids` gives every id its number, `strangers` those that nobody wrote."""

    def __init__(self, graph: VersionGraph) -> None:
        self.longs = {name: array("q") for name in ("invoked", "acknowledged", "read_invoked", "read_ended")}
        self.ints = {name: array("i") for name in ("writer", "seen", "reader", "shown")}
        self.flags = {name: bytearray() for name in ("failed", "delete", "unknown", "final")}
        self.sizes = {
            name: array("q") for name in ("version_first", "seen_first", "read_first", "shown_first")
        }
        self.clients = 0
        every = (version.id for key in graph.keys.values() for version in key.versions)
        self.ids = {name: number for number, name in enumerate(every)}
        self.versions = sum(len(key.versions) for key in graph.keys.values())
        self.strangers: dict[str, int] = {}

    def foreign(self, name: str) -> int:
        """The number of an id that was not written to the key at hand."""
        if name in self.ids:
            return self.versions + self.ids[name]
        return 2 * self.versions + self.strangers.setdefault(name, len(self.strangers))

    def columns(self) -> DynamoColumns:
        """The arrays."""
        found: dict[str, Any] = {name: np.array(kept, np.int64) for name, kept in self.longs.items()}
        found |= {name: np.array(kept, np.int32) for name, kept in self.ints.items()}
        found |= {name: np.frombuffer(bytes(kept), np.bool_).copy() for name, kept in self.flags.items()}
        for name, sizes in self.sizes.items():
            found[name] = np.fromiter(accumulate(sizes, initial=0), np.int64, len(sizes) + 1)
        numbers = 2 * self.versions + len(self.strangers)
        return DynamoColumns(clients=self.clients, numbers=numbers, **found)


def columns_of(graph: VersionGraph) -> tuple[DynamoColumns, list[str]]:
    """The columns of a history, keys in the order of `graph.keys`, and the ids that nobody wrote."""
    lists = _Lists(graph)
    base = 0
    for name, key in graph.keys.items():
        clients: dict[int | str, int] = {}
        _add_versions(lists, key, base, clients)
        _add_reads(lists, key, (base, graph.operations[name]), clients)
        lists.clients = max(lists.clients, len(clients))
        base += len(key.versions)
    return lists.columns(), list(lists.strangers)


def _add_versions(lists: _Lists, key: KeyVersions, base: int, clients: dict[int | str, int]) -> None:
    for version in key.versions:
        completion = version.completion
        acknowledged = completion is not None and completion.type == "ok"
        lists.longs["invoked"].append(version.invocation.index)
        lists.longs["acknowledged"].append(completion.index if acknowledged and completion else -1)
        lists.flags["failed"].append(version.outcome == "fail")
        lists.flags["delete"].append(version.is_delete)
        lists.flags["unknown"].append(version.reads is None and version.outcome != "fail")
        lists.ints["writer"].append(clients.setdefault(version.invocation.process, len(clients)))
        edges = key.direct[version.at]
        lists.ints["seen"].extend(base + at for at in edges)
        lists.sizes["seen_first"].append(len(edges))
    lists.sizes["version_first"].append(len(key.versions))


def _add_reads(
    lists: _Lists, key: KeyVersions, operations: tuple[int, list[Pair]], clients: dict[int | str, int]
) -> None:
    """`operations`: the number of the first version of the key, and what clients did with it."""
    count = 0
    base, pairs = operations
    for pair in pairs:
        invocation, completion = pair
        if completion is None or not observes(pair):
            continue
        count += 1
        reads = completion.reads or ()
        for each in reads:
            at = key.place.get(each)
            lists.ints["shown"].append(lists.foreign(each) if at is None else base + at)
        lists.sizes["shown_first"].append(len(reads))
        lists.longs["read_invoked"].append(invocation.index)
        lists.longs["read_ended"].append(completion.index)
        lists.flags["final"].append(is_final(completion))
        lists.ints["reader"].append(clients.setdefault(invocation.process, len(clients)))
    lists.sizes["read_first"].append(count)
