"""Transactions of a history that is kept in columns: the same numbers as `columns.py`, without objects."""

from collections.abc import Sequence
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from checker.history import History
from checker.micro import READ as MICRO_READ
from checker.micro import micro_of
from checker.spans import Spans
from checker.table import INT, POOLED, TYPES, Table
from checker.txn.columns import INFO, LIST, NEVER, OK, READ, STATUS, WRITE, TxnColumns

Rows = npt.NDArray[np.int64]

SHORTEST = 3
"""The bytes of an empty list, text or map: its mark and two more. No other value in a pool is as short."""


SPARSE = 4
"""From so many times as many as there are transactions, the numbers of clients are made dense first."""


class Entries(Sequence[tuple[int, ...]]):
    """The entries of the history that each transaction is made of."""

    def __init__(self, indexes: Rows, invoked: Rows, ends: Rows) -> None:
        self._indexes, self._invoked, self._ends = indexes, invoked, ends

    def __len__(self) -> int:
        return len(self._invoked)

    @overload
    def __getitem__(self, at: int) -> tuple[int, ...]: ...

    @overload
    def __getitem__(self, at: slice) -> list[tuple[int, ...]]: ...

    def __getitem__(self, at: int | slice) -> tuple[int, ...] | list[tuple[int, ...]]:
        if isinstance(at, slice):
            return [self[row] for row in range(*at.indices(len(self)))]
        begun, ended = int(self._indexes[self._invoked[at]]), int(self._indexes[self._ends[at]])
        return (begun,) if begun == ended else (begun, ended)


def columns_of_table(history: History, write: str) -> TxnColumns | None:
    """As `columns.columns_of` for a history with a table; None where values are of an unexpected form."""
    table, spans = history.table, history.spans()
    assert table is not None
    if len(table) and int(table.indexes.max()) >= NEVER:
        return None
    ends = spans.ends
    status = np.array([STATUS.get(kind, INFO) for kind in TYPES], dtype=np.int32)[table.type[ends]]
    status[spans.completed < 0] = INFO
    rows = np.where((status == OK) | _told(table, ends), ends, spans.invoked)
    micro = micro_of(table, rows, lists=write == LIST, known=status == OK)
    if micro is None or not micro.spellings <= {"r", write}:
        return None
    process, names = _numbered(table.process[ends])
    invoked, completed = _moments(table, spans, status)
    return TxnColumns(
        status=status,
        process=process,
        invoked=invoked,
        completed=completed,
        starts=micro.start,
        kind=np.where(micro.verb == MICRO_READ, READ, WRITE).astype(np.int32),
        key=micro.key,
        value=micro.value,
        list_starts=micro.list_start,
        list_ends=micro.list_end,
        elements=micro.elements,
        keys=micro.keys,
        values=micro.values,
        key_names=micro.key_names,
        value_names=micro.value_names,
        process_names=names,
        entries=Entries(table.indexes, spans.invoked, ends),
        times=table.time[ends],
    )


def _told(table: Table, ends: Rows) -> npt.NDArray[np.bool_]:
    """Does the entry itself say what was done? If it is nil or empty, the invocation does."""
    kinds, values = table.kind[ends], table.value[ends]
    told: npt.NDArray[np.bool_] = (kinds == POOLED) | ((kinds == INT) & (values != 0))
    (pooled,) = np.nonzero((kinds == POOLED) & (values < table.pool.read))
    places = values[pooled]
    told[pooled] = table.pool.offsets[places + 1] - table.pool.offsets[places] > SHORTEST
    return told


def _moments(table: Table, spans: Spans, status: Any) -> tuple[Any, Any]:
    """`invoked` and `completed` of the transactions, as `columns.py` has them."""
    begun = np.where(table.type[spans.invoked] == TYPES.index("invoke"), table.indexes[spans.invoked], -1)
    ended = np.where(status != INFO, table.indexes[spans.ends], NEVER)
    return begun.astype(np.int32), ended.astype(np.int32)


def _numbered(processes: Rows) -> tuple[npt.NDArray[np.int32], list[int]]:
    """The processes numbered in the order in which they appear, and what each number stands for."""
    count, names = len(processes), None
    if count and int(processes.max()) >= SPARSE * count:
        names, processes = np.unique(processes, return_inverse=True)
        processes = processes.reshape(-1)
    first = np.full(int(processes.max(initial=-1)) + 1, count, dtype=np.int64)
    first[processes[::-1]] = np.arange(count - 1, -1, -1)  # What is written last stays: the first place.
    order = np.argsort(first)[: np.count_nonzero(first < count)]
    number = np.empty(len(first), dtype=np.int32)
    number[order] = np.arange(len(order), dtype=np.int32)
    return number[processes], (order if names is None else names[order]).tolist()
