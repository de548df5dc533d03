"""The general search, compiled: configurations, their successors, and which have been tried.

The rules of `search.py`, and three that make a difference where many calls are open at once. They are about
calls that *overwrite* (always possible, and to the same effect), and about what may have come before them:

  covering    when one that overwrites is taken, every other one that is open may have come just before it,
              without a trace; so may one that stores what is there already.  It is *done*: it may pass its
              return.  It may still be taken, like a crashed call, as long as it is open.
  hiding      one call that is possible in the state that is overwritten may have come last in it: the same
  expiry      at the return of a call that is done and not taken there are two ways: with and without it

A configuration is therefore a row with two masks: the calls that are done, and those that are spent.  One row
dominates another if its calls are done where those of the other are, and spent only where those of the other
are.

A row is int64: the fields named below, the words of the done mask, those of the spent mask, and those of the
crashed calls: how many of each class are used, each count in bits of its own with a guard bit above it, so
that one subtraction compares all counts of a word.  Rows are never moved, so the table of what was tried is
the rows themselves, in chains.

PARENT is the row that a row continues, RESUME the one to go on with when it is exhausted.  Mostly they are
the same.  They differ after a guess (`kernel_guesses.py`), which continues a row further up.

The model is a table: `cells` has (what, a, b) per class for registers and mutexes, and for any other model
`table[state, a]`, filled on demand: the search stops with NEED, Python computes the one step that is missing,
and the search goes on where it stood.
"""

from typing import Any

import numpy as np

from checker.kernel import njit_inlined, njit_uncounted
from checker.linear.kernel_schedule import (
    BITS,
    CALL,
    CAS,
    CLASS,
    DIFFERS,
    FIRST,
    KIND,
    NO,
    OBSERVES,
    OVERWRITES,
    READ,
    SHIFT,
    SLOT,
    UNKNOWN,
    WORD,
    WRITE,
    Plan,
)

LEVEL, STATE, BEFORE, PARENT, RESUME, TAKEN, NEXT, CHAIN, KIDS, ABOVE, BELOW, PLACE, FIELDS = range(13)
"""The fields of a row. NEXT is the successor to try next: USE or PASS, or a position among the open calls
and, after them, the crashed classes. KIDS, ABOVE, BELOW and PLACE are of `kernel_guesses.py`."""

USE, PASS = -2, -1
NONE, OVERWRITER = -1, -2
"""No row, no call, nothing in front; and in BEFORE: a call that overwrites and had to be placed."""

CHAINED = 6
"""So many rows of a level are found without hashing."""

Array = Any


@njit_inlined
def step(state: int, kind: int, plan: Plan) -> int:
    """The state afterwards, NO, or UNKNOWN (the table has to be filled in there)."""
    what, a, b = plan.cells[kind, 0], plan.cells[kind, 1], plan.cells[kind, 2]
    if what == READ:
        return state if state == a else NO
    if what == WRITE:
        return int(a)
    if what == CAS:
        return int(b) if state == a else NO
    if what == DIFFERS:
        return state if state != a else NO
    return int(plan.table[state, a])


@njit_inlined
def idle(before: int, after: int, kind: int, plan: Plan) -> int:
    """Would a call have had the same effect without the one in front of it? 1, 0, or UNKNOWN."""
    if before == NONE:
        return 0
    if before == OVERWRITER:
        return 1 if plan.traits[kind] & OVERWRITES else 0
    without = step(before, kind, plan)
    return UNKNOWN if without == UNKNOWN else int(without == after)


@njit_inlined
def pending(nodes: Array, at: int, plan: Plan) -> bool:
    """Is there an open call that overwrites and is not done?"""
    level = nodes[at, LEVEL]
    found = False
    for word in range(plan.soft.shape[1]):
        found = found or plan.soft[level, word] & ~nodes[at, FIELDS + word] != 0
    return found


@njit_inlined
def has_rival(  # noqa: PLR0917 one kernel
    nodes: Array, at: int, position: int, kind: int, optional: bool, plan: Plan
) -> bool:
    """Is there a call of the same class that ends earlier and had better be taken?"""
    words, first = plan.soft.shape[1], plan.offsets[nodes[at, LEVEL]]
    optional = optional or plan.traits[kind] & OVERWRITES != 0
    for entry in range(first, first + position):
        if plan.entries[entry, CLASS] == kind:
            slot = plan.entries[entry, SLOT]
            word, bit = FIELDS + (slot >> 6), np.int64(1) << (slot & 63)
            if not nodes[at, word + words] & bit and (optional or not nodes[at, word] & bit):
                return True
    return False


@njit_inlined
def copy_row(nodes: Array, at: int, new: int) -> None:
    """Row `new` becomes what row `at` is. (An assignment of rows would look for overlaps first.)"""
    for field in range(nodes.shape[1]):
        nodes[new, field] = nodes[at, field]


@njit_inlined
def hide(nodes: Array, at: int, new: int, plan: Plan) -> bool:
    """The open call that needs the state which row `new` overwrites may have come just before: it is done."""
    level, state = nodes[at, LEVEL], nodes[at, STATE]
    for entry in range(plan.offsets[level], plan.offsets[level + 1]):
        kind, slot = plan.entries[entry, CLASS], plan.entries[entry, SLOT]
        done = nodes[new, FIELDS + (slot >> 6)] >> (slot & 63) & 1
        if plan.cells[kind, 0] == CAS and plan.cells[kind, 1] == state and not done:
            nodes[new, FIELDS + (slot >> 6)] |= np.int64(1) << (slot & 63)
            return True
    return False


@njit_inlined
def take(  # noqa: PLR0912 one kernel
    nodes: Array, at: int, new: int, position: int, plan: Plan
) -> int:
    """Row `new` continues row `at` with the call at that position: 1, 0 where it may not, or UNKNOWN."""
    level, state, words = nodes[at, LEVEL], nodes[at, STATE], plan.soft.shape[1]
    first, count = plan.offsets[level], plan.offsets[level + 1] - plan.offsets[level]
    if position < count:
        entry = first + position
        call, kind, slot = plan.entries[entry, CALL], plan.entries[entry, CLASS], plan.entries[entry, SLOT]
        word, amount = FIELDS + (slot >> 6), np.int64(1) << (slot & 63)
        if plan.traits[kind] & OBSERVES or nodes[at, word + words] & amount:
            return 0
        optional = nodes[at, word] & amount != 0
    else:
        group = position - count
        kind, word = plan.crashed[group, KIND], FIELDS + 2 * words + plan.crashed[group, WORD]
        amount = np.int64(1) << plan.crashed[group, SHIFT]
        field = (np.int64(1) << plan.crashed[group, BITS]) - 1
        used = nodes[at, word] >> plan.crashed[group, SHIFT] & field
        index = plan.crashed[group, FIRST] + used
        if index == plan.crashed[group + 1, FIRST]:
            return 0
        call = plan.crash_calls[index]
        if plan.starts[call] > plan.ends[plan.entries[first, CALL]]:
            return 0
        optional = True
    after = step(state, kind, plan)
    if after < 0:
        return after if after == UNKNOWN else 0
    overwrites = plan.traits[kind] & OVERWRITES != 0
    if optional and after == state and not (overwrites and pending(nodes, at, plan)):
        return 0
    useless = idle(nodes[at, BEFORE], after, kind, plan)
    if useless != 0:
        return useless if useless == UNKNOWN else 0
    if has_rival(nodes, at, min(position, count), kind, optional, plan):
        return 0
    copy_row(nodes, at, new)
    nodes[new, PARENT], nodes[new, STATE], nodes[new, TAKEN] = at, after, call
    nodes[new, BEFORE] = state if optional else OVERWRITER if overwrites else NONE
    if overwrites and hide(nodes, at, new, plan):
        nodes[new, BEFORE] = OVERWRITER
    if position < count:
        nodes[new, word] |= amount
        nodes[new, word + words] |= amount
    else:
        nodes[new, word] += amount
    if overwrites and pending(nodes, new, plan):
        nodes[new, BEFORE] = OVERWRITER
        for one in range(words):
            nodes[new, FIELDS + one] |= plan.soft[level, one]
    return 1


@njit_uncounted
def missing_step(nodes: Array, at: int, new: int, position: int, plan: Plan) -> None:
    """Row `new` says which step `take` lacked: from the state of row `at`, or from the one before it."""
    first, count = plan.offsets[nodes[at, LEVEL]], plan.offsets[nodes[at, LEVEL] + 1]
    count -= first
    kind = plan.entries[first + position, CLASS] if position < count else plan.crashed[position - count, KIND]
    nodes[new, TAKEN] = kind
    nodes[new, STATE] = nodes[at, STATE]
    if step(nodes[at, STATE], kind, plan) != UNKNOWN:
        nodes[new, STATE] = nodes[at, BEFORE]


@njit_uncounted
def successor(nodes: Array, at: int, new: int, plan: Plan) -> int:
    """Write the next successor of row `at` into row `new`; 1, or 0 when there is none, or UNKNOWN."""
    entries, cells = plan.entries, plan.cells
    level, state, words = nodes[at, LEVEL], nodes[at, STATE], plan.soft.shape[1]
    first, count = plan.offsets[level], plan.offsets[level + 1] - plan.offsets[level]
    while nodes[at, NEXT] < count + len(plan.crashed) - 1:
        turn = nodes[at, NEXT]
        nodes[at, NEXT] += 1
        if turn == PASS:
            slot = entries[first, SLOT]
            copy_row(nodes, at, new)
            nodes[new, FIELDS + (slot >> 6)] &= ~(np.int64(1) << (slot & 63))
            nodes[new, PARENT], nodes[new, LEVEL] = at, level + 1
            nodes[new, TAKEN] = nodes[new, BEFORE] = NONE
            return 1
        position = max(turn, 0)
        if position < count:
            # What cannot be taken is nearly everything: see that without a call.
            kind, slot = entries[first + position, CLASS], entries[first + position, SLOT]
            if nodes[at, FIELDS + words + (slot >> 6)] >> (slot & 63) & 1:
                continue
            if cells[kind, 0] == READ or (cells[kind, 0] == CAS and cells[kind, 1] != state):
                continue
        else:
            kind = plan.crashed[position - count, KIND]
            if cells[kind, 0] == CAS and cells[kind, 1] != state:
                continue
        found = take(nodes, at, new, position, plan)
        if found == UNKNOWN:
            nodes[at, NEXT] -= 1
            missing_step(nodes, at, new, position, plan)
        if found != 0:
            return found
    return 0


@njit_inlined
def wanted(nodes: Array, at: int, value: int, plan: Plan) -> bool:
    """Does an open call that is not done wait for this value?"""
    level = nodes[at, LEVEL]
    for entry in range(plan.offsets[level], plan.offsets[level + 1]):
        kind, slot = plan.entries[entry, CLASS], plan.entries[entry, SLOT]
        done = nodes[at, FIELDS + (slot >> 6)] >> (slot & 63) & 1
        if plan.cells[kind, 1] == value and plan.cells[kind, 0] in (READ, CAS) and not done:
            return True
    return False


@njit_inlined
def settle(nodes: Array, new: int, plan: Plan) -> int:
    """Do what is free in row `new`, and pass returns until one is not done: NONE, or a class to step."""
    words, levels = plan.soft.shape[1], len(plan.offsets) - 1
    level, state = nodes[new, LEVEL], nodes[new, STATE]
    nodes[new, NEXT] = 0
    while level < levels:
        first = plan.offsets[level]
        for entry in range(first, plan.offsets[level + 1]):
            kind, slot = plan.entries[entry, CLASS], plan.entries[entry, SLOT]
            if plan.traits[kind] == 0 or nodes[new, FIELDS + (slot >> 6)] >> (slot & 63) & 1:
                continue
            after = step(state, kind, plan)
            if after == UNKNOWN:
                return int(kind)
            if after == state:
                nodes[new, FIELDS + (slot >> 6)] |= np.int64(1) << (slot & 63)
                nodes[new, BEFORE] = NONE
        kind, slot = plan.entries[first, CLASS], plan.entries[first, SLOT]
        word, bit = FIELDS + (slot >> 6), np.int64(1) << (slot & 63)
        if not nodes[new, word] & bit:
            break
        if not plan.traits[kind] & OBSERVES and not nodes[new, word + words] & bit:
            use = plan.cells[kind, 0] == WRITE and wanted(nodes, new, plan.cells[kind, 1], plan)
            nodes[new, NEXT] = USE if use else PASS
            break
        nodes[new, word] &= ~bit
        nodes[new, word + words] &= ~bit
        nodes[new, BEFORE] = NONE
        level += 1
        nodes[new, LEVEL] = level
    return NONE


@njit_inlined
def dominates(nodes: Array, other: int, new: int, plan: Plan) -> bool:
    """Can row `other` do all that row `new` can?"""
    words, guards, level = plan.soft.shape[1], plan.guards, nodes[new, LEVEL]
    if nodes[other, LEVEL] != level or nodes[other, STATE] != nodes[new, STATE]:
        return False
    if nodes[other, BEFORE] != nodes[new, BEFORE]:
        return False
    for word in range(words):
        field = FIELDS + word
        mine, its = nodes[new, field + words], nodes[other, field + words]
        if its & ~mine or nodes[new, field] & ~nodes[other, field]:
            return False
    for word in range(len(guards)):
        field = FIELDS + 2 * words + word
        if ((nodes[new, field] | guards[word]) - nodes[other, field]) & guards[word] != guards[word]:
            return False
    return True


@njit_inlined
def remember(nodes: Array, new: int, heads: Array, plan: Plan) -> bool:
    """Chain row `new` to what was tried, unless a row that dominates it is there already.

    The first rows of a level are a chain of their own (`heads` begins with one place per level), so that a
    search that goes straight on stays in the cache; the others are hashed.
    """
    words, levels = plan.soft.shape[1], len(plan.offsets)
    level, place, length = nodes[new, LEVEL], nodes[new, LEVEL], 0
    other = heads[place]
    while other != NONE:
        if dominates(nodes, other, new, plan):
            return False
        length += 1
        other = nodes[other, CHAIN]
    if length >= CHAINED:
        mixed = nodes[new, STATE] * 8191 + nodes[new, BEFORE]
        for word in range(words):
            mixed ^= nodes[new, FIELDS + words + word] & plan.hard[level, word]
            mixed *= -7046029254386353131
            mixed ^= mixed >> 29
        mixed = (mixed + level) * -7046029254386353131
        place = levels + ((mixed >> 20) & (len(heads) - levels - 1))
        other = heads[place]
        while other != NONE:
            if dominates(nodes, other, new, plan):
                return False
            other = nodes[other, CHAIN]
    nodes[new, CHAIN] = heads[place]
    heads[place] = new
    return True
