"""Starting, dying, epochs and dots; health and the answers to administrators."""

from typing import Any

from store.effects import Boot, EpochRecord, Image, PeerLost, Persist, Received
from store.messages import (
    Get,
    HeardProbes,
    Ping,
    Pong,
    Probe,
    ProbesReply,
    Put,
    RingView,
    SendProbe,
    Store,
    Stored,
)
from store.node import Node
from tests.pump import NODES, Pump, config_of

KEY = b"cart"


class Fixed:
    """A generator of random numbers that always draws the same."""

    def getrandbits(self, bits: int) -> int:
        return 5

    def randrange(self, stop: int) -> int:
        return 0


def boot(image: Image) -> Any:
    node = Node(config_of("n1"), Fixed())  # type: ignore[arg-type]
    return node.handle(Boot(image), 1)


def dots(pump: Pump) -> set[tuple[str, int]]:
    return {sibling.dot for state in pump.states(KEY).values() for sibling in state.siblings}


def test_a_start_persists_the_next_epoch_first() -> None:
    image = Image(epoch=41, objects={}, hints={})
    assert boot(image) == [Persist(1, (EpochRecord(42),))]


def test_an_empty_disk_draws_its_epoch() -> None:
    assert boot(Image()) == [Persist(1, (EpochRecord(5 << 16 | 1),))]


def test_a_restart_serves_what_it_held_and_writes_under_a_new_actor() -> None:
    pump = Pump()
    first = pump.preference(KEY)[0]
    pump.ask(first, Put(KEY, b"one", w=3))
    before = pump.dump(first).primaries
    epoch = pump.status(first).epoch
    pump.kill(first)
    pump.start(first)
    pump.run(5)
    assert pump.dump(first).primaries == before
    assert pump.status(first).epoch == epoch + 1
    pump.ask(first, Put(KEY, b"two"))
    assert sorted(pump.ask("n1", Get(KEY, r=3)).values) == [b"one", b"two"]
    assert len({actor for actor, _ in dots(pump)}) == 2


def test_a_lost_disk_never_reuses_a_dot() -> None:
    pump = Pump()
    first = pump.preference(KEY)[0]
    for i in range(4):
        pump.ask(first, Put(KEY, f"before{i}".encode()))
    pump.run(50)
    given = dots(pump)
    assert len(given) == 4
    pump.kill(first, lose_disk=True)
    pump.start(first)
    pump.run(5)
    assert pump.ask(first, Put(KEY, b"after")) == Stored()
    values = pump.ask("n1", Get(KEY, r=3)).values
    assert sorted(values) == [b"after", b"before0", b"before1", b"before2", b"before3"]
    assert len(dots(pump)) == 5


def test_what_was_not_durable_is_gone_and_its_dot_is_not_used_again() -> None:
    pump = Pump()
    first = pump.preference(KEY)[0]
    pump.ask(first, Put(KEY, b"kept"))
    pump.run(20)
    pump.hold_disk(first)
    pump.isolate(first)
    pump.begin(first, Put(KEY, b"lost"))
    lost = dots(pump)
    pump.kill(first)
    pump.mend()
    pump.start(first)
    pump.run(5)
    assert pump.ask(first, Get(KEY, r=3)).values == (b"kept",)
    pump.ask(first, Put(KEY, b"next"))
    assert len(lost | dots(pump)) == 3


def test_a_fallback_whose_hint_was_delivered_starts_a_new_actor() -> None:
    pump = Pump()
    preference = pump.preference(KEY)
    fallback = preference[3]
    actors: list[str] = []
    for i in range(2):
        pump.isolate(*preference[3:])
        pump.run(1500)
        pump.ask(fallback, Put(KEY, f"{i}".encode()))
        state = pump.dump(fallback).hinted[0][2]
        actors += [sibling.dot[0] for sibling in state.siblings if sibling.value == f"{i}".encode()]
        pump.mend()
        pump.run(2500)
        assert pump.dump(fallback).hinted == ()
    assert len(set(actors)) == 2
    assert sorted(pump.ask("n1", Get(KEY, r=3)).values) == [b"0", b"1"]


def test_a_hint_that_shows_less_than_was_written_forces_a_new_actor() -> None:
    # Two writes here go into the hint for one primary.  A hint for another primary arrives that has seen
    # only the first.  When the fuller hint is delivered and gone, the next must not be (actor, 2) again.
    pump = Pump()
    preference = pump.preference(KEY)
    fallback = preference[3]
    pump.isolate(*preference[3:])
    pump.run(1500)
    pump.ask(fallback, Put(KEY, b"1"))
    target, _, early = pump.dump(fallback).hinted[0]
    pump.ask(fallback, Put(KEY, b"2"))
    other = next(name for name in preference[:3] if name != target)
    store = Store(0, KEY, early, pump.now, "put", hint_for=other)
    pump.handle(fallback, Received(preference[4], store))
    pump.mend()
    pump.cut = {(fallback, name): True for name in preference[:3] if name != target}
    pump.run(900)
    assert other in {hint[0] for hint in pump.dump(fallback).hinted}
    assert target not in {hint[0] for hint in pump.dump(fallback).hinted}
    pump.cut.clear()
    pump.isolate(*preference[3:])
    pump.run(900)
    pump.ask(fallback, Put(KEY, b"3"))
    pump.mend()
    pump.run(5000)
    assert sorted(pump.ask("n1", Get(KEY, r=3)).values) == [b"1", b"2", b"3"]


def test_nothing_from_peers_is_heard_before_the_epoch_is_durable() -> None:
    pump = Pump()
    pump.kill("n1")
    pump.hold_disk("n1")
    pump.start("n1")
    assert pump.handle("n1", Received("n2", Ping(pump.now))) == []
    pump.handle("n1", Received("n2", Probe(77)))
    assert pump.ask("n1", HeardProbes()) == ProbesReply((77,)), "but administrators and probes are"


def test_health_follows_answers_and_broken_connections() -> None:
    pump = Pump()
    pump.run(1000)
    assert all(pump.status("n1").healthy.values())
    pump.handle("n1", PeerLost("n2"))
    assert not pump.status("n1").healthy["n2"]
    pump.run(400)
    assert pump.status("n1").healthy["n2"]
    pump.isolate("n3")
    pump.run(1000)
    assert pump.status("n1").healthy == {"n2": True, "n3": False, "n4": True, "n5": True}
    old = pump.now - 5_000_000_000
    pump.handle("n1", Received("n3", Pong(old)))
    pump.handle("n1", Received("n3", Pong(pump.now + 10**18)))
    assert not pump.status("n1").healthy["n3"], "neither a stale pong nor one from the future revives a peer"
    pump.handle("n1", PeerLost("n9"))


def test_probes_travel_the_link() -> None:
    pump = Pump()
    assert pump.ask("n1", SendProbe("n2", 5)) == ProbesReply((5,))
    assert pump.ask("n1", SendProbe("n1", 6)) == ProbesReply(())
    assert pump.ask("n1", SendProbe("nobody", 7)) == ProbesReply(())
    pump.run(5)
    assert pump.ask("n2", HeardProbes()) == ProbesReply((5,))


def test_the_ring_is_the_same_on_every_node() -> None:
    pump = Pump()
    views = [pump.ask(name, RingView(KEY)) for name in NODES]
    assert len({str(view) for view in views}) == 1
    assert views[0].preference == pump.preference(KEY)
    assert set(views[0].owners) == set(NODES)
    assert pump.ask("n1", RingView()).partition is None
