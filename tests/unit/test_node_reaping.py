"""Tombstones go when nothing they cover can come back, and not before."""

import pytest

from store.bugs import catalogue
from store.config import MS
from store.effects import Received
from store.messages import Delete, Get, Put, ReapAnswer, ReapAsk, ReapCommit, Store, Stored
from store.policies import DEFAULT, Policies
from store.versions import Versions
from tests.pump import Pump

KEY = b"cart"


def deleted(policies: Policies = DEFAULT, away: str | None = None) -> Pump:
    """A value is written everywhere, then deleted, while the node `away` is dead."""
    pump = Pump(policies=policies)
    first = pump.preference(KEY)[0]
    pump.ask(first, Put(KEY, b"old", w=3))
    pump.run(20)
    if away is not None:
        pump.kill(away)
        pump.run(1000)
    found = pump.ask(first, Get(KEY))
    assert pump.ask(first, Delete(KEY, found.context)) == Stored()
    return pump


def tombstone(pump: Pump) -> Versions:
    state = pump.dump(pump.preference(KEY)[0]).primaries[KEY]
    assert isinstance(state, Versions)
    return state


def test_an_old_tombstone_is_forgotten_everywhere_and_durably() -> None:
    pump = deleted()
    pump.run(5000)
    assert len(pump.states(KEY)) == 3, "two rounds a message lifetime apart take longer than this"
    pump.run(5000)
    assert pump.states(KEY) == {}
    assert pump.count("reaped") == 3
    assert all(KEY not in machine.image.objects for machine in pump.machines.values())
    drivers = {source for source, _, _ in pump.messages(ReapAsk)}
    assert drivers == {pump.preference(KEY)[0]}, "only the first primary asks"


def test_it_stays_while_any_node_is_away() -> None:
    for position in (2, 4):
        pump = deleted(away=Pump().preference(KEY)[position])
        pump.run(15_000)
        assert pump.count("reaped") == 0
        assert pump.messages(ReapAsk)


def test_a_returning_replica_with_the_old_value_does_not_resurrect_it() -> None:
    away = Pump().preference(KEY)[2]
    pump = deleted(away=away)
    pump.run(15_000)
    pump.start(away)
    pump.run(20_000)
    assert pump.ask(away, Get(KEY, r=3)).values == ()
    assert pump.states(KEY) == {}


@pytest.mark.parametrize("bug", ["", "E02"])
def test_e02_shows_the_deleted_value_again_and_the_correct_node_never_does(bug: str) -> None:
    away = Pump().preference(KEY)[2]
    pump = deleted(catalogue.load(bug).apply(DEFAULT) if bug else DEFAULT, away)
    pump.run(3000)
    assert bool(pump.states(KEY)) == (not bug), "the bug forgets while a replica is away"
    pump.start(away)
    pump.run(5)
    shown = []
    for _ in range(20):
        shown += pump.ask(away, Get(KEY)).values
        pump.run(100)
    assert (b"old" in shown) == bool(bug)


def test_a_hint_anywhere_keeps_it() -> None:
    pump = deleted()
    outsider = pump.preference(KEY)[3]
    pump.run(100)
    hint = Store(0, KEY, tombstone(pump), pump.now, "put", hint_for=pump.preference(KEY)[1])
    question = ReapAsk(7, KEY, tombstone(pump).clock)
    pump.isolate(outsider)
    pump.handle(outsider, Received(pump.preference(KEY)[0], hint))
    pump.run(50)
    pump.handle(outsider, Received(pump.preference(KEY)[0], question))
    assert pump.messages(ReapAnswer, outsider)[-1][2] == ReapAnswer(7, False)


def test_an_answer_in_round_two_needs_the_promise_of_round_one() -> None:
    pump = deleted()
    pump.run(100)
    first, outsider, clock = pump.preference(KEY)[0], pump.preference(KEY)[3], tombstone(pump).clock

    def answer(request: int, named: int = 0) -> bool:
        pump.handle(outsider, Received(first, ReapAsk(request, KEY, clock, named)))
        clean = pump.messages(ReapAnswer, outsider)[-1][2].clean
        assert isinstance(clean, bool)
        return clean

    assert not answer(1, 99), "nobody asked before"
    assert answer(2)
    assert answer(3, 2)
    late = Store(0, KEY, tombstone(pump), pump.now, "put", hint_for=pump.preference(KEY)[1])
    pump.handle(outsider, Received(first, late))
    pump.run(1000)
    assert pump.dump(outsider).hinted == (), "the hint is delivered and gone"
    assert not answer(4, 2), "but for a while there was one"
    assert answer(5)
    pump.kill(outsider)
    pump.start(outsider)
    pump.run(5)
    assert not answer(6, 5), "nor does a promise outlive a restart"


@pytest.mark.parametrize("undurable", [True, False])
def test_what_is_not_durable_is_not_clean(undurable: bool) -> None:
    pump = deleted()
    second, first = pump.preference(KEY)[1], pump.preference(KEY)[0]
    pump.run(100)
    clock = tombstone(pump).clock
    if undurable:
        pump.kill(second, lose_disk=True)
        pump.start(second)
        pump.run(5)
        pump.hold_disk(second)
        store = Store(0, KEY, tombstone(pump), pump.now, "exchange")
        pump.handle(second, Received(first, store))
    pump.handle(second, Received(first, ReapAsk(7, KEY, clock)))
    assert pump.messages(ReapAnswer, second)[-1][2] == ReapAnswer(7, not undurable)


def test_a_commit_applies_only_to_exactly_that_clock() -> None:
    pump = deleted()
    pump.run(100)
    first, second = pump.preference(KEY)[:2]
    clock = tombstone(pump).clock
    pump.ask(first, Put(KEY, b"new"))
    pump.run(20)
    pump.handle(second, Received(first, ReapCommit(KEY, clock)))
    pump.handle(second, Received(first, ReapCommit(b"unknown", clock)))
    assert pump.ask(second, Get(KEY, r=3)).values == (b"new",)


def test_a_write_between_the_rounds_keeps_the_key() -> None:
    pump = deleted()
    pump.run(3500)
    pump.ask(pump.preference(KEY)[1], Put(KEY, b"again"))
    pump.run(15_000)
    assert pump.ask("n1", Get(KEY, r=3)).values == (b"again",)
    assert pump.count("reaped") == 0


def test_writing_after_a_reaping_uses_new_dots() -> None:
    pump = deleted()
    old = set(tombstone(pump).clock)
    pump.run(12_000)
    assert pump.states(KEY) == {}
    for name in pump.preference(KEY)[:3]:
        pump.ask(name, Put(KEY, name.encode()))
    pump.run(20)
    found = pump.ask("n1", Get(KEY, r=3))
    assert len(found.values) == 3
    for state in pump.states(KEY).values():
        assert not old & set(state.clock)


def test_an_old_state_on_its_way_is_dropped_when_it_arrives() -> None:
    pump = deleted()
    _, _, store = next(sent for sent in pump.messages(Store) if sent[2].why == "put")
    pump.run(12_000)
    assert pump.states(KEY) == {}
    assert pump.now - store.sent_at > 3000 * MS
    second = pump.preference(KEY)[1]
    pump.handle(second, Received(pump.preference(KEY)[0], store))
    assert pump.states(KEY) == {}
    assert pump.status(second).counters["stale_dropped"] == 1
