"""Convergence: equal, drained and at rest, or told what is not."""

from typing import Any

from checker.registry import check as run_check
from checker.verdict import Validity, Verdict
from tests.unit.script import Script

SAME: dict[str, Any] = {"n1": {"k": ["w1"]}, "n2": {"k": ["w1"]}, "n3": {}}


def check(script: Script, **options: Any) -> Verdict:
    return run_check(script.history(), "convergence", options)


def ending(*looks: dict[str, Any], **options: Any) -> Verdict:
    """A run that settles at 1 s and is looked at once a second, for the last time by the last look."""
    script = Script()
    script.phase("main")
    script.at_ms(1000).phase("settle")
    for number, nodes in enumerate(looks):
        script.at_ms(2000 + number * 1000).look(final=number == len(looks) - 1, **nodes)
    script.phase("end")
    return check(script, **options)


def kinds(verdict: Verdict) -> list[str]:
    return [anomaly.type for anomaly in verdict.anomalies]


def test_equal_replicas_at_rest() -> None:
    different = {"n1": {"k": ["w1"]}, "n2": {"k": ["w0"]}}
    verdict = ending(different, SAME, SAME)
    assert verdict.validity is Validity.VALID
    assert (
        verdict.reason
        == "the replicas of 1 key are equal and at rest, 2.00 s after the last fault was healed"
    )
    assert verdict.stats["converged_at"] == 3_000_000_000
    assert verdict.stats["series"] == [(2_000_000_000, 1), (3_000_000_000, 0), (4_000_000_000, 0)]
    assert verdict.stats["most_divergent"] == 1


def test_replicas_that_differ() -> None:
    verdict = ending(SAME, {"n1": {"k": ["w1"]}, "n2": {"k": ["w1"]}, "n3": {"k": ["w2", "w3"]}})
    assert verdict.validity is Validity.INVALID
    assert kinds(verdict) == ["divergent-replicas"]
    assert verdict.anomalies[0].sentence == (
        "the replicas of k still differ at 3.00 s: n1 and n2 hold {w1}; n3 holds {w2, w3}"
    )
    assert verdict.anomalies[0].key == "k"


def test_equal_versions_with_different_clocks_differ() -> None:
    clocks = {"n1": {"k": ["w1"], "digests": {"k": "a"}}, "n2": {"k": ["w1"], "digests": {"k": "b"}}}
    verdict = ending(SAME, clocks)
    assert "with different clocks" in verdict.anomalies[0].sentence


def test_a_key_missing_on_a_node_that_once_held_it() -> None:
    verdict = ending(SAME, {"n1": {"k": ["w1"]}, "n2": {}, "n3": {}})
    assert "n1 holds {w1}; n2 holds nothing" in verdict.anomalies[0].sentence


def test_primaries_given_by_the_ring_decide_who_must_hold_a_key() -> None:
    primaries = {"k": ["n1", "n2", "n3"]}
    assert ending(SAME, SAME).validity is Validity.VALID
    verdict = ending(SAME, SAME, primaries=primaries)
    assert kinds(verdict) == ["divergent-replicas"]
    assert "n3 holds nothing" in verdict.anomalies[0].sentence


def test_a_key_missing_everywhere_is_equal_everywhere() -> None:
    gone: dict[str, Any] = {"n1": {}, "n2": {}}
    assert ending(SAME, gone, gone).validity is Validity.VALID


def test_hints_that_were_never_delivered() -> None:
    verdict = ending(SAME, SAME | {"n3": {"hinted": {"n1/k": ["w1"]}}})
    assert kinds(verdict) == ["hints-left"]
    assert "n3 still keeps 1 hint for n1" in verdict.anomalies[0].sentence


def test_repair_that_never_stops() -> None:
    def repaired(count: int) -> dict[str, Any]:
        return SAME | {"n2": {"k": ["w1"], "repairs": count}}

    assert ending(repaired(3), repaired(5), repaired(5)).validity is Validity.VALID
    verdict = ending(repaired(3), repaired(5))
    assert kinds(verdict) == ["repair-never-stops"]
    assert "n2 received 2 repairs between 2.00 s and 3.00 s" in verdict.anomalies[0].sentence
    assert verdict.stats["repairs"] == 5


def test_without_a_last_look_it_is_unknown() -> None:
    script = Script()
    script.look(**SAME)
    assert check(script).validity is Validity.UNKNOWN
    assert "no last look" in check(script).reason


def test_a_silent_node_makes_it_unknown_unless_others_differ() -> None:
    silent = SAME | {"n3": None}
    assert "n3 did not answer the last look" in ending(SAME, silent).reason
    assert ending(SAME, silent).validity is Validity.UNKNOWN
    assert ending(silent, SAME).validity is Validity.UNKNOWN
    assert ending(SAME, {"n1": {"k": ["w1"]}, "n2": {"k": []}, "n3": None}).validity is Validity.INVALID


def test_one_look_cannot_tell_whether_repair_stopped() -> None:
    assert "only once" in ending(SAME).reason
    assert ending(SAME).validity is Validity.UNKNOWN


def test_repairs_of_a_restarted_node_count_from_zero_again() -> None:
    script = Script()
    for repairs in (5, 7, 2):
        script.look(n1={"repairs": repairs})
    script.phase("settle")
    script.look(n1={"repairs": 2})
    script.look(final=True, n1={"repairs": 2})
    assert check(script).stats["repairs"] == 9
