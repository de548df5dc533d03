"""Real node processes for tests: started on a free port, always killed at the end."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from splitbrain.launcher import child_environment, node_command

PATIENCE_S = 30


class NodeProcess:
    """`splitbrain node …` as a child. `with` waits until it is ready, and kills it afterwards."""

    def __init__(self, flags: Sequence[str], errors: Path, file_bytes_max: int | None = None) -> None:
        self.command = [*node_command(), *flags]
        if file_bytes_max is not None:
            # As good as a full disk: writing beyond fails in the middle of a write.
            self.command = ["prlimit", f"--fsize={file_bytes_max}", *self.command]
        self.errors = errors
        self.child: subprocess.Popen[str] | None = None
        self.ready_line = ""

    def __enter__(self) -> Self:
        with self.errors.open("a", encoding="utf-8") as errors:
            self.child = subprocess.Popen(
                self.command, stdout=subprocess.PIPE, stderr=errors, env=child_environment(), text=True
            )
        assert self.child.stdout is not None
        self.ready_line = self.child.stdout.readline()
        if not self.ready_line.startswith("ready "):
            self.kill()
            raise AssertionError(f"the node did not start: {self.errors.read_text(encoding='utf-8')}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    @property
    def port(self) -> int:
        return int(self.ready_line.split()[2].rpartition(":")[2])

    @property
    def epoch(self) -> int:
        return int(self.ready_line.strip().rpartition("epoch=")[2])

    def signal(self, number: int) -> None:
        assert self.child is not None
        self.child.send_signal(number)

    def wait(self) -> int:
        """The exit code; -9 after SIGKILL."""
        assert self.child is not None
        return self.child.wait(PATIENCE_S)

    def kill(self) -> None:
        """SIGKILL, also to a stopped process. Safe to repeat."""
        assert self.child is not None
        self.child.kill()
        self.child.wait(PATIENCE_S)
        assert self.child.stdout is not None
        self.child.stdout.close()


def run_command(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """`splitbrain …` to its end."""
    command = [*node_command()[:-1], *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, env=child_environment(), check=False, timeout=PATIENCE_S
    )
