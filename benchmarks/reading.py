"""How fast histories are read: EDN and JSON lines, into columns and into operations.

    python benchmarks/reading.py [ENTRIES]

Writes a register history and a list-append history of that many entries (default 400,000; seed 1) to a
temporary folder, and prints megabytes per second for each reader: the best of three, and the first run apart,
which may compile or load what was compiled.  All of it is one thread's work; giving the result up again is
not counted.  "columns" is `checker.table.Table`, values interned and decoded; "operations" is a list of
Operation, before pairing; "plain" does without numba, on a tenth of the entries.
"""

import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from checker.formats import load
from checker.formats.columns import read_table
from checker.formats.convert import write
from checker.history import History
from checker.operation import Operation

SEED = 1


def register(count: int) -> History:
    """Writes of different values by twenty clients, and reads."""
    rng = random.Random(SEED)
    made = []
    for at in range(count // 2):
        f = rng.choice(["read", "write"])
        for kind in ("invoke", "ok"):
            value = None if f == "read" and kind == "invoke" else at
            now = (2 * at + (kind == "ok")) * 1_234_567
            made.append(Operation(process=at % 20, type=kind, f=f, value=value, time=now))
    return History(made)


def append(count: int) -> History:
    """Transactions of one append and one read of a list of up to eight elements."""
    rng = random.Random(SEED)
    made = []
    for at in range(count // 2):
        key, other = rng.randrange(100), rng.randrange(100)
        for kind in ("invoke", "ok"):
            seen = None if kind == "invoke" else [rng.randrange(at + 1) for _ in range(rng.randrange(8))]
            txn = [["append", key, at], ["r", other, seen]]
            now = (2 * at + (kind == "ok")) * 1_234_567
            made.append(Operation(process=at % 20, type=kind, f="txn", value=txn, time=now))
    return History(made)


def measure(name: str, path: Path, run: Callable[[], object]) -> None:
    """Print the speed of the first run and of the best of three more."""
    taken = []
    for _ in range(4):
        begun = time.perf_counter()
        made = run()
        taken.append(time.perf_counter() - begun)
        del made
    size = path.stat().st_size / 1e6
    print(
        f"{name:42} {size:7.1f} MB  first {size / taken[0]:6.1f} MB/s  best {size / min(taken[1:]):6.1f} MB/s"
    )


def main() -> None:
    """Generate, and measure every reader."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 400_000
    with tempfile.TemporaryDirectory() as folder:
        for workload in (register, append):
            for to in ("edn", "jsonl"):
                path, small = Path(folder) / f"{workload.__name__}.{to}", Path(folder) / "small"
                write(workload(count), path, to)
                write(workload(count // 10), small, to)
                notation = load.recognised(path)
                measure(f"{path.name} -> columns", path, lambda p=path, n=notation: read_table(p, n))  # type: ignore[misc]
                measure(f"{path.name} -> operations", path, lambda p=path: read(p))  # type: ignore[misc]
                if small.stat().st_size < 4 << 20:
                    measure(f"{path.name} -> operations, plain", small, lambda p=small: read(p))  # type: ignore[misc]


def read(path: Path) -> object:
    """All operations of a file."""
    return load.read(path, lenient=False, progress=None)


if __name__ == "__main__":
    main()
