"""Isolation levels by their definitions: every order of the transactions is tried. For tiny histories.

Nothing here is shared with the checkers.  The levels with one order for all are the axioms of Biswas and
Enea, causal convergence and the levels with views are what Bouajjani et al. (POPL 2017) define, snapshot
isolation and serializability are executed.
"""

from collections.abc import Callable, Iterator
from itertools import permutations
from typing import Any

from tests.unit.isolation_script import Sessions

Order = tuple[int, ...]


class Oracle:
    """A history, resolved: transactions that count, their reads from others, and what they left."""

    def __init__(self, sessions: Sessions) -> None:
        self.reads: dict[int, list[tuple[str, int | None]]] = {}
        self.writes: dict[int, set[str]] = {}
        self.session: dict[int, list[int]] = {}
        self.absurd = False
        self._load(sessions)
        self.so = {
            (a, b) for line in self.session.values() for i, a in enumerate(line) for b in line[i + 1 :]
        }
        self.wr = {(t1, t3) for t3, reads in self.reads.items() for _, t1 in reads if t1 is not None}
        self.hb = _closure(self.so | self.wr)

    def _load(self, sessions: Sessions) -> None:
        scripts = [(p, s) for p, session in enumerate(sessions) for s in session]
        writer: dict[tuple[str, Any], tuple[int, bool]] = {}
        for t, (_, script) in enumerate(scripts):
            last = {key: value for f, key, value in script.steps if f == "w"}
            for f, key, value in script.steps:
                if f == "w":
                    writer[key, value] = (t, last[key] == value)
        counted = {t for t, (_, script) in enumerate(scripts) if script.outcome == "ok"}
        external: dict[int, list[tuple[str, int | None]]] = {}
        for t in sorted(counted):
            external[t] = []
            mine: dict[str, Any] = {}
            for f, key, value in scripts[t][1].steps:
                if f == "w":
                    mine[key] = value
                elif key in mine:
                    self.absurd |= mine[key] != value
                elif value is None:
                    external[t].append((key, None))
                else:
                    t1, final = writer.get((key, value), (t, False))
                    self.absurd |= t1 == t or not final or scripts[t1][1].outcome == "fail"
                    if not self.absurd:
                        external[t].append((key, t1))
        counted |= {t1 for reads in external.values() for _, t1 in reads if t1 is not None}
        last_of = {p: max(t for t, (q, _) in enumerate(scripts) if q == p) for p, _ in scripts}
        for t in sorted(counted):
            p, script = scripts[t]
            self.reads[t] = external.get(t, [])
            self.writes[t] = {key for f, key, _ in script.steps if f == "w"}
            alone = script.outcome == "info" and last_of[p] != t
            self.session.setdefault(-1 - t if alone else p, []).append(t)

    def orders(self, members: set[int], respect: set[tuple[int, int]]) -> Iterator[Order]:
        """All orders of the members that respect these pairs."""
        for order in permutations(sorted(members)):
            at = {t: i for i, t in enumerate(order)}
            if all(at[a] < at[b] for a, b in respect if a in at and b in at):
                yield order

    def explains(self, order: Order, readers: set[int]) -> bool:
        """Does each of these read the last write before it?"""
        last: dict[str, int] = {}
        for t in order:
            if t in readers and any(last.get(key) != t1 for key, t1 in self.reads[t]):
                return False
            last.update(dict.fromkeys(self.writes[t], t))
        return True

    def axiom(self, front: Callable[[int, int, int], bool]) -> bool:
        """Is there an order in which every writer in front of a read is before the one read from?

        `front(t2, t3, i)`: is t2 in front of the i-th read of t3?
        """
        for order in self.orders(set(self.reads), self.so | self.wr):
            at: dict[int | None, int] = {t: i for i, t in enumerate(order)}
            at[None] = -1
            if all(
                at[t2] < at[t1]
                for t3, reads in self.reads.items()
                for i, (key, t1) in enumerate(reads)
                for t2 in order
                if t2 not in (t1, t3) and key in self.writes[t2] and front(t2, t3, i)
            ):
                return True
        return False

    def past(self, t: int) -> set[int]:
        """What is before t, and t."""
        return {a for a, b in self.hb if b == t} | {t}

    def acyclic(self) -> bool:
        """Can anything be before anything?"""
        return all(a != b for a, b in self.hb)


def _closure(pairs: set[tuple[int, int]]) -> set[tuple[int, int]]:
    closed = set(pairs)
    while True:
        more = {(a, d) for a, b in closed for c, d in closed if b == c} - closed
        if not more:
            return closed
        closed |= more


def verdicts(sessions: Sessions) -> dict[str, bool]:
    """Every level's answer."""
    o = Oracle(sessions)
    so, wr = o.so, o.wr
    everything = set(o.reads)
    axioms: dict[str, Callable[[int, int, int], bool]] = {
        "read-committed": lambda t2, t3, i: t2 in [t for _, t in o.reads[t3][:i]],
        "read-atomic": lambda t2, t3, i: (t2, t3) in so | wr,
        "read-your-writes": lambda t2, t3, i: (t2, t3) in so,
        "monotonic-reads": lambda t2, t3, i: any((t2, t) in wr and (t, t3) in so for t in everything),
        "monotonic-writes": lambda t2, t3, i: any((t2, t) in so and (t, t3) in wr for t in everything),
        "writes-follow-reads": lambda t2, t3, i: any(
            (t2, a) in wr and (a == b or (a, b) in so) and (b, t3) in wr
            for a in everything
            for b in everything
        ),
    }
    found = {name: o.axiom(front) for name, front in axioms.items()}
    acyclic = o.acyclic()
    found["ccv"] = acyclic and any(
        all(o.explains(tuple(t for t in order if t in o.past(t3)), {t3}) for t3 in everything)
        for order in o.orders(everything, o.hb)
    )
    found["cc"] = acyclic and all(
        any(o.explains(order, {t3}) for order in o.orders(o.past(t3), o.hb)) for t3 in everything
    )
    found["cm"] = acyclic and all(
        any(o.explains(order, set(line)) for order in o.orders(o.past(line[-1]), o.hb))
        for line in o.session.values()
    )
    found["pram"] = all(
        any(o.explains(order, set(line)) for order in o.orders(everything, so)) for line in o.session.values()
    )
    found["serializable"] = any(o.explains(order, everything) for order in o.orders(everything, so))
    found["snapshot-isolation"] = _snapshot(o, dict.fromkeys(o.session, 0), {}, {})
    return {name: valid and not o.absurd for name, valid in found.items()}


def _snapshot(
    o: Oracle, at: dict[int, int], state: dict[str, int], active: dict[int, dict[str, int]]
) -> bool:
    """Run starts and commits in every order; a commit fails if a key of it changed since its snapshot."""
    if all(at[p] == len(line) for p, line in o.session.items()):
        return True
    for p, line in o.session.items():
        if at[p] == len(line):
            continue
        t = line[at[p]]
        if p not in active:
            readable = all(state.get(key) == t1 for key, t1 in o.reads[t])
            if readable and _snapshot(o, at, state, {**active, p: state}):
                return True
        elif all(state.get(key) == active[p].get(key) for key in o.writes[t]):
            after = {**state, **dict.fromkeys(o.writes[t], t)}
            rest = {q: snapshot for q, snapshot in active.items() if q != p}
            if _snapshot(o, {**at, p: at[p] + 1}, after, rest):
                return True
    return False
