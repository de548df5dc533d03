"""How fast the classic checkers are at scale: from a table to the verdict, as `splitbrain check` judges it.

    python benchmarks/classic.py [--operations 10000000] [--elements 100000]

set-full: 100,000 elements are added, then a thousand reads show nearly all of them, a hundred million
sightings in 590 MB of text; before that a hundredth and a tenth of the elements, to show how the time grows.
The others: 10^4 to 10^7 operations, of which each is an invocation and a completion.  `ids` are strings.

Printed is processor time, the best of three after a first run that compiles or loads the machine code;
reading files is measured by benchmarks/reading.py.  The verdicts are checked, and `damaged` ones are invalid.

For comparison: no other tool's figures for these checkers are published.  PolyLin, which decides whether a
queue of distinct values is linearizable (more than total-queue asks), takes 3.1 s for a million operations.
"""

import argparse
import resource
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from checker import registry
from checker.history import History
from checker.pool import Pool
from checker.table import INT, NIL, POOLED, TYPES, Table
from checker.verdict import Validity

READS = 1000
RUNS = 3
INVOKE, OK = TYPES.index("invoke"), TYPES.index("ok")
CLIENTS = 10

Ints = NDArray[np.int64]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--operations", type=int, default=10_000_000, help="of the largest history")
    parser.add_argument("--elements", type=int, default=100_000, help="of the largest set-full")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    for elements in (arguments.elements // 100, arguments.elements // 10, arguments.elements):
        for damaged in (False, True):
            history = History(full_set(elements, damaged, rng))
            measured("set-full", f"{elements * READS:>11,} sightings ", history, damaged)
            del history
    for name, make in WORKLOADS.items():
        count = 10_000
        while count <= arguments.operations:
            for damaged in (False, True):
                history = History(make(count, damaged, rng))
                measured(name, f"{count:>11,} operations", history, damaged)
                del history
            count *= 10


def measured(name: str, size: str, history: History, damaged: bool) -> None:
    """Judge a few times and print the best; the verdict must be the right one."""
    took = []
    for _ in range(RUNS + 1):
        began = time.process_time()
        verdict = registry.check(History(history.table or []), name, {})
        took.append(time.process_time() - began)
    assert verdict.validity is (Validity.INVALID if damaged else Validity.VALID), verdict.reason
    what = "damaged" if damaged else "right"
    print(
        f"{name:<12} {size} {what:<8} first {took[0]:6.3f} s  then {min(took[1:]):6.3f} s{peak()}", flush=True
    )


def peak() -> str:
    """The most memory that this process has held."""
    return f"  peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB"


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
    pool = pool_of([b'"add"', b'"read"', b"[" + b",".join(str(n).encode() for n in shown.tolist()) + b"]"])
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
    pool = pool_of([b'"generate"', *(f'"id-{n:08}"'.encode() for n in range(count))])
    return table(np.zeros(count, dtype=np.int32), (NIL, 0), (POOLED, order + 1), pool)


def outcomes(count: int, damaged: bool, rng: np.random.Generator) -> Table:
    """Three kinds of operations of which one never succeeds where it is damaged."""
    f = rng.integers(0, 3, count).astype(np.int32)
    made = table(f, (INT, f), (INT, f), pool_of([b'"add"', b'"read"', b'"cas"']))
    if damaged:
        made.type[1::2][f == 2] = TYPES.index("fail")
    return made


WORKLOADS: dict[str, Callable[[int, bool, np.random.Generator], Table]] = {
    "set": one_set,
    "queue": queue,
    "total-queue": queue,
    "counter": counter,
    "unique-ids": ids,
    "stats": outcomes,
}


if __name__ == "__main__":
    main()
