"""What a text is made of: blanks, strings, numbers, names.

A function gives the place after what begins at a place, -1 where that is something else.
"""
# ruff: noqa: PLR1714, SIM114 - what a loop is compiled from

import numpy as np

from checker.formats.compiled.desk import EDN, FIELD_NAMES, LINES
from checker.formats.compiled.word import (
    BACKSLASHES,
    BEYOND_NINE,
    BLANKS,
    HIGHS,
    ONES,
    QUOTES,
    WORD_BYTES,
    ZEROS,
    byte,
    first,
    packed,
    word,
)
from checker.kernel import njit_uncounted as njit

DIGITS_MAX = 18
EXPONENT_DIGITS_MAX = 2
"""What may lie beyond the numbers of the machine is odd."""

END, DIGIT, LETTER, SIGN, HEX = 1, 2, 4, 8, 16
NAME = DIGIT | LETTER | SIGN
CLASS = np.zeros(256, dtype=np.uint8)
"""What a byte is: what an atom ends before, or a part of a name."""
for _set, _mark in (
    (b'\0 \t\n\v\f\r,()[]{}";\\', END),
    (b"0123456789", DIGIT | HEX),
    (b"-_?!*+./", SIGN),
    (b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", LETTER),
    (b"abcdefABCDEF", HEX),
):
    for _byte in _set:
        CLASS[_byte] |= _mark

SHORT_ESCAPES = np.zeros(256, dtype=np.bool_)
SHORT_ESCAPES[list(b'"\\bfnrt')] = True
POWERS = 10 ** np.arange(WORD_BYTES + 1, dtype=np.int64)

NULL, TRUE, ALSE, NIL_WORD = packed(b"null"), packed(b"true"), packed(b"alse"), packed(b"nil")
LOW_3, LOW_4 = packed(b"\xff" * 3), packed(b"\xff" * 4)

FIELD_SLOTS = 64
FIELD_WORDS = np.array([packed(name.encode()) for name in FIELD_NAMES], dtype=np.int64)


def _spread() -> tuple[int, np.ndarray[tuple[int], np.dtype[np.int8]]]:
    """An odd factor that sends every field to a slot of its own, and the field in each slot."""
    for factor in range(0x4F1BBCDCBFA53E0B, 1 << 63, 0x10001 << 1):
        slots = [int(name) * factor >> 58 & FIELD_SLOTS - 1 for name in FIELD_WORDS]
        if len(set(slots)) == len(slots):
            fields = np.full(FIELD_SLOTS, -1, dtype=np.int8)
            fields[slots] = np.arange(len(slots))
            return factor, fields
    raise AssertionError("no factor spreads the fields")


FACTOR, FIELD_AT = _spread()


@njit
def field_of(name: int) -> int:
    """The field with that name (its bytes as a word), -1 where there is none."""
    field = int(FIELD_AT[((name * FACTOR) >> 58) & (FIELD_SLOTS - 1)])
    return field if field >= 0 and FIELD_WORDS[field] == name else -1


@njit
def low(w: int, count: int) -> int:
    """The first bytes of a word, fewer than eight; zeros for the others."""
    return w & ((1 << (8 * count)) - 1)


@njit
def skipped(at: int, end: int, notation: int) -> int:
    """The next byte that is neither blank nor in a comment. A line of JSON ends at its newline."""
    while True:
        c = byte(at)
        if c > 32 and c != 44 and c != 59:
            return at
        if c == 59 and notation == EDN:
            while at < end and byte(at) != 10:
                at += 1
        elif c == 32 or c == 9 or c == 13 or (c == 10 and notation != LINES):
            at += 1
        elif notation == EDN and (c == 44 or c == 11 or c == 12):
            at += 1
        else:
            return at


@njit
def string_stop(at: int) -> int:
    """The next quote, backslash, or byte that no string may hold."""
    while True:
        w = word(at)
        q, b = w ^ QUOTES, w ^ BACKSLASHES
        found = (((q - ONES) & ~q) | ((b - ONES) & ~b) | ((w - BLANKS) & ~w)) & HIGHS
        if found != 0:
            return at + first(found)
        at += WORD_BYTES


@njit
def string_end(at: int, canonical: bool) -> int:
    """A string. `canonical`: nothing in it is escaped that need not be, so equal ones are equal texts."""
    at = string_stop(at + 1)
    while True:
        c = byte(at)
        if c == 34:
            return at + 1
        if c != 92:
            return -1
        escape = byte(at + 1)
        if SHORT_ESCAPES[escape] or (escape == 47 and not canonical):
            at = string_stop(at + 2)
        elif escape == 117 and not canonical and is_escape(at + 2):
            at = string_stop(at + 6)
        else:
            return -1


@njit
def is_escape(at: int) -> bool:
    """Four digits of base sixteen that are a character, and not the half of one?"""
    for i in range(4):
        if not CLASS[byte(at + i)] & HEX:
            return False
    return not ((byte(at) | 32) == 100 and byte(at + 1) > 55)


@njit
def number_of(w: int) -> int:
    """The number that eight digits are: pairs, then fours, then all. The word is xored with ZEROS."""
    w = (w & 0x000F000F000F000F) * 10 + ((w >> 8) & 0x000F000F000F000F)
    w = (w & 0x000000FF000000FF) * 100 + ((w >> 16) & 0x000000FF000000FF)
    return (w & 0xFFFF) * 10000 + ((w >> 32) & 0xFFFF)


@njit
def integer_at(at: int) -> tuple[int, int]:
    """An integer, and the place after it."""
    negative = byte(at) == 45
    at += negative
    begin, number, count = at, 0, WORD_BYTES
    while count == WORD_BYTES and at - begin <= DIGITS_MAX:
        w = word(at) ^ ZEROS
        found = ((w + BEYOND_NINE) | w) & HIGHS
        count = first(found) if found != 0 else WORD_BYTES
        if count > 0:
            number = number * int(POWERS[count]) + number_of(w << (8 * (WORD_BYTES - count)))
            at += count
    length = at - begin
    if length == 0 or length > DIGITS_MAX or (length > 1 and byte(begin) == 48):
        return 0, -1
    if not CLASS[byte(at)] & END:
        return 0, -1
    return (-number if negative else number), at


@njit
def digits_end(at: int) -> int:
    """Digits, if any."""
    while CLASS[byte(at)] & DIGIT:
        at += 1
    return at


@njit
def number_end(at: int) -> int:
    """A number in JSON's own spelling, which EDN shares."""
    at += byte(at) == 45
    begin = at
    at = digits_end(at)
    if at == begin or at - begin > DIGITS_MAX or (byte(begin) == 48 and at - begin > 1):
        return -1
    if CLASS[byte(at)] & END:
        return at
    if byte(at) == 46:
        begin = at + 1
        at = digits_end(begin)
        if at == begin:
            return -1
    if (byte(at) | 32) == 101:
        begin = at + 1
        begin += byte(begin) == 43 or byte(begin) == 45
        at = digits_end(begin)
        if at == begin or at - begin > EXPONENT_DIGITS_MAX:
            return -1
    return at if CLASS[byte(at)] & END else -1


@njit
def nil_end(at: int, notation: int) -> int:
    """Nil."""
    stop = -1
    if notation == EDN:
        if word(at) & LOW_3 == NIL_WORD:
            stop = at + 3
    elif word(at) & LOW_4 == NULL:
        stop = at + 4
    return stop if stop > 0 and CLASS[byte(stop)] & END else -1


@njit
def truth_end(at: int) -> int:
    """True or false."""
    stop = -1
    if word(at) & LOW_4 == TRUE:
        stop = at + 4
    elif byte(at) == 102 and word(at + 1) & LOW_4 == ALSE:
        stop = at + 5
    return stop if stop > 0 and CLASS[byte(stop)] & END else -1


@njit
def name_end(at: int) -> int:
    """A name: letters, digits and signs, a letter first."""
    if not CLASS[byte(at)] & LETTER:
        return -1
    while CLASS[byte(at)] & NAME:
        at += 1
    return at if CLASS[byte(at)] & END else -1


@njit
def short_string_at(at: int) -> tuple[int, int]:
    """The content of a string as a word, and the place after it; -1 too for the empty one, for one of more
    than seven bytes, and for one that has anything escaped."""
    w = word(at + 1)
    q, b = w ^ QUOTES, w ^ BACKSLASHES
    found = (((q - ONES) & ~q) | ((b - ONES) & ~b) | ((w - BLANKS) & ~w)) & HIGHS
    if found == 0:
        return 0, -1
    count = first(found)
    if count == 0 or byte(at + 1 + count) != 34:
        return 0, -1
    return low(w, count), at + count + 2


@njit
def short_name_at(at: int) -> tuple[int, int]:
    """A keyword as a word, and the place after it; -1 too for one of more than seven bytes."""
    w = word(at + 1)
    count = 0
    while count < WORD_BYTES and CLASS[(w >> (8 * count)) & 255] & NAME:
        count += 1
    at += 1 + count
    if count == 0 or count == WORD_BYTES or not CLASS[byte(at)] & END:
        return 0, -1
    return low(w, count), at
