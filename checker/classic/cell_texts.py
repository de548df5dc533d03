"""Where the values of a table stand as text, for kernels that read them there.

Values that were read from a file have text already (`checker.pool`).  Those of entries with odd fields are
Python objects, and are written as JSON behind it, if they are of a kind that is the same element exactly if
it is the same text: integers, strings, true, false, nil, and lists of these.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from checker.table import POOLED

if TYPE_CHECKING:
    from checker.pool import Pool
    from checker.table import Table

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]

OPENING = ord("[")


class OddElement(Exception):
    """There is an element that cannot be compared as text. Never leaves this package."""


class Texts(NamedTuple):
    """Cells of a table (`kind`, `value`), and for pooled values where they stand in `text`.

    `is_list`: it is a list.  A text that begins with `[` is one, and so is a Python list.
    """

    text: Bytes
    kind: NDArray[np.int8]
    value: Ints
    start: Ints
    stop: Ints
    is_list: NDArray[np.bool_]

    def first(self, count: int) -> "Texts":
        """The first cells, with the same text."""
        text, kind, value, start, stop, is_list = self
        return Texts(text, kind[:count], value[:count], start[:count], stop[:count], is_list[:count])


def texts_of(table: "Table", rows: Ints) -> Texts:
    """The values in these rows. Raises OddElement."""
    kind, value = table.kind[rows], table.value[rows]
    start = np.zeros(len(rows), dtype=np.int64)
    stop = np.zeros(len(rows), dtype=np.int64)
    is_list = np.zeros(len(rows), dtype=np.bool_)
    read = np.flatnonzero((kind == POOLED) & (value < table.pool.read))
    start[read] = table.pool.offsets[value[read]] + 1
    stop[read] = table.pool.offsets[value[read] + 1]
    is_list[read] = table.pool.text[start[read]] == OPENING
    text = table.pool.text
    others = np.flatnonzero((kind == POOLED) & (value >= table.pool.read))
    if len(others):
        places, at = np.unique(value[others], return_inverse=True)
        more, begins, ends, lists = _written(table.pool, places.tolist())
        start[others], stop[others] = begins[at] + len(text), ends[at] + len(text)
        is_list[others] = lists[at]
        text = np.concatenate([text, more])
    return Texts(text, kind, value, start, stop, is_list)


def _written(pool: "Pool", places: Sequence[int]) -> tuple[Bytes, Ints, Ints, NDArray[np.bool_]]:
    """Objects of the pool as JSON: the text, where in it each begins and ends, and which are lists."""
    values = [pool[place] for place in places]
    if not all(map(is_plain, values)):
        raise OddElement
    try:
        written = [msgspec.json.encode(value) for value in values]
    except (OverflowError, UnicodeEncodeError, msgspec.MsgspecError):
        raise OddElement from None
    lengths = np.array([len(each) for each in written])
    ends = np.cumsum(lengths + 1)
    text = np.frombuffer(b"\n".join([b"", *written, b""]), dtype=np.uint8)
    return text, ends - lengths, ends, np.array([isinstance(value, list) for value in values])


def is_plain(value: Any) -> bool:
    """Is it of a kind that is the same element exactly if it is the same text?"""
    if isinstance(value, (list, tuple)):
        return all(map(is_plain, value))
    return value is None or type(value) in (int, str, bool)
