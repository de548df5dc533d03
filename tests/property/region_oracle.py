"""Regions by their definition: every order of the writes of each key is tried. For few writes of each key.

Nothing here is shared with the checkers.
"""

from collections.abc import Iterable, Iterator
from itertools import combinations, permutations
from math import factorial, prod
from random import Random
from typing import Any

from tests.unit.isolation_script import Sessions, Step, ok

Edge = tuple[int, int]
Pair = tuple[int, int]


def blind(rng: Random, writers: int) -> Sessions:
    """Transactions that write two keys, and some that read two: little is known, much contradicts.

    A key has at most three writers.  Some of them read, too; few sessions have more than one transaction.
    """
    keys = [f"k{i}" for i in range(writers)]
    written: dict[str, int] = dict.fromkeys(keys, 0)
    plan: list[list[str]] = [[] for _ in range(rng.randint(writers // 2, 3 * writers // 2))]
    for _ in range(writers):
        some = rng.sample([key for key in keys if written[key] < 3], 2)
        written |= {key: written[key] + 1 for key in some}
        plan.append(some)
    rng.shuffle(plan)
    sessions: Sessions = []
    made = dict.fromkeys(keys, 0)
    for some in plan:
        steps: list[Step] = []
        for key in some:
            made[key] += 1
            steps.append(("w", key, made[key]))
        seen = [key for key in keys if written[key] > 1 and key not in some]
        for key in rng.sample(seen, min(len(seen), rng.random() < 0.5 if some else 2)):
            steps.append(("r", key, None if rng.random() < 0.05 else rng.randint(1, written[key])))
        if sessions and rng.random() < 0.1:
            sessions[-1].append(ok(*steps))
        else:
            sessions.append([ok(*steps)])
    return sessions


class RegionOracle:
    """A history of committed transactions that read no key that they write, numbered session by session."""

    def __init__(self, sessions: Sessions, width: int) -> None:
        self._width = width
        numbered = list(enumerate(script for session in sessions for script in session))
        self.transactions = len(numbered)
        made = {(k, value): t for t, script in numbered for f, k, value in script.steps if f == "w"}
        self.writers: dict[str, list[int]] = {}
        self._readers: dict[tuple[str, int | None], list[int]] = {}
        self._base: set[Edge] = {(self._first(t), self._last(t)) for t, _ in numbered if width == 2}
        for t, script in numbered:
            for f, key, value in script.steps:
                if f == "w":
                    self.writers.setdefault(key, []).append(t)
                    continue
                source = None if value is None else made[key, value]
                self._readers.setdefault((key, source), []).append(t)
                if source is not None:
                    self._base.add((self._last(source), self._first(t)))
        start = 0
        for session in sessions:
            line = range(start, start + len(session))
            self._base |= {(self._last(a), self._first(b)) for a, b in combinations(line, 2)}
            start += len(session)

    def _first(self, t: int) -> int:
        return t * self._width

    def _last(self, t: int) -> int:
        return t * self._width + self._width - 1

    def _edges(self, key: str, line: Iterable[int]) -> Iterator[Edge]:
        """What follows from this order of the writers of a key."""
        line = list(line)
        yield from ((self._first(r), self._last(t)) for r in self._readers.get((key, None), ()) for t in line)
        for a, b in combinations(line, 2):
            yield self._last(a), self._first(b)
            yield from ((self._first(r), self._last(b)) for r in self._readers.get((key, a), ()) if r != b)

    def _is_free(self, edges: set[Edge]) -> bool:
        """Is there no circle?"""
        before: dict[int, set[int]] = {n: set() for n in range(self.transactions * self._width)}
        for a, b in edges:
            before[b].add(a)
        while placed := {n for n, others in before.items() if not others}:
            before = {n: others - placed for n, others in before.items() if n not in placed}
        return not before

    def holds(self, lines: dict[str, list[int]]) -> bool:
        """Do these orders of the writers of all keys leave no circle?"""
        if {key: sorted(line) for key, line in lines.items()} != self.writers:
            return False
        return self._is_free(self._base.union(*(self._edges(key, line) for key, line in lines.items())))

    def orders(self) -> int:
        """How many orders there are."""
        return prod(factorial(len(line)) for line in self.writers.values())

    def is_possible(self, supposed: Iterable[tuple[str, Pair]] = ()) -> bool:
        """Is there any order? `supposed`: of two writers of a key the first comes first."""
        wanted: dict[str, list[Pair]] = {}
        for key, pair in supposed:
            wanted.setdefault(key, []).append(pair)
        keys = sorted(self.writers, key=lambda key: len(self.writers[key]))
        return self._extends(self._base, keys, wanted)

    def _extends(self, edges: set[Edge], keys: list[str], wanted: dict[str, list[Pair]]) -> bool:
        if not self._is_free(edges):
            return False
        if not keys:
            return True
        key, *rest = keys
        for line in permutations(self.writers[key]):
            if any(line.index(a) > line.index(b) for a, b in wanted.get(key, ())):
                continue
            if self._extends(edges.union(self._edges(key, line)), rest, wanted):
                return True
        return False


def lines_of(oracle: RegionOracle, neighbours: Iterable[tuple[int, int, Any]]) -> dict[str, list[int]]:
    """The order of the writers of each key, of which pairs of neighbours are given; others are alone."""
    lines = {key: list(line) for key, line in oracle.writers.items() if len(line) == 1}
    for first, second, key in neighbours:
        lines.setdefault(key, [first]).append(second)
    return lines
