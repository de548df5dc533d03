"""The values of a table: every different one once, decoded when somebody asks for it.

A file of a million transactions holds millions of different values.  The compiled reader keeps them as text,
and compiled checkers take what they need from that text; a Python object is made for the few values that a
verdict names.

Rules of this file
  1. Places below `read` have text: `text[offsets[i]:offsets[i + 1]]` is a mark of one byte (a newline) and
     the value as JSON without blanks.  EDN was transcribed: keywords are strings, lists, vectors and sets
     are arrays.  The compiled reader writes valid texts and no others.
  2. Places from there on hold objects that were appended.
  3. A value is shared by all who ask: it is read, never changed.
"""

from collections.abc import Iterable, Sequence
from typing import Any, overload

import msgspec
import numpy as np
import numpy.typing as npt

Text = npt.NDArray[np.uint8]
Offsets = npt.NDArray[np.int64]

MARK = ord("\n")
MARK_OF_NUMBERED = ord("M")
"""What the compiled reader puts before a map whose keys were integers; JSON knows only text there."""

_anything = msgspec.json.Decoder()


class Pool(Sequence[Any]):
    """Values by place. `text` (uint8), `offsets` (int64, one more than texts) and `read`: see the rules."""

    def __init__(self, values: Iterable[Any] = ()) -> None:
        self.text: Text = np.zeros(0, dtype=np.uint8)
        self.offsets: Offsets = np.zeros(1, dtype=np.int64)
        self.read = 0
        self._numbered: frozenset[int] = frozenset()
        self._decoded: dict[int, Any] | list[Any] = {}
        self._objects = list(values)

    @classmethod
    def of_text(cls, text: Text, offsets: Offsets) -> "Pool":
        """The pool of the compiled reader, whose texts are valid."""
        pool = cls()
        starts, end = offsets[:-1], int(offsets[-1])
        pool._numbered = frozenset(np.flatnonzero(text[starts] == MARK_OF_NUMBERED).tolist())
        text[starts] = MARK
        pool.text, pool.offsets, pool.read = text[:end], offsets, len(starts)
        return pool

    def __len__(self) -> int:
        return self.read + len(self._objects)

    @overload
    def __getitem__(self, at: int) -> Any: ...

    @overload
    def __getitem__(self, at: slice) -> list[Any]: ...

    def __getitem__(self, at: int | slice) -> Any:
        if isinstance(at, slice):
            return [self[place] for place in range(*at.indices(len(self)))]
        if at >= self.read:
            return self._objects[at - self.read]
        if isinstance(self._decoded, list):
            return self._decoded[at]
        if at not in self._decoded:
            self._decoded[at] = self._decode(at)
        return self._decoded[at]

    def append(self, value: Any) -> None:
        """Give the value the next place."""
        self._objects.append(value)

    def decode_all(self) -> None:
        """Decode every text at once, which is many times faster than one by one."""
        if isinstance(self._decoded, dict):
            decoded: list[Any] = _anything.decode_lines(self.text.data)
            for place in self._numbered:
                decoded[place] = _by_number(decoded[place])
            self._decoded = decoded

    def find(self, value: Any) -> int:
        """A place of the value, -1 where it has none that its plain notation finds."""
        notation = np.frombuffer(msgspec.json.encode(value), dtype=np.uint8)
        starts = self.offsets[:-1]
        places = np.flatnonzero(np.diff(self.offsets) == len(notation) + 1)
        for at, byte in enumerate(notation, start=1):
            places = places[self.text[starts[places] + at] == byte]
        for place in places.tolist():
            if place not in self._numbered:
                return int(place)
        for at, each in enumerate(self._objects):
            if type(each) is type(value) and each == value:
                return self.read + at
        return -1

    def strings(self) -> dict[str, int]:
        """Every string that has text, with its place."""
        starts = self.offsets[:-1]
        places = np.flatnonzero(self.text[starts + 1] == ord('"')).tolist() if self.read else []
        return {self._decode(place): place for place in places}

    def _decode(self, place: int) -> Any:
        value = _anything.decode(self.text[self.offsets[place] + 1 : self.offsets[place + 1]].data)
        return _by_number(value) if place in self._numbered else value


def _by_number(value: dict[str, Any]) -> dict[int, Any]:
    return {int(key): kept for key, kept in value.items()}
