"""The entries of a text, one after the other."""
# ruff: noqa: PLR1714 - what a loop is compiled from

from checker.formats.compiled.desk import (
    ARRAY,
    AT,
    DECLINED,
    DONE,
    EDN,
    END,
    FIELDS,
    FULL,
    LINES,
    NOTATION,
    ODD,
    ODD_END,
    ODD_ROW,
    ODD_START,
    ODDS,
    ROOM,
    ROWS,
    ROWS_ROOM,
    UNIQUE,
    WANTED,
)
from checker.formats.compiled.entry import entry, put, unplaced
from checker.formats.compiled.token import name_end, skipped
from checker.formats.compiled.word import byte, put_word, word
from checker.kernel import njit_uncounted as njit


@njit
def entry_end(at: int, end: int, notation: int) -> int:
    """The place after the map that begins here, if what is in it may be anything; -1 where it has no end."""
    depth = 0
    while at < end:
        c = byte(at)
        if c == 34:
            at += 1
            while at < end and byte(at) != 34:
                at += 1 + (byte(at) == 92)
        elif notation == EDN and c == 92:
            at += 1
        elif notation == EDN and c == 59:
            at = skipped(at, end, EDN)
            continue
        elif c == 91 or c == 123 or (c == 40 and notation == EDN):
            depth += 1
        elif c == 93 or c == 125 or (c == 41 and notation == EDN):
            depth -= 1
            if depth == 0:
                return at + 1
        at += 1
    return -1


@njit
def line_end(at: int, end: int) -> int:
    """The place of the newline of this line, -1 where it has none yet."""
    while at < end:
        if byte(at) == 10:
            return at
        at += 1
    return -1


@njit
def begun(at: int, end: int, notation: int) -> int:
    """The place of the brace of the entry that begins here, `end` where it is not there yet, -1 for none."""
    if notation == EDN and byte(at) == 35:
        after = name_end(at + 1)
        if after < 0:
            return end if at + 1 == end else -1
        at = skipped(after, end, EDN)
    return at if at >= end or byte(at) == 123 else -1


@njit
def next_entry(at: int, end: int, notation: int) -> int:
    """Where the text goes on after an entry: -1 where that cannot be said yet, -2 where it must not.

    There is one entry on a line of JSON, and a comma between two of an array.
    """
    if notation == EDN:
        return at
    at = skipped(at, end, notation)
    if at >= end:
        return -1
    c = byte(at)
    if notation == LINES:
        return at + 1 if c == 10 else -2
    if c == 44:
        at = skipped(at + 1, end, ARRAY)
        return -1 if at >= end else at if byte(at) == 123 else -2
    return at if c == 93 else -2


@njit
def scan(desk: int) -> int:
    """Read the entries of the text into the columns.

    DONE where only blanks or half an entry remain, FULL where the tables must grow before it can go on.
    """
    end, notation = word(desk + 8 * END), word(desk + 8 * NOTATION)
    while True:
        begin = skipped(word(desk + 8 * AT), end, ARRAY if notation == LINES else notation)
        if begin >= end:
            return DONE
        if word(desk + 8 * UNIQUE) + FIELDS > word(desk + 8 * ROOM):
            return FULL
        at = begun(begin, end, notation)
        row = word(desk + 8 * ROWS)
        if at >= end:
            return DONE
        if at < 0 or row >= word(desk + 8 * ROWS_ROOM):
            return DECLINED
        stop = entry(desk, at, end, notation)
        is_odd = stop < 0
        if is_odd:
            stop = line_end(at, end) if notation == LINES else entry_end(at, end, notation)
            if stop < 0:
                return DONE
        after = next_entry(stop, end, notation)
        if after < 0:
            return DONE if after == -1 else DECLINED
        if is_odd:
            odds = word(desk + 8 * ODDS)
            odd = word(desk + 8 * ODD) + 24 * odds
            put_word(odd + 8 * ODD_ROW, row)
            put_word(odd + 8 * ODD_START, begin)
            put_word(odd + 8 * ODD_END, stop)
            put_word(desk + 8 * ODDS, odds + 1)
        else:
            wanted = unplaced(desk)
            if wanted >= 0:
                put_word(desk + 8 * WANTED, wanted)
                return FULL
            put(desk, row)
        put_word(desk + 8 * ROWS, row + 1)
        put_word(desk + 8 * AT, after)
