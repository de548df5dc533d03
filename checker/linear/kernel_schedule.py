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


class Sweep(NamedTuple):
    """How far the moments of a history have been gone through, which is done piece by piece.

    `now` has the calls open there, earliest end first, and the slot of each, `free` the slots that are left,
    as a stack.  `place` is the next moment, and how many calls are open.
    """

    now: Array
    free: Array
    place: Array


@njit
def begin(times: tuple[Array, Array], crashed: Array, widest: int) -> Sweep:
    """A sweep that stands at the beginning: open are calls that began before everything."""
    free = np.arange(widest + 1, 0, -1) - 1
    sweep = Sweep(np.empty((widest + 1, 2), np.int64), free, np.zeros(2, np.int64))
    for call in np.flatnonzero((times[0] < 0) & ~crashed):
        enter(int(call), times[1], sweep)
    return sweep


@njit
def enter(call: int, ends: Array, sweep: Sweep) -> None:
    """The call is open from now on."""
    now, count = sweep.now, sweep.place[1]
    at = count
    while at > 0 and ends[now[at - 1, 0]] > ends[call]:
        now[at, 0], now[at, 1] = now[at - 1, 0], now[at - 1, 1]
        at -= 1
    now[at, 0], now[at, 1] = call, sweep.free[len(sweep.free) - 1 - count]
    sweep.place[1] = count + 1


@njit
def leave(sweep: Sweep) -> None:
    """The call that ends first is open no more."""
    now, count = sweep.now, sweep.place[1] - 1
    sweep.free[len(sweep.free) - 1 - count] = now[0, 1]
    for at in range(count):
        now[at, 0], now[at, 1] = now[at + 1, 0], now[at + 1, 1]
    sweep.place[1] = count


@njit
def open_calls(moments: Array, crashed: Array, sweep: Sweep, plan: Plan, level: int) -> int:
    """Fill the plan's `entries` and `offsets` from a level on, as far as there is room; the level reached."""
    entries, offsets, at = plan.entries, plan.offsets, sweep.place[0]
    while at < len(moments):
        call = abs(moments[at]) - 1
        if moments[at] > 0 and not crashed[call]:
            enter(call, plan.ends, sweep)
        elif moments[at] < 0:
            first, count = offsets[level], sweep.place[1]
            if level + 1 == len(offsets) or first + count > len(entries):
                break
            for one in range(count):
                call = sweep.now[one, 0]
                entries[first + one, CALL], entries[first + one, CLASS] = call, plan.kinds[call]
                entries[first + one, SLOT] = sweep.now[one, 1]
            level += 1
            offsets[level] = first + count
            leave(sweep)
        at += 1
    sweep.place[0] = at
    return level


@njit
def masks(plan: Plan, first: int, last: int) -> None:
    """Fill `soft` and `hard` of the plan for these levels."""
    soft, hard = plan.soft, plan.hard
    for level in range(first, last):
        soft[level], hard[level] = 0, 0
        for entry in range(plan.offsets[level], plan.offsets[level + 1]):
            slot, trait = plan.entries[entry, SLOT], plan.traits[plan.entries[entry, CLASS]]
            bit = np.int64(1) << (slot & 63)
            if trait & OVERWRITES:
                soft[level, slot >> 6] |= bit
            elif not trait & OBSERVES:
                hard[level, slot >> 6] |= bit


@njit
def shuffle(plan: Plan, first: int, last: int, dice: int) -> None:
    """Another order of the calls that are open at these levels: what the search tries first there.

    The call that is due stays the first one, and calls of a class are in order of their ends, as before.
    """
    entries = plan.entries
    for level in range(first, last):
        for entry in range(plan.offsets[level] + 2, plan.offsets[level + 1]):
            call, kind, slot = entries[entry, CALL], entries[entry, CLASS], entries[entry, SLOT]
            at, rank = entry, drawn(kind, level, dice)
            while at > plan.offsets[level] + 1 and drawn(entries[at - 1, CLASS], level, dice) > rank:
                for field in range(SLOT + 1):
                    entries[at, field] = entries[at - 1, field]
                at -= 1
            entries[at, CALL], entries[at, CLASS], entries[at, SLOT] = call, kind, slot


@njit
def drawn(kind: int, level: int, dice: int) -> int:
    """A random number per class and level; different ones for different classes."""
    found = (kind * np.int64(0x9E3779B1) + level) * np.int64(-7046029254386353131) + dice
    found = (found ^ (found >> 29)) * np.int64(-4658895280553007687)
    return int(found ^ (found >> 32))


@njit
def drop(plan: Plan, first: int, last: int) -> None:
    """Levels from `first` to `last` of the plan become its levels from 0 on."""
    before = plan.offsets[first]
    for level in range(first, last):
        for word in range(plan.soft.shape[1]):
            plan.soft[level - first, word] = plan.soft[level, word]
            plan.hard[level - first, word] = plan.hard[level, word]
        plan.offsets[level - first] = plan.offsets[level] - before
    for entry in range(before, plan.offsets[last]):
        for field in range(SLOT + 1):
            plan.entries[entry - before, field] = plan.entries[entry, field]
    plan.offsets[last - first] = plan.offsets[last] - before


@njit
def traits_of(cells: Array) -> Array:
    """The traits of the classes of a register or mutex."""
    traits = np.zeros(len(cells), np.int64)
    for kind in range(len(cells)):
        what = cells[kind, 0]
        traits[kind] = OBSERVES if what in (READ, DIFFERS) else OVERWRITES if what == WRITE else 0
    return traits


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
def frame(  # noqa: PLR0917 one kernel
    size: tuple[int, int, int],
    times: tuple[Array, Array],
    kinds: Array,
    crashed: Array,
    cells: Array,
    traits: Array,
) -> Plan:
    """A plan with room for so many levels, entries, and calls open at once, and nothing there yet."""
    levels, count, widest = size
    words = max(1, (widest + 63) // 64)
    entries, offsets = np.empty((count, 3), np.int32), np.zeros(levels + 1, np.int64)
    soft, hard = np.empty((levels, words), np.int64), np.empty((levels, words), np.int64)
    table, calls, guards = crashes(kinds, traits, crashed)
    none = np.full((1, 1), UNKNOWN, np.int64)
    return Plan(
        entries, offsets, soft, hard, times[0], times[1], kinds, table, calls, guards, cells, traits, none
    )


@njit
def fill(moments: Array, crashed: Array, widest: int, plan: Plan) -> None:
    """Lay out all levels of a plan that has room for them."""
    sweep = begin((plan.starts, plan.ends), crashed, widest)
    masks(plan, 0, open_calls(moments, crashed, sweep, plan, 0))
