"""The Docker engine: found, asked, and its complaints put into words.

Rules of this file
  1. No engine is one sentence, within seconds, and it names the ways out.
  2. An engine is looked for where the `docker` command looks: $DOCKER_HOST, the usual socket, and the current
     context (Docker Desktop, Colima and Podman Desktop keep their sockets elsewhere).
  3. What the engine refuses becomes a PlaceError with the engine's own reason.
"""

import contextlib
import os
from collections.abc import Iterator

import docker
import requests
from docker import errors
from docker.context import ContextAPI

from splitbrain.program import PlaceError

GREETING_TIMEOUT_S = 5
CALL_TIMEOUT_S = 120
"""Starting a container on a busy machine takes seconds; a build may be silent for longer than that."""


def connect(timeout_s: int = CALL_TIMEOUT_S) -> docker.DockerClient:
    """A client of the engine, which has answered. Raises PlaceError when there is none."""
    problem = ""
    for find in (docker.from_env, _of_context):
        client = None
        try:
            client = find(timeout=GREETING_TIMEOUT_S)
            client.ping()
            client.api.timeout = timeout_s
            return client
        except (errors.DockerException, requests.RequestException) as error:
            problem = problem or _reason(error)
            if client is not None:
                client.close()
    raise PlaceError(
        f"no Docker engine answers ({problem}): start Docker (scripts/start-docker does it on Debian), "
        "or use --on local, or --on sim"
    )


@contextlib.contextmanager
def refusals(what: str) -> Iterator[None]:
    """What the engine refuses in here is a PlaceError: `what` could not be done, and why."""
    try:
        yield
    except (errors.DockerException, requests.RequestException) as error:
        raise PlaceError(f"Docker could not {what}: {_reason(error)}{_fix(str(error))}") from None


def _of_context(timeout: int) -> docker.DockerClient:
    """A client of the current context's engine; $DOCKER_HOST goes before any context."""
    address = None
    # A damaged file of contexts says nothing about whether there is an engine.
    with contextlib.suppress(Exception):
        address = None if os.environ.get("DOCKER_HOST") else ContextAPI.get_current_context().Host
    if not address:
        raise errors.DockerException("no context names an engine")
    return docker.DockerClient(base_url=address, version="auto", timeout=timeout)


def _reason(error: Exception) -> str:
    if isinstance(error, errors.APIError) and error.explanation:
        return str(error.explanation)
    text = str(error).strip().removeprefix("Error while fetching server API version: ")
    return text.splitlines()[0] if text else type(error).__name__


def _fix(text: str) -> str:
    if "address pool" in text:
        return "; remove networks that nobody uses: docker network prune"
    if "No space left" in text or "no space left" in text:
        return "; free some disk: docker system prune"
    return ""
