"""Anti-entropy: silent when equal, proportional to the difference, and complete."""

import pytest

from store.exchange import KEYS_MAX
from store.messages import LeafKeys, LeafWants, Put, Roots, Store, TreeLeaves, TreeRoots
from store.versions import digest
from tests.pump import Pump

KEYS = [f"key{i}".encode() for i in range(60)]


def filled() -> Pump:
    pump = Pump()
    for i, key in enumerate(KEYS):
        pump.ask(pump.names[i % 5], Put(key, b"v"))
    pump.run(3000)
    pump.sent.clear()
    return pump


def exchanged(pump: Pump) -> list[bytes]:
    return [store.key for _, _, store in pump.messages(Store) if store.why == "exchange"]


def test_equal_replicas_exchange_roots_and_nothing_else() -> None:
    pump = filled()
    pump.run(4000)
    assert pump.messages(TreeRoots)
    assert not pump.messages(TreeLeaves)
    assert not pump.messages(LeafKeys)
    assert not exchanged(pump)


def test_a_lost_disk_is_filled_again() -> None:
    pump = filled()
    before = pump.dump("n2").primaries
    pump.kill("n2", lose_disk=True)
    pump.start("n2")
    pump.run(4000)
    assert pump.dump("n2").primaries == before
    assert pump.status("n2").counters["repairs"] == len(before)
    assert pump.machines["n2"].image.objects == before, "durably"
    roots = {name: pump.ask(name, Roots()).roots for name in pump.names}
    for partition, root in roots["n2"].items():
        assert all(held.get(partition, root) == root for held in roots.values())


def test_the_cost_follows_the_difference() -> None:
    pump = filled()
    key = KEYS[7]
    behind = pump.preference(key)[2]
    pump.cut = {(other, behind): True for other in pump.names}
    pump.ask(pump.preference(key)[0], Put(key, b"w"), wait_ms=50)
    pump.run(10)
    pump.cut.clear()
    pump.sent.clear()
    pump.run(4000)
    assert set(exchanged(pump)) == {key}
    assert len(pump.messages(LeafWants)) <= 2
    compared = sum(
        len(held)
        for _, _, m in pump.messages(LeafKeys)
        for leaves in m.keys.values()
        for held in leaves.values()
    )
    assert compared < len(KEYS) / 2
    assert len({digest(state) for state in pump.states(key).values()}) == 1


@pytest.mark.slow
def test_more_keys_than_fit_in_one_exchange_arrive_in_the_next_ones() -> None:
    pump = Pump()
    count = 2 * KEYS_MAX
    for i in range(count):
        pump.ask(pump.names[i % 5], Put(f"many{i}".encode(), b"v"))
    pump.run(1000)
    before = pump.dump("n4").primaries
    assert len(before) > KEYS_MAX
    pump.kill("n4", lose_disk=True)
    pump.start("n4")
    pump.run(8000)
    assert pump.dump("n4").primaries == before


def test_both_sides_learn_what_the_other_has() -> None:
    pump = Pump()
    key = KEYS[0]
    first, second, third = pump.preference(key)[:3]
    pump.isolate(first)
    pump.begin(first, Put(key, b"left"))
    pump.begin(second, Put(key, b"right"))
    pump.run(100)
    pump.mend()
    pump.run(6000)
    states = pump.states(key)
    assert set(states) == {first, second, third}
    assert len({digest(state) for state in states.values()}) == 1
    assert sorted(sibling.value for sibling in states[first].siblings) == [b"left", b"right"]
