"""Could a working harness have recorded this table? As `history.py` asks of operations, asked of columns."""

from typing import TYPE_CHECKING

import numpy as np

from checker.spans import INVOKE, Ints, Spans, compiled, spans_of

if TYPE_CHECKING:
    from checker.table import Table


def sound(table: "Table") -> tuple["Table", Spans, list[str]] | None:
    """The table with its indexes, its spans, and its problems.

    None where entries contradict each other: that is rare, and told best of operations.
    """
    if _clients_by_name(table):
        return None
    numbered = _numbered(table)
    spans = spans_of(table) if numbered is not None else None
    if numbered is None or spans is None or _writes_wrong(table, spans):
        return None
    return numbered, spans, [*_alone(numbered, spans), *_time_travel(numbered)]


def _writes_wrong(table: "Table", spans: Spans) -> bool:
    """Is an id written twice, or by a completion that contradicts its invocation?"""
    if "write" not in table.columns():
        return False
    begun, ended = table.write[spans.invoked], table.write[spans.ends]
    invoked = begun[(begun >= 0) & (table.type[spans.invoked] == INVOKE)]
    contradicts = (begun >= 0) & (ended >= 0) & (begun != ended)
    return len(np.unique(invoked)) < len(invoked) or bool(contradicts.any())


def _clients_by_name(table: "Table") -> bool:
    """Is a client's number so odd that it is kept in the pool?"""
    named = np.unique(table.process[table.process < 0]).tolist()
    return any(isinstance(table.pool[-1 - name], int) for name in named)


def _numbered(table: "Table") -> "Table | None":
    """Indexes that increase are kept; if there are none, rows are; anything else is a problem."""
    if compiled(_increase)(table.indexes):
        return table
    return table.numbered() if bool((table.indexes == -1).all()) else None


def _increase(indexes: Ints) -> bool:
    last = -1
    for index in indexes:
        if index <= last:
            return False
        last = index
    return True


def _alone(table: "Table", spans: Spans) -> list[str]:
    """Completions of what nobody invoked, in the words of `history.py`."""
    rows = spans.invoked[spans.completed == spans.invoked].tolist()
    return [
        f"entry {table.indexes[row]}: client {table.process[row]} completes {table.pool[int(table.f[row])]}, "
        "which it had not invoked"
        for row in rows
    ]


def _time_travel(table: "Table") -> list[str]:
    before, row = compiled(_late)(table.time)
    if row < 0:
        return []
    told = f"{table.time[before]} of entry {table.indexes[before]}"
    return [f"entry {table.indexes[row]}: its time {table.time[row]} is before {told}"]


def _late(times: Ints) -> tuple[int, int]:
    """The first row whose time is less than the one told before it, with that row before; or -1, -1."""
    last = -1
    for row in range(len(times)):
        if times[row] < 0:
            continue
        if last >= 0 and times[row] < times[last]:
            return last, row
        last = row
    return -1, -1
