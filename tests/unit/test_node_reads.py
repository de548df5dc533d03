"""The read path: quorums, stragglers and read repair."""

from store.config import MS, Timing
from store.effects import Received
from store.errors import CODES
from store.messages import Delete, Fetch, Fetched, Found, Get, Put, Refused, Store, Stored
from store.versions import digest
from tests.pump import Pump

KEY = b"cart"
QUIET = Timing(exchange_ms=1_000_000, handoff_ms=1_000_000, tombstone_grace_ms=1_000_000)
"""Without background work, what is repaired is repaired by reads."""


def repairs(pump: Pump) -> list[str]:
    return [target for _, target, store in pump.messages(Store) if store.why == "repair"]


def behind(pump: Pump, key: bytes = KEY) -> str:
    """Write the key twice so that its third primary has missed the second write; returns the primary."""
    first, _, third = pump.preference(key)[:3]
    pump.ask(first, Put(key, b"old"))
    found = pump.ask(first, Get(key))
    pump.isolate(third)
    assert pump.ask(first, Put(key, b"new", found.context)) == Stored()
    pump.run(200)
    pump.mend()
    return third


def test_nothing_is_an_answer_and_needs_no_repair() -> None:
    pump = Pump()
    assert pump.ask("n1", Get(KEY)) == Found((), b"")
    pump.run(300)
    assert repairs(pump) == []


def test_a_stale_primary_is_repaired_after_the_reply() -> None:
    pump = Pump(timing=QUIET)
    stale = behind(pump)
    assert pump.ask(pump.preference(KEY)[0], Get(KEY)).values == (b"new",)
    pump.run(300)
    assert repairs(pump) == [stale]
    assert len({digest(state) for state in pump.states(KEY).values()}) == 1
    assert pump.status(stale).counters["repairs"] == 1
    pump.ask("n1", Get(KEY, r=3))
    pump.run(300)
    assert repairs(pump) == [stale], "a repaired replica is left in peace"


def test_an_empty_primary_is_repaired_with_tombstones_too() -> None:
    pump = Pump(timing=QUIET)
    first, second = pump.preference(KEY)[:2]
    pump.ask(first, Put(KEY, b"v"))
    pump.ask(first, Delete(KEY, pump.ask(first, Get(KEY)).context))
    pump.run(50)
    pump.kill(second, lose_disk=True)
    pump.start(second)
    pump.run(50)
    assert pump.ask(first, Get(KEY)).values == ()
    pump.run(300)
    assert repairs(pump) == [second]
    assert pump.dump(second).primaries == pump.dump(first).primaries


def test_the_coordinator_repairs_itself() -> None:
    pump = Pump(timing=QUIET)
    stale = behind(pump)
    assert pump.ask(stale, Get(KEY)).values == (b"new",)
    pump.run(300)
    assert len(pump.states(KEY)) == 3
    assert len({digest(state) for state in pump.states(KEY).values()}) == 1
    assert pump.machines[stale].image.objects[KEY] == pump.states(KEY)[stale], "durably"


def test_r_answers_are_needed_and_enough() -> None:
    pump = Pump(timing=QUIET)
    stale = behind(pump)
    assert pump.ask(stale, Get(KEY, r=1)).values == (b"old",)
    assert pump.ask(stale, Get(KEY, r=2)).values == (b"new",)


def test_a_silent_replica_is_replaced_by_a_fallback() -> None:
    pump = Pump(timing=QUIET)
    first, second, third, fourth, fifth = pump.preference(KEY)
    pump.ask(first, Put(KEY, b"v"))
    for name in (second, third):
        pump.isolate(name)
    ticket = pump.begin(first, Get(KEY, r=3))
    pump.run(270)
    assert pump.replies[ticket].values == (b"v",)
    asked = [target for _, target, _ in pump.messages(Fetch, first)]
    assert asked[-2:] == [fourth, fifth]


def test_a_node_that_becomes_its_own_fallback_answers_itself() -> None:
    pump = Pump(timing=QUIET)
    preference = pump.preference(KEY)
    outsider = preference[3]
    pump.ask(preference[0], Put(KEY, b"v"))
    pump.run(20)
    pump.isolate(preference[1])
    assert pump.ask(outsider, Get(KEY, r=3)).values == (b"v",)


def test_no_quorum_in_time_is_a_timeout() -> None:
    pump = Pump(timing=QUIET)
    pump.isolate("n1")
    assert pump.ask("n1", Get(KEY)) == Refused("timeout", *CODES["timeout"])


def test_late_repeated_and_unasked_answers_are_ignored() -> None:
    pump = Pump(timing=QUIET)
    first, second, third, fourth, _ = pump.preference(KEY)
    pump.isolate(first)
    ticket = pump.begin(first, Get(KEY, r=3))
    request = pump.messages(Fetch, first)[-1][2].request
    for source in (second, second, fourth):
        pump.handle(first, Received(source, Fetched(request, None)))
    assert ticket not in pump.replies
    pump.handle(first, Received(third, Fetched(request, None)))
    assert pump.replies[ticket] == Found((), b"")
    assert pump.handle(first, Received(third, Fetched(request, None))) == []


def test_a_repair_is_as_old_as_the_read_that_gathered_it() -> None:
    pump = Pump(timing=QUIET)
    stale = behind(pump)
    pump.delay = lambda source, target, message: [100 * MS] if target == stale else [MS]
    began = pump.now
    pump.ask(pump.preference(KEY)[0], Get(KEY))
    pump.run(300)
    sent = [store for _, _, store in pump.messages(Store) if store.why == "repair"]
    assert [store.sent_at for store in sent] == [began]
