"""Whole runs on real processes: the store as it is holds; A01 and C06 are caught as in the simulator."""

from pathlib import Path
from typing import Any

import pytest

from nemesis.registry import KINDS
from splitbrain.options import RunOptions
from splitbrain.report.console import Console
from splitbrain.runner import run
from tests.requirements import need

pytestmark = pytest.mark.process

SEEDS_PER_BUG = 8
"""Real timing differs from run to run, so that one seed is not enough for a bug that needs a moment."""


def local(root: Path, seed: int, **options: Any) -> dict[str, Any]:
    chosen: dict[str, Any] = {"faults": tuple(KINDS), "time_limit_s": 8.0} | options
    return run(RunOptions(workload="cart", place="local", seed=seed, **chosen), root, Console(json=True))


def explain(outcome: dict[str, Any]) -> str:
    found = [a["sentence"] for check in outcome["checks"].values() for a in check["anomalies"]]
    return "\n".join([outcome["replay"], *outcome["inconclusive"], *found])


def test_the_store_as_it_is_holds(tmp_path: Path) -> None:
    outcome = local(tmp_path, 1)
    assert outcome["valid"] is True, explain(outcome)
    assert {fault["kind"] for fault in outcome["faults"]} == set(KINDS)


@pytest.mark.toxiproxy
def test_the_store_as_it_is_holds_behind_a_real_toxiproxy(tmp_path: Path) -> None:
    need("toxiproxy")
    outcome = local(tmp_path, 2, proxy="toxiproxy")
    assert outcome["valid"] is True, explain(outcome)


@pytest.mark.parametrize(("bug", "first_seed", "time_limit_s"), [("A01", 1, 6.0), ("C06", 3, 20.0)])
def test_planted_bugs_lose_writes(tmp_path: Path, bug: str, first_seed: int, time_limit_s: float) -> None:
    for seed in range(first_seed, first_seed + SEEDS_PER_BUG):
        outcome = local(tmp_path, seed, bug=bug, time_limit_s=time_limit_s)
        if any(a["type"] == "lost-write" for a in outcome["checks"]["lost-writes"]["anomalies"]):
            assert outcome["valid"] is False
            return
    pytest.fail(f"{bug} lost nothing in {SEEDS_PER_BUG} runs: splitbrain run cart --on local --bug {bug}")
