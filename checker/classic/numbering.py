"""Numbers for the elements in cells, equal ones for equal elements, at the same price for any number of them.

What is done per element afterwards is done in tables of bytes that are looked up by number.  Integers that
lie close together, as those of a client that counts do, are numbered from the least one: nothing is stored,
and nothing is searched.  All other elements are left to `sorted_out.py`, and get the numbers from there on.

Rules of this file
  1. Two elements are the same as `element_numbers.py` says (its rule 1), or an OddElement is raised.
  2. Numbers have no order, and not every number below `size` need have an element.
  3. Where all elements are close integers, their occurrences are gone through in blocks that stay in the
     cache, as often as anybody wants to see them.  They are written down only where there are others.

`element_numbers.py` numbers without gaps in the order of meeting instead, and goes on while reads are traced.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from checker.classic import sorted_out
from checker.classic.blocks import STRANGE, Block, block_of, fill, start
from checker.classic.cell_texts import Ints, OddElement
from checker.classic.cells import CELLS, HIGHEST, INTEGERS, LOWEST, ROOM, Cells, Small
from checker.classic.element_numbers import ODD
from checker.classic.findings import VALUES_MAX, least
from checker.classic.sorted_out import NOTHING, Sorted
from checker.kernel import njit_uncounted as njit

T = TypeVar("T")

BLOCK = 1 << 16
"""So many elements are looked at, or are Python objects, at a time."""

WIDTHS: tuple[tuple[Any, int], ...] = ((np.uint8, 255), (np.int32, 1 << 31))
"""Types for counts by element, with a limit that they must not come to; the second one always suffices."""


class _StrangeElement(Exception):
    """There is an element that is no close integer."""


class Marked(NamedTuple):
    """Elements as a mask over all numbers."""

    mask: NDArray[np.bool_]

    def __len__(self) -> int:
        return int(np.count_nonzero(self.mask))


class Numbered(NamedTuple):
    """The elements of cells. Numbers below `span` are integers from `lowest` on, the rest are `others`.

    `written` has all occurrences, if they had to be written down.
    """

    cells: Cells
    lowest: int
    span: int
    others: Sorted
    written: Block | None

    @property
    def size(self) -> int:
        """A bound for the numbers."""
        return self.span + len(self.others.code)

    def blocks(self) -> Iterator[Block]:
        """All occurrences in order. A block is to be used before the next one is asked for."""
        if self.written is not None:
            yield self.written
            return
        block, cursor = block_of(BLOCK, self.cells.width), start()
        while count := fill(self.cells, (self.lowest, self.span), cursor, block, sorted_out.refusing()):
            if count == ODD:
                raise OddElement
            if count == STRANGE:
                raise _StrangeElement
            yield block.first(count)

    def occurrences(self, wanted: list[int]) -> Block:
        """Those of some elements."""
        mask = np.zeros(self.size, dtype=np.bool_)
        mask[wanted] = True
        found = [block_of(0, self.cells.width)]
        for block in self.blocks():
            places = np.empty(len(block.numbers), dtype=np.int64)
            places = places[: _places(block.numbers, mask, places)]
            found.append(Block(block.numbers[places], block.tags[places], block.rows[places]))
        numbers, tags, rows = zip(*found, strict=True)
        return Block(np.concatenate(numbers), np.concatenate(tags), np.concatenate(rows))

    def in_order(self, mask: NDArray[np.bool_], only: int = 255) -> list[int]:
        """The numbers that are marked, in the order of meeting them with a tag that has one of these bits."""
        found: list[int] = []
        left = mask.copy()
        count = int(np.count_nonzero(mask))
        for block in self.blocks() if count else ():
            if len(found) == count:
                break
            places = np.empty(len(block.numbers), dtype=np.int64)
            places = places[: _first_places(block, left, only, places)]
            found += block.numbers[places].tolist()
        return found

    def values(self, numbers: Any) -> list[Any]:
        """These elements as Python values."""
        at = np.asarray(numbers, dtype=np.int64)
        values: list[Any] = (at + self.lowest).tolist()
        others = np.flatnonzero(at >= self.span)
        if len(others):
            found = sorted_out.values(self.cells.pages.text, self.others, at[others] - self.span)
            for place, value in zip(others.tolist(), found, strict=True):
                values[place] = value
        return values

    def sample(self, numbers: Any) -> list[Any]:
        """The least of these elements, as `findings.sample` gives them."""
        if isinstance(numbers, Marked):
            if not numbers.mask[self.span :].any():
                return self._first(numbers.mask)
            numbers = np.flatnonzero(numbers.mask)
        at = np.asarray(numbers, dtype=np.int64)
        if len(at) > VALUES_MAX and bool((at < self.span).all()):
            at = np.sort(np.partition(at, VALUES_MAX)[:VALUES_MAX])
        return least(lambda: self._each(at))

    def _first(self, mask: NDArray[np.bool_]) -> list[Any]:
        places = np.empty(VALUES_MAX, dtype=np.int64)
        return (places[: _first_marked(mask, places)] + self.lowest).tolist()  # type: ignore[no-any-return]

    def _each(self, at: Ints) -> Iterator[Any]:
        for first in range(0, len(at), BLOCK):
            yield from self.values(at[first : first + BLOCK])


def judged(cells: Cells, judge: Callable[[Numbered], T]) -> T:
    """What `judge` makes of the elements, which it is to go through once at least. Raises OddElement."""
    measures = cells.measures()
    lowest, span = _range(measures)
    if measures[CELLS] == (measures[INTEGERS] if span else 0):
        try:
            return judge(Numbered(cells, lowest, span, NOTHING, None))
        except _StrangeElement:
            pass
    return judge(_written(cells, measures[ROOM], (lowest, span)))


def _range(measures: list[int]) -> tuple[int, int]:
    """The least integer and how many there are from it on, if it is not too far to the greatest one."""
    span = measures[HIGHEST] - measures[LOWEST] + 1
    return (measures[LOWEST], span) if 0 < span <= 4 * measures[INTEGERS] + 1024 else (0, 0)


def _written(cells: Cells, room: int, direct: tuple[int, int]) -> Numbered:
    """All occurrences written down, after the other elements were told from each other."""
    block, others = block_of(room, cells.width), sorted_out.counting(room)
    count = fill(cells, direct, start(), block, others)
    if count == ODD:
        raise OddElement
    others = sorted_out.filling(others)
    fill(cells, direct, start(), block, others)
    found = sorted_out.sorted_out(cells.pages.text, others, block.numbers, direct[1])
    return Numbered(cells, *direct, found, block.first(count))


def counted(met: Numbered) -> NDArray[Any]:
    """How often each element is there: in bytes, if they suffice."""
    for dtype, limit in WIDTHS:
        counts = np.zeros(met.size, dtype=dtype)
        if all(_count(block.numbers, counts, limit) for block in met.blocks()):
            break
    return counts


# --- kernels ---------------------------------------------------------------------------------------


@njit
def _count(numbers: Small, counts: NDArray[Any], limit: int) -> bool:
    """Count; False when one comes to the limit."""
    for number in numbers:
        counts[number] += 1
        if counts[number] == limit:
            return False
    return True


@njit
def _places(numbers: Small, mask: NDArray[np.bool_], places: Ints) -> int:
    count = 0
    for place in range(len(numbers)):
        if mask[numbers[place]]:
            places[count] = place
            count += 1
    return count


@njit
def _first_places(block: Block, left: NDArray[np.bool_], only: int, places: Ints) -> int:
    """Where elements that are left are met; they are taken off."""
    count = 0
    for place in range(len(block.numbers)):
        number = block.numbers[place]
        if left[number] and block.tags[place] & only:
            left[number] = False
            places[count] = place
            count += 1
    return count


@njit
def _first_marked(mask: NDArray[np.bool_], places: Ints) -> int:
    count = 0
    for number in range(len(mask)):
        if mask[number]:
            if count == len(places):
                break
            places[count] = number
            count += 1
    return count
