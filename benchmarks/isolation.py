"""How fast the isolation checkers are: CPU time without parsing, on histories made for it.

    python benchmarks/isolation.py [--operations 1000000] [--levels read-committed,ccv] [--damaged] [--rmw .5]
    python benchmarks/isolation.py --table [--operations 1000000]
    python benchmarks/isolation.py --growth [--levels ccv,pram] [--keys 1000] [--sessions 50]

50 sessions, 1000 keys, 8 operations per transaction, half of them reads: the parameters of the measurements
below.  With so many keys most sessions have not yet written most keys after 100,000 operations, so that there
is less to judge than later; with 100 keys they have.

The history is a serial execution, hence valid at all levels, recorded as sessions side by side would: a
transaction ends up to 50 places (as many as sessions) later than it took effect.  `--damaged` makes one read
in a thousand see nothing; `--rmw` is the share of operations that are reads followed by a write of the same
key.  The first time of each level includes compiling (or loading the machine code from disk); the other is
the best of several rounds (three where one takes more than a second, up to twenty for short ones, which are
the easiest to disturb).  A small history is one of five that are judged in turn: a processor learns a single
one by heart.
`--table` writes the history as JSON lines, reads it, and judges the table.

For comparison, measured with AWDIT on the machine on which this was developed, reading included (read
committed, read atomic, causal): 1 million operations 0.38, 0.64 and 6.40 s, 8 million 4.41, 6.80 and 86.6 s
with 0.7, 1.4 and 17.6 GB.  Published for serializability and snapshot isolation of 100,000 operations, on
another machine (artifact of Plume): MonoSAT 72 to 124 s, PolySI 109 to 585 s.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy

from checker.formats.load import load
from checker.isolation.columns import INITIAL, READ, WRITE, TransactionColumns
from checker.isolation.levels import LEVELS, check_columns
from checker.registry import CHECKERS
from checker.verdict import Verdict

LENGTH = 8
DEFAULT = ",".join(LEVELS)

SEVERAL, ALTOGETHER = 5, 500_000
"""Small histories that are judged in turn, and how many operations they have together at most."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--operations", type=int, default=1_000_000)
    parser.add_argument("--levels", default=DEFAULT, help=f"of {', '.join(LEVELS)}")
    parser.add_argument("--damaged", action="store_true", help="with stale reads")
    parser.add_argument(
        "--rmw", type=float, default=0.0, help="share of reads followed by a write of the key"
    )
    parser.add_argument("--growth", action="store_true", help="ten times as many operations, again and again")
    parser.add_argument("--table", action="store_true", help="from a file of JSON lines")
    parser.add_argument("--keys", type=int, default=1000)
    parser.add_argument(
        "--sessions", type=int, default=50, help="a transaction ends up to so many places late"
    )
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.table:
        table(arguments)
        return
    sizes = [10_000, 100_000, 1_000_000, 10_000_000] if arguments.growth else [arguments.operations]
    before: dict[str, float] = {}
    for operations in sizes:
        several = max(1, min(SEVERAL, ALTOGETHER // operations))
        made = [generated(operations, arguments, shift) for shift in range(several)]
        print(f"{operations} operations, seed {arguments.seed}, peak {memory():.2f} GB before checks")
        for name in arguments.levels.split(","):
            cold, _ = measured(made[:1], name)
            rounds = 20 if cold < 0.1 else 10 if cold < 1 else 3
            warm, verdict = min((measured(made, name) for _ in range(rounds)), key=lambda pair: pair[0])
            grown = f"x {warm / before[name]:4.1f}  " if name in before else ""
            before[name] = warm
            print(
                f"{name:20} first {cold:8.3f} s  then {warm:8.4f} s  {grown}"
                f"valid: {verdict.validity.as_json()}  peak {memory():.2f} GB  "
                f"{verdict.stats.get('search_steps', '')}",
                flush=True,
            )


def measured(several: list[TransactionColumns], name: str) -> tuple[float, Verdict]:
    """CPU seconds of one check, and the verdict of the first history. The others must have the same one."""
    begin = time.process_time()
    verdicts = [check_columns(columns, name) for columns in several]
    spent = (time.process_time() - begin) / len(several)
    assert len({verdict.validity for verdict in verdicts}) == 1, f"{name} does not say the same of all"
    return spent, verdicts[0]


def table(arguments: argparse.Namespace) -> None:
    """Write, read and judge a file."""
    columns = generated(arguments.operations, arguments)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history.jsonl"
        write(path, columns)
        begin = time.process_time()
        history = load(path)
        print(
            f"read {path.stat().st_size / 1e6:.0f} MB in {time.process_time() - begin:.2f} s CPU, "
            f"{len(history)} entries, as columns: {history.table is not None}, peak {memory():.2f} GB"
        )
        for name in arguments.levels.split(","):
            variants = {"cc", "ccv", "cm"}
            checker = CHECKERS["causal-consistency" if name in variants else name]
            options = {"variant": name} if name in variants else {}
            for turn in ("first", "then"):
                begin = time.process_time()
                verdict = checker(history, options)
                spent = time.process_time() - begin
                answer = verdict.validity.as_json()
                print(f"{name:20} {turn:5} {spent:7.2f} s  valid: {answer}  peak {memory():.2f} GB")


def write(path: Path, columns: TransactionColumns) -> None:
    """The history as JSON lines."""
    with path.open("w", encoding="utf-8") as file:
        for t, session in enumerate(columns.session.tolist()):
            rows = range(int(columns.operation_start[t]), int(columns.operation_start[t + 1]))
            steps = [(int(columns.kind[o]), int(columns.key[o]), int(columns.version[o])) for o in rows]
            asked = ",".join(
                f'["w",{key},{version}]' if kind else f'["r",{key},null]' for kind, key, version in steps
            )
            seen = ",".join(
                f'["{"w" if kind else "r"}",{key},{"null" if version < 0 else version}]'
                for kind, key, version in steps
            )
            head = f'{{"process":{session},"f":"txn","type":'
            file.write(f'{head}"invoke","value":[{asked}]}}\n{head}"ok","value":[{seen}]}}\n')


def memory() -> float:
    """Peak resident memory of this process in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def generated(operations: int, arguments: argparse.Namespace, shift: int = 0) -> TransactionColumns:
    """A serial execution of random transactions, each by a random session, as columns."""
    rng = numpy.random.default_rng(arguments.seed + shift)
    transactions = operations // LENGTH
    kind = rng.integers(0, 2, operations)
    key = rng.integers(0, arguments.keys, operations)
    updates = 2 * numpy.flatnonzero(rng.random(operations // 2) < arguments.rmw)
    kind[updates], kind[updates + 1], key[updates + 1] = READ, WRITE, key[updates]
    version = numpy.where(kind == WRITE, numpy.arange(operations), INITIAL)
    version = _seen(kind, key, version)
    if arguments.damaged:
        stale = (kind == READ) & (rng.random(operations) < 0.001)
        version[stale] = INITIAL
    session = rng.integers(0, arguments.sessions, transactions)
    order = _ended(session, arguments.sessions, rng)
    rows = (order[:, None] * LENGTH + numpy.arange(LENGTH)).ravel()
    return TransactionColumns(
        session=session[order],
        status=numpy.zeros(transactions, dtype=numpy.int64),
        operation_start=numpy.arange(transactions + 1) * LENGTH,
        kind=kind[rows],
        key=key[rows],
        version=version[rows],
        sessions=arguments.sessions,
        keys=arguments.keys,
        versions=operations,
    )


def _ended(session: Any, sessions: int, rng: Any) -> Any:
    """In which order transactions end that take effect in the order of their numbers."""
    ends = numpy.arange(len(session)) + rng.random(len(session)) * sessions
    order = numpy.argsort(session, kind="stable")
    # A session's next transaction ends after this one: a running maximum, each session in a band of its own.
    band = session[order] * (2.0 * (len(session) + sessions))
    ends[order] = numpy.maximum.accumulate(band + ends[order]) - band
    return numpy.lexsort((numpy.arange(len(session)), ends))


def _seen(kind: Any, key: Any, version: Any) -> Any:
    """Each read sees the last write to its key before it. Sorted by key, that is a running maximum."""
    order = numpy.argsort(key, kind="stable")
    by_key = version[order]
    first = numpy.concatenate(([True], key[order][1:] != key[order][:-1]))
    # A key's versions lie in a band of their own, so that the maximum does not cross from key to key.
    band = numpy.cumsum(first) * (len(kind) + 1)
    latest = numpy.maximum.accumulate(band + by_key) - band
    result = numpy.empty_like(version)
    result[order] = numpy.maximum(latest, INITIAL)
    return numpy.where(kind == 1, version, result)


if __name__ == "__main__":
    main()
