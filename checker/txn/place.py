"""Where the loops of this package run: as plain Python over lists, or compiled over numpy arrays.

Every loop is written once, over things that are indexed and hold integers, and gets the arrays it works in
from its caller.  `Plain` runs it as it is (no import of numpy, at once); `Compiled` hands it to numba.  So
the two paths cannot disagree about an algorithm; the tests hold them to the same answers all the same.

Rules of this file
  1. A loop uses nothing but integers, `range`, `len` and indexing.
  2. Nothing is imported from numpy or numba before `Compiled` is made.
"""

from collections.abc import Callable
from typing import Any, Protocol

Ints = Any
"""A list of int, or a one-dimensional integer array: what a loop may read and write."""

Loop = Callable[..., Any]

LARGE = 20_000
"""Steps and elements read from which on the compiled path is worth loading numba and numpy (a second)."""


class Place(Protocol):
    """Makes arrays and runs loops over them."""

    def full(self, size: int, value: int) -> Ints:
        """An array of `size` equal integers."""

    def room(self, size: int) -> Ints:
        """An array of `size` integers that are written before they are read."""

    def small(self, size: int) -> Ints:
        """An array of `size` zeros, which takes no number above 100."""

    def cut(self, array: Ints, size: int) -> Ints:
        """The first `size` of an array that is not used any more; the rest is given back."""

    def sink(self, size: int) -> Ints:
        """What looks like an array of `size` integers, is written to, and need not hold them."""

    def run(self, loop: Loop, *arguments: Any) -> Any:
        """Call the loop."""


class Plain:
    """Lists and the interpreter."""

    def full(self, size: int, value: int) -> Ints:
        """A list."""
        return [value] * size

    def room(self, size: int) -> Ints:
        """A list."""
        return [0] * size

    def small(self, size: int) -> Ints:
        """A list."""
        return [0] * size

    def cut(self, array: Ints, size: int) -> Ints:
        """A list."""
        return array[:size]

    def sink(self, size: int) -> Ints:
        """A list."""
        return [0] * size

    def run(self, loop: Loop, *arguments: Any) -> Any:
        """A call."""
        return loop(*arguments)


class Compiled:
    """numpy arrays of 32 bits and numba. Raises ImportError where they are not installed."""

    _loops: dict[Loop, Loop] = {}  # noqa: RUF012 - compiled once for the whole process, by design

    def __init__(self) -> None:
        import numpy

        from checker import kernel

        if not kernel.available():
            raise ImportError("numba is not installed; install splitbrain[scale]")
        self._numpy = numpy
        self._njit = kernel.njit

    def full(self, size: int, value: int) -> Ints:
        """An int32 array."""
        return self._numpy.full(size, value, dtype=self._numpy.int32)

    def room(self, size: int) -> Ints:
        """An int32 array as it comes: what is not written costs nothing."""
        return self._numpy.empty(size, dtype=self._numpy.int32)

    def small(self, size: int) -> Ints:
        """An int8 array; what is not written costs nothing."""
        return self._numpy.zeros(size, dtype=self._numpy.int8)

    def cut(self, array: Ints, size: int) -> Ints:
        """The same array, smaller: nothing is copied. It must come from `room` or `full`."""
        array.resize(size, refcheck=False)
        return array

    def sink(self, size: int) -> Ints:
        """An int32 array all of whose places are one and the same: it takes no memory."""
        one = self._numpy.empty(1, dtype=self._numpy.int32)
        return self._numpy.lib.stride_tricks.as_strided(one, (size,), (0,))

    def run(self, loop: Loop, *arguments: Any) -> Any:
        """A call of the machine code, which numba makes at the first one and keeps on disk."""
        if loop not in self._loops:
            self._loops[loop] = self._njit(loop)
        return self._loops[loop](*arguments)


def place_for(operations: int) -> Place:
    """Compiled for large inputs where numba is installed, else plain."""
    if operations >= LARGE:
        try:
            return Compiled()
        except ImportError:
            pass
    return Plain()
