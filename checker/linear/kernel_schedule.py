"""`schedule.py`, compiled: the calls of one partition, laid out for the search as arrays."""

from typing import Any, NamedTuple

import numpy as np

from checker.kernel import njit

Array = Any

READ, WRITE, CAS, DIFFERS, TABLE = range(5)
"""What a class does: sees a; stores a; stores b where a is; sees anything but a; is looked up."""

OBSERVES, OVERWRITES = 1, 2
"""Traits of a class, as bits: it never changes the state; it is always possible, and to the same effect."""

UNKNOWN, NO = -2, -1
"""A step that has to be looked up, and one that is not possible."""

CALL, CLASS, SLOT = range(3)
KIND, FIRST, WORD, SHIFT, BITS = range(5)


class Plan(NamedTuple):
    """What the search reads. A level is the return of one completed call, its *due* call.

    `entries[offsets[n] : offsets[n + 1]]` are the calls open at level n, earliest end first: call, class and
    slot (the bit of the masks). `soft` and `hard` are the slots, per level, of calls that overwrite, and of
    those that neither overwrite nor observe. `crashed` has a row per class of crashed calls and one more:
    class, first place in `crash_calls`, and where its count is kept: word, shift and bits; `guards` are the
    bits above the counts. `cells` has (what, a, b) per class, `table` the state after a class (`step`).
    """

    entries: Array
    offsets: Array
    soft: Array
    hard: Array
    starts: Array
    ends: Array
    kinds: Array
    crashed: Array
    crash_calls: Array
    guards: Array
    cells: Array
    traits: Array
    table: Array


@njit
def widths(starts: Array, ends: Array, live: Array, order: Array) -> tuple[Array, int]:
    """`offsets` of the plan, and how many calls are open at most."""
    levels = len(order)
    offsets = np.zeros(levels + 1, np.int64)
    invoked = 0
    widest = 0
    for level in range(levels):
        while invoked < levels and starts[live[invoked]] < ends[order[level]]:
            invoked += 1
        widest = max(widest, invoked - level)
        offsets[level + 1] = offsets[level] + invoked - level
    return offsets, widest


@njit
def open_calls(  # noqa: PLR0917 one kernel
    ends: Array, live: Array, kinds: Array, offsets: Array, widest: int, entries: Array
) -> None:
    """Fill `entries` of the plan."""
    free = np.arange(widest + 1, 0, -1) - 1
    now = np.empty((widest + 1, 2), np.int64)
    count = 0
    invoked = 0
    for level in range(len(live)):
        while count < offsets[level + 1] - offsets[level]:
            new = live[invoked]
            at = count
            while at > 0 and ends[now[at - 1, 0]] > ends[new]:
                now[at, 0], now[at, 1] = now[at - 1, 0], now[at - 1, 1]
                at -= 1
            now[at, 0], now[at, 1] = new, free[widest - count]
            count += 1
            invoked += 1
        for at in range(count):
            entry, call = offsets[level] + at, now[at, 0]
            entries[entry, CALL], entries[entry, CLASS] = call, kinds[call]
            entries[entry, SLOT] = now[at, 1]
        count -= 1
        free[widest - count] = now[0, 1]
        for at in range(count):
            now[at, 0], now[at, 1] = now[at + 1, 0], now[at + 1, 1]


@njit
def masks(entries: Array, offsets: Array, traits: Array, soft: Array, hard: Array) -> None:
    """Fill `soft` and `hard` of the plan."""
    for level in range(len(offsets) - 1):
        for entry in range(offsets[level], offsets[level + 1]):
            slot, trait = entries[entry, SLOT], traits[entries[entry, CLASS]]
            bit = np.int64(1) << (slot & 63)
            if trait & OVERWRITES:
                soft[level, slot >> 6] |= bit
            elif not trait & OBSERVES:
                hard[level, slot >> 6] |= bit


@njit
def crashes(kinds: Array, traits: Array, crashed: Array) -> tuple[Array, Array, Array]:
    """`crashed`, `crash_calls` and `guards` of the plan. One that only observes has nobody to tell."""
    sizes = np.zeros(len(traits), np.int64)
    for call in np.flatnonzero(crashed):
        if not traits[kinds[call]] & OBSERVES:
            sizes[kinds[call]] += 1
    classes = np.flatnonzero(sizes)
    table = np.zeros((len(classes) + 1, 5), np.int64)
    next_of = np.zeros(len(traits), np.int64)
    first = word = shift = 0
    for at in range(len(classes)):
        bits = 1
        while sizes[classes[at]] >> bits:
            bits += 1
        if shift + bits + 1 > 63:
            word, shift = word + 1, 0
        table[at, KIND], table[at, FIRST], table[at, WORD] = classes[at], first, word
        table[at, SHIFT], table[at, BITS] = shift, bits
        next_of[classes[at]] = first
        shift += bits + 1
        first += sizes[classes[at]]
    table[len(classes), FIRST] = first
    calls = np.empty(first, np.int64)
    for call in np.flatnonzero(crashed):
        kind = kinds[call]
        if not traits[kind] & OBSERVES:
            calls[next_of[kind]] = call
            next_of[kind] += 1
    guards = np.zeros(word + 1 if len(classes) else 0, np.int64)
    for at in range(len(classes)):
        guards[table[at, WORD]] |= np.int64(1) << (table[at, SHIFT] + table[at, BITS])
    return table, calls, guards


@njit
def lay_out(times: Array, kinds: Array, crashed: Array, cells: Array, traits: Array) -> Plan:
    """The plan of calls in order of invocation. `times` are their starts and ends, one row each."""
    starts, ends = times[0], times[1]
    live = np.flatnonzero(~crashed)
    order = live[np.argsort(ends[live])]
    offsets, widest = widths(starts, ends, live, order)
    entries = np.empty((offsets[-1], 3), np.int32)
    open_calls(ends, live, kinds, offsets, widest, entries)
    words = max(1, (widest + 63) // 64)
    soft, hard = np.zeros((len(order), words), np.int64), np.zeros((len(order), words), np.int64)
    masks(entries, offsets, traits, soft, hard)
    table, calls, guards = crashes(kinds, traits, crashed)
    none = np.full((1, 1), UNKNOWN, np.int64)
    return Plan(entries, offsets, soft, hard, starts, ends, kinds, table, calls, guards, cells, traits, none)
