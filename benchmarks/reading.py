"""How fast histories are read: JSON lines, JSON arrays and EDN, into columns and into operations.

    python benchmarks/reading.py [ENTRIES]

Writes histories of that many entries (default 400,000; seed 1) to a temporary folder: a register, list-append
transactions, both mixed, our own Dynamo histories (node, key, ids, contexts), and registers as independent
`[key value]` pairs.  Prints megabytes per second of CPU time (user and system) of one thread: the best of
three, and the first run apart, which may compile or load what was compiled.  Giving the result up again is
not counted.  "columns" is `checker.table.Table`, whose values stay text; "operations" is a list of Operation
made by the readers for ordinary files, on a tenth of the entries; "converted" goes to the other notation.
"""

import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from checker.formats import load
from checker.formats.columns import read_table
from checker.formats.convert import convert, write
from checker.formats.source import Source
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


def mixed(count: int) -> History:
    """Entries of both, one of each in turn."""
    both = zip(register(count // 2), append(count // 2), strict=True)
    every = [each for pair in both for each in pair]
    return History(msgspec.structs.replace(o, index=at, time=at * 1000) for at, o in enumerate(every))


def dynamo(count: int) -> History:
    """Gets and puts of 2,000 keys through five nodes, with contexts of forty bytes."""
    rng = random.Random(SEED)
    seen: dict[str, list[str]] = {}
    made = []
    for at in range(count // 2):
        key, write, now = f"cart-{rng.randrange(2000)}", f"w{at}", 2 * at * 1_234_567
        f = rng.choice(["get", "put"])
        reads = tuple(seen.get(key, ()))
        context = f"{rng.getrandbits(160):040x}"
        node, process = f"n{at % 5 + 1}", at % 20
        if f == "put":
            seen[key] = [write, *reads[: rng.randrange(2)]]
            begun = Operation(
                process=process, type="invoke", f=f, time=now, value=f"v{at}", node=node, key=key,
                write=write, reads=reads, context=context,
            )  # fmt: skip
        else:
            begun = Operation(process=process, type="invoke", f=f, time=now, node=node, key=key)
        ended = msgspec.structs.replace(begun, type="ok", time=now + 1_234_567, reads=reads, context=context)
        if f == "get":
            ended = msgspec.structs.replace(ended, value=[f"v{each[1:]}" for each in reads])
        made += [begun, ended]
    return History(made)


def keyed(count: int) -> History:
    """The register's operations on a hundred keys."""
    return History(msgspec.structs.replace(o, value=[o.index // 2 % 100, o.value]) for o in register(count))


def measure(name: str, path: Path, run: Callable[[], object]) -> None:
    """Print the speed of the first run and of the best of three more."""
    taken = []
    for _ in range(4):
        begun = time.process_time()
        made = run()
        taken.append(time.process_time() - begun)
        del made
    size = path.stat().st_size / 1e6
    first, best = size / taken[0], size / min(taken[1:])
    print(f"{name:42} {size:7.1f} MB  first {first:6.1f} MB/s  best {best:6.1f} MB/s", flush=True)


def main() -> None:
    """Generate, and measure every reader."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 400_000
    with tempfile.TemporaryDirectory() as folder:
        path, small = Path(folder) / "history", Path(folder) / "small"
        for workload in (register, append, mixed, dynamo, keyed):
            history, part = workload(count), workload(count // 10)
            for to in ("jsonl", "json", "edn"):
                write(history, path, to)
                write(part, small, to)
                name = f"{workload.__name__}.{to}"
                measure(f"{name} -> columns", path, lambda w=workload: table(path, w is keyed))  # type: ignore[misc]
                measure(f"{name} -> operations", small, lambda: plain(small))
                other = "edn" if to == "jsonl" else "jsonl"
                measure(f"{name} -> converted to {other}", small, lambda o=other: converted(small, o))  # type: ignore[misc]


def table(path: Path, independent: bool) -> object:
    """The columns of a file."""
    made = read_table(path, load.recognised(path), independent=independent)
    assert made is not None, "the compiled reader declined"
    return made


def plain(path: Path) -> object:
    """The operations of a file, without the compiled reader."""
    with path.open("rb") as file:
        return list(load.READERS[load.recognised(path)](Source(path, file, False, None)))


def converted(path: Path, to: str) -> object:
    """The file in another notation beside it."""
    return convert(path, path.with_name("target"), to, lenient=False, independent=False)


if __name__ == "__main__":
    main()
