"""The isolation checkers against their definitions, against each other, and one engine against the other."""

from random import Random

import pytest

from checker import kernel
from checker.isolation.columns import columns_of
from checker.isolation.engine import Compiled, Engine, Interpreted
from checker.isolation.levels import LEVELS, check_columns
from tests.property.isolation_oracle import verdicts
from tests.unit.isolation_script import Sessions, drawn, history_of, ok, replicated, simulated

IMPLIES = (
    ("serializable", "snapshot-isolation"),
    ("snapshot-isolation", "ccv"),
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


def judged(sessions: Sessions, engine: Engine) -> dict[str, bool | str]:
    columns = columns_of(history_of(sessions)).columns
    return {name: check_columns(columns, name, engine=engine).validity.as_json() for name in LEVELS}


@pytest.mark.parametrize("part", range(4))
def test_every_level_is_what_its_definition_says(part: int) -> None:
    for seed in range(part * 300, part * 300 + 300):
        rng = Random(seed)
        sessions = drawn(rng, 5) if seed % 2 else replicated(rng, 5)
        assert judged(sessions, Interpreted()) == verdicts(sessions), f"seed {seed}: {sessions}"


def test_what_must_come_before_a_write_of_the_session_is_in_front_of_its_reads() -> None:
    """The first client wrote x = 1 over x = 2 (it saw y = 5, which came later), but had not seen x = 2."""
    sessions: Sessions = [
        [ok(("r", "x", None), ("w", "x", 1)), ok(("r", "x", 1), ("r", "y", 5))],
        [ok(("w", "x", 2)), ok(("w", "y", 5))],
    ]
    found = judged(sessions, Interpreted())
    assert found == verdicts(sessions)
    assert not found["pram"]
    assert not found["cm"]


def test_stronger_levels_imply_weaker_ones() -> None:
    for seed in range(300):
        rng = Random(seed)
        found = judged(replicated(rng, rng.randint(5, 25), "xyz"), Interpreted())
        for stronger, weaker in IMPLIES:
            assert found[weaker] or not found[stronger], (
                f"seed {seed}: {stronger} holds and {weaker} does not"
            )


@pytest.mark.skipif(not kernel.available(), reason="numba is not installed (the extra `scale`)")
def test_both_engines_say_the_same() -> None:
    for seed in range(60):
        rng = Random(seed)
        sessions = [drawn(rng, 30), replicated(rng, 40), simulated(rng, 5, 40)][seed % 3]
        assert judged(sessions, Interpreted()) == judged(sessions, Compiled()), f"seed {seed}: {sessions}"


def test_what_was_run_serially_is_valid_everywhere() -> None:
    for seed in range(40):
        found = judged(simulated(Random(seed), 6, 60), Interpreted())
        assert set(found.values()) == {True}, f"seed {seed}: {found}"
