"""Proxy servers that are not there, do not answer, or find their port taken: one sentence with the fix."""

import socket
from pathlib import Path

import pytest

from splitbrain.program import PlaceError
from splitbrain.proxy.client import ToxiproxyServer
from splitbrain.proxy.server import EmbeddedProxy
from splitbrain.proxy.toxiproxy import ToxiproxyProcess

pytestmark = pytest.mark.process


def test_a_server_that_does_not_answer_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        server = ToxiproxyServer(f"http://127.0.0.1:{port}", timeout_s=0.05)
        with pytest.raises(PlaceError, match=r"did not answer POST /reset within 0\.05 s"):
            server.reset()
        server.close()
    with pytest.raises(PlaceError, match="cannot be reached for GET /version"):
        ToxiproxyServer(f"http://127.0.0.1:{port}").version()


def test_a_busy_port_of_the_embedded_server() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PlaceError, match=f"cannot listen on 127.0.0.1:{port}"), EmbeddedProxy(port=port):
            pass


def test_a_missing_toxiproxy_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TOXIPROXY_SERVER", str(tmp_path / "none"))
    with pytest.raises(PlaceError, match="is not a program"), ToxiproxyProcess(tmp_path / "log"):
        pass
