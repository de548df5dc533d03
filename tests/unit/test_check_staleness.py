"""Staleness: how old the reads are, beside what PBS predicts."""

from typing import Any

import pytest

from checker.history import History
from checker.options import OptionError
from checker.staleness import check
from checker.verdict import Validity
from tests.unit.script import Script


def three_behind() -> History:
    script = Script()
    script.put("w0")
    for number in range(1, 4):
        script.at_ms(100 * number).put(f"w{number}", f"w{number - 1}")
    script.at_ms(500).get("w0")
    script.get("w3")
    return script.history()


def test_versions_and_time_are_measured() -> None:
    verdict = check(three_behind(), {})
    assert verdict.validity is Validity.VALID
    assert verdict.allowed == {"stale-read": 1}
    assert verdict.stats["k_quantiles"]["1.0"] == 3
    # The oldest missed write was acknowledged at 110 ms.
    assert verdict.stats["t_ms_quantiles"]["1.0"] == pytest.approx(390.0)
    assert "by up to 3 versions and 390.0 ms" in verdict.reason


def test_consistency_is_told_by_the_time_since_the_last_write() -> None:
    bins = check(three_behind(), {}).stats["consistent_by_ms"]
    assert sum(each["reads"] for each in bins) == 5
    late = [each for each in bins if each["from_ms"] == 100.0]
    assert late == [{"from_ms": 100.0, "reads": 1, "consistent": 0.0}] or late[0]["reads"] >= 1


def test_predictions_stand_beside_the_measurement() -> None:
    options: dict[str, Any] = {"n": 3, "r": 1, "w": 1}
    plain = check(three_behind(), options).stats["predicted"]
    assert plain["stale_rate"] == pytest.approx(2 / 3)
    assert "visible_ms" not in plain
    timed = check(three_behind(), options | {"fit": "LNKD-SSD"}).stats["predicted"]
    assert timed["consistent_by_ms"][0]["consistent"] == pytest.approx(0.974, abs=0.01)
    own = check(three_behind(), options | {"fit": {"write": [5.0], "other": [1.0]}}).stats["predicted"]
    assert own["visible_ms"]["0.5"] == 0.0


def test_no_read_is_unknown() -> None:
    assert check(History([]), {}).validity is Validity.UNKNOWN


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n": 3}, "all of n, r and w"),
        ({"fit": "WAN"}, "all of n, r and w"),
        ({"n": 3, "r": 4, "w": 1}, "expected 1 <= r <= n"),
        ({"n": 3, "r": "1", "w": 1}, "expected a whole number"),
        ({"n": 3, "r": 1, "w": 1, "fit": "SSD"}, "expected LNKD-SSD"),
        ({"mode": "strict"}, "it knows n, r, w, fit, seed"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        check(History([]), options)
