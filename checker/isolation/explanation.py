"""Violations in sentences: each step of a cycle with the reason for its direction."""

from typing import Any

from checker.isolation.columns import INITIAL, READ, Transactions
from checker.isolation.cycle import Step, path, steps
from checker.isolation.facts import ABORTED, FUTURE, INTERMEDIATE, INTERNAL, THIN_AIR, Facts, Resolution
from checker.isolation.forced_order import Forced
from checker.isolation.level import Level
from checker.isolation.order import Edges
from checker.verdict import Anomaly
from checker.wording import MANY

ABSURD = {
    THIN_AIR: ("thin-air-read", "but nobody ever wrote that value"),
    ABORTED: ("aborted-read", "which was written by {writer}, and that certainly failed"),
    INTERMEDIATE: ("intermediate-read", "which {writer} replaced itself before it was done"),
    FUTURE: ("future-read", "which the same transaction wrote only after this read"),
    INTERNAL: (
        "internal",
        "although it had itself written another value to that key before, and not this one last",
    ),
}

PATHS_UP_TO = 20_000
"""Transactions up to which a causal past is told step by step; beyond, the fact alone is."""


class Explainer:
    """Tells the anomalies of one history at one level."""

    def __init__(
        self, transactions: Transactions, resolution: Resolution, facts: Facts, level: Level
    ) -> None:
        self._names, self._columns = transactions.names, transactions.columns
        self._resolution, self._facts, self._level = resolution, facts, level

    def absurd(self, reader: int, operation: int, code: int) -> Anomaly:
        """A read that no order of transactions explains."""
        key, version = int(self._columns.key[operation]), int(self._columns.version[operation])
        kind, why = ABSURD[code]
        writer = -1 if version == INITIAL else int(self._resolution.writer[version])
        told = why.format(writer=self._names.who(writer) if writer >= 0 else "")
        sentence = f"{self._names.who(reader)} read {self._shown(key, version)}, {told}"
        return self._anomaly(kind, sentence, [reader, *([writer] if writer >= 0 else [])], key)

    def nothing(self, source: int, slot: int) -> Anomaly:
        """A read of the initial value with a write in front of it."""
        reader, key = int(self._facts.reader[slot]), int(self._facts.read_key[slot])
        sentence = (
            f"{self._names.who(reader)} read {self._names.key(key)} as nobody had written it, although "
            f"{self._names.who(source)} wrote {self._written(source, key)} and "
            f"{self._because(source, reader)}"
        )
        return self._anomaly(self._level.anomaly, sentence, [source, reader], key)

    def cycle(self, cycle: list[Step]) -> Anomaly:
        """Transactions that would each have to come before the next, round in a circle."""
        told = "; ".join(self.step(step) for step in cycle)
        around = " -> ".join(self._names.who(step.source) for step in [*cycle, cycle[0]])
        forced = [step for step in cycle if step.forced]
        kind = self._level.anomaly if forced else "causality-cycle"
        readers = [int(self._facts.reader[step.slot]) for step in forced]
        key = int(self._facts.read_key[forced[0].slot]) if forced else None
        sentence = f"no order of these transactions is possible, {around}: {told}"
        return self._anomaly(kind, sentence, [*(step.source for step in cycle), *readers], key)

    def forced(self, cycle: list[Forced]) -> Anomaly:
        """A circle of orders of which there is no other choice."""
        told = "; ".join(self._forced_step(edge) for edge in cycle)
        around = " -> ".join(self._names.who(edge.source) for edge in [*cycle, cycle[0]])
        sentence = f"no order of these transactions is possible, {around}: {told}"
        keys = [edge.key for edge in cycle if edge.key >= 0]
        return self._anomaly(
            f"not-{self._level.name}", sentence, [edge.source for edge in cycle], keys[0] if keys else None
        )

    def _forced_step(self, edge: Forced) -> str:
        source, target = self._names.who(edge.source), self._names.who(edge.target)
        if edge.kind == "session":
            return f"{source} came before {target} in the same session"
        if edge.kind == "read":
            return f"{target} read {self._written(edge.source, edge.key)}, which {source} had written"
        if edge.kind == "order":
            return (
                f"{source} wrote {self._written(edge.source, edge.key)} before {target} wrote "
                f"{self._written(edge.target, edge.key)}: the other way round contradicts what was read"
            )
        seen = self._names.key(edge.key) + " as nobody had written it"
        if edge.reader_of != self._facts.transactions:
            seen = self._written(edge.reader_of, edge.key)
        return f"{source} read {seen} and not yet {self._written(edge.target, edge.key)} of {target}"

    def stuck(self, stuck: list[tuple[int, int, int]], deepest: int, total: int) -> Anomaly:
        """No complete order was found, and all were tried: the furthest state, and who could not go on."""
        told = "; ".join(self._stuck_one(*entry) for entry in stuck[:MANY])
        sentence = (
            f"every order of the transactions was tried and none explains all reads; the best one ends after "
            f"{deepest} of {total} steps, where nobody can go on: {told}"
        )
        return self._anomaly(f"not-{self._level.name}", sentence, [entry[0] for entry in stuck], None)

    def _stuck_one(self, transaction: int, key: int, source: int) -> str:
        name = self._names.key(key)
        if source == self._facts.transactions:
            version = f"{name} as nobody had written it"
        else:
            version = f"{self._written(source, key)} of {self._names.who(source)}"
        reads = range(int(self._facts.read_start[transaction]), int(self._facts.read_start[transaction + 1]))
        if any(self._facts.read_key[r] == key and self._facts.read_from[r] == source for r in reads):
            return f"{self._names.who(transaction)} read {version}, which is not the current value there"
        return f"{self._names.who(transaction)} would overwrite {version}, which others have yet to read"

    def step(self, step: Step) -> str:
        """Why one transaction comes before another."""
        source, target = self._names.who(step.source), self._names.who(step.target)
        if step.slot < 0:
            return f"{source} came before {target} in the same session"
        key = int(self._facts.read_key[step.slot])
        if not step.forced:
            return f"{target} read {self._written(step.source, key)}, which {source} had written"
        reader = int(self._facts.reader[step.slot])
        return (
            f"{source} must come before {target}, because {self._names.who(reader)} read "
            f"{self._written(step.target, key)} from {target} and not {self._written(step.source, key)} from "
            f"{source}, although {self._because(step.source, reader)}"
        )

    def _because(self, source: int, reader: int) -> str:
        names = {"t2": self._names.who(source), "t3": self._names.who(reader)}
        told = self._level.because.format(**names)
        if self._level.rules != ("causal",) and self._level.kind != "cc":
            return told
        if self._facts.transactions > PATHS_UP_TO:
            return told
        way = path(steps(self._facts, Edges([], [], 0, -2)), source, reader)
        return f"{told} ({', and '.join(self.step(step) for step in way)})"

    def _written(self, writer: int, key: int) -> str:
        """`x = 3`: what a transaction left in a key."""
        columns = self._columns
        for operation in range(
            int(columns.operation_start[writer + 1]) - 1, int(columns.operation_start[writer]) - 1, -1
        ):
            if columns.kind[operation] != READ and columns.key[operation] == key:
                return self._shown(key, int(columns.version[operation]))
        return self._names.key(key)

    def _shown(self, key: int, version: int) -> str:
        value = "nothing" if version == INITIAL else self._names.value(version)
        return f"{self._names.key(key)} = {value}"

    def _anomaly(self, kind: str, sentence: str, transactions: list[int], key: int | None) -> Anomaly:
        time: Any = None
        if self._names.pairs:
            last = max(
                (self._names.pairs[t][1] or self._names.pairs[t][0] for t in transactions),
                key=lambda o: o.index,
            )
            time = last.time if last.time >= 0 else None
        return Anomaly(
            type=kind,
            sentence=sentence,
            operations=self._names.entries(transactions),
            key=None if key is None else self._names.key(key),
            time=time,
        )
