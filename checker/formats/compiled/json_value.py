"""Values of JSON: where one ends, whether it is right all through, and its text without blanks."""
# ruff: noqa: PLR1714 - what a loop is compiled from

from checker.formats.compiled.desk import ARRAY, MARK_JSON
from checker.formats.compiled.interning import copied, free, interned
from checker.formats.compiled.token import nil_end, number_end, skipped, string_end, truth_end
from checker.formats.compiled.word import byte, put_byte
from checker.kernel import njit_uncounted as njit

DEPTH_MAX = 60
"""One bit of a word for each open collection; what is deeper is odd."""


@njit
def atom_end(at: int) -> int:
    """The place after the string, number or word that begins here, -1 where none does."""
    c = byte(at)
    if c == 34:
        return string_end(at, False)
    if c == 45 or 48 <= c <= 57:
        return number_end(at)
    return nil_end(at, ARRAY) if c == 110 else truth_end(at)


@njit
def key_end(at: int, end: int, notation: int) -> tuple[int, int]:
    """The place of the value after the key and the colon here, and how many blanks there were; -1 if none."""
    if byte(at) != 34:
        return -1, 0
    stop = string_end(at, False)
    if stop < 0:
        return -1, 0
    colon = skipped(stop, end, notation)
    if byte(colon) != 58:
        return -1, 0
    at = skipped(colon + 1, end, notation)
    return at, at - stop - 1


@njit
def value_end(at: int, end: int, notation: int) -> tuple[int, int]:  # noqa: PLR0912
    """The place after the value that begins here, -1 where it is none, and how many blanks it has."""
    depth, maps, blanks = 0, 0, 0
    while True:
        c = byte(at)
        if c == 91 or c == 123:
            inside = skipped(at + 1, end, notation)
            blanks += inside - at - 1
            at = inside
            if byte(at) == c + 2:
                at += 1
            elif depth == DEPTH_MAX:
                return -1, 0
            else:
                depth, maps = depth + 1, (maps << 1) | (c == 123)
                if c == 123:
                    at, more = key_end(at, end, notation)
                    if at < 0:
                        return -1, 0
                    blanks += more
                continue
        else:
            at = atom_end(at)
            if at < 0:
                return -1, 0
        while depth > 0:
            stop = skipped(at, end, notation)
            blanks += stop - at
            at = stop + 1
            c = byte(stop)
            if c == 44:
                break
            if c != (125 if maps & 1 else 93):
                return -1, 0
            depth, maps = depth - 1, maps >> 1
        if depth == 0:
            return at, blanks
        stop = skipped(at, end, notation)
        blanks += stop - at
        at = stop
        if maps & 1:
            at, more = key_end(at, end, notation)
            if at < 0:
                return -1, 0
            blanks += more


@njit
def compacted(at: int, stop: int, out: int) -> int:
    """Write a value without its blanks; the place after it."""
    while at < stop:
        c = byte(at)
        if c == 34:
            after = string_end(at, False)
            out, at = copied(at, after, out), after
        else:
            if c > 32:
                put_byte(out, c)
                out += 1
            at += 1
    return out


@njit
def json_value(desk: int, at: int, end: int, notation: int) -> tuple[int, int]:
    """The number of the value that begins here, and the place after it; -1 where there is none."""
    stop, blanks = value_end(at, end, notation)
    if stop < 0:
        return 0, -1
    if blanks == 0:
        return interned(desk, at, stop, MARK_JSON), stop
    begin = free(desk)
    return interned(desk, begin, compacted(at, stop, begin), MARK_JSON), stop


@njit
def is_strings(at: int, end: int) -> bool:
    """Is what begins here a list of strings, as far as it goes? Whether it is right, others ask."""
    if byte(at) != 91:
        return False
    at = skipped(at + 1, end, ARRAY)
    while byte(at) == 34:
        at = string_end(at, False)
        if at < 0:
            return False
        at = skipped(at, end, ARRAY)
        if byte(at) == 44:
            at = skipped(at + 1, end, ARRAY)
    return byte(at) == 93
