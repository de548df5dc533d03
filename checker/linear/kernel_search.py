"""The general search, compiled. The rules and their reasons are in `search.py`; this file is only faster.

A configuration is a row of int64: the fields named below, then the words of the live mask, then those of the
crash mask.  Rows are never moved, so the table of what was tried is the rows themselves, chained by a hash of
everything but the crash mask.  The model is a table: `cells` has (what, a, b) per class for registers and
mutexes, and for any other model `table[state, a]`, filled on demand: the search stops with NEED, Python
computes the one step that is missing, and the search goes on where it stood.
"""

from typing import Any

import numpy as np

from checker.kernel import njit

READ, WRITE, CAS, DIFFERS, TABLE = range(5)
"""What a class does: sees a; stores a; stores b where a is; sees anything but a; is looked up."""

LEVEL, STATE, BEFORE, PARENT, TAKEN, NEXT, CHAIN, FIELDS = range(8)
COUNT, CURRENT, DEEPEST, NEED_STATE, NEED_CLASS, CURSORS = range(6)
LINEAR, STUCK, GROW, NEED = range(4)
UNKNOWN, NO, NONE = -2, -1, -1

Array = Any
Plan = tuple[Array, ...]


@njit
def lay_out(starts: Array, ends: Array, kinds: Array, observes: Array, crashed: Array) -> Plan:
    """`schedule.py` in arrays; `opened[offsets[n] : offsets[n + 1]]` are the calls open at level n."""
    calls = len(starts)
    live = np.flatnonzero(~crashed)
    order = live[np.argsort(ends[live])]
    levels = len(order)
    offsets = np.zeros(levels + 1, np.int64)
    invoked = 0
    widest = 0
    for level in range(levels):
        while invoked < levels and starts[live[invoked]] < ends[order[level]]:
            invoked += 1
        widest = max(widest, invoked - level)
        offsets[level + 1] = offsets[level] + invoked - level
    opened = np.empty(offsets[levels], np.int32)
    slots = np.zeros(calls, np.int32)
    free = np.arange(widest + 1, 0, -1) - 1
    now = np.empty(widest + 1, np.int64)
    count = 0
    invoked = 0
    for level in range(levels):
        due = order[level]
        while invoked < levels and starts[live[invoked]] < ends[due]:
            new = live[invoked]
            slots[new] = free[widest - count]
            at = count
            while at > 0 and ends[now[at - 1]] > ends[new]:
                now[at] = now[at - 1]
                at -= 1
            now[at] = new
            count += 1
            invoked += 1
        opened[offsets[level] : offsets[level + 1]] = now[:count]
        for at in range(count - 1):
            now[at] = now[at + 1]
        count -= 1
        free[widest - count] = slots[due]
    sizes = np.zeros(len(observes) + 1, np.int64)
    for call in np.flatnonzero(crashed):
        if not observes[kinds[call]]:
            sizes[kinds[call] + 1] += 1
    crash_class = np.flatnonzero(sizes) - 1
    crash_bit = np.zeros(len(crash_class) + 1, np.int64)
    for at in range(len(crash_class)):
        crash_bit[at + 1] = crash_bit[at] + sizes[crash_class[at] + 1]
        sizes[crash_class[at] + 1] = crash_bit[at]
    crash_calls = np.empty(crash_bit[-1], np.int64)
    for call in np.flatnonzero(crashed):
        if not observes[kinds[call]]:
            crash_calls[sizes[kinds[call] + 1]] = call
            sizes[kinds[call] + 1] += 1
    widths = np.array([(widest + 63) // 64, (crash_bit[-1] + 63) // 64])
    return slots, offsets, opened, crash_class, crash_bit, crash_calls, widths, starts, ends, kinds, observes


@njit
def step(state: int, kind: int, cells: Array, table: Array) -> int:
    """The state afterwards, NO, or UNKNOWN (the table has to be filled in there)."""
    what, a, b = cells[kind, 0], cells[kind, 1], cells[kind, 2]
    if what == READ:
        return state if state == a else NO
    if what == WRITE:
        return int(a)
    if what == CAS:
        return int(b) if state == a else NO
    if what == DIFFERS:
        return state if state != a else NO
    return int(table[state, a])


@njit
def candidate(  # noqa: PLR0912, PLR0915, PLR0917 one kernel
    nodes: Array, at: int, new: int, plan: Plan, cells: Array, table: Array
) -> int:
    """Write the next successor of row `at` into row `new`; 1, or 0 when there is none, or -2 for NEED."""
    slots, offsets, opened, crash_class, crash_bit, crash_calls, widths, starts, ends, kinds, observes = plan
    level, state, before = nodes[at, LEVEL], nodes[at, STATE], nodes[at, BEFORE]
    first, count = offsets[level], offsets[level + 1] - offsets[level]
    crash_word = FIELDS + widths[0]
    due = opened[first]
    position = nodes[at, NEXT]
    nodes[new] = nodes[at]
    nodes[new, PARENT] = at
    nodes[new, BEFORE] = NONE
    nodes[new, NEXT] = 0
    if nodes[at, FIELDS + (slots[due] >> 6)] >> (slots[due] & 63) & 1:
        if position > 0:
            return 0
        nodes[new, LEVEL] = level + 1
        nodes[new, TAKEN] = NONE
        nodes[new, FIELDS + (slots[due] >> 6)] &= ~(np.int64(1) << (slots[due] & 63))
        return 1
    while position < count + len(crash_class):
        nodes[at, NEXT] = position
        if position < count:
            call = np.int64(opened[first + position])
            kind = kinds[call]
            word, bit = FIELDS + (slots[call] >> 6), np.int64(slots[call] & 63)
            skip = observes[kind] or (nodes[at, word] >> bit & 1) != 0
            rivals = position
        else:
            group = position - count
            kind = crash_class[group]
            index = crash_bit[group]
            while index < crash_bit[group + 1] and nodes[at, crash_word + (index >> 6)] >> (index & 63) & 1:
                index += 1
            skip = index == crash_bit[group + 1] or starts[crash_calls[index]] > ends[due]
            call = crash_calls[min(index, crash_bit[group + 1] - 1)]
            word, bit = crash_word + (index >> 6), index & 63
            rivals = count
        for other in range(rivals):
            rival = opened[first + other]
            if (
                kinds[rival] == kind
                and not nodes[at, FIELDS + (slots[rival] >> 6)] >> (slots[rival] & 63) & 1
            ):
                skip = True
        if not skip:
            after = step(state, kind, cells, table)
            idle = step(before, kind, cells, table) if before != NONE else NO
            if UNKNOWN in (after, idle):
                nodes[new, STATE] = state if after == UNKNOWN else before
                nodes[new, TAKEN] = kind
                return UNKNOWN
            if after not in (NO, idle) and (position < count or after != state):
                nodes[new, STATE] = after
                nodes[new, TAKEN] = call
                if position == 0:
                    nodes[new, LEVEL] = level + 1
                else:
                    nodes[new, word] |= np.int64(1) << bit
                if position >= count:
                    nodes[new, BEFORE] = state
                return 1
        position += 1
    nodes[at, NEXT] = position
    return 0


@njit
def observe(nodes: Array, new: int, plan: Plan, cells: Array, table: Array) -> int:
    """Take every open observation that fits the state of row `new`: NONE, or the class that lacks a step."""
    slots, offsets, opened, kinds, observes = plan[0], plan[1], plan[2], plan[9], plan[10]
    level, state = nodes[new, LEVEL], nodes[new, STATE]
    for at in range(offsets[level], offsets[level + 1]):
        call = opened[at]
        kind = kinds[call]
        word, bit = FIELDS + (slots[call] >> 6), np.int64(slots[call] & 63)
        if not observes[kind] or nodes[new, word] >> bit & 1:
            continue
        after = step(state, kind, cells, table)
        if after == UNKNOWN:
            return int(kind)
        if after == state:
            nodes[new, word] |= np.int64(1) << bit
            nodes[new, BEFORE] = NONE
    return NONE


@njit
def remember(nodes: Array, new: int, heads: Array, widths: Array) -> bool:
    """Chain row `new` to what was tried, unless a row that dominates it is there already."""
    crash_word = FIELDS + widths[0]
    mixed = nodes[new, LEVEL] * 1000003 + nodes[new, STATE] * 8191 + nodes[new, BEFORE]
    for word in range(FIELDS, crash_word):
        mixed = (mixed ^ nodes[new, word]) * np.int64(-7046029254386353131)
        mixed ^= mixed >> 29
    mixed *= np.int64(-7046029254386353131)
    place = (mixed >> 20) & (len(heads) - 1)
    other = heads[place]
    while other != NONE:
        same = nodes[other, LEVEL] == nodes[new, LEVEL] and nodes[other, STATE] == nodes[new, STATE]
        same = same and nodes[other, BEFORE] == nodes[new, BEFORE]
        for word in range(FIELDS, crash_word):
            same = same and nodes[other, word] == nodes[new, word]
        for word in range(crash_word, nodes.shape[1]):
            same = same and nodes[other, word] & ~nodes[new, word] == 0
        if same:
            return False
        other = nodes[other, CHAIN]
    nodes[new, CHAIN] = heads[place]
    heads[place] = new
    return True


@njit
def search(  # noqa: PLR0917 the state of the search, to go on from
    nodes: Array, heads: Array, cursor: Array, plan: Plan, cells: Array, table: Array
) -> int:
    """Go on from where `cursor` stands: LINEAR, STUCK, GROW (the rows are used up) or NEED (a step)."""
    levels = len(plan[1]) - 1
    at = cursor[CURRENT]
    while True:
        new = cursor[COUNT]
        if new == len(nodes):
            cursor[CURRENT] = at
            return GROW
        if at != NONE:
            found = candidate(nodes, at, new, plan, cells, table)
            if found == 0:
                at = nodes[at, PARENT]
                if at == NONE:
                    return STUCK
                continue
            if found == UNKNOWN:
                cursor[CURRENT] = at
                cursor[NEED_STATE], cursor[NEED_CLASS] = nodes[new, STATE], nodes[new, TAKEN]
                return NEED
        if nodes[new, LEVEL] == levels:
            return LINEAR
        missing = observe(nodes, new, plan, cells, table)
        if missing != NONE:
            cursor[CURRENT] = at
            cursor[NEED_STATE], cursor[NEED_CLASS] = nodes[new, STATE], missing
            return NEED
        if at != NONE:
            nodes[at, NEXT] += 1
        if remember(nodes, new, heads, plan[6]):
            cursor[DEEPEST] = max(cursor[DEEPEST], nodes[new, LEVEL])
            cursor[COUNT] += 1
            at = new


@njit
def more(nodes: Array, heads: Array, cursor: Array, widths: Array) -> tuple[Array, Array]:
    """Twice as many rows, chained anew into twice as many heads."""
    grown = np.empty((2 * len(nodes), nodes.shape[1]), np.int64)
    grown[: len(nodes)] = nodes
    wider = np.full(2 * len(heads), NONE, np.int64)
    for row in range(cursor[COUNT]):
        remember(grown, row, wider, widths)
    return grown, wider


@njit
def begin(plan: Plan, first: int, rows: int) -> tuple[Array, Array, Array]:
    """The first configuration, room for `rows` (a power of two), and the cursor."""
    nodes = np.empty((rows, FIELDS + plan[6].sum()), np.int64)
    nodes[0] = 0
    nodes[0, STATE] = first
    nodes[0, BEFORE] = nodes[0, PARENT] = nodes[0, TAKEN] = NONE
    cursor = np.zeros(CURSORS, np.int64)
    cursor[CURRENT] = NONE
    return nodes, np.full(rows, NONE, np.int64), cursor


@njit
def judge(  # noqa: PLR0917 columns
    starts: Array, ends: Array, kinds: Array, cells: Array, crashed: Array, first: int
) -> tuple[int, Array, Array, Plan]:
    """One partition of a register or mutex from beginning to end: status, rows, cursor, plan."""
    observes = (cells[:, 0] == READ) | (cells[:, 0] == DIFFERS)
    plan = lay_out(starts, ends, kinds, observes, crashed)
    nodes, heads, cursor = begin(plan, first, 256)
    table = np.zeros((0, 0), np.int64)
    while True:
        status = search(nodes, heads, cursor, plan, cells, table)
        if status != GROW:
            return status, nodes, cursor, plan
        nodes, heads = more(nodes, heads, cursor, plan[6])
