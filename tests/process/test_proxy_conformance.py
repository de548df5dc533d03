"""One suite for both proxies: whatever the embedded one does, a real Toxiproxy server does too.

Measured semantics, not hopes: each test was first right against the real server.  Times are lower bounds
only, or waits for something that must come.
"""

import contextlib
import socket
import socketserver
import struct
import threading
import time
from collections.abc import Iterator

import pytest
import requests
from toxiproxy import exceptions

from nemesis.steps import Mode
from splitbrain.program import PlaceError
from splitbrain.proxy.client import ProxyCallError, ServerProxy, ToxiproxyServer
from splitbrain.proxy.links import ProxiedLinks, links_of
from splitbrain.proxy.server import EmbeddedProxy
from splitbrain.proxy.toxiproxy import ToxiproxyProcess
from tests.requirements import need

pytestmark = pytest.mark.process

PATIENCE_S = 10.0
QUIET_S = 0.25
"""How long silence must last to be believed."""


class Echo(socketserver.BaseRequestHandler):
    """Sends back what it gets."""

    request: socket.socket

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            while data := self.request.recv(65536):
                self.request.sendall(data)


class Threaded(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


@pytest.fixture(scope="module")
def echo() -> Iterator[str]:
    """Address of an echo server."""
    with Threaded(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture(
    scope="module",
    params=["embedded", "embedded-asyncio", pytest.param("toxiproxy", marks=pytest.mark.toxiproxy)],
)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ToxiproxyServer]:
    """A server of each kind (the embedded one on both event loops)."""
    context: contextlib.AbstractContextManager[EmbeddedProxy | ToxiproxyProcess]
    if request.param == "toxiproxy":
        need("toxiproxy")
        context = ToxiproxyProcess(tmp_path_factory.mktemp("toxiproxy") / "server.log")
    elif request.param == "embedded":
        context = EmbeddedProxy()
    else:
        import asyncio

        context = EmbeddedProxy(loop_factory=asyncio.new_event_loop)
    with context as running:
        client = ToxiproxyServer(running.url)
        yield client
        client.close()


@pytest.fixture
def proxy(server: ToxiproxyServer, echo: str) -> Iterator[ServerProxy]:
    """A fresh proxy in front of the echo server."""
    made = server.create(echo, "p")
    yield made
    server.reset()
    server.destroy_all()


def dial(proxy: ServerProxy) -> socket.socket:
    host, port = proxy.listen.rsplit(":", 1)
    return socket.create_connection((host, int(port)), timeout=PATIENCE_S)


@contextlib.contextmanager
def dialled(proxy: ServerProxy) -> Iterator[socket.socket]:
    """A connection that is known to be through: one byte has been echoed."""
    with dial(proxy) as link:
        link.sendall(b".")
        assert read(link, 1) == b"."
        yield link


def read(link: socket.socket, size: int) -> bytes:
    """Exactly so many bytes, or fewer when the stream ends before."""
    link.settimeout(PATIENCE_S)
    got = b""
    while len(got) < size and (part := link.recv(size - len(got))):
        got += part
    return got


def silent(link: socket.socket) -> bool:
    """Neither data nor an end of the stream for a while."""
    link.settimeout(QUIET_S)
    try:
        link.recv(1)
    except TimeoutError:
        return True
    return False


def ending(link: socket.socket) -> str:
    """How the connection ends: `eof` or `reset`."""
    link.settimeout(PATIENCE_S)
    try:
        while link.recv(65536):
            pass
    except ConnectionResetError:
        return "reset"
    return "eof"


def raw(
    server: ToxiproxyServer,
    method: str,
    path: str,
    body: object = None,
    *,
    data: bytes | None = None,
    agent: str = "pytest",
) -> requests.Response:
    """One request, past the client."""
    with requests.Session() as session:
        session.trust_env = False
        return session.request(
            method, server.url + path, json=body, data=data, headers={"User-Agent": agent}, timeout=PATIENCE_S
        )


# --- data ---------------------------------------------------------------------------------------------


def test_bytes_pass_both_ways_unchanged(proxy: ServerProxy) -> None:
    payload = bytes(range(256)) * 4096
    with dial(proxy) as link:
        sender = threading.Thread(target=link.sendall, args=(payload,))
        sender.start()
        assert read(link, len(payload)) == payload
        sender.join()


def test_end_of_stream_passes(proxy: ServerProxy) -> None:
    with dialled(proxy) as link:
        link.shutdown(socket.SHUT_WR)
        assert ending(link) == "eof"


def test_an_upstream_that_refuses_ends_the_connection(server: ToxiproxyServer, proxy: ServerProxy) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        dead = server.create(f"127.0.0.1:{nobody.getsockname()[1]}", "dead")
        with dial(dead) as link:
            assert ending(link) in ("eof", "reset")


def test_disabled_breaks_old_and_refuses_new_connections(proxy: ServerProxy) -> None:
    with dialled(proxy) as link:
        proxy.disable()
        assert ending(link) == "eof"
    with pytest.raises(ConnectionRefusedError):
        dial(proxy)
    proxy.enable()
    with dialled(proxy):
        pass


def test_drop_hangs_and_removal_closes(proxy: ServerProxy) -> None:
    with dialled(proxy) as link:
        proxy.add_toxic(type="timeout", stream="upstream", attributes={"timeout": 0})
        link.sendall(b"lost")
        assert silent(link)
        with dial(proxy) as fresh:
            fresh.sendall(b"lost too")
            assert silent(fresh)
            proxy.destroy_toxic("timeout_upstream")
            assert ending(fresh) in ("eof", "reset")
        assert ending(link) in ("eof", "reset")
    with dialled(proxy):
        pass


def test_drop_of_one_stream_leaves_the_other(server: ToxiproxyServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(PATIENCE_S)
        proxy = server.create(f"127.0.0.1:{listening.getsockname()[1]}", "one-way")
        try:
            proxy.add_toxic(type="timeout", stream="upstream", attributes={"timeout": 0})
            with dial(proxy) as near:
                far, _ = listening.accept()
                with far:
                    near.sendall(b"lost")
                    assert silent(far)
                    far.sendall(b"heard")
                    assert read(near, 5) == b"heard"
        finally:
            proxy.destroy()


def test_timeout_closes_after_its_time(proxy: ServerProxy) -> None:
    proxy.add_toxic(type="timeout", stream="upstream", attributes={"timeout": 50})
    with dial(proxy) as link:
        assert ending(link) in ("eof", "reset")


def test_stall_holds_and_removal_delivers(proxy: ServerProxy) -> None:
    with dialled(proxy) as link:
        proxy.add_toxic(type="bandwidth", stream="upstream", attributes={"rate": 0})
        for part in (b"he", b"ld", b" back"):
            link.sendall(part)
        assert silent(link)
        proxy.destroy_toxic("bandwidth_upstream")
        assert read(link, 9) == b"held back"
        link.sendall(b"alive")
        assert read(link, 5) == b"alive"


def test_stall_of_a_new_connection(proxy: ServerProxy) -> None:
    proxy.add_toxic(type="bandwidth", stream="upstream", attributes={"rate": 0})
    with dial(proxy) as link:
        link.sendall(b"early")
        assert silent(link)
        proxy.destroy_toxic("bandwidth_upstream")
        assert read(link, 5) == b"early"


def test_stall_pushes_back(proxy: ServerProxy) -> None:
    """Memory is bounded: a sender that goes on blocks in the end; nothing of what it sent is lost."""
    with dialled(proxy) as link:
        proxy.add_toxic(type="bandwidth", stream="upstream", attributes={"rate": 0})
        sent = 0
        link.settimeout(QUIET_S)
        with contextlib.suppress(TimeoutError):
            while sent < 64 << 20:
                sent += link.send(b"x" * 65536)
        assert sent < 64 << 20
        proxy.destroy_toxic("bandwidth_upstream")
        assert len(read(link, sent)) == sent


def test_bandwidth_takes_its_time(proxy: ServerProxy) -> None:
    with dialled(proxy) as link:
        proxy.add_toxic(type="bandwidth", stream="upstream", attributes={"rate": 100})
        began = time.monotonic()
        link.sendall(b"x" * 30_000)
        assert len(read(link, 30_000)) == 30_000
        assert time.monotonic() - began > 0.2


def test_bandwidth_can_be_changed_while_it_holds(proxy: ServerProxy) -> None:
    with dialled(proxy) as link:
        proxy.add_toxic(type="bandwidth", stream="upstream", attributes={"rate": 0})
        link.sendall(b"patience")
        assert silent(link)
        proxy.update_toxic("bandwidth_upstream", attributes={"rate": 1000})
        assert read(link, 8) == b"patience"


def test_latency_delays_and_keeps_order(proxy: ServerProxy) -> None:
    with dialled(proxy) as link:
        proxy.add_toxic(type="latency", attributes={"latency": 100, "jitter": 50})
        began = time.monotonic()
        for number in range(50):
            link.sendall(struct.pack(">I", number))
        got = read(link, 200)
        assert time.monotonic() - began > 0.045
        assert [number for (number,) in struct.iter_unpack(">I", got)] == list(range(50))


def test_latency_removed_early_releases_at_once(proxy: ServerProxy) -> None:
    with dialled(proxy) as link:
        proxy.add_toxic(type="latency", attributes={"latency": 60_000})
        link.sendall(b"late")
        assert silent(link)
        proxy.destroy_toxic("latency_downstream")
        assert read(link, 4) == b"late"


def test_reset_peer_resets_a_connection_opened_after_it(proxy: ServerProxy) -> None:
    proxy.add_toxic(type="reset_peer", stream="upstream", attributes={"timeout": 0})
    with dial(proxy) as link:
        link.sendall(b"x")
        assert ending(link) == "reset"


def test_reset_peer_leaves_an_idle_connection_until_it_talks(proxy: ServerProxy) -> None:
    with dialled(proxy) as link:
        proxy.add_toxic(type="reset_peer", stream="upstream", attributes={"timeout": 0})
        assert silent(link)
        link.sendall(b"x")
        assert ending(link) == "eof"


def test_slow_close_delays_the_end(proxy: ServerProxy) -> None:
    with dialled(proxy) as link:
        proxy.add_toxic(type="slow_close", stream="upstream", attributes={"delay": 60_000})
        link.sendall(b"through")
        assert read(link, 7) == b"through"
        link.shutdown(socket.SHUT_WR)
        assert silent(link)
        proxy.destroy_toxic("slow_close_upstream")
        assert ending(link) == "eof"


def test_slicer_changes_no_byte(proxy: ServerProxy) -> None:
    proxy.add_toxic(
        type="slicer", stream="upstream", attributes={"average_size": 64, "size_variation": 32, "delay": 10}
    )
    payload = bytes(range(256)) * 20
    with dial(proxy) as link:
        link.sendall(payload)
        assert read(link, len(payload)) == payload


def test_limit_data_truncates_then_closes(proxy: ServerProxy) -> None:
    proxy.add_toxic(type="limit_data", attributes={"bytes": 3})
    with dial(proxy) as link:
        link.sendall(b"abcdef")
        assert read(link, 6) == b"abc"


def test_limit_data_counts_across_chunks(proxy: ServerProxy) -> None:
    with dialled(proxy) as link:
        proxy.add_toxic(type="limit_data", attributes={"bytes": 5})
        for part in (b"ab", b"cd"):
            link.sendall(part)
            assert read(link, 2) == part
        link.sendall(b"ef")
        assert read(link, 2) == b"e"


def test_toxics_work_together(proxy: ServerProxy) -> None:
    with dialled(proxy) as link:
        proxy.add_toxic(type="latency", stream="upstream", attributes={"latency": 20})
        proxy.add_toxic(type="bandwidth", stream="upstream", attributes={"rate": 0})
        link.sendall(b"both")
        assert silent(link)
        proxy.destroy_toxic("latency_upstream")
        assert silent(link)
        proxy.destroy_toxic("bandwidth_upstream")
        assert read(link, 4) == b"both"


def test_a_toxic_of_no_toxicity_hits_nobody(proxy: ServerProxy) -> None:
    proxy.add_toxic(type="timeout", stream="upstream", toxicity=0.0, attributes={"timeout": 0})
    with dialled(proxy):
        pass


# --- interface ----------------------------------------------------------------------------------------


def test_version(server: ToxiproxyServer) -> None:
    assert server.version()
    assert server.running()


def test_a_proxy_shows_what_it_is(server: ToxiproxyServer, proxy: ServerProxy, echo: str) -> None:
    proxy.add_toxic(type="latency", attributes={"latency": 5})
    shown = raw(server, "GET", "/proxies").json()["p"]
    assert {"name": "p", "upstream": echo, "enabled": True, "listen": proxy.listen}.items() <= shown.items()
    assert shown["toxics"] == [
        {
            "name": "latency_downstream",
            "type": "latency",
            "stream": "downstream",
            "toxicity": 1.0,
            "attributes": {"latency": 5, "jitter": 0},
        }
    ]
    assert raw(server, "GET", "/proxies/p").json() == shown


def test_toxics_can_be_read_changed_and_removed(server: ToxiproxyServer, proxy: ServerProxy) -> None:
    proxy.add_toxic(name="slow", type="latency", attributes={"latency": 5, "jitter": 2})
    changed = proxy.update_toxic("slow", attributes={"latency": 7})
    assert changed.attributes == {"latency": 7, "jitter": 2}
    assert raw(server, "POST", "/proxies/p/toxics/slow", {"toxicity": 0.5}).json()["toxicity"] == 0.5
    assert set(proxy.toxics()) == {"slow"}
    assert proxy.destroy_toxic("slow")
    assert proxy.toxics() == {}


def test_patch_and_post_both_update_a_proxy(server: ToxiproxyServer, proxy: ServerProxy) -> None:
    assert raw(server, "PATCH", "/proxies/p", {"enabled": False}).json()["enabled"] is False
    assert raw(server, "POST", "/proxies/p", {"enabled": True}).json()["enabled"] is True


def test_a_proxy_can_be_given_another_upstream(
    server: ToxiproxyServer, proxy: ServerProxy, echo: str
) -> None:
    raw(server, "PATCH", "/proxies/p", {"upstream": "127.0.0.1:9"})
    raw(server, "PATCH", "/proxies/p", {"upstream": echo})
    with dialled(proxy):
        pass


def test_reset_enables_and_removes(server: ToxiproxyServer, proxy: ServerProxy) -> None:
    proxy.add_toxic(type="timeout", attributes={"timeout": 0})
    proxy.disable()
    assert server.disturbed() == ["p"]
    server.reset()
    assert server.disturbed() == []
    with dialled(proxy):
        pass


def test_populate_creates_replaces_and_leaves(server: ToxiproxyServer, proxy: ServerProxy, echo: str) -> None:
    first = server.populate([{"name": "a", "listen": "127.0.0.1:0", "upstream": echo, "enabled": False}])
    assert [made.enabled for made in first] == [False]
    again = server.populate(
        [
            {"name": "p", "listen": proxy.listen, "upstream": echo, "enabled": False},
            {"name": "b", "listen": "127.0.0.1:0", "upstream": echo},
        ]
    )
    # What exists with the same addresses is left as it is, also its being enabled.
    assert [(made.name, made.enabled) for made in again] == [("p", True), ("b", True)]
    assert set(server.proxies()) == {"p", "a", "b"}


def test_errors_have_the_same_codes(server: ToxiproxyServer, proxy: ServerProxy, echo: str) -> None:
    toxics = "/proxies/p/toxics"
    raw(server, "POST", toxics, {"type": "latency"})
    cases: list[tuple[str, str, object, int, str]] = [
        ("GET", "/proxies/none", None, 404, "proxy not found"),
        ("DELETE", "/proxies/none", None, 404, "proxy not found"),
        ("POST", "/proxies/none", {}, 404, "proxy not found"),
        ("GET", "/proxies/p/toxics/none", None, 404, "toxic not found"),
        ("DELETE", "/proxies/p/toxics/none", None, 404, "toxic not found"),
        ("PATCH", "/proxies/p/toxics/none", {}, 404, "toxic not found"),
        ("POST", "/proxies", {"name": "p", "upstream": echo}, 409, "proxy already exists"),
        ("POST", "/proxies", {"upstream": echo}, 400, "missing required field: name"),
        ("POST", "/proxies", {"name": "x"}, 400, "missing required field: upstream"),
        ("POST", "/proxies", {"name": 7}, 400, "bad request body"),
        ("POST", "/populate", [{"upstream": echo}], 400, "missing required field: name at proxy 1"),
        ("POST", toxics, {"type": "latency"}, 409, "toxic already exists"),
        ("POST", toxics, {"type": "magic"}, 400, "invalid toxic type"),
        ("POST", toxics, {"type": "timeout", "stream": "sideways"}, 400, "stream was invalid"),
        ("POST", toxics, {"type": "timeout", "attributes": {"timeout": "soon"}}, 400, "bad request body"),
        (
            "PATCH",
            "/proxies/p/toxics/latency_downstream",
            {"attributes": {"latency": "x"}},
            400,
            "bad request",
        ),
    ]
    for method, path, body, status, message in cases:
        answer = raw(server, method, path, body)
        assert (answer.status_code, answer.json()["status"]) == (status, status), (method, path, body)
        assert answer.json()["error"].startswith(message), (method, path, body)


def test_a_body_that_is_no_json_is_refused(server: ToxiproxyServer, proxy: ServerProxy) -> None:
    for path in ("/proxies", "/populate", "/proxies/p", "/proxies/p/toxics"):
        answer = raw(server, "POST", path, data=b"{")
        assert answer.status_code == 400, path
        assert answer.json()["error"].startswith("bad request body"), path


def test_browsers_are_refused(server: ToxiproxyServer) -> None:
    assert raw(server, "GET", "/version", agent="Mozilla/5.0").status_code == 403


def test_a_busy_port_is_an_error_and_leaves_the_proxy_disabled(
    server: ToxiproxyServer, proxy: ServerProxy
) -> None:
    proxy.disable()
    host, port = proxy.listen.rsplit(":", 1)
    with socket.create_server((host, int(port))):
        with pytest.raises(ProxyCallError, match=r"(?i)address already in use.*stop that program") as caught:
            proxy.enable()
        assert caught.value.status == 500
        found = server.get_proxy("p")
        assert found is not None
        assert not found.enabled
    proxy.enable()
    with dialled(proxy):
        pass


# --- the client ---------------------------------------------------------------------------------------


def test_refusals_are_the_exceptions_of_the_package(server: ToxiproxyServer, proxy: ServerProxy) -> None:
    with pytest.raises(exceptions.NotFound, match="toxic not found"):
        proxy.destroy_toxic("none")
    with pytest.raises(exceptions.ProxyExists, match="already exists"):
        server.create("127.0.0.1:9", "p")
    with pytest.raises(exceptions.InvalidToxic, match="invalid toxic type"):
        proxy.add_toxic(type="magic")
    assert server.get_proxy("none") is None


def test_links_are_cut_and_mended_in_every_mode(server: ToxiproxyServer, echo: str) -> None:
    links = ProxiedLinks(server)
    links.open(dict.fromkeys(links_of(["n1", "n2"]), ("127.0.0.1:0", echo)))
    there = server.proxies()["n1->n2"]
    try:
        modes: tuple[Mode, ...] = ("refuse", "drop", "stall")
        for mode in modes:
            for _ in range(2):
                links.cut([("n1", "n2")], mode)
            assert server.disturbed() == ["n1->n2"]
        with dial(there) as stalled:
            stalled.sendall(b"x")
            assert silent(stalled)
        for _ in range(2):
            links.mend([("n1", "n2")])
        assert server.disturbed() == []
        with dialled(there):
            links.cut(links_of(["n1", "n2"]), "refuse")
        links.mend_all()
        with dialled(there):
            pass
        with pytest.raises(PlaceError, match="no link n1->n9; the links are n1->n2, n2->n1"):
            links.cut([("n1", "n9")], "drop")
    finally:
        server.destroy_all()


def test_a_stalled_link_whose_node_died_is_mended_without_delay(server: ToxiproxyServer) -> None:
    """Flushing into a connection that is gone makes Toxiproxy hang; see rule 4 of `links.py`."""
    links = ProxiedLinks(server)
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    address = {("n1", "n2"): ("127.0.0.1:0", f"127.0.0.1:{port}")}
    try:
        links.open(address)
        with dial(server.proxies()["n1->n2"]) as near:
            far, _ = listening.accept()
            links.cut([("n1", "n2")], "stall")
            for _ in range(4):
                near.sendall(b"x")
                assert silent(far)  # So that each is a chunk of its own.
            # What a killed process leaves: a reset, as there was something it had not read.
            far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            far.close()
            listening.close()
            links.node_died("n2")
            listening = socket.create_server(("127.0.0.1", port))
            links.mend([("n1", "n2")])
            assert server.disturbed() == []
            assert ending(near) in ("eof", "reset")
        with dial(server.proxies()["n1->n2"]) as again:
            again.sendall(b"hello")
            far, _ = listening.accept()
            with far:
                assert read(far, 5) == b"hello"
    finally:
        listening.close()
        server.destroy_all()


def test_a_stalled_link_whose_source_died_is_mended_without_delay(server: ToxiproxyServer) -> None:
    """A successor of the dead source dials in, is never heard, and the target gives up on it."""
    links = ProxiedLinks(server)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        try:
            links.open({("n1", "n2"): ("127.0.0.1:0", f"127.0.0.1:{port}")})
            links.cut([("n1", "n2")], "stall")
            links.node_died("n1")
            with dial(server.proxies()["n1->n2"]) as successor:
                far, _ = listening.accept()
                for _ in range(4):
                    successor.sendall(b"x")
                    assert silent(far)
                far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                far.close()
                links.mend([("n1", "n2")])
                assert server.disturbed() == []
            with dial(server.proxies()["n1->n2"]) as again:
                again.sendall(b"hello")
                far, _ = listening.accept()
                with far:
                    assert read(far, 5) == b"hello"
        finally:
            server.destroy_all()
