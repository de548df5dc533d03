"""The compiled scanner of micro-operations: JSON text to columns, without objects (`micro.py`).

The text is valid JSON without blanks, as `Pool` promises; this module may only decline, never misread.

A *token* is a key or a value as one number, its code: an integer n is 4 n, false 2 and true 6, the name i of
the table of names 4 i + 1 for a string and 4 i + 3 for a number that is no integer of 18 digits.  Equal codes
mean equal values; different codes mean different values but where `state[SPECIAL]` says that a name may have
several notations.

Rules of this file
  1. Import it only where a table is about to be scanned: numba costs a third of a second.
  2. Lists of one key begin alike: what a list shares with the longest so far is compared as text, and kept
     once.  Only the other elements are looked up.
  3. A call costs time with every array that it passes on: what is called for each step is written into its
     caller (`njit_inlined`).

Cost: linear in the text.
"""
# ruff: noqa: PLR0917, PLR1714 - what a loop can be compiled from, and is fast with

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from checker.kernel import njit_inlined
from checker.kernel import njit_uncounted as njit

Bytes = npt.NDArray[np.uint8]
Small = npt.NDArray[np.int32]
Ints = npt.NDArray[np.int64]

ROW, MICROS, LISTS, ELEMENTS, KEYS, VALUES, BLOCKS, NAMES, SPECIAL, SPELLINGS = range(10)
"""What `state` holds: the next row, how many there are of each, whether a name may have several notations,
and the bits of the verbs that were seen."""

DONE, DECLINED, FULL = 0, 1, 2

VERB, KEY, VALUE = range(3)
"""The rows of the micro-operations."""

CODE, KNOWN_START, KNOWN_SIZE, KNOWN_FIRST, KNOWN_COUNT, KNOWN_ROOM = range(6)
"""Of a key: its code; where the text of its longest list begins and how long it is (after one bracket, with
the other), and where its elements begin in their column, how many they are and how many there is room for."""

OF_KEY = 1
"""Of a block of values: which it is (CODE), and of which key."""

BLOCK_BITS = 5
"""The numbers of values are kept in blocks of so many codes that lie together: of values that are counted,
whether by key or over all keys, a block has several, and what is looked up is mostly in the cache."""

START, LENGTH = 0, 1
"""Of a name: where its text is."""

WRITE, READ, APPEND = 0, 1, 2
SPELLED = ("w", "write", "r", "read", "append")
"""The verbs by their bit in `state[SPELLINGS]`."""

DIGITS_MAX = 18
BLOCK = 64
"""So many bytes of two lists are compared at once."""

MICRO_BYTES = 10
"""The shortest micro-operation: `["r",1,2],`."""
TOKEN_BYTES = 2
"""The shortest token: `1,`."""
ELEMENTS_ROOM = 8
"""A text with n elements takes at most so many times as many, for lists are moved to more room."""


class Index(NamedTuple):
    """A hash table: free slots are -1, others hold a number; and what is known of each number."""

    slots: Small
    rows: Ints


class Tables(NamedTuple):
    """All that has a number so far. `numbers` are those of the values by block and place in it, -1 for none;
    `values` their codes."""

    keys: Index
    blocks: Index
    names: Index
    numbers: Small
    values: Ints


class Columns(NamedTuple):
    """Where it goes: VERB, KEY and VALUE of micro-operations, then as `micro.Micro` says."""

    micro: Small
    list_start: Small
    list_end: Small
    elements: Small


@njit
def mixed(code: int, salt: int) -> int:
    """A hash of two numbers."""
    word = (np.int64(code) ^ (np.int64(salt) * np.int64(0x2545F4914F6CDD1D))) * np.int64(0x5851F42D4C957F2D)
    return int(word ^ (word >> 31))


@njit
def hashed(text: Bytes, start: int, stop: int) -> int:
    """A hash of bytes."""
    word = np.int64(1469598103934665603)
    for i in range(start, stop):
        word = (word ^ np.int64(text[i])) * np.int64(1099511628211)
    return int(word ^ (word >> 29))


@njit
def name_of(text: Bytes, start: int, stop: int, names: Index, state: Ints) -> int:
    """The number of the name with these bytes, a new one where there is none."""
    slots, rows = names
    slot = hashed(text, start, stop) & (len(slots) - 1)
    while slots[slot] >= 0:
        known = slots[slot]
        if rows[known, LENGTH] == stop - start:
            same, first = True, rows[known, START]
            for i in range(stop - start):
                if text[first + i] != text[start + i]:
                    same = False
                    break
            if same:
                return int(known)
        slot = (slot + 1) & (len(slots) - 1)
    number = int(state[NAMES])
    slots[slot], rows[number, START], rows[number, LENGTH] = number, start, stop - start
    state[NAMES] = number + 1
    return number


@njit
def integer_at(text: Bytes, at: int) -> tuple[int, int]:
    """The code of the integer that begins here and the place after it; -1 where there is none."""
    negative = text[at] == 45
    at += negative
    first, number = at, np.int64(0)
    digit = np.int64(text[at]) - 48
    while 0 <= digit <= 9 and at - first <= DIGITS_MAX:
        number = number * 10 + digit
        at += 1
        digit = np.int64(text[at]) - 48
    if at == first or at - first > DIGITS_MAX or (text[at] != 44 and text[at] != 93):
        return 0, -1
    return int(4 * (-number if negative else number)), at


@njit
def text_at(text: Bytes, at: int, names: Index, state: Ints) -> tuple[int, int]:
    """The code of the token, no plain integer, that begins here and the place after it; -1 for none."""
    c, begin = text[at], at
    if c == 34:
        at += 1
        while text[at] != 34:
            if text[at] == 92:
                state[SPECIAL] = 1
                at += 1
            at += 1
        return 4 * name_of(text, begin, at + 1, names, state) + 1, at + 1
    if c == 116:
        return 6, at + 4
    if c == 102:
        return 2, at + 5
    if c != 45 and not 48 <= c <= 57:
        return 0, -1
    while text[at] != 44 and text[at] != 93:
        at += 1
    state[SPECIAL] = 1
    return 4 * name_of(text, begin, at, names, state) + 3, at


@njit_inlined
def token_at(text: Bytes, at: int, names: Index, state: Ints) -> tuple[int, int]:
    """The code of the token that begins here and the place after it; -1 where there is none."""
    code, stop = integer_at(text, at)
    if stop < 0:
        return text_at(text, at, names, state)
    return code, stop


@njit_inlined
def key_of(code: int, keys: Index, state: Ints) -> int:
    """The number of a key."""
    slots, rows = keys
    slot = mixed(code, 0) & (len(slots) - 1)
    while slots[slot] >= 0:
        if rows[slots[slot], CODE] == code:
            return int(slots[slot])
        slot = (slot + 1) & (len(slots) - 1)
    number = int(state[KEYS])
    slots[slot], rows[number, CODE] = number, code
    state[KEYS] = number + 1
    return number


@njit_inlined
def block_of(which: int, key: int, tables: Tables, state: Ints) -> int:
    """The number of a block of values of a key, a new one where there is none."""
    slots, rows = tables.blocks
    slot = mixed(which, key + 1) & (len(slots) - 1)
    while slots[slot] >= 0:
        known = slots[slot]
        if rows[known, CODE] == which and rows[known, OF_KEY] == key:
            return int(known)
        slot = (slot + 1) & (len(slots) - 1)
    number = int(state[BLOCKS])
    slots[slot], rows[number, CODE], rows[number, OF_KEY] = number, which, key
    for place in range(1 << BLOCK_BITS):
        tables.numbers[number, place] = -1
    state[BLOCKS] = number + 1
    return number


@njit_inlined
def value_of(code: int, key: int, tables: Tables, state: Ints) -> int:
    """The number of a value of a key."""
    kind, count = code & 3, code >> 2
    block = block_of(count >> BLOCK_BITS << 2 | kind, key, tables, state)
    place = count & (1 << BLOCK_BITS) - 1
    number = int(tables.numbers[block, place])
    if number < 0:
        number = int(state[VALUES])
        tables.numbers[block, place], tables.values[number] = number, code
        state[VALUES] = number + 1
    return number


@njit
def verb_at(text: Bytes, at: int) -> tuple[int, int]:
    """The place in SPELLED of the verb whose string begins here, and the place after it; -1 for another."""
    if text[at] != 34:
        return 0, -1
    c = text[at + 1]
    if c == 114 and text[at + 2] == 34:
        return 2, at + 3
    if c == 119 and text[at + 2] == 34:
        return 0, at + 3
    if c == 97 and is_word(text, at, APPEND_WORD):
        return 4, at + len(APPEND_WORD)
    if c == 114 and is_word(text, at, READ_WORD):
        return 3, at + len(READ_WORD)
    if c == 119 and is_word(text, at, WRITE_WORD):
        return 1, at + len(WRITE_WORD)
    return 0, -1


WORDS = tuple(np.frombuffer(word, dtype=np.uint8) for word in (b'"append"', b'"read"', b'"write"'))
APPEND_WORD, READ_WORD, WRITE_WORD = WORDS


@njit
def is_word(text: Bytes, at: int, word: Bytes) -> bool:
    """Does this word stand here?"""
    for i in range(len(word)):  # noqa: SIM110 - numba compiles no generators
        if at + i >= len(text) or text[at + i] != word[i]:
            return False
    return True


@njit
def left_out(text: Bytes, at: int) -> int:
    """The place after a micro-operation of three parts, of which the first ends here; -1 for another."""
    depth, commas = 1, 0
    while depth > 0:
        c = text[at]
        if c == 34:
            at += 1
            while text[at] != 34:
                at += 2 if text[at] == 92 else 1
        elif c == 91 or c == 123:
            depth += 1
        elif c == 93 or c == 125:
            depth -= 1
        elif c == 44 and depth == 1:
            commas += 1
        at += 1
    return at if commas == 2 else -1


@njit
def begun(text: Bytes, at: int, known: Ints) -> tuple[int, int]:
    """How many elements of a list are those of the known one, 0 if one does not begin like the other.

    `at` is the place after its bracket.  Returns also the place after these elements and what ends them.
    """
    start, size, count = known[KNOWN_START], known[KNOWN_SIZE], known[KNOWN_COUNT]
    same = 0
    while same + BLOCK <= size and at + same + BLOCK <= len(text):
        differ, here, there = np.uint8(0), np.uint64(at + same), np.uint64(start + same)
        for i in range(
            np.uint64(BLOCK)
        ):  # Without a way out, which lets the machine take many bytes at once.
            differ |= text[here + i] ^ text[there + i]
        if differ:
            break
        same += BLOCK
    while same < size and text[at + same] == text[start + same]:
        same += 1
    if size > 0 and (same == size or (same == size - 1 and text[at + same] == 44)):
        return int(count), at + same + (same < size)
    if text[at + same] != 93 or text[start + same] != 44:
        return 0, at
    count = np.int64(1)
    for i in range(at, at + same):
        if text[i] == 34:  # Here a comma, or the bracket, may be a part of a string.
            return 0, at
        count += text[i] == 44
    return int(count), at + same + 1


@njit
def moved(known: Ints, elements: Small, count: int, state: Ints) -> int:
    """Give the known list room for as many elements again; where it begins now. Its old place stays valid."""
    first, start = known[KNOWN_FIRST], state[ELEMENTS]
    for i in range(count):
        elements[start + i] = elements[first + i]
    known[KNOWN_FIRST], known[KNOWN_ROOM] = start, 2 * count + 2
    state[ELEMENTS] = start + 2 * count + 2
    return int(start)


@njit_inlined
def list_at(text: Bytes, at: int, key: int, columns: Columns, tables: Tables, state: Ints) -> int:
    """Add the list that begins here, not empty: the place after it, -1 where an element is no token."""
    known, elements, start = tables.keys.rows[key], columns.elements, at + 1
    count, at = begun(text, start, known)
    first = known[KNOWN_FIRST]
    if text[at - 1] != 93:
        extends = count > 0
        if not extends:
            first = state[ELEMENTS]
        while text[at - 1] != 93:
            code, stop = token_at(text, at, tables.names, state)
            if stop < 0:
                return -1
            if extends and count == known[KNOWN_ROOM]:
                first = moved(known, elements, count, state)
            elements[first + count] = value_of(code, key, tables, state)
            count, at = count + 1, stop + 1
        if not extends:
            state[ELEMENTS] = first + count
        if count > known[KNOWN_COUNT]:
            known[KNOWN_START], known[KNOWN_SIZE], known[KNOWN_COUNT] = start, at - start, count
            if not extends:
                known[KNOWN_FIRST], known[KNOWN_ROOM] = first, count
    columns.list_start[state[LISTS]], columns.list_end[state[LISTS]] = first, first + count
    return at


@njit_inlined
def micro_at(
    text: Bytes, at: int, modes: tuple[bool, bool], columns: Columns, tables: Tables, state: Ints
) -> int:
    """Add the micro-operation that begins here: the place after it, -1 where it is of no known form.

    `modes`: whether reads are known, and whether they return lists.
    """
    if text[at] != 91:
        return -1
    spelling, at = verb_at(text, at + 1)
    if at < 0 or text[at] != 44:
        return -1
    state[SPELLINGS] |= 1 << spelling
    known, lists = modes
    verb = APPEND if spelling == 4 else READ if spelling >= 2 else WRITE
    if verb == READ and not known:
        return left_out(text, at)
    code, at = token_at(text, at + 1, tables.names, state)
    if at < 0 or text[at] != 44:
        return -1
    key, at, micro = key_of(code, tables.keys, state), at + 1, state[MICROS]
    if verb == READ and lists:
        value = state[LISTS]
        if text[at] == 110 or (text[at] == 91 and text[at + 1] == 93):
            columns.list_start[value] = columns.list_end[value] = 0
            at += 4 if text[at] == 110 else 2
        else:
            at = list_at(text, at, key, columns, tables, state) if text[at] == 91 else -1
        state[LISTS] = value + 1
    elif verb == READ and text[at] == 110:
        value, at = -1, at + 4
    else:
        code, at = token_at(text, at, tables.names, state)
        value = 0 if at < 0 else value_of(code, key, tables, state)
    if at < 0 or text[at] != 93:
        return -1
    columns.micro[VERB, micro], columns.micro[KEY, micro], columns.micro[VALUE, micro] = verb, key, value
    state[MICROS] = micro + 1
    return at + 1


@njit_inlined
def has_room(length: int, columns: Columns, tables: Tables, state: Ints) -> bool:
    """Is there room for whatever a text of this length may hold?"""
    micros, tokens = length // MICRO_BYTES + 1, length // TOKEN_BYTES + 1
    return bool(
        state[MICROS] + micros < columns.micro.shape[1]
        and state[LISTS] + micros < len(columns.list_start)
        and state[ELEMENTS] + ELEMENTS_ROOM * tokens < len(columns.elements)
        and state[KEYS] + micros < len(tables.keys.rows)
        and state[VALUES] + tokens < len(tables.values)
        and state[BLOCKS] + tokens < len(tables.blocks.rows)
        and state[NAMES] + tokens < len(tables.names.rows)
    )


@njit
def scan(
    pool: tuple[Bytes, Ints, Ints],
    modes: tuple[Bytes, bool],
    out: tuple[Small, Columns],
    tables: Tables,
    state: Ints,
) -> int:
    """Scan texts from `state[ROW]` on: those at some places of a pool (-1: nothing was done).

    `modes`: per row whether its reads are known, and whether reads return lists.  `out`: the first
    micro-operation of every row, and the columns.  DONE, DECLINED, or FULL where the tables must grow before
    it can go on.
    """
    text, offsets, places = pool
    known, lists = modes
    starts, columns = out
    for row in range(state[ROW], len(places)):
        place = places[row]
        if place >= 0:
            at, end = offsets[place] + 1, offsets[place + 1]
            if not has_room(end - at, columns, tables, state):
                state[ROW] = row
                return FULL
            if text[at] != 91:
                return DECLINED
            at += 1
            while at < end and text[at] != 93:
                at = micro_at(text, at, (known[row] != 0, lists), columns, tables, state)
                if at < 0:
                    return DECLINED
                at += text[at] == 44
        starts[row + 1] = state[MICROS]
    return DONE


@njit
def enter(count: int, salted: bool, index: Index) -> None:
    """Enter all keys, or all blocks (`salted`: a block belongs to a key), into slots that are free."""
    slots, rows = index
    for number in range(count):
        salt = rows[number, OF_KEY] + 1 if salted else 0
        slot = mixed(rows[number, CODE], salt) & (len(slots) - 1)
        while slots[slot] >= 0:
            slot = (slot + 1) & (len(slots) - 1)
        slots[slot] = number


@njit
def enter_names(count: int, text: Bytes, index: Index) -> None:
    """Enter all names into slots that are free."""
    slots, rows = index
    for number in range(count):
        start = rows[number, START]
        slot = hashed(text, start, start + rows[number, LENGTH]) & (len(slots) - 1)
        while slots[slot] >= 0:
            slot = (slot + 1) & (len(slots) - 1)
        slots[slot] = number
