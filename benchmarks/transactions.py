"""How fast transactions are judged: list-append and rw-register histories of growing size.

    python benchmarks/transactions.py [--sizes 10000,100000,1000000] [--rounds 3] [--workload list-append]
    python benchmarks/transactions.py --text       from JSON lines: the reading is told apart
    python benchmarks/transactions.py --damage     one read in a thousand is stale: cycles are told

The histories are valid under strict serializability and made from a fixed seed: 20 clients, 1 to 4 steps per
transaction, 10 keys at a time, 64 writes per key, 2 % of unknown outcome (half of which happened), 3 %
failed.  Timed is the check, with every cycle search that strict serializability asks for: of columns in
memory, or (`--text`) of what was read, whose values are still text.  Making or reading the history is not.
All times are CPU seconds, the best of several rounds: of ten at least up to 100,000 transactions, because a
short time is the easiest to disturb.  A small history is one of five that are judged in turn: a processor
learns a single one by heart.  The first check of a process (it loads or makes the machine code) is
told apart; growth is the best time over that of the size before.  Elle 0.2.8 on another machine of this kind
took, warm and cold, for list-append 0.37 and 0.86 s (10,000), 3.5 and 6.7 s (100,000), 63 s and 10.8 GB
(1,000,000); for rw-register with fewer assumptions 0.66 and 1.71 s, 9.2 and 15.1 s, 89 s.
"""
# ruff: noqa: PLR0917, PLR0912, PLR0915 - the simulation is one loop, because it is compiled

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy

from checker import kernel
from checker.formats.load import load
from checker.txn import list_append, rw_register
from checker.txn.columns import NEVER, TxnColumns
from checker.txn.options import wanted_of
from checker.verdict import Verdict

SEED = 20
CLIENTS = 20
ACTIVE = 10
WRITES = 64
LENGTH = 4

SEVERAL, ALTOGETHER = 5, 500_000
"""Small histories that are judged in turn, and how many transactions they have together at most."""

WORKLOADS = ("list-append", "rw-register")
OUTCOMES = ("ok", "info", "fail")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", default="10000,100000,1000000", help="transactions, separated by commas")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workload", choices=WORKLOADS)
    parser.add_argument("--damage", action="store_true", help="one read in a thousand is stale")
    parser.add_argument("--text", action="store_true", help="check what was read from a file of JSON lines")
    arguments = parser.parse_args()
    for workload in [arguments.workload] if arguments.workload else WORKLOADS:
        best = 0.0
        for size in map(int, arguments.sizes.split(",")):
            best = measure(workload, size, arguments, best)


def measure(workload: str, size: int, arguments: argparse.Namespace, before: float) -> float:
    """Print one line per size; the best time, to compare the next with."""
    is_list = workload == "list-append"
    checks, steps, read = [], 0, 0.0
    for shift in range(max(1, min(SEVERAL, ALTOGETHER // size))):
        columns = generate(size, SEED + shift, is_list, 1000 if arguments.damage else 0)
        steps = steps or len(columns.kind)
        given = partial(judge, columns, is_list)
        check, spent = from_text(columns, is_list) if arguments.text else (given, 0.0)
        checks.append(check)
        read = read or spent
    del columns, given, check
    began = time.process_time()
    verdict = checks[0]()
    seconds = [time.process_time() - began]
    for _ in range(max(arguments.rounds, 10) if size <= 100_000 else arguments.rounds):
        began = time.process_time()
        for check in checks:
            check()
        seconds.append((time.process_time() - began) / len(checks))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    best = min(seconds[1:])
    told = f"{workload} {size:>9,} transactions, {steps:,} steps"
    told += f": read {read:.2f} s," if arguments.text else ":"
    grown = f", growth {best / before:.1f}" if before else ""
    print(f"{told} first {seconds[0]:.2f} s, best {best:.3f} s{grown}, {memory:.2f} GB at most", flush=True)
    print(f"    {verdict.validity.name.lower()}: {verdict.reason}", flush=True)
    return best


def from_text(columns: TxnColumns, is_list: bool) -> tuple[Callable[[], Verdict], float]:
    """The check of a history that was written as JSON lines and read again; and the time of reading it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history.jsonl"
        write(path, columns, is_list)
        began = time.process_time()
        history = load(path)
        seconds = time.process_time() - began
    if is_list:
        return lambda: list_append.check(history, {}), seconds
    return lambda: rw_register.check(history, dict.fromkeys(rw_register.ASSUMPTIONS, True)), seconds


def write(path: Path, columns: TxnColumns, is_list: bool) -> None:
    """Every transaction as an invocation and, where it has one, a completion."""
    ended = numpy.flatnonzero(columns.completed != NEVER)
    moments = numpy.concatenate([columns.invoked, columns.completed[ended]])
    rows = numpy.concatenate([numpy.arange(len(columns.status)), ended])
    completion = numpy.arange(len(rows)) >= len(columns.status)
    order = numpy.argsort(moments)
    status, process = columns.status.tolist(), columns.process.tolist()
    with path.open("w", encoding="utf-8") as file:
        for row, done in zip(rows[order].tolist(), completion[order].tolist(), strict=True):
            kind = OUTCOMES[status[row]] if done else "invoke"
            steps = ",".join(steps_of(columns, row, is_list, done and status[row] == 0))
            file.write(f'{{"process":{process[row]},"type":"{kind}","f":"txn","value":[{steps}]}}\n')


def steps_of(columns: TxnColumns, row: int, is_list: bool, known: bool) -> list[str]:
    """The steps of a transaction as JSON; what was read is told only where it is known."""
    made = []
    for m in range(columns.starts[row], columns.starts[row + 1]):
        value = int(columns.value[m])
        if columns.kind[m] == 0:
            made.append(f'["{"append" if is_list else "w"}",{columns.key[m]},{value}]')
            continue
        shown = "null"
        if known and is_list:
            low, high = columns.list_starts[value], columns.list_ends[value]
            shown = f"[{','.join(map(str, columns.elements[low:high].tolist()))}]"
        elif known and value >= 0:
            shown = str(value)
        made.append(f'["r",{columns.key[m]},{shown}]')
    return made


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
    list_starts, list_ends, elements = new(0), new(0), new(0)
    if is_list:
        reads = numpy.flatnonzero(kind == 1)
        list_ends = numpy.cumsum(length[reads], dtype=numpy.int32)
        list_starts = list_ends - length[reads]
        elements = new(int(list_ends[-1]))
        kernel.njit(fill_lists)(reads, key, (list_starts, list_ends), store[0], elements)
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
        list_ends=list_ends,
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


def fill_lists(reads: Any, key: Any, lists: Any, content: Any, elements: Any) -> None:
    """Write out what every read returned."""
    for r in range(len(reads)):
        first = lists[0][r]
        for i in range(lists[1][r] - first):
            elements[first + i] = content[64 * key[reads[r]] + i]


if __name__ == "__main__":
    main()
