"""Sibling growth: what is concurrent may be many, what is not may not."""

from checker.registry import check as run_check
from checker.verdict import Validity, Verdict
from tests.unit.script import Script


def check(script: Script) -> Verdict:
    return run_check(script.history(), "siblings")


def test_concurrent_writes_may_be_many() -> None:
    script = Script()
    for number in range(30):
        script.put(f"w{number}")
    script.get(*(f"w{number}" for number in range(30)))
    verdict = check(script)
    assert verdict.validity is Validity.VALID
    assert verdict.reason == "at most 30 siblings, all of them concurrent"


def test_two_interleaved_clients_without_dots_explode() -> None:
    """A coordinator that compares plain version vectors keeps what was replaced beside what replaced it."""
    script = Script()
    seen: list[list[str]] = [[], []]
    kept: list[str] = []
    for number in range(20):
        client = number % 2
        script.put(f"w{number}", *seen[client], process=client, f="update")
        kept.append(f"w{number}")
        seen[client] = list(kept)
    verdict = check(script)
    assert verdict.validity is Validity.INVALID
    (anomaly,) = verdict.anomalies
    assert anomaly.type == "sibling-explosion"
    assert anomaly.sentence == (
        "the update of k by client 1 through n1 at 0.40 s showed 18 siblings, of which 2 can be concurrent; "
        "16 of 20 reads of the key showed too many, first at 0.10 s"
    )
    assert anomaly.operations == (38, 39)
    assert verdict.stats["max"] == 18
    assert verdict.stats["max_concurrent"] == 2


def test_a_duplicate_is_one_sibling_too_many() -> None:
    script = Script()
    script.put("w1")
    script.get("w1", "w1")
    assert check(script).validity is Validity.INVALID


def test_the_series_are_for_plotting() -> None:
    script = Script()
    script.put("w1")
    script.put("w2", key="other")
    script.get("w1")
    script.get(key="other")
    stats = check(script).stats
    assert stats["series"] == {"k": [(60_000_000, 1, 1)], "other": [(80_000_000, 0, 0)]}
    assert (stats["reads"], stats["mean"], stats["with_siblings"]) == (2, 0.5, 0)


def test_blind_writes_and_lost_answers_are_no_reads() -> None:
    script = Script()
    script.put("w1")
    script.end(script.begin(1, "get"), type="info", unknown=True)
    assert check(script).validity is Validity.UNKNOWN
