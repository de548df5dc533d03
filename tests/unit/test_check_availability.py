"""Availability: what clients got, by fault phase."""

from hypothesis import given
from hypothesis import strategies as st

from checker.availability import quantile_ms
from checker.registry import check as run_check
from checker.verdict import Validity
from tests.unit.script import Script


def test_operations_belong_to_the_phase_in_which_they_began() -> None:
    script = Script()
    script.phase("main")
    script.put("w1")
    script.put("w2", type="fail")
    begun = script.at_ms(900).begin(3, "get")
    script.at_ms(1000).fault("inject", 1, "partition")
    script.at_ms(1100).end(begun)
    script.begin(4, "get")
    script.put("w3", type="info")
    script.at_ms(2000).fault("heal", 1, "partition")
    script.at_ms(3000).phase("settle")
    script.phase("final")
    script.final("w1")
    verdict = run_check(script.history(), "availability")
    assert verdict.validity is Validity.VALID
    healthy, partition, final = verdict.stats["phases"].values()
    assert list(verdict.stats["phases"]) == ["healthy", "partition", "final"]
    assert (healthy["ok"], healthy["fail"], healthy["success_rate"]) == (2, 1, 0.6667)
    assert (healthy["p50_ms"], healthy["p99_ms"]) == (10.0, 200.0)
    assert (partition["operations"], partition["info"], partition["p50_ms"]) == (2, 2, None)
    assert partition["duration_s"] == 1.0
    assert final["success_rate"] == 1.0
    assert verdict.stats["total"]["operations"] == 6
    assert verdict.reason == (
        "operations that succeeded: 50.0% (healthy 66.7%, partition 0.0%, final 100.0%)"
    )


def test_no_clients_is_no_complaint() -> None:
    assert run_check(Script().history(), "availability").validity is Validity.VALID


@given(st.lists(st.integers(0, 10**9), min_size=1), st.sampled_from([0.5, 0.95, 0.99]))
def test_a_quantile_is_a_latency_that_enough_operations_did_not_exceed(
    times: list[int], share: float
) -> None:
    ordered = sorted(times)
    quantile = quantile_ms(ordered, share)
    assert quantile in [round(time / 1e6, 3) for time in ordered]
    within = sum(round(time / 1e6, 3) <= quantile for time in ordered)
    assert within >= share * len(ordered) - 1e-9
