"""The compiled reader: bytes of EDN or JSON to columns, in one pass over the text.

Values are transcribed to JSON on the way and interned: each different one is kept once, as text, and
decoded by
whoever asks.  An entry that has fields without a column, or anything that this pass does not know
(characters,
ratios, discarded forms), is marked odd and its text goes to the readers for ordinary files; where not even
the end of an entry is clear, the whole file does.  There is one meaning of a text, and this module may only
decline.

Rules of this file
  1. Import it only where a large file is about to be read: numba costs a third of a second.
  2. A cell is a kind and a number: nil (0, 0), an int (1, itself), anything else (2, its place in the pool).
  3. Texts of the pool begin with a mark: `J` for JSON, `M` for JSON of a map whose keys were integers.

Cost: linear in the text, and in memory for the different values only.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt

from checker.kernel import njit as counting_njit

Compiled = TypeVar("Compiled", bound=Callable[..., object])
Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Smalls = npt.NDArray[np.int32]
Marks = npt.NDArray[np.int8]

NIL, INT, POOLED = 0, 1, 2
INDEX, TIME, PROCESS, TYPE, F, VALUE, KEY, ERROR = range(8)
KINDS = 8
"""Of the entry at hand, number 8 + c holds the kind of the cell of column c, -1 for one not seen yet."""
CELLS = 16
WIDE = ("index", "time", "process", "value")
SMALL = ("type", "f", "key", "error")
ODD_ROW, ODD_START, ODD_END = range(3)
"""What is known of an odd entry: its row, and where its text begins and ends."""

USED, UNIQUE, AT, ROWS, ODDS = range(5)
"""What `state` holds: bytes and texts in the pool, the place in the text, rows filled, and odd ones."""

DONE, DECLINED, FULL = 0, 1, 2
EMPTY = -1
"""A free slot of the hash table."""

WORD_BYTES = 8
"""A name of at most so many bytes is one number: its bytes, one after the other."""
FIELDS = tuple(
    int.from_bytes(name, "big")
    for name in (b"index", b"time", b"process", b"type", b"f", b"value", b"key", b"error")
)
MEMO = 256
"""So many names are remembered with their places in the pool, each in the slot that its bytes give."""
DIGITS_MAX = 18

END, DIGIT, LETTER, SIGN = 1, 2, 4, 8
NAME = DIGIT | LETTER | SIGN
_BLANKS = b" \t\n\v\f\r,"
CLASS = np.zeros(256, dtype=np.uint8)
"""What a byte is: what an atom ends before, or a part of a name."""
for _set, _mark in ((_BLANKS + b'()[]{}";\\', END), (b"0123456789", DIGIT), (b"-_?!*+./", SIGN)):
    CLASS[list(_set)] |= _mark
CLASS[65:91] = CLASS[97:123] = LETTER

Tables = tuple[Bytes, Ints, Ints, Ints, Ints, Ints, Ints, Ints]
"""The pool, where its texts end, their hashes, the slots of the hash table, the state, a stack, the memo
(names, then their places), and the cells of the entry at hand."""
Columns = tuple[npt.NDArray[np.int64], npt.NDArray[np.int32], Marks, npt.NDArray[np.int64]]
"""Where entries go: the columns WIDE, the columns SMALL, the kinds of values, and the odd ones."""


def njit(function: Compiled) -> Compiled:
    """Compile without counting the references to arrays, which took half of the time.

    Nothing here makes an array, and the caller holds all of them.  The option has no public name: without
    it, or without a folder for the machine code, the common way is right as well.
    """
    import numba
    from numba.core.options import DefaultOptions

    if not hasattr(DefaultOptions, "_nrt"):
        return counting_njit(function)
    try:
        options: dict[str, Any] = {"cache": True, "nogil": True, "_nrt": False}
        return cast(Compiled, numba.njit(**options)(function))
    except RuntimeError:
        return counting_njit(function)


@njit
def is_blank(c: int) -> bool:
    """A blank of EDN, of which the comma is one."""
    return c == 32 or (9 <= c <= 13) or c == 44


@njit
def skipped(text: Bytes, at: int, end: int, edn: bool) -> int:
    """The place of the next byte that is neither blank nor in a comment."""
    while at < end:
        c = text[at]
        if c in (32, 10, 9, 13) or (edn and is_blank(c)):
            at += 1
        elif edn and c == 59:
            while at < end and text[at] != 10:
                at += 1
        else:
            break
    return at


@njit
def string_end(text: Bytes, at: int, end: int) -> int:
    """The place after the string that begins here, -1 if it has no end."""
    at += 1
    while at < end:
        c = text[at]
        if c == 92:
            at += 2
        elif c == 34:
            return at + 1
        elif c < 32:
            return -2
        else:
            at += 1
    return -1


@njit
def atom_end(text: Bytes, at: int, end: int) -> int:
    """The place after the atom that begins here."""
    while at < end and not CLASS[text[at]] & END:
        at += 1
    return at


@njit
def name_at(text: Bytes, at: int, end: int) -> tuple[int, int]:
    """The name that begins here as a number, 0 for a longer one, and the place after it."""
    name, begin = np.int64(0), at
    while at < end and CLASS[text[at]] & NAME:
        name = (name << 8) | np.int64(text[at])
        at += 1
    return (int(name) if at - begin <= WORD_BYTES else 0), at


@njit
def integer_at(text: Bytes, at: int, end: int) -> tuple[int, int]:
    """The integer that begins here and the place after it, -1 where there is none of eighteen digits."""
    negative = text[at] == 45
    if negative:
        at += 1
    begin, number = at, 0
    while at < end and CLASS[text[at]] & DIGIT and at - begin <= DIGITS_MAX:
        number = number * 10 + (text[at] - 48)
        at += 1
    length = at - begin
    if length == 0 or length > DIGITS_MAX or (length > 1 and text[begin] == 48):
        return 0, -1
    if at < end and not CLASS[text[at]] & END:
        return 0, -1
    return (-number if negative else number), at


@njit
def nil_end(text: Bytes, at: int, end: int, edn: bool) -> int:
    """The place after the nil that begins here, -1 where there is none."""
    word = NIL_WORD if edn else NULL_WORD
    stop = at + len(word)
    if stop > end or (stop < end and not CLASS[text[stop]] & END):
        return -1
    return stop if is_word(text, at, stop, word) else -1


@njit
def is_number(text: Bytes, at: int, end: int) -> bool:
    """A number in JSON's own spelling, which EDN shares."""
    if text[at] == 45:
        at += 1
    digits = at
    while at < end and 48 <= text[at] <= 57:
        at += 1
    if at == digits or (text[digits] == 48 and at - digits > 1) or at - digits > 18:
        return False
    if at < end and text[at] == 46:
        at += 1
        digits = at
        while at < end and 48 <= text[at] <= 57:
            at += 1
        if at == digits:
            return False
    if at < end and text[at] in (69, 101):
        at += 1
        if at < end and text[at] in (43, 45):
            at += 1
        digits = at
        while at < end and 48 <= text[at] <= 57:
            at += 1
        if at == digits:
            return False
    return at == end


@njit
def is_name(text: Bytes, at: int, end: int) -> bool:
    """A name of letters, digits and signs, which begins with a letter: the plain keywords."""
    if at >= end or not CLASS[text[at]] & LETTER:
        return False
    for i in range(at, end):  # noqa: SIM110
        if not CLASS[text[i]] & NAME:
            return False
    return True


@njit
def is_word(text: Bytes, at: int, end: int, word: Bytes) -> bool:
    """Are these bytes that word?"""
    if end - at != len(word):
        return False
    for i in range(len(word)):  # noqa: SIM110
        if text[at + i] != word[i]:
            return False
    return True


WORDS = tuple(np.frombuffer(w, dtype=np.uint8) for w in (b"nil", b"null", b"true", b"false"))
NIL_WORD, NULL_WORD, TRUE_WORD, FALSE_WORD = WORDS


@njit
def copied_atom(text: Bytes, at: int, stop: int, edn: bool, out: Bytes, n: int) -> int:  # noqa: PLR0917
    """Write an atom as JSON at out[n]; the new n, or -1 for an atom that this module does not know."""
    if edn and text[at] == 58:
        if not is_name(text, at + 1, stop):
            return -1
        out[n] = 34
        n = copied_bytes(text, at + 1, stop, out, n + 1)
        out[n] = 34
        return n + 1
    if (edn and is_word(text, at, stop, NIL_WORD)) or (not edn and is_word(text, at, stop, NULL_WORD)):
        return copied_bytes(NULL_WORD, 0, len(NULL_WORD), out, n)
    known = is_number(text, at, stop) or is_word(text, at, stop, TRUE_WORD)
    if not known and not is_word(text, at, stop, FALSE_WORD):
        return -1
    return copied_bytes(text, at, stop, out, n)


@njit
def copied_bytes(text: Bytes, at: int, stop: int, out: Bytes, n: int) -> int:
    """Write these bytes at out[n]; the new n."""
    for i in range(at, stop):
        out[n] = text[i]
        n += 1
    return n


@njit
def copied_plain(text: Bytes, at: int, end: int, out: Bytes, n: int) -> tuple[int, int]:
    """Write a keyword or a positive integer as JSON: the places after it, -1 where it is something else."""
    first = at
    if text[at] == 58:
        at += 1
        if at >= end or not CLASS[text[at]] & LETTER:
            return -1, n
        out[n] = 34
        n += 1
        while at < end and CLASS[text[at]] & NAME:
            out[n] = text[at]
            n, at = n + 1, at + 1
        out[n] = 34
        n += 1
    else:
        while at < end and CLASS[text[at]] & DIGIT:
            out[n] = text[at]
            n, at = n + 1, at + 1
        length = at - first
        if length == 0 or length > DIGITS_MAX or (length > 1 and text[first] == 48):
            return -1, n
    if at < end and not CLASS[text[at]] & END:
        return -1, n
    return at, n


@njit
def copied_edn(text: Bytes, at: int, end: int, out: Bytes, n: int, stack: Ints) -> tuple[int, int]:  # noqa: PLR0912, PLR0915, PLR0917
    """Write the EDN value that begins here as JSON at out[n]: the places after it in text and out.

    A place of -1 in the text declines.  `stack` holds for each open collection: what closes it, how many
    items
    it has, and whether it is a map (1: keys are strings; 2: integers, which only the outermost map may have).
    """
    mark, depth = n, 0
    out[n] = 74
    n += 1
    while True:
        at = skipped(text, at, end, True)
        if at >= end:
            return -1, n
        c = text[at]
        level = 3 * (depth - 1)
        is_key = depth > 0 and stack[level + 2] > 0 and stack[level + 1] % 2 == 0
        if c in (41, 93, 125):
            if depth == 0 or stack[level] != c or (stack[level + 2] > 0 and not is_key):
                return -1, n
            out[n] = 125 if stack[level + 2] > 0 else 93
            n, at, depth = n + 1, at + 1, depth - 1
        else:
            if depth > 0:
                if stack[level + 1] > 0:
                    out[n] = 58 if stack[level + 2] > 0 and not is_key else 44
                    n += 1
                stack[level + 1] += 1
            tag = c == 35
            if tag and (at + 1 >= end or text[at + 1] != 123):
                return -1, n
            if tag or c in (40, 91, 123):
                if is_key or 3 * depth + 3 > len(stack):
                    return -1, n
                is_map = c == 123
                stack[3 * depth] = 41 if c == 40 else 93 if c == 91 else 125
                stack[3 * depth + 1] = 0
                stack[3 * depth + 2] = 1 if is_map else 0
                out[n] = 123 if is_map else 91
                n, at, depth = n + 1, at + 1 + tag, depth + 1
                continue
            if not is_key and c != 34:
                stop, m = copied_plain(text, at, end, out, n)
                if stop > 0:
                    at, n = stop, m
                    if depth == 0:
                        return at, n
                    continue
            stop = string_end(text, at, end) if c == 34 else atom_end(text, at, end)
            if stop <= at:
                return -1, n
            if c == 34:
                n = copied_bytes(text, at, stop, out, n)
            elif is_key and c != 58:
                if depth > 1 or integer_at(text, at, stop)[1] < 0 or (stack[1] > 1 and out[mark] != 77):
                    return -1, n
                out[mark], out[n] = 77, 34
                n = copied_atom(text, at, stop, True, out, n + 1)
                out[n] = 34
                n += 1
            else:
                n = copied_atom(text, at, stop, True, out, n)
            if n < 0 or (is_key and c in (58, 34) and out[mark] == 77 and depth == 1):
                return -1, n
            at = stop
        if depth == 0:
            return at, n


@njit
def copied_json(text: Bytes, at: int, end: int, out: Bytes, n: int) -> tuple[int, int]:  # noqa: PLR0912
    """The JSON value that begins here without its blanks; whether it is JSON is for its decoder to say."""
    depth = 0
    out[n] = 74
    n += 1
    while at < end:
        c = text[at]
        if c == 34:
            stop = string_end(text, at, end)
            if stop <= at:
                return -1, n
            n, at = copied_bytes(text, at, stop, out, n), stop
        elif c in (91, 123):
            out[n] = c
            n, at, depth = n + 1, at + 1, depth + 1
        elif c in (93, 125):
            if depth == 0:
                return -1, n
            out[n] = c
            n, at, depth = n + 1, at + 1, depth - 1
        elif c == 32 or 9 <= c <= 13:
            at += 1
            continue
        elif c in (44, 58):
            if depth == 0:
                return -1, n
            out[n] = c
            n, at = n + 1, at + 1
        else:
            stop = atom_end(text, at, end)
            while stop > at and text[stop - 1] == 58:
                stop -= 1
            if stop in (at, end):  # What ends with the text may go on in the next piece.
                return -1, n
            n, at = copied_bytes(text, at, stop, out, n), stop
        if depth == 0:
            return at, n
    return -1, n


@njit
def interned(pool: Bytes, stop: int, offsets: Ints, hashes: Ints, slots: Ints, state: Ints) -> int:  # noqa: PLR0917
    """The number of the text that has just been written at the end of the pool; a known one is taken back."""
    start = state[USED]
    code = np.int64(1469598103934665603)
    for i in range(start, stop):
        code = (code ^ np.int64(pool[i])) * np.int64(1099511628211)
    code ^= code >> 29
    slot = code & (len(slots) - 1)
    while slots[slot] >= 0:
        known = slots[slot]
        if hashes[known] == code and offsets[known + 1] - offsets[known] == stop - start:
            same = True
            for i in range(stop - start):
                if pool[offsets[known] + i] != pool[start + i]:
                    same = False
                    break
            if same:
                return int(known)
        slot = (slot + 1) & (len(slots) - 1)
    number = int(state[UNIQUE])
    slots[slot], hashes[number] = number, code
    offsets[number + 1] = stop
    state[USED], state[UNIQUE] = stop, number + 1
    return number


@njit
def rehashed(hashes: Ints, count: int, slots: Ints) -> None:
    """Enter the texts so far into a larger table."""
    for number in range(count):
        slot = hashes[number] & (len(slots) - 1)
        while slots[slot] >= 0:
            slot = (slot + 1) & (len(slots) - 1)
        slots[slot] = number


@njit
def field_of(name: int) -> int:
    """The column of a name, -1 for one that has none."""
    for field in range(len(FIELDS)):
        if FIELDS[field] == name:
            return field
    return -1


@njit
def entry_end(text: Bytes, at: int, end: int, edn: bool) -> int:
    """The place after the map that begins here; -1 where the text ends before it does."""
    depth = 0
    while at < end:
        c = text[at]
        if c == 34:
            at = string_end(text, at, end)
            if at < 0:
                return at
            continue
        if edn and c == 92:
            at += 1
        elif edn and c == 59:
            at = skipped(text, at, end, True)
            continue
        elif c in (91, 123) or (edn and c == 40):
            depth += 1
        elif c in (93, 125) or (edn and c == 41):
            depth -= 1
            if depth == 0:
                return at + 1
        at += 1
    return -1


@njit
def scan_text(text: Bytes, at: int, end: int, edn: bool, any_value: bool, tables: Tables) -> tuple[int, int]:  # noqa: PLR0917
    """The number of the value that begins here, and the place after it; -1 where it is odd or has no end.

    A string or a keyword, unless it may be any value.
    """
    pool, offsets, hashes, slots, state, stack, memo, _ = tables
    name = slot = 0
    if text[at] == (58 if edn else 34):
        name, stop = name_at(text, at + 1, end)
        if stop >= end or (not CLASS[text[stop]] & END if edn else text[stop] != 34):
            name = 0
        slot = (name ^ (name >> 13) ^ (name >> 29)) & (MEMO - 1)
        if name != 0 and memo[slot] == name:
            return memo[MEMO + slot], stop if edn else stop + 1
    if edn:
        at, n = copied_edn(text, at, end, pool, state[USED], stack)
    else:
        at, n = copied_json(text, at, end, pool, state[USED])
    if at < 0 or not (any_value or pool[state[USED] + 1] == 34):
        return 0, -1
    number = interned(pool, n, offsets, hashes, slots, state)
    if name != 0:
        memo[slot], memo[MEMO + slot] = name, number
    return number, at


@njit
def scan_entry(text: Bytes, at: int, end: int, edn: bool, tables: Tables) -> int:  # noqa: PLR0912
    """Fill the cells from the map that begins here: the place after it, -1 where it is odd or has no end."""
    row = tables[7]
    for field in range(KINDS):
        row[KINDS + field] = -1
    first = True
    while True:
        at = skipped(text, at + 1 if first else at, end, edn)
        if at >= end:
            return -1
        if text[at] == 125:
            break
        if not edn and not first:
            if text[at] != 44:
                return -1
            at = skipped(text, at + 1, end, edn)
        if at >= end or text[at] != (58 if edn else 34):
            return -1
        first = False
        name, at = name_at(text, at + 1, end)
        if at >= end or (not CLASS[text[at]] & END if edn else text[at] != 34):
            return -1
        field = field_of(name)
        if field < 0 or row[KINDS + field] >= 0:
            return -1
        at = skipped(text, at if edn else at + 1, end, edn)
        if not edn:
            if at >= end or text[at] != 58:
                return -1
            at = skipped(text, at + 1, end, edn)
        if at >= end:
            return -1
        c = text[at]
        number, stop = integer_at(text, at, end)
        kind = INT
        if stop < 0 and c == 110:
            kind, stop = NIL, nil_end(text, at, end, edn)
        if stop < 0:
            kind = POOLED
            number, stop = scan_text(text, at, end, edn, field == VALUE, tables)
            if stop < 0:
                return -1
        row[field], row[KINDS + field], at = number, kind, stop
    plain = row[KINDS + TYPE] == POOLED and row[KINDS + F] == POOLED
    client = row[KINDS + PROCESS] == INT and row[PROCESS] >= 0  # Below zero are the places of names.
    texts = row[KINDS + KEY] != INT and row[KINDS + ERROR] != INT
    numbers = row[KINDS + INDEX] != POOLED and row[KINDS + TIME] != POOLED
    named = row[KINDS + PROCESS] == POOLED
    return at + 1 if plain and texts and numbers and (client or named) else -1


@njit
def put(row: Ints, at: int, columns: Columns) -> None:
    """Write the cells of an entry as the row of that number."""
    wide, small, kinds, _ = columns
    wide[0, at] = row[INDEX] if row[KINDS + INDEX] == INT else -1
    wide[1, at] = row[TIME] if row[KINDS + TIME] == INT else -1
    wide[2, at] = row[PROCESS] if row[KINDS + PROCESS] == INT else -1 - row[PROCESS]
    held = row[KINDS + VALUE] > NIL
    wide[3, at] = row[VALUE] if held else 0
    kinds[at] = row[KINDS + VALUE] if held else NIL
    small[0, at], small[1, at] = row[TYPE], row[F]
    small[2, at] = row[KEY] if row[KINDS + KEY] == POOLED else -1
    small[3, at] = row[ERROR] if row[KINDS + ERROR] == POOLED else -1


@njit
def scan(text: Bytes, edn: bool, columns: Columns, tables: Tables) -> int:
    """Read the entries of the text into the columns, from `state[AT]`.

    DONE where only blanks or half an entry remain, FULL where the tables must grow before it can go on.
    """
    state = tables[4]
    end = len(text)
    while True:
        at = skipped(text, state[AT], end, edn)
        if at >= end:  # A comment may go on in the next piece.
            return DONE
        if state[UNIQUE] + KINDS > len(tables[2]):
            return FULL
        begin = at
        if edn and text[at] == 35:
            at = atom_end(text, at + 1, end)
            if not is_name(text, begin + 1, at):
                return DECLINED
            at = skipped(text, at, end, edn)
            if at >= end:
                return DONE
        if text[at] != 123 or state[ROWS] >= len(columns[2]):
            return DECLINED
        stop = scan_entry(text, at, end, edn, tables)
        if stop >= 0:
            put(tables[7], state[ROWS], columns)
        else:
            stop = entry_end(text, at, end, edn)
            if stop < 0:
                return DONE if stop == -1 else DECLINED
            odd = columns[3][state[ODDS]]
            odd[ODD_ROW], odd[ODD_START], odd[ODD_END] = state[ROWS], begin, stop
            state[ODDS] += 1
        state[ROWS] += 1
        state[AT] = stop
