"""Whole runs in the simulator: the store as it is holds, and every planted bug is caught by its checker."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from nemesis.registry import KINDS
from splitbrain.options import RunOptions
from splitbrain.report.console import Console
from splitbrain.runner import run

ALL = tuple(sorted(KINDS))
SEEDS_PER_BUG = 20


def simulate(root: Path, workload: str, seed: int, **options: Any) -> dict[str, Any]:
    chosen = {"faults": ALL} | options
    return run(RunOptions(workload=workload, seed=seed, **chosen), root, Console(json=True))


def explain(outcome: dict[str, Any]) -> str:
    found = [a["sentence"] for check in outcome["checks"].values() for a in check["anomalies"]]
    return "\n".join([outcome["replay"], *outcome["inconclusive"], *found])


@pytest.mark.parametrize("seed", range(1, 13))
@pytest.mark.parametrize("workload", ["cart", "kv"])
def test_the_store_as_it_is_holds(tmp_path: Path, workload: str, seed: int) -> None:
    outcome = simulate(tmp_path, workload, seed)
    assert outcome["valid"] is True, explain(outcome)
    assert all(fault["bit"] for fault in outcome["faults"])
    assert len(outcome["faults"]) >= 5


@pytest.mark.parametrize(
    ("bug", "workload", "check", "anomaly"),
    [
        ("A01", "cart", "lost-writes", "lost-write"),
        ("A11", "cart", "siblings", "sibling-explosion"),
        ("A11", "kv", "causal", "false-sibling"),
        ("B01", "cart", "lost-writes", "lost-write"),
        ("C06", "cart", "lost-writes", "lost-write"),
        ("E02", "kv", "causal", "resurrected-delete"),
    ],
)
def test_planted_bugs_are_caught(tmp_path: Path, bug: str, workload: str, check: str, anomaly: str) -> None:
    for seed in range(1, SEEDS_PER_BUG + 1):
        outcome = simulate(tmp_path, workload, seed, bug=bug)
        types = {a["type"] for a in outcome["checks"][check]["anomalies"]}
        if anomaly in types:
            assert outcome["valid"] is False
            return
    pytest.fail(
        f"{bug} was not caught by {check} in {SEEDS_PER_BUG} seeds: splitbrain run {workload} --bug {bug}"
    )


def command_line(root: Path, hash_seed: str, *arguments: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "splitbrain", "run", *arguments, "--json", "--runs", str(root)],
        env=os.environ | {"PYTHONHASHSEED": hash_seed},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return msgspec.json.decode(done.stdout, type=dict[str, Any])


def test_one_seed_is_one_run_whatever_the_hash_seed(tmp_path: Path) -> None:
    arguments = ("cart", "--seed", "7", "--time-limit", "8")
    first, again, other = (command_line(tmp_path, hash_seed, *arguments) for hash_seed in ("0", "0", "1234"))
    assert first["fingerprint"] == again["fingerprint"] == other["fingerprint"]
    assert first["checks"].keys() == other["checks"].keys()


def test_different_seeds_are_different_runs(tmp_path: Path) -> None:
    one, two = (simulate(tmp_path, "kv", seed, time_limit_s=4.0) for seed in (1, 2))
    assert one["fingerprint"] != two["fingerprint"]


def test_a_run_can_be_judged_again(tmp_path: Path) -> None:
    from splitbrain.judging import recheck

    outcome = simulate(tmp_path, "cart", 3, bug="A01", time_limit_s=8.0)
    again = recheck(tmp_path / "latest")
    assert again["checks"] == outcome["checks"]
    assert again["valid"] == outcome["valid"]
    assert again["faults"] == outcome["faults"]
    assert again["fingerprint"] == outcome["fingerprint"]


def test_a_fault_that_does_not_bite_makes_the_run_inconclusive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted defect: cutting a link does nothing. The probe must notice."""
    from splitbrain.sim.network import Network

    monkeypatch.setattr(Network, "cut", lambda *_, **__: None)
    outcome = simulate(tmp_path, "cart", 1, faults=("partition",), time_limit_s=6.0)
    assert outcome["valid"] == "unknown"
    assert [fault["bit"] for fault in outcome["faults"]].count(False) == len(outcome["faults"])
    assert outcome["inconclusive"]


def test_a_run_without_faults_is_valid(tmp_path: Path) -> None:
    outcome = simulate(tmp_path, "cart", 1, faults=(), time_limit_s=3.0)
    assert outcome["valid"] is True, explain(outcome)
    assert outcome["faults"] == []
