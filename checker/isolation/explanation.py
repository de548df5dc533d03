"""Violations in sentences and as data: who did what, and each step of a circle with its reason.

Rules of this file
  1. A finding is told in the form of the transaction checkers (`checker/txn/explain.py`): first what it
     means, in a sentence of its own; then who the transactions are (`cast.py`); then step by step.
  2. Circles go to `stats["cycles"]`, whose steps lead back to where they began.  Reads that need no circle
     to be wrong, and searches that ended nowhere, go to `stats["findings"]`, in the same form with as many
     steps as there are.
"""

from typing import Any, NamedTuple

from checker.isolation.cast import Cast
from checker.isolation.columns import INITIAL, Transactions
from checker.isolation.cycle import Step
from checker.isolation.facts import ABORTED, FUTURE, INTERMEDIATE, INTERNAL, THIN_AIR, Facts, Resolution
from checker.isolation.front import Front
from checker.isolation.level import Level
from checker.isolation.link import ASSUME, OVERLAP, PROCESS, RW, WR, WW, Link, lemmas
from checker.verdict import Anomaly

ABSURD = {
    THIN_AIR: ("thin-air-read", "a value was read that nobody wrote", "but nobody ever wrote that value"),
    ABORTED: (
        "aborted-read",
        "a value was read that was never to be seen",
        "which {writer} wrote, and {writer} certainly failed",
    ),
    INTERMEDIATE: (
        "intermediate-read",
        "a value was read that its writer had replaced before anyone was to see it",
        "but {writer} replaced that itself before it was done, by {last}",
    ),
    FUTURE: (
        "future-read",
        "a value was read before it was written",
        "which the same transaction wrote only after this read",
    ),
    INTERNAL: (
        "internal",
        "a transaction did not see what it had written itself",
        "although it had itself last written {last}",
    ),
}

IMPOSSIBLE = {
    "snapshot-isolation": "no order of snapshots and commits explains what was seen",
    "serializable": "no order in which the transactions ran one after the other explains what was seen",
}
"""What it means that a strong level is violated."""

LEMMAS_TOLD = 8
"""Intermediate results that a sentence tells; the data have all."""


class Finding(NamedTuple):
    """An anomaly, and the same as data: one entry, or one per supposition that leads nowhere. `circle`: do
    the steps lead back to where they began?"""

    anomaly: Anomaly
    data: list[dict[str, Any]]
    circle: bool


class Case(NamedTuple):
    """A circle that is there if these (first, second, key) are supposed; without suppositions, in any
    case."""

    supposed: tuple[tuple[int, int, int], ...]
    circle: list[Link]


class Explainer:
    """Tells the anomalies of one history at one level."""

    def __init__(
        self, transactions: Transactions, resolution: Resolution, facts: Facts, level: Level
    ) -> None:
        self._transactions, self._level = transactions, level
        self._resolution, self._facts = resolution, facts
        self.front = Front(facts, level)

    def absurd(self, reader: int, operation: int, code: int) -> Finding:
        """A read that no order of transactions explains."""
        columns, cast = self._transactions.columns, Cast(self._transactions)
        key, version = int(columns.key[operation]), int(columns.version[operation])
        kind, meaning, why = ABSURD[code]
        name = cast.name(reader)
        writer = -1 if version == INITIAL else int(self._resolution.writer[version])
        author = cast.name(writer) if writer >= 0 else ""
        last = cast.written(writer if code == INTERMEDIATE else reader, key)
        shown = f"{name} read {cast.state(key, operation)}"
        sentence = f"{shown}, {why.format(writer=author, last=last)}"
        steps = []
        if writer not in (-1, reader):
            value = None if version == INITIAL else self._transactions.names.value(version)
            steps = [self._as_data(Link(writer, reader, WR, key), cast, sentence, (value, None))]
        anomaly = self._anomaly((kind, meaning), cast, sentence, key)
        data = {"type": kind, "shape": None, "transactions": cast.data(), "steps": steps}
        return Finding(anomaly, [data], False)

    def nothing(self, source: int, slot: int) -> Finding:
        """A read of the initial value with a write in front of it."""
        reader, key = int(self._facts.reader[slot]), int(self._facts.read_key[slot])
        back = Link(reader, source, RW, key, self._facts.transactions)
        return self.links([*self.front.way(source, slot), back], self._level.anomaly)

    def cycle(self, cycle: list[Step]) -> Finding:
        """Transactions that would each have to come before the next, round in a circle."""
        kind = self._level.anomaly if any(step.forced for step in cycle) else "causality-cycle"
        disagree = self._level.rules == ("causal",) and sum(step.forced for step in cycle) > 1
        meaning = "sessions saw writes in orders that cannot all be true" if disagree else ""
        return self.links([self.front.link(step) for step in cycle], kind, meaning)

    def links(self, cycle: list[Link], kind: str, meaning: str = "") -> Finding:
        """The same for links that are known already."""
        if kind == "causality-cycle":
            meaning = "transactions saw each other's writes, or followed each other, in a circle"
        return self.cases([Case((), cycle)], kind, meaning)

    def cases(self, cases: list[Case], kind: str, meaning: str = "") -> Finding:
        """Circles, whatever is supposed."""
        cast, data, told = Cast(self._transactions), [], []
        for case in cases:
            for link in case.circle:
                cast.name(link.source)
            before = lemmas(case.circle)
            reasons = [self._told(link, cast) for link in before]
            steps = [self._told(link, cast) for link in case.circle]
            text = "; ".join(step["sentence"] for step in steps)
            if reasons:
                first = "; ".join(reason["sentence"] for reason in reasons[:LEMMAS_TOLD])
                more = f" (and {len(reasons) - LEMMAS_TOLD} more)" if len(reasons) > LEMMAS_TOLD else ""
                text = f"First, {first}{more}. So {text}"
            supposed = " and ".join(
                f"{cast.name(first)} wrote {cast.key(key)} before {cast.name(second)}"
                for first, second, key in case.supposed
            )
            told.append(f"Suppose that {supposed}: {text}" if supposed else text)
            data.append({"steps": steps, "reasons": reasons, "suppose": supposed})
        text = f"{'. '.join(told)}: a circle, and nothing comes before itself"
        shape = self._shape(cases)
        meaning = (meaning or self._level.meaning) + (f", a {shape.replace('-', ' ')}" if shape else "")
        keys = [link.key for link in cases[0].circle if link.edge in (WW, RW, OVERLAP)] or [-1]
        anomaly = self._anomaly((kind, meaning), cast, text, keys[0])
        head = {"type": kind, "shape": shape, "transactions": cast.data()}
        return Finding(anomaly, [head | {k: v for k, v in each.items() if v} for each in data], True)

    def exhausted(self, transactions: list[int], tried: int) -> Finding:
        """No order of these transactions was found, and all were tried."""
        cast = Cast(self._transactions)
        for transaction in transactions:
            cast.name(transaction)
        text = (
            f"all orders in which these could have written were tried (with {tried} suppositions none was "
            "left), and each contradicts what was read"
        )
        kind = f"not-{self._level.name}"
        anomaly = self._anomaly((kind, IMPOSSIBLE[self._level.name]), cast, text, -1)
        return Finding(
            anomaly, [{"type": kind, "shape": None, "transactions": cast.data(), "steps": []}], False
        )

    @staticmethod
    def _shape(cases: list[Case]) -> str | None:
        """The everyday name of a circle, as in `checker/txn/explain.py`."""
        circle = cases[0].circle
        edges, keys = [link.edge for link in circle], {link.key for link in circle}
        if len(cases) > 1:
            return None
        if len(circle) == 2 and len(keys) == 1 and set(edges) <= {RW, OVERLAP}:
            return "lost-update"
        if edges == [RW, RW]:
            return "write-skew"
        if sorted(edges) == [RW, RW, WR, WR] and edges[0] == edges[2] and len(keys) == 2:
            return "long-fork"
        return None

    def _anomaly(self, what: tuple[str, str], cast: Cast, told: str, key: int) -> Anomaly:
        names = self._transactions.names
        return Anomaly(
            type=what[0],
            sentence=f"{what[1]}. {cast.told()}. {told}",
            operations=names.entries(cast.members),
            key=names.key(key) if key >= 0 else None,
            time=names.last_time(cast.members),
        )

    def _told(self, link: Link, cast: Cast) -> dict[str, Any]:
        """A link with its sentence."""
        source, target = cast.name(link.source), cast.name(link.target)
        so = f"so {source} came first"
        before, after = cast.value(link.source, link.key), cast.value(link.target, link.key)
        match link.edge:
            case kind if kind == PROCESS:
                return self._as_data(
                    link, cast, f"{cast.session(link.source)} did {source} before {target}, {so} (process)"
                )
            case kind if kind == WR:
                wrote = cast.written(link.source, link.key)
                sentence = f"{target} read {source}'s {wrote}, {so} (wr)"
                return self._as_data(link, cast, sentence, (before, None))
            case kind if kind == WW:
                reader = cast.name(link.third)
                sentence = (
                    f"{reader} read {target}'s {cast.written(link.target, link.key)} and not {source}'s "
                    f"{cast.written(link.source, link.key)}, although it had {source} in front of it"
                    f"{self._way(link, cast)}, {so} in writing {cast.key(link.key)} (ww)"
                )
                return self._as_data(link, cast, sentence, (before, after))
            case kind if kind == ASSUME:
                sentence = f"{source} wrote {cast.key(link.key)} before {target}, as is supposed (ww)"
                return self._as_data(link, cast, sentence, (before, after))
            case kind if kind == OVERLAP:
                sentence = (
                    f"{source} and {target} both wrote {cast.key(link.key)}, and {source} began before "
                    f"{target} was done{self._way(link, cast)}; of two that overlap only one may write it, "
                    f"so {source} was done before the other began (ww)"
                )
                return self._as_data(link, cast, sentence, (before, after))
            case _:
                return self._as_data(
                    link, cast, self._missed(link, cast), (cast.value(link.third, link.key), after)
                )

    def _missed(self, link: Link, cast: Cast) -> str:
        """The sentence of an rw."""
        source, target = cast.name(link.source), cast.name(link.target)
        wrote = cast.written(link.target, link.key)
        if link.third == self._facts.transactions:
            return (
                f"{source} read {cast.key(link.key)} as nobody had written it and did not see {target}'s "
                f"{wrote}, so {source} came first (rw)"
            )
        author = cast.name(link.third)
        seen = f"{source} read {author}'s {cast.written(link.third, link.key)}"
        after = f" which came after it{self._way(link, cast)}" if link.premise else ""
        if link.premise:
            return f"{seen} and did not see {target}'s {wrote},{after}, so {source} came first (rw)"
        return f"{seen} and did not see {target}'s {wrote}, so {source} came first (rw)"

    def _way(self, link: Link, cast: Cast) -> str:
        """The reason in parentheses."""
        return f" ({', '.join(self._short(step, cast) for step in link.premise)})" if link.premise else ""

    def _short(self, link: Link, cast: Cast) -> str:
        source, target = cast.name(link.source), cast.name(link.target)
        match link.edge:
            case kind if kind == PROCESS:
                return f"{target} came after {source} in the same session"
            case kind if kind == WR:
                return f"{target} read {source}'s {cast.written(link.source, link.key)}"
            case kind if kind == RW:
                return f"{source} did not see {target}'s {cast.written(link.target, link.key)}"
            case _:
                return f"{source} wrote {cast.key(link.key)} before {target}"

    def _as_data(
        self, link: Link, cast: Cast, sentence: str, versions: tuple[Any, Any] = (None, None)
    ) -> dict[str, Any]:
        names = self._transactions.names
        told: dict[str, Any] = {
            "from": cast.name(link.source),
            "to": cast.name(link.target),
            "edge": WW if link.edge in (OVERLAP, ASSUME) else link.edge,
            "from_entries": list(names.entries([link.source])),
            "to_entries": list(names.entries([link.target])),
        }
        if link.key >= 0:
            told |= {"key": names.key(link.key), "before": versions[0], "after": versions[1]}
        if link.third >= 0 and link.third < self._facts.transactions:
            told["third"] = cast.name(link.third)
        told["sentence"] = sentence
        return told
