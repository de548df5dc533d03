"""The compiled search of a long history, piece by piece, in memory that is used again and stays warm.

A piece is some thousand levels.  Its search begins with one configuration of the piece before and ends where
the piece does; the next one begins some levels earlier (OVERLAP), so that the choices there are open again.
What goes on like this to the last call is an order of all of them.

A piece that gets no further for long (TIRED) is given up: the next one begins further up, and tries the calls
before the dead end in another order.  Nearly every dead end is left soon that way, where going on could take
millions of rows.  A piece without a way to its end, or many in a row that come no further, prove nothing:
another way through those before them might have led on.  Then the whole has to be searched.

Needs numpy and numba.
"""

import inspect
from typing import Any

from checker.linear import kernel_guesses as guesses
from checker.linear import kernel_schedule as kernel
from checker.linear.kernel_moments import extent
from checker.linear.kernel_search import LEVEL, NONE

Array = Any

LEVELS = 1 << 14
"""Levels of a piece, at most."""

OVERLAP = 256
"""Levels that a piece has in common with the one before it. Dead ends come from some 100 levels above."""

ENTRIES = 1 << 19
"""Entries of a piece; more where so many calls are open at once that it would not hold some overlaps."""

TIRED = 1 << 12
"""So many rows without progress end a piece early."""

TRIES = 4
"""After so many pieces that came no further there are twice as many rows ..."""

TRIES_MAX = 32
"""... and after so many it is the whole that is searched."""


def has_order(  # noqa: PLR0917 the columns
    moments: Array, times: tuple[Array, Array], kinds: Array, crashed: Array, cells: Array, first: int
) -> bool:
    """Is there an order of all calls of a register or mutex? False: none was found this way."""
    _, _, widest = extent(times[0], crashed, moments)
    size = LEVELS, max(ENTRIES, 8 * OVERLAP * widest), widest
    plan = inspect.unwrap(kernel.frame)(size, times, kinds, crashed, cells, kernel.traits_of(cells))
    sweep = kernel.begin(times, crashed, widest)
    nodes, heads = guesses.room(plan, 4 * LEVELS)
    cursor = guesses.begin(nodes, first)
    cursor[guesses.TIRED] = TIRED
    levels = passed = furthest = tries = 0
    while True:
        known, levels = levels, kernel.open_calls(moments, crashed, sweep, plan, levels)
        kernel.masks(plan, known, levels)
        status = _search(nodes, heads, cursor, _cut(plan, levels))
        if status == guesses.LINEAR and sweep.place[0] == len(moments):
            return True
        deepest = int(cursor[guesses.DEEPEST])
        tries = 0 if passed + deepest > furthest else tries + 1
        if status == guesses.STUCK or tries > TRIES_MAX:
            return False
        furthest = max(furthest, passed + deepest)
        level = _begin_anew(nodes, cursor, status, TIRED << tries // TRIES)
        kernel.drop(plan, level, levels)
        passed, levels, deepest = passed + level, levels - level, deepest - level
        if status == guesses.GROW:
            kernel.shuffle(plan, max(0, deepest - OVERLAP), deepest + 1, _thrown(cursor))
        if 4 * cursor[guesses.TIRED] > len(nodes):
            before, (nodes, heads) = nodes, guesses.room(plan, 2 * len(nodes))
            nodes[0] = before[0]


def _begin_anew(nodes: Array, cursor: Array, status: int, tired: int) -> int:
    """Begin with a configuration on the way to the furthest one; the level where it was."""
    end = int(cursor[guesses.FURTHEST])
    at = guesses.root(nodes, end, OVERLAP if status == guesses.LINEAR else 2 * OVERLAP)
    if status == guesses.LINEAR and not nodes[at, LEVEL]:
        at = end  # One row leads over all of it: there was nothing to choose.
    level = int(nodes[at, LEVEL])
    guesses.begin_at(nodes, at, tired, cursor)
    return level


def _thrown(cursor: Array) -> int:
    """The dice, thrown anew."""
    cursor[guesses.DICE] = (int(cursor[guesses.DICE]) * 1103515245 + 12345) & 0x7FFFFFFF
    return int(cursor[guesses.DICE])


def _cut(plan: kernel.Plan, levels: int) -> kernel.Plan:
    """The first levels of the plan."""
    return plan._replace(
        entries=plan.entries[: plan.offsets[levels]],
        offsets=plan.offsets[: levels + 1],
        soft=plan.soft[:levels],
        hard=plan.hard[:levels],
    )


def _search(nodes: Array, heads: Array, cursor: Array, plan: kernel.Plan) -> int:
    """Search as far as the rows go."""
    # The part that is hashed has as many places as there are rows, a power of two.
    heads = heads[: len(plan.offsets) + len(nodes)]
    heads[:] = NONE
    return int(guesses.search(nodes, heads, cursor, plan))
