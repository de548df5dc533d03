"""The same columns (`columns.py`) from a history that is kept as a table, without an object per operation.

Rules of this file
  1. What comes out is what `columns.py` makes of the operations: transactions, operations and keys have the
     same numbers.  (Versions may be numbered otherwise; nothing depends on that.)
  2. What is not known here is declined as a whole (None), and the operations are made: lists of `[verb key
     value]` beside single reads and writes in one history, values that are neither integers nor plain
     strings where single operations are read, an initial value other than nil for transactions.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, overload

import numpy as np
import numpy.typing as npt

from checker.history import History, Pair
from checker.isolation.columns import (
    COMMITTED,
    FAILED,
    INITIAL,
    READ,
    READS,
    UNKNOWN,
    WRITE,
    WRITES,
    Names,
    TransactionColumns,
    Transactions,
)
from checker.micro import READ as MICRO_READ
from checker.micro import micro_of
from checker.spans import Spans, clients_of
from checker.table import INT, NIL, POOLED, TYPES, Table

Ints = npt.NDArray[np.int64]

STATUSES = np.array([{"ok": COMMITTED, "fail": FAILED}.get(name, UNKNOWN) for name in TYPES])


class Steps(NamedTuple):
    """The operations of all spans: `start` [span + 1], then per operation; and what keys and versions stand
    for."""

    start: Ints
    kind: Ints
    key: Ints
    version: Ints
    keys: Sequence[Any]
    versions: Sequence[Any]


class Sessions(NamedTuple):
    """`order`: the spans as they ended; the `session` and the `status` of each, in that order; and how many
    sessions there are."""

    order: Ints
    session: Ints
    status: Ints
    number: int


class RowPairs(Sequence[Pair]):
    """The operations of the transactions, made when somebody asks for one."""

    def __init__(self, table: Table, spans: Spans) -> None:
        self._table, self._spans = table, spans

    def __len__(self) -> int:
        return len(self._spans.invoked)

    @overload
    def __getitem__(self, at: int) -> Pair: ...

    @overload
    def __getitem__(self, at: slice) -> list[Pair]: ...

    def __getitem__(self, at: int | slice) -> Pair | list[Pair]:
        if isinstance(at, slice):
            return [self[place] for place in range(*at.indices(len(self)))]
        completed = int(self._spans.completed[at])
        return self._table[int(self._spans.invoked[at])], None if completed < 0 else self._table[completed]


class Renumbered(Sequence[Any]):
    """Names in another order, asked for one by one."""

    def __init__(self, names: Sequence[Any], order: Ints) -> None:
        self._names, self._order = names, order

    def __len__(self) -> int:
        return len(self._order)

    @overload
    def __getitem__(self, at: int) -> Any: ...

    @overload
    def __getitem__(self, at: slice) -> list[Any]: ...

    def __getitem__(self, at: int | slice) -> Any:
        if isinstance(at, slice):
            return [self._names[int(place)] for place in self._order[at]]
        return self._names[int(self._order[at])]


def transactions_of(history: History, init: Any) -> Transactions | None:
    """The columns of a history with a table; None where the operations have to be looked at one by one."""
    table = history.table
    if table is None:
        return None
    spans = history.spans()
    sessions = _sessions(table, spans)
    span_status = _status(table, spans)
    used = {table.pool[int(f)] for f in np.unique(table.f[spans.invoked])}
    singles = used & (READS | WRITES)
    if singles and singles != used:
        return None
    steps = (_single if singles else _lists)(table, spans, span_status, init)
    return None if steps is None else _put_together(table, spans, sessions, steps)


def _put_together(table: Table, spans: Spans, sessions: Sessions, steps: Steps) -> Transactions:
    """Everything as it ended, and keys numbered as they appear."""
    begin, lengths = steps.start[:-1][sessions.order], np.diff(steps.start)[sessions.order]
    start = np.concatenate(([0], np.cumsum(lengths)))
    rows = np.repeat(begin - start[:-1], lengths) + np.arange(start[-1])
    keys = steps.key[rows]
    used, number = _as_they_appear(keys)
    columns = TransactionColumns(
        session=sessions.session,
        status=sessions.status,
        operation_start=start,
        kind=steps.kind[rows],
        key=number[keys],
        version=steps.version[rows],
        sessions=sessions.number,
        keys=len(used),
        versions=len(steps.versions),
    )
    ordered = Spans(spans.invoked[sessions.order], spans.completed[sessions.order])
    names = Names(Renumbered(steps.keys, used), steps.versions, RowPairs(table, ordered))
    return Transactions(columns, names)


def _status(table: Table, spans: Spans) -> Ints:
    return np.where(spans.completed < 0, UNKNOWN, STATUSES[table.type[spans.ends]])


def _sessions(table: Table, spans: Spans) -> Sessions:
    """As in `columns.py`: an unknown outcome is last in its session, or alone."""
    order = np.argsort(spans.ends, kind="stable")
    process = clients_of(table)[0][spans.invoked[order]]
    status = _status(table, spans)[order]
    used, number = _as_they_appear(process)
    session = number[process]
    last = np.zeros(len(used), dtype=np.int64)
    last[session] = np.arange(len(session))  # Of several that go to one place, the last one stays.
    alone = np.flatnonzero((status == UNKNOWN) & (last[session] != np.arange(len(session))))
    session[alone] = len(used) + np.arange(len(alone))
    return Sessions(order, session, status, len(used) + len(alone))


def _as_they_appear(codes: Ints) -> tuple[Ints, Ints]:
    """The codes (small integers from 0) in the order in which they first appear, and the place of each code
    in it."""
    first = np.full(int(codes.max(initial=-1)) + 1, -1, dtype=np.int64)
    first[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)  # As above: the first one.
    used = np.flatnonzero(first >= 0)
    used = used[np.argsort(first[used])]
    number = np.zeros(len(first), dtype=np.int64)
    number[used] = np.arange(len(used))
    return used, number


def _shown(table: Table, spans: Spans, status: Ints) -> Ints:
    """The row whose value says what was done: the completion's where it is known and says something."""
    told = (status == COMMITTED) & (spans.completed >= 0)
    told &= table.kind[spans.ends] != NIL
    return np.where(told, spans.completed, spans.invoked)


def _lists(table: Table, spans: Spans, status: Ints, init: Any) -> Steps | None:
    """Transactions of `[verb key value]`."""
    shown = _shown(table, spans, status)
    if init is not None or not (table.kind[shown] == POOLED).all():
        return None
    micro = micro_of(table, shown, known=status == COMMITTED)
    if micro is None or not micro.spellings <= READS | WRITES:
        return None
    return Steps(
        start=micro.start.astype(np.int64),
        kind=np.where(micro.verb == MICRO_READ, READ, WRITE),
        key=micro.key.astype(np.int64),
        version=micro.value.astype(np.int64),
        keys=micro.key_names,
        versions=micro.value_names,
    )


def _single(table: Table, spans: Spans, status: Ints, init: Any) -> Steps | None:
    """Lone reads and writes: the key in the entry, or one register."""
    shown = _shown(table, spans, status)
    form, value, key = table.kind[shown], table.value[shown], table.key[spans.invoked]
    if not _is_plain(table, form, value) or ((key < 0).any() and (key >= 0).any()):
        return None
    if init is not None and type(init) is not int:
        return None
    reads = [place for place in np.unique(table.f[spans.invoked]) if table.pool[int(place)] in READS]
    kind = np.where(np.isin(table.f[spans.invoked], reads), READ, WRITE)
    start = np.concatenate(([0], np.cumsum((kind == WRITE) | (status == COMMITTED))))
    kept = np.diff(start) > 0
    kind, form, value, key = kind[kept], form[kept], value[kept], key[kept]
    initial = form == NIL if init is None else (form == INT) & (value == init)
    if (initial & (kind == WRITE)).any():
        return None
    triples = np.stack([key, form, value], axis=1)[~initial]
    different, version = np.unique(triples, axis=0, return_inverse=True)
    versions = np.full(len(kind), INITIAL, dtype=np.int64)
    versions[~initial] = version.reshape(-1)
    cells = different[:, 1:].tolist()
    places, numbers = np.unique(key, return_inverse=True)
    return Steps(
        start=start,
        kind=kind,
        key=numbers.reshape(-1),
        version=versions,
        keys=["register" if place < 0 else table.pool[int(place)] for place in places],
        versions=[None if form == NIL else at if form == INT else table.pool[at] for form, at in cells],
    )


def _is_plain(table: Table, form: Any, value: Ints) -> bool:
    """Are all values integers, nil, or strings that are written in one way only?"""
    pool, places = table.pool, value[form == POOLED]
    if not len(places):
        return True
    if int(places.max()) >= pool.read or (pool.text == ord("\\")).any():
        return False
    return bool((pool.text[pool.offsets[places] + 1] == ord('"')).all())
