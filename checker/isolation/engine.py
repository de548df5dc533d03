"""Two ways to run one kernel: as plain Python on lists, or compiled on numpy vectors.

A kernel of this package is written once, with nothing but integers, loops and indexing; all memory that it
needs is handed to it.  So the same text runs in the interpreter (no import, right for small histories and
where numba is missing) and compiled (right for millions of operations), and the two cannot drift apart.

Rule of this file: numpy and numba are imported only when the compiled engine is made.
"""

import functools
from collections.abc import Callable
from typing import Any, Protocol

from checker import kernel
from checker.isolation.columns import Ints, TransactionColumns

COMPILED_FROM = 20_000
"""Operations from which compiling pays: below, the interpreter is done before numba is imported."""


class Engine(Protocol):
    """Makes vectors and runs kernels on them."""

    def vector(self, length: int, fill: int = 0) -> Ints:
        """A vector of 64-bit integers."""

    def clocks(self, length: int) -> Ints:
        """A vector of zeros for positions in sessions, which fit 32 bits and of which there are many."""

    def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a kernel."""

    def adopt(self, columns: TransactionColumns) -> TransactionColumns:
        """The columns in the form that this engine is fast with."""


class Interpreted:
    """Lists, and the interpreter."""

    def vector(self, length: int, fill: int = 0) -> Ints:
        """A list."""
        return [fill] * length

    def clocks(self, length: int) -> Ints:
        """A list of zeros."""
        return [0] * length

    def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call the kernel as the Python function that it is."""
        return function(*arguments)

    def adopt(self, columns: TransactionColumns) -> TransactionColumns:
        """Lists of plain integers: numpy's own would make each step slow, and silently wrap around."""
        return _each(columns, lambda column: list(map(int, column)))


class Compiled:
    """Numpy vectors, and numba."""

    def vector(self, length: int, fill: int = 0) -> Ints:
        """A vector of int64."""
        import numpy

        return numpy.full(length, fill, dtype=numpy.int64)

    def clocks(self, length: int) -> Ints:
        """A vector of int32."""
        import numpy

        return numpy.zeros(length, dtype=numpy.int32)

    def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call the kernel's machine code; made at first use, then kept on disk."""
        return _compiled(function)(*arguments)

    def adopt(self, columns: TransactionColumns) -> TransactionColumns:
        """Contiguous int64 vectors; no copy where they are that already."""
        import numpy

        return _each(columns, lambda column: numpy.ascontiguousarray(column, dtype=numpy.int64))


def engine_for(operations: int) -> Engine:
    """The engine that answers first for so many operations."""
    return Compiled() if operations >= COMPILED_FROM and kernel.available() else Interpreted()


def _each(columns: TransactionColumns, convert: Callable[[Ints], Ints]) -> TransactionColumns:
    counts = {"keys": int(columns.keys), "versions": int(columns.versions)}
    vectors = {name: convert(column) for name, column in columns._asdict().items() if name not in counts}
    return TransactionColumns(**vectors, **counts)


@functools.cache
def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    return kernel.njit(function)
