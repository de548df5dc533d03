"""How fast is linearizability judged? `python benchmarks/linearizability.py [--largest N] [--rounds N]`

Times are check times on columns in memory, without reading: of what the algorithms are given, and (`table`)
the whole check of a table as the reader leaves it.  Compiled code is warm (what a first call costs is printed
apart).  Growth is in CPU time, the best of several rounds; the comparison with Porcupine in elapsed
time, the median.  Where Go is installed, Porcupine (benchmarks/porcupine, pinned) judges the same operations
in the same run, and its module brings its own histories of etcd and of a key-value store.
"""

import argparse
import functools
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from benchmarks import linear_tables  # noqa: E402
from benchmarks.linear_histories import cas_registers, queues, registers, sets  # noqa: E402
from checker import registry  # noqa: E402
from checker.formats.load import load  # noqa: E402
from checker.history import History  # noqa: E402
from checker.linear import collection, compiled, fifo, kernel_schedule, models, register  # noqa: E402
from checker.linear.call import Call, calls_of  # noqa: E402
from checker.linear.checker import by_rules  # noqa: E402
from checker.linear.machine import Machine  # noqa: E402
from checker.linear.shown import narrowed  # noqa: E402
from checker.table import Table  # noqa: E402
from checker.verdict import Validity  # noqa: E402

PORCUPINE = "github.com/anishathalye/porcupine"

TABLES: dict[str, tuple[Callable[..., Table], dict[str, Any]]] = {
    "register": (linear_tables.register, {"init": 0}),
    "fifo-queue": (linear_tables.queue, {}),
    "set": (linear_tables.set_of_elements, {}),
}

ALTOGETHER = 200_000
"""Operations of small histories that are judged in turn."""

Columns = tuple[str, compiled.CallColumns]
Partitions = list[compiled.CallColumns]


def go(*arguments: str) -> str:
    """The output of a Go command in benchmarks/porcupine."""
    command = ["go", *arguments]
    return subprocess.run(command, cwd=HERE / "porcupine", check=True, capture_output=True, text=True).stdout


def published() -> Path | None:
    """The folder of histories in Porcupine's module; None where there is no Go, or no way to the module."""
    if shutil.which("go") is None:
        return None
    try:
        go("mod", "download")
        return Path(go("list", "-m", "-f", "{{.Dir}}", PORCUPINE).strip()) / "test_data"
    except subprocess.CalledProcessError as error:
        print(f"no histories of Porcupine: {error.stderr.strip()}")
        return None


def calls_in(path: Path, model: models.Model) -> list[Call]:
    """The calls that a file holds."""
    return calls_of(load(path).pairs(), False, model.keeps)


def etcd(folder: Path) -> Iterator[Columns]:
    """The histories of etcd. Failed compare-and-sets are observations, as Porcupine has it."""
    for path in sorted(folder.glob("jepsen/*.log")):
        model = models.CasRegister(None, "observe")
        calls = calls_in(path, model)
        if calls:
            yield path.stem, compiled.columns_of(calls, Machine(model))


def operations(columns: compiled.CallColumns) -> list[list[int]]:
    """Calls as Porcupine's timer wants them."""
    rows = columns.cells[columns.kinds]
    ends = np.where(columns.crashed, -1, columns.ends)
    # A crashed compare-and-set from a value to itself is a crashed read, and says nothing.
    kept = ~columns.crashed | (rows[:, 0] != kernel_schedule.READ)
    found: list[list[int]] = np.column_stack([rows, columns.starts, ends])[kept].tolist()
    return found


def texts(calls: list[Call], keys: list[Any]) -> list[list[Any]]:
    """The calls of a key-value store as Porcupine's timer wants them: f, key, text, start, end."""
    names = ("get", "put", "append")
    return [
        [
            names.index(c.f),
            keys.index(c.key),
            c.result if c.f == "get" else c.value,
            c.start,
            -1 if c.crashed else c.end,
        ]
        for c in calls
    ]


def porcupine(lines: list[dict[str, Any]], rounds: int) -> dict[str, tuple[str, float]]:
    """Porcupine's verdict and median seconds of each; empty where there is no Go."""
    if shutil.which("go") is None:
        return {}
    with tempfile.TemporaryDirectory() as folder:
        go("build", "-o", f"{folder}/timer", ".")
        answer = subprocess.run(
            [f"{folder}/timer", str(rounds)],
            input="\n".join(map(json.dumps, lines)),
            capture_output=True,
            text=True,
            check=True,
        )
    rows = [line.split("\t") for line in answer.stdout.splitlines()]
    return {name: (verdict, int(ns) / 1e9) for name, verdict, ns in rows}


def elapsed(check: Callable[[], Any], rounds: int) -> float:
    """The median time of a check, in seconds."""
    check()
    times = []
    for _ in range(rounds):
        begin = time.perf_counter()
        check()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def cpu(check: Callable[[], Any], rounds: int) -> float:
    """The least CPU time of a check, in seconds."""
    times = []
    for _ in range(rounds):
        begin = time.process_time()
        check()
        times.append(time.process_time() - begin)
    return min(times)


def compare(
    title: str, checks: dict[str, Callable[[], bool]], lines: list[dict[str, Any]], rounds: int
) -> None:
    """One line: both totals, the ratio, and the worst and the median of single histories."""
    ours = {name: elapsed(check, rounds) for name, check in checks.items()}
    theirs = porcupine(lines, rounds)
    line = f"{title}: {sum(ours.values()) * 1e3:9.2f} ms"
    if theirs:
        words = {True: "Ok", False: "Illegal"}
        wrong = [name for name, check in checks.items() if words[check()] != theirs[name][0]]
        ratios = {name: theirs[name][1] / ours[name] for name in ours}
        worst = min(ratios, key=lambda name: ratios[name])
        total = sum(taken for _, taken in theirs.values())
        line += (
            f", Porcupine {total * 1e3:9.2f} ms: {total / sum(ours.values()):.0f} times faster; single "
            f"histories {ratios[worst]:.1f} (worst, {worst}), {statistics.median(ratios.values()):.1f} "
            f"(median); same verdict on {len(ours) - len(wrong)} of {len(ours)} {' '.join(wrong)}"
        )
    print(line, flush=True)


def against_porcupine(title: str, histories: list[Columns], rounds: int) -> None:
    """Compare on registers."""
    checks: dict[str, Callable[[], bool]] = {
        name: functools.partial(compiled.check_columns, columns) for name, columns in histories
    }
    lines = [{"name": name, "init": c.first, "ops": operations(c)} for name, c in histories]
    compare(title, checks, lines, rounds)


def key_values(folder: Path, rounds: int) -> None:
    """Compare on the histories of a key-value store, key by key on both sides."""
    model = models.KeyValue(None)
    checks: dict[str, Callable[[], bool]] = {}
    lines = []
    for path in sorted(folder.glob("kv/c[15]0*.txt")):
        calls = calls_in(path, model)
        groups = [group for _, group in model.partition(calls)]
        checks[path.stem] = functools.partial(every_key, model, groups)
        keys = sorted({call.key for call in calls})
        lines.append({"name": path.stem, "texts": texts(calls, keys)})
    compare(f"key-value store, {len(lines)} histories", checks, lines, rounds)


def every_key(model: models.Model, groups: list[list[Call]]) -> bool:
    """The rule for strings that grow where it applies, and else the search; from the calls on."""
    for group in groups:
        applied, proof = by_rules(model, group)
        outcome = None if applied else compiled.search(group, Machine(narrowed(model, group)))
        if proof is not None or (outcome is not None and not outcome.valid):
            return False
    return True


def growth(
    title: str, make: Callable[..., Any], check: Callable[[Any], Any], largest: int, rounds: int
) -> None:
    """Times at ten times the size, until `largest`, each with the ratio to the one before.

    A small history is one of several that are judged in turn: a processor learns a single one by heart; and
    up to 100,000 operations there are at least ten rounds, because a short time is the easiest to disturb.
    """
    before, size = 0.0, 10_000
    while size <= largest:
        several = [make(size, seed=seed) for seed in range(max(1, ALTOGETHER // size))]
        often = max(rounds, 10) if size <= 100_000 else rounds
        taken = cpu(lambda: [check(one) for one in several], often) / len(several)  # noqa: B023
        ratio = f"{taken / before:6.1f} times" if before else ""
        print(f"{title} {size:>10,}: {taken * 1e3:10.2f} ms of CPU {ratio}", flush=True)
        before, size = taken, size * 10


def of_searched(largest: int) -> None:
    """Growth of the general search; three minutes up to 10 million operations, half of them to generate."""
    for width in (5, 10, 20):
        make = functools.partial(cas_registers, width=width)
        growth(f"cas-register, {width} at once", make, compiled.check_columns, largest, 2)
    for title, more in (("2% crashed", {"crashed": 0.02}), ("one stale read", {"damaged": True})):
        make = functools.partial(cas_registers, width=20, **more)
        growth(f"cas-register, 20 at once, {title}", make, compiled.check_columns, largest, 2)


def of_tables(largest: int) -> None:
    """The whole check, of tables as the reader leaves them; each model in a process of its own."""
    for model in TABLES:
        command = [sys.executable, __file__, "--largest", str(largest), "--table", model]
        subprocess.run(command, check=True)


def of_table(model: str, largest: int) -> None:
    """Growth and memory of one model."""
    make, options = TABLES[model]

    def check(table: Table) -> None:
        verdict = registry.check(History(table), "linearizable", {"model": model, **options})
        assert verdict.validity is Validity.VALID, verdict.reason

    check(make(100))
    growth(f"{model}, whole check of a table", make, check, largest, 3)
    print(f"peak memory, generator and table included: {peak():.0f} MiB", flush=True)


def peak() -> float:
    """The most memory this process has held, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--largest", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=21, help="of each published history, by both")
    parser.add_argument("--table", choices=TABLES, help="only the whole check of tables, of this model")
    options = parser.parse_args()
    if options.table:
        of_table(options.table, options.largest)
        return
    first = cpu(lambda: compiled.check_columns(cas_registers(10, 2)), 1)
    print(f"first call (compile, or load from the cache): {first:.2f} s")
    folder = published()
    if folder is not None:
        logs = list(etcd(folder))
        against_porcupine(f"etcd, {len(logs)} histories", logs, options.rounds)
        key_values(folder, options.rounds)
    for size, width in ((1000, 5), (10_000, 5), (1000, 10)):
        title = f"cas-register, {size:,} operations, {width} at once"
        against_porcupine(title, [("cas", cas_registers(size, width))], 3)
    of_searched(options.largest)
    growth("register", registers, register.check_columns, options.largest, 5)
    growth("queue", queues, fifo.check_columns, options.largest, 5)
    growth("set", sets, collection.check_columns, options.largest, 5)
    print(f"peak memory, generators included: {peak():.0f} MiB", flush=True)
    of_tables(options.largest)


if __name__ == "__main__":
    main()
