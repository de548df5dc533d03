"""Dynamo columns of a history that was read into a table: no operation is made.

The answers are those of `columns_of` for the same entries.  What this file cannot read (ids with escapes, an
id that was written twice, a completion that nobody invoked) it leaves to that way: `read_columns` gives None.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from checker import kernel
from checker.dynamo.columns import DynamoColumns, Flags, Ints, Numbers
from checker.dynamo.ids import Grouped, Ids, resolve
from checker.history import History
from checker.spans import Spans
from checker.table import TYPES, Table
from checker.version_graph import BLIND, DELETE, UNKEYED

OK, FAIL, INFO = (np.int8(TYPES.index(each)) for each in ("ok", "fail", "info"))


class TableColumns(NamedTuple):
    """The columns, and the way back to the table.

    `keys` are places in the pool (-1: no key) in order of first use; `span_first` and `span` are the client
    operations of each key in order of invocation; `version_span` and `read_span` are those that wrote a
    version and those that are an observation; `names` are the places of the ids that were written.
    """

    columns: DynamoColumns
    keys: Ints
    span_first: Ints
    span: Ints
    version_span: Ints
    read_span: Ints
    names: Numbers
    strangers: list[str]


class _Operations(NamedTuple):
    """Per client operation, grouped by key: rows, the outcome, and the places of what was read or seen."""

    span: Ints
    first: Ints
    invoked: Ints
    ended: Ints
    outcome: NDArray[np.int8]
    reads: Numbers
    seen: Numbers


def read_columns(history: History) -> TableColumns | None:
    """The columns of a history that has a table."""
    table, spans = history.table, history.spans()
    assert table is not None
    if np.any(spans.completed == spans.invoked):
        return None
    keys, operations = _by_key(table, spans)
    wrote = np.flatnonzero(table.write[operations.invoked] >= 0)
    names = table.write[operations.invoked[wrote]].astype(np.int32)
    first = np.searchsorted(wrote, operations.first).astype(np.int64)
    ids = resolve(table.pool, Grouped(names, first, operations.reads, operations.seen, operations.first))
    if ids is None:
        return None
    saw = np.flatnonzero(_observes(table, operations, ids))
    columns = _columns(table, operations, ids, (wrote, saw))
    span = operations.span
    return TableColumns(columns, keys, operations.first, span, span[wrote], span[saw], names, ids.strangers)


def name_places(table: Table, *names: str) -> list[int]:
    """The places of these names of operations, -1 for one that there is none of."""
    present = {table.pool[at]: at for at in np.flatnonzero(np.bincount(table.f)).tolist()}
    return [present.get(name, -1) for name in names]


def _by_key(table: Table, spans: Spans) -> tuple[Ints, _Operations]:
    keys = table.key[spans.invoked].astype(np.int64)
    unkeyed = table.pool.find(UNKEYED)
    if unkeyed >= 0:
        keys[keys == unkeyed] = -1
    number_of = np.full(len(table.pool) + 1, -1, np.int64)
    numbers, used = np.empty(len(keys), np.int64), np.empty(len(table.pool) + 1, np.int64)
    count = _numbered(keys, number_of, numbers, used)
    first = np.concatenate((np.zeros(1, np.int64), np.cumsum(np.bincount(numbers, minlength=count))))
    span = np.empty(len(keys), np.int64)
    _grouped(numbers, first.copy(), span)
    invoked, completed = spans.invoked[span], spans.completed[span]
    came = completed >= 0
    ended = np.where(came, completed, invoked)
    reads = np.where(came, table.reads[ended], np.int32(-1))
    return used[:count].copy(), _Operations(
        span=span,
        first=first,
        invoked=invoked,
        ended=ended,
        outcome=np.where(came, table.type[ended], INFO),
        reads=reads,
        seen=np.where(reads >= 0, reads, table.reads[invoked]),
    )


def _observes(table: Table, operations: _Operations, ids: Ids) -> Flags:
    """Did the client see what the store holds? As `version_graph.observes`."""
    (blind,) = name_places(table, BLIND)
    number = ids.list_at[operations.reads]
    some = (ids.first[number + 1] > ids.first[number]) if len(ids.first) > 1 else number >= 0
    found: Flags = (operations.reads >= 0) & (some | (table.f[operations.ended] != blind))
    return found


def _columns(table: Table, operations: _Operations, ids: Ids, rows: tuple[Ints, Ints]) -> DynamoColumns:
    """`rows`: the operations that wrote, and those that are observations."""
    wrote, saw = rows
    (delete,) = name_places(table, DELETE)
    outcome, ended = operations.outcome[wrote], table.indexes[operations.ended]
    failed = outcome == FAIL
    first = np.searchsorted(wrote, operations.first).astype(np.int64)
    readings = np.searchsorted(saw, operations.first).astype(np.int64)
    local, clients = _clients(table, operations)
    seen_first, seen = _seen(ids, operations.seen[wrote], first)
    shown_first, shown = _shown(ids, operations.reads[saw], (readings, first))
    last = operations.ended[saw]
    final = (table.final[last] == 1) & (operations.outcome[saw] == OK) & (table.write[last] < 0)
    return DynamoColumns(
        version_first=first,
        invoked=table.indexes[operations.invoked[wrote]],
        acknowledged=np.where(outcome == OK, ended[wrote], -1),
        failed=failed,
        delete=table.f[operations.invoked[wrote]] == delete,
        unknown=(operations.seen[wrote] < 0) & ~failed,
        writer=local[wrote],
        seen_first=seen_first,
        seen=seen,
        read_first=readings,
        read_invoked=table.indexes[operations.invoked[saw]],
        read_ended=ended[saw],
        final=final,
        reader=local[saw],
        shown_first=shown_first,
        shown=shown,
        clients=clients,
        numbers=2 * len(wrote) + len(ids.strangers),
    )


def _clients(table: Table, operations: _Operations) -> tuple[Numbers, int]:
    """Per operation the number of its client within the key, and the largest number of clients of a key."""
    process = table.process[operations.invoked]
    if len(process) and int(process.max()) >= 4 * len(process) + 1024:
        process = np.unique(process, return_inverse=True)[1].reshape(-1)
    local = np.empty(len(process), np.int32)
    known = np.full((2, int(process.max(initial=-1)) + 1), -1, np.int64)
    return local, int(_local(process, operations.first, known, local))


def _seen(ids: Ids, places: Numbers, first: Ints) -> tuple[Ints, Numbers]:
    """What each version had seen of its own key, each once and not itself."""
    sizes = np.zeros(len(places) + 1, np.int64)
    last_of = np.full(len(places), -1, np.int64)
    room = np.where(places >= 0, np.diff(ids.first, append=0)[ids.list_at[places]], 0)
    kept = np.empty(int(room.sum()), np.int32)
    count = _own(ids.ids, (ids.first, ids.list_at), places, (first, last_of), (sizes, kept))
    return np.cumsum(sizes), kept[:count].copy()


def _shown(ids: Ids, places: Numbers, firsts: tuple[Ints, Ints]) -> tuple[Ints, Numbers]:
    """Everything that each observation showed, in the numbers of `DynamoColumns`."""
    sizes = np.diff(ids.first)[ids.list_at[places]] if len(places) else np.zeros(0, np.int64)
    starts = np.concatenate((np.zeros(1, np.int64), np.cumsum(sizes)))
    shown = np.empty(int(starts[-1]), np.int32)
    _all(ids.ids, (ids.first, ids.list_at), places, firsts, shown)
    return starts, shown


@kernel.njit_uncounted
def _numbered(keys: Ints, number_of: Ints, numbers: Ints, used: Ints) -> int:
    """Number the keys in order of first use; -1 (no key) is the last entry of `number_of`."""
    count = 0
    for at in range(keys.size):
        key = keys[at]
        if number_of[key] < 0:
            number_of[key] = count
            used[count] = key
            count += 1
        numbers[at] = number_of[key]
    return count


@kernel.njit_uncounted
def _grouped(numbers: Ints, free: Ints, span: Ints) -> None:
    for at in range(numbers.size):
        span[free[numbers[at]]] = at
        free[numbers[at]] += 1


@kernel.njit_uncounted
def _local(process: Ints, first: Ints, known: Ints, local: Numbers) -> int:
    """`known`: per client the last key that it was met in, and its number there."""
    most = 0
    for key in range(first.size - 1):
        count = 0
        for at in range(first[key], first[key + 1]):
            client = process[at]
            if known[0, client] != key:
                known[0, client], known[1, client] = key, count
                count += 1
            local[at] = known[1, client]
        most = max(most, count)
    return most


@kernel.njit_uncounted
def _own(
    ids: Numbers,
    lists: tuple[Ints, Numbers],
    places: Numbers,
    scratch: tuple[Ints, Ints],
    out: tuple[Ints, Numbers],
) -> int:
    """Fill sizes (shifted by one) and what was seen; how many these are."""
    first, last_of = scratch
    sizes, kept = out
    count = 0
    for key in range(first.size - 1):
        for version in range(first[key], first[key + 1]):
            begun = count
            if places[version] >= 0:
                number = lists[1][places[version]]
                for each in range(lists[0][number], lists[0][number + 1]):
                    other = ids[each]
                    if (
                        first[key] <= other < first[key + 1]
                        and other != version
                        and last_of[other] != version
                    ):
                        last_of[other] = version
                        kept[count] = other
                        count += 1
            sizes[version + 1] = count - begun
    return count


@kernel.njit_uncounted
def _all(
    ids: Numbers, lists: tuple[Ints, Numbers], places: Numbers, firsts: tuple[Ints, Ints], shown: Numbers
) -> None:
    """`firsts`: of the observations and of the versions of each key."""
    reads, versions = firsts
    total = versions[versions.size - 1]
    done = 0
    for key in range(reads.size - 1):
        for read in range(reads[key], reads[key + 1]):
            number = lists[1][places[read]]
            for each in range(lists[0][number], lists[0][number + 1]):
                own = versions[key] <= ids[each] < versions[key + 1]
                shown[done] = ids[each] if own else ids[each] + total
                done += 1
