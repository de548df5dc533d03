"""Generated histories for benchmarks/linearizability.py: columns, the same for the same size and seed."""

from typing import Any

import numpy as np

from checker.linear import collection, compiled, fifo, kernel_schedule, register
from checker.linear.call import FOREVER

Array = Any

VALUES = 5
"""Different values of a compare-and-set register."""


def positions(points: Array, rng: Any, width: int) -> tuple[Array, Array]:
    """Starts and ends around the points of effect, so that about `width` operations overlap."""
    starts = points - rng.random(len(points)) * width
    ends = points + rng.random(len(points)) * width
    order = np.argsort(np.concatenate([starts, ends]))
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.arange(len(order))
    return ranks[: len(points)].copy(), ranks[len(points) :].copy()


def registers(count: int, width: int = 20, seed: int = 0) -> register.RegisterColumns:
    """One register, 30% writes, each of a value of its own."""
    rng = np.random.default_rng((count, seed))
    writes = rng.random(count) < 0.3
    starts, ends = positions(np.arange(count, dtype=np.float64), rng, width)
    clusters = np.cumsum(writes)
    size = int(clusters[-1]) + 1
    initial = np.zeros(size, np.bool_)
    initial[0] = True
    order = np.argsort(starts)
    return register.RegisterColumns(
        clusters=clusters[order],
        starts=starts[order],
        ends=ends[order],
        writes=writes[order],
        keys=np.zeros(size, np.int64),
        initial=initial,
    )


def queues(count: int, width: int = 20, seed: int = 0) -> fifo.FifoColumns:
    """Half enqueues, half dequeues, about a hundred values waiting."""
    rng = np.random.default_rng((count, seed))
    half = count // 2
    points = np.concatenate([np.arange(half) * 2.0, np.arange(half) * 2.0 + 201.0])
    starts, ends = positions(points, rng, width)
    return fifo.FifoColumns(
        enqueue_starts=starts[:half].copy(),
        enqueue_ends=ends[:half].copy(),
        dequeue_starts=starts[half:].copy(),
        dequeue_ends=ends[half:].copy(),
    )


def sets(count: int, width: int = 20, seed: int = 0) -> collection.ElementColumns:
    """Per element: missed, added, seen, removed, missed."""
    rng = np.random.default_rng((count, seed))
    elements = np.repeat(np.arange(count // 5), 5)
    what = np.tile(np.array([3, 0, 2, 1, 3]), count // 5)
    points = elements * 5.0 + np.tile(np.arange(5) * 37.5, count // 5)
    starts, ends = positions(points, rng, width)
    order = np.argsort(starts)
    return collection.ElementColumns(
        elements=elements[order], what=what[order], starts=starts[order], ends=ends[order]
    )


def cas_registers(
    count: int, width: int, crashed: float = 0.0, damaged: bool = False, seed: int = 0
) -> compiled.CallColumns:
    """40% reads, 30% writes and 30% successful compare-and-sets of five values.

    `crashed` is the share of writes and compare-and-sets without an end. `damaged` lets the read in the
    middle return a value that only the first write of the history stored.
    """
    rng = np.random.default_rng((count, seed))
    kinds_of = (kernel_schedule.READ, kernel_schedule.WRITE, kernel_schedule.CAS)
    what = rng.choice(kinds_of, count, p=[0.4, 0.3, 0.3])
    new = rng.integers(0, VALUES, count)
    writes = np.where(what == kernel_schedule.READ, 0, np.arange(1, count + 1))
    last = np.concatenate([[0], np.maximum.accumulate(writes)[:-1]])
    before = np.where(last > 0, new[last - 1], 0)
    a = np.where(what == kernel_schedule.WRITE, new, before)
    # A compare-and-set from a value to itself is a read.
    what[(what == kernel_schedule.CAS) & (a == new)] = kernel_schedule.READ
    if damaged:
        what[0], a[0] = kernel_schedule.WRITE, VALUES
        what[1], a[1] = kernel_schedule.WRITE, before[2]
        reads = np.flatnonzero(what == kernel_schedule.READ)
        a[reads[len(reads) // 2]] = VALUES
    rows = np.stack([what, a, new * (what == kernel_schedule.CAS)], 1)
    cells, kinds = np.unique(rows, axis=0, return_inverse=True)
    starts, ends = positions(np.arange(count, dtype=np.float64), rng, width)
    lost = (rng.random(count) < crashed) & (what != kernel_schedule.READ)
    ends[lost] = FOREVER
    order = np.argsort(starts)
    return compiled.CallColumns(
        starts=starts[order],
        ends=ends[order],
        crashed=lost[order],
        kinds=kinds.reshape(-1)[order],
        cells=cells,
        first=0,
    )
