"""Judges every observation of a Dynamo history, compiled: who had seen what, in blocks of bits.

Per key the versions are put in an order in which everything comes after what it had seen.  Then, for each
block of BLOCK versions in that order, one pass gives every later version a row of bits (which of the block
are its ancestors), and one pass over the observations, in the order in which they began, keeps the sets
that only grow (acknowledged, deleted, seen by a client) as a row each and compares.

So memory is BLOCK bits per version of the largest key, never quadratic, and time is
(versions + observations) * versions / 64 word operations per key: nothing at a thousand writes per key.

The definitions are those of `sight.py`, which does the same with Python's integers.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from checker import kernel
from checker.dynamo.columns import DynamoColumns, Flags, Ints, Numbers

Rows = NDArray[np.uint64]

WORDS = 16
BLOCK = 64 * WORDS
"""Versions whose descendants are looked for at a time: 128 bytes for each later version."""


class SightColumns(NamedTuple):
    """Per observation. Versions are numbers of `DynamoColumns`, -1 is none; `cyclic` is per key.

    Observations of a cyclic key are not judged.  The fields are those of `sight.Sight`; `beside` is per
    version: the first observation that shows it beside something that had seen it, or -1.
    """

    missed: Numbers
    oldest: Numbers
    deleted: Numbers
    forgotten: Numbers
    unread: Numbers
    concurrent: Numbers
    doubtful: Flags
    suspect: Flags
    cyclic: Flags
    beside: Numbers


class Scratch(NamedTuple):
    """Rows of a block that are used again for every key.

    `behind`: the ancestors of each version.  `hidden`: per delete, in order of invocation, all that it and
    those before it had seen.  `session`, `own`: what each client was shown, and what it had acknowledged.
    `now`: one row each of ACKED, DELETED, UNKNOWN (growing) and SHOWN, BESIDE, ACCOUNTED (of one read).
    """

    behind: Rows
    hidden: Rows
    session: Rows
    own: Rows
    now: Rows


ACKED, DELETED, UNKNOWN, SHOWN, BESIDE, ACCOUNTED = range(6)


def check_columns(columns: DynamoColumns) -> SightColumns:
    """All observations of all keys."""
    reads, keys = columns.read_invoked.size, columns.read_first.size - 1
    result = SightColumns(
        np.zeros(reads, np.int32),
        np.full(reads, -1, np.int32),
        np.full(reads, -1, np.int32),
        np.full(reads, -1, np.int32),
        np.full(reads, -1, np.int32),
        np.zeros(reads, np.int32),
        np.zeros(reads, np.bool_),
        np.zeros(reads, np.bool_),
        np.zeros(keys, np.bool_),
        np.full(columns.invoked.size, -1, np.int32),
    )
    largest = int(np.diff(columns.version_first).max(initial=0))
    # A key smaller than a block needs fewer words; the rows of all keys have the same width.
    words = min(WORDS, largest // 64 + 1)
    scratch = Scratch(
        np.zeros((largest, words), np.uint64),
        np.zeros((largest + 1, words), np.uint64),
        np.zeros((columns.clients, words), np.uint64),
        np.zeros((columns.clients, words), np.uint64),
        np.zeros((6, words), np.uint64),
    )
    _keys(columns, scratch, result, _acknowledgements(columns))
    _suspects(columns, result)
    return result


def _acknowledgements(columns: DynamoColumns) -> Ints:
    done = np.flatnonzero(columns.acknowledged >= 0)
    key = np.searchsorted(columns.version_first, done, "right")
    ended = columns.acknowledged[done]
    # One sort instead of two: the key above, the moment below.
    packed = key * (int(ended.max(initial=0)) + 1) + ended
    return done[np.argsort(packed)].astype(np.int64)


@kernel.njit
def _suspects(columns: DynamoColumns, result: SightColumns) -> None:
    """Phantoms and duplicates, and the siblings that are no versions at all, each of which counts as one."""
    versions = columns.invoked.size
    known_by = np.full(columns.numbers - versions, -1, np.int32)
    for read in range(columns.read_invoked.size):
        first, last = columns.shown_first[read], columns.shown_first[read + 1]
        for each in range(first, last):
            number = columns.shown[each]
            if number >= versions:
                result.concurrent[read] += known_by[number - versions] != read
                known_by[number - versions] = read
            result.suspect[read] |= impossible(columns, read, number)
        result.suspect[read] |= result.concurrent[read] < last - first


@kernel.njit_uncounted
def impossible(columns: DynamoColumns, read: int, number: int) -> bool:
    """Can no observation at that moment show this?"""
    return (
        number >= columns.invoked.size
        or columns.invoked[number] == columns.read_invoked[read]
        or columns.invoked[number] > columns.read_ended[read]
        or columns.failed[number]
        or columns.delete[number]
    )


@kernel.njit
def _keys(columns: DynamoColumns, scratch: Scratch, result: SightColumns, acknowledged: Ints) -> None:
    """`acknowledged`: versions by key, and within it in the order of their acknowledgements."""
    first_done = np.int64(0)
    place = np.zeros(columns.invoked.size, np.int64)
    block = 64 * scratch.now.shape[1]
    for key in range(columns.read_first.size - 1):
        first, last = columns.version_first[key], columns.version_first[key + 1]
        order = ordered(columns, first, last, place)
        done = first_done + np.sum(columns.acknowledged[first:last] >= 0)
        acks = acknowledged[first_done:done]
        first_done = done
        if order.size < last - first:
            result.cyclic[key] = True
            continue
        deletes = first + np.flatnonzero(columns.delete[first:last])
        for base in range(0, max(order.size, 1), block):
            _ancestors(columns, scratch, order, place, base)
            _hidden(columns, scratch, deletes, place, base)
            _reads(columns, scratch, result, (key, base), (order, place, acks, columns.invoked[deletes]))


@kernel.njit
def ordered(columns: DynamoColumns, first: int, last: int, place: Ints) -> Ints:
    """Versions of a key, each after all that it had seen; `place` is set to their places in this order.

    Shorter than the key when some have seen each other. Depth first with a stack, as chains are long.
    """
    order = np.empty(last - first, np.int64)
    stack = np.empty(last - first, np.int64)
    edge = columns.seen_first[first:last].copy()
    state = np.zeros(last - first, np.int8)  # 1: on the stack, 2: done
    done = 0
    for root in range(first, last):
        depth = 0
        if state[root - first] == 0:
            stack[0], depth = root, 1
            state[root - first] = 1
        while depth:
            at = stack[depth - 1]
            if edge[at - first] == columns.seen_first[at + 1]:
                place[at], order[done] = done, at
                state[at - first] = 2
                done += 1
                depth -= 1
                continue
            below = columns.seen[edge[at - first]]
            edge[at - first] += 1
            if state[below - first] == 1:
                return order[:0]
            if state[below - first] == 0:
                stack[depth] = below
                state[below - first] = 1
                depth += 1
    return order


@kernel.njit_uncounted
def _ancestors(columns: DynamoColumns, scratch: Scratch, order: Ints, place: Ints, base: int) -> None:
    """A row for each version from `base` on; UNKNOWN for those of the block whose reads are not known."""
    behind = scratch.behind
    scratch.now[:] = 0
    behind[: order.size - base] = 0
    for at in range(order.size - base):
        version = order[base + at]
        for edge in range(columns.seen_first[version], columns.seen_first[version + 1]):
            below = place[columns.seen[edge]] - base
            if below >= 0:
                _join(behind, at, behind, below)
                _mark(behind, at, below)
        if columns.unknown[version]:
            _mark(scratch.now, UNKNOWN, at)


@kernel.njit_uncounted
def _mark(rows: Rows, row: int, at: int) -> None:
    if 0 <= at < 64 * rows.shape[1]:
        rows[row, at >> 6] |= np.uint64(1) << np.uint64(at & 63)


@kernel.njit_uncounted
def _join(rows: Rows, row: int, others: Rows, other: int) -> None:
    for word in range(rows.shape[1]):
        rows[row, word] |= others[other, word]


@kernel.njit_uncounted
def _hidden(columns: DynamoColumns, scratch: Scratch, deletes: Ints, place: Ints, base: int) -> None:
    """Row d: what the first d deletes had seen, and themselves."""
    scratch.session[:] = 0
    scratch.own[:] = 0
    scratch.hidden[0] = 0
    for number in range(deletes.size):
        for word in range(scratch.hidden.shape[1]):
            scratch.hidden[number + 1, word] = scratch.hidden[number, word]
        at = place[deletes[number]] - base
        if at >= 0:
            _join(scratch.hidden, number + 1, scratch.behind, at)
            _mark(scratch.hidden, number + 1, at)


@kernel.njit_uncounted
def _reads(
    columns: DynamoColumns,
    scratch: Scratch,
    result: SightColumns,
    where: tuple[int, int],
    known: tuple[Ints, Ints, Ints, Ints],
) -> None:
    """All observations of a key against one block.

    `where`: key, base; `known`: order, place, acknowledged versions, and when the deletes were invoked.
    """
    key, base = where
    order, place, acks, begun = known
    now = scratch.now
    acked = 0
    for read in range(columns.read_first[key], columns.read_first[key + 1]):
        while acked < acks.size and columns.acknowledged[acks[acked]] < columns.read_invoked[read]:
            _acknowledge(columns, scratch, acks[acked], place[acks[acked]] - base)
            acked += 1
        before = np.searchsorted(begun, columns.read_ended[read], "right")
        _look(columns, now, read, (order.size, base), (place, scratch.behind))
        client = columns.reader[read]
        for word in range(now.shape[1]):
            now[ACCOUNTED, word] |= scratch.hidden[before, word]
            accounted, shown = now[ACCOUNTED, word], now[SHOWN, word]
            if accounted & now[UNKNOWN, word]:
                result.doubtful[read] = True
            start = base + 64 * word
            _oldest(columns, result, read, now[ACKED, word] & ~accounted, (order, start))
            _first(result.deleted, read, shown & now[DELETED, word], (order, start))
            _first(result.forgotten, read, scratch.session[client, word] & ~accounted, (order, start))
            _first(result.unread, read, scratch.own[client, word] & ~accounted, (order, start))
            result.concurrent[read] += _count(shown & ~now[BESIDE, word])
            _beside(result, read, shown & now[BESIDE, word], (order, start))
            scratch.session[client, word] |= shown


@kernel.njit_uncounted
def _acknowledge(columns: DynamoColumns, scratch: Scratch, version: int, at: int) -> None:
    if columns.delete[version]:
        if at >= 0:
            _join(scratch.now, DELETED, scratch.behind, at)
    else:
        _mark(scratch.now, ACKED, at)
        _mark(scratch.own, columns.writer[version], at)


@kernel.njit_uncounted
def _look(
    columns: DynamoColumns, now: Rows, read: int, size: tuple[int, int], rows: tuple[Ints, Rows]
) -> None:
    """SHOWN, BESIDE (what had been seen by a version shown) and both together. `size`: versions, base."""
    place, behind = rows
    for word in range(now.shape[1]):
        now[SHOWN, word] = now[BESIDE, word] = 0
    for each in range(columns.shown_first[read], columns.shown_first[read + 1]):
        number = columns.shown[each]
        if number < place.size:
            at = place[number] - size[1]
            if at >= 0:
                for word in range(now.shape[1]):
                    now[BESIDE, word] |= behind[at, word]
                _mark(now, SHOWN, at)
    for word in range(now.shape[1]):
        now[ACCOUNTED, word] = now[SHOWN, word] | now[BESIDE, word]


@kernel.njit_uncounted
def _oldest(
    columns: DynamoColumns, result: SightColumns, read: int, missing: np.uint64, where: tuple[Ints, int]
) -> None:
    """Count the missing and keep the one that was acknowledged first."""
    order, start = where
    at = start
    while missing:
        if missing & np.uint64(1):
            version, oldest = order[at], result.oldest[read]
            result.missed[read] += 1
            if oldest < 0 or columns.acknowledged[version] < columns.acknowledged[oldest]:
                result.oldest[read] = version
        missing >>= np.uint64(1)
        at += 1


@kernel.njit_uncounted
def _first(kept: Numbers, read: int, found: np.uint64, where: tuple[Ints, int]) -> None:
    """Keep the version that was invoked first."""
    order, start = where
    at = start
    while found:
        if found & np.uint64(1) and (kept[read] < 0 or order[at] < kept[read]):
            kept[read] = order[at]
        found >>= np.uint64(1)
        at += 1


@kernel.njit_uncounted
def _beside(result: SightColumns, read: int, found: np.uint64, where: tuple[Ints, int]) -> None:
    """The read is the first to show these false siblings, unless there was one before."""
    order, start = where
    at = start
    while found:
        if found & np.uint64(1) and result.beside[order[at]] < 0:
            result.beside[order[at]] = read
        found >>= np.uint64(1)
        at += 1


@kernel.njit_uncounted
def _count(bits: np.uint64) -> int:
    found = 0
    while bits:
        bits &= bits - np.uint64(1)
        found += 1
    return found
