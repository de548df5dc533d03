"""The isolation checkers against their definitions, and against each other.

`SPLITBRAIN_ISOLATION_CASES` is how many histories are judged, at all levels each (a case is one history at
one level: there are twelve).  84,000 histories are a million cases, and take some minutes on two cores with
`pytest -n 2`; `SPLITBRAIN_ISOLATION_FROM` is the first seed.
"""

import os
from random import Random
from typing import Any

import pytest

from checker.isolation import forced_order, forced_rules, latest, orders, precedence
from checker.isolation.columns import columns_of
from checker.isolation.engine import Interpreted
from checker.isolation.facts import facts_of, resolve
from checker.isolation.groups import with_groups
from checker.isolation.levels import LEVELS, check_columns
from checker.isolation.versions import versions_of
from tests.property.isolation_oracle import verdicts
from tests.unit.isolation_script import (
    Sessions,
    drawn,
    history_of,
    ok,
    replicated,
    scattered,
    simulated,
    snapshots,
)

PARTS = 4
HISTORIES = int(os.environ.get("SPLITBRAIN_ISOLATION_CASES", "1600"))
FIRST = int(os.environ.get("SPLITBRAIN_ISOLATION_FROM", "0"))

IMPLIES = (
    ("serializable", "snapshot-isolation"),
    ("snapshot-isolation", "ccv"),
    ("serializable", "cm"),
    ("ccv", "cc"),
    ("cm", "cc"),
    ("cm", "pram"),
    ("ccv", "read-atomic"),
    ("ccv", "monotonic-reads"),
    ("ccv", "monotonic-writes"),
    ("ccv", "writes-follow-reads"),
    ("read-atomic", "read-committed"),
    ("read-atomic", "read-your-writes"),
)
"""The left one implies the right one."""

STRONG = ("serializable", "snapshot-isolation")


TWO_ROUNDS: Sessions = [
    [ok(("w", "z", 1)), ok(("w", "z", 2), ("w", "x", 2), ("w", "v", 1))],
    [ok(("w", "x", 1), ("w", "u", 1))],
    [ok(("r", "u", 1)), ok(("r", "z", 1)), ok(("r", "v", 1), ("r", "x", 1))],
]
"""The last read puts x = 2 before x = 1, hence z = 2 in front of the read of z: seen in a second round."""

CONVERGENT_NOT_MEMORY: Sessions = [
    [ok(("w", "z", 1)), ok(("w", "x", 1)), ok(("w", "y", 1))],
    [ok(("w", "x", 2)), ok(("r", "z", None)), ok(("r", "y", 1)), ok(("r", "x", 2))],
]
"""Bouajjani, Enea, Guerraoui and Hamza (POPL 2017), figure 2: CCv holds, CM does not."""

MEMORY_NOT_CONVERGENT: Sessions = [
    [ok(("w", "x", 1)), ok(("r", "x", 2))],
    [ok(("w", "x", 2)), ok(("r", "x", 1))],
]
"""Likewise: CM holds, CCv does not."""


def judged(
    sessions: Sessions, names: tuple[str, ...] = tuple(LEVELS), mix: int | None = None
) -> dict[str, bool | str]:
    columns = columns_of(history_of(sessions, None if mix is None else Random(mix))).columns
    return {name: check_columns(columns, name, engine=Interpreted()).validity.as_json() for name in names}


def history(seed: int) -> Sessions:
    """A small history of one of four kinds."""
    rng = Random(seed)
    match seed % 4:
        case 0:
            return replicated(rng, 5)
        case 1:
            return drawn(rng, 5)
        case 2:
            return scattered(rng, 6)
        case _:
            return snapshots(rng, 5)


@pytest.mark.parametrize("part", range(PARTS))
def test_every_level_is_what_its_definition_says(part: int) -> None:
    for seed in range(FIRST + part, FIRST + HISTORIES, PARTS):
        sessions = history(seed)
        assert judged(sessions, mix=seed) == verdicts(sessions), f"seed {seed}: {sessions}"


@pytest.mark.parametrize("part", range(PARTS))
def test_the_search_alone_is_right(part: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the rules that settle nearly everything, regions are searched, and some have no order."""
    for rule in ("settle_read", "settle_write"):
        monkeypatch.setattr(forced_rules, rule, lambda *arguments: arguments[-1])
    for seed in range(FIRST + part, FIRST + HISTORIES // 4, PARTS):
        sessions = history(seed)
        expected = verdicts(sessions)
        assert judged(sessions, STRONG, seed) == {name: expected[name] for name in STRONG}, f"seed {seed}"


@pytest.mark.parametrize("part", range(PARTS))
def test_edges_that_find_no_room_are_found_again(part: int, monkeypatch: pytest.MonkeyPatch) -> None:
    grow, room = forced_order.ForcedOrder.grow, precedence.Precedence.room

    def cramped(self: forced_order.ForcedOrder) -> int:
        with monkeypatch.context() as patch:
            patch.setattr(precedence.Precedence, "room", lambda graph, length: room(graph, 1))
            return grow(self)

    for seed in range(FIRST + part, FIRST + HISTORIES // 4, PARTS):
        sessions = history(seed)
        expected, plain = verdicts(sessions), forced(sessions)
        with monkeypatch.context() as patch:
            patch.setattr(forced_order.ForcedOrder, "grow", cramped)
            patch.setattr(orders.Orders, "is_explained", lambda self: False)
            assert judged(sessions, STRONG, seed) == {name: expected[name] for name in STRONG}, f"seed {seed}"
            assert forced(sessions) == plain, f"seed {seed}"


def forced(sessions: Sessions) -> list[Any]:
    """What is forced in the end, for both levels: whether that is a circle, or what is in front of what."""
    engine = Interpreted()
    told = columns_of(history_of(sessions))
    facts = with_groups(facts_of(told, resolve(told, engine)[0], engine), engine)
    graphs = [precedence.Precedence(facts, width, engine) for width in (1, 2)]
    ends = [forced_order.ForcedOrder(graph, versions_of(facts, engine)).settle() for graph in graphs]
    return [end.circle or end.known().clocks for end in ends]


def test_what_is_not_looked_at_is_in_front_anyway(monkeypatch: pytest.MonkeyPatch) -> None:
    """Barriers spare looks, and nothing else; one that is too high is noticed."""
    wrong = False
    for seed in range(FIRST, FIRST + HISTORIES // 4):
        sessions = history(seed)
        plain = forced(sessions)
        with monkeypatch.context() as patch:
            patch.setattr(forced_rules, "set_barrier", lambda *arguments: None)
            assert forced(sessions) == plain, f"seed {seed}"
        with monkeypatch.context() as patch:
            patch.setattr(latest, "barrier_of", lambda facts, known, what, *arguments: what[1])
            wrong |= forced(sessions) != plain
    assert wrong


def test_three_that_wrote_over_one_version_are_a_circle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each comes before both others; whoever is known to be written over must not be passed over for that."""
    sessions: Sessions = [[ok(("r", "y", None), ("w", "y", value))] for value in (1, 2, 3)]
    assert forced(sessions) == [True, True]
    monkeypatch.setattr(forced_rules, "set_barrier", lambda *arguments: None)
    assert forced(sessions) == [True, True]


def test_what_follows_counts_where_nothing_was_known_before() -> None:
    """Nobody read what another one wrote: all edges are found, and must be handed on all the same."""
    sessions: Sessions = [
        [ok(("r", "z", None), ("w", "y", 4))],
        [ok(("r", "y", None))],
        [ok(("w", "y", 5), ("w", "z", 6))],
    ]
    serial, _ = forced(sessions)
    assert serial[2][:2] == [1, 1]


def test_what_must_come_before_a_write_of_the_session_is_in_front_of_its_reads() -> None:
    """The first client wrote x = 1 over x = 2 (it saw y = 5, which came later), but had not seen x = 2."""
    sessions: Sessions = [
        [ok(("r", "x", None), ("w", "x", 1)), ok(("r", "x", 1), ("r", "y", 5))],
        [ok(("w", "x", 2)), ok(("w", "y", 5))],
    ]
    found = judged(sessions)
    assert found == verdicts(sessions)
    assert not found["pram"]
    assert not found["cm"]


def test_rules_that_only_a_second_round_applies() -> None:
    found = judged(TWO_ROUNDS)
    assert found == verdicts(TWO_ROUNDS)
    assert not found["pram"]
    assert not found["cm"]


def test_causal_memory_and_causal_convergence_do_not_imply_each_other() -> None:
    found = judged(CONVERGENT_NOT_MEMORY)
    assert (found["ccv"], found["cm"], found["pram"], found["cc"]) == (True, False, False, True)
    found = judged(MEMORY_NOT_CONVERGENT)
    assert (found["ccv"], found["cm"], found["pram"], found["cc"]) == (False, True, True, True)


def test_a_session_that_is_in_front_of_itself_stays_so() -> None:
    """The second round of a session's view forgot what the first had found: T2 shadowed its own past."""
    sessions: Sessions = [
        [ok(("r", "x", 3))],
        [ok(("w", "y", 1)), ok(("r", "y", None), ("w", "y", 2), ("w", "x", 3)), ok(("r", "y", 1))],
    ]
    found = judged(sessions)
    assert found == verdicts(sessions)
    assert not found["pram"]


def test_stronger_levels_imply_weaker_ones() -> None:
    for seed in range(400):
        rng = Random(seed)
        size = rng.randint(5, 25)
        kinds = (replicated(rng, size, "xyz"), snapshots(rng, size), scattered(rng, 12), drawn(rng, 12))
        found = judged(kinds[seed % 4])
        for stronger, weaker in IMPLIES:
            assert found[weaker] or not found[stronger], (
                f"seed {seed}: {stronger} holds and {weaker} does not"
            )


def test_what_was_run_serially_is_valid_everywhere() -> None:
    for seed in range(40):
        found = judged(simulated(Random(seed), 6, 60))
        assert set(found.values()) == {True}, f"seed {seed}: {found}"


def test_what_was_run_on_snapshots_is_valid_as_such() -> None:
    serializable = 0
    for seed in range(60):
        found = judged(snapshots(Random(seed), 60, "uvwxyz"), STRONG)
        assert found["snapshot-isolation"] is True, f"seed {seed}"
        serializable += found["serializable"] is True
    assert serializable < 60
