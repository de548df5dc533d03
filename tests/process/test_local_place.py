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

from nemesis.steps import Kill, Pause, Program, Sleep, Start
from splitbrain.places.leftovers import NAME
from splitbrain.places.local import LocalPlace
from splitbrain.places.place import ClusterSpec
from splitbrain.places.ports import Ports
from splitbrain.places.process import ProcessId
from splitbrain.program import PlaceError
from store.config import NodeConfig
from tests.place_conformance import PlaceConformance
from tests.place_programs import MS, NODES
from tests.requirements import need

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


class TestLocalPlace(PlaceConformance):
    """The suite of all places."""


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
