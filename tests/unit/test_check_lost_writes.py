"""Lost writes: which are, which are not, and whether the story told is the one that happened."""

from checker import lost_writes
from checker.registry import check as run_check
from checker.verdict import Anomaly, Validity, Verdict
from tests.unit.script import Script


def check(script: Script) -> Verdict:
    return run_check(script.history(), "lost-writes")


def only(script: Script) -> Anomaly:
    verdict = check(script)
    assert verdict.validity is Validity.INVALID
    (anomaly,) = verdict.anomalies
    assert anomaly.type == "lost-write"
    return anomaly


def test_a_cart_that_lost_nothing() -> None:
    script = Script()
    script.cart("add", "milk-1", "w1", items=["milk-1"])
    script.cart("add", "rice-2", "w2", "w1", items=["milk-1", "rice-2"])
    script.cart("remove", "milk-1", "w3", "w2", items=["rice-2"])
    script.final_cart(["rice-2"], "w3")
    verdict = check(script)
    assert (verdict.validity, verdict.allowed) == (Validity.VALID, {})
    assert verdict.reason == "none of 2 acknowledged writes is lost"


def test_a_lost_item_is_named_with_the_write_that_took_its_place() -> None:
    script = Script()
    script.cart("add", "milk-1", "w1", items=["milk-1"])
    slow = script.begin(5, "add", "w3", value={"item": "rice-3"}, node="n4")
    script.cart("add", "eggs-2", "w2", "w1", items=["eggs-2", "milk-1"], process=2, node="n2")
    script.end(slow, "w1", value={"item": "rice-3", "items": ["milk-1", "rice-3"]})
    script.end(script.begin(3, "read"), "w3", value={"items": ["milk-1", "rice-3"]})
    script.final_cart(["milk-1", "rice-3"], "w3")
    anomaly = only(script)
    assert anomaly.sentence == (
        "eggs-2 is lost: client 2 through n2 added it to k (w2, invoked at 0.04 s, acknowledged at 0.05 s), "
        "no remove of it took effect, and no final read shows it. Its place was taken by w3 (add by client 5 "
        "through n4, acknowledged at 0.06 s), which had seen {w1} and not w2. From 0.08 s on no read "
        "shows it: client 3 through n1 was the first to be shown {w3} instead."
    )
    assert set(anomaly.operations) == {2, 3, 4, 5, 6, 7, 9}
    assert anomaly.time == 80_000_000


def test_a_removed_item_that_is_back_is_allowed_and_counted() -> None:
    script = Script()
    script.cart("add", "milk-1", "w1")
    script.cart("remove", "milk-1", "w2", "w1", items=[])
    script.final_cart(["milk-1"], "w1", "w2")
    verdict = check(script)
    assert verdict.validity is Validity.VALID
    assert verdict.allowed == {"resurfaced-item": 1}


def test_a_remove_that_had_not_seen_the_item_is_no_excuse() -> None:
    script = Script()
    script.cart("add", "milk-1", "w1", items=["milk-1"])
    script.cart("remove", "milk-1", "w2", items=[])
    script.final_cart([], "w2")
    assert "milk-1 is lost" in only(script).sentence


def test_a_remove_without_effect_is_no_excuse() -> None:
    script = Script()
    script.cart("add", "milk-1", "w1", items=["milk-1"])
    script.cart("remove", "milk-1", "w2", "w1", type="info")
    script.final_cart([])
    assert "milk-1 is lost" in only(script).sentence


def test_a_remove_of_unknown_outcome_that_took_effect_is_an_excuse() -> None:
    script = Script()
    script.cart("add", "milk-1", "w1", items=["milk-1"])
    script.cart("remove", "milk-1", "w2", "w1", type="info")
    script.cart("add", "rice-3", "w3", "w2", items=["rice-3"])
    script.final_cart(["rice-3"], "w3")
    assert check(script).validity is Validity.VALID


def test_an_add_of_unknown_outcome_may_be_kept_or_not() -> None:
    for items, reads in ((["eggs-1", "milk-2"], ["w1", "w2"]), (["eggs-1"], ["w1"])):
        script = Script()
        script.cart("add", "eggs-1", "w1", items=["eggs-1"])
        script.cart("add", "milk-2", "w2", type="info")
        script.final_cart(items, *reads)
        verdict = check(script)
        assert verdict.validity is Validity.VALID
        assert verdict.stats["unacknowledged_kept"] == len(items) - 1


def test_a_client_that_dropped_the_item_is_named() -> None:
    script = Script()
    script.cart("add", "milk-1", "w1", items=["milk-1"])
    script.cart("add", "rice-2", "w2", "w1", items=["rice-2"], process=4)
    script.final_cart(["rice-2"], "w2")
    assert "It was dropped by w2 (add by client 4 through n1" in only(script).sentence


def test_a_hint_that_was_dropped() -> None:
    script = Script()
    script.at_ms(4000).put("w1", node="n4")
    script.at_ms(5000).look(n1={}, n2=None, n4={"hinted": {"n1/k": ["w1"]}})
    script.at_ms(5500).look(n1={}, n2=None, n4={})
    script.final()
    sentence = only(script).sentence
    assert (
        "At 5.00 s only n4 (as a hint for n1) held it; by 5.50 s no replica held it (n2 did not answer)"
        in sentence
    )


def test_a_version_that_was_replaced_on_its_own_nodes() -> None:
    script = Script()
    script.put("w1", process=1)
    script.look(n1={"k": ["w1"]}, n2={"k": ["w1"]})
    script.put("w2", process=2, node="n2")
    script.look(n1={"k": ["w2"]}, n2={"k": ["w2"]})
    script.final("w2")
    sentence = only(script).sentence
    assert (
        "Its place on n1 and n2 was taken between 0.03 s and 0.06 s by w2 (put by client 2 through n2, "
        "acknowledged at 0.05 s), which had seen {} and not w1" in sentence
    )


def test_an_acknowledged_write_that_died_with_its_node() -> None:
    script = Script()
    script.put("w1")
    script.at_ms(1000).put("w2", "w1", node="n3")
    script.at_ms(1100).fault("inject", 7, "kill", targets=["n3"])
    script.at_ms(1200).look(n1={"k": ["w1"]}, n3=None)
    script.at_ms(2100).fault("heal", 7, "kill", targets=["n3"])
    script.at_ms(2200).look(n1={"k": ["w1"]}, n3={"k": ["w1"]})
    script.final("w1")
    sentence = only(script).sentence
    assert (
        "No look at the replicas ever found w2, and n3, which acknowledged it, was killed at 1.10 s"
        in sentence
    )
    assert "Active meanwhile: kill of n3 (from 1.10 s to 2.10 s)" in sentence


def test_a_write_that_no_look_ever_found() -> None:
    script = Script()
    script.put("w1")
    script.look(n1={}, n2=None)
    script.final()
    assert (
        "No look at the replicas ever found w1 (n2 did not answer the next one, at 0.03 s)."
        in only(script).sentence
    )


def test_a_copy_carried_on_by_a_later_write_is_traced_there() -> None:
    script = Script()
    script.put("w1")
    script.put("w2", "w1", type="info")
    script.look(n1={"k": ["w2"]})
    script.look(n1={})
    script.final()
    assert (
        "At 0.05 s only n1 held it (in w2, which had seen it); by 0.06 s no replica" in only(script).sentence
    )


def test_every_loss_is_listed_and_the_first_are_explained() -> None:
    script = Script()
    lost = lost_writes.TOLD + 5
    for number in range(lost):
        script.cart("add", f"milk-{number}", f"w{number}", items=[f"milk-{number}"])
    script.cart("add", "eggs-99", "w99", items=["eggs-99"])
    script.final_cart(["eggs-99"], "w99")
    verdict = check(script)
    assert len(verdict.anomalies) == lost
    assert verdict.reason.startswith(f"{lost} of {lost + 1} acknowledged writes lost (96.2%)")
    told = ["Its place was taken by" in anomaly.sentence for anomaly in verdict.anomalies]
    assert told == [True] * lost_writes.TOLD + [False] * 5


def test_without_final_reads_it_is_unknown() -> None:
    script = Script()
    script.cart("add", "milk-1", "w1")
    verdict = check(script)
    assert verdict.validity is Validity.UNKNOWN
    assert "no successful final read" in verdict.reason


def test_an_item_that_an_unsettled_replica_holds_is_unknown() -> None:
    script = Script()
    script.cart("add", "milk-1", "w1", items=["milk-1"])
    script.phase("final", settled=False, duration=1)
    script.final_cart([])
    script.look(final=True, n1={"k": ["w1"]}, n2={})
    assert check(script).validity is Validity.UNKNOWN
