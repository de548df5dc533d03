"""Images are made from what runs here, once; what cannot be made is said in one sentence."""

import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import msgspec
import pytest

from splitbrain import __version__
from splitbrain.places import engine, images
from splitbrain.program import PlaceError
from tests.requirements import need

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def client() -> Iterator[docker.DockerClient]:
    need("docker")
    client = engine.connect()
    yield client
    client.close()


def said(client: docker.DockerClient, command: list[str], **options: Any) -> tuple[int, str]:
    """Exit code and output of a container of the node's image; nothing of it is left, its volume neither."""
    container = client.containers.create(images.node_image(client), command, **options)
    try:
        container.start()
        code = int(container.wait(timeout=60)["StatusCode"])
        return code, container.logs().decode()
    finally:
        container.remove(force=True, v=True)


def program(path: Path, machine: int = 62, segments: tuple[int, ...] = (1, 2)) -> Path:
    """The headers of a 64-bit Linux program with segments of these types."""
    header = b"\x7fELF\x02\x01\x01" + bytes(9)
    header += struct.pack("<HHIQQQIHHHHHH", 2, machine, 1, 0, 64, 0, 0, 64, 56, len(segments), 0, 0, 0)
    path.write_bytes(header + b"".join(struct.pack("<I52x", kind) for kind in segments))
    return path


def test_the_second_time_nothing_is_built(
    client: docker.DockerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = images.node_image(client)

    def no_build(*_: object) -> None:
        raise AssertionError("built again")

    monkeypatch.setattr(images, "_build", no_build)
    assert images.node_image(client) == first


def test_a_changed_file_makes_another_image(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    file = tmp_path / "store" / "node.py"
    file.write_text("one")
    one = images._fingerprint(tmp_path, {"BASE": "b"})
    assert images._fingerprint(tmp_path, {"BASE": "b"}) == one
    assert images._fingerprint(tmp_path, {"BASE": "other"}) != one
    file.write_text("two")
    assert images._fingerprint(tmp_path, {"BASE": "b"}) != one


def test_the_image_holds_the_node_and_this_msgspec_and_nothing_of_the_harness(
    client: docker.DockerClient,
) -> None:
    question = (
        "import splitbrain, store.main, msgspec, os; "
        "print(splitbrain.__version__, msgspec.__version__, os.getuid()); "
        "print(*sorted(os.listdir('/opt/splitbrain/splitbrain')))"
    )
    _, answer = said(client, ["-c", question], entrypoint=["python3", "-P"])
    first, second = answer.splitlines()
    assert first.split() == [__version__, msgspec.__version__, "10001"]
    assert second.split() == ["__init__.py", "__main__.py", "launcher.py"]


def test_a_node_in_the_image_refuses_bad_flags_in_one_sentence(client: docker.DockerClient) -> None:
    code, answer = said(client, ["--listen", "nowhere"])
    assert code == 4
    assert "write HOST:PORT" in answer
    assert len(answer.splitlines()) == 1


def test_a_base_image_that_is_nowhere_is_named_with_the_ways_out(
    client: docker.DockerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A port that nobody serves: refused at once, whatever network this machine has.
    monkeypatch.setenv("SPLITBRAIN_BASE_IMAGE", "127.0.0.1:1/none:1")
    with pytest.raises(PlaceError, match=r"127\.0\.0\.1:1/none:1 is not here.*scripts/base-image"):
        images.node_image(client)


def test_a_toxiproxy_image_that_is_nowhere_is_named(
    client: docker.DockerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPLITBRAIN_TOXIPROXY_IMAGE", "127.0.0.1:1/none")
    with pytest.raises(PlaceError, match=r"SPLITBRAIN_TOXIPROXY_IMAGE=127\.0\.0\.1:1/none is not here"):
        images.toxiproxy_image(client)


def test_without_any_toxiproxy_it_is_said_how_to_get_one(
    client: docker.DockerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SPLITBRAIN_TOXIPROXY_IMAGE", raising=False)
    monkeypatch.setattr(images, "TOXIPROXY", "127.0.0.1:1/toxiproxy:1")
    monkeypatch.setattr(images, "find_server", lambda: sys.executable)  # A program, and not a static one.
    with pytest.raises(PlaceError, match="scripts/install-toxiproxy"):
        images.toxiproxy_image(client)


def test_a_build_that_fails_says_why(client: docker.DockerClient, tmp_path: Path) -> None:
    base = images.base_image(client)
    (tmp_path / "Dockerfile").write_text(f"FROM {base}\nRUN echo the disk is made of cheese && exit 7\n")
    with pytest.raises(PlaceError, match=r"cannot be built:.*made of cheese.*SPLITBRAIN_WHEELS"):
        images._build(client, tmp_path, "splitbrain-node:broken", {"dockerfile": "Dockerfile"})


def test_only_a_static_program_of_the_right_machine_fits_an_empty_image(tmp_path: Path) -> None:
    good = program(tmp_path / "good")
    assert images.is_static(good, "amd64")
    assert not images.is_static(good, "arm64")
    assert not images.is_static(program(tmp_path / "dynamic", segments=(1, 3)), "amd64")
    (tmp_path / "script").write_text("#!/bin/sh\n")
    assert not images.is_static(tmp_path / "script", "amd64")
    truncated = tmp_path / "truncated"
    truncated.write_bytes(good.read_bytes()[:70])
    assert not images.is_static(truncated, "amd64")


@pytest.mark.parametrize("host", ["unix:///nowhere/docker.sock", "tcp://127.0.0.1:1"])
def test_no_engine_is_one_sentence_with_the_ways_out(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", host)
    with pytest.raises(PlaceError, match=r"no Docker engine answers.*start Docker.*--on local") as caught:
        engine.connect()
    assert "\n" not in str(caught.value)
