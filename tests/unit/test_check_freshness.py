"""Freshness: does a read reflect what was acknowledged before it began?"""

import pytest

from checker.freshness import check
from checker.history import History
from checker.options import OptionError
from checker.verdict import Validity
from tests.unit.script import Script

STRICT = {"mode": "strict"}


def test_fresh_reads_are_valid() -> None:
    script = Script()
    script.put("w1")
    script.get("w1")
    script.put("w2", "w1")
    script.get("w2")
    verdict = check(script.history(), STRICT)
    assert verdict.validity is Validity.VALID
    assert verdict.stats["reads"] == 3


def test_a_stale_read_is_allowed_in_sloppy_mode_and_told_in_strict_mode() -> None:
    script = Script()
    script.put("w1")
    write = script.put("w2", "w1")
    read = script.get("w1")
    sloppy = check(script.history(), {})
    assert sloppy.validity is Validity.VALID
    assert sloppy.allowed == {"stale-read": 1}
    assert sloppy.stats["stale_read_rate"] == 0.5
    verdict = check(script.history(), STRICT)
    assert verdict.validity is Validity.INVALID
    (anomaly,) = verdict.anomalies
    assert anomaly.type == "stale-read"
    assert "nothing there had seen w2" in anomaly.sentence
    proof = {entry.time for entry in script.history() if entry.index in anomaly.operations}
    assert {write.time, read.time} <= proof


def test_a_read_that_began_before_the_acknowledgement_may_miss_it() -> None:
    script = Script()
    read = script.begin(1, "get")
    script.put("w1")
    script.end(read)
    assert check(script.history(), STRICT).validity is Validity.VALID


def test_what_a_delete_under_way_had_seen_may_be_absent() -> None:
    script = Script()
    script.put("w1")
    delete = script.begin(2, "delete", "w2")
    script.get()
    script.end(delete, "w1", type="info")
    assert check(script.history(), STRICT).validity is Validity.VALID


def test_a_deleted_version_must_be_gone() -> None:
    script = Script()
    script.put("w1")
    script.delete("w2", "w1")
    script.get("w1")
    verdict = check(script.history(), STRICT)
    assert [anomaly.type for anomaly in verdict.anomalies] == ["stale-delete"]
    assert "w1 among them" in verdict.anomalies[0].sentence


def test_who_vanished_may_have_replaced_anything() -> None:
    script = Script()
    script.put("w1")
    script.begin(5, "update", "w2")
    script.get("w2")
    verdict = check(script.history(), STRICT)
    assert verdict.validity is Validity.UNKNOWN
    assert verdict.stats["undecided"] == 1


def test_no_read_is_unknown() -> None:
    assert check(History([]), {}).validity is Validity.UNKNOWN


@pytest.mark.parametrize("options", [{"mode": "eager"}, {"model": "register"}])
def test_wrong_options_are_refused(options: dict[str, str]) -> None:
    with pytest.raises(OptionError, match=r"sloppy or strict|it knows mode"):
        check(History([]), options)
