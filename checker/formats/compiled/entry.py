"""Entries: the cells of one map, and the row that they become."""

from checker.formats.compiled.desk import (
    ABSENT,
    CELLS,
    COLUMNS,
    EDN,
    FIELDS,
    FINAL,
    INDEX,
    INT,
    KIND,
    KINDS,
    MARK_JSON,
    MEMO,
    MEMO_SLOTS,
    NIL,
    NODE,
    POOLED,
    PROCESS,
    READS,
    STACK,
    TIME,
    TYPE,
    VALUE,
    F,
)
from checker.formats.compiled.edn_value import edn_value, quoted, transcribed
from checker.formats.compiled.interning import free, interned
from checker.formats.compiled.json_value import is_strings, json_value
from checker.formats.compiled.token import (
    CLASS,
    DIGIT,
    LOW_4,
    TRUE,
    field_of,
    integer_at,
    name_end,
    nil_end,
    short_name_at,
    short_string_at,
    skipped,
    string_end,
    truth_end,
)
from checker.formats.compiled.word import byte, put_byte, put_half, put_word, word
from checker.kernel import njit_uncounted as njit


@njit
def text_cell(desk: int, at: int, notation: int) -> tuple[int, int]:
    """The number of the string or keyword that begins here, and the place after it; -1 where it is odd."""
    c = byte(at)
    if c == 34:
        name, stop = short_string_at(at)
    elif c == 58 and notation == EDN:
        name, stop = short_name_at(at)
    else:
        return 0, -1
    slot = (name ^ (name >> 11) ^ (name >> 27) ^ (name >> 43)) & (MEMO_SLOTS - 1)
    memo = desk + 8 * (MEMO + 2 * slot)
    if stop > 0 and word(memo) == name:
        return word(memo + 8), stop
    is_short = stop > 0
    if c == 34:
        stop = string_end(at, True)
        if stop < 0:
            return 0, -1
        number = interned(desk, at, stop, MARK_JSON)
    else:
        stop = name_end(at + 1)
        if stop < 0:
            return 0, -1
        begin = free(desk)
        number = interned(desk, begin, quoted(at + 1, stop, begin), MARK_JSON)
    if is_short:
        put_word(memo, name)
        put_word(memo + 8, number)
    return number, stop


@njit
def value_cell(desk: int, at: int, end: int, notation: int) -> tuple[int, int]:
    """The number of whatever value begins here, and the place after it; -1 where it is odd."""
    c = byte(at)
    if c == 34 or (c == 58 and notation == EDN):
        return text_cell(desk, at, notation)
    return edn_value(desk, at, end) if notation == EDN else json_value(desk, at, end, notation)


@njit
def reads_cell(desk: int, at: int, end: int, notation: int) -> tuple[int, int]:
    """The number of the list of strings that begins here, and the place after it; -1 where it is none."""
    if notation != EDN:
        return json_value(desk, at, end, notation) if is_strings(at, end) else (0, -1)
    begin = free(desk)
    stop, after, mark = transcribed(at, end, begin, desk + 8 * STACK)
    if stop < 0 or not is_strings(begin, after):
        return 0, -1
    return interned(desk, begin, after, mark), stop


@njit
def pooled(desk: int, at: int, end: int, notation: int, field: int) -> tuple[int, int]:
    """The number of what begins here and belongs to a field, and the place after it; -1 where it is odd."""
    if field == VALUE:
        return value_cell(desk, at, end, notation)
    if field == READS:
        return reads_cell(desk, at, end, notation)
    if field in (INDEX, TIME):
        return 0, -1
    number, stop = text_cell(desk, at, notation)
    if byte(at) == 34 and byte(at + 1) == 58 and field in (PROCESS, TYPE, F):
        return 0, -1  # The readers of operations leave out a colon at the front.
    return number, stop


@njit
def filled(desk: int, at: int, end: int, notation: int, field: int) -> int:
    """Fill the cell of a field from the value that begins here: the place after it, -1 where it is odd."""
    number, kind, stop, c = 0, INT, -1, byte(at)
    if field == FINAL:
        number, stop = 1 if word(at) & LOW_4 == TRUE else 0, truth_end(at)
        if stop < 0:
            return -1
    elif c == 45 or CLASS[c] & DIGIT:
        if field > VALUE:
            return -1
        number, stop = integer_at(at)
        if field == PROCESS and number < 0:
            return -1  # Below zero are the places of names.
    elif c == 110:
        kind, stop = NIL, nil_end(at, notation)
    if stop < 0:
        kind = POOLED
        number, stop = pooled(desk, at, end, notation, field)
    put_word(desk + 8 * (CELLS + field), number)
    put_word(desk + 8 * (KINDS + field), kind)
    return stop


@njit
def entry(desk: int, at: int, end: int, notation: int) -> int:
    """Fill the cells from the map that begins here: the place after it, -1 where it is odd or has no end."""
    kinds = desk + 8 * KINDS
    for field in range(FIELDS):
        put_word(kinds + 8 * field, ABSENT)
    at = skipped(at + 1, end, notation)
    is_first = True
    while byte(at) != 125:
        if notation != EDN and not is_first:
            if byte(at) != 44:
                return -1
            at = skipped(at + 1, end, notation)
        is_first = False
        if byte(at) != (58 if notation == EDN else 34):
            return -1
        name, at = short_name_at(at) if notation == EDN else short_string_at(at)
        field = field_of(name) if at > 0 else -1
        if field < 0 or word(kinds + 8 * field) != ABSENT:
            return -1
        at = skipped(at, end, notation)
        if notation != EDN:
            if byte(at) != 58:
                return -1
            at = skipped(at + 1, end, notation)
        at = filled(desk, at, end, notation, field)
        if at < 0:
            return -1
        at = skipped(at, end, notation)
    named = word(kinds + 8 * TYPE) == POOLED and word(kinds + 8 * F) == POOLED
    return at + 1 if named and word(kinds + 8 * PROCESS) > NIL else -1


@njit
def unplaced(desk: int) -> int:
    """A rare field of the entry at hand that holds something and has no column yet, -1 for none."""
    for field in range(NODE, FIELDS):
        if word(desk + 8 * (KINDS + field)) > NIL and word(desk + 8 * (COLUMNS + field)) == 0:
            return field
    return -1


@njit
def put(desk: int, row: int) -> None:
    """Write the cells of the entry at hand as the row of that number."""
    cells, kinds, columns = desk + 8 * CELLS, desk + 8 * KINDS, desk + 8 * COLUMNS
    for field in range(2):
        held = word(cells + 8 * field) if word(kinds + 8 * field) == INT else -1
        put_word(word(columns + 8 * field) + 8 * row, held)
    process, value = word(cells + 8 * PROCESS), word(cells + 8 * VALUE)
    if word(kinds + 8 * PROCESS) != INT:
        process = -1 - process
    put_word(word(columns + 8 * PROCESS) + 8 * row, process)
    kind = word(kinds + 8 * VALUE)
    put_word(word(columns + 8 * VALUE) + 8 * row, value if kind > NIL else 0)
    put_byte(word(columns + 8 * KIND) + row, max(kind, NIL))
    for field in range(TYPE, FINAL):
        column = word(columns + 8 * field)
        if column != 0:
            is_held = word(kinds + 8 * field) == POOLED
            put_half(column + 4 * row, word(cells + 8 * field) if is_held else -1)
    if word(columns + 8 * FINAL) != 0:
        is_final = word(kinds + 8 * FINAL) == INT and word(cells + 8 * FINAL) == 1
        put_byte(word(columns + 8 * FINAL) + row, is_final)
