"""Values that are pairs of a key and a value, taken apart: what an independent history is made of."""

from checker.formats.compiled.desk import ARRAY, INT, MARK_JSON, NIL, OFFSETS, POOL, POOLED
from checker.formats.compiled.edn_value import quoted
from checker.formats.compiled.interning import free, interned
from checker.formats.compiled.json_value import value_end
from checker.formats.compiled.token import CLASS, DIGIT, integer_at, string_end
from checker.formats.compiled.word import byte, put_word, word
from checker.kernel import njit_uncounted as njit

WHOLE, ODD_KEY = -1, -2
"""In place of a key: the value is no pair, or one whose parts this module does not know."""
PAIR = 4
"""So many numbers for each value: its place in the pool, the place of the key, and the cell of the value."""


@njit
def key_of(desk: int, at: int, stop: int) -> int:
    """The place of a key as text, ODD_KEY for one that is neither a plain string nor an integer."""
    c = byte(at)
    if c == 34:
        return interned(desk, at, stop, MARK_JSON) if string_end(at, True) == stop else ODD_KEY
    if integer_at(at)[1] != stop or (c == 45 and byte(at + 1) == 48):
        return ODD_KEY
    begin = free(desk)
    return interned(desk, begin, quoted(at, stop, begin), MARK_JSON)


@njit
def parted(desk: int, at: int, stop: int, pair: int) -> None:
    """Take apart the value from `at` to `stop`: write the key and the cell of the value."""
    put_word(pair + 8, WHOLE)
    if byte(at) != 91 or byte(at + 1) == 93:
        return
    comma = value_end(at + 1, stop, ARRAY)[0]
    if byte(comma) != 44:
        return
    begin = comma + 1
    end = value_end(begin, stop, ARRAY)[0]
    if end + 1 != stop:
        return
    key, c = key_of(desk, at + 1, comma), byte(begin)
    if c == 34 and string_end(begin, True) != end:
        key = ODD_KEY
    put_word(pair + 8, key)
    if key < 0:
        return
    kind, number = NIL, 0
    if c != 110:
        number, after = integer_at(begin) if c == 45 or CLASS[c] & DIGIT else (0, -1)
        kind = INT
        if after != end:
            kind, number = POOLED, interned(desk, begin, end, MARK_JSON)
    put_word(pair + 16, kind)
    put_word(pair + 24, number)


@njit
def part(desk: int, pairs: int, count: int) -> None:
    """Take apart the values whose places are the first number of each of these pairs."""
    pool, offsets = word(desk + 8 * POOL), word(desk + 8 * OFFSETS)
    for i in range(count):
        pair = pairs + 8 * PAIR * i
        ends = offsets + 8 * word(pair)
        parted(desk, pool + word(ends) + 1, pool + word(ends + 8), pair)
