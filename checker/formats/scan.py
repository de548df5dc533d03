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

import numpy as np
import numpy.typing as npt

from checker.kernel import njit

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

NIL, INT, POOLED = 0, 1, 2
INDEX, TIME, PROCESS, TYPE, F, VALUE, KEY, ERROR = range(8)
KINDS = 8
"""Column 8 + c holds the kinds of the cells of column c."""
ODD, START, END = 16, 17, 18
"""Whether the entry is odd, and where its text begins and ends."""
COLUMNS = 19

USED, UNIQUE, AT, ROWS = range(4)
"""What `state` holds: bytes and texts in the pool, the place in the text, and the rows filled."""

DONE, DECLINED, FULL = 0, 1, 2
EMPTY = -1
"""A free slot of the hash table."""

NAME_LIST = (b"index", b"time", b"process", b"type", b"f", b"value", b"key", b"error")
NAMES = np.frombuffer(b"".join(NAME_LIST), dtype=np.uint8)
NAME_ENDS = np.cumsum([0, *map(len, NAME_LIST)])

Tables = tuple[Bytes, Ints, Ints, Ints, Ints, Ints]
"""The pool, where its texts end, their hashes, the slots of the hash table, the state, and a stack."""


@njit
def is_blank(c: int) -> bool:
    """A blank of EDN, of which the comma is one."""
    return c == 32 or (9 <= c <= 13) or c == 44


@njit
def is_end(c: int) -> bool:
    """Does an atom end before this byte?"""
    return is_blank(c) or c in (40, 41, 91, 93, 123, 125, 34, 59, 92)


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
    while at < end and not is_end(text[at]):
        at += 1
    return at


@njit
def integer(text: Bytes, at: int, end: int) -> tuple[bool, int]:
    """Whether this is an integer of at most eighteen digits without a leading zero, and which."""
    negative = text[at] == 45
    if negative:
        at += 1
    if at >= end or end - at > 18 or (text[at] == 48 and end - at > 1):
        return False, 0
    number = 0
    while at < end:
        if text[at] < 48 or text[at] > 57:
            return False, 0
        number = number * 10 + text[at] - 48
        at += 1
    return True, -number if negative else number


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
    if at >= end or not (65 <= text[at] <= 90 or 97 <= text[at] <= 122):
        return False
    for i in range(at, end):
        c = text[i]
        letter = 65 <= c <= 90 or 97 <= c <= 122 or 48 <= c <= 57
        if not letter and c not in (45, 95, 63, 33, 42, 43, 46, 47):
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
        for i in range(at + 1, stop):
            n += 1
            out[n] = text[i]
        out[n + 1] = 34
        return n + 2
    if (edn and is_word(text, at, stop, NIL_WORD)) or (not edn and is_word(text, at, stop, NULL_WORD)):
        for i in range(4):
            out[n + i] = NULL_WORD[i]
        return n + 4
    known = is_number(text, at, stop) or is_word(text, at, stop, TRUE_WORD)
    if not known and not is_word(text, at, stop, FALSE_WORD):
        return -1
    for i in range(at, stop):
        out[n] = text[i]
        n += 1
    return n


@njit
def copied_edn(text: Bytes, at: int, end: int, out: Bytes, n: int, stack: Ints) -> tuple[int, int]:  # noqa: PLR0912, PLR0917
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
            stop = string_end(text, at, end) if c == 34 else atom_end(text, at, end)
            if stop <= at:
                return -1, n
            if c == 34:
                out[n : n + stop - at] = text[at:stop]
                n += stop - at
            elif is_key and c != 58:
                if depth > 1 or not integer(text, at, stop)[0] or (stack[1] > 1 and out[mark] != 77):
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
            out[n : n + stop - at] = text[at:stop]
            n, at = n + stop - at, stop
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
            if stop == at:
                return -1, n
            out[n : n + stop - at] = text[at:stop]
            n, at = n + stop - at, stop
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
def field_of(text: Bytes, at: int, stop: int) -> int:
    """The column of a name, -1 for one that has none."""
    for field in range(len(NAME_ENDS) - 1):
        begin, length = NAME_ENDS[field], NAME_ENDS[field + 1] - NAME_ENDS[field]
        if stop - at == length and text[at] == NAMES[begin]:
            same = True
            for i in range(length):
                if text[at + i] != NAMES[begin + i]:
                    same = False
                    break
            if same:
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
def scan_entry(text: Bytes, at: int, end: int, edn: bool, row: Ints, tables: Tables) -> int:  # noqa: PLR0912, PLR0917
    """Fill the row from the map that begins here: the place after it, -1 where it is odd or has no end."""
    pool, offsets, hashes, slots, state, stack = tables
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
        stop = atom_end(text, at, end) if edn else string_end(text, at, end)
        field = field_of(text, at + 1, stop if edn else stop - 1)
        if field < 0 or row[KINDS + field] >= 0:
            return -1
        at = skipped(text, stop, end, edn)
        if not edn:
            if at >= end or text[at] != 58:
                return -1
            at = skipped(text, at + 1, end, edn)
        first = False
        if at >= end:
            return -1
        stop = atom_end(text, at, end)
        whole, number = integer(text, at, stop) if stop > at else (False, 0)
        if whole:
            row[field], row[KINDS + field], at = number, INT, stop
            continue
        if edn:
            at, n = copied_edn(text, at, end, pool, state[USED], stack)
        else:
            at, n = copied_json(text, at, end, pool, state[USED])
        if at < 0:
            return -1
        begun = state[USED]
        if n - begun == 5 and pool[begun + 1] == 110 and pool[begun + 2] == 117:
            row[KINDS + field] = NIL
            continue
        if field != VALUE and pool[begun + 1] != 34:
            return -1
        row[field], row[KINDS + field] = interned(pool, n, offsets, hashes, slots, state), POOLED
    plain = row[KINDS + TYPE] == POOLED and row[KINDS + F] == POOLED and row[KINDS + PROCESS] > NIL
    texts = row[KINDS + KEY] != INT and row[KINDS + ERROR] != INT
    numbers = row[KINDS + INDEX] != POOLED and row[KINDS + TIME] != POOLED
    return at + 1 if plain and texts and numbers else -1


@njit
def scan(text: Bytes, edn: bool, rows: Ints, tables: Tables) -> int:
    """Read the entries of the text into rows, from `state[AT]`.

    DONE where only blanks or half an entry remain, FULL where the tables must grow before it can go on.
    """
    state = tables[4]
    end = len(text)
    while True:
        at = skipped(text, state[AT], end, edn)
        if at >= end:
            state[AT] = end
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
        if text[at] != 123 or state[ROWS] >= len(rows):
            return DECLINED
        row = rows[state[ROWS]]
        row[:] = -1
        stop = scan_entry(text, at, end, edn, row, tables)
        row[ODD] = 1 if stop < 0 else 0
        if stop < 0:
            stop = entry_end(text, at, end, edn)
        if stop < 0:
            return DONE if stop == -1 else DECLINED
        row[START], row[END] = begin, stop
        state[ROWS] += 1
        state[AT] = stop
