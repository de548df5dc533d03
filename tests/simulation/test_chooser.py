"""Choices depend on the seed and their label alone, are spread evenly, and can be recorded and played."""

import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from splitbrain.sim.chooser import Chooser

labels = st.tuples(
    st.sampled_from(["latency", "fsync"]), st.sampled_from(["a->b", "b"]), st.integers(0, 1 << 40)
)
sizes = st.integers(1, 1 << 64)


@given(st.integers(0, 1 << 64), st.lists(st.tuples(labels, sizes), min_size=2), st.randoms())
def test_the_order_of_draws_does_not_matter(
    seed: int, wanted: list[tuple[tuple[str, str, int], int]], shuffled: "object"
) -> None:
    one, other = Chooser(seed), Chooser(seed)
    drawn = {repr(what): one.draw(*what) for what in wanted}
    assert all(0 <= drawn[repr((label, n))] < n for label, n in wanted)
    shuffled.shuffle(wanted)  # type: ignore[attr-defined]
    assert drawn == {repr(what): other.draw(*what) for what in wanted}


def test_labels_and_seeds_tell_draws_apart() -> None:
    draws = [
        Chooser(seed).draw((kind, about, number), 1 << 64)
        for seed in (1, 2)
        for kind in ("latency", "fsync")
        for about in ("a", "b")
        for number in range(50)
    ]
    assert len(set(draws)) == len(draws)


def test_draws_are_spread_evenly() -> None:
    stream = Chooser(3).stream("latency", "a->b")
    counts = [0] * 10
    for number in range(10_000):
        counts[stream.draw(number, 10)] += 1
    assert 850 < min(counts) <= max(counts) < 1150


def test_the_hash_seed_does_not_matter() -> None:
    code = (
        "from splitbrain.sim.chooser import Chooser; print(Chooser(1).draw(('latency', 'a->b', 5), 1 << 64))"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            check=True,
        ).stdout
        for hash_seed in ("0", "1", "77")
    }
    assert len(printed) == 1


def test_a_tape_replays_and_what_is_not_on_it_is_benign() -> None:
    recorded = Chooser(9, keep=True)
    label = ("latency", "a->b", 4)
    drawn = recorded.draw(label, 1000)
    assert drawn > 0
    tape = recorded.tape()
    assert tape == {"latency": {"a->b": {4: drawn}}}
    played = Chooser(10, played=tape)
    assert played.draw(label, 1000) == drawn
    assert played.draw(label, drawn) == drawn - 1, "a smaller range takes the largest choice it has"
    assert played.draw(("latency", "a->b", 5), 1000) == 0
    assert played.draw(("fsync", "a", 4), 1000) == 0


def test_a_chooser_without_tape_says_so() -> None:
    with pytest.raises(ValueError, match="keep=True"):
        Chooser(1).tape()
