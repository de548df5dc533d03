"""Which of a few nodes come before which: a relation that is closed while it grows, and can be taken back.

What comes after a node, and what comes before it, is a row of bits.  A row is made of words, of as many bits
as the engine calculates with at once (`engine.py`): interpreted, it is nearly always one long integer.
Rows that will be wanted back are kept on a trail, each once between two marks.

Kernels (`engine.py`).  Cost of `add`: a row for each node that learns something.
"""

from typing import NamedTuple

from checker.isolation.columns import Ints
from checker.isolation.engine import Engine

USED, MARK = 0, 1
"""How far the trail is filled; the place on it from which on it holds what is wanted back first."""

NEVER = -1
"""The mark while nothing will be wanted back: no place is before it."""


class Closure(NamedTuple):
    """Nodes n from 0; a row of them is `words` words of `bits` bits.

    `rows`: row n has the nodes that come after n, row nodes + n those that come before it; the last one all.
    `news`: two rows, of the nodes of which the one or the other has grown, and nobody has looked at yet; in
    each word only the bits `looked_at` count. A last word is 1 until somebody has looked at the row of all.
    `masks`: four rows to work with.  `number` [bit % its length]: the number of a bit.
    `trail`: rows as they were; `trail_row` [place]: which; `kept` [row]: its last place on the trail (-1:
    none); `trail_kept` [place]: the one before that.  `at` [USED, MARK].
    """

    rows: Ints
    news: Ints
    masks: Ints
    number: Ints
    trail: Ints
    trail_row: Ints
    trail_kept: Ints
    kept: Ints
    at: Ints
    nodes: int
    words: int
    bits: int
    looked_at: int


def unrelated(nodes: int, width: int, engine: Engine) -> Closure:
    """No node comes before another. Of every `width` nodes the first one is looked at. Nothing is wanted
    back."""
    words = max(1, -(-nodes // engine.bits))
    closure = Closure(
        rows=engine.words((2 * nodes + 1) * words),
        news=engine.words(2 * words + 1),
        masks=engine.words(4 * words),
        number=engine.bit_numbers(),
        trail=engine.words(0),
        trail_row=engine.vector(0),
        trail_kept=engine.vector(0),
        kept=engine.vector(2 * nodes, -1),
        at=engine.words(2),
        nodes=nodes,
        words=words,
        bits=engine.bits,
        looked_at=((1 << engine.bits) - 1) // (2 * width - 1),
    )
    for w in range(words):
        closure.rows[2 * nodes * words + w] = (1 << engine.bits) - 1
    closure.news[2 * words], closure.at[MARK] = 1, NEVER
    return closure


def copied(known: Closure, engine: Engine) -> Closure:
    """The same, to grow by itself. Nothing is wanted back yet."""
    copy = known._replace(
        rows=engine.part(known.rows, 0, len(known.rows)),
        news=engine.part(known.news, 0, len(known.news)),
        kept=engine.vector(2 * known.nodes, -1),
        at=engine.words(2),
    )
    copy.at[MARK] = NEVER
    return copy


def with_room(closure: Closure, engine: Engine) -> Closure:
    """The same, with room on the trail for all rows twice, and as many as there are."""
    used = int(closure.at[USED])
    trail_row = engine.grown(closure.trail_row, used, used + 4 * closure.nodes)
    places = len(trail_row)
    return closure._replace(
        trail=engine.grown(closure.trail, used * closure.words, (places - used) * closure.words),
        trail_row=trail_row,
        trail_kept=engine.grown(closure.trail_kept, used, places - used),
    )


# --- kernels ---------------------------------------------------------------------------------------


def has_room(closure: Closure) -> bool:
    """Can all rows be kept?"""
    return bool(closure.at[USED] + 2 * closure.nodes <= len(closure.trail_row))


def add(closure: Closure, source: int, target: int) -> bool:
    """The source is before the target. False if it is known to be after it."""
    rows, masks, words, bits = closure.rows, closure.masks, closure.words, closure.bits
    after, before = source * words, (closure.nodes + target) * words
    further, earlier = target * words, (closure.nodes + source) * words
    if rows[after + target // bits] >> target % bits & 1:
        return True
    if source == target or rows[further + source // bits] >> source % bits & 1:
        return False
    for w in range(words):
        late, early = rows[further + w], rows[earlier + w]
        if w == target // bits:
            late |= 1 << target % bits
        if w == source // bits:
            early |= 1 << source % bits
        # Who is before the target already has all behind it, too.
        masks[w], masks[words + w] = late, early & ~rows[before + w]
        masks[2 * words + w], masks[3 * words + w] = early, late & ~rows[after + w]
    for side in range(2):
        spread(closure, side)
    return True


def spread(closure: Closure, side: int) -> None:
    """Put one mask into the rows of all nodes of the next one. `side`: 0 what comes after, 1 before."""
    words, masks, number = closure.words, closure.masks, closure.number
    more = 2 * side * words
    for w in range(words):
        left = masks[more + words + w]
        closure.news[side * words + w] |= left & closure.looked_at
        while left:
            low = left & -left
            left ^= low
            row = side * closure.nodes + w * closure.bits + number[low % len(number)]
            keep(closure, row)
            for v in range(words):
                closure.rows[row * words + v] |= masks[more + v]


def keep(closure: Closure, row: int) -> None:
    """Put a row on the trail, unless it is on it since the mark."""
    at, words = closure.at, closure.words
    if closure.kept[row] < at[MARK]:
        used = at[USED]
        closure.trail_row[used], closure.trail_kept[used] = row, closure.kept[row]
        for w in range(words):
            closure.trail[used * words + w] = closure.rows[row * words + w]
        closure.kept[row] = used
        at[USED] = used + 1


def go_back(closure: Closure, mark: int) -> None:
    """Let all rows be what they were when this much of the trail was used. Nothing is news."""
    at, words = closure.at, closure.words
    while at[USED] > mark:
        at[USED] -= 1
        used = at[USED]
        row = closure.trail_row[used]
        closure.kept[row] = closure.trail_kept[used]
        for w in range(words):
            closure.rows[row * words + w] = closure.trail[used * words + w]
    for w in range(len(closure.news)):
        closure.news[w] = 0
