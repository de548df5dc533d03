"""The search on a few transactions: against all orders of their writes, and in both engines.

What a read shows of older writes only spares suppositions.  Without that rule the search has to go back all
the time, and most of what has no order is known only in the end.
"""

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from checker import kernel
from checker.isolation import closure, members, region, suppositions
from checker.isolation.clocks import put_in_front
from checker.isolation.columns import columns_of
from checker.isolation.engine import Compiled, Engine, Interpreted
from checker.isolation.facts import facts_of, resolve
from checker.isolation.precedence import Precedence
from checker.isolation.region import Effort, Exhausted, Order, Refuted, Region
from tests.property.region_oracle import RegionOracle, blind, lines_of
from tests.unit.isolation_script import Sessions, history_of, replicated, simulated, snapshots

SEEDS = 400
BUDGET = 500

COMPILES = pytest.mark.skipif(not kernel.available(), reason="numba is not installed (the extra `scale`)")

Answer = tuple[list[Order] | Refuted | None, int]
"""What a search says (None: nothing, its budget has ended), and how many steps it took."""


class Narrow(Interpreted):
    """Rows of many words, in the interpreter."""

    bits = 4


class Known:
    """A history, of which nothing is known but sessions and reads. `circle`: that is one already. Clocks know
    a `share` of it."""

    def __init__(self, sessions: Sessions, width: int, engine: Engine, share: float) -> None:
        told = columns_of(history_of(sessions))
        self.keys = told.names.keys
        told = type(told)(engine.adopt(told.columns), told.names)
        self.facts = facts_of(told, resolve(told, engine)[0], engine)
        self._width, self._engine = width, engine
        graph = Precedence(self.facts, width, engine)
        order, placed, wanted = graph.sorted()
        self.circle = placed < wanted
        index, since = graph.neighbours()[1], round(share * graph.size)
        self._known = region.Known(graph.no_clocks(), index, since)
        for n in map(int, order[:placed]):
            t = n // width
            place = int(self.facts.position[t]) * width + n % width
            for k in range(int(index.start[n]), int(index.start[n + 1])):
                if int(index.edge[k]) < since:
                    node = (n, int(index.after[k]), int(self.facts.session_of[t]), place)
                    put_in_front(node, self._known.clocks)

    def region(self, sparing: bool, share: float = 1.0) -> Region:
        """A region with so many of the transactions; `sparing`: with all rules."""
        counted = [t for t in range(self.facts.transactions) if int(self.facts.position[t]) >= 0]
        some = sorted(Random(0).sample(counted, round(share * len(counted))))
        made = Region(self.facts, self._width, some, self._known, self._engine)
        heads = made._members.rule_head
        for at in range(len(some), len(some) if sparing else 2 * len(some)):
            heads[at] = -1
        return made


def answer(asked: Region, supposed: tuple[Order, ...] = ()) -> Answer:
    effort = Effort(BUDGET)
    try:
        return asked.solve(supposed, effort), effort.taken
    except Exhausted:
        return None, effort.taken


def is_wrong(seed: int, sparing: bool, steps: list[int]) -> bool:
    """Does the search say of a small history something else than all orders do? Notes its steps."""
    sessions, width = blind(Random(seed), 5 + seed // 2 % 4), 1 + seed % 2
    oracle, known = RegionOracle(sessions, width), Known(sessions, width, Interpreted(), seed // 8 % 3 / 2)
    if known.circle:
        return oracle.is_possible()
    asked = known.region(sparing)
    found, taken = answer(asked)
    steps.append(taken)
    if found is None:
        return True
    if not isinstance(found, Refuted):
        named = [(first, second, known.keys[key]) for first, second, key in found]
        return not oracle.holds(lines_of(oracle, named))
    if found.pair is None:
        return taken > 0 or oracle.is_possible()
    first, second, key = found.pair
    pairs = ((first, second, key), (second, first, key))
    refuted = all(isinstance(answer(asked, (pair,))[0], Refuted) for pair in pairs)
    return taken == 0 or not refuted or oracle.is_possible()


def test_a_region_has_an_order_exactly_if_there_is_one() -> None:
    few: list[int] = []
    many: list[int] = []
    for seed in range(SEEDS):
        assert not is_wrong(seed, True, few), f"seed {seed}"
        assert not is_wrong(seed, False, many), f"seed {seed}, without what reads show"
    assert sum(many) > 3 * sum(few)


def larger(seed: int) -> Sessions:
    """A history of up to a hundred transactions."""
    rng = Random(seed)
    size = rng.randint(3, 50)
    match seed % 4:
        case 0:
            return simulated(rng, 5, 2 * size)
        case 1:
            return snapshots(rng, size, "uvwxyz")
        case 2:
            return replicated(rng, size, "uvwxyz")
        case _:
            return blind(rng, max(5, size))


@pytest.mark.parametrize(
    "engine", [Narrow(), pytest.param(Compiled(), marks=COMPILES)], ids=["narrow", "compiled"]
)
@pytest.mark.parametrize("sparing", [True, False])
def test_all_engines_search_alike(engine: Engine, sparing: bool) -> None:
    """The same answers, after as many steps, with what is supposed as well."""
    told: list[Answer] = []
    for seed in range(120):
        for width in (1, 2):
            share = seed // 4 % 3 / 2
            plain, other = (Known(larger(seed), width, each, share) for each in (Interpreted(), engine))
            assert plain.circle == other.circle
            if plain.circle:
                continue
            pair = [known.region(sparing, 1 - seed % 3 / 5) for known in (plain, other)]
            found = answer(pair[0])
            told.append(found)
            assert answer(pair[1]) == found, f"seed {seed}, width {width}"
            again = found[0][:1] if isinstance(found[0], list) else []
            reverse = tuple((second, first, key) for first, second, key in again)
            assert answer(pair[1], reverse) == answer(pair[0], reverse), f"seed {seed}, width {width}"
    if not sparing:
        assert any(found is None for found, _ in told)
        assert any(isinstance(found, Refuted) and found.pair for found, _ in told)
    assert any(steps > 20 and isinstance(found, list) for found, steps in told)


def rules_but(forgotten: Callable[[int, int, bool], bool]) -> Callable[..., int]:
    """Forget rules, by their list, by how many transactions there are, and by whether they are about the
    transaction of the list itself."""

    def instead(told: Any, rules: int, head: int, rule: tuple[int, int]) -> int:
        forget = forgotten(head, len(told.transaction), rule[1] // told.width == head)
        return rules if forget else add_rule(told, rules, head, rule)

    return instead


def no_news(relation: Any, side: int) -> None:
    spread(relation, side)
    relation.news[:] = [0] * len(relation.news)


def nothing_is_taken_back(relation: Any, mark: int) -> None:
    relation.news[:] = [0] * len(relation.news)


def half_is_kept(relation: Any, row: int) -> None:
    if row < relation.nodes:
        keep(relation, row)


def kept_once(relation: Any, row: int) -> None:
    """A row that was kept for one question is not kept for the next one."""
    if relation.kept[row] < 0:
        keep(relation, row)


def no_second_answer(told: Any, relation: Any, path: Any) -> None:
    turn_back(told, relation, path)
    path.at[suppositions.GIVEN] = 0


def no_circle(relation: Any, source: int, target: int) -> bool:
    add(relation, source, target)
    return True


def asks_on(told: Any, relation: Any, path: Any) -> None:
    """After going back it does not ask again what was open then."""
    write = path.at[suppositions.WRITE]
    turn_back(told, relation, path)
    path.at[suppositions.WRITE] = write


add, spread, keep = closure.add, closure.spread, closure.keep
add_rule, turn_back = members.add_rule, suppositions.turn_back

PLANTED: list[tuple[str, Any, str, Callable[..., Any]]] = [
    ("later writers", members, "add_rule", rules_but(lambda head, count, own: head < count and own)),
    ("readers", members, "add_rule", rules_but(lambda head, count, own: head < count and not own)),
    ("reads of nothing", members, "add_rule", rules_but(lambda head, count, own: head == 2 * count)),
    ("what is known", region, "relate", lambda *arguments: None),
    ("what is new", region, "add_newer", lambda *arguments: True),
    ("news", closure, "spread", no_news),
    ("circles", suppositions, "add", no_circle),
    ("to go back", suppositions, "go_back", nothing_is_taken_back),
    ("half of the rows", closure, "keep", half_is_kept),
    ("rows kept before", closure, "keep", kept_once),
    ("second answers", suppositions, "turn_back", no_second_answer),
    ("open questions", suppositions, "turn_back", asks_on),
]


@pytest.mark.parametrize(("what", "where", "part", "instead"), PLANTED)
def test_what_is_forgotten_is_missed(
    what: str, where: Any, part: str, instead: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(where, part, instead)
    for seed in range(SEEDS):
        try:
            if is_wrong(seed, True, []) or is_wrong(seed, False, []):
                return
        except (IndexError, ValueError):
            return  # What was found is no order at all.
    pytest.fail(f"nobody noticed that it forgets {what}")
