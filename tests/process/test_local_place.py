"""The local place with real processes: every fault is seen to bite, and nothing is left behind."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from nemesis.steps import (
    Cut,
    Inspect,
    Kill,
    Link,
    Mend,
    MendAll,
    Mode,
    Pause,
    Probe,
    Program,
    Responds,
    Resume,
    Sleep,
    Start,
)
from splitbrain.places.leftovers import NAME
from splitbrain.places.local import LocalPlace
from splitbrain.places.place import ClusterSpec
from splitbrain.places.ports import Ports
from splitbrain.places.process import ProcessId
from splitbrain.program import Ask, Call, PlaceError, Receive, Spawn
from store.config import NodeConfig
from store.messages import Status, StatusReply
from tests.place_programs import LINKS, MS, NODES, retried, settled
from tests.requirements import need
from workloads.client import Done, Failed, Get, Put, Values

pytestmark = pytest.mark.process


def spec(folder: Path, **more: Any) -> ClusterSpec:
    run = folder / "runs" / "place" / "run"
    run.mkdir(parents=True, exist_ok=True)
    bug = more.pop("bug", None)
    config = NodeConfig(node="n1", nodes=NODES, bug=bug)
    return ClusterSpec(nodes=NODES, config=config, seed=1, folder=run, **more)


@pytest.fixture(scope="module", params=["embedded", pytest.param("toxiproxy", marks=pytest.mark.toxiproxy)])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPlace]:
    """A cluster of three behind each kind of proxy."""
    if request.param == "toxiproxy":
        need("toxiproxy")
    with LocalPlace(spec(tmp_path_factory.mktemp("place"), proxy=request.param)) as place:
        yield place
        pids = identities(place)
    assert {process.state for process in pids} == {"dead"}


def identities(place: LocalPlace) -> list[ProcessId]:
    return [ProcessId(item["pid"], item["started"]) for item in place.cluster_facts()["processes"]]


def test_what_one_node_took_another_gives(place: LocalPlace) -> None:
    def program() -> Program:
        stored = yield from retried("n1", Put("greeting", b"hello"))
        found = yield from retried("n3", Get("greeting"))
        return stored, found.values

    assert place.execute(program()) == (Done(), (b"hello",))


@pytest.mark.parametrize("mode", ["refuse", "drop", "stall"])
@pytest.mark.parametrize("link", [("n1", "n2"), ("n2", "n1")])
def test_a_cut_stops_one_direction_and_leaves_the_other(place: LocalPlace, link: Link, mode: Mode) -> None:
    everything = frozenset(LINKS)

    def program() -> Program:
        before = yield from settled(everything)
        yield Cut((link,), mode)
        yield Cut((link,), mode)
        during = yield Probe(LINKS, 400 * MS)
        yield Mend((link,))
        yield Mend((link,))
        after = yield from settled(everything)
        return before, during, after

    assert place.execute(program()) == (everything, everything - {link}, everything)


def test_mend_all_restores_every_link(place: LocalPlace) -> None:
    modes: tuple[Mode, ...] = ("refuse", "drop", "stall")

    def program() -> Program:
        for index, link in enumerate(LINKS):
            yield Cut((link,), modes[index % 3])
        during = yield Probe(LINKS, 300 * MS)
        yield MendAll()
        yield MendAll()
        return during, (yield from settled(frozenset(LINKS)))

    assert place.execute(program()) == (frozenset(), frozenset(LINKS))


def test_a_paused_node_is_silent_and_responds_after_resume(place: LocalPlace) -> None:
    def program() -> Program:
        yield Pause("n2")
        paused = (yield Inspect("n2")), (yield Responds("n2")), (yield Call("n2", Get("k"), 1, 300 * MS))
        yield Resume("n2")
        yield Resume("n2")
        return paused, (yield Inspect("n2")), (yield Responds("n2", 2_000 * MS))

    (state, responds, answer), after, responds_after = place.execute(program())
    assert (state, responds) == ("paused", False)
    assert isinstance(answer, Failed)
    assert (after, responds_after) == ("running", True)


def test_a_request_under_way_at_a_paused_node_is_indefinite(place: LocalPlace) -> None:
    def program() -> Program:
        yield from retried("n2", Put("half", b"0"))
        yield Pause("n2")
        answer = yield Call("n2", Put("half", b"1"), 0, 200 * MS)
        yield Resume("n2")
        return answer, (yield Responds("n2", 2_000 * MS))

    answer, responds = place.execute(program())
    assert (answer.code, answer.definite, responds) == ("timeout", False, True)


def test_a_killed_node_is_dead_and_keeps_its_data(place: LocalPlace) -> None:
    def epoch() -> Program:
        reply = yield Ask("n3", Status(), 2_000 * MS)
        assert isinstance(reply, StatusReply)
        return reply.epoch, reply.keys

    def program() -> Program:
        yield from retried("n3", Put("kept", b"safe"))
        before = yield from epoch()
        yield Kill("n3")
        yield Kill("n3")
        dead = (yield Inspect("n3")), (yield Responds("n3")), (yield Call("n3", Get("kept"), 0))
        yield Start("n3")
        yield Start("n3")
        after = yield from epoch()
        found = yield from retried("n3", Get("kept"))
        return before, dead, (yield Inspect("n3")), after, found

    before, (state, responds, answer), alive, after, found = place.execute(program())
    assert (state, responds, alive) == ("dead", False, "running")
    assert (answer.code, answer.definite) == ("connection-refused", True)
    assert isinstance(found, Values)
    assert found.values == (b"safe",)
    assert after[0] > before[0], "a new life has a new epoch"
    assert after[1] == before[1] > 0, "the keys came from the node's own disk"


def test_the_file_for_healing_follows_restarts(place: LocalPlace) -> None:
    def program() -> Program:
        yield Kill("n1")
        yield Start("n1")

    before = identities(place)
    place.execute(program())
    assert identities(place) != before
    written = msgspec.json.decode((place.spec.folder / NAME).read_bytes())
    assert written == msgspec.json.decode(msgspec.json.encode(place.cluster_facts()))
    assert {process.state for process in identities(place)} == {"running"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_programs_and_leaves_the_cluster_for_healing(place: LocalPlace, number: int) -> None:
    closed = []

    def bystander() -> Program:
        try:
            yield Receive()
        finally:
            closed.append(True)

    def program() -> Program:
        yield Spawn(bystander())
        yield Pause("n1")
        os.kill(os.getpid(), number)
        yield Sleep(60_000 * MS)

    def heal() -> Program:
        yield Resume("n1")
        return (yield Responds("n1", 2_000 * MS))

    handler = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt):
        place.execute(program())
    assert closed == [True]
    assert signal.getsignal(number) is handler
    assert place.execute(heal()) is True


def test_an_unknown_step_is_an_error_of_the_program(place: LocalPlace) -> None:
    def program() -> Program:
        yield "dance"

    with pytest.raises(TypeError, match="'dance', which is no step"):
        place.execute(program())


# --- places that end badly ----------------------------------------------------------------------------


def test_a_node_that_dies_by_itself_is_noticed(tmp_path: Path) -> None:
    with LocalPlace(spec(tmp_path)) as place:
        victim = next(item for item in place.cluster_facts()["processes"] if item["node"] == "n2")

        def program() -> Program:
            os.kill(victim["pid"], signal.SIGKILL)
            yield Sleep(60_000 * MS)

        with pytest.raises(PlaceError, match=r"node n2 died by itself \(exit code -9\).*ready n2"):
            place.execute(program())
        with pytest.raises(PlaceError, match="node n2 died"):
            place.execute(iter_nothing())


def iter_nothing() -> Program:
    return
    yield


def test_an_error_inside_leaves_nothing_behind(tmp_path: Path) -> None:
    """Also not a stopped process, nor the threads and ports of the proxy."""

    class Oops(Exception):
        pass

    def program() -> Program:
        yield Pause("n1")
        raise Oops

    threads = set(threading.enumerate())
    place = LocalPlace(spec(tmp_path))
    with place:
        pids = identities(place)
        url = place.cluster_facts()["proxy"]["url"]
        with pytest.raises(Oops):
            place.execute(program())
        assert sorted(process.state for process in pids) == ["paused", "running", "running"]
    assert {process.state for process in pids} == {"dead"}
    assert set(threading.enumerate()) <= threads
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(url.rsplit(":", 1)[1])))


def test_a_node_that_does_not_start_says_why(tmp_path: Path) -> None:
    place = LocalPlace(spec(tmp_path, bug="Z99"))
    with pytest.raises(PlaceError, match=r"node n\d stopped before it was ready.*Z99"):
        place.__enter__()
    assert msgspec.json.decode((place.spec.folder / NAME).read_bytes())["processes"] == []


def test_without_a_toxiproxy_server_it_is_said_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("TOXIPROXY_SERVER", raising=False)
    monkeypatch.setattr("splitbrain.proxy.toxiproxy.CHECKOUT", tmp_path)
    with pytest.raises(PlaceError, match=r"scripts/install-toxiproxy.*--proxy embedded"):
        LocalPlace(spec(tmp_path, proxy="toxiproxy")).__enter__()


# --- parts --------------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform != "linux", reason="ports are held on Linux only")
def test_a_held_port_is_nobody_elses_but_its_nodes() -> None:
    with Ports() as ports:
        port = ports.take()
        with pytest.raises(OSError, match="in use"), socket.socket() as other:
            other.bind(("127.0.0.1", port))
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))
        for _ in range(2):  # A node comes back to the same port.
            with socket.create_server(("127.0.0.1", port)):
                socket.create_connection(("127.0.0.1", port)).close()


def test_a_process_is_told_from_a_later_one_with_its_number() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        process = ProcessId.of(child.pid)
        assert process is not None
        assert process.state == "running"
        impostor = ProcessId(child.pid, "1")
        assert (impostor.state, impostor.end()) == ("dead", False)
        child.send_signal(signal.SIGSTOP)
        while process.state == "running":
            time.sleep(0.01)
        assert process.state == "paused"
        assert process.end() is True
        child.wait(10)
        assert process.state == "dead"
    finally:
        child.kill()
        child.wait()
