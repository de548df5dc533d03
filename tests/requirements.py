"""What a test needs from its machine: without it the test is skipped, in CI (SPLITBRAIN_REQUIRE) it fails."""

import os
import shutil
import subprocess
from functools import cache

import pytest


def need(tool: str) -> None:
    """Skip the calling test unless `tool` (docker, toxiproxy, chromium) can be used here."""
    problem = _problem(tool)
    if problem is None:
        return
    if tool in os.environ.get("SPLITBRAIN_REQUIRE", "").split(","):
        pytest.fail(f"{problem}, and SPLITBRAIN_REQUIRE says that this test must run")
    pytest.skip(problem)


@cache
def _problem(tool: str) -> str | None:
    match tool:
        case "docker":
            return _docker_problem()
        case "toxiproxy":
            return _toxiproxy_problem()
        case "chromium":
            return None if chromium() else "no Chromium found; install it, or set CHROMIUM to its path"
    raise AssertionError(f"unknown tool {tool}")


def chromium() -> str | None:
    """Path of a browser that can take screenshots, or None."""
    names = (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome", "chrome")
    return next((path for name in names if name and (path := shutil.which(name))), None)


def _docker_problem() -> str | None:
    if not shutil.which("docker"):
        return "no docker command found"
    try:
        answer = subprocess.run(["docker", "info"], capture_output=True, check=False, timeout=20)
    except subprocess.TimeoutExpired:
        return "the Docker engine does not answer within 20 s"
    return None if answer.returncode == 0 else "no Docker engine answers; scripts/start-docker can start one"


def _toxiproxy_problem() -> str | None:
    from splitbrain.proxy.toxiproxy import find_server

    return None if find_server() else "no toxiproxy-server found; scripts/install-toxiproxy builds one"
