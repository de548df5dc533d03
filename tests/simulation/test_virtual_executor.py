"""Programs on virtual time: every step, mailboxes, errors, interruption, and a real cluster behind them."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nemesis.steps import (
    Clock,
    Cut,
    Inspect,
    Kill,
    Mend,
    MendAll,
    Pause,
    Probe,
    Program,
    Responds,
    Resume,
    Sleep,
    Start,
)
from splitbrain.places.place import ClusterSpec
from splitbrain.program import Ask, Call, Myself, PlaceError, Post, Receive, Spawn
from splitbrain.sim.executor import Deadlock
from splitbrain.sim.network import Network
from splitbrain.sim.place import SimPlace
from splitbrain.sim.world import MS
from store.bugs.catalogue import BugError
from store.config import NodeConfig
from store.messages import Status, StatusReply
from workloads.client import Delete, Done, Failed, Get, Put, Values

NODES = ("n1", "n2", "n3", "n4", "n5")
LINKS = tuple((a, b) for a in NODES for b in NODES if a != b)


def spec(folder: Path, seed: int = 1, bug: str | None = None, engine: str = "log") -> ClusterSpec:
    config = NodeConfig(node="n1", nodes=NODES, bug=bug)
    return ClusterSpec(nodes=NODES, config=config, seed=seed, folder=folder, engine=engine)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[SimPlace]:
    with SimPlace(spec(tmp_path)) as place:
        yield place


# --- time and mailboxes ----------------------------------------------------------------------------


def test_sleeping_takes_exactly_its_time(place: SimPlace) -> None:
    def main() -> Program:
        before = yield Clock()
        yield Sleep(1_234_567)
        return before, (yield Clock())

    assert place.now() == 0
    assert place.execute(main()) == (0, 1_234_567)
    assert place.now() == 1_234_567


def test_mailboxes_keep_order_and_time_out(place: SimPlace) -> None:
    def child(parent: int) -> Program:
        for item in ("one", "two"):
            yield Post(parent, item)
        yield Sleep(10 * MS)
        yield Post(parent, "three")

    def main() -> Program:
        myself = yield Myself()
        handle = yield Spawn(child(myself))
        got = []
        for until in (None, None, 5 * MS, 5 * MS, 20 * MS, 0):
            got.append(((yield Receive(until)), (yield Clock())))
        yield Post(handle, "nobody reads this any more")
        return myself, got

    five, ten = 5 * MS, 10 * MS
    expected = [("one", 0), ("two", 0), (None, five), (None, five), ("three", ten), (None, ten)]
    assert place.execute(main()) == (0, expected)


def test_an_old_timeout_does_not_end_a_later_wait(place: SimPlace) -> None:
    def child(parent: int) -> Program:
        yield Sleep(5 * MS)
        yield Post(parent, "early")
        yield Sleep(10 * MS)
        yield Post(parent, "late")

    def main() -> Program:
        yield Spawn(child((yield Myself())))
        first = yield Receive(10 * MS)
        second = yield Receive(30 * MS)
        return first, second, (yield Clock())

    assert place.execute(main()) == ("early", "late", 15 * MS)


def test_a_nothing_may_be_posted(place: SimPlace) -> None:
    def child(parent: int) -> Program:
        yield Post(parent, None)
        yield Post(parent, 0)

    def main() -> Program:
        yield Spawn(child((yield Myself())))
        return (yield Receive()), (yield Receive())

    assert place.execute(main()) == (None, 0)


# --- how programs end ------------------------------------------------------------------------------


def closing(log: list[str], name: str, step: Any) -> Program:
    try:
        while True:
            yield step
    finally:
        log.append(name)


def test_an_error_in_any_program_ends_the_run_after_closing_the_others(place: SimPlace) -> None:
    log: list[str] = []

    def failing() -> Program:
        yield Sleep(MS)
        raise KeyError("boom")

    def main() -> Program:
        yield Spawn(closing(log, "sleeper", Sleep(10 * MS)))
        yield Spawn(failing())
        yield from closing(log, "main", Receive())

    with pytest.raises(KeyError, match="boom"):
        place.execute(main())
    assert log == ["main", "sleeper"]
    assert place.now() == MS


def test_the_end_of_the_main_program_ends_all(place: SimPlace) -> None:
    log: list[str] = []

    def main() -> Program:
        yield Spawn(closing(log, "receiver", Receive()))
        yield Spawn(closing(log, "caller", Call("n1", Get("k"), 1)))
        yield Sleep(MS)
        return "result"

    assert place.execute(main()) == "result"
    assert log == ["receiver", "caller"]
    assert place.execute(main()) == "result", "what the first run left in the heap does not disturb"


def test_a_deadlock_is_an_error_that_names_who_waits(place: SimPlace) -> None:
    def main() -> Program:
        yield Spawn(closing([], "child", Receive()))
        yield Sleep(MS)
        yield Receive()

    with pytest.raises(Deadlock, match="main, 1"):
        place.execute(main())


def test_the_last_program_that_could_post_ends_without_posting(place: SimPlace) -> None:
    def child() -> Program:
        yield Sleep(MS)

    def main() -> Program:
        yield Spawn(child())
        yield Receive()

    with pytest.raises(Deadlock, match="main"):
        place.execute(main())


def test_something_that_is_no_step_is_refused(place: SimPlace) -> None:
    def main() -> Program:
        yield "sleep"

    with pytest.raises(TypeError, match="'sleep', which is not a step"):
        place.execute(main())


@pytest.mark.parametrize(
    ("step", "problem"),
    [
        (Call("n9", Get("k"), 0), "no node n9; this cluster has n1, n2"),
        (Ask("n9", Status()), "no node n9"),
        (Kill("n9"), "no node n9"),
        (Start("n9"), "no node n9"),
        (Cut((("n1", "n9"),), "drop"), "no node n9"),
        (Cut((("n1", "n1"),), "drop"), "no link from n1 to itself"),
        (Probe((("n1", "n9"),)), "no node n9"),
    ],
)
def test_an_impossible_step_raises_inside_the_program(place: SimPlace, step: Any, problem: str) -> None:
    def main() -> Program:
        with pytest.raises(PlaceError, match=problem):
            yield step
        return "caught"

    def careless() -> Program:
        yield step

    assert place.execute(main()) == "caught"
    with pytest.raises(PlaceError, match=problem):
        place.execute(careless())


def test_an_interruption_stops_all_programs_and_leaves_a_cluster_that_can_be_healed(place: SimPlace) -> None:
    log: list[str] = []

    def main() -> Program:
        yield Kill("n2")
        yield Spawn(closing(log, "child", Sleep(MS)))
        yield Sleep(5 * MS)
        os.kill(os.getpid(), signal.SIGINT)
        yield from closing(log, "main", Sleep(MS))

    def heal() -> Program:
        yield Start("n2")
        return (yield Responds("n2"))

    with pytest.raises(KeyboardInterrupt):
        place.execute(main())
    assert sorted(log) == ["child", "main"]
    assert place.execute(heal()) is True
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


# --- clients and administrators ----------------------------------------------------------------------


def test_clients_write_read_and_delete(place: SimPlace) -> None:
    def main() -> Program:
        assert (yield Call("n1", Put("käse", b"gouda"), 0)) == Done()
        found = yield Call("n2", Get("käse"), 0)
        assert found == Values((b"gouda",), found.context)
        assert (yield Call("n3", Delete("käse", found.context), 0)) == Done()
        gone: Values = yield Call("n4", Get("käse", 3), 0)
        return gone.values, (yield Clock())

    values, took = place.execute(main())
    assert values == ()
    assert 0 < took < 1000 * MS


def test_a_question_is_answered_once(place: SimPlace) -> None:
    def main() -> Program:
        answers = [(yield Call("n1", Get("k"), 0, 100 * MS)), (yield Ask("n1", Status(), 100 * MS))]
        before = yield Clock()
        answers.append((yield Sleep(500 * MS)))  # The timeouts of both come in this time.
        return answers[2], (yield Clock()) - before

    assert place.execute(main()) == (None, 500 * MS)


def test_a_dead_node_refuses_a_paused_one_times_out(place: SimPlace) -> None:
    def main() -> Program:
        yield Kill("n1")
        yield Pause("n2")
        refused = yield Call("n1", Put("k", b"v"), 0)
        before = yield Clock()
        timed_out = yield Call("n2", Put("k", b"v"), 0, 300 * MS)
        return refused, timed_out, (yield Clock()) - before

    refused, timed_out, took = place.execute(main())
    assert (refused.code, refused.definite) == ("connection-refused", True)
    assert (timed_out.code, timed_out.definite) == ("timeout", False)
    assert took == 300 * MS


def test_a_request_to_a_node_that_dies_is_not_definite(place: SimPlace) -> None:
    def client(parent: int) -> Program:
        yield Post(parent, (yield Call("n1", Put("k", b"v"), 0)))

    def main() -> Program:
        myself = yield Myself()
        answers: list[Failed] = []
        for node_is_paused in (False, True):
            if node_is_paused:
                yield Pause("n1")
            yield Spawn(client(myself))
            yield Sleep(MS if node_is_paused else MS // 20)  # On its way, or waiting in the paused process.
            yield Kill("n1")
            answers.append((yield Receive()))
            yield Start("n1")
        return answers

    for answer in place.execute(main()):
        assert (answer.code, answer.definite) == ("connection-lost", False)


def test_administrators_get_nothing_from_the_dead_and_the_paused(place: SimPlace) -> None:
    def main() -> Program:
        yield Kill("n1")
        yield Pause("n2")
        answers = []
        for node in ("n1", "n2", "n3"):
            answers.append(((yield Ask(node, Status(), 100 * MS)), (yield Clock())))
        return answers

    dead, paused, running = place.execute(main())
    assert dead == (None, 100 * MS)
    assert paused == (None, 200 * MS)
    assert isinstance(running[0], StatusReply)
    assert running[0].ready


# --- faults ------------------------------------------------------------------------------------------


def test_kill_start_pause_resume_and_how_they_look_from_outside(place: SimPlace) -> None:
    def look() -> Program:
        return (yield Inspect("n1")), (yield Responds("n1"))

    def main() -> Program:
        seen = []
        for kind in (Kill, Kill, Resume, Start, Start, Pause, Start, Resume, Resume, Pause, Kill):
            yield kind("n1")
            seen.append((yield from look()))
        with pytest.raises(PlaceError, match="n1 is dead and cannot be paused; start it first"):
            yield Pause("n1")
        return seen

    dead, paused, running = ("dead", False), ("paused", False), ("running", True)
    expected = [dead, dead, dead, running, running, paused, paused, running, running, paused, dead]
    assert place.execute(main()) == expected


def test_an_acknowledged_write_survives_the_death_of_every_node(place: SimPlace) -> None:
    def main() -> Program:
        written = yield Call("n1", Put("k", b"kept"), 0)
        for node in NODES:
            yield Kill(node)
        for node in NODES:
            yield Start(node)
        yield Sleep(1000 * MS)
        return written, (yield Call("n2", Get("k"), 0))

    written, found = place.execute(main())
    assert written == Done()
    assert found.values == (b"kept",)


def test_the_memory_engine_keeps_nothing(tmp_path: Path) -> None:
    def main() -> Program:
        yield Call("n1", Put("k", b"gone"), 0)
        for node in NODES:
            yield Kill(node)
        for node in NODES:
            yield Start(node)
        yield Sleep(1000 * MS)
        found: Values = yield Call("n2", Get("k"), 0)
        return found.values

    with SimPlace(spec(tmp_path, engine="memory")) as place:
        assert place.execute(main()) == ()


@pytest.mark.parametrize("mode", ["refuse", "drop", "stall"])
def test_probes_tell_which_links_deliver(place: SimPlace, mode: Any) -> None:
    cut = (("n1", "n2"), ("n3", "n1"))

    def main() -> Program:
        seen = [(yield Probe(LINKS))]
        yield Cut(cut, mode)
        before = yield Clock()
        seen.append((yield Probe(LINKS)))
        took = (yield Clock()) - before
        yield Mend(cut[:1])
        yield Sleep(300 * MS)
        seen.append((yield Probe(cut)))
        yield MendAll()
        yield Sleep(300 * MS)
        seen.append((yield Probe(LINKS)))
        return seen, took

    seen, took = place.execute(main())
    assert seen == [frozenset(LINKS), frozenset(LINKS) - frozenset(cut), frozenset(cut[:1]), frozenset(LINKS)]
    assert took < 420 * MS


def test_probes_notice_a_cut_that_does_not_cut(place: SimPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Network, "cut", lambda *_: None)

    def main() -> Program:
        yield Cut(LINKS, "drop")
        return (yield Probe(LINKS))

    assert place.execute(main()) == frozenset(LINKS)


def test_probes_from_and_to_silent_nodes_do_not_deliver(place: SimPlace) -> None:
    links = (("n1", "n2"), ("n3", "n1"), ("n3", "n2"), ("n2", "n3"), ("n3", "n4"))

    def main() -> Program:
        yield Kill("n1")
        yield Pause("n2")
        return (yield Probe(links))

    assert place.execute(main()) == frozenset({("n3", "n4")})


# --- the whole place -----------------------------------------------------------------------------------


def busy() -> Program:
    """Some of everything; returns what clients heard."""
    answers = []
    for round_number in range(6):
        node = NODES[round_number % 5]
        yield Cut(tuple(link for link in LINKS if node in link)[:3], "stall")
        for number in range(5):
            answers.append((yield Call(NODES[number], Put(f"k{number}", b"%d" % round_number), number)))
        yield Kill(node)
        yield Sleep(300 * MS)
        yield MendAll()
        yield Start(node)
    answers.append((yield Call("n1", Get("k1"), 0)))
    return answers


def test_one_seed_is_one_run_and_another_is_another(tmp_path: Path) -> None:
    runs = []
    for seed in (1, 1, 2):
        with SimPlace(spec(tmp_path, seed)) as place:
            runs.append((place.execute(busy()), place.stats()))
    assert runs[0] == runs[1]
    assert runs[0][1]["fingerprint"] != runs[2][1]["fingerprint"]
    stats = runs[0][1]
    assert stats["events"] > stats["messages"] > stats["messages_lost"] > 0
    assert stats["virtual_s"] > 1.8


def test_a_bug_seed_reaches_the_nodes(tmp_path: Path) -> None:
    def main() -> Program:
        yield Call("n1", Put("k", b"one"), 0)
        yield Call("n1", Put("k", b"two"), 0)
        found: Values = yield Call("n1", Get("k", 3), 0)
        return sorted(found.values)

    with SimPlace(spec(tmp_path)) as place:
        assert place.execute(main()) == [b"one", b"two"]
    with SimPlace(spec(tmp_path, bug="A01")) as place:
        assert place.execute(main()) == [b"two"]


def test_bad_specifications_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BugError):
        SimPlace(spec(tmp_path, bug="Z99"))
    with pytest.raises(ValueError, match="choose log or memory"):
        SimPlace(spec(tmp_path, engine="tape"))


def test_nothing_of_a_simulated_cluster_outlives_it(place: SimPlace, tmp_path: Path) -> None:
    assert place.cluster_facts() == {"place": "sim"}
    assert list(tmp_path.iterdir()) == []
