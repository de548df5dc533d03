"""`splitbrain heal` after a harness was killed with a fault active."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from nemesis.journal import Journal, read_journal
from splitbrain.healing import heal
from splitbrain.places.leftovers import NAME, Facts
from splitbrain.places.process import ProcessId

pytestmark = pytest.mark.process

HARNESS = """
import sys
from pathlib import Path

from nemesis.journal import Journal
from nemesis.steps import Pause, Kill, Sleep, Start
from splitbrain.places.local import LocalPlace
from splitbrain.places.place import ClusterSpec
from store.config import NodeConfig

nodes = ("n1", "n2")
folder = Path(sys.argv[1])
config = NodeConfig(node="n1", nodes=nodes, n=2)
journal = Journal(folder / "journal.jsonl")

def program():
    # The journal knows the first life of n2 only.
    yield Kill("n2")
    yield Start("n2")
    fault = {"id": 1, "kind": "pause", "targets": ["n1"]}
    journal.write("inject", fault=fault)
    yield Pause("n1")
    journal.write("injected", fault=fault)
    print("paused", flush=True)
    yield Sleep(60_000_000_000)

with LocalPlace(ClusterSpec(nodes=nodes, config=config, seed=1, folder=folder)) as place:
    journal.write("cluster", facts=place.cluster_facts())
    place.execute(program())
"""
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def abandoned(tmp_path: Path) -> Iterator[Path]:
    """The folder of a run whose harness was killed with SIGKILL while n1 was stopped."""
    folder = tmp_path / "runs" / "cart" / "run"
    folder.mkdir(parents=True)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    harness = subprocess.Popen(
        [sys.executable, "-c", HARNESS, str(folder)], stdout=subprocess.PIPE, env=environment, text=True
    )
    try:
        assert harness.stdout is not None
        assert harness.stdout.readline() == "paused\n"
        harness.kill()
        harness.wait()
        processes = left(folder)
        yield folder
        for process in processes:
            process.end()
    finally:
        harness.kill()
        harness.communicate()


def left(folder: Path) -> list[ProcessId]:
    facts = msgspec.json.decode((folder / NAME).read_bytes(), type=Facts)
    return [named.process for named in facts.processes]


def healed(runs: Path) -> tuple[int, list[str]]:
    said: list[str] = []
    return heal(runs, said.append), said


def test_heal_leaves_no_process_and_closes_the_journal(abandoned: Path, tmp_path: Path) -> None:
    processes = left(abandoned)
    assert [process.state for process in processes] == ["paused", "running"]
    code, said = healed(tmp_path / "runs")
    assert code == 0
    assert {process.state for process in processes} == {"dead"}
    assert any("killed n1" in line and "was paused" in line for line in said), said
    assert any("fault 1 (pause n1)" in line for line in said), said
    assert read_journal(abandoned / "journal.jsonl")[-1]["event"] == "closed"
    assert healed(tmp_path / "runs") == (0, ["nothing to heal"])


def test_heal_leaves_a_run_alone_whose_harness_lives(abandoned: Path, tmp_path: Path) -> None:
    """Same leftovers, but they belong to this very process: nothing may be touched."""
    me = ProcessId.of(os.getpid())
    assert me is not None
    facts = msgspec.json.decode((abandoned / NAME).read_bytes(), type=Facts)
    claimed = msgspec.structs.replace(facts, harness=me)
    (abandoned / NAME).write_bytes(msgspec.json.encode(claimed))
    journal = abandoned / "journal.jsonl"
    journal.unlink()
    Journal(journal).write("cluster", facts=msgspec.to_builtins(claimed))
    assert healed(tmp_path / "runs") == (0, ["nothing to heal"])
    assert [process.state for process in left(abandoned)] == ["paused", "running"]
    # And a number that has been given to somebody else is not the process that was written down.
    strangers = tuple(msgspec.structs.replace(named, started="1") for named in facts.processes)
    (abandoned / NAME).write_bytes(msgspec.json.encode(msgspec.structs.replace(facts, processes=strangers)))
    assert healed(tmp_path / "runs") == (0, ["nothing to heal"])
    assert [named.process.state for named in facts.processes] == ["paused", "running"]


def test_the_next_local_run_sweeps_too(abandoned: Path, tmp_path: Path) -> None:
    from splitbrain.places.local import LocalPlace
    from splitbrain.places.place import ClusterSpec
    from store.config import NodeConfig

    processes = left(abandoned)
    folder = tmp_path / "runs" / "cart" / "next"
    folder.mkdir()
    config = NodeConfig(node="n1", nodes=("n1",), n=1, r=1, w=1)
    with LocalPlace(ClusterSpec(nodes=("n1",), config=config, seed=1, folder=folder)):
        assert {process.state for process in processes} == {"dead"}


def test_a_torn_journal_and_a_foreign_file_are_no_obstacle(tmp_path: Path) -> None:
    run = tmp_path / "runs" / "cart" / "run"
    run.mkdir(parents=True)
    (run / "journal.jsonl").write_bytes(b'{"event":"cluster","facts":{"place":"local","harn')
    (run / NAME).write_bytes(b"[]")
    assert healed(tmp_path / "runs") == (0, ["nothing to heal"])


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    code, said = healed(tmp_path / "none")
    assert code == 3
    assert "name the right one with --runs" in said[0]


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_ctrl_c_while_starting_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "cart" / "run"
    folder.mkdir(parents=True)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    harness = subprocess.Popen(
        [sys.executable, "-c", HARNESS, str(folder)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
    )
    try:
        wait_until(lambda: (folder / NAME).exists() and bool(left(folder)))
        processes = left(folder)
        harness.send_signal(signal.SIGINT)
        assert harness.wait(20) != 0
        assert {process.state for process in processes} == {"dead"}
        assert left(folder) == []
    finally:
        harness.kill()
        harness.wait()
