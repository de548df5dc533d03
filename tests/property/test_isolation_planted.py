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
    line,
    members,
    pending,
    ranges,
    saturation,
    sightings,
    sorted_sightings,
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

REPLY_BEFORE_NEWS: Sessions = [
    [ok(("w", "x", 1)), ok(("w", "x", 2)), ok(("w", "x", 3))],
    [ok(("r", "x", 2), ("w", "y", 1)), ok(("r", "x", 3))],
    [ok(("r", "y", 1), ("r", "x", 1))],
]
"""When y is read, its writer has seen something newer than what it had seen when it wrote."""

SEEN_LATEST_LAST: Sessions = [
    [ok(("w", "x", 1)), ok(("r", "x", 2), ("w", "x", 3))],
    [ok(("w", "x", 2))],
    [ok(("r", "x", 1)), ok(("r", "x", 3)), ok(("w", "y", 1))],
    [ok(("r", "y", 1), ("r", "x", 2))],
]
SEEN_LATEST_FIRST = [
    *SEEN_LATEST_LAST[:2],
    [ok(("r", "x", 3)), ok(("r", "x", 1)), ok(("w", "y", 1))],
    SEEN_LATEST_LAST[3],
]
"""The third session has seen x = 3 before it wrote y; who sees that y is not to see x = 2."""

RARE = [
    TWO_ROUNDS,
    REPLY_WITHOUT_QUESTION,
    SECOND_WITHOUT_FIRST,
    READ_OF_WHAT_FAILED,
    OLDER_THAN_A_PART_THAT_WAS_SEEN,
    REPLY_BEFORE_NEWS,
    SEEN_LATEST_LAST,
    SEEN_LATEST_FIRST,
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


def noted_wrongly(spoil: Callable[[Any, range], None]) -> Callable[..., int]:
    """A kernel that notes sightings, and what goes wrong with those that it noted."""

    def note(*arguments: Any) -> int:
        known, used = arguments[2], int(arguments[-1])
        free = sightings_note(*arguments)
        spoil(known, range(used, free))
        return free

    return note


sightings_note = sightings.note


def only_the_newest(known: Any, noted: range) -> None:
    """What a session saw of a key before is forgotten."""
    for at in noted:
        known.older[at] = -1


def too_late(known: Any, noted: range) -> None:
    """As if the next transaction of the session had seen it: what the source itself read is forgotten."""
    for at in noted:
        known.position[at] += 1


def barrier_too_high(known: Any, noted: range) -> None:
    """As if all that was ever seen of the key had been seen one transaction earlier."""
    for cell in range(0, len(known.newest), sightings.NEWEST):
        if known.newest[cell + 1] in noted:
            known.newest[cell] -= 1


def put_with(writer: Callable[[Any, int, int], int]) -> Callable[..., None]:
    """A kernel that puts sightings in place, with another writer than the latest so far."""

    def put(facts: Any, known: Any, work: Any, pair: tuple[int, int], r: int) -> None:
        sorted_put(facts, known, work, pair, r)
        t2 = facts.read_from[r]
        for w in range(facts.write_start[t2], facts.write_start[t2 + 1]):
            at = known.start[facts.write_key[w]] - 1
            known.writer[at] = writer(known, at, t2)

    return put


sorted_put = sorted_sightings.put


def no_circles(*arguments: Any) -> windows.Circling:
    return windows.Circling((), ())


def nowhere(*arguments: Any) -> tuple[int, int]:
    return line.NOWHERE, -1


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
    ("serializable", windows, "edges_to_writes", no_more),
    ("snapshot-isolation", windows, "edges_to_writes", no_more),
    ("serializable", ranges, "led_back", nowhere),
    ("read-committed", facts, "classify", everything_counts),
    ("ccv", latest, "barrier_of", everything_is_in_front),
    ("cc", latest, "barrier_of", everything_is_in_front),
    ("ccv", latest, "enter", nothing),
    ("ccv", edges, "following", lambda *arguments: -1),
    ("ccv", edges, "last_before", lambda *arguments: -1),
    ("serializable", windows.Windows, "circles", no_circles),
    ("snapshot-isolation", windows.Windows, "circles", no_circles),
    ("serializable", windows, "reach_back", nothing),
    ("monotonic-reads", pending, "was_seen", always),
    ("writes-follow-reads", sightings, "was_seen", always),
    ("writes-follow-reads", sightings, "note", no_more),
    ("writes-follow-reads", sightings, "note", noted_wrongly(only_the_newest)),
    ("writes-follow-reads", sightings, "note", noted_wrongly(too_late)),
    ("writes-follow-reads", sightings, "note", noted_wrongly(barrier_too_high)),
    ("writes-follow-reads", sightings, "in_front", always),
]


SORTED: list[tuple[Any, str, Callable[..., Any]]] = [
    (sorted_sightings, "put", nothing),
    (sorted_sightings, "put", put_with(lambda known, at, t2: known.writer[known.first[at]])),
    (sorted_sightings, "put", put_with(lambda known, at, t2: t2)),
    (sorted_sightings, "was_seen", always),
    (sorted_sightings, "in_front", always),
    (sorted_sightings, "lower_bound", lambda column, low, *arguments: low),
]
"""Likewise where sightings are sorted first."""


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


@pytest.mark.parametrize(
    ("where", "rule", "instead"), SORTED, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_sorted_sighting_that_is_missing_is_missed(
    where: Any, rule: str, instead: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saturation, "SIGHTINGS", -1)
    test_a_rule_that_is_missing_is_missed("writes-follow-reads", where, rule, instead, monkeypatch)


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
    self.sort()
    return 0
