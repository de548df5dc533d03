"""The calls of a history that is kept in columns, as columns. Values are numbers; nothing is an object."""

from typing import Any, NamedTuple

import msgspec
import numpy as np

from checker.linear import kernel_values as values
from checker.linear.call import FOREVER
from checker.linear.numbering import numbered
from checker.pool import Pool
from checker.spans import Spans
from checker.table import INT, POOLED, TYPES, Table

Array = Any

OK, FAIL, INFO = (TYPES.index(kind) for kind in ("ok", "fail", "info"))


class Values(NamedTuple):
    """Values of calls: their forms, and a column of first codes, of second ones, ... (`kernel_values.py`)."""

    forms: Array
    codes: tuple[Array, ...]


class TableCalls(NamedTuple):
    """Calls in order of invocation.

    `span` is the place among the spans; `starts` and `ends` are rows (-1: before all, FOREVER: never);
    `outcome` is OK, FAIL or INFO; `f` the place of the operation's name in the pool; `keys` the partition,
    numbered from 0.  Of the argument and of the result there are the forms and the first codes, of both also
    the second ones.
    """

    span: Array
    starts: Array
    ends: Array
    outcome: Array
    f: Array
    keys: Array
    given_form: Array
    given: Array
    given_too: Array
    got_form: Array
    got: Array
    got_too: Array

    def where(self, kept: Array) -> "TableCalls":
        """Those calls only."""
        if kept.dtype == np.bool_ and kept.all():
            return self
        return TableCalls(*(column[kept] for column in self))


def calls_of(table: Table, spans: Spans, pool: tuple[Array, Array], independent: bool) -> TableCalls | None:
    """All calls of clients. None: there are values that have no code where a key is needed.

    `pool` are forms and codes by place (`kernel_values.take_apart`).
    """
    invoked, completed = spans.invoked, spans.completed
    alone, answered = invoked == completed, completed >= 0
    outcome = np.where(answered, table.type[completed], INFO)
    parts = 3 if independent else 2
    given = _values(table, invoked, pool, parts)
    got = _values(table, completed, pool, parts)
    keys = table.key[invoked].astype(np.int64)
    if independent and (keys < 0).any():
        inner, answer = _split(given, np.ones(len(keys), np.bool_)), _split(got, answered)
        if (keys >= 0).any() or inner is None or answer is None:
            return None
        keys, given, got = given.codes[0], inner, answer
    for column, nothing in zip((got.forms, *got.codes), (values.SCALAR, *[values.NOTHING] * 3), strict=False):
        column[~answered] = nothing
    starts = np.where(alone, -1, invoked)
    ends = np.where((outcome == OK) | (outcome == FAIL), completed, FOREVER)
    found = TableCalls(
        span=np.arange(len(starts)),
        starts=starts,
        ends=ends,
        outcome=outcome,
        f=table.f[invoked],
        keys=keys,
        given_form=given.forms,
        given=given.codes[0],
        given_too=given.codes[1],
        got_form=got.forms,
        got=got.codes[0],
        got_too=got.codes[1],
    )
    if alone.any():
        found = found.where(np.argsort(starts, kind="stable"))
    return found._replace(keys=numbered(found.keys)[0])


def code_of(value: Any, pool: Pool) -> int:
    """The code of a value that a model begins with; OTHER where it has none."""
    if value is None:
        return values.NOTHING
    if isinstance(value, str):
        place = pool.find(value)
        return values.STRINGS + place if place >= 0 else values.STRINGS - 1
    if value in (("boolean", True), ("boolean", False)):
        return values.TRUE if value[1] else values.FALSE
    small = isinstance(value, int) and abs(value) < 10**18
    return value if small else values.OTHER


def texts_of(pool: Pool) -> tuple[Array, Array]:
    """Text and offsets of all places of a pool, also of those that hold objects."""
    if len(pool) == pool.read:
        return pool.text, pool.offsets
    told = [b"\n" + _told(pool[place]) for place in range(pool.read, len(pool))]
    ends = int(pool.offsets[-1]) + np.cumsum([len(text) for text in told])
    text = np.concatenate([pool.text, np.frombuffer(b"".join(told), np.uint8)])
    return text, np.concatenate([pool.offsets, ends])


def _told(value: Any) -> bytes:
    """A value as JSON; as a question mark, which has no code, where JSON would change it."""
    try:
        told = msgspec.json.encode(value)
    except (TypeError, ValueError, RecursionError):
        return b"?"
    return told if msgspec.json.decode(told) == value else b"?"


def _values(table: Table, rows: Array, pool: tuple[Array, Array], parts: int) -> Values:
    """The values of some rows, with so many codes each; `pool` are forms and codes by place."""
    kinds, cells = table.kind[rows], table.value[rows]
    pooled = np.flatnonzero(kinds == POOLED)
    places = cells[pooled]
    forms = np.full(len(rows), values.SCALAR, np.int8)
    forms[pooled] = pool[0][places]
    cells[kinds != INT] = values.NOTHING
    codes = (cells, *(np.full(len(rows), values.NOTHING, np.int64) for _ in range(parts - 1)))
    for part, column in enumerate(codes):
        column[pooled] = pool[1][places, part]
    return Values(forms, codes)


def _split(found: Values, needed: Array) -> Values | None:
    """Values [key, value] without their keys. None: some that are needed are not like that."""
    keyed = found.forms == values.KEYED_PAIR
    if not (keyed | (found.forms == values.PAIR) | ~needed).all():
        return None
    return Values(np.where(keyed, values.PAIR, values.SCALAR).astype(np.int8), found.codes[1:])
