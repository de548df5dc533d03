"""How fast the isolation checkers are: check time without parsing, on histories made for it.

    python benchmarks/isolation.py [--operations 1000000] [--levels read-committed,ccv] [--damaged]

50 sessions, 1000 keys, 8 operations per transaction, half of them reads: the parameters of the measurements
below.  The history is a serial execution, hence valid at all levels; `--damaged` makes one read in a
thousand see an older version.  Each level runs twice: the first time includes compiling (or loading the
machine code from disk), the second does not.

For comparison, measured with AWDIT on the machine on which this was developed, reading included (read
committed, read atomic, causal): 1 million operations 0.38, 0.64 and 6.40 s, 8 million 4.41, 6.80 and 86.6 s
with 0.7, 1.4 and 17.6 GB.
"""

import argparse
import resource
import time
from typing import Any

import numpy

from checker.isolation.columns import INITIAL, TransactionColumns
from checker.isolation.levels import LEVELS, check_columns

SESSIONS = 50
KEYS = 1000
LENGTH = 8
DEFAULT = ("read-committed", "read-atomic", "ccv", "read-your-writes", "monotonic-reads", "monotonic-writes")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--operations", type=int, default=1_000_000)
    parser.add_argument("--levels", default=",".join(DEFAULT), help=f"of {', '.join(LEVELS)}")
    parser.add_argument("--damaged", action="store_true", help="with stale reads")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    columns = generated(arguments.operations, arguments.seed, arguments.damaged)
    print(f"{arguments.operations} operations, seed {arguments.seed}, peak {memory():.2f} GB before checks")
    for name in arguments.levels.split(","):
        cold, _ = measured(columns, name)
        warm, verdict = measured(columns, name)
        print(f"{name:20} first {cold:7.2f} s  then {warm:7.2f} s  valid: {verdict}  peak {memory():.2f} GB")


def measured(columns: TransactionColumns, name: str) -> tuple[float, bool | str]:
    """Seconds of one check, and the verdict."""
    begin = time.perf_counter()
    verdict = check_columns(columns, name)
    return time.perf_counter() - begin, verdict.validity.as_json()


def memory() -> float:
    """Peak resident memory of this process in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def generated(operations: int, seed: int, damaged: bool = False) -> TransactionColumns:
    """A serial execution of random transactions, each by a random session, as columns."""
    rng = numpy.random.default_rng(seed)
    transactions = operations // LENGTH
    kind = rng.integers(0, 2, operations)
    key = rng.integers(0, KEYS, operations)
    version = numpy.where(kind == 1, numpy.arange(operations), INITIAL)
    version = _seen(kind, key, version)
    if damaged:
        stale = (kind == 0) & (rng.random(operations) < 0.001)
        version[stale] = INITIAL
    session = rng.integers(0, SESSIONS, transactions)
    order = numpy.argsort(session, kind="stable")
    rows = (order[:, None] * LENGTH + numpy.arange(LENGTH)).ravel()
    return TransactionColumns(
        session_start=numpy.concatenate(([0], numpy.cumsum(numpy.bincount(session, minlength=SESSIONS)))),
        status=numpy.zeros(transactions, dtype=numpy.int64),
        operation_start=numpy.arange(transactions + 1) * LENGTH,
        kind=kind[rows],
        key=key[rows],
        version=version[rows],
        keys=KEYS,
        versions=operations,
    )


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
