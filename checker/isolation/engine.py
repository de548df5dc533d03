"""Two ways to run one kernel: as plain Python on lists, or compiled on numpy vectors.

A kernel of this package is written once, with nothing but integers, loops and indexing; all memory that it
needs is handed to it.  So the same text runs in the interpreter (no import, right for small histories and
where numba is missing) and compiled (right for millions of operations), and the two cannot drift apart.

Rule of this file: numpy and numba are imported only when the compiled engine is made.
"""

import functools
from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any, Protocol
from zlib import crc32

from checker import kernel
from checker.isolation.columns import Ints, TransactionColumns

COMPILED_FROM = 20_000
"""Operations from which compiling pays: below, the interpreter is done before numba is imported."""


SHORT, LONG = 67, 4_003
"""Primes by which all powers of two have different remainders, up to the last power before the prime."""


NARROW = 2**16 - 1
"""The largest number of a narrow matrix. Most of the memory that is gone through are clocks."""


class Engine(Protocol):
    """Makes vectors and runs kernels on them. `bits`: of a word that are for use, an even number."""

    bits: int

    def vector(self, length: int, fill: int = 0) -> Ints:
        """A vector of integers that fit 32 bits: numbers of operations and of what there is fewer of."""

    def filled(self, values: Sequence[int]) -> Ints:
        """A vector of these."""

    def flags(self, length: int, fill: int = 0) -> Ints:
        """A vector of integers below a hundred."""

    def words(self, length: int) -> Ints:
        """A vector of zeros that can become words of bits, or any integers that fit 64 bits."""

    def bit_numbers(self) -> Ints:
        """Which power of two has which remainder by the length of this: it tells the number of a lone bit."""

    def rows(self, length: int, width: int, up_to: int) -> Ints:
        """So many vectors of zeros, each of this width, that can become integers from 0 up to a number."""

    def part(self, column: Ints, low: int, high: int) -> Ints:
        """A part of a vector."""

    def joined(self, first: Ints, second: Ints) -> Ints:
        """One vector behind the other, as a new one."""

    def arranged(self, columns: Sequence[Ints], by: Ints) -> list[Ints]:
        """Copies of these, so that one of them increases."""

    def head(self, column: Ints, length: int) -> Ints:
        """The first part of a vector, to read."""

    def listed(self, column: Ints) -> list[int]:
        """A vector to go through in Python."""

    def grown(self, column: Ints, used: int, room: int) -> Ints:
        """The first part of a vector with so much room behind it: the same vector if it has that."""

    def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a kernel."""

    def adopt(self, columns: TransactionColumns) -> TransactionColumns:
        """The columns in the form that this engine is fast with."""


class Interpreted:
    """Lists, and the interpreter. Its integers have any length: the rows of most regions are one word."""

    bits = LONG - 1

    def vector(self, length: int, fill: int = 0) -> Ints:
        """A list."""
        return [fill] * length

    def filled(self, values: Sequence[int]) -> Ints:
        """A list."""
        return list(values)

    def flags(self, length: int, fill: int = 0) -> Ints:
        """A list."""
        return [fill] * length

    def words(self, length: int) -> Ints:
        """A list."""
        return [0] * length

    def bit_numbers(self) -> Ints:
        """A list."""
        return _bit_numbers(LONG)

    def rows(self, length: int, width: int, up_to: int) -> Ints:
        """A list of lists."""
        return [[0] * width for _ in range(length)]

    def part(self, column: Ints, low: int, high: int) -> Ints:
        """A list."""
        return column[low:high]

    def joined(self, first: Ints, second: Ints) -> Ints:
        """A list."""
        return [*first, *second]

    def arranged(self, columns: Sequence[Ints], by: Ints) -> list[Ints]:
        """Lists."""
        order = sorted(range(len(by)), key=by.__getitem__)
        return [[column[at] for at in order] for column in columns]

    def head(self, column: Ints, length: int) -> Ints:
        """A list."""
        return column[:length]

    def listed(self, column: Ints) -> list[int]:
        """A list."""
        return list(column)

    def grown(self, column: Ints, used: int, room: int) -> Ints:
        """A list."""
        return column[:used] + [0] * room

    def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call the kernel as the Python function that it is."""
        return function(*arguments)

    def adopt(self, columns: TransactionColumns) -> TransactionColumns:
        """Lists of plain integers: numpy's own would make each step slow, and silently wrap around."""
        return _each(columns, lambda _, column: list(map(int, column)))


class Compiled:
    """Numpy vectors, and numba."""

    bits = SHORT - 5

    def vector(self, length: int, fill: int = 0) -> Ints:
        """A vector of int32."""
        import numpy

        return _filled(length, fill, numpy.int32)

    def filled(self, values: Sequence[int]) -> Ints:
        """A vector of int32."""
        import numpy

        return numpy.array(values, dtype=numpy.int32)

    def flags(self, length: int, fill: int = 0) -> Ints:
        """A vector of int8."""
        import numpy

        return _filled(length, fill, numpy.int8)

    def words(self, length: int) -> Ints:
        """A vector of int64."""
        import numpy

        return numpy.zeros(length, dtype=numpy.int64)

    def bit_numbers(self) -> Ints:
        """A vector of int64."""
        return _bit_numbers_vector(SHORT)

    def rows(self, length: int, width: int, up_to: int) -> Ints:
        """A matrix of uint16, or int32 where that is too narrow: kernels are compiled for what is met."""
        import numpy

        return numpy.zeros((length, width), dtype=numpy.uint16 if up_to <= NARROW else numpy.int32)

    def part(self, column: Ints, low: int, high: int) -> Ints:
        """A vector of its own, so that the rest can be forgotten."""
        return column[low:high].copy()

    def joined(self, first: Ints, second: Ints) -> Ints:
        """A vector."""
        import numpy

        return numpy.concatenate((first, second))

    def arranged(self, columns: Sequence[Ints], by: Ints) -> list[Ints]:
        """Vectors."""
        import numpy

        order = numpy.argsort(by, kind="stable")
        return [column[order] for column in columns]

    def head(self, column: Ints, length: int) -> Ints:
        """A part of the vector itself."""
        return column[:length]

    def listed(self, column: Ints) -> list[int]:
        """A list of plain integers: numpy's own are slow one by one."""
        return list(column.tolist())

    def grown(self, column: Ints, used: int, room: int) -> Ints:
        """A vector that has the more room, the longer it is: so it seldom has to be copied."""
        if used + room <= len(column):
            return column
        longer = _filled(used + room + used // 2, 0, column.dtype)
        longer[:used] = column[:used]
        return longer

    def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call the kernel's machine code; made at first use, then kept on disk."""
        return _compiled(function)(*arguments)

    def adopt(self, columns: TransactionColumns) -> TransactionColumns:
        """Contiguous vectors, as narrow as they may be; no copy where they are that already."""
        import numpy

        def narrow(name: str, column: Ints) -> Ints:
            width = numpy.int8 if name in ("kind", "status") else numpy.int32
            return numpy.ascontiguousarray(column, dtype=width)

        return _each(columns, narrow)


def _filled(length: int, fill: int, width: Any) -> Ints:
    """A vector; the memory of zeros is only taken where something is written."""
    import numpy

    return numpy.full(length, fill, dtype=width) if fill else numpy.zeros(length, dtype=width)


@functools.cache
def _bit_numbers(prime: int) -> list[int]:
    """Which power of two has which remainder by this prime."""
    numbers = [0] * prime
    for power in range(prime - 1):
        numbers[pow(2, power, prime)] = power
    return numbers


@functools.cache
def _bit_numbers_vector(prime: int) -> Ints:
    import numpy

    return numpy.array(_bit_numbers(prime))


def engine_for(operations: int) -> Engine:
    """The engine that answers first for so many operations."""
    return Compiled() if operations >= COMPILED_FROM and kernel.available() else Interpreted()


def _each(columns: TransactionColumns, convert: Callable[[str, Ints], Ints]) -> TransactionColumns:
    counts = {name: int(getattr(columns, name)) for name in ("sessions", "keys", "versions")}
    names = (name for name in columns._fields if name not in counts)
    return TransactionColumns(**{name: convert(name, getattr(columns, name)) for name in names}, **counts)


@functools.cache
def _compiled(function: Callable[..., Any], inline: bool = False) -> Callable[..., Any]:
    """The machine code of a kernel.

    Kernels that it calls are written into it, for a call passes on every column.  It is a copy that calls
    their compiled forms.  The copy's name has a digest of them in it, because what numba keeps on disk is
    filed by name and by the kernel's own file.
    """
    door = kernel.njit_inlined if inline else kernel.njit_uncounted
    called = {
        name: value
        for name in function.__code__.co_names
        if isinstance(value := function.__globals__.get(name), FunctionType)
    }
    if not called:
        return door(function)
    linked = FunctionType(
        function.__code__,
        function.__globals__ | {name: _compiled(value, True) for name, value in called.items()},
        function.__name__,
    )
    linked.__qualname__ = f"{function.__name__}_{_digest(function):08x}"
    return door(linked)


def _digest(function: Callable[..., Any]) -> int:
    """Changes when the kernel, or one that it calls, does."""
    code, digest = function.__code__, 0
    for name in code.co_names:
        if isinstance(value := function.__globals__.get(name), FunctionType):
            digest = crc32(_digest(value).to_bytes(4), digest)
    return crc32(repr((code.co_code, code.co_consts, code.co_names)).encode(), digest)
