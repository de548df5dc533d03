"""The images of the Docker place: the node, made from the running installation, and Toxiproxy.

The node in the containers is the very code that judges it: the build context is a copy of this process's
`store/`, wherever it was imported from, and the image pins the msgspec that is installed here.

Rules of this file
  1. An image's tag is a hash of everything that went into it. One that is there already is not built again,
     and a changed line of code makes another image.
  2. No registry is asked for anything that is here already, and one that does not answer is given up soon.
  3. A failure says which environment variable or script would mend it.

Environment: SPLITBRAIN_BASE_IMAGE (an image with Python 3.11 or newer and pip), SPLITBRAIN_TOXIPROXY_IMAGE,
SPLITBRAIN_WHEELS=1 (fetch packages here and not during the build, which may see no registry).
"""

import hashlib
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import msgspec
from docker import errors

import splitbrain
import store
from splitbrain.places.engine import connect, refusals
from splitbrain.places.leftover_containers import LABEL
from splitbrain.program import PlaceError
from splitbrain.proxy.toxiproxy import find_server

BASE = "python:3.12-slim"
OWN_BASE = "splitbrain-base:bookworm"
"""What scripts/base-image makes where no registry can be reached."""
TOXIPROXY = "ghcr.io/shopify/toxiproxy:2.12.0"

PULL_SILENCE_S = 30
"""A registry that says nothing for so long cannot be reached."""
DOWNLOAD_TIMEOUT_S = 300
MACHINES = {"amd64": 62, "x86_64": 62, "arm64": 183, "aarch64": 183}
"""Architecture of an engine -> the number that an ELF file has for it."""


def node_image(client: docker.DockerClient) -> str:
    """The tag of the node's image, which exists afterwards. Raises PlaceError."""
    base = base_image(client)
    with tempfile.TemporaryDirectory(prefix="splitbrain-image-") as folder:
        context = Path(folder)
        _copy_node(context)
        arguments = {"BASE": base, "MSGSPEC": f"msgspec=={msgspec.__version__}"}
        ingredients = {**arguments, "id": str(client.images.get(base).id)}
        tag = f"splitbrain-node:{_fingerprint(context, ingredients)}"
        if not _present(client, tag):
            if _wheels_wanted(base):
                _download_wheels(client, base, context / "wheels")
            _build(client, context, tag, {"dockerfile": "docker/Dockerfile", "buildargs": arguments})
    return tag


def base_image(client: docker.DockerClient) -> str:
    """The name of the image that the node's is built on, which is here afterwards. Raises PlaceError."""
    named = os.environ.get("SPLITBRAIN_BASE_IMAGE")
    base = named or (OWN_BASE if _present(client, OWN_BASE) else BASE)
    if not _present(client, base) and not _pull(base):
        raise PlaceError(
            f"the base image {base} is not here and cannot be pulled: run scripts/base-image, which makes "
            "one on Debian, or set SPLITBRAIN_BASE_IMAGE to an image with Python 3.11 or newer that is here"
        )
    return base


def toxiproxy_image(client: docker.DockerClient) -> str:
    """The name of an image of Toxiproxy, which is here afterwards. Raises PlaceError.

    In this order: the one that is asked for, the published one if it is here, one made from a server binary
    of this machine, the published one pulled.
    """
    named = os.environ.get("SPLITBRAIN_TOXIPROXY_IMAGE")
    if named:
        if _present(client, named) or _pull(named):
            return named
        raise PlaceError(
            f"SPLITBRAIN_TOXIPROXY_IMAGE={named} is not here and cannot be pulled; correct or unset it"
        )
    if _present(client, TOXIPROXY):
        return TOXIPROXY
    server = find_server()
    if server is not None and is_static(Path(server), str(client.version()["Arch"])):
        return _toxiproxy_from(client, Path(server))
    if _pull(TOXIPROXY):
        return TOXIPROXY
    raise PlaceError(
        f"{TOXIPROXY} cannot be pulled, and there is no static toxiproxy-server to make an image from: "
        "run scripts/install-toxiproxy (needs Go), or set SPLITBRAIN_TOXIPROXY_IMAGE to an image that is here"
    )


def is_static(program: Path, architecture: str) -> bool:
    """Is this a Linux program for the architecture that needs no loader? Only such runs in an empty image."""
    data = program.read_bytes()
    if data[:6] != b"\x7fELF\x02\x01" or len(data) < 64:
        return False
    (machine,) = struct.unpack_from("<H", data, 18)
    (table,) = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    try:
        kinds = [struct.unpack_from("<I", data, table + size * index)[0] for index in range(count)]
    except struct.error:
        return False
    interpreter = 3
    return machine == MACHINES.get(architecture) and interpreter not in kinds


def dockerfiles() -> Path:
    """The folder of the Dockerfiles: inside an installed package, or beside it in a checkout."""
    package = Path(splitbrain.__file__).resolve().parent
    bundled = package / "_bundle" / "dockerfiles"
    return bundled if bundled.is_dir() else package.parent / "docker"


# --- inside ---------------------------------------------------------------------------------------------


def _copy_node(context: Path) -> None:
    """What `splitbrain node` needs, in the layout of a checkout."""
    unwanted = shutil.ignore_patterns("__pycache__", "*.pyc")
    shutil.copytree(Path(store.__file__).parent, context / "store", ignore=unwanted)
    package = Path(splitbrain.__file__).parent
    (context / "splitbrain").mkdir()
    for name in ("__init__.py", "__main__.py", "launcher.py"):
        shutil.copy(package / name, context / "splitbrain" / name)
    (context / "docker").mkdir()
    shutil.copy(dockerfiles() / "Dockerfile", context / "docker" / "Dockerfile")


def _fingerprint(context: Path, ingredients: dict[str, str]) -> str:
    """A hash of all files and of what else goes in."""
    digest = hashlib.sha256(msgspec.json.encode(sorted(ingredients.items())))
    for path in sorted(context.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            digest.update(f"{path.relative_to(context).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]


def _wheels_wanted(base: str) -> bool:
    """Who had to make the base by hand, for want of a registry, may have none during a build either."""
    return os.environ.get("SPLITBRAIN_WHEELS") == "1" or base.startswith("splitbrain-base:")


def _download_wheels(client: docker.DockerClient, base: str, folder: Path) -> None:
    """Fetch here what the build installs, for the Python of the base image."""
    question = "import sys, platform; print(*sys.version_info[:2], platform.machine())"
    with refusals(f"run Python in the base image {base}"):
        labels = {LABEL: "1"}
        answer = client.containers.run(base, ["python3", "-c", question], remove=True, labels=labels)
    major, minor, machine = answer.decode().split()
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--only-binary", ":all:", "--python-version", f"{major}.{minor}", "--implementation", "cp"]
    command += ["--platform", f"manylinux2014_{machine}", "--platform", f"manylinux_2_28_{machine}"]
    command += ["--dest", str(folder), f"msgspec=={msgspec.__version__}"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=DOWNLOAD_TIMEOUT_S
        )
    except subprocess.TimeoutExpired:
        raise PlaceError(
            f"pip did not download msgspec within {DOWNLOAD_TIMEOUT_S} s; is there a package registry?"
        ) from None
    if done.returncode:
        problem = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise PlaceError(f"pip cannot download msgspec for the node's image: {problem}")


def _toxiproxy_from(client: docker.DockerClient, server: Path) -> str:
    with tempfile.TemporaryDirectory(prefix="splitbrain-image-") as folder:
        context = Path(folder)
        shutil.copy(dockerfiles() / "Dockerfile.toxiproxy", context / "Dockerfile")
        shutil.copy(server, context / "toxiproxy-server")
        tag = f"splitbrain-toxiproxy:{_fingerprint(context, {})}"
        if not _present(client, tag):
            (context / "toxiproxy-server").chmod(0o755)
            _build(client, context, tag, {"dockerfile": "Dockerfile"})
    return tag


def _present(client: docker.DockerClient, name: str) -> bool:
    with refusals(f"look for the image {name}"):
        try:
            client.images.get(name)
        except errors.ImageNotFound:
            return False
    return True


def _pull(name: str) -> bool:
    """Fetch an image from its registry. Returns whether it is here now."""
    client = connect(timeout_s=PULL_SILENCE_S)
    repository, colon, tag = name.rpartition(":")
    if not colon or "/" in tag:
        repository, tag = name, "latest"
    try:
        messages = client.api.pull(repository, tag=tag, stream=True, decode=True)
        return not any("error" in message for message in messages)
    except (errors.DockerException, OSError):
        return False  # `requests` has its timeouts and lost connections under OSError.
    finally:
        client.close()


def _build(client: docker.DockerClient, context: Path, tag: str, options: dict[str, Any]) -> None:
    said: list[str] = []
    with refusals(f"build {tag}"):
        for message in client.api.build(
            path=str(context), tag=tag, rm=True, forcerm=True, decode=True, labels={LABEL: "1"}, **options
        ):
            said += _lines(message)
            if "error" in message:
                raise PlaceError(
                    f"the image {tag} cannot be built: {' | '.join(said[-6:])}; where builds reach no "
                    "package registry set SPLITBRAIN_WHEELS=1"
                )


def _lines(message: dict[str, Any]) -> Iterator[str]:
    text = str(message.get("stream") or message.get("error") or "")
    return (line for line in re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines() if line.strip())
