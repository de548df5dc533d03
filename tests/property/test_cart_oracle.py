"""Lost items of carts against the ideal store: never a false alarm, and every planted loss is found."""

import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checker import registry
from checker.history import History
from checker.verdict import Validity, Verdict
from tests.property.ideal_store import run


def lost(history: History) -> Verdict:
    """The verdict about lost writes."""
    return registry.check(history, "lost-writes")


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 40))
def test_the_ideal_store_loses_no_item(seed: int, operations: int) -> None:
    history = run(seed, operations, cart=True)
    for name in ("causal", "lost-writes", "siblings"):
        verdict = registry.check(history, name)
        assert not verdict.anomalies, verdict.anomalies[0].sentence
        written = name == "siblings" or verdict.stats["acknowledged"]
        assert verdict.validity is (Validity.VALID if written else Validity.UNKNOWN), verdict.reason


@pytest.mark.parametrize("flaw", ["last-write-wins", "early-ack"])
def test_lost_items_are_found_and_named(flaw: str) -> None:
    verdicts = [lost(run(seed, flaw=flaw, cart=True)) for seed in range(40)]
    found = [anomaly for verdict in verdicts for anomaly in verdict.anomalies]
    assert found
    assert all("is lost: client" in anomaly.sentence for anomaly in found)


def test_an_item_taken_out_of_the_final_reads_is_found() -> None:
    """Whatever item nobody tried to remove: without it in the final reads, its add is lost."""
    spoilt = 0
    for seed in range(40):
        entries = list(run(seed, cart=True))
        tried = {e.value["item"] for e in entries if e.f == "remove" and e.type == "invoke"}
        sure = [
            e.value["item"]
            for e in entries
            if e.f == "add" and e.type == "ok" and e.value["item"] not in tried
        ]
        if not sure:
            continue
        item = random.Random(seed).choice(sure)
        for at in (-1, -3):
            value = {"items": [other for other in entries[at].value["items"] if other != item]}
            entries[at] = msgspec.structs.replace(entries[at], value=value)
        spoilt += 1
        verdict = lost(History(entries))
        assert [anomaly.sentence.split()[0] for anomaly in verdict.anomalies] == [item]
    assert spoilt > 10


def test_removed_items_may_resurface_and_are_counted() -> None:
    counts = [lost(run(seed, cart=True)).allowed.get("resurfaced-item", 0) for seed in range(60)]
    assert sum(counts) > 0
