"""How fast set-full and total-queue are at scale: check time without parsing, on columns made for it.

    python benchmarks/classic.py [--operations 10000000]

set-full: 100,000 elements are added while a thousand reads show nearly all of them, a hundred million
sightings; then the same with a tenth and a hundredth of the elements, to show how the time grows.
total-queue: every element goes in and comes out once, 10^4 to 10^7 operations.  Each check runs twice: the
first time includes compiling (or loading the machine code from disk), the second does not.

For comparison: no other tool's set-full was measured.  PolyLin, which decides whether a queue of distinct
values is linearizable (more than total-queue asks), takes 3.1 s for a million operations.
"""

import argparse
import resource
import time
from collections.abc import Callable
from typing import TypeVar

import numpy

from checker.classic.queues import QueueColumns, check_columns
from checker.classic.set_columns import SetColumns, trace_columns

READS = 1000

Columns = TypeVar("Columns")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--operations", type=int, default=10_000_000, help="of the largest queue")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    rng = numpy.random.default_rng(arguments.seed)
    for elements in (1_000, 10_000, 100_000):
        sets = set_columns(elements, rng)
        cold, warm = twice(trace_columns, sets)
        size = sets.sightings.size
        print(f"set-full     {size:>11} sightings   first {cold:6.3f} s  then {warm:6.3f} s{peak()}")
    count = 10_000
    while count <= arguments.operations:
        queue = queue_columns(count // 2, rng)
        cold, warm = twice(check_columns, queue)
        print(f"total-queue  {count:>11} operations  first {cold:6.3f} s  then {warm:6.3f} s{peak()}")
        count *= 10


def twice(check: Callable[[Columns], object], columns: Columns) -> tuple[float, float]:
    """How long two calls take, in seconds."""
    moments = [time.perf_counter()]
    for _ in range(2):
        check(columns)
        moments.append(time.perf_counter())
    return moments[1] - moments[0], moments[2] - moments[1]


def peak() -> str:
    """The most memory that this process has held."""
    return f"  peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB"


def set_columns(elements: int, rng: numpy.random.Generator) -> SetColumns:
    """All adds first, then reads, each of which misses one element in a thousand."""
    begun = numpy.arange(0, 2 * elements, 2, dtype=numpy.int64)
    read_begun = 2 * elements + numpy.arange(0, 2 * READS, 2, dtype=numpy.int64)
    shown = [numpy.flatnonzero(rng.random(elements) > 0.001).astype(numpy.int32) for _ in range(READS)]
    return SetColumns(
        begun=begun,
        acknowledged=begun + 1,
        read_begun=read_begun,
        read_ended=read_begun + 1,
        first=numpy.cumsum([0, *map(len, shown)]).astype(numpy.int64),
        sightings=numpy.concatenate(shown),
    )


def queue_columns(elements: int, rng: numpy.random.Generator) -> QueueColumns:
    """Elements that come out in another order than they went in."""
    numbers = numpy.arange(elements, dtype=numpy.int64)
    return QueueColumns(elements, numbers, numbers, rng.permutation(numbers))


if __name__ == "__main__":
    main()
