"""How fast transactions are judged: list-append and rw-register histories of growing size.

    python benchmarks/transactions.py [--sizes 10000,100000,1000000] [--rounds 3] [--workload list-append]

The histories are valid under strict serializability and made from a fixed seed: 20 clients, 1 to 4 steps per
transaction, 10 keys at a time, 64 writes per key, 2 % of unknown outcome (half of which happened), 3 %
failed.  Timed is the check of columns in memory, with every cycle search that strict serializability asks
for; making the history is not.  The first check of a process (it loads or makes the machine code) is told
apart.  `--damage` makes one read in a thousand stale, to time the finding and explaining of cycles.
"""
# ruff: noqa: PLR0917, PLR0912, PLR0915 - the simulation is one loop, because it is compiled

import argparse
import resource
import time
from typing import Any

import numpy

from checker import kernel
from checker.txn import list_append, rw_register
from checker.txn.columns import NEVER, TxnColumns
from checker.txn.options import wanted_of
from checker.verdict import Verdict

SEED = 20
CLIENTS = 20
ACTIVE = 10
WRITES = 64
LENGTH = 4


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", default="10000,100000,1000000", help="transactions, separated by commas")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workload", choices=["list-append", "rw-register"])
    parser.add_argument("--damage", action="store_true", help="one read in a thousand is stale")
    arguments = parser.parse_args()
    for workload in [arguments.workload] if arguments.workload else ["list-append", "rw-register"]:
        for size in map(int, arguments.sizes.split(",")):
            measure(workload, size, arguments.rounds, arguments.damage)


def measure(workload: str, size: int, rounds: int, damage: bool) -> None:
    """Print one line per size."""
    is_list = workload == "list-append"
    columns = generate(size, SEED, is_list, 1000 if damage else 0)
    seconds, verdict = [], None
    for _ in range(rounds):
        began = time.perf_counter()
        verdict = judge(columns, is_list)
        seconds.append(time.perf_counter() - began)
    assert verdict is not None
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    later = f", best later {min(seconds[1:]):.2f} s" if rounds > 1 else ""
    told = f"{workload} {size:>9,} transactions, {len(columns.kind):,} steps"
    print(
        f"{told}: first {seconds[0]:.2f} s{later}, {memory:.2f} GB at most; {verdict.validity.name.lower()}"
    )
    print(f"    {verdict.reason}", flush=True)


def judge(columns: TxnColumns, is_list: bool) -> Verdict:
    """Strict serializability; registers with all three assumptions that hold for these histories."""
    wanted = wanted_of({}, ())
    if is_list:
        return list_append.check_columns(columns, wanted)
    return rw_register.check_columns(columns, wanted, frozenset(rw_register.ASSUMPTIONS))


def generate(size: int, seed: int, is_list: bool, stale_of: int = 0) -> TxnColumns:
    """A history as columns; one read in `stale_of` misses the last write (0: none)."""

    def new(count: int, value: int = 0) -> Any:
        return numpy.full(count, value, dtype=numpy.int32)

    steps = size * LENGTH
    txns = (new(size), new(size), new(size, -1), new(size, NEVER), new(size + 1))
    micro = (new(steps), new(steps), new(steps), new(steps))
    store = (new(steps * 2 + ACTIVE * WRITES), new(steps + ACTIVE), new(steps + ACTIVE))
    run = kernel.njit(simulate)
    keys, values = run(size, seed, txns, micro, store, stale_of)
    status, process, invoked, completed, starts = txns
    status[(status == 0) & (completed == NEVER)] = 1  # cut off by the end of the history
    used = int(starts[size])
    kind, key, value, length = (column[:used] for column in micro)
    known = (kind == 0) | (numpy.repeat(status, numpy.diff(starts)) == 0)
    starts = numpy.concatenate([[0], numpy.cumsum(known, dtype=numpy.int32)])[starts].astype(numpy.int32)
    kind, key, value, length = kind[known], key[known], value[known], length[known]
    list_starts, elements = new(1), new(0)
    if is_list:
        reads = numpy.flatnonzero(kind == 1)
        list_starts = numpy.concatenate([[0], numpy.cumsum(length[reads])]).astype(numpy.int32)
        elements = new(int(list_starts[-1]))
        kernel.njit(fill_lists)(reads, key, list_starts, store[0], elements)
        value[reads] = numpy.arange(len(reads), dtype=numpy.int32)
    return TxnColumns(
        status=status,
        process=process,
        invoked=invoked,
        completed=completed,
        starts=starts,
        kind=kind,
        key=key,
        value=value,
        list_starts=list_starts,
        elements=elements,
        keys=int(keys),
        values=int(values),
    )


def simulate(size: int, seed: int, txns: Any, micro: Any, store: Any, stale_of: int) -> Any:
    """Clients take turns at random: each invokes, takes effect at once as a whole, completes."""
    numpy.random.seed(seed)
    status, process, invoked, completed, starts = txns
    kind, key, value, length = micro
    content, written, tried = store
    phase, current, name = numpy.zeros(20, numpy.int64), numpy.zeros(20, numpy.int64), numpy.arange(20)
    active = numpy.arange(10)
    keys, values, begun, clock, names = 10, 0, 0, 0, 20
    while True:
        c = numpy.random.randint(20)
        if phase[c] == 0:
            if begun == size:
                break
            t, at = begun, starts[begun]
            begun += 1
            for _ in range(1 + numpy.random.randint(4)):
                slot = numpy.random.randint(10)
                kind[at], key[at] = numpy.random.randint(2), active[slot]
                if kind[at] == 0:
                    value[at] = values
                    values += 1
                    tried[active[slot]] += 1
                    if tried[active[slot]] == 64:
                        active[slot] = keys
                        keys += 1
                at += 1
            starts[t + 1] = at
            draw = numpy.random.randint(100)
            status[t] = 1 if draw < 2 else (2 if draw < 5 else 0)
            process[t], invoked[t] = name[c], clock
            current[c], phase[c] = t, 1
            clock += 1
        elif phase[c] == 1:
            t = current[c]
            happens = status[t] == 0 or (status[t] == 1 and numpy.random.randint(2) == 0)
            for m in range(starts[t], starts[t + 1]):
                k = key[m]
                if kind[m] == 1:
                    length[m] = written[k]
                    if stale_of > 0 and length[m] > 0 and numpy.random.randint(stale_of) == 0:
                        length[m] -= 1
                    value[m] = content[64 * k + length[m] - 1] if length[m] > 0 else -1
                elif happens:
                    content[64 * k + written[k]] = value[m]
                    written[k] += 1
            phase[c] = 2
        else:
            t = current[c]
            if status[t] == 1:
                name[c] = names
                names += 1
            else:
                completed[t] = clock
                clock += 1
            phase[c] = 0
    return keys, values


def fill_lists(reads: Any, key: Any, list_starts: Any, content: Any, elements: Any) -> None:
    """Write out what every read returned."""
    for r in range(len(reads)):
        first = list_starts[r]
        for i in range(list_starts[r + 1] - first):
            elements[first + i] = content[64 * key[reads[r]] + i]


if __name__ == "__main__":
    main()
