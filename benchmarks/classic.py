"""How fast the classic checkers are at scale: from a table to the verdict, as `splitbrain check` judges it.

    python benchmarks/classic.py [--operations 10000000] [--elements 100000]

set-full: 100,000 elements are added, then a thousand reads show nearly all of them, a hundred million
sightings in 590 MB of text; before that a hundredth and a tenth of the elements, to show how the time grows.
The others: 10^4 to 10^7 operations, of which each is an invocation and a completion.  `ids` are strings.

Every line is a process of its own.  Printed is processor time: of the first run, which loads the machine code
(or compiles it, once for all) and gets its memory from the system, and the best of five more; by how much
that is more than for a tenth of the operations; and the most memory that the process held while it judged,
the history included.  Small histories are a dozen with seeds of their own, of which the mean is told: one
alone would be learned by heart by the branch predictor; their memory is that of all together.  The verdicts
are checked, and `damaged` ones are invalid.  Reading files is measured by benchmarks/reading.py.

For comparison: no other tool's figures for these checkers are published.  PolyLin, which decides whether a
queue of distinct values is linearizable (more than total-queue asks), takes 3.1 s for a million operations.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from checker import registry
from checker.history import History
from checker.pool import Pool
from checker.table import INT, NIL, POOLED, TYPES, Table
from checker.verdict import Validity

READS = 1000
RUNS = 5
SMALL, SEEDS = 1_000_000, 12
"""Of histories with less than so many operations there are up to so many."""

INVOKE, OK = TYPES.index("invoke"), TYPES.index("ok")
CLIENTS = 10

Ints = NDArray[np.int64]


class Measured(NamedTuple):
    """Seconds of the first run and of the best one after it, and the most gigabytes held."""

    first: float
    best: float
    peak: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--operations", type=int, default=10_000_000, help="of the largest history")
    parser.add_argument("--elements", type=int, default=100_000, help="of the largest set-full")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=WORKLOADS, help="measure this checker")
    parser.add_argument("--one", nargs=3, metavar=("CHECKER", "SIZE", "DAMAGED"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        name, size, damaged = arguments.one
        print(json.dumps(measured(name, int(size), damaged == "damaged", arguments.seed)))
        return
    for name in [arguments.only] if arguments.only else WORKLOADS:
        largest = arguments.elements if name == "set-full" else arguments.operations
        sizes = [size for size in (largest // 10**n for n in range(3, -1, -1)) if size >= 100]
        for how in ("right", "damaged"):
            grown(name, sizes, how, arguments.seed)


def grown(name: str, sizes: list[int], how: str, seed: int) -> None:
    """Print a line for each size."""
    before = 0.0
    for size in sizes:
        command = [sys.executable, str(Path(__file__)), "--seed", str(seed), "--one", name, str(size), how]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        first, best, peak = json.loads(done.stdout)
        told = f"{size * READS:>11,} sightings " if name == "set-full" else f"{size:>11,} operations"
        growth = f"x{best / before:5.1f}" if before else " " * 6
        took = f"first {first:7.4f} s  then {best:7.4f} s {growth}  peak {peak:.2f} GB"
        print(f"{name:<12} {told} {how:<8} {took}", flush=True)
        before = best


def measured(name: str, size: int, damaged: bool, seed: int) -> Measured:
    """Judge a few times; the verdict must be the right one."""
    weight = size * READS if name == "set-full" else size
    seeds = range(seed, seed + max(1, min(SEEDS, SMALL // weight)))
    tables = [WORKLOADS[name](size, damaged, np.random.default_rng(each)) for each in seeds]
    forget_peak()
    took = []
    for _ in range(RUNS + 1):
        began = time.process_time()
        verdicts = [registry.check(History(each), name, {}) for each in tables]
        took.append((time.process_time() - began) / len(tables))
    for verdict in verdicts:
        assert verdict.validity is (Validity.INVALID if damaged else Validity.VALID), verdict.reason
    return Measured(took[0] * len(tables), min(took[1:]), peak_gb())


def forget_peak() -> None:
    """Let the system forget how much memory it took to make the history, where it can (Linux)."""
    switch = Path("/proc/self/clear_refs")
    if switch.exists():
        switch.write_text("5", encoding="ascii")


def peak_gb() -> float:
    """The most memory that this process has held since then."""
    status = Path("/proc/self/status")
    for line in status.read_text(encoding="utf-8").splitlines() if status.exists() else ():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e9
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


# --- histories -------------------------------------------------------------------------------------


def table(f: NDArray[np.int32], asked: tuple[Any, Any], answered: tuple[Any, Any], pool: Pool) -> Table:
    """One operation after the other by ten clients; `asked` and `answered` are kinds and values of each."""
    count = len(f)

    def both(first: Any, second: Any, dtype: Any) -> NDArray[Any]:
        column = np.empty(2 * count, dtype=dtype)
        column[::2], column[1::2] = first, second
        return column

    rows = np.arange(2 * count, dtype=np.int64)
    none = np.full(2 * count, -1, dtype=np.int32)
    columns: dict[str, NDArray[Any]] = {
        "index": rows,
        "time": rows * 100_000,
        "process": rows // 2 % CLIENTS,
        "type": both(INVOKE, OK, np.int8),
        "f": both(f, f, np.int32),
        "key": none,
        "error": none,
        "kind": both(asked[0], answered[0], np.int8),
        "value": both(asked[1], answered[1], np.int64),
    }
    return Table(columns, pool, {})


def pool_of(texts: list[bytes]) -> Pool:
    """A pool as the compiled reader leaves it."""
    offsets = np.cumsum([0, *(len(text) + 1 for text in texts)]).astype(np.int64)
    text = np.frombuffer(b"J" + b"J".join(texts) + b"\n", dtype=np.uint8).copy()
    return Pool.of_text(text, offsets)


def full_set(elements: int, damaged: bool, rng: np.random.Generator) -> Table:
    """All adds first, then reads, each of which misses one element in a thousand; the last one none.

    Damaged: the last tenth of the reads misses one element for good, and one read shows another twice.
    """
    tokens = np.array([str(n).encode() for n in range(elements)], dtype=object)
    texts = [b'"add"', b'"read"']
    for read in range(READS):
        shown = rng.random(elements) > 0.001 if read < READS - 1 else np.ones(elements, dtype=bool)
        if damaged and read >= 0.9 * READS:
            shown[elements // 2] = False
        more = [tokens[7]] if damaged and read == READS // 2 else []
        texts.append(b"[" + b",".join([*tokens[shown].tolist(), *more]) + b"]")
    f = np.repeat(np.array([0, 1], dtype=np.int32), [elements, READS])
    asked = np.repeat([INT, NIL], [elements, READS]), np.append(np.arange(elements), np.zeros(READS, int))
    answered = (
        np.repeat([INT, POOLED], [elements, READS]),
        np.append(np.arange(elements), 2 + np.arange(READS)),
    )
    return table(f, asked, answered, pool_of(texts))


def one_set(count: int, damaged: bool, rng: np.random.Generator) -> Table:
    """Adds in any order, and one read at the end, which lacks an element where it is damaged."""
    elements = rng.permutation(count - 1)
    shown = np.sort(elements[1:] if damaged else elements)
    blocks = (shown[start : start + 100_000].tolist() for start in range(0, len(shown), 100_000))
    text = b",".join(b",".join(str(n).encode() for n in block) for block in blocks)
    pool = pool_of([b'"add"', b'"read"', b"[" + text + b"]"])
    f = np.append(np.zeros(count - 1, dtype=np.int32), 1).astype(np.int32)
    asked = np.append(np.full(count - 1, INT), NIL), np.append(elements, 0)
    answered = np.append(np.full(count - 1, INT), POOLED), np.append(elements, 2)
    return table(f, asked, answered, pool)


def queue(count: int, damaged: bool, rng: np.random.Generator) -> Table:
    """Everything goes in, and comes out in another order; damaged: one comes out twice, another never."""
    half = count // 2
    out = rng.permutation(half)
    if damaged:
        out[half // 2] = out[0]
    f = np.repeat(np.array([0, 1], dtype=np.int32), half)
    numbers = np.concatenate([np.arange(half), out])
    asked = np.repeat([INT, NIL], half), np.append(np.arange(half), np.zeros(half, int))
    return table(f, asked, (INT, numbers), pool_of([b'"enqueue"', b'"dequeue"']))


def counter(count: int, damaged: bool, rng: np.random.Generator) -> Table:
    """An add, a read, an add, a read; damaged: one read is off by one."""
    amounts = rng.integers(-3, 6, count // 2)
    seen = np.cumsum(amounts)
    seen[count // 4] += damaged
    f = np.tile(np.array([0, 1], dtype=np.int32), count // 2)
    values = np.stack([amounts, seen], axis=1).reshape(-1)
    asked = np.tile([INT, NIL], count // 2), np.where(f == 0, values, 0)
    return table(f, asked, (INT, values), pool_of([b'"add"', b'"read"']))


def ids(count: int, damaged: bool, rng: np.random.Generator) -> Table:
    """Each id is a string of its own; damaged: two are one."""
    order = np.arange(count)
    order[count // 2] = order[0] if damaged else order[count // 2]
    text = np.tile(np.frombuffer(b'J"id-00000000"', dtype=np.uint8), (count + 1, 1))
    for digit in range(8):
        text[:, 12 - digit] += (np.arange(-1, count) // 10**digit % 10).astype(np.uint8)
    text[0] = np.frombuffer(b'J"generate"   ', dtype=np.uint8)  # JSON may end in blanks.
    offsets = np.arange(0, text.size + 1, text.shape[1])
    pool = Pool.of_text(np.append(text.reshape(-1), np.uint8(ord("\n"))), offsets)
    return table(np.zeros(count, dtype=np.int32), (NIL, 0), (POOLED, order + 1), pool)


def outcomes(count: int, damaged: bool, rng: np.random.Generator) -> Table:
    """Three kinds of operations of which one never succeeds where it is damaged."""
    f = rng.integers(0, 3, count).astype(np.int32)
    made = table(f, (INT, f), (INT, f), pool_of([b'"add"', b'"read"', b'"cas"']))
    if damaged:
        made.type[1::2][f == 2] = TYPES.index("fail")
    return made


WORKLOADS: dict[str, Callable[[int, bool, np.random.Generator], Table]] = {
    "set-full": full_set,
    "set": one_set,
    "queue": queue,
    "total-queue": queue,
    "counter": counter,
    "unique-ids": ids,
    "stats": outcomes,
}


if __name__ == "__main__":
    main()
