"""Monotonicity: a client keeps seeing what it saw and what it wrote."""

import pytest

from checker.history import History
from checker.monotonicity import check
from checker.operation import OpType
from checker.options import OptionError
from checker.verdict import Validity
from tests.unit.script import Script

STRICT = {"mode": "strict"}


def test_a_client_that_moves_forward_is_valid() -> None:
    script = Script()
    script.put("w1")
    script.get("w1")
    script.put("w2", "w1")
    script.get("w2")
    assert check(script.history(), STRICT).validity is Validity.VALID


def test_a_read_that_goes_back_is_found() -> None:
    script = Script()
    script.put("w1")
    script.put("w2", "w1")
    script.get("w2")
    script.get("w1")
    assert check(script.history(), {}).allowed == {"forgotten-version": 1}
    verdict = check(script.history(), STRICT)
    assert [anomaly.type for anomaly in verdict.anomalies] == ["forgotten-version"]
    assert "was shown w2 by its get of k" in verdict.anomalies[0].sentence
    assert verdict.validity is Validity.INVALID


def test_other_clients_may_lag_behind() -> None:
    script = Script()
    script.put("w1")
    script.put("w2", "w1")
    script.get("w2", process=1)
    script.get("w1", process=2)
    assert check(script.history(), STRICT).validity is Validity.VALID


def test_an_own_write_must_be_read() -> None:
    script = Script()
    script.put("w1", process=3)
    script.get(process=3)
    verdict = check(script.history(), STRICT)
    assert [anomaly.type for anomaly in verdict.anomalies] == ["unread-write"]
    assert "wrote w1 itself" in verdict.anomalies[0].sentence


@pytest.mark.parametrize("outcome", ["info", "fail"])
def test_an_own_write_without_acknowledgement_need_not_be_read(outcome: OpType) -> None:
    script = Script()
    script.put("w1", process=3, type=outcome)
    script.get(process=3)
    assert check(script.history(), STRICT).validity is Validity.VALID


def test_keys_are_judged_apart() -> None:
    script = Script()
    script.put("w1", key="a")
    script.get("w1", key="a")
    script.get(key="b")
    assert check(script.history(), STRICT).validity is Validity.VALID


def test_unknown_options_are_refused() -> None:
    with pytest.raises(OptionError, match="it knows mode"):
        check(History([]), {"node": 1})
