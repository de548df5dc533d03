"""Sentences: why one transaction came before another, and what is wrong with a read.

Rules of this file
  1. A transaction is called by its client and its entry in the history, as in `client 3 (entry 17)`; the
     transactions of a cycle are T1, T2, ... in the order in which the cycle is told.
  2. A sentence says what was seen and what follows, without a word from a paper that it does not explain.
"""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from checker.txn import flags
from checker.txn.columns import FAIL, READ, TxnColumns
from checker.txn.cycles import Cycle, Step
from checker.txn.graph import KINDS, PROCESS, REALTIME, RW, WR, WW
from checker.txn.writers import Writers

MEANINGS: dict[str, str] = {
    "G0": "two transactions overwrote each other in a circle (dirty write)",
    "G1c": "transactions depend on each other's writes in a circle",
    "G-single": "a transaction saw a part of the state before some other, and a part after it (read skew)",
    "G-nonadjacent": "transactions saw states that are not snapshots of one history",
    "write-skew": "two transactions each missed what the other wrote, so neither can have come first",
    "long-fork": "two readers saw two writes in opposite orders",
    "G2": "transactions each missed what another wrote, in a circle, so no serial order explains them",
}
"""What the cycles are, by the beginning of their names."""


@dataclass(frozen=True, slots=True)
class Story:
    """Tells about one history. `is_list` says whether keys hold lists, or single values."""

    columns: TxnColumns
    writers: Writers
    updater: Any
    longest: Any
    rings: dict[int, list[int]]

    @property
    def is_list(self) -> bool:
        """Were elements appended (else: values written)?"""
        return self.longest is not None

    def row(self, micro: int) -> int:
        """The transaction of a micro-operation."""
        return bisect_right(self.columns.starts, micro) - 1

    def entries(self, *rows: int) -> tuple[int, ...]:
        """The entries of the history that transactions are made of (for bare columns: their rows)."""
        known = self.columns.entries
        return tuple(sorted({e for row in rows for e in (known[row] if known else (row,))}))

    def who(self, row: int) -> str:
        """A transaction, as in `client 3 (entry 17)`."""
        return f"client {self.columns.client(row)} (entry {max(self.entries(row))})"

    def text(self, row: int) -> str:
        """What a transaction did, as in `append x 1, read y [2, 3]`."""
        low, high = int(self.columns.starts[row]), int(self.columns.starts[row + 1])
        return ", ".join(self._told(m) for m in range(low, high)) or "nothing that is known"

    def _told(self, micro: int) -> str:
        verb = "read" if self.columns.kind[micro] == READ else "append" if self.is_list else "write"
        return f"{verb} {self.key_of(micro)} {self.shown(micro)}"

    def key_of(self, micro: int) -> Any:
        """The key of a micro-operation."""
        return self.columns.key_name(int(self.columns.key[micro]))

    def shown(self, micro: int) -> Any:
        """What a micro-operation wrote or read."""
        value = int(self.columns.value[micro])
        if self.is_list and self.columns.kind[micro] == READ:
            return self.columns.list_of(value)
        return "nil" if value < 0 else self.columns.value_name(value)

    def key_of_step(self, step: Step) -> Any:
        """The key that a dependency is about; None for an order of clients or of the clock."""
        for version in (step.after, step.before):
            if version >= self.columns.values:
                return self.columns.key_name(version - self.columns.values)
            if version >= 0 and self.writers.at[version] >= 0:
                return self.key_of(int(self.writers.at[version]))
        return None

    def step(self, step: Step, source: str, target: str) -> dict[str, Any]:
        """One edge of a cycle as JSON-able data, with its sentence; the two are called by the given names."""
        key = self.key_of_step(step)
        told: dict[str, Any] = {
            "from": source,
            "to": target,
            "edge": KINDS[step.kind],
            "from_entries": list(self.entries(step.source)),
            "to_entries": list(self.entries(step.target)),
        }
        if step.kind not in (PROCESS, REALTIME):
            told["key"] = key
            told["before"] = self.columns.value_name(step.before)
            told["after"] = self.columns.value_name(step.after)
        told["sentence"] = self._why(step, source, target, key)
        return told

    def _why(self, step: Step, source: str, target: str, key: Any) -> str:
        before = self.columns.value_name(step.before)
        after = self.columns.value_name(step.after)
        did = "appended" if self.is_list else "wrote"
        first = f"so {source} came first ({KINDS[step.kind]})"
        match step.kind:
            case kind if kind == WW:
                link = f"{target} {did} {after} to {key} after {source}'s {before}"
            case kind if kind == WR:
                link = f"{target} read {source}'s {before} in {key}"
            case kind if kind == RW:
                state = f"up to {before}" if self.is_list else f"as {before}"
                state = ("as empty" if self.is_list else "in its initial state") if before is None else state
                link = f"{source} read {key} {state} and did not see {target}'s {after}"
            case kind if kind == PROCESS:
                link = f"client {self.columns.client(step.source)} did {source} before {target}"
            case _:
                link = f"{source} was done before {target} began"
        return f"{link}, {first}"

    def cycle(self, cycle: Cycle) -> tuple[str, dict[str, Any]]:
        """The sentence of a cycle, and all of it as JSON-able data."""
        names = {step.source: f"T{at}" for at, step in enumerate(cycle.steps, start=1)}
        steps = [self.step(step, names[step.source], names[step.target]) for step in cycle.steps]
        shape = self.shape(cycle)
        meaning = next(text for name, text in MEANINGS.items() if cycle.type.startswith(name))
        called = f", a {shape.replace('-', ' ')}" if shape and shape != cycle.type else ""
        cast = "; ".join(f"{name} is {self.who(row)}: {self.text(row)}" for row, name in names.items())
        why = "; ".join(step["sentence"] for step in steps)
        sentence = f"{meaning}{called}. {cast}. {why}: a circle, and nothing comes before itself"
        data = {
            "type": cycle.type,
            "shape": shape,
            "transactions": {
                name: {"entries": list(self.entries(row)), "text": self.text(row)}
                for row, name in names.items()
            },
            "steps": steps,
        }
        return sentence, data

    def shape(self, cycle: Cycle) -> str | None:
        """The everyday name of a cycle: write skew (two miss each other's write), long fork (two readers
        see two writes in opposite orders)."""
        kinds = [step.kind for step in cycle.steps]
        keys = {str(self.key_of_step(step)) for step in cycle.steps if step.kind == RW}
        if kinds == [RW, RW] and len(keys) == 2:
            return "write-skew"
        if sorted(kinds) == [WR, WR, RW, RW] and kinds[0] == kinds[2] and len(keys) == 2:
            return "long-fork"
        return None

    def wrong(self, micro: int, flag: int) -> tuple[str, tuple[int, ...]]:
        """The sentence for a flagged micro-operation, and the transactions that prove it."""
        tell: dict[int, Callable[[int], tuple[str, tuple[int, ...]]]] = {
            flags.INTERNAL: self._internal,
            flags.G1A: self._aborted,
            flags.G1B: self._intermediate,
            flags.FUTURE: self._future,
            flags.LOST_UPDATE: self._lost_update,
            flags.DUPLICATE: self._duplicate,
            flags.INCOMPATIBLE: self._incompatible,
            flags.GARBAGE: self._garbage,
            flags.DIRTY: self._dirty,
            flags.CYCLIC: self._cyclic,
        }
        return tell[flag](micro)

    def _read(self, micro: int) -> str:
        return f"{self.who(self.row(micro))} read {self.key_of(micro)} as {self.shown(micro)}"

    def _versions(self, micro: int) -> list[int]:
        """The numbers of what a read returned."""
        value = int(self.columns.value[micro])
        if not self.is_list:
            return [value] if value >= 0 else []
        low, high = self.columns.list_starts[value], self.columns.list_ends[value]
        return [int(e) for e in self.columns.elements[low:high]]

    def _writer(self, version: int) -> int:
        return int(self.writers.writer[version])

    def _internal(self, micro: int) -> tuple[str, tuple[int, ...]]:
        earlier = self._told(int(self.writers.previous[micro]))
        return f"{self._read(micro)}, which contradicts its own step before: {earlier}", (self.row(micro),)

    def _aborted(self, micro: int) -> tuple[str, tuple[int, ...]]:
        version = next(
            v
            for v in self._versions(micro)
            if self._writer(v) >= 0 and self.columns.status[self._writer(v)] == FAIL
        )
        by = self._writer(version)
        name = self.columns.value_name(version)
        return (
            f"{self._read(micro)}, but {name} was written by {self.who(by)}, whose transaction failed "
            "and must never be seen",
            (self.row(micro), by),
        )

    def _intermediate(self, micro: int) -> tuple[str, tuple[int, ...]]:
        version = self._versions(micro)[-1]
        by = self._writer(version)
        name = self.columns.value_name(version)
        return (
            f"{self._read(micro)}, but {name} is not the last that {self.who(by)} wrote there: the read "
            "shows the inside of a transaction",
            (self.row(micro), by),
        )

    def _future(self, micro: int) -> tuple[str, tuple[int, ...]]:
        return f"{self._read(micro)}, which it wrote itself only later", (self.row(micro),)

    def _lost_update(self, micro: int) -> tuple[str, tuple[int, ...]]:
        row = self.row(micro)
        first = int(self.writers.previous[micro])
        while self.writers.previous[first] != -1:
            first = int(self.writers.previous[first])
        versions = self._versions(first)
        version = versions[-1] if versions else self.columns.values + int(self.columns.key[micro])
        other = self.row(int(self.updater[version]))
        verb = "appended to it" if self.is_list else "wrote it"
        return (
            f"{self.who(other)} and {self.who(row)} both read {self.key_of(micro)} as {self.shown(first)} "
            f"and then {verb}: the update of one did not see that of the other",
            (other, row),
        )

    def _duplicate(self, micro: int) -> tuple[str, tuple[int, ...]]:
        values = self._versions(micro)
        twice = next(v for at, v in enumerate(values) if v in values[:at])
        name = self.columns.value_name(twice)
        return f"{self._read(micro)}, where {name} is more than once", (self.row(micro),)

    def _incompatible(self, micro: int) -> tuple[str, tuple[int, ...]]:
        true = int(self.longest[self.columns.key[micro]])
        if self.columns.kind[micro] != READ:
            row = self.row(micro)
            return (
                f"{self.who(row)} appended {self.shown(micro)} to {self.key_of(micro)} after another element "
                f"of its own, but a read showed {self.columns.list_of(true)}, where that is not before it",
                (row,),
            )
        other = f"another read as {self.columns.list_of(true)}"
        return (
            f"{self._read(micro)}, and {other}: neither list is the beginning of the other, although "
            "elements are only ever appended",
            (self.row(micro),),
        )

    def _garbage(self, micro: int) -> tuple[str, tuple[int, ...]]:
        version = next(v for v in self._versions(micro) if self._writer(v) < 0)
        return f"{self._read(micro)}, but nobody wrote {self.columns.value_name(version)}", (self.row(micro),)

    def _dirty(self, micro: int) -> tuple[str, tuple[int, ...]]:
        row = self.row(micro)
        return (
            f"{self.who(row)} appended {self.shown(micro)} to {self.key_of(micro)} on top of what a failed "
            "transaction had appended: it committed a state that must never have been",
            (row,),
        )

    def _cyclic(self, micro: int) -> tuple[str, tuple[int, ...]]:
        ring = self.rings[micro]
        rows = [self._writer(version) for version in ring if version < self.columns.values]
        values = [self._named(version) for version in ring]
        order = ", and ".join(f"{a} before {b}" for a, b in pairwise([*values, values[0]]))
        return (
            f"by what was read and written, {self.key_of(micro)} must have held {order}: a circle",
            tuple(dict.fromkeys(row for row in rows if row >= 0)),
        )

    def _named(self, version: int) -> str:
        """A version of a register with who wrote it."""
        if version >= self.columns.values:
            return "nil"
        by = self._writer(version)
        return f"{self.columns.value_name(version)}" + (f" (by {self.who(by)})" if by >= 0 else "")
