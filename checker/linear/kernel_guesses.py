"""The compiled search: where to go on. Nothing here decides an answer, only how soon there is one.

Depth first goes back to the last choice, but a dead end is seldom its fault: the call that fits nowhere
lacks a value that it could have met, or that was used up, some tens of calls ago, and every order of the
calls since then leads to the same dead end.  A row that has no successors at all therefore makes *guesses*:
successors of rows further up that might help its due call.  And where the search gets no further for long, it
*jumps*: it goes on with some row further up, more seldom each time.  Every row stays on its way (RESUME), so
whatever a guess leaves out comes later: the search remains complete.
"""

from typing import Any

import numpy as np

from checker.kernel import njit, njit_inlined, njit_uncounted
from checker.linear.kernel_moments import extent, moments_of
from checker.linear.kernel_presence import absent
from checker.linear.kernel_schedule import (
    CALL,
    CAS,
    CLASS,
    READ,
    UNKNOWN,
    WRITE,
    Plan,
    fill,
    frame,
    traits_of,
)
from checker.linear.kernel_search import (
    ABOVE,
    BEFORE,
    BELOW,
    FIELDS,
    KIDS,
    LEVEL,
    NONE,
    PARENT,
    PLACE,
    RESUME,
    STATE,
    TAKEN,
    copy_row,
    remember,
    settle,
    successor,
    take,
)

COUNT, CURRENT, DEEPEST, NEED_STATE, NEED_CLASS, UNSETTLED, JUMP_AT, STRIDE, DICE = range(9)
FURTHEST, TIRED, CURSORS = range(9, 12)
"""The fields of the cursor. DEEPEST is the deepest level so far, FURTHEST the first row there; after so many
rows more as TIRED says the search stops as if it had no more."""

LINEAR, STUCK, GROW, NEED = range(4)

CHILDLESS = 2
"""In KIDS: all successors were tried, and none was new. 0 and 1: there was none yet, and one."""

REACH = 30
"""A guess goes back so many rows."""

NEVER = 1 << 62
"""In TIRED: the search stops only when the rows are used up."""

PATIENCE = 1000
"""The search jumps when so many rows have not brought it further."""

Array = Any


@njit_inlined
def makes(kind: int, value: int, plan: Plan) -> bool:
    """Does a class store this value?"""
    what, a, b = plan.cells[kind, 0], plan.cells[kind, 1], plan.cells[kind, 2]
    return bool((what == WRITE and a == value) or (what == CAS and b == value))


@njit_uncounted
def guess(nodes: Array, leaf: int, new: int, plan: Plan) -> int:
    """Write into row `new` a successor of a row above `leaf` that may help its due call: 1, or 0 for none."""
    due = plan.entries[plan.offsets[nodes[leaf, LEVEL]], CALL]
    due_kind = plan.kinds[due]
    if plan.cells[due_kind, 0] not in (READ, CAS):
        return 0
    need = plan.cells[due_kind, 1]
    at, below = nodes[leaf, ABOVE], nodes[leaf, BELOW]
    while at != NONE and nodes[leaf, PLACE] >= 0:
        state, level = nodes[at, STATE], nodes[at, LEVEL]
        first, last = plan.offsets[level], plan.offsets[level + 1]
        steps, position = divmod(nodes[leaf, PLACE], 1 << 32)
        if plan.starts[due] < plan.ends[plan.entries[first, CALL]]:
            while position < last - first:
                call, kind = plan.entries[first + position, CALL], plan.entries[first + position, CLASS]
                position += 1
                possible = plan.cells[kind, 0] == WRITE or plan.cells[kind, 1] == state
                if possible and (call == due or makes(kind, need, plan)):
                    nodes[leaf, PLACE] = (steps << 32) + position
                    if take(nodes, at, new, position - 1, plan) == 1:
                        return 1
        taken = nodes[below, TAKEN]
        used_up = taken != NONE and makes(plan.kinds[taken], need, plan)
        used_up = used_up and plan.ends[taken] > plan.starts[due]
        # What else could have been done there?
        if used_up and nodes[at, KIDS] != CHILDLESS and successor(nodes, at, new, plan) == 1:
            return 1
        below, at = at, nodes[at, PARENT]
        nodes[leaf, BELOW], nodes[leaf, ABOVE] = below, at
        nodes[leaf, PLACE] = (steps + 1) << 32 if steps < REACH else -1
    return 0


@njit_uncounted
def jump(nodes: Array, at: int, new: int, cursor: Array, plan: Plan) -> int:
    """Write into row `new` a successor of some row above row `at`: 1, or 0 where there is none."""
    cursor[STRIDE] = cursor[STRIDE] * 3 // 2
    cursor[JUMP_AT] = new + cursor[STRIDE]
    cursor[DICE] = (cursor[DICE] * 1103515245 + 12345) & 0x7FFFFFFF
    level = nodes[at, LEVEL]
    far = (cursor[DICE] >> 12) % (2 * (plan.offsets[level + 1] - plan.offsets[level]))
    while far > 0 and at != NONE:
        at = nodes[at, PARENT]
        far -= 1
    if at == NONE or nodes[at, KIDS] == CHILDLESS:
        return 0
    return int(successor(nodes, at, new, plan) == 1)


@njit_inlined
def go_on(nodes: Array, at: int, new: int, cursor: Array, plan: Plan) -> int:
    """Write the row to be tried after row `at` into row `new`: 1, or 0 for none, or UNKNOWN."""
    found = 0
    if new >= cursor[JUMP_AT]:
        found = jump(nodes, at, new, cursor, plan)
    if found == 0 and nodes[at, KIDS] != CHILDLESS:
        found = successor(nodes, at, new, plan)
        if found == 0 and nodes[at, KIDS] == 0:
            nodes[at, KIDS], nodes[at, PLACE] = CHILDLESS, 0
            nodes[at, BELOW], nodes[at, ABOVE] = at, nodes[at, PARENT]
    if found == 0 and nodes[at, KIDS] == CHILDLESS:
        found = guess(nodes, at, new, plan)
    return found


@njit_uncounted
def search(nodes: Array, heads: Array, cursor: Array, plan: Plan) -> int:
    """Go on from where `cursor` stands: LINEAR, STUCK, GROW (the rows are used up) or NEED (a step)."""
    at, levels = cursor[CURRENT], len(plan.offsets) - 1
    while True:
        new = cursor[COUNT]
        cursor[CURRENT] = at
        if new == len(nodes) or new > cursor[FURTHEST] + cursor[TIRED]:
            return GROW
        if at != NONE and not cursor[UNSETTLED]:
            found = go_on(nodes, at, new, cursor, plan)
            if found == 0:
                at = nodes[at, RESUME]
                if at == NONE:
                    return STUCK
                continue
            if found == UNKNOWN:
                cursor[NEED_STATE], cursor[NEED_CLASS] = nodes[new, STATE], nodes[new, TAKEN]
                return NEED
            nodes[new, RESUME], nodes[new, KIDS] = at, 0
        missing = settle(nodes, new, plan)
        if missing != NONE:
            cursor[UNSETTLED] = 1
            cursor[NEED_STATE], cursor[NEED_CLASS] = nodes[new, STATE], missing
            return NEED
        cursor[UNSETTLED] = 0
        if nodes[new, LEVEL] == levels:
            cursor[DEEPEST], cursor[FURTHEST] = levels, new
            return LINEAR
        if remember(nodes, new, heads, plan):
            if at != NONE:
                nodes[at, KIDS] = max(nodes[at, KIDS], 1)
            if nodes[new, LEVEL] > cursor[DEEPEST]:
                cursor[DEEPEST], cursor[FURTHEST] = nodes[new, LEVEL], new
                cursor[STRIDE], cursor[JUMP_AT] = PATIENCE, new + PATIENCE
            cursor[COUNT] += 1
            at = new
        elif at == NONE:
            return STUCK


@njit
def room(plan: Plan, rows: int) -> tuple[Array, Array]:
    """Room for so many rows (a power of two), and the heads of their chains."""
    nodes = np.empty((rows, FIELDS + 2 * plan.soft.shape[1] + len(plan.guards)), np.int64)
    return nodes, np.full(len(plan.offsets) + rows, np.int32(NONE), np.int32)


@njit
def rows_for(levels: int, rows_max: int) -> int:
    """So many rows take a search to its end that goes straight on."""
    rows = 256
    while rows < min(levels, rows_max):
        rows *= 2
    return rows


@njit
def begin(nodes: Array, first: int) -> Array:
    """Write the first configuration; the cursor."""
    nodes[0] = 0
    nodes[0, STATE] = first
    nodes[0, BEFORE] = NONE
    cursor = np.zeros(CURSORS, np.int64)
    begin_at(nodes, 0, NEVER, cursor)
    return cursor


@njit
def begin_at(nodes: Array, at: int, tired: int, cursor: Array) -> None:
    """The configuration of row `at` becomes the first one, at level 0. Only the dice are not set back."""
    copy_row(nodes, at, 0)
    nodes[0, LEVEL] = nodes[0, KIDS] = 0
    nodes[0, PARENT] = nodes[0, RESUME] = nodes[0, TAKEN] = NONE
    cursor[COUNT] = cursor[UNSETTLED] = cursor[FURTHEST] = 0
    cursor[CURRENT] = cursor[DEEPEST] = NONE
    cursor[STRIDE] = cursor[JUMP_AT] = PATIENCE
    cursor[TIRED] = tired


@njit
def root(nodes: Array, end: int, levels: int) -> int:
    """The last row on the way to row `end` that is so many levels above it, or the first of all."""
    row, limit = end, max(nodes[end, LEVEL] - levels, 0)
    while row > 0 and nodes[row, LEVEL] > limit:
        row = nodes[row, PARENT]
    return int(row)


@njit
def move(nodes: Array, grown: Array, wider: Array, count: int, plan: Plan) -> None:
    """Take so many rows to where there is more room, and chain them anew."""
    for row in range(count):
        # Field by field: an assignment of rows would compile what is to be said of shapes that do not match.
        for field in range(nodes.shape[1]):
            grown[row, field] = nodes[row, field]
        remember(grown, row, wider, plan)


@njit
def run(plan: Plan, first: int) -> int:
    """Search where no step has to be looked up: LINEAR or STUCK."""
    levels = len(plan.offsets) - 1
    nodes, heads = room(plan, rows_for(levels, levels))
    cursor = begin(nodes, first)
    while True:
        status = search(nodes, heads, cursor, plan)
        if status != GROW:
            return status
        grown, heads = room(plan, 2 * len(nodes))
        move(nodes, grown, heads, cursor[COUNT], plan)
        nodes = grown


@njit
def judge(times: tuple[Array, Array], kinds: Array, crashed: Array, cells: Array, first: int) -> bool:
    """Is one partition of a register or mutex linearizable? `times` are starts and ends."""
    moments = moments_of(times, crashed)
    if absent(moments, times, kinds, cells, first, np.empty(len(kinds), np.int32)) != NONE:
        return False
    size = extent(times[0], crashed, moments)
    plan = frame(size, times, kinds, crashed, cells, traits_of(cells))
    fill(moments, crashed, size[2], plan)
    return run(plan, first) == LINEAR
