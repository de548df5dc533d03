"""A history that is kept in columns: which partitions are certainly in order, without an object per call.

`sifted` gives the operations of the others to the caller, who judges them one by one; most often there are
none.  It declines (None) what it has no columns for: models other than registers, queues and sets, entries
that the model does not have, and values other than integers, strings, nil and booleans.  Both ways give the
same answers; this one leaves out what has nothing to tell.

Cost: linear, some hundred nanoseconds a call. Needs numpy and numba.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from checker.history import History, Pair
from checker.linear import collection, compiled, fifo, plain, register
from checker.linear import kernel_collections as collections
from checker.linear import kernel_values as values
from checker.linear.call import FOREVER
from checker.linear.dead_end import DeadEnd, dead_end
from checker.linear.kernel_schedule import CAS, DIFFERS, READ, WRITE
from checker.linear.models import CasRegister, FifoQueue, GrowingSet, Model, Register
from checker.linear.numbering import numbered, numbered_by_key
from checker.linear.table_calls import FAIL, TableCalls, calls_of, code_of, texts_of
from checker.spans import Spans
from checker.table import Table

Array = Any
DeadEnds = dict[int, DeadEnd]
"""By key the calls by which it can be told why it is not in order, where these are not all."""

Judged = tuple[TableCalls, Array, DeadEnds] | None
"""The calls that say anything, and by key whether it is certainly in order. None: no columns for this."""

Limits = tuple[int, int]
"""Calls of a key: up to the first it is left to the caller, above the second it is told by few of them."""

Named = dict[str, Array]
"""By name of an operation, which calls are that."""


class Sifted(NamedTuple):
    """`calls` and `crashed` calls there were in `keys` partitions; `left` are the operations of each
    partition of which nothing is known, in order of their first invocations.

    `proof`: they are not all of a partition, but those that contradict each other.  `open_only` says it of
    each: they are those that are open when the first of them ends, which fits nowhere.
    """

    calls: int
    crashed: int
    keys: int
    left: list[list[Pair]]
    proof: bool = False
    open_only: tuple[bool, ...] = ()


def sifted(history: History, model: Model, independent: bool, searched: int, told: int) -> Sifted | None:
    """Sort out the partitions that are in order.

    Those of up to `searched` calls to which no near-linear rule applies are left to the caller at once.  Of a
    plain one of more than `told` calls that is out of order, only the proof is left.
    """
    judges: dict[type[Any], Callable[..., Judged]] = {
        Register: _registers, CasRegister: _registers, FifoQueue: _queues, GrowingSet: _sets
    }  # fmt: skip
    table = history.table
    if table is None or table.odd or type(model) not in judges:
        return None
    spans = history.spans()
    pool = values.take_apart(*texts_of(table.pool))
    known = None if independent else plain.sifted(table, spans, pool, model)
    if known is not None and (not len(known.wrong) or known.calls > told):
        left = [_pairs(table, spans, known.wrong)] if len(known.wrong) else []
        return Sifted(known.calls, known.crashed, 1, left, proof=bool(left))
    calls = calls_of(table, spans, pool, independent)
    if calls is None or not len(calls.span):
        return None
    named = _named(table, calls, model)
    judged = judges[type(model)](calls, named, model, table, (searched, told)) if named else None
    if judged is None:
        return None
    kept, fine, ends = judged
    first = np.full(len(fine), -1, np.int64)
    first[kept.keys[::-1]] = np.arange(len(kept.keys))[::-1]
    there = np.flatnonzero(first >= 0)
    wrong = [key for key in there[np.argsort(first[there])].tolist() if not fine[key]]
    chosen = [kept.span[kept.keys == key] for key in wrong]
    for at, key in enumerate(wrong):
        if key in ends:
            chosen[at] = chosen[at][ends[key].calls]
    return Sifted(
        calls=len(kept.keys),
        crashed=int((kept.ends == FOREVER).sum()),
        keys=len(there),
        left=[_pairs(table, spans, mine) for mine in chosen],
        open_only=tuple(key in ends and ends[key].open_only for key in wrong),
    )


def _named(table: Table, calls: TableCalls, model: Any) -> Named | None:
    """The calls by operation. None: there are some that the model does not have."""
    names = sorted(model.functions | model.reads)
    named = {name: calls.f == table.pool.find(name) for name in names}
    return named if np.logical_or.reduce(list(named.values())).all() else None


def _pairs(table: Table, spans: Spans, chosen: Array) -> list[Pair]:
    """The operations of some spans, as `History.pairs` has them."""
    found: list[Pair] = []
    for begun, ended in zip(spans.invoked[chosen].tolist(), spans.completed[chosen].tolist(), strict=True):
        invocation = table[begun]
        found.append((invocation, invocation if ended == begun else table[ended] if ended >= 0 else None))
    return found


def _registers(calls: TableCalls, named: Named, model: Any, table: Table, limits: Limits) -> Judged:
    nothing = np.zeros(len(calls.span), np.bool_)
    reads, cas, failed = named["read"], named.get("cas", nothing), calls.outcome == FAIL
    init = code_of(model.init, table.pool)
    kept = ~failed & ~(reads & (calls.ends == FOREVER))
    if cas.any() and model._observe:
        kept |= cas & failed
    if model.init is not None:
        kept &= ~(reads & (calls.got_form == values.SCALAR) & (calls.got == values.NOTHING))
    calls, reads, cas = calls.where(kept), reads[kept], cas[kept]
    form = np.where(reads, calls.got_form, calls.given_form)
    if init == values.OTHER or np.any(form != np.where(cas, values.PAIR, values.SCALAR)):
        return None
    code = np.where(reads, calls.got, calls.given)
    keys = int(calls.keys.max(initial=-1)) + 1
    unsuited = np.zeros(keys, np.bool_)
    unsuited[calls.keys[cas]] = True
    suited = ~unsuited[calls.keys]
    clusters, count = numbered_by_key(
        np.concatenate([np.arange(keys), calls.keys[suited]]),
        np.concatenate([np.full(keys, init), code[suited]]),
    )
    clusters, writes = clusters[keys:], ~reads[suited]
    key_of = np.zeros(count, np.int64)
    key_of[:keys] = np.arange(keys)
    key_of[clusters] = calls.keys[suited]
    written = np.bincount(clusters[writes], minlength=count)
    written[:keys] += 1
    unsuited[key_of[written > 1]] = True
    columns = register.RegisterColumns(
        clusters=clusters,
        starts=calls.starts[suited],
        ends=calls.ends[suited],
        writes=writes,
        keys=key_of,
        initial=np.arange(count) < keys,
    )
    fine = ~register.wrong_keys(columns) & ~unsuited
    sizes = np.bincount(calls.keys, minlength=keys)
    ends: DeadEnds = {}
    for key in np.flatnonzero(unsuited & (sizes > limits[0])).tolist():
        mine = calls.keys == key
        one = _columns(calls.where(mine), reads[mine], init)
        fine[key] = compiled.check_columns(one)
        found = dead_end(one, limits[1]) if not fine[key] and sizes[key] > limits[1] else None
        if found is not None:
            ends[key] = found
    return calls, fine, ends


def _columns(calls: TableCalls, reads: Array, init: int) -> compiled.CallColumns:
    """One register, as the compiled search wants it."""
    pair = calls.given_form == values.PAIR
    cas = pair & ~reads
    failed = calls.outcome == FAIL
    first = np.where(reads, calls.got, calls.given)
    second = np.where(cas, calls.given_too, first)
    numbers, count = numbered(np.concatenate([[init], first, second]))
    a, b = numbers[1 : len(first) + 1], numbers[len(first) + 1 :]
    what = np.where(
        reads | (cas & ~failed & (a == b)), READ, np.where(failed, DIFFERS, np.where(cas, CAS, WRITE))
    )
    kinds, classes = numbered_by_key(what, a * np.int64(count) + b)
    cells = np.zeros((classes, 3), np.int64)
    cells[kinds] = np.stack([what, a, np.where(what == CAS, b, 0)], 1)
    return compiled.CallColumns(
        starts=calls.starts,
        ends=calls.ends,
        crashed=calls.ends == FOREVER,
        kinds=kinds.astype(np.int64),
        cells=cells,
        first=0,
    )


def _queues(calls: TableCalls, named: Named, model: Any, table: Table, limits: Limits) -> Judged:
    del table, limits
    kept = calls.outcome != FAIL
    calls, puts = calls.where(kept), named["enqueue"][kept]
    code = np.where(puts, calls.given, calls.got)
    form = np.where(puts, calls.given_form, calls.got_form)
    if model.init or np.any(np.not_equal(form, values.SCALAR)):
        return None
    keys = int(calls.keys.max(initial=-1)) + 1
    numbers, count = numbered_by_key(calls.keys, code)
    key_of = np.zeros(count, np.int64)
    key_of[numbers] = calls.keys
    fine = np.ones(keys, np.bool_)
    # A dequeue that crashed, or found nothing, and a value enqueued twice, dequeued twice or never enqueued.
    fine[calls.keys[~puts & ((calls.ends == FOREVER) | np.equal(code, values.NOTHING))]] = False
    enqueued = np.bincount(numbers[puts], minlength=count)
    dequeued = np.bincount(numbers[~puts], minlength=count)
    fine[key_of[(enqueued != 1) | (dequeued > 1)]] = False
    rows = np.full((4, count), FOREVER, np.int64)
    rows[0, numbers[puts]], rows[1, numbers[puts]] = calls.starts[puts], calls.ends[puts]
    rows[2, numbers[~puts]], rows[3, numbers[~puts]] = calls.starts[~puts], calls.ends[~puts]
    there = (rows[1] != FOREVER) | (rows[2] != FOREVER)
    for key in np.flatnonzero(fine).tolist():
        mine = rows[:, there & (key_of == key)] if keys > 1 else rows[:, there]
        enqueues_dequeues = [np.ascontiguousarray(row) for row in mine]
        fine[key] = fifo.check_columns(
            fifo.FifoColumns(
                enqueue_starts=enqueues_dequeues[0],
                enqueue_ends=enqueues_dequeues[1],
                dequeue_starts=enqueues_dequeues[2],
                dequeue_ends=enqueues_dequeues[3],
            )
        )
    return calls, fine, {}


def _sets(calls: TableCalls, named: Named, model: Any, table: Table, limits: Limits) -> Judged:
    del table, limits
    looks = named["read"] | named["contains"]
    kept = (calls.outcome != FAIL) & ~(looks & (calls.ends == FOREVER))
    calls, add, remove, read, contains = (
        calls.where(kept),
        *(named[name][kept] for name in ("add", "remove", "read", "contains")),
    )
    changes = add | remove
    saw = contains & (calls.got_too == values.TRUE)
    answered = saw | (contains & (calls.got_too == values.FALSE))
    well = (changes & (calls.given_form == values.SCALAR)) | (answered & (calls.got_form == values.PAIR))
    if model.init or not (well | read).all():
        return None
    keys = int(calls.keys.max(initial=-1)) + 1
    fine = np.ones(keys, np.bool_)
    fine[calls.keys[read]] = False
    numbers, count = numbered_by_key(calls.keys, np.where(contains, calls.got, calls.given))
    key_of = np.zeros(count, np.int64)
    key_of[numbers] = calls.keys
    for change in (add, remove):
        fine[key_of[np.bincount(numbers[change], minlength=count) > 1]] = False
    some = ~read
    what = np.select(
        [add, remove, saw], [collections.ADD, collections.REMOVE, collections.SAW], collections.MISSED
    )
    columns = collection.ElementColumns(
        elements=numbers[some], what=what[some], starts=calls.starts[some], ends=calls.ends[some]
    )
    good = collection.fine_elements(columns)
    fine[key_of[: len(good)][~good]] = False
    return calls, fine, {}
