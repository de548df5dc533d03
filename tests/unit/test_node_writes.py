"""The write path: quorums, siblings, stand-ins, forwarding, acknowledgements and every refusal."""

from typing import Any

import msgspec
import pytest

from store.bugs import catalogue
from store.config import MS, Timing
from store.effects import Received, Requested
from store.errors import CODES
from store.messages import (
    Delete,
    Forward,
    Forwarded,
    Found,
    Get,
    Put,
    Refused,
    Store,
    StoreAck,
    Stored,
)
from store.policies import DEFAULT
from store.versions import digest
from tests.pump import NODES, Pump

KEY = b"cart"


def test_a_write_is_on_n_primaries_and_readable_everywhere() -> None:
    pump = Pump()
    assert pump.ask("n1", Put(KEY, b"apple")) == Stored()
    pump.run(50)
    states = pump.states(KEY)
    assert tuple(sorted(states)) == tuple(sorted(pump.preference(KEY)[:3]))
    assert len({digest(state) for state in states.values()}) == 1
    for name in NODES:
        assert pump.ask(name, Get(KEY)).values == (b"apple",)


def test_a_context_replaces_and_a_blind_write_adds_a_sibling() -> None:
    pump = Pump()
    pump.ask("n1", Put(KEY, b"one"))
    found = pump.ask("n2", Get(KEY))
    pump.ask("n3", Put(KEY, b"two", found.context))
    assert pump.ask("n4", Get(KEY)).values == (b"two",)
    pump.ask("n5", Put(KEY, b"blind"))
    both = pump.ask("n1", Get(KEY, r=3))
    assert sorted(both.values) == [b"blind", b"two"]
    pump.ask("n2", Put(KEY, b"merged", both.context))
    assert pump.ask("n3", Get(KEY, r=3)).values == (b"merged",)


def test_a_delete_covers_what_its_context_saw_and_nothing_else() -> None:
    pump = Pump()
    pump.ask("n1", Put(KEY, b"old"))
    found = pump.ask("n1", Get(KEY))
    pump.ask("n2", Put(KEY, b"unseen"))
    assert pump.ask("n3", Delete(KEY, found.context)) == Stored()
    assert pump.ask("n4", Get(KEY, r=3)).values == (b"unseen",)
    rest = pump.ask("n4", Get(KEY))
    pump.ask("n4", Delete(KEY, rest.context))
    gone = pump.ask("n5", Get(KEY, r=3))
    assert gone.values == ()
    assert gone.context != b"", "the context of a deleted key still covers the tombstone"


def test_the_acknowledgement_waits_for_the_disk_of_w_nodes() -> None:
    pump = Pump()
    first, second, third = pump.preference(KEY)[:3]
    for name in (second, third):
        pump.hold_disk(name)
    ticket = pump.begin(first, Put(KEY, b"v", w=2))
    pump.run(100)
    assert ticket not in pump.replies, "one durable copy is not two"
    pump.release_disk(second)
    pump.run(10)
    assert pump.replies[ticket] == Stored()


def test_a_repeated_acknowledgement_of_one_replica_counts_once() -> None:
    pump = Pump()
    first, second, third = pump.preference(KEY)[:3]
    pump.hold_disk(first)
    pump.hold_disk(third)
    pump.delay = lambda source, target, message: [MS, 2 * MS] if type(message) is StoreAck else [MS]
    ticket = pump.begin(first, Put(KEY, b"v", w=2))
    pump.run(100)
    acks = pump.messages(StoreAck, second)
    assert len(acks) == 1
    assert ticket not in pump.replies


def test_a_repeated_store_is_acknowledged_only_when_durable() -> None:
    pump = Pump()
    first, second = pump.preference(KEY)[:2]
    pump.ask(first, Put(KEY, b"v"))
    pump.run(50)
    _, _, store = next(sent for sent in pump.messages(Store) if sent[1] == second)
    pump.kill(second, lose_disk=True)
    pump.start(second)
    pump.run(5)
    pump.hold_disk(second)
    for request in (7, 8):
        pump.handle(second, Received(first, msgspec.structs.replace(store, request=request)))
    assert not [m for _, _, m in pump.messages(StoreAck, second) if m.request in (7, 8)]
    pump.release_disk(second)
    pump.run(5)
    assert [m.request for _, _, m in pump.messages(StoreAck, second)][-2:] == [7, 8]


def test_a_state_that_changes_nothing_is_not_written_again() -> None:
    pump = Pump()
    first, second = pump.preference(KEY)[:2]
    pump.ask(first, Put(KEY, b"v"))
    pump.run(50)
    state = pump.dump(second).primaries[KEY]
    repair = Received(first, Store(0, KEY, state, pump.now, "repair"))
    assert pump.handle(second, repair) == []
    assert pump.status(second).counters["repairs"] == 0


def test_an_acknowledgement_of_an_earlier_life_does_not_count() -> None:
    pump = Pump()
    first, second, third = pump.preference(KEY)[:3]
    pump.hold_disk(second)
    pump.hold_disk(third)
    pump.begin(first, Put(KEY, b"one", w=2))
    pump.run(10)
    pump.kill(first)
    pump.start(first)
    pump.run(3)
    ticket = pump.begin(first, Put(KEY, b"two", w=2))
    pump.release_disk(second)
    pump.run(0)
    pump.hold_disk(second)
    pump.run(200)
    assert pump.messages(StoreAck, second), "of the first write"
    assert ticket not in pump.replies


def test_b01_acknowledges_what_is_durable_nowhere() -> None:
    pump = Pump(policies=catalogue.load("B01").apply(DEFAULT))
    for name in NODES:
        pump.hold_disk(name)
    assert pump.ask(pump.preference(KEY)[0], Put(KEY, b"v"), wait_ms=0) == Stored()
    for name in NODES:
        pump.kill(name)
    for name in NODES:
        pump.start(name)
    pump.run(5)
    assert pump.ask("n1", Get(KEY, r=3)) == Found((), b"")


def test_a_node_outside_the_preference_list_forwards_once() -> None:
    pump = Pump()
    first, outsider = pump.preference(KEY)[0], pump.preference(KEY)[4]
    assert pump.ask(outsider, Put(KEY, b"v")) == Stored()
    forwards = pump.messages(Forward)
    assert [(source, target) for source, target, _ in forwards] == [(outsider, first)]
    assert pump.status(first).counters["coordinated"] == 1


def test_a_repeated_forward_is_one_write() -> None:
    pump = Pump()
    outsider = pump.preference(KEY)[4]
    pump.delay = lambda source, target, message: [MS, 30 * MS] if type(message) is Forward else [MS]
    pump.ask(outsider, Put(KEY, b"v"))
    pump.run(100)
    found = pump.ask("n1", Get(KEY, r=3))
    assert found.values == (b"v",)
    assert pump.count("coordinated") == 1


def test_an_unanswered_forward_is_a_timeout_and_never_repeated() -> None:
    pump = Pump()
    first, outsider = pump.preference(KEY)[0], pump.preference(KEY)[4]
    pump.cut[first, outsider] = True
    reply = pump.ask(outsider, Put(KEY, b"v"))
    assert reply == Refused("timeout", *CODES["timeout"])
    assert not reply.definite
    assert len(pump.messages(Forward)) == 1
    assert pump.ask(first, Get(KEY)).values == (b"v",), "it happened all the same"


def test_the_receiver_of_a_forward_coordinates_whatever_it_thinks() -> None:
    pump = Pump()
    preference = pump.preference(KEY)
    pump.handle(preference[4], Received(preference[3], Forward(1, Put(KEY, b"v"))))
    pump.run(20)
    assert pump.messages(Forwarded)[-1][2].reply == Stored()
    assert not [sent for sent in pump.messages(Forward) if sent[0] == preference[4]]
    pump.run(1000)
    assert set(pump.states(KEY)) == set(preference[:3]), "its hint has reached the primary it stood in for"


def test_a_dead_primary_gets_a_hint_and_then_the_write() -> None:
    pump = Pump()
    first, second, third, fourth, _ = pump.preference(KEY)
    pump.kill(third)
    pump.run(1000)
    assert pump.ask(first, Put(KEY, b"v")) == Stored()
    pump.run(20)
    assert [hint[:2] for hint in pump.dump(fourth).hinted] == [(third, KEY)]
    assert pump.ask(fourth, Get(KEY, r=3)).values == (b"v",), "the fallback answers too"
    pump.start(third)
    pump.run(1500)
    assert pump.dump(third).primaries[KEY] == pump.dump(first).primaries[KEY]
    assert pump.dump(fourth).hinted == ()
    assert second in pump.states(KEY)


def test_a_silent_replica_is_replaced_after_its_time() -> None:
    pump = Pump()
    first, second, third, fourth, fifth = pump.preference(KEY)
    for name in (second, third):
        pump.isolate(name)
    ticket = pump.begin(first, Put(KEY, b"v", w=3))
    pump.run(240)
    assert ticket not in pump.replies
    pump.run(40)
    assert pump.replies[ticket] == Stored()
    hints = {pump.dump(name).hinted[0][0] for name in (fourth, fifth)}
    assert hints == {second, third}


def test_a_replaced_replica_still_counts_when_it_answers() -> None:
    pump = Pump()
    first, *others = pump.preference(KEY)
    for name in others:
        pump.hold_disk(name)
    ticket = pump.begin(first, Put(KEY, b"v", w=3))
    pump.run(300)
    assert [pump.dump(name).hinted != () for name in others] == [False, False, True, True]
    for name in others[:2]:
        pump.release_disk(name)
    pump.run(10)
    assert pump.replies[ticket] == Stored()


def test_a_fallback_coordinates_when_all_primaries_are_away() -> None:
    pump = Pump()
    preference = pump.preference(KEY)
    pump.isolate(*preference[3:])
    pump.run(1500)
    assert pump.ask(preference[4], Put(KEY, b"alone")) == Stored()
    assert pump.ask(preference[3], Get(KEY)).values == (b"alone",)
    pump.mend()
    pump.run(2500)
    assert set(pump.states(KEY)) == set(preference[:3])
    assert pump.ask(preference[0], Get(KEY, r=3)).values == (b"alone",)


def test_too_few_healthy_nodes_refuse_before_anything_is_written() -> None:
    pump = Pump()
    first = pump.preference(KEY)[0]
    pump.isolate(first)
    pump.run(1500)
    sent = len(pump.messages(Store))
    assert pump.ask(first, Put(KEY, b"v")) == Refused("unavailable", *CODES["unavailable"])
    assert pump.ask(first, Get(KEY)) == Refused("unavailable", *CODES["unavailable"])
    assert len(pump.messages(Store)) == sent
    assert KEY not in pump.dump(first).primaries
    assert pump.ask(first, Put(KEY, b"v", w=1)) == Stored(), "W=1 needs only this node"


def test_no_quorum_in_time_is_an_indefinite_timeout() -> None:
    pump = Pump()
    first = pump.preference(KEY)[0]
    pump.isolate(first)
    reply = pump.ask(first, Put(KEY, b"v"))
    assert reply == Refused("timeout", *CODES["timeout"])
    assert pump.ask(first, Get(KEY, r=1)).values == (b"v",), "and so it must be: the write is still here"


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (Put(KEY, b"x" * 65), "too-large"),
        (Put(KEY, b"x", w=0), "bad-quorum"),
        (Put(KEY, b"x", w=4), "bad-quorum"),
        (Delete(KEY, w=-1), "bad-quorum"),
        (Get(KEY, r=4), "bad-quorum"),
        (Get(KEY, r=0), "bad-quorum"),
        (Put(KEY, b"x", b"not a context"), "bad-context"),
        (Delete(KEY, b"\xff\x00"), "bad-context"),
    ],
)
def test_bad_requests_are_refused_and_change_nothing(request_: Any, code: str) -> None:
    pump = Pump(value_bytes_max=64)
    assert pump.ask("n1", request_) == Refused(code, *CODES[code])
    pump.run(100)
    assert pump.states(KEY) == {}
    assert pump.count("refused_" + code.replace("-", "_")) >= 1


def test_a_node_refuses_until_its_epoch_is_durable() -> None:
    pump = Pump()
    pump.kill("n1")
    pump.hold_disk("n1")
    pump.start("n1")
    assert pump.ask("n1", Get(KEY)) == Refused("not-ready", *CODES["not-ready"])
    assert pump.ask("n1", Put(KEY, b"v")) == Refused("not-ready", *CODES["not-ready"])
    assert not pump.status("n1").ready
    pump.handle("n1", Received("n2", Forward(3, Put(KEY, b"v"))))
    assert pump.messages(Forwarded, "n1")[-1][2] == Forwarded(3, Refused("not-ready", *CODES["not-ready"]))
    pump.release_disk("n1")
    pump.run(5)
    pump.handle("n1", Received("n2", Forward(3, Put(KEY, b"v"))))
    pump.run(20)
    assert len(pump.messages(Forwarded, "n1")) == 1, "what was refused for certain must not happen later"
    assert pump.ask("n1", Put(KEY, b"v")) == Stored()


def test_too_many_requests_are_refused() -> None:
    pump = Pump(requests_max=3)
    first = pump.preference(KEY)[0]
    pump.isolate(first)
    for ticket in range(101, 104):
        pump.handle(first, Requested(ticket, Put(KEY, b"v")))
    assert pump.ask(first, Get(KEY)) == Refused("overloaded", *CODES["overloaded"])
    pump.run(1500)
    assert pump.ask(first, Get(KEY, r=1)).values == (b"v",) * 3, "places are free again after the timeout"


def test_every_refusal_of_the_table_has_a_counter() -> None:
    counters = Pump().status("n1").counters
    assert {"refused_" + code.replace("-", "_") for code in CODES} <= set(counters)


def test_strangers_late_acks_and_unknown_numbers_are_ignored() -> None:
    pump = Pump()
    for source, message in (
        ("n9", Store(1, KEY, pump_state(), pump.now, "put")),
        ("n2", StoreAck(12345)),
        ("n2", Forwarded(99, Stored())),
        ("n2", Store(1, KEY, pump_state(), pump.now - 10_000 * MS, "put")),
    ):
        assert pump.handle("n1", Received(source, message)) == []
    assert pump.status("n1").counters["stale_dropped"] == 1


def pump_state() -> Any:
    return DEFAULT.write(None, {}, "n2:1:1", b"v", False, 0)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"w": 4}, "choose 1 to n"),
        ({"r": 0}, "choose 1 to n"),
        ({"timing": Timing(message_lifetime_ms=500)}, "raise it"),
    ],
)
def test_a_contradictory_configuration_is_refused_with_the_fix(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Pump(**changes)
