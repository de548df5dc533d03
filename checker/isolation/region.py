"""An exact search on a few transactions: is there any order of their writes that leaves no circle?

Everything that is known about the whole history counts, as far as it is about these transactions: which of
them come before which.  So if there is no order for them, there is none for the history: that is a proof.
If there is one, it is a proposal for the rest (`commit_order.py`).

The search supposes that one of two writes comes first, lets everything follow that has to, and goes back when
that closes a circle (`suppositions.py`; the rules are those of `forced_order.py`, `members.py`).
"""

from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from checker.isolation.closure import copied, unrelated, with_room
from checker.isolation.columns import Ints
from checker.isolation.cycle import Neighbours
from checker.isolation.engine import Engine
from checker.isolation.facts import Facts
from checker.isolation.members import add_newer, members_of, relate
from checker.isolation.suppositions import (
    CROWDED,
    DEPTH,
    EXHAUSTED,
    FIRST_SECOND,
    FIRST_WRITE,
    FRAME,
    GIVEN,
    REFUTED,
    REGISTERS,
    TAKEN,
    Search,
    search,
)

Order = tuple[int, int, int]
"""The first writer, the second, and the key."""


STEP_NODES = 64
"""Nodes of a region up to which a supposition is one step; in larger ones it counts for more."""

LEFT_MAX = 1 << 62
"""More steps than anybody can wait for, and a number that compiled code can count to."""


class Effort:
    """Steps that the search has taken in all regions together, and may take: up to a `limit`, which is the
    whole budget or a part of it."""

    def __init__(self, budget: int) -> None:
        self.budget, self.limit, self.taken = budget, budget, 0

    def left(self) -> int:
        """How many steps may still be taken."""
        return min(self.limit - self.taken, LEFT_MAX)


class Exhausted(Exception):
    """The budget has ended."""


class Refuted(NamedTuple):
    """There is no order. `pair`: the question at which the search began, whichever answer is wrong; None if
    what is known is a circle already."""

    pair: Order | None


class Known(NamedTuple):
    """Which nodes come before which: `clocks` know what follows from the edges below number `since`, of the
    later ones perhaps something. `neighbours`: all edges."""

    clocks: Ints
    neighbours: Neighbours
    since: int


class Region:
    """Some transactions, in the order that is tried first, and what is known about them.

    Of the edges that the clocks do not know it only sees those between its transactions. A circle through
    others is found in the row, and then these belong to the region as well.
    """

    def __init__(
        self, facts: Facts, width: int, transactions: Iterable[int], known: Known, engine: Engine
    ) -> None:
        self.transactions = list(transactions)
        self._at = {t: at for at, t in enumerate(self.transactions)}
        self._engine = engine
        self._known = unrelated(len(self.transactions) * width, width, engine)
        self._members = members_of(facts, self.transactions, width, self._known.words, engine)
        engine.run(relate, facts, self._members, known.clocks, self._known)
        fits = engine.run(add_newer, self._members, known.neighbours, known.since, self._known)
        assert fits, "edges that leave a row possible have no circle"

    def solve(self, supposed: Iterable[Order], effort: Effort) -> list[Order] | Refuted:
        """An order of all writes of each key, as pairs of neighbours, or the proof that there is none.

        Raises Exhausted.
        """
        engine, members = self._engine, self._members
        closure = copied(self._known, engine)
        given = [self._at[t] for order in supposed for t in order[:2]]
        path = Search(
            at=engine.words(REGISTERS),
            supposed=engine.vector(max(2, len(given))),
            frames=engine.vector(0),
            line=engine.vector(len(members.writer)),
            cost=1 + closure.nodes // STEP_NODES,
            limit=effort.left(),
        )
        path.at[GIVEN] = len(given)
        for i, at in enumerate(given):
            path.supposed[i] = at
        while (end := int(engine.run(search, members, closure, path))) == CROWDED:
            closure, path = with_room(closure, engine), self._deeper(path)
        effort.taken += int(path.at[TAKEN])
        if end == EXHAUSTED:
            raise Exhausted
        return self._refuted(path) if end == REFUTED else self._neighbours(path)

    def _deeper(self, path: Search) -> Search:
        """The same search, with room for more frames: one for each node, and as many as there are."""
        used = FRAME * int(path.at[DEPTH])
        frames = self._engine.grown(path.frames, used, used + FRAME * self._known.nodes)
        return path._replace(frames=frames)

    def _refuted(self, path: Search) -> Refuted:
        """What is told if there is no order."""
        if not int(path.at[TAKEN]):
            return Refuted(None)
        members, first = self._members, int(path.at[FIRST_WRITE])
        second = self.transactions[int(path.at[FIRST_SECOND])]
        key = int(members.name[int(members.key[first])])
        return Refuted((self.transactions[int(members.writer[first])], second, key))

    def _neighbours(self, path: Search) -> list[Order]:
        """The order that was found."""
        members, listed, transactions = self._members, self._engine.listed, self.transactions
        name = listed(members.name)
        line = zip(listed(members.key), listed(path.line), strict=True)
        return [
            (transactions[first], transactions[second], name[key])
            for (key, first), (other, second) in pairwise(line)
            if key == other
        ]
