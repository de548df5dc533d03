"""Plain histories in columns: one register without compare-and-set, or one queue, values written once.

The commonest and the largest ones.  They are judged from the rows of the table with less memory than the
table itself takes; `columnar.py`, which knows every form of value and many objects at once, takes several
times that.  `sifted` declines (None) whatever is not plain, and then answers nothing.
"""

from typing import Any, NamedTuple

import numpy as np

from checker.linear import fifo, kernel_rows, register
from checker.linear import kernel_values as values
from checker.linear.call import FOREVER
from checker.linear.kernel_register import NEVER, SPAN_MAX
from checker.linear.models import CasRegister, FifoQueue, Model, Register
from checker.linear.numbering import numbered
from checker.linear.table_calls import code_of
from checker.pool import Pool
from checker.spans import Spans
from checker.table import Table

Array = Any


class PlainCalls(NamedTuple):
    """Calls in order of invocation: their spans, starts and ends, whether they store, and what code."""

    span: Array
    starts: Array
    ends: Array
    stores: Array
    codes: Array


class Plain(NamedTuple):
    """How many calls there were, how many crashed, and the spans of those that contradict each other."""

    calls: int
    crashed: int
    wrong: Array


def sifted(table: Table, spans: Spans, pool: tuple[Array, Array], model: Model) -> Plain | None:
    """Judge the table as one object; None where it is not plain.

    `pool` are forms and codes by place (`kernel_values.take_apart`).
    """
    plain = type(model) in (Register, CasRegister, FifoQueue) and len(table) < SPAN_MAX
    if not plain or not len(spans.invoked) or bool((table.key != -1).any()):
        return None
    judge = _queue if isinstance(model, FifoQueue) else _register
    return judge(table, spans, pool, model)


def _register(table: Table, spans: Spans, pool: tuple[Array, Array], model: Any) -> Plain | None:
    init = code_of(model.init, table.pool)
    calls = _calls(table, spans, pool, ("write", "read"), (True, model.init is not None, False))
    if calls is None or init == values.OTHER:
        return None
    clusters, count = numbered(calls.codes, init)
    initial = np.zeros(count, np.bool_)
    initial[0] = True
    if kernel_rows.repeated(clusters, calls.stores, initial.copy()):
        return None
    columns = register.RegisterColumns(
        clusters=clusters,
        starts=calls.starts,
        ends=calls.ends,
        writes=calls.stores,
        keys=np.zeros(count, np.int32),
        initial=initial,
    )
    violation = register.check_columns(columns)
    wrong = [] if violation is None else [violation.cluster, violation.other]
    return _plain(calls, np.isin(clusters, wrong) if wrong else None)


def _queue(table: Table, spans: Spans, pool: tuple[Array, Array], model: Any) -> Plain | None:
    calls = _calls(table, spans, pool, ("enqueue", "dequeue"), (False, False, True))
    if calls is None or model.init:
        return None
    numbers, count = numbered(calls.codes)
    rows = np.full((4, count), FOREVER, np.int64)
    if not kernel_rows.pair_up((numbers, calls.starts, calls.ends, calls.stores), rows):
        return None
    there = (rows[1] != FOREVER) | (rows[2] != FOREVER)
    if bool((there & (rows[0] == FOREVER)).any()):
        return None  # Something came out that never went in.
    if not there.all():
        numbers, rows = np.where(there, np.cumsum(there) - 1, -1)[numbers], rows[:, there]
    found = fifo.contradiction(
        fifo.FifoColumns(
            enqueue_starts=rows[0],
            enqueue_ends=rows[1],
            dequeue_starts=rows[2],
            dequeue_ends=rows[3],
        )
    )
    return _plain(calls, None if found is None else np.isin(numbers, found))


def _plain(calls: PlainCalls, wrong: Array | None) -> Plain:
    spans = np.zeros(0, np.int64) if wrong is None else calls.span[wrong]
    return Plain(len(calls.span), int(np.count_nonzero(calls.ends == NEVER)), spans)


def _calls(
    table: Table,
    spans: Spans,
    pool: tuple[Array, Array],
    names: tuple[str, str],
    skipping: tuple[bool, bool, bool],
) -> PlainCalls | None:
    """The calls of the table; None where there are others than these two, or values without a code."""
    size = len(spans.invoked)
    out = PlainCalls(*(np.empty(size, kind) for kind in (np.int32, np.int32, np.int32, np.bool_, np.int64)))
    columns = table.type, table.f, table.kind, table.value
    places = tuple(_place(table.pool, name) for name in names)
    count = kernel_rows.extract(tuple(spans), columns, pool, places, skipping, tuple(out))
    return None if count <= 0 else PlainCalls(*(column[:count] for column in out))


def _place(pool: Pool, name: str) -> int:
    """The place of a name in the pool; where it has none, one that no row has."""
    place = pool.find(name)
    return place if place >= 0 else -2
