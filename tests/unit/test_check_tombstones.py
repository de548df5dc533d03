"""Tombstones: what was gone stays gone."""

from checker.history import History
from checker.tombstones import check
from checker.verdict import Validity
from tests.unit.script import Script


def deleted() -> Script:
    script = Script()
    script.put("w1")
    script.get("w1")
    script.delete("w2", "w1")
    script.get()
    return script


def test_a_delete_that_stays_is_valid() -> None:
    script = deleted()
    script.final()
    verdict = check(script.history(), {})
    assert verdict.validity is Validity.VALID
    assert verdict.stats == {"deletes": 1, "returned": 0, "returns": [], "found": {}}


def test_a_version_that_is_back_in_the_end_is_found() -> None:
    script = deleted()
    script.get("w1", process=4)
    script.final("w1")
    verdict = check(script.history(), {})
    assert verdict.validity is Validity.INVALID
    (anomaly,) = verdict.anomalies
    assert anomaly.type == "resurrected-delete"
    assert "w1 came back: w2" in anomaly.sentence
    assert "2 later reads of k by client 4 through n1 and client 1 through n1" in anomaly.sentence
    (told,) = verdict.stats["returns"]
    assert (told["reads"], told["at_the_end"]) == (2, True)


def test_a_return_for_a_while_is_allowed_in_sloppy_mode_only() -> None:
    script = deleted()
    script.get("w1")
    script.final()
    sloppy = check(script.history(), {})
    assert sloppy.validity is Validity.VALID
    assert sloppy.allowed == {"resurrected-delete": 1}
    assert check(script.history(), {"mode": "strict"}).validity is Validity.INVALID


def test_a_version_that_nobody_saw_gone_did_not_come_back() -> None:
    script = Script()
    script.put("w1")
    script.delete("w2", "w1")
    script.get("w1")
    assert check(script.history(), {"mode": "strict"}).validity is Validity.VALID


def test_a_read_that_was_behind_did_not_see_it_gone() -> None:
    script = Script()
    script.put("w1")
    script.get()
    script.get("w1")
    assert check(script.history(), {"mode": "strict"}).validity is Validity.VALID


def test_a_replaced_version_that_reappears_is_found() -> None:
    script = Script()
    script.put("w1")
    script.put("w2", "w1")
    script.put("w3", "w2")
    script.get("w3")
    script.final("w1")
    verdict = check(script.history(), {})
    assert [anomaly.type for anomaly in verdict.anomalies] == ["reappeared-version"]


def test_a_crash_may_take_along_what_was_not_acknowledged() -> None:
    script = Script()
    script.put("w1")
    script.put("w2", "w1", type="info")
    script.get("w2")
    script.final("w1")
    verdict = check(script.history(), {})
    assert verdict.validity is Validity.VALID
    assert verdict.allowed == {"reappeared-version": 1}


def test_no_read_is_unknown() -> None:
    assert check(History([]), {}).validity is Validity.UNKNOWN
