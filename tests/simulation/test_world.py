"""Virtual time: order, ties, stopping, interruption and the fingerprint."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from splitbrain.sim.world import NOTES_MAX, START_NS, World
from store.effects import Boot, Durable, Event, Image, PeerLost, Received, Requested, TimerFired
from store.messages import Get, Ping, Pong
from store.versions import Sibling, Versions


@given(st.lists(st.integers(-5, 20)))
def test_things_happen_in_the_order_of_time_and_of_being_pushed(delays: list[int]) -> None:
    world = World()
    happened: list[tuple[int, int]] = []
    for number, delay in enumerate(delays):
        world.push(START_NS + delay, lambda n: happened.append((world.now, n)), number)
    assert world.run() is False
    assert happened == sorted((START_NS + max(0, delay), n) for n, delay in enumerate(delays))
    assert world.happened() == len(delays)


def test_stop_leaves_the_rest_for_later() -> None:
    world = World()
    happened: list[int] = []
    world.push(START_NS + 1, happened.append, 1)
    world.push(START_NS + 1, world.stop)
    world.push(START_NS + 1, happened.append, 2)
    assert world.run() is True
    assert happened == [1]
    assert world.run() is False
    assert happened == [1, 2]


def test_run_until_takes_the_clock_along() -> None:
    world = World()
    happened: list[int] = []
    for delay in (5, 10, 11):
        world.push(START_NS + delay, happened.append, delay)
    world.run_until(START_NS + 10)
    assert (happened, world.now) == ([5, 10], START_NS + 10)


def test_an_interruption_waits_for_what_is_happening_and_for_nothing_else() -> None:
    world = World()
    happened: list[str] = []

    def interrupted_in_the_middle(_: object) -> None:
        happened.append("begun")
        world.interrupt(KeyboardInterrupt())
        happened.append("ended")

    world.push(START_NS + 1, interrupted_in_the_middle)
    world.push(START_NS + 1, happened.append, "later")
    with pytest.raises(KeyboardInterrupt):
        world.run()
    assert happened == ["begun", "ended"]
    world.run()
    assert happened == ["begun", "ended", "later"]


def test_an_interruption_in_the_last_moment_is_not_forgotten() -> None:
    world = World()

    def stop_and_interrupt(_: object) -> None:
        world.stop()
        world.interrupt(KeyboardInterrupt())

    world.push(START_NS, stop_and_interrupt)
    with pytest.raises(KeyboardInterrupt):
        world.run()


def fingerprint(notes: list[tuple[int, str, bytes]]) -> str:
    world = World()
    for note in notes:
        world.trace.notes.append(note)
        if len(world.trace.notes) >= NOTES_MAX:
            world.trace.absorb()
    return world.trace.fingerprint()


def test_the_fingerprint_covers_every_note_also_across_batches() -> None:
    notes = [(at, "n1", b"x") for at in range(3000)]
    assert fingerprint(notes) == fingerprint(list(notes))
    for changed in (0, 1500, 2999):
        for other in ((-1, "n1", b"x"), (changed, "n1", b"y")):
            assert fingerprint([*notes[:changed], other, *notes[changed + 1 :]]) != fingerprint(notes)
    assert fingerprint(notes[:-1]) != fingerprint(notes)


def test_the_fingerprint_tells_all_kinds_of_events_apart() -> None:
    state = Versions({"a": 1}, (Sibling(("a", 1), b"v"),))
    events: list[Event] = [
        TimerFired(1),
        Durable(1),
        PeerLost("1"),
        Received("n2", Ping(1)),
        Received("n2", Pong(1)),
        Received("n3", Ping(1)),
        Requested(1, Get(b"k")),
        Boot(Image(1, {b"k": state}, {})),
        Boot(Image(1, {b"k": state}, {("n2", b"k"): state})),
    ]
    prints = set()
    for event in events:
        world = World()
        world.trace.notes.append((1, "n1", event))
        prints.add(world.trace.fingerprint())
    assert len(prints) == len(events)
