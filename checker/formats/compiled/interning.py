"""The pool of the compiled reader: each different text once.

The hash table holds in each slot the number of a text plus one, and above it a tag: 32 bits of its hash, of
which the lowest give the first slot to look at.  So a table can be made larger without a look at the texts,
and a slot of another text is nearly always told by its tag alone.
"""

from checker.formats.compiled.desk import MASK, OFFSETS, POOL, SLOTS, UNIQUE, USED
from checker.formats.compiled.token import low
from checker.formats.compiled.word import WORD_BYTES, byte, put_byte, put_word, word
from checker.kernel import njit_uncounted as njit

FACTOR = 0x9E3779B97F4A7C15 - (1 << 64)
LOW = 0xFFFFFFFF


@njit
def hashed(begin: int, stop: int) -> int:
    """A hash of bytes."""
    code = (stop - begin) * FACTOR
    while stop - begin >= WORD_BYTES:
        code = (code ^ word(begin)) * FACTOR
        code ^= (code >> 32) & LOW
        begin += WORD_BYTES
    if begin < stop:
        code = (code ^ low(word(begin), stop - begin)) * FACTOR
        code ^= (code >> 32) & LOW
    return code * FACTOR


@njit
def same(at: int, begin: int, stop: int) -> bool:
    """Are the bytes from `begin` to `stop` those at a place?"""
    while stop - begin >= WORD_BYTES:
        if word(at) != word(begin):
            return False
        at, begin = at + WORD_BYTES, begin + WORD_BYTES
    return low(word(at) ^ word(begin), stop - begin) == 0


@njit
def copied(begin: int, stop: int, at: int) -> int:
    """Write these bytes at a place, and up to seven that do not matter behind them; the place after them."""
    end = at + stop - begin
    while at < end:
        put_word(at, word(begin))
        at, begin = at + WORD_BYTES, begin + WORD_BYTES
    return end


@njit
def free(desk: int) -> int:
    """Where the next text of the pool would go, behind its mark: values are transcribed to here."""
    return word(desk + 8 * POOL) + word(desk + 8 * USED) + 1


@njit
def interned(desk: int, begin: int, stop: int, mark: int) -> int:
    """The number of this text, which is put at the end of the pool if it is new. It may be there already."""
    tag = ((hashed(begin, stop) ^ mark) >> 32) & LOW
    pool, offsets = word(desk + 8 * POOL), word(desk + 8 * OFFSETS)
    slots, mask = word(desk + 8 * SLOTS), word(desk + 8 * MASK)
    slot = tag & mask
    held = word(slots + 8 * slot)
    while held != 0:
        if (held >> 32) & LOW == tag:
            known = offsets + 8 * ((held & LOW) - 1)
            at = pool + word(known)
            is_like = word(known + 8) - word(known) == stop - begin + 1 and byte(at) == mark
            if is_like and same(at + 1, begin, stop):
                return (held & LOW) - 1
        slot = (slot + 1) & mask
        held = word(slots + 8 * slot)
    number, at = word(desk + 8 * UNIQUE), pool + word(desk + 8 * USED)
    put_word(slots + 8 * slot, (tag << 32) | (number + 1))
    put_byte(at, mark)
    used = copied(begin, stop, at + 1) - pool
    put_word(offsets + 8 * (number + 1), used)
    put_word(desk + 8 * USED, used)
    put_word(desk + 8 * UNIQUE, number + 1)
    return number


@njit
def moved(slots: int, count: int, target: int, mask: int) -> None:
    """Enter what one hash table holds into a larger one."""
    for i in range(count):
        held = word(slots + 8 * i)
        if held != 0:
            slot = (held >> 32) & LOW & mask
            while word(target + 8 * slot) != 0:
                slot = (slot + 1) & mask
            put_word(target + 8 * slot, held)
