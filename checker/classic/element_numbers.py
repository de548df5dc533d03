"""Numbers for the elements of sets and queues, from the text of a table: equal ones get equal numbers.

Lists of elements (what a read or a drain showed) are gone through as text, and no object is made of what
they hold.

Rules of this file
  1. An integer of at most 18 digits and nil are themselves.  Two other elements are the same exactly if
     their texts are.  That holds for strings without escapes, true, false, longer integers, and lists of
     all these; what it does not hold for (1.0 and 1.00, maps, escapes) is an OddElement, and the caller
     takes the way through objects, where `element.identity` decides.
  2. Numbers are given in the order in which elements are met, from 0, without gaps.
  3. Import this module only where a table is about to be judged: it needs numba.

Cost: linear in the text; about 40 bytes for a different element.
"""

from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from checker.classic.cell_texts import Bytes, Ints, OddElement, Texts
from checker.classic.findings import VALUES_MAX, sample
from checker.kernel import njit_uncounted as njit

Small = NDArray[np.int32]

INT, NIL, TEXT = 1, 0, 2
"""Kinds of elements, as in `checker.table`."""

ODD = -1
"""In place of a number: an odd element."""

COUNT, LOWEST, SPAN = range(3)
"""What `state` holds: how many elements there are, and which integers `direct` knows: so many from LOWEST."""

DIGITS_MAX = 18
QUOTE, COMMA, MINUS, ZERO, NINE, OPENING, CLOSING, BACKSLASH = b'",-09[]\\'


class Elements(NamedTuple):
    """The hash table: `slots` hold numbers or -1; per number its kind, its integer or hash, and its text.

    `direct` has the numbers of the integers that `state` says, or -1, and these are not in the hash table:
    where elements are counted through, as they nearly always are, nothing is hashed.
    """

    text: Bytes
    slots: Small
    kind: NDArray[np.int8]
    code: Ints
    start: Ints
    stop: Ints
    direct: Small
    state: Ints


class Met(NamedTuple):
    """The elements of some cells: those of cell i are `numbers[first[i]:first[i + 1]]`, one unless a list."""

    elements: Elements
    numbers: Small
    first: Ints

    @property
    def different(self) -> int:
        """How many different elements there are."""
        return int(self.elements.state[COUNT])

    def values(self, numbers: Any) -> list[Any]:
        """These elements as Python values."""
        return values_of(self.elements, np.asarray(numbers, dtype=np.int64))

    def sample(self, numbers: Any) -> list[Any]:
        """The least of these elements, as `findings.sample` gives them."""
        at = np.asarray(numbers, dtype=np.int64)
        if len(at) <= VALUES_MAX or (self.elements.kind[at] != INT).any():
            return sample(self.values(at))
        least: list[Any] = np.sort(np.partition(self.elements.code[at], VALUES_MAX)[:VALUES_MAX]).tolist()
        return least


def met_in(texts: Texts, taken_apart: NDArray[np.bool_], room: int = 0) -> Met:
    """Number the elements of all cells, in order; of lists that are `taken_apart`, what they hold.

    `room`: for so many elements that will be met later.  Raises OddElement.
    """
    size = sizes(texts, taken_apart)
    first = np.zeros(len(size) + 1, dtype=np.int64)
    np.cumsum(size, out=first[1:])
    elements = _empty(texts, taken_apart, int(first[-1]) + room)
    numbers = np.empty(int(first[-1]), dtype=np.int32)
    if _met(texts, taken_apart, elements, numbers, first) == ODD:
        raise OddElement
    return Met(elements, numbers, first)


def _empty(texts: Texts, taken_apart: NDArray[np.bool_], room: int) -> Elements:
    """No elements yet, with room for so many; integers that lie close together are found directly."""
    integers = texts.value[(texts.kind == INT) & ~taken_apart]
    lowest = int(integers.min()) if len(integers) else 0
    span = int(integers.max()) - lowest + 1 if len(integers) else 0
    span = span if span <= 4 * len(integers) + 1024 else 0
    slots = 1 << max(2 * room, 8).bit_length()
    return Elements(
        text=texts.text,
        slots=np.full(slots, -1, dtype=np.int32),
        kind=np.empty(room, dtype=np.int8),
        code=np.empty(room, dtype=np.int64),
        start=np.empty(room, dtype=np.int64),
        stop=np.empty(room, dtype=np.int64),
        direct=np.full(span, -1, dtype=np.int32),
        state=np.array([0, lowest, span]),
    )


def grown(elements: Elements) -> Elements:
    """The same elements with room for twice as many."""
    room = 2 * len(elements.kind)
    slots = np.full(1 << max(2 * room, 8).bit_length(), -1, dtype=np.int32)
    kind, code, start, stop = (
        np.concatenate([column, np.empty_like(column)])
        for column in (elements.kind, elements.code, elements.start, elements.stop)
    )
    made = Elements(elements.text, slots, kind, code, start, stop, elements.direct, elements.state)
    _enter(made)
    return made


def values_of(elements: Elements, numbers: Ints) -> list[Any]:
    """The elements of these numbers as Python values; what has text is decoded all at once."""
    values: list[Any] = elements.code[numbers].tolist()
    kinds = elements.kind[numbers]
    for at in np.flatnonzero(kinds == NIL).tolist():
        values[at] = None
    written = np.flatnonzero(kinds == TEXT)
    start, stop = elements.start[numbers[written]], elements.stop[numbers[written]]
    for at, value in zip(written.tolist(), decoded(elements.text, start, stop), strict=True):
        values[at] = value
    return values


def decoded(text: Bytes, start: Ints, stop: Ints) -> list[Any]:
    """The values that stand here, decoded all at once."""
    if not len(start):
        return []
    joined = np.empty(int((stop - start).sum()) + len(start) + 1, dtype=np.uint8)
    _join(text, start, stop, joined)
    values: list[Any] = msgspec.json.decode(joined.data)
    return values


# --- kernels ---------------------------------------------------------------------------------------


@njit
def plain_end(text: Bytes, at: int) -> int:  # noqa: PLR0912
    """The place after the element that begins here, or ODD."""
    depth = 0
    while True:
        c = text[at]
        if c == QUOTE:
            at += 1
            while text[at] != QUOTE:
                if text[at] == BACKSLASH:
                    return ODD
                at += 1
            at += 1
        elif c == OPENING:
            at, depth = at + 1, depth + 1
            if text[at] != CLOSING:
                continue
        elif c in (MINUS, ZERO) or ZERO <= c <= NINE:
            begin = at
            at += 1
            while ZERO <= text[at] <= NINE:
                at += 1
            if text[begin] == MINUS and text[begin + 1] == ZERO:
                return ODD
        elif 97 <= c <= 122:
            while 97 <= text[at] <= 122:
                at += 1
        elif c != CLOSING:
            return ODD
        while depth > 0 and text[at] == CLOSING:
            at, depth = at + 1, depth - 1
        if depth == 0:
            return at
        if text[at] != COMMA:
            return ODD
        at += 1


@njit
def slot_of(kind: int, code: int, mask: int) -> int:
    """Where in the hash table the search for an element begins."""
    word = (np.int64(code) ^ (np.int64(kind) << 62)) * np.int64(0x5851F42D4C957F2D)
    return int((word ^ (word >> 32)) & mask)


@njit
def is_direct(elements: Elements, value: int) -> bool:
    """Is this an integer that `direct` knows?"""
    return bool(0 <= value - elements.state[LOWEST] < elements.state[SPAN])


@njit
def _enter(elements: Elements) -> None:
    """Enter all elements into new slots."""
    mask = len(elements.slots) - 1
    for number in range(elements.state[COUNT]):
        if elements.kind[number] == INT and is_direct(elements, elements.code[number]):
            continue
        slot = slot_of(elements.kind[number], elements.code[number], mask)
        while elements.slots[slot] >= 0:
            slot = (slot + 1) & mask
        elements.slots[slot] = number


@njit
def known_or_new(elements: Elements, kind: int, code: int, start: int, stop: int) -> int:
    """The number of an element: `code` is its integer, or the hash of its text."""
    text, slots, state = elements.text, elements.slots, elements.state
    mask = len(slots) - 1
    slot = slot_of(kind, code, mask)
    while slots[slot] >= 0:
        known = slots[slot]
        if elements.code[known] == code and elements.kind[known] == kind:
            if kind != TEXT:
                return int(known)
            if elements.stop[known] - elements.start[known] == stop - start:
                same, begin = True, elements.start[known]
                for i in range(stop - start):
                    if text[begin + i] != text[start + i]:
                        same = False
                        break
                if same:
                    return int(known)
        slot = (slot + 1) & mask
    slots[slot] = state[COUNT]
    return new(elements, kind, code, start, stop)


@njit
def new(elements: Elements, kind: int, code: int, start: int, stop: int) -> int:
    """The next number, for an element that was not met before."""
    number = elements.state[COUNT]
    elements.kind[number], elements.code[number] = kind, code
    elements.start[number], elements.stop[number] = start, stop
    elements.state[COUNT] = number + 1
    return int(number)


@njit
def of_integer(elements: Elements, value: int) -> int:
    """The number of an integer."""
    if not is_direct(elements, value):
        return known_or_new(elements, INT, value, 0, 0)
    at = value - elements.state[LOWEST]
    if elements.direct[at] < 0:
        elements.direct[at] = new(elements, INT, value, 0, 0)
    return int(elements.direct[at])


@njit
def of_text(elements: Elements, start: int, stop: int) -> int:
    """The number of an element that is no integer, from its text."""
    text = elements.text
    if stop - start == 4 and text[start] == 110:
        return known_or_new(elements, NIL, 0, 0, 0)
    code = np.int64(1469598103934665603)
    for i in range(start, stop):
        code = (code ^ np.int64(text[i])) * np.int64(1099511628211)
    return known_or_new(elements, TEXT, int(code ^ (code >> 29)), start, stop)


@njit
def next_in_list(elements: Elements, at: int) -> tuple[int, int]:
    """The number of the element that begins here in a list, or ODD, and the place after it."""
    text = elements.text
    begin = at
    negative = text[at] == MINUS
    if negative:
        at += 1
    digits, value = at, np.int64(0)
    while ZERO <= text[at] <= NINE and at - digits <= DIGITS_MAX:
        value = value * 10 + np.int64(text[at] - ZERO)
        at += 1
    if at > digits and at - digits <= DIGITS_MAX and text[at] in (COMMA, CLOSING):
        if negative and value == 0:
            return ODD, at
        return of_integer(elements, int(-value if negative else value)), at
    stop = plain_end(text, begin)
    if stop == ODD or text[stop] not in (COMMA, CLOSING):
        return ODD, at
    return of_text(elements, begin, stop), stop


@njit
def _of_cell(texts: Texts, cell: int, elements: Elements) -> int:
    """The number of the element in a cell, or ODD."""
    if texts.kind[cell] == INT:
        return of_integer(elements, texts.value[cell])
    if texts.kind[cell] == NIL:
        return known_or_new(elements, NIL, 0, 0, 0)
    if plain_end(texts.text, texts.start[cell]) != texts.stop[cell]:
        return ODD
    return of_text(elements, texts.start[cell], texts.stop[cell])


@njit
def _met(
    texts: Texts, taken_apart: NDArray[np.bool_], elements: Elements, numbers: Small, first: Ints
) -> int:
    """Fill `numbers`, and put the true `first` in the place of the upper bounds; ODD where one is odd."""
    count = 0
    for cell in range(len(taken_apart)):
        first[cell] = count
        if not taken_apart[cell]:
            number = _of_cell(texts, cell, elements)
            if number == ODD:
                return ODD
            numbers[count] = number
            count += 1
            continue
        at = texts.start[cell] + 1
        while at < texts.stop[cell] - 1:
            number, at = next_in_list(elements, at)
            if number == ODD:
                return ODD
            numbers[count] = number
            count, at = count + 1, at + 1
    first[len(taken_apart)] = count
    return count


@njit
def _count_at_most(texts: Texts, taken_apart: NDArray[np.bool_], size: Ints) -> None:
    for cell in range(len(taken_apart)):
        size[cell] = 1
        if taken_apart[cell]:
            for at in range(texts.start[cell], texts.stop[cell]):
                size[cell] += texts.text[at] == COMMA


@njit
def _join(text: Bytes, start: Ints, stop: Ints, joined: Bytes) -> None:
    """Write these texts as one JSON list."""
    n = 0
    for each in range(len(start)):
        joined[n] = COMMA if each else OPENING
        n += 1
        for at in range(start[each], stop[each]):
            joined[n] = text[at]
            n += 1
    joined[n] = CLOSING


def sizes(texts: Texts, taken_apart: NDArray[np.bool_]) -> Ints:
    """How many elements each cell has at most: one, and in a list one more for each comma."""
    size = np.empty(len(taken_apart), dtype=np.int64)
    _count_at_most(texts, taken_apart, size)
    return size
