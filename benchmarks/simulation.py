"""How fast the simulator is: simulated events per second, and whole judged runs per second.

    python benchmarks/simulation.py [--runs 3] [--workload cart] [--operations 2000]

A run is what `splitbrain run` does in the simulator: 5 nodes, all faults on, history, all checks, report.
Machines differ, and so do moments on one machine, so each figure also comes as a ratio: how many bare heap
operations (one push and one pop of an entry like the simulator's) the same machine did in the time of one
event, measured right beside the runs.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from heapq import heappop, heappush
from pathlib import Path
from statistics import median

import msgspec

from nemesis.registry import KINDS
from splitbrain.options import RunOptions
from splitbrain.places.catalogue import open_place
from splitbrain.places.place import ClusterSpec
from splitbrain.program import Call, Handle, Myself, Post, Program, Receive, Spawn
from splitbrain.report.console import Console
from splitbrain.runner import run
from workloads.client import Get, Put

CLIENTS = 10
KEYS = 5


class Measured(msgspec.Struct, frozen=True):
    """One run: wall-clock seconds and simulated events."""

    seconds: float
    events: int
    operations: int


def main() -> None:
    """Measure and print."""
    arguments = parse()
    print(f"5 nodes, {arguments.operations} client operations, {arguments.runs} runs each, medians")
    cluster = [measure_cluster(seed, arguments.operations) for seed in range(1, arguments.runs + 1)]
    report("cluster and clients alone", cluster)
    whole = [
        measure_run(arguments.workload, seed, arguments.operations) for seed in range(1, arguments.runs + 1)
    ]
    report(f"whole runs of {arguments.workload}, all faults and checks on", whole)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=3, help="seeds 1 to this")
    parser.add_argument("--workload", default="cart")
    parser.add_argument("--operations", type=int, default=2000, help="client operations per run")
    return parser.parse_args()


def report(what: str, runs: list[Measured]) -> None:
    """Print one block."""
    seconds = median(run.seconds for run in runs)
    events = median(run.events for run in runs)
    bare = bare_heap_seconds(int(events))
    print(f"\n{what}")
    print(f"  {events:>12,.0f} simulated events in {seconds:.2f} s ({runs[0].operations} operations)")
    print(f"  {events / seconds:>12,.0f} simulated events/s")
    print(f"  {1 / seconds:>12.2f} runs/s")
    print(f"  {seconds / bare:>12.1f} times the time of as many bare heap operations ({bare:.3f} s)")


def timed(action: Callable[[], int]) -> tuple[float, int]:
    """Wall-clock seconds, and what the action returned."""
    began = time.perf_counter()
    result = action()
    return time.perf_counter() - began, result


def bare_heap_seconds(events: int) -> float:
    """A push and a pop for each event, on a heap that holds a few hundred, as in a run."""

    def loop() -> int:
        heap: list[tuple[int, int, object, object]] = [(number, number, None, None) for number in range(300)]
        for number in range(300, 300 + events):
            heappush(heap, (number, number, None, None))
            heappop(heap)
        return 0

    return min(timed(loop)[0] for _ in range(3))


def measure_cluster(seed: int, operations: int) -> Measured:
    """No faults, no history and no checks: the nodes, the network and clients that write and read."""
    options = RunOptions(workload="kv", seed=seed)
    spec = ClusterSpec(nodes=options.node_names, config=options.node_config(), seed=seed, folder=Path())
    with open_place("sim", spec) as place:
        booted: int = place.stats()["events"]
        seconds, done = timed(lambda: int(place.execute(clients(options.node_names, operations))))
        return Measured(seconds, place.stats()["events"] - booted, done)


def clients(nodes: tuple[str, ...], operations: int) -> Program:
    """Some clients at once, each its share. Returns how many operations there were."""
    myself: Handle = yield Myself()
    for process in range(CLIENTS):
        yield Spawn(client(process, nodes, operations // CLIENTS, myself))
    done = 0
    for _ in range(CLIENTS):
        done += yield Receive()
    return done


def client(process: int, nodes: tuple[str, ...], operations: int, report_to: Handle) -> Program:
    """Read, then write over what was read, again and again."""
    node = nodes[process % len(nodes)]
    for number in range(operations // 2):
        key = f"k{(process + number) % KEYS}"
        found = yield Call(node, Get(key), process)
        yield Call(node, Put(key, b"%d-%d" % (process, number), getattr(found, "context", b"")), process)
    yield Post(report_to, operations // 2 * 2)


def measure_run(workload: str, seed: int, operations: int) -> Measured:
    """Everything that `splitbrain run` does."""
    limit_s = 20.0
    options = RunOptions(
        workload=workload,
        seed=seed,
        faults=tuple(sorted(KINDS)),
        rate=operations / limit_s,
        time_limit_s=limit_s,
    )
    with tempfile.TemporaryDirectory(prefix="splitbrain-benchmark-") as folder:
        began = time.perf_counter()
        outcome = run(options, Path(folder), Console(json=True))
        seconds = time.perf_counter() - began
    return Measured(seconds, outcome["stats"]["events"], outcome["stats"]["operations"])


if __name__ == "__main__":
    main()
