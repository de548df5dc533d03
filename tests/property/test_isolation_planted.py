"""The oracle sees what is wrong: each rule is taken out of its checker, and a history comes up that tells."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from checker.isolation import edges, facts, forced_order, region, saturation, schedule, views
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

RARE = [TWO_ROUNDS, REPLY_WITHOUT_QUESTION, SECOND_WITHOUT_FIRST, READ_OF_WHAT_FAILED]
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


def test_a_region_that_forgets_readers_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The search, left alone with everything, proposes an order that is wrong."""
    monkeypatch.setattr(forced_order.ForcedOrder, "grow", only_sorted)
    monkeypatch.setattr(region.Region, "_read_initial", lambda self, state: iter(()))
    monkeypatch.setattr(region.Region, "_order", no_order)
    for sessions in histories():
        try:
            if judged(sessions, ("serializable",))["serializable"] != verdicts(sessions)["serializable"]:
                return
        except AssertionError:
            return
    pytest.fail("nobody noticed")


def only_sorted(self: Any) -> int:
    """The known graph as it is."""
    order, placed, wanted = self.graph.sorted(*self.graph.neighbours())
    self.circle = placed < wanted
    self.graph.spread(self.clocks, [0] * self.graph.nodes, (order, placed), 0)
    return 0
