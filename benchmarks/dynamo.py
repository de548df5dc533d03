"""How fast a million Dynamo operations are judged: siblings, freshness, staleness, sessions, and the end.

    python benchmarks/dynamo.py [--operations 1000000] [--keys 1000] [--clients 20] [--growth]

The generated store is one that cannot be wrong but is often behind: three replicas of each key, writes that
reach one to three of them, reads that ask one or two, read-modify-writes of other clients in between, and a
final read of each key from each of two clients.  Seeds are fixed.  The time is that of the check alone:
columns in memory, kernels compiled (the first call is told apart).
"""

import argparse
import random
import resource
import time
from array import array
from typing import Any

import numpy as np

from checker.dynamo import ending, sweep
from checker.dynamo.columns import DynamoColumns

VIEWS = 3
"""Replicas of a key; each holds its own view of the live versions."""


class Generator:
    """One key after another; the moments of the keys are interleaved."""

    def __init__(self, operations: int, keys: int, clients: int, seed: int) -> None:
        self.rng = random.Random(seed)
        self.keys, self.clients = keys, clients
        self.share = operations // keys
        self.lists: dict[str, Any] = {
            name: array("q")
            for name in ("invoked", "acknowledged", "read_invoked", "read_ended", "seen_first", "shown_first")
        }
        self.lists |= {name: array("i") for name in ("writer", "seen", "reader", "shown")}
        self.lists |= {name: bytearray() for name in ("failed", "delete", "unknown", "final")}
        self.version_first, self.read_first = [0], [0]
        self.lists["seen_first"].append(0)
        self.lists["shown_first"].append(0)

    def columns(self) -> DynamoColumns:
        """All keys."""
        for key in range(self.keys):
            self._key(key)
            self.version_first.append(len(self.lists["invoked"]))
            self.read_first.append(len(self.lists["read_invoked"]))
        found: dict[str, Any] = {}
        for name, kept in self.lists.items():
            dtype = {"q": np.int64, "i": np.int32}.get(getattr(kept, "typecode", ""), np.bool_)
            found[name] = np.frombuffer(bytes(kept), dtype)
        return DynamoColumns(
            version_first=np.array(self.version_first, np.int64),
            read_first=np.array(self.read_first, np.int64),
            clients=self.clients,
            **found,
        )

    def _key(self, key: int) -> None:
        """Operations overlap: one begins at every step, and ends up to `clients` - 1 steps later."""
        # Per replica: live versions, and the clock (all versions that it has ever covered).
        views: list[set[int]] = [set() for _ in range(VIEWS)]
        over: dict[int, tuple[int, ...]] = {}
        open_ones: list[tuple[int, int, tuple[int, ...], int]] = []
        for step in range(self.share):
            begun = (step * self.keys + key) * 4
            if len(open_ones) >= self.clients - 1 or (open_ones and self.rng.random() < 0.4):
                self._end(open_ones.pop(self.rng.randrange(len(open_ones))), begun + 1, views, over)
            shown = self._read(views, self.rng.randint(1, 2), over)
            if self.rng.random() < 0.5:
                self._saw(begun, begun + 2, shown, step % self.clients)
                continue
            version = len(self.lists["invoked"])
            self._wrote(version, begun, shown, step % self.clients)
            open_ones.append((version, len(self.lists["read_invoked"]), shown, step % self.clients))
            self._saw(begun, begun + 2, shown, step % self.clients)
        last = self.share * self.keys * 4 + key * 8
        while open_ones:
            self._end(open_ones.pop(), last, views, over)
        for client in range(2):
            shown = self._read(views, VIEWS, over)
            self._saw(last + 2 + 2 * client, last + 3 + 2 * client, shown, client, final=True)
        over.clear()

    def _read(self, views: list[set[int]], asked: int, over: dict[int, tuple[int, ...]]) -> tuple[int, ...]:
        """What these replicas hold together, without what one of them had replaced."""
        chosen = self.rng.sample(range(VIEWS), asked)
        live = set().union(*(views[at] for at in chosen))
        return tuple(sorted(live - self._behind(live, over)))

    def _behind(self, live: set[int], over: dict[int, tuple[int, ...]]) -> set[int]:
        """Ancestors among the live ones: a walk that goes no further back than the oldest of them."""
        if len(live) < 2:
            return set()
        oldest, found, pending = min(live), set[int](), list(live)
        while pending:
            for older in over[pending.pop()]:
                if older >= oldest and older not in found:
                    found.add(older)
                    pending.append(older)
        return found

    def _end(
        self,
        operation: tuple[int, int, tuple[int, ...], int],
        moment: int,
        views: list[set[int]],
        over: dict[int, tuple[int, ...]],
    ) -> None:
        """The write reaches some replicas; with two of them it is acknowledged."""
        version, _, shown, _ = operation
        over[version] = shown
        reached = self.rng.sample(range(VIEWS), self.rng.randint(1, VIEWS))
        for at in reached:
            live = views[at] | {version}
            views[at] = live - self._behind(live, over)
        self.lists["acknowledged"][version] = moment if len(reached) > 1 else -1

    def _wrote(self, version: int, begun: int, shown: tuple[int, ...], client: int) -> None:
        lists = self.lists
        lists["invoked"].append(begun)
        lists["acknowledged"].append(-1)
        lists["writer"].append(client)
        for name in ("failed", "delete", "unknown"):
            lists[name].append(False)
        lists["seen"].extend(shown)
        lists["seen_first"].append(len(lists["seen"]))

    def _saw(self, begun: int, ended: int, shown: tuple[int, ...], client: int, final: bool = False) -> None:
        lists = self.lists
        lists["read_invoked"].append(begun)
        lists["read_ended"].append(ended)
        lists["final"].append(final)
        lists["reader"].append(client)
        lists["shown"].extend(shown)
        lists["shown_first"].append(len(lists["shown"]))


def measure(operations: int, keys: int, clients: int, rounds: int = 3) -> None:
    """Generate, judge and print."""
    began = time.perf_counter()
    columns = Generator(operations, keys, clients, seed=4).columns()
    made = time.perf_counter() - began
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        sights, ends = sweep.check_columns(columns), ending.check_columns(columns)
        times.append(time.perf_counter() - began)
    size = sum(column.nbytes for column in columns if isinstance(column, np.ndarray)) / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{operations:>10,} operations, {keys} keys: {columns.invoked.size:,} writes, "
        f"{columns.read_invoked.size:,} observations of {columns.shown.size:,} siblings\n"
        f"    made in {made:.1f} s; first call {times[0]:.2f} s, then {min(times[1:]):.3f} s; "
        f"columns {size:.0f} MB, peak {peak:.0f} MB\n"
        f"    stale {int((sights.missed > 0).sum()):,}, false siblings in {int(sights.suspect.sum()):,}, "
        f"final reads that lack something {int((ends.lost != 0).sum()):,}, with something back "
        f"{int(ends.back.sum()):,}"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--operations", type=int, default=1_000_000)
    parser.add_argument("--keys", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--growth", action="store_true", help="10^4 operations up to the number given")
    arguments = parser.parse_args()
    sizes = [arguments.operations]
    while arguments.growth and sizes[0] >= 100_000:
        sizes.insert(0, sizes[0] // 10)
    for size in sizes:
        measure(size, max(1, arguments.keys * size // arguments.operations), arguments.clients)


if __name__ == "__main__":
    main()
