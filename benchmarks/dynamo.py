"""How fast Dynamo histories are judged: from the table that a file was read into to the verdicts.

    python benchmarks/dynamo.py [--operations 1000000] [--keys 1000] [--clients 20] [--looks 1000] [--growth]

The generated store cannot be wrong but is often behind: three replicas of each key, writes that reach one
to three of them, reads that ask one or two, read-modify-writes of other clients in between, looks of the
observer at all replicas, and two final reads of each key.  The histories of DIFFERENT keys are made (seed 4);
the others repeat them under names of their own.  All is written to a temporary file, read back, and judged
twice in the same process: the first time loads or compiles the kernels.  Times are those of the processor.
"""

import argparse
import random
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from checker import registry
from checker.dynamo import scale
from checker.dynamo.ending import endings_of
from checker.dynamo.evidence import evidence_of
from checker.formats.load import load
from checker.history import History

NODES = ("n1", "n2", "n3")
"""Replicas of a key; each holds its own view of the live versions."""

DIFFERENT = 50
"""Keys whose histories are made one by one."""

CHECKERS = ("causal", "lost-writes", "siblings", "convergence")
"""What a recorded run is judged by; the goal is for these together."""

MORE = ("freshness", "staleness", "monotonicity", "tombstones", "availability")

MILLISECOND = 1_000_000


class Entry(NamedTuple):
    """An entry of one key. Versions are numbers, and the moment orders the entries of all keys."""

    moment: int
    client: int
    type: str
    f: str
    write: int = -1
    reads: tuple[int, ...] | None = None
    final: bool = False


class Generator:
    """One key: operations overlap, one begins at every step."""

    def __init__(self, operations: int, clients: int, rng: random.Random) -> None:
        self.rng = rng
        self.entries: list[Entry] = []
        self.views: list[set[int]] = [set() for _ in NODES]
        self.over: dict[int, tuple[int, ...]] = {}
        self.open: list[tuple[int, tuple[int, ...], int]] = []
        self.idle = list(range(clients))
        self.versions = 0
        for step in range(operations):
            self._step(4 * step)
        while self.open:
            self._end(4 * operations)
        shown = self._read(len(NODES))
        for client in range(2):
            for at, kind in enumerate(("invoke", "ok")):
                reads = shown if kind == "ok" else None
                self.entries.append(Entry(4 * operations + 1 + at, client, kind, "get", -1, reads, True))

    def _step(self, moment: int) -> None:
        if not self.idle or (self.open and self.rng.random() < 0.4):
            self._end(moment)
        client, shown = self.idle.pop(0), self._read(self.rng.randint(1, 2))
        if self.rng.random() < 0.5:
            self.entries.append(Entry(moment + 1, client, "invoke", "get"))
            self.entries.append(Entry(moment + 2, client, "ok", "get", -1, shown))
            self.idle.append(client)
        else:
            self.entries.append(Entry(moment + 1, client, "invoke", "update", self.versions))
            self.open.append((self.versions, shown, client))
            self.versions += 1

    def _read(self, asked: int) -> tuple[int, ...]:
        """What these replicas hold together, without what one of them had replaced."""
        chosen = self.rng.sample(range(len(NODES)), asked)
        live = set().union(*(self.views[at] for at in chosen))
        return tuple(sorted(live - self._behind(live)))

    def _behind(self, live: set[int]) -> set[int]:
        """Ancestors among the live ones: a walk that goes no further back than the oldest of them."""
        if len(live) < 2:
            return set()
        oldest, found, pending = min(live), set[int](), list(live)
        while pending:
            for older in self.over[pending.pop()]:
                if older >= oldest and older not in found:
                    found.add(older)
                    pending.append(older)
        return found

    def _end(self, moment: int) -> None:
        """A write reaches some replicas; with two of them it is acknowledged."""
        version, shown, client = self.open.pop(self.rng.randrange(len(self.open)))
        self.over[version] = shown
        reached = self.rng.sample(range(len(NODES)), self.rng.randint(1, len(NODES)))
        for at in reached:
            live = self.views[at] | {version}
            self.views[at] = live - self._behind(live)
        kind = "ok" if len(reached) > 1 else "info"
        self.entries.append(Entry(moment, client, kind, "update", version, shown))
        self.idle.append(client)


def write_history(path: Path, operations: int, keys: int, clients: int, looks: int) -> None:
    """A history of that size as JSON lines."""
    rng = random.Random(4)
    made = [Generator(operations // keys, clients, rng) for _ in range(min(keys, DIFFERENT))]
    rows = _merged(made, keys)
    every = max(1, operations * 2 // looks) if looks else 0
    index = 0
    with path.open("w") as file:
        for key, entry in rows:
            file.write(_line(index, key, entry, clients))
            index += 1
            if every and index % every == 0:
                file.write(_look(index, made, keys))
                index += 1
        for phase in ("settle", "final"):
            facts = {"phase": phase, "settled": True}
            file.write(_bystander(index, "harness", "phase", facts))
            index += 1
        for final in (False, True):
            file.write(_look(index, made, keys, at_rest=True, final=final))
            index += 1


def _merged(made: list[Generator], keys: int) -> Iterator[tuple[int, Entry]]:
    """The entries of all keys, moment by moment."""
    by_moment = [iter(sorted(each.entries, key=lambda e: e.moment)) for each in made]
    heads = [next(entries, None) for entries in by_moment]
    moment = 0
    while any(head is not None for head in heads):
        for at, entries in enumerate(by_moment):
            while (head := heads[at]) is not None and head.moment <= moment:
                for key in range(at, keys, len(made)):
                    yield key, head
                heads[at] = next(entries, None)
        moment += 1


def _line(index: int, key: int, entry: Entry, clients: int) -> str:
    """As the recorder writes it. Clients of a key are its own."""
    text = (
        f'{{"index":{index},"time":{index * MILLISECOND},"process":{key * clients + entry.client},'
        f'"type":"{entry.type}","f":"{entry.f}","node":"{NODES[entry.client % 3]}","key":"key-{key}"'
    )
    if entry.write >= 0:
        text += f',"write":"w{key}.{entry.write}"'
    if entry.reads is not None:
        text += ',"reads":[' + ",".join(f'"w{key}.{version}"' for version in entry.reads) + "]"
    return text + (',"final":true}\n' if entry.final else "}\n")


def _look(index: int, made: list[Generator], keys: int, at_rest: bool = False, final: bool = False) -> str:
    """What all nodes hold; before the end somebody is always behind."""
    replicas = {}
    for place, node in enumerate(NODES):
        held: dict[str, tuple[str, ...]] = {}
        for key in range(keys):
            views = made[key % len(made)].views
            live = set().union(*views) if at_rest or (index + key) % 7 else views[place]
            held[f"key-{key}"] = tuple(f"w{key}.{version}" for version in sorted(live))
        digests = {key: f"{hash_of(ids):016x}" for key, ids in held.items()}
        repairs = 9 if at_rest else index % 9
        replicas[node] = {"keys": held, "digests": digests, "hinted": {}, "hints": 0, "repairs": repairs}
    return _bystander(index, "observer", "sample", {"replicas": replicas}, final)


def hash_of(ids: tuple[str, ...]) -> int:
    """A digest that is the same in every run."""
    return int.from_bytes(",".join(ids).encode()[-8:].rjust(8), "little")


def _bystander(index: int, process: str, f: str, value: object, final: bool = False) -> str:
    entry = {"index": index, "time": index * MILLISECOND, "process": process, "type": "info", "f": f}
    entry |= {"value": value} | ({"final": True} if final else {})
    return msgspec.json.encode(entry).decode() + "\n"


def measure(operations: int, keys: int, clients: int, looks: int) -> float:
    """Generate, judge and print. The CPU seconds of all of CHECKERS."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history.jsonl"
        write_history(path, operations, keys, clients, looks)
        began = time.process_time()
        history = load(path)
        read = time.process_time() - began
        size = path.stat().st_size / 1e6
    way = "columns" if history.table is not None and scale.compiled(history) else "operations"
    first = sum(judged(history).values())
    fresh = History(history.table) if history.table is not None else History(list(history))
    steps = kernels(fresh) if way == "columns" else {}
    times = judged(fresh)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    total = sum(times[name] for name in CHECKERS) + sum(steps.values())
    told = ", ".join(f"{name} {taken:.2f}" for name, taken in (steps | times).items())
    print(
        f"{operations:>10,} operations, {keys} keys, {looks} looks: {size:.0f} MB read in {read:.1f} s; "
        f"judged by {way} in {total:.2f} s (first time {first:.1f} s), peak {peak:.0f} MB\n    {told}",
        flush=True,
    )
    return total


def kernels(history: History) -> dict[str, float]:
    """The steps that all checkers share."""
    taken = {}
    began = time.process_time()
    evidence = evidence_of(history)
    taken["columns"] = time.process_time() - began
    began = time.process_time()
    assert evidence.sights.missed.size
    assert endings_of(history).readings.size
    taken["kernels"] = time.process_time() - began
    return taken


def judged(history: History) -> dict[str, float]:
    """CPU seconds of each checker; the first one pays for what all share, unless that was done before."""
    taken = {}
    for name in (*CHECKERS, *MORE):
        began = time.process_time()
        verdict = registry.check(history, name)
        taken[name] = time.process_time() - began
        assert verdict.validity.as_json() is True, (name, verdict.reason)
    return taken


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--operations", type=int, default=1_000_000)
    parser.add_argument("--keys", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--looks", type=int, default=1000)
    parser.add_argument("--growth", action="store_true", help="10^4 operations up to the number given")
    asked = parser.parse_args()
    sizes = [asked.operations]
    while asked.growth and sizes[0] >= 100_000:
        sizes.insert(0, sizes[0] // 10)
    last = 0.0
    for size in sizes:
        # A look tells of all keys, so what the looks hold grows with the operations.
        keys = max(1, round(asked.keys * size / asked.operations))
        taken = measure(size, keys, asked.clients, asked.looks)
        if last:
            print(f"    {taken / last:.1f} times as long for ten times as many")
        last = taken


if __name__ == "__main__":
    main()
