"""The outgoing link against real sockets: what waits, what is dropped, when a peer counts as lost."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from store import wire
from store.connections import LINK_BUFFER_BYTES_MAX, PeerLink
from store.messages import Fetched, Ping
from store.versions import Sibling, Versions

pytestmark = pytest.mark.process

PATIENCE_S = 30
BIG = Fetched(1, Versions({}, (Sibling(("a", 1), bytes(1 << 20)),)))


class Recorder:
    """What a link needs of its node, written down."""

    def __init__(self) -> None:
        self.lost: list[str] = []
        self.lines: list[str] = []
        self.hellos = 0

    def hello(self, target: str) -> wire.Hello:
        self.hellos += 1
        return wire.Hello(version=wire.VERSION, role="peer", node="n1", connection=self.hellos, to=target)

    def peer_lost(self, peer: str) -> None:
        self.lost.append(peer)

    def log(self, text: str) -> None:
        self.lines.append(text)


class Peer:
    """A listening peer. Port 0 takes a free one; `calls` yields (reader, writer)."""

    def __init__(self) -> None:
        self.calls: asyncio.Queue[Any] = asyncio.Queue()
        self.server: asyncio.Server | None = None
        self.port = 0

    async def listen(self) -> None:
        self.server = await asyncio.start_server(
            lambda *streams: self.calls.put_nowait(streams), "127.0.0.1", self.port, limit=1024
        )
        self.port = self.server.sockets[0].getsockname()[1]

    def hang_up(self) -> None:
        assert self.server is not None
        self.server.close()


async def receive(reader: asyncio.StreamReader, count: int) -> list[Any]:
    """The first `count` messages after the Hello."""
    decoder = wire.FrameDecoder()
    bodies: list[bytes] = []
    while len(bodies) < count + 1:
        data = await reader.read(1 << 16)
        assert data, "the link hung up"
        bodies += decoder.feed(data)
    wire.decode_hello(bodies[0])
    return [wire.decode_peer(body) for body in bodies[1:]]


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.005)


def play(story: Callable[[Peer, Recorder], Awaitable[None]]) -> None:
    async def scene() -> None:
        peer, recorder = Peer(), Recorder()
        await peer.listen()
        async with asyncio.timeout(PATIENCE_S):
            await story(peer, recorder)

    asyncio.run(scene())


def test_what_is_sent_while_connecting_waits_in_order() -> None:
    async def story(peer: Peer, recorder: Recorder) -> None:
        link = PeerLink("n2", ("127.0.0.1", peer.port), recorder)
        link.open()
        for nonce in range(5):
            link.send(Ping(nonce))
        reader, _ = await peer.calls.get()
        link.send(Ping(5))
        assert await receive(reader, 6) == [Ping(nonce) for nonce in range(6)]
        assert recorder.lost == []
        await link.close()
        peer.hang_up()

    play(story)


def test_a_peer_is_lost_once_and_found_again() -> None:
    async def story(peer: Peer, recorder: Recorder) -> None:
        link = PeerLink("n2", ("127.0.0.1", peer.port), recorder)
        link.open()
        _, writer = await peer.calls.get()
        peer.hang_up()
        writer.transport.abort()
        await until(lambda: any("connection refused" in line for line in recorder.lines))
        await asyncio.sleep(0.3)  # Several more attempts are refused meanwhile.
        assert recorder.lost == ["n2"]
        assert sum("connection refused" in line for line in recorder.lines) == 1
        await peer.listen()
        reader, _ = await peer.calls.get()
        link.send(Ping(9))
        assert (await receive(reader, 1))[-1] == Ping(9)
        assert recorder.hellos == 2
        await link.close()
        peer.hang_up()

    play(story)


def test_a_refused_peer_is_lost_once_and_gets_nothing_late() -> None:
    async def story(peer: Peer, recorder: Recorder) -> None:
        peer.hang_up()
        link = PeerLink("n2", ("127.0.0.1", peer.port), recorder)
        link.open()
        await until(lambda: recorder.lost == ["n2"])
        link.send(Ping(1))  # Between two attempts: dropped.
        await peer.listen()
        reader, _ = await peer.calls.get()
        link.send(Ping(2))
        assert await receive(reader, 1) == [Ping(2)]
        await link.close()
        peer.hang_up()

    play(story)


def test_a_peer_that_takes_nothing_loses_its_connection() -> None:
    async def story(peer: Peer, recorder: Recorder) -> None:
        link = PeerLink("n2", ("127.0.0.1", peer.port), recorder)
        link.open()
        await peer.calls.get()  # Never read from; StreamReader stops after its small limit.
        await until(lambda: recorder.hellos == 1)
        sent = 0
        while not recorder.lines:
            link.send(BIG)
            sent += 1 << 20
            assert sent < 4 * LINK_BUFFER_BYTES_MAX, "the link buffers without end"
            await asyncio.sleep(0)
        assert "takes nothing any more" in recorder.lines[0]
        link.send(Ping(1))
        await until(lambda: recorder.lost == ["n2"])
        await peer.calls.get()  # It connects again.
        await link.close()
        peer.hang_up()

    play(story)


def test_the_peers_complaint_is_logged_once() -> None:
    async def story(peer: Peer, recorder: Recorder) -> None:
        link = PeerLink("n2", ("127.0.0.1", peer.port), recorder)
        link.open()
        for _ in range(3):
            _, writer = await peer.calls.get()
            writer.write(wire.encode(wire.Error("who are you?")))
            writer.close()
        assert recorder.lines == ["link to n2: the other side says: who are you?"]
        await link.close()
        peer.hang_up()

    play(story)
