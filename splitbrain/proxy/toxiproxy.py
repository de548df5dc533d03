"""A real Toxiproxy server as a process of our own, for the local place.

The server is looked for as `$TOXIPROXY_SERVER`, as `toxiproxy-server` and `toxiproxy-server-linux-amd64` (the
names of the packages and of the released binary) on the path, and where `scripts/install-toxiproxy` puts it.
"""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from splitbrain.program import PlaceError
from splitbrain.proxy.client import ToxiproxyServer

START_TIMEOUT_S = 15.0
NAMES = ("toxiproxy-server", "toxiproxy-server-linux-amd64")
CHECKOUT = Path(__file__).resolve().parents[2]


def find_server() -> str | None:
    """The path of a Toxiproxy server, or None. A `$TOXIPROXY_SERVER` that is no program is an error."""
    named = os.environ.get("TOXIPROXY_SERVER")
    if named:
        found = shutil.which(named)
        if found is None:
            raise PlaceError(f"TOXIPROXY_SERVER={named} is not a program; correct it, or unset it")
        return found
    built = CHECKOUT / ".cache" / "bin" / "toxiproxy-server"
    return next((path for name in (*NAMES, str(built)) if (path := shutil.which(name))), None)


def require_server() -> str:
    """The path of a Toxiproxy server. Raises PlaceError that says how to get one."""
    found = find_server()
    if found is None:
        raise PlaceError(
            "no toxiproxy-server found: run scripts/install-toxiproxy (needs Go), install one "
            "(brew install toxiproxy, or a release of Shopify/toxiproxy) and set TOXIPROXY_SERVER to it, "
            "or use --proxy embedded"
        )
    return found


class ToxiproxyProcess:
    """A context manager around a server process. `url` is where its interface is."""

    def __init__(
        self, log: Path, port: int = 0, on_spawned: Callable[[int], None] = lambda pid: None
    ) -> None:
        """`on_spawned` is told the process id before the server is known to answer."""
        self.log = log
        self.url = ""
        self.process: subprocess.Popen[bytes] | None = None
        self._port = port
        self._on_spawned = on_spawned

    def __enter__(self) -> Self:
        """Raises PlaceError when there is no server, or it does not answer."""
        program = require_server()
        port = self._port or _free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [program, "-host", "127.0.0.1", "-port", str(port)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            self._on_spawned(self.process.pid)
            self._await_answer()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Kill the server; with it go all its ports and connections. Safe to repeat."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def _await_answer(self) -> None:
        assert self.process is not None
        server = ToxiproxyServer(self.url, timeout_s=1.0)
        deadline = time.monotonic() + START_TIMEOUT_S
        try:
            while not server.running():
                if self.process.poll() is not None or time.monotonic() > deadline:
                    tail = self.log.read_text(errors="replace")[-500:].strip()
                    raise PlaceError(
                        f"toxiproxy-server did not start at {self.url}; its log ends: {tail or '(empty)'}"
                    )
                time.sleep(0.02)
        finally:
            server.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
