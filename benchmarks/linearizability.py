"""How fast is linearizability judged? `python benchmarks/linearizability.py [--histories DIR] [--largest N]`

Times are check times on columns in memory, without reading; compiled code is warm (what a first call costs is
printed apart).  Where Go is installed, Porcupine (benchmarks/porcupine, pinned) judges the same operations in
the same run.  The histories of etcd are Porcupine's own test data and are not part of this repository.
"""

import argparse
import functools
import json
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from checker.formats.load import load  # noqa: E402
from checker.linear import collection, compiled, fifo, kernel_search, models, register  # noqa: E402
from checker.linear.call import calls_of  # noqa: E402
from checker.linear.machine import Machine  # noqa: E402

ROUNDS = 21
"""Every history of etcd is judged so often, by both; the median counts."""

Array = Any
Columns = tuple[str, compiled.CallColumns]


def positions(points: Array, rng: Any, width: int) -> tuple[Array, Array]:
    """Starts and ends around the points of effect, so that about `width` operations overlap."""
    starts = points - rng.random(len(points)) * width
    ends = points + rng.random(len(points)) * width
    order = np.argsort(np.concatenate([starts, ends]))
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.arange(len(order))
    return ranks[: len(points)].copy(), ranks[len(points) :].copy()


def registers(count: int, width: int = 20) -> register.RegisterColumns:
    """One register, 30% writes, each of a value of its own; valid."""
    rng = np.random.default_rng(count)
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


def queues(count: int, width: int = 20) -> fifo.FifoColumns:
    """Half enqueues, half dequeues, about a hundred values waiting; valid."""
    rng = np.random.default_rng(count)
    half = count // 2
    points = np.concatenate([np.arange(half) * 2.0, np.arange(half) * 2.0 + 201.0])
    starts, ends = positions(points, rng, width)
    return fifo.FifoColumns(
        enqueue_starts=starts[:half].copy(),
        enqueue_ends=ends[:half].copy(),
        dequeue_starts=starts[half:].copy(),
        dequeue_ends=ends[half:].copy(),
    )


def sets(count: int, width: int = 20) -> collection.ElementColumns:
    """Per element: missed, added, seen, removed, missed; valid."""
    rng = np.random.default_rng(count)
    elements = np.repeat(np.arange(count // 5), 5)
    what = np.tile(np.array([3, 0, 2, 1, 3]), count // 5)
    points = elements * 5.0 + np.tile(np.arange(5) * 37.5, count // 5)
    starts, ends = positions(points, rng, width)
    order = np.argsort(starts)
    return collection.ElementColumns(
        elements=elements[order], what=what[order], starts=starts[order], ends=ends[order]
    )


def cas_registers(count: int, width: int) -> compiled.CallColumns:
    """Reads, writes and successful compare-and-sets of five values; valid."""
    rng = np.random.default_rng(count)
    what = rng.choice([kernel_search.READ, kernel_search.WRITE, kernel_search.CAS], count, p=[0.4, 0.3, 0.3])
    new = rng.integers(0, 5, count)
    writes = np.where(what == kernel_search.READ, 0, np.arange(1, count + 1))
    last = np.concatenate([[0], np.maximum.accumulate(writes)[:-1]])
    before = np.where(last > 0, new[last - 1], 0)
    a = np.where(what == kernel_search.WRITE, new, before)
    cells, kinds = np.unique(
        np.stack([what, a, new * (what == kernel_search.CAS)], 1), axis=0, return_inverse=True
    )
    starts, ends = positions(np.arange(count, dtype=np.float64), rng, width)
    order = np.argsort(starts)
    return compiled.CallColumns(
        starts=starts[order],
        ends=ends[order],
        crashed=np.zeros(count, np.bool_),
        kinds=kinds.reshape(-1)[order],
        cells=cells,
        first=0,
    )


def seconds(check: Callable[[], Any], rounds: int = 1) -> float:
    """The median time of a check."""
    times = []
    for _ in range(rounds):
        begin = time.perf_counter()
        check()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def etcd(folder: Path) -> list[Columns]:
    """Porcupine's histories of etcd, with failed compare-and-sets as observations, as Porcupine has it."""
    found = []
    for path in sorted(folder.glob("porcupine/test_data/jepsen/*.log")):
        model = models.CasRegister(None, "observe")
        calls = calls_of(load(path), False, model.keeps)
        if calls:
            found.append((path.stem, compiled.columns_of(calls, Machine(model))))
    return found


def porcupine(histories: list[Columns], rounds: int) -> dict[str, tuple[str, float]]:
    """Porcupine's verdict and median seconds of each; empty where there is no Go."""
    folder = HERE / "porcupine"
    if shutil.which("go") is None:
        return {}
    subprocess.run(["go", "build", "-o", "timer", "."], cwd=folder, check=True)
    lines = []
    for name, columns in histories:
        rows = columns.cells[columns.kinds]
        ends = np.where(columns.crashed, -1, columns.ends)
        ops = np.column_stack([rows, columns.starts, ends]).tolist()
        lines.append(json.dumps({"name": name, "init": columns.first, "ops": ops}))
    answer = subprocess.run(
        [folder / "timer", str(rounds)], input="\n".join(lines), capture_output=True, text=True, check=True
    )
    rows_out = [line.split("\t") for line in answer.stdout.splitlines()]
    return {name: (verdict, int(ns) / 1e9) for name, verdict, ns in rows_out}


def against_porcupine(title: str, histories: list[Columns], rounds: int) -> None:
    """One line: both totals, the ratio, and the worst and the median of single histories."""
    ours = {name: seconds(functools.partial(compiled.check_columns, c), rounds) for name, c in histories}
    theirs = porcupine(histories, rounds)
    line = f"{title}: {sum(ours.values()) * 1e3:9.2f} ms"
    if theirs:
        words = {True: "Ok", False: "Illegal"}
        agree = sum(words[compiled.check_columns(c)] == theirs[name][0] for name, c in histories)
        ratios = sorted(theirs[name][1] / ours[name] for name in ours)
        total = sum(taken for _, taken in theirs.values())
        line += (
            f", Porcupine {total * 1e3:9.2f} ms: {total / sum(ours.values()):.0f} times faster; "
            f"single histories {ratios[0]:.1f} (worst), {ratios[len(ratios) // 2]:.1f} (median); "
            f"same verdict on {agree} of {len(histories)}"
        )
    print(line)


def growth(title: str, make: Callable[[int], Any], check: Callable[[Any], Any], largest: int) -> None:
    """Times at ten times the size, until `largest`."""
    size = 10_000
    while size <= largest:
        columns = make(size)
        taken = seconds(functools.partial(check, columns), 3)
        print(f"{title} {size:>10,}: {taken * 1e3:10.2f} ms")
        size *= 10


def main() -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--histories", type=Path, default=HERE.parents[1] / "shared" / "histories")
    parser.add_argument("--largest", type=int, default=10_000_000)
    options = parser.parse_args()
    first = seconds(lambda: compiled.check_columns(cas_registers(10, 2)))
    print(f"first call (compile, or load from the cache): {first:.2f} s")
    logs = etcd(options.histories)
    if logs:
        against_porcupine(f"etcd, {len(logs)} histories", logs, ROUNDS)
    for size, width in ((1000, 5), (10_000, 5), (1000, 10)):
        title = f"cas-register, {size:,} operations, {width} at once"
        against_porcupine(title, [("cas", cas_registers(size, width))], 1)
    growth("cas-register, 5 at once", lambda n: cas_registers(n, 5), compiled.check_columns, 10**6)
    growth("cas-register, 10 at once", lambda n: cas_registers(n, 10), compiled.check_columns, 10**5)
    growth("register", registers, register.check_columns, options.largest)
    growth("queue", queues, fifo.check_columns, options.largest)
    growth("set", sets, collection.check_columns, options.largest)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory, generators included: {peak:.0f} MiB")


if __name__ == "__main__":
    main()
