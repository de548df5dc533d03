"""The Docker place with real containers: every fault is seen to bite, and nothing is left behind."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import msgspec
import pytest

from nemesis.steps import Pause, Program, Sleep
from splitbrain import healing
from splitbrain.launcher import child_environment
from splitbrain.places import engine
from splitbrain.places.containers import DockerPlace, sweep
from splitbrain.places.place import ClusterSpec
from splitbrain.places.process import ProcessId
from splitbrain.program import PlaceError
from store.config import NodeConfig
from tests.place_conformance import PlaceConformance
from tests.place_programs import MS, NODES
from tests.requirements import need

pytestmark = pytest.mark.docker

ROOT = Path(__file__).resolve().parents[2]


def spec(folder: Path, run: str, **more: Any) -> ClusterSpec:
    path = folder / "runs" / "place" / f"{run}-{os.getpid()}"
    path.mkdir(parents=True, exist_ok=True)
    config = NodeConfig(node="n1", nodes=NODES, bug=more.pop("bug", None))
    return ClusterSpec(nodes=NODES, config=config, seed=1, folder=path, **more)


@pytest.fixture(scope="module")
def client() -> Iterator[docker.DockerClient]:
    need("docker")
    client = engine.connect()
    yield client
    client.close()


@pytest.fixture(scope="module")
def place(client: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerPlace]:
    """A cluster of three, used by most tests."""
    with DockerPlace(spec(tmp_path_factory.mktemp("docker"), "shared")) as place:
        yield place
        assert what_is_left(client, place.spec), "the labels find what runs"
    assert what_is_left(client, place.spec) == []


def what_is_left(client: docker.DockerClient, of: ClusterSpec) -> list[str]:
    """Containers and networks of the run."""
    wanted = {"label": f"splitbrain.run={of.folder.name}"}
    found = [*client.api.containers(all=True, filters=wanted), *client.api.networks(filters=wanted)]
    return [item["Id"] for item in found]


class TestDockerPlace(PlaceConformance):
    """The suite of all places."""


def test_the_facts_name_the_run_and_the_living_harness(place: DockerPlace) -> None:
    facts = place.cluster_facts()
    assert (facts["place"], facts["run_label"]) == ("docker", place.spec.folder.name)
    assert msgspec.convert(facts["harness"], ProcessId) == ProcessId.of(os.getpid())


def test_what_a_living_harness_has_is_not_swept(place: DockerPlace, client: docker.DockerClient) -> None:
    before = what_is_left(client, place.spec)
    sweep()
    sweep(place.spec.folder.name)
    assert what_is_left(client, place.spec) == before


def test_nothing_is_reachable_from_other_machines(place: DockerPlace, client: docker.DockerClient) -> None:
    wanted = {"label": f"splitbrain.run={place.spec.folder.name}"}
    ports = [port for item in client.api.containers(filters=wanted) for port in item["Ports"]]
    assert {port["IP"] for port in ports if "PublicPort" in port} == {"127.0.0.1"}


# --- places that end ----------------------------------------------------------------------------------


def test_after_an_error_nothing_is_left_but_the_logs(client: docker.DockerClient, tmp_path: Path) -> None:
    """Also not a paused container, nor one that died by itself, nor a volume."""

    class Oops(Exception):
        pass

    def program() -> Program:
        yield Pause("n1")
        raise Oops

    volumes = {volume.name for volume in client.volumes.list()}
    place = DockerPlace(spec(tmp_path, "oops"))
    with place, pytest.raises(Oops):
        place.execute(program())
    assert what_is_left(client, place.spec) == []
    assert {volume.name for volume in client.volumes.list()} <= volumes
    for node in NODES:
        assert f"ready {node} " in (place.spec.folder / "nodes" / f"{node}.log").read_text()
    assert (place.spec.folder / "nodes" / "toxiproxy.log").exists()


def test_a_node_that_dies_by_itself_is_noticed(client: docker.DockerClient, tmp_path: Path) -> None:
    with DockerPlace(spec(tmp_path, "dies")) as place:
        wanted = {"label": [f"splitbrain.run={place.spec.folder.name}", "splitbrain.node=n2"]}
        (victim,) = client.api.containers(filters=wanted)

        def program() -> Program:
            client.api.kill(victim["Id"])
            yield Sleep(60_000 * MS)

        with pytest.raises(PlaceError, match=r"n2 died by itself \(exit code 137\).*ready n2"):
            place.execute(program())
    assert what_is_left(client, place.spec) == []


def test_a_node_that_does_not_start_says_why(client: docker.DockerClient, tmp_path: Path) -> None:
    place = DockerPlace(spec(tmp_path, "broken", bug="Z99"))
    with pytest.raises(PlaceError, match=r"n\d stopped before it was ready.*Z99"):
        place.__enter__()
    assert what_is_left(client, place.spec) == []


def test_a_bug_seed_from_outside_goes_into_the_containers(
    client: docker.DockerClient, tmp_path: Path
) -> None:
    source = (ROOT / "store" / "bugs").glob("*.py")
    original = next(path for path in source if "ID = " in path.read_text())
    seed = tmp_path / "mine.py"
    seed.write_text(original.read_text() + "\nimport sys\nsys.stderr.write('the seed is planted\\n')\n")
    with DockerPlace(spec(tmp_path, "seed", bug=str(seed))) as place:
        folder = place.spec.folder
    assert "the seed is planted" in (folder / "nodes" / "n1.log").read_text()


def test_without_an_engine_it_is_said_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    with pytest.raises(PlaceError, match=r"no Docker engine answers.*--on local"):
        DockerPlace(spec(tmp_path, "none")).__enter__()


ABANDON = """
import os, signal, sys
from pathlib import Path
from splitbrain.launcher import prepare_path
prepare_path()
from nemesis.journal import Journal
from nemesis.steps import Pause
from splitbrain.places.containers import DockerPlace
from splitbrain.places.place import ClusterSpec
from store.config import NodeConfig

nodes = ("n1", "n2", "n3")
folder = Path(sys.argv[1])
config = NodeConfig(node="n1", nodes=nodes)
place = DockerPlace(ClusterSpec(nodes=nodes, config=config, seed=1, folder=folder))
place.__enter__()
Journal(folder / "journal.jsonl").write("cluster", facts=place.cluster_facts())

def program():
    yield Pause("n2")
    os.kill(os.getpid(), signal.SIGKILL)
    yield Pause("n2")

place.execute(program())
"""


@pytest.fixture
def abandoned(client: docker.DockerClient, tmp_path: Path) -> Iterator[ClusterSpec]:
    """What a harness left that was killed in the middle of a fault."""
    left = spec(tmp_path, f"abandoned-{tmp_path.name}")
    command = [sys.executable, "-c", ABANDON, str(left.folder)]
    done = subprocess.run(command, env=child_environment(), check=False, timeout=120, cwd=ROOT)
    assert done.returncode == -signal.SIGKILL
    assert len(what_is_left(client, left)) == 2 * len(NODES) + 2
    try:
        yield left
    finally:
        sweep(left.folder.name)


def test_what_a_killed_harness_left_is_swept(client: docker.DockerClient, abandoned: ClusterSpec) -> None:
    said = sweep()
    assert what_is_left(client, abandoned) == []
    assert any("n2 (was paused)" in sentence for sentence in said)
    assert sweep(abandoned.folder.name) == []


def test_heal_clears_away_what_a_killed_harness_left(
    client: docker.DockerClient, abandoned: ClusterSpec
) -> None:
    said: list[str] = []
    runs = abandoned.folder.parent.parent
    assert healing.heal(runs, said.append) == healing.CLEAN
    assert what_is_left(client, abandoned) == []
    assert any("removed network" in sentence for sentence in said)
    said.clear()
    assert healing.heal(runs, said.append) == healing.CLEAN
    assert said == ["nothing to heal"]
