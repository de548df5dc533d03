"""Runs that do not come to their end: Ctrl-C, SIGTERM, and kill -9 of the harness itself."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.process

FAULTY = ("run", "cart", "--on", "local", "--seed", "1", "--time-limit", "30", "--sample-ms", "250")


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A run on local processes that is in the middle of a fault. What it leaves is removed afterwards."""
    command = [sys.executable, "-m", "splitbrain", *FAULTY, "--runs", str(tmp_path)]
    with (tmp_path / "out").open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, start_new_session=True)
    try:
        wait_for_a_fault(tmp_path, process)
        yield process
    finally:
        process.kill()
        process.wait()
        splitbrain("heal", "--runs", str(tmp_path))


def splitbrain(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "splitbrain", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def wait_for_a_fault(root: Path, process: subprocess.Popen[bytes]) -> None:
    """Until a pause has been injected and not yet healed: a stopped process is the worst to leave behind."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, (root / "out").read_text()
        if any(state(pid) == "T" for pid in node_processes(root)):
            return
        time.sleep(0.02)
    pytest.fail("no node was paused within 60 s")


def node_processes(root: Path) -> list[int]:
    """The processes of nodes that run from this folder, found by what the kernel knows."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if str(root).encode() in command and b"node" in command.split(b"\0"):
                found.append(int(entry.name))
    return found


def state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0]
    except (OSError, IndexError):
        return "gone"


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_heals_judges_and_reports(
    tmp_path: Path, harness: subprocess.Popen[bytes], signal_number: int
) -> None:
    os.kill(harness.pid, signal_number)
    assert harness.wait(timeout=60) == 130, (tmp_path / "out").read_text()
    assert node_processes(tmp_path) == []
    results = json.loads((tmp_path / "latest" / "results.json").read_text())
    assert results["interrupted"] is True
    assert results["stats"]["ok"] > 0
    assert (tmp_path / "latest" / "report.html").stat().st_size > 10_000
    assert "closed" in (tmp_path / "latest" / "journal.jsonl").read_text().splitlines()[-1]


def test_a_killed_harness_is_cleaned_up_and_its_history_judged(
    tmp_path: Path, harness: subprocess.Popen[bytes]
) -> None:
    harness.kill()
    harness.wait()
    left = node_processes(tmp_path)
    assert any(state(pid) == "T" for pid in left), "the test must leave a stopped process to clean up"
    healed = splitbrain("heal", "--runs", str(tmp_path))
    assert healed.returncode == 0, healed.stderr
    assert [pid for pid in left if state(pid) not in ("gone", "Z")] == []
    assert "nothing" in splitbrain("heal", "--runs", str(tmp_path)).stdout
    judged = splitbrain("check", str(tmp_path / "latest"), "--json")
    assert judged.returncode in (0, 2), judged.stderr
    outcome = json.loads(judged.stdout)
    assert outcome["stats"]["ok"] > 0
    assert outcome["interrupted"] is True
    assert (tmp_path / "latest" / "report.html").exists()
