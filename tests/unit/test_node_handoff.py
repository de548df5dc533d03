"""Hints: kept durably, delivered when the target is back, forgotten only when it holds them durably."""

from store.bugs import catalogue
from store.config import MS
from store.effects import Received
from store.handoff import IN_FLIGHT_MAX
from store.messages import Hints, Put, Store, StoreAck, Stored
from store.policies import DEFAULT, Policies
from tests.pump import Pump

KEY = b"cart"


def with_hint(policies: Policies = DEFAULT) -> tuple[Pump, str, str]:
    """A fallback keeps a hint for a primary that is cut off; returns both."""
    pump = Pump(policies=policies)
    first, _, third, fourth, _ = pump.preference(KEY)
    pump.isolate(third)
    pump.run(1500)
    assert pump.ask(first, Put(KEY, b"v")) == Stored()
    pump.run(20)
    return pump, third, fourth


def test_a_hint_survives_a_restart_of_its_keeper() -> None:
    pump, target, keeper = with_hint()
    pump.kill(keeper)
    pump.start(keeper)
    pump.run(5)
    assert pump.ask(keeper, Hints()).hints == {target: (KEY,)}
    pump.mend()
    pump.run(1500)
    assert KEY in pump.dump(target).primaries
    assert pump.ask(keeper, Hints()).hints == {}
    assert pump.machines[keeper].image.hints == {}, "the removal is durable too"


def test_the_correct_node_keeps_a_hint_until_the_target_has_it() -> None:
    pump, target, keeper = with_hint()
    pump.run(5000)
    sent = [to for _, to, store in pump.messages(Store, keeper) if store.why == "handoff"]
    assert sent.count(target) >= 2, "an unhealthy target is tried, though rarely"
    assert pump.ask(keeper, Hints()).hints == {target: (KEY,)}


def test_c06_loses_the_hint_that_the_target_never_got() -> None:
    pump, _, keeper = with_hint(catalogue.load("C06").apply(DEFAULT))
    pump.run(5000)
    assert pump.ask(keeper, Hints()).hints == {}


def test_a_hint_is_kept_until_the_target_has_it_on_disk() -> None:
    pump, target, keeper = with_hint()
    pump.hold_disk(target)
    pump.mend()
    pump.run(1500)
    assert KEY in pump.dump(target).primaries
    assert pump.ask(keeper, Hints()).hints == {target: (KEY,)}
    pump.release_disk(target)
    pump.run(1000)
    assert pump.ask(keeper, Hints()).hints == {}


def test_a_hint_that_grew_while_it_was_under_way_stays() -> None:
    pump, target, keeper = with_hint()
    state = DEFAULT.write(None, {}, "n9:1:1", b"later", False, pump.now)
    pump.mend()
    pump.delay = lambda source, to, message: [100 * MS] if type(message) is StoreAck else [MS]
    while not [store for _, _, store in pump.messages(Store, keeper) if store.why == "handoff"]:
        pump.run(1)
    grown = Store(0, KEY, state, pump.now, "put", hint_for=target)
    pump.handle(keeper, Received(pump.preference(KEY)[0], grown))
    pump.run(105)
    assert pump.messages(StoreAck, target), "the first delivery is acknowledged"
    assert pump.ask(keeper, Hints()).hints == {target: (KEY,)}
    pump.run(1000)
    assert pump.ask(keeper, Hints()).hints == {}
    assert len(pump.dump(target).primaries[KEY].siblings) == 2


def test_many_hints_go_a_bounded_number_at_a_time() -> None:
    pump = Pump()
    target = "n3"
    pump.isolate(target)
    pump.run(1500)
    keys = [f"key{i}".encode() for i in range(400)]
    mine = [key for key in keys if target in pump.preference(key)[:3]]
    for key in keys:
        pump.ask("n1", Put(key, b"v"))
    hints = sum(len(pump.ask(name, Hints()).hints.get(target, ())) for name in ("n1", "n2", "n4", "n5"))
    assert hints == len(mine) > 4 * IN_FLIGHT_MAX
    pump.sent.clear()
    pump.mend()
    pump.run(800)
    assert pump.status(target).keys == len(mine)
    assert pump.count("hints_delivered") == len(mine)
    under_way = dict.fromkeys(pump.names, 0)
    for source, to, message in pump.sent:
        if isinstance(message, Store) and message.why == "handoff":
            under_way[source] += 1
            assert under_way[source] <= IN_FLIGHT_MAX
        elif isinstance(message, StoreAck) and source == target:
            under_way[to] -= 1
