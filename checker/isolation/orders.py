"""The search for an order of the writes of each key, in one history (`commit_order.py` has the steps)."""

from collections.abc import Iterable, Iterator
from itertools import chain, pairwise

from checker.isolation.engine import Interpreted
from checker.isolation.explanation import Finding
from checker.isolation.forced_order import ForcedOrder
from checker.isolation.judge import Case, cyclic, judge_case
from checker.isolation.level import Level
from checker.isolation.order import Edges, counting, no_edges, topological
from checker.isolation.pins import Pins, no_pins, pins_of
from checker.isolation.precedence import Precedence
from checker.isolation.region import Effort, Exhausted, Order, Refuted, Region
from checker.isolation.saturation import past_of, saturate
from checker.isolation.schedule import Schedule
from checker.isolation.versions import versions_of
from checker.isolation.windows import Circling, Windows
from checker.wording import plural

REGION_UP_TO, COMPILED_REGION_UP_TO = 2_000, 10_000
"""Transactions of a region beyond which it is not searched, interpreted and compiled."""

FEW = 8
"""After a round that finds fewer than one edge for so many nodes, little is expected of the next ones."""

SHARE = 2
"""The part of the budget, a half, that may be used before all is known that follows from the reads."""

PATIENCE, NODES_PER_PUSH = 10, 1_000
"""So many nodes, and one more for so many, may go on too early in an order that is still thought likely."""

SHRINK_UP_TO = 60
"""Transactions of a region without an order that is made smaller, to be told."""

MANY_SESSIONS = 500
"""Sessions from which on clocks are dear."""


class Orders:
    """The search for an order of the writes of each key."""

    def __init__(self, case: Case, width: int, budget: int) -> None:
        self._case, self._width = case, width
        self.versions = versions_of(case.facts, case.engine)
        self.graph = Precedence(case.facts, width, case.engine)
        self.effort = Effort(budget)
        plain = isinstance(case.engine, Interpreted)
        self._region_up_to = REGION_UP_TO if plain else COMPILED_REGION_UP_TO
        self.forced = ForcedOrder(self.graph, self.versions)
        self._schedule = Schedule(self.graph, self.versions)
        self._causes: Edges | None = None
        self._causes_fit = False
        self._regions: dict[int, tuple[frozenset[int], list[Order]]] = {}
        self._home: dict[int, int] = {}
        self._open: frozenset[int] = frozenset()

    def is_explained(self) -> bool:
        """Does a likely order explain everything?

        First with what comes before what for causal reasons; where clocks are dear, even without.
        """
        if self._case.facts.sessions >= MANY_SESSIONS and self._is_likely_right():
            return True
        return self._add_causes() and self._is_likely_right()

    def _add_causes(self) -> bool:
        """Put causes before effects. False if that goes round in a circle."""
        facts, engine = self._case.facts, self._case.engine
        order, placed = topological(facts, no_edges(engine), engine)
        if placed < counting(facts, engine):
            return False
        clocks = self.graph.no_clocks()
        past = past_of(facts, order, placed, engine, clocks)
        self._causes = saturate(facts, ("causal",), past, engine)
        self.forced.lend(clocks, facts.transactions + 1)
        self._causes_fit = self.graph.add_causes(self._causes)
        return self._causes_fit

    def findings(self, level: Level) -> list[Finding]:
        """What is wrong for causal reasons."""
        if self._causes is None:
            return judge_case(self._case, level)
        return [] if self._causes_fit and self.forced.sort() else cyclic(self._case, self._causes)

    def is_nearly_settled(self) -> bool:
        """Is there an order, as soon as little new follows from the reads? False means nothing yet."""
        while found := self.forced.grow():
            if found * FEW <= self.graph.nodes:
                break
        if not found:
            return False
        self.effort.limit = self.effort.budget // SHARE
        try:
            return self._schedule.run_all() and self._search_windows() is None
        except Exhausted:
            return False
        finally:
            self.effort.limit = self.effort.budget

    def settle(self) -> Region | None:
        """Find an order (None), or transactions for whose writes there is none: search where a likely order
        is wrong, and run that again with what the search proposes, until it is right. Raises Exhausted.
        """
        ended = self._schedule.run_all()
        assert ended, "a graph without a circle can be run"
        return self._search_windows()

    def _search_windows(self) -> Region | None:
        self._regions, self._home = {}, {}
        windows, pins = Windows(self._schedule), no_pins(self.graph.engine)
        while knots := self._knots(windows.circles(pins)):
            for members in knots:
                without = self._search(members)
                if without is not None:
                    return without
            homes: set[int] = set()
            while (more := self._homes(windows)) != homes:
                homes, pins = more, self._pins(more)
                if not windows.reach(pins):
                    break
            windows.run_again(pins)
        return None

    def _homes(self, windows: Windows) -> set[int]:
        """The regions that have a transaction in a window."""
        return {self._home[t] for t in windows.transactions() if t in self._home}

    def _pins(self, homes: set[int]) -> Pins:
        """What these regions propose."""
        orders = [order for home in homes for order in self._regions[home][1]]
        return pins_of(orders, self._case.facts, self.versions, self._width, self._case.engine)

    def _search(self, members: frozenset[int]) -> Region | None:
        """Search one region, together with those that it touches. Returns it if it has no order."""
        touched = {self._home[t] for t in members if t in self._home}
        grown = members.union(*(self._regions[at][0] for at in touched))
        self._open = grown
        if len(grown) > self._region_up_to:
            raise Exhausted
        # What is on a circle of proposals was not among what made them.
        assert all(self._regions[at][0] != grown for at in touched)
        proposed = [self._regions.pop(at)[1] for at in touched]
        region = self._region(grown)
        for kept in _ever_less(proposed, members):
            answer = region.solve(kept, self.effort)
            if not isinstance(answer, Refuted):
                break
        else:
            return region
        self._regions[min(grown)] = (grown, answer)
        self._home |= dict.fromkeys(grown, min(grown))
        return None

    def _region(self, members: Iterable[int]) -> Region:
        """What stands in front in the row is tried in front."""
        place = self._schedule.line.place
        ordered = sorted(members, key=lambda t: int(place[self.graph.first(t)]))
        return Region(self._case.facts, self._width, ordered, self.forced.known(), self._case.engine)

    def smaller(self, region: Region) -> Region:
        """Leave out transactions without which there is no order either."""
        if len(region.transactions) > SHRINK_UP_TO:
            return region
        for t in list(region.transactions):
            rest = self._region([other for other in region.transactions if other != t])
            try:
                if isinstance(rest.solve((), self.effort), Refuted):
                    region = rest
            except Exhausted:
                break
        return region

    def _is_likely_right(self) -> bool:
        if not self._schedule.run_patiently(PATIENCE, NODES_PER_PUSH):
            return False
        return not len(Windows(self._schedule).circles(no_pins(self.graph.engine)).knot)

    def _knots(self, found: Circling) -> list[frozenset[int]]:
        """The transactions on circles, and those whose writes are read on them."""
        knots: dict[int, set[int]] = {}
        for transaction, knot in zip(*map(self._case.engine.listed, found), strict=True):
            knots.setdefault(knot, set()).add(transaction)
        nobody = {self._case.facts.transactions}
        # Knots that touch one region are searched together: each by its region's number, below all others.
        groups = [
            members - nobody | {-1 - self._home[t] for t in members if t in self._home}
            for members in knots.values()
        ]
        return [frozenset(t for t in group if t >= 0) for group in _merged(groups)]

    def established(self, level: Level) -> str:
        """What is known when the budget has ended."""
        settled = sum(len(members) for members, _ in self._regions.values())
        why = (
            f"the search for an order ended after {self.effort.taken} steps (option budget) without an answer"
            if self.effort.taken > self.effort.budget
            else f"more than {self._region_up_to} transactions depend on each other, too many to search"
        )
        left = plural(len(self._open), "transaction")
        return (
            f"{why}; {level.name} implies causal consistency, which holds, and what follows from the reads "
            f"contradicts nothing. Left open is in which order {left} wrote the same keys"
            + (f"; for {settled} others an order was found" if settled else "")
        )


def _ever_less(proposed: list[list[Order]], members: frozenset[int]) -> Iterator[list[Order]]:
    """What may be kept of the proposals of regions while members of them are searched again: mostly all of
    it, or all that is not about them; nothing, in the end."""
    if proposed:
        yield list(chain.from_iterable(proposed))
        yield [order for orders in proposed for order in _without(orders, members)]
    yield []


def _without(orders: list[Order], members: frozenset[int]) -> Iterator[Order]:
    """The same order of the other writes. What is proposed are neighbours, key by key."""
    lines: dict[int, list[int]] = {}
    for first, second, key in orders:
        lines.setdefault(key, [first]).append(second)
    for key, line in lines.items():
        for first, second in pairwise(t for t in line if t not in members):
            yield first, second, key


def _merged(groups: list[set[int]]) -> list[set[int]]:
    """Groups that have a member in common as one."""
    home: dict[int, int] = {}
    found: dict[int, set[int]] = {}
    for at, group in enumerate(groups):
        found[at] = set(group)
        for other in {home[t] for t in group if t in home}:
            found[at] |= found.pop(other)
        home |= dict.fromkeys(found[at], at)
    return list(found.values())
