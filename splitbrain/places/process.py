"""Operating-system processes: a node of the local place, and what can be seen of any process by its id.

A process is named by its id *and* the moment it started, as ids are reused: whoever kills by a number that
was written down earlier must know that it is still the same process.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
from pathlib import Path

import msgspec

from nemesis.steps import NodeState
from splitbrain.program import PlaceError

READY_TIMEOUT_S = 20.0
POLL_S = 0.01
LOG_TAIL_LINES = 12


class ProcessId(msgspec.Struct, frozen=True):
    """A process that is not mistaken for a later one with the same number. `started` is opaque."""

    pid: int
    started: str

    @classmethod
    def of(cls, pid: int) -> "ProcessId | None":
        """The living process with this number, if there is one."""
        seen = _look(pid)
        return None if seen is None else cls(pid, seen[1])

    @property
    def state(self) -> NodeState:
        """Running, paused, or dead (also when the number belongs to somebody else by now)."""
        seen = _look(self.pid)
        if seen is None or seen[1] != self.started:
            return "dead"
        return {"T": "paused", "t": "paused", "Z": "dead", "X": "dead"}.get(seen[0], "running")  # type: ignore[return-value]

    def end(self) -> bool:
        """Continue it and kill it, if it still is what it was. Returns whether there was anything to kill."""
        if self.state == "dead":
            return False
        for number in (signal.SIGKILL, signal.SIGCONT):
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)
        return True


def _look(pid: int) -> tuple[str, str] | None:
    """State letter and start of a process; None when there is none."""
    if Path("/proc/self/stat").exists():
        try:
            text = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return None
        # The second field is the program's name in parentheses and may contain anything.
        fields = text.rpartition(")")[2].split()
        return fields[0], fields[19]
    answer = subprocess.run(
        ["ps", "-o", "state=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    state, _, started = answer.stdout.strip().partition(" ")
    return (state[0], started.strip()) if answer.returncode == 0 and state else None


class NodeProcess:
    """One node: a process in a session of its own, its output in a file, its data in a folder.

    Methods belong to one event loop and do not block it.
    """

    def __init__(self, node: str, command: list[str], environment: dict[str, str], log: Path) -> None:
        self.node = node
        self.command = command
        self.environment = environment
        self.log = log
        self.identity: ProcessId | None = None
        self.expected = False
        """Is it meant to be alive? One that is meant to be and is not has died by itself."""
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    def spawn(self) -> None:
        """Start the process; it is not ready yet. Raises PlaceError."""
        assert not self.alive, f"{self.node} runs already"
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            self._log_start = output.tell()
            try:
                self._process = subprocess.Popen(
                    self.command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    env=self.environment,
                    # Ctrl-C on the terminal is for the harness, which decides what becomes of its nodes.
                    start_new_session=True,
                )
            except OSError as error:
                raise PlaceError(
                    f"node {self.node} cannot be started ({error}); reinstall splitbrain"
                ) from None
        self.identity = ProcessId.of(self._process.pid)
        self.expected = True

    @property
    def alive(self) -> bool:
        """Is there a process, paused or not?"""
        return self._process is not None and self._process.poll() is None

    @property
    def state(self) -> NodeState:
        """What the operating system says."""
        return "dead" if not self.alive or self.identity is None else self.identity.state

    async def ready(self) -> None:
        """Wait for the node's ready line. Raises PlaceError with the end of its log."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + READY_TIMEOUT_S
        wanted = f"ready {self.node} ".encode()
        while not any(line.startswith(wanted) for line in self._fresh_log().splitlines()):
            if not self.alive:
                raise PlaceError(self.obituary("stopped before it was ready"))
            if loop.time() > deadline:
                raise PlaceError(self.obituary(f"was not ready within {READY_TIMEOUT_S:g} s"))
            await asyncio.sleep(POLL_S)

    async def kill(self) -> None:
        """SIGKILL, and wait until it is gone. Nothing to do for a dead one."""
        self.expected = False
        if self._process is None:
            return
        self._process.kill()
        while self._process.poll() is None:
            await asyncio.sleep(POLL_S / 5)

    async def pause(self) -> None:
        """SIGSTOP, and wait until the process is stopped. A dead one stays dead."""
        if self.alive and self._process is not None:
            self._process.send_signal(signal.SIGSTOP)
            while self.state == "running":
                await asyncio.sleep(POLL_S / 5)

    async def resume(self) -> None:
        """SIGCONT, and wait until the process is not stopped any more."""
        if self.alive and self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            while self.state == "paused":
                await asyncio.sleep(POLL_S / 5)

    def obituary(self, what: str) -> str:
        """A sentence with the end of the node's log."""
        code = None if self._process is None else self._process.poll()
        ended = "" if code is None else f" (exit code {code})"
        lines = self._fresh_log().decode(errors="replace").splitlines()[-LOG_TAIL_LINES:]
        return f"node {self.node} {what}{ended}; its log {self.log} ends: " + (" | ".join(lines) or "(empty)")

    def _fresh_log(self) -> bytes:
        """What this life of the node has written."""
        try:
            with self.log.open("rb") as file:
                file.seek(self._log_start)
                return file.read()
        except OSError:
            return b""
