"""Values of EDN, written as JSON at the end of the pool.

The stack has LEVEL numbers for each open collection: what closes it, how many forms it has, whether it is a
map, where it begins in the pool, and one bit for each key, by its hash.
"""
# ruff: noqa: PLR1714 - what a loop is compiled from

from checker.formats.compiled.desk import EDN, LEVEL, LEVELS_MAX, MARK_JSON, MARK_NUMBERED, STACK
from checker.formats.compiled.interning import copied, free, hashed, interned
from checker.formats.compiled.token import (
    CLASS,
    DIGIT,
    NULL,
    integer_at,
    name_end,
    nil_end,
    number_end,
    skipped,
    string_end,
    truth_end,
)
from checker.formats.compiled.word import byte, put_byte, put_word, word
from checker.kernel import njit_uncounted as njit

KEYS_MAX = 200
"""Whether a key is there twice may take a look at all of them; a map with more is odd."""
CLOSER, FORMS, IS_MAP, BEGIN, KEYS = range(0, 8 * LEVEL, 8)
"""Places on a level, in bytes."""


@njit
def quoted(begin: int, stop: int, out: int) -> int:
    """Write these bytes as a string; the place after it."""
    put_byte(out, 34)
    out = copied(begin, stop, out + 1)
    put_byte(out, 34)
    return out + 1


@njit
def atom(at: int, out: int) -> tuple[int, int]:
    """Write the atom that begins here as JSON: the places after it, -1 for one not known here."""
    c = byte(at)
    if c == 58:
        stop = name_end(at + 1)
        return (stop, quoted(at + 1, stop, out)) if stop > 0 else (-1, out)
    if c == 110:
        put_word(out, NULL)
        return nil_end(at, EDN), out + 4
    if c == 34:
        stop = string_end(at, False)
    elif c == 45 or CLASS[c] & DIGIT:
        stop = number_end(at)
    else:
        stop = truth_end(at)
    return (stop, copied(at, stop, out)) if stop > 0 else (-1, out)


@njit
def has_key(at: int, begin: int, stop: int) -> bool:
    """Is the key from `begin` to `stop` among those of the map whose inside begins at a place?"""
    depth = 0
    while at < begin:
        c = byte(at)
        if c == 34:
            after = string_end(at, False)
            if depth == 0 and byte(after) == 58 and after - at == stop - begin:
                i = 0
                while i < stop - begin and byte(at + i) == byte(begin + i):
                    i += 1
                if i == stop - begin:
                    return True
            at = after
        else:
            depth += (c == 91 or c == 123) - (c == 93 or c == 125)
            at += 1
    return False


@njit
def key(at: int, out: int, level: int, outermost: bool) -> tuple[int, int, int]:
    """Write the key of a map as JSON: the places after it, -1 where it is odd, and the kind of map.

    A string or a keyword without escapes; in the outermost map an integer, where all of them are.
    """
    begin, kind, c = out, MARK_JSON, byte(at)
    if c == 58 or c == 34:
        at, out = atom(at, out)
        if at > 0 and c == 34:
            for place in range(begin, out):
                if byte(place) == 92:
                    return -1, out, kind
    else:
        stop = integer_at(at)[1] if outermost else -1
        if stop < 0 or (c == 45 and byte(at + 1) == 48):
            return -1, out, kind
        kind = MARK_NUMBERED
        at, out = stop, quoted(at, stop, out)
    if at < 0:
        return -1, out, kind
    bit = 1 << (hashed(begin, out) & 63)
    keys = word(level + KEYS)
    if keys & bit and has_key(word(level + BEGIN) + 1, begin, out):
        return -1, out, kind
    put_word(level + KEYS, keys | bit)
    return at, out, kind


@njit
def opened(opener: int, begin: int, level: int) -> None:
    """Put a collection on the stack."""
    put_word(level + CLOSER, 41 if opener == 40 else 93 if opener == 91 else 125)
    put_word(level + FORMS, 0)
    put_word(level + IS_MAP, opener == 123)
    put_word(level + BEGIN, begin)
    put_word(level + KEYS, 0)


@njit
def transcribed(at: int, end: int, out: int, stack: int) -> tuple[int, int, int]:  # noqa: PLR0912
    """Write the value that begins here as JSON: the places after it in both, and its mark.

    A place of -1 in the text: it is odd, or has no end.
    """
    depth, mark, level = 0, 0, stack - 8 * LEVEL
    while True:
        at = skipped(at, end, EDN)
        c = byte(at)
        in_map = depth > 0 and word(level + IS_MAP) == 1
        is_key = in_map and word(level + FORMS) % 2 == 0
        if c == 93 or c == 125 or c == 41:
            if depth == 0 or word(level + CLOSER) != c or in_map != is_key:
                return -1, out, mark
            put_byte(out, 125 if in_map else 93)
            out, at, depth, level = out + 1, at + 1, depth - 1, level - 8 * LEVEL
        else:
            if depth > 0:
                forms = word(level + FORMS)
                if forms > 0:
                    put_byte(out, 58 if in_map and not is_key else 44)
                    out += 1
                put_word(level + FORMS, forms + 1)
            tag = c == 35
            if tag or c == 91 or c == 123 or c == 40:
                if is_key or depth == LEVELS_MAX or (tag and byte(at + 1) != 123):
                    return -1, out, mark
                depth, level = depth + 1, level + 8 * LEVEL
                opened(c, out, level)
                put_byte(out, 123 if c == 123 else 91)
                out, at = out + 1, at + 1 + tag
                continue
            if is_key:
                at, out, kind = key(at, out, level, depth == 1)
                if at < 0 or word(level + FORMS) > 2 * KEYS_MAX or (depth == 1 and mark not in (0, kind)):
                    return -1, out, mark
                mark = kind if depth == 1 else mark
            else:
                at, out = atom(at, out)
                if at < 0:
                    return -1, out, mark
        if depth == 0:
            return at, out, mark if mark != 0 else MARK_JSON


@njit
def edn_value(desk: int, at: int, end: int) -> tuple[int, int]:
    """The number of the value that begins here, and the place after it; -1 where it is odd or has no end."""
    begin = free(desk)
    stop, after, mark = transcribed(at, end, begin, desk + 8 * STACK)
    if stop < 0:
        return 0, -1
    return interned(desk, begin, after, mark), stop
