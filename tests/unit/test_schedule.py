"""Schedules of the usual length: enough of everything, and the overlaps that bugs need."""

import random
from collections import Counter

import pytest

from nemesis.fault import Fault
from nemesis.schedule import Deck, draw

NODES = ("n1", "n2", "n3", "n4", "n5")
KINDS = ("partition", "kill", "pause")
S = 1_000_000_000
SEEDS = range(200)


def schedules(seconds: int = 20, kinds: tuple[str, ...] = KINDS) -> list[tuple[Fault, ...]]:
    return [draw(random.Random(f"schedule-{seed}"), NODES, kinds, seconds * S) for seed in SEEDS]


def test_twenty_seconds_see_several_faults_of_each_lane() -> None:
    counts = Counter(fault.kind for schedule in schedules() for fault in schedule)
    assert 4 <= counts["partition"] / len(SEEDS) <= 5.2
    assert 6 <= (counts["kill"] + counts["pause"]) / len(SEEDS) <= 10
    assert 0.6 < counts["kill"] / counts["pause"] < 1.6


def test_most_runs_have_a_process_fault_within_a_partition() -> None:
    within = 0
    for schedule in schedules():
        cuts = [fault for fault in schedule if fault.kind == "partition"]
        within += any(c.start < f.start and f.end < c.end for c in cuts for f in schedule if f.kind != c.kind)
    assert within / len(SEEDS) > 0.8


def test_the_first_second_and_the_end_are_free() -> None:
    for schedule in schedules():
        assert min(fault.start for fault in schedule) >= S
        assert max(fault.end for fault in schedule) <= 19.5 * S


def test_shapes_and_modes_come_evenly() -> None:
    cuts = [fault for schedule in schedules() for fault in schedule if fault.kind == "partition"]
    for counts in (Counter(f.shape for f in cuts), Counter(f.mode for f in cuts)):
        assert max(counts.values()) < 1.25 * min(counts.values())
    assert {fault.shape for fault in cuts} == {"halves", "isolate-one", "one-way", "bridge"}


def test_different_seeds_differ() -> None:
    assert len(set(schedules())) == len(SEEDS)


def test_only_what_was_asked_for() -> None:
    assert {f.kind for schedule in schedules(kinds=("kill",)) for f in schedule} == {"kill"}
    assert set(schedules(kinds=())) == {()}


def test_a_very_short_run_is_left_alone_rather_than_overrun() -> None:
    assert draw(random.Random(1), NODES, KINDS, S // 2) == ()


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="no schedule can be drawn for flood; known: partition, kill, pause"):
        draw(random.Random(1), NODES, ("flood",), 20 * S)


def test_a_deck_deals_every_card_before_any_again() -> None:
    deck = Deck(("a", "b", "c"), random.Random(5))
    for _ in range(5):
        assert sorted(deck.draw() for _ in range(3)) == ["a", "b", "c"]
