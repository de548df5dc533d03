"""The oracle sees what is wrong: each rule is taken out of its checker, and a history comes up that tells."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from checker.isolation import (
    closure,
    edges,
    facts,
    forced_order,
    latest,
    members,
    orders,
    pending,
    saturation,
    schedule,
    sightings,
    views,
    windows,
)
from tests.property.isolation_oracle import verdicts
from tests.property.test_isolation_oracle import TWO_ROUNDS, history, judged
from tests.unit.isolation_script import Script, Sessions, ok

SEEDS = 1000

REPLY_WITHOUT_QUESTION: Sessions = [
    [ok(("w", "x", 1))],
    [ok(("r", "x", 1)), ok(("w", "y", 2))],
    [ok(("r", "y", 2), ("r", "x", None))],
]

SECOND_WITHOUT_FIRST: Sessions = [
    [ok(("w", "x", 1)), ok(("w", "y", 2))],
    [ok(("r", "y", 2), ("r", "x", None))],
]
READ_OF_WHAT_FAILED: Sessions = [[Script("fail", [("w", "x", 1)])], [ok(("r", "x", 1))]]

OLDER_THAN_A_PART_THAT_WAS_SEEN: Sessions = [
    [ok(("w", "y", 1)), ok(("w", "x", 2), ("w", "y", 2))],
    [ok(("r", "x", 2)), ok(("r", "y", 1))],
]

RARE = [
    TWO_ROUNDS,
    REPLY_WITHOUT_QUESTION,
    SECOND_WITHOUT_FIRST,
    READ_OF_WHAT_FAILED,
    OLDER_THAN_A_PART_THAT_WAS_SEEN,
]
"""What random histories seldom come to."""


def histories() -> Iterator[Sessions]:
    yield from RARE
    yield from map(history, range(SEEDS))


def nothing(*arguments: Any) -> int:
    return 0


def no_more(*arguments: Any) -> int:
    return int(arguments[-1])


def no_round(*arguments: Any) -> tuple[int, int]:
    return 0, 0


def always(*arguments: Any) -> bool:
    return True


def everything_is_in_front(facts: Any, latest: Any, what: tuple[int, int], *arguments: Any) -> int:
    return what[1]


def no_circles(*arguments: Any) -> windows.Circling:
    return windows.Circling((), ())


def no_order(self: Any, *arguments: Any) -> bool:
    return True


def own_writes_only_of_the_last(*arguments: Any) -> int:
    """A session's second write of a key is forgotten."""
    count = edges_own_writes(*arguments)
    return max(0, count - 1)


edges_own_writes = edges.own_writes


def everything_counts(columns: Any, *arguments: Any) -> tuple[int, int]:
    """Failed transactions are taken for committed ones."""
    status = [0] * len(columns.status)
    return facts_classify(columns._replace(status=status), *arguments)


facts_classify = facts.classify

PLANTED: list[tuple[str, Any, str, Callable[..., Any]]] = [
    ("read-committed", edges, "committed_reads", nothing),
    ("read-atomic", edges, "fractured", nothing),
    ("read-atomic", edges, "own_writes", nothing),
    ("read-your-writes", edges, "own_writes", nothing),
    ("read-your-writes", edges, "own_writes", own_writes_only_of_the_last),
    ("monotonic-reads", saturation, "monotonic_reads", nothing),
    ("monotonic-writes", edges, "earlier_writes", nothing),
    ("writes-follow-reads", saturation, "follow_reads", nothing),
    ("ccv", edges, "behind", nothing),
    ("cc", views, "find_unexplained", lambda *arguments: -1),
    ("pram", views, "first_round", no_round),
    ("pram", views, "next_round", no_round),
    ("cm", views, "first_round", no_round),
    ("cm", views, "next_round", no_round),
    ("serializable", schedule, "order_edges", no_more),
    ("snapshot-isolation", schedule, "order_edges", no_more),
    ("read-committed", facts, "classify", everything_counts),
    ("ccv", latest, "barrier_of", everything_is_in_front),
    ("cc", latest, "barrier_of", everything_is_in_front),
    ("ccv", latest, "remember", nothing),
    ("serializable", orders, "circling", no_circles),
    ("snapshot-isolation", orders, "circling", no_circles),
    ("serializable", windows, "reach_back", nothing),
    ("monotonic-reads", pending, "was_seen", always),
    ("writes-follow-reads", sightings, "was_seen", always),
    ("writes-follow-reads", sightings, "first_sighting", no_round),
]


@pytest.mark.parametrize(
    ("level", "where", "rule", "instead"), PLANTED, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_rule_that_is_missing_is_missed(
    level: str, where: Any, rule: str, instead: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(where, rule, instead)
    for sessions in histories():
        if judged(sessions, (level,))[level] != verdicts(sessions)[level]:
            return
    pytest.fail(f"{level} without {rule} was right about {SEEDS} histories")


def no_news(relation: Any, side: int) -> None:
    """Nothing follows from what was supposed."""
    spread(relation, side)
    relation.news[:] = [0] * len(relation.news)


spread = closure.spread


def no_reads_of_nothing(told: Any, rules: int, head: int, rule: tuple[int, int]) -> int:
    return rules if head == 2 * len(told.transaction) else add_rule(told, rules, head, rule)


add_rule = members.add_rule

PLANTED_IN_REGIONS: list[tuple[Any, str, Callable[..., Any]]] = [
    (members, "add_reads", nothing),
    (members, "add_rule", no_reads_of_nothing),
    (closure, "spread", no_news),
]


@pytest.mark.parametrize(("where", "kernel", "instead"), PLANTED_IN_REGIONS)
@pytest.mark.parametrize("level", ["serializable", "snapshot-isolation"])
def test_a_region_that_forgets_is_caught(
    level: str, where: Any, kernel: str, instead: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The search, left alone with everything, proposes an order that is wrong."""
    monkeypatch.setattr(forced_order.ForcedOrder, "grow", only_sorted)
    monkeypatch.setattr(where, kernel, instead)
    for sessions in histories():
        try:
            if judged(sessions, (level,))[level] != verdicts(sessions)[level]:
                return
        except AssertionError:
            return
    pytest.fail("nobody noticed")


def only_sorted(self: Any) -> int:
    """The known graph as it is."""
    order, placed, wanted = self.graph.sorted(*self.graph.neighbours())
    self.circle = placed < wanted
    self.clocks = self.graph.no_clocks()
    self.graph.spread(self.clocks, [0] * self.graph.nodes, (order, placed), 0)
    return 0
