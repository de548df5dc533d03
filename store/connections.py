"""The sockets of a node: links to its peers, and the sessions of whoever connects to it.

Links are strictly one-way (docs/decisions/0003): this node sends everything for a peer over its own
connection to that peer, and hears the peer on the connection that the peer made.  A proxy in front of
either is therefore exactly one directed link.

Rules of this file
  1. First in, first out, per link. A receiver ignores a connection once a newer one of the same peer said
     Hello: a proxy may still deliver what it held for the old one.
  2. A link keeps nothing for a peer that is not there.  Only while a connection is being made do a few
     messages wait; otherwise they are dropped, as the core expects of a network.
  3. Frames are coalesced: one write per connection and round of the event loop.
  4. Memory is bounded in both directions: a peer that takes nothing loses its connection, a client that
     reads nothing is not read from.
  5. Whoever breaks the protocol is told so in an Error frame and hung up on. The node never notices.
"""

import asyncio
import os
from collections.abc import Callable
from typing import Any, Protocol

from store import wire
from store.effects import Event, Received, Requested
from store.messages import AdminRequest, Message, NodeId

LINK_BUFFER_BYTES_MAX = 16 << 20
"""A link with more unsent bytes than this is given up; the peer gets what it missed by other ways."""

CONNECTING_BYTES_MAX = 1 << 20
"""What may wait while a connection is being made."""

CONNECT_TIMEOUT_S = 1.0
BACKOFF_S_MIN, BACKOFF_S_MAX = 0.020, 0.250
SETTLED_S = 0.5
"""A connection that lasted so long was a real one; a shorter one (a proxy without upstream) backs off on."""

HELLO_TIMEOUT_S = 10.0
GOODBYE_S = 1.0
"""How long the other side may take to read why it is hung up on."""

Address = tuple[str, int]
Log = Callable[[str], None]


class Outbox:
    """Frames on their way into a transport."""

    __slots__ = ("_bytes", "_frames", "_loop", "_transport")

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._frames: list[bytes] = []
        self._bytes = 0

    def put(self, frame: bytes) -> None:
        """Write the frame at the end of this round of the event loop."""
        if not self._frames:
            self._loop.call_soon(self.flush)
        self._frames.append(frame)
        self._bytes += len(frame)

    def flush(self) -> None:
        """Write now."""
        if self._frames:
            self._transport.write(b"".join(self._frames))
            self._frames.clear()
            self._bytes = 0

    def unsent(self) -> int:
        """Bytes that the operating system has not taken yet."""
        waiting: int = self._transport.get_write_buffer_size()
        return self._bytes + waiting


class LinkEvents(Protocol):
    """What a link needs of its node."""

    def hello(self, target: NodeId) -> wire.Hello:
        """The first frame of a new connection."""
        ...

    def peer_lost(self, peer: NodeId) -> None:
        """The connection broke or was refused."""
        ...

    def log(self, text: str) -> None:
        """A line for the operator."""
        ...


class PeerLink:
    """The directed link to one peer: connects, reconnects, sends."""

    def __init__(self, target: NodeId, address: Address, events: LinkEvents) -> None:
        self.target = target
        self._address = address
        self._events = events
        self._outbox: Outbox | None = None
        self._line: _Line | None = None
        self._waiting: list[bytes] | None = None
        self._waiting_bytes = 0
        self._lost_reported = False
        self._last_complaint = ""
        self._task: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Connect now, and again whenever the connection is gone, until `close`."""
        self._waiting = []
        self._task = asyncio.get_running_loop().create_task(self._keep_connected())

    async def close(self) -> None:
        """Hang up."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        self._drop_line()

    def send(self, message: Message) -> None:
        """Send, or drop when there is no connection."""
        if self._outbox is not None:
            if self._outbox.unsent() > LINK_BUFFER_BYTES_MAX:
                self._events.log(f"link to {self.target}: it takes nothing any more; dropping the connection")
                self._drop_line()
            else:
                self._outbox.put(wire.encode(message))
        elif self._waiting is not None and self._waiting_bytes < CONNECTING_BYTES_MAX:
            frame = wire.encode(message)
            self._waiting.append(frame)
            self._waiting_bytes += len(frame)

    async def _keep_connected(self) -> None:
        loop = asyncio.get_running_loop()
        backoff_s = BACKOFF_S_MIN
        while True:
            lasted_s = await self._connect_once(loop)
            self._outbox = self._waiting = None
            if lasted_s >= SETTLED_S:
                backoff_s, self._last_complaint = BACKOFF_S_MIN, ""
            if not self._lost_reported:
                self._lost_reported = True
                self._events.peer_lost(self.target)
            await asyncio.sleep(backoff_s)
            backoff_s = min(backoff_s * 2, BACKOFF_S_MAX)
            self._waiting, self._waiting_bytes = [], 0

    async def _connect_once(self, loop: asyncio.AbstractEventLoop) -> float:
        """Returns how long (s) the connection lasted: 0 when none was made."""
        host, port = self._address
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                _, line = await loop.create_connection(lambda: _Line(self._complain), host, port)
        except (OSError, TimeoutError) as error:
            reason = os.strerror(error.errno).lower() if error.errno else str(error) or "timed out"
            self._complain(f"no connection to {host}:{port}: {reason}")
            return 0.0
        self._begin(line)
        started = loop.time()
        await line.lost
        return loop.time() - started

    def _begin(self, line: "_Line") -> None:
        self._line, self._outbox = line, Outbox(line.transport)
        self._outbox.put(wire.encode(self._events.hello(self.target)))
        for frame in self._waiting or ():
            self._outbox.put(frame)
        self._waiting, self._lost_reported = None, False

    def _drop_line(self) -> None:
        self._outbox = None
        if self._line is not None:
            self._line.transport.abort()
            self._line = None

    def _complain(self, text: str) -> None:
        if text != self._last_complaint:
            self._last_complaint = text
            self._events.log(f"link to {self.target}: {text}")


class _Line(asyncio.Protocol):
    """One connection of a link. All that it ever hears is an Error."""

    def __init__(self, complain: Log) -> None:
        self.transport: Any = None
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._complain = complain
        self._decoder = wire.FrameDecoder(first_limit=wire.PEER_FRAME_BYTES_MAX)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        for body in self._decoder.feed(data):
            try:
                said = wire.decode_answer(body)
            except wire.FrameError as error:
                self._complain(f"the other side does not speak this protocol: {error}")
            else:
                words = said.message if isinstance(said, wire.Error) else "an answer that nobody asked for"
                self._complain(f"the other side says: {words}")

    def connection_lost(self, error: Exception | None) -> None:
        if not self.lost.done():
            self.lost.set_result(None)


class SessionEvents(Protocol):
    """What a session needs of its node."""

    def accept(self, session: "Session", hello: wire.Hello) -> wire.Hello:
        """Take note of who connected; returns the Hello to answer with. FrameError: not welcome."""
        ...

    def limit(self, role: wire.Role) -> int:
        """The largest frame (bytes) of this role."""
        ...

    def deliver(self, event: Event) -> None:
        """Give an event to the node."""
        ...

    def ticket(self, session: "Session", ask_id: int) -> int:
        """A new ticket, whose reply goes to this session under this id."""
        ...

    def ended(self, session: "Session") -> None:
        """The session is over."""
        ...


class Session(asyncio.Protocol):
    """One accepted connection, of a peer, a client or an administrator."""

    def __init__(self, events: SessionEvents) -> None:
        self._events = events
        self._transport: Any = None
        self._outbox: Outbox | None = None
        self._decoder = wire.FrameDecoder()
        self._take: Callable[[bytes], None] = self._hello
        self._closing = False
        self._timeout: asyncio.TimerHandle | None = None
        self.peer: wire.Hello | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._outbox = Outbox(transport)
        loop = asyncio.get_running_loop()
        late = f"expected a Hello within {HELLO_TIMEOUT_S:.0f} s"
        self._timeout = loop.call_later(HELLO_TIMEOUT_S, self.refuse, late)

    def data_received(self, data: bytes) -> None:
        if self._closing:
            return
        try:
            for body in self._decoder.feed(data):
                self._take(body)
                if self._closing:
                    return
        except wire.FrameError as error:
            self.refuse(str(error))
        else:
            if self._decoder.problem is not None:
                self.refuse(f"got {self._decoder.problem}")

    def connection_lost(self, error: Exception | None) -> None:
        self._closing = True
        self._outbox = None
        if self._timeout is not None:
            self._timeout.cancel()
        self._events.ended(self)

    def pause_writing(self) -> None:
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._transport.resume_reading()

    def answer(self, ask_id: int, reply: Any) -> None:
        """Send a reply, if the other side is still there."""
        if self._outbox is not None and not self._closing:
            self._outbox.put(wire.encode(wire.Answer(ask_id, reply)))

    def refuse(self, message: str) -> None:
        """Say what was wrong and hang up.

        Reading goes on for a moment: closing a socket with unread bytes would reset the connection, and
        the reset may overtake the Error.
        """
        if self._closing or self._outbox is None:
            return
        self._closing = True
        self._outbox.put(wire.encode(wire.Error(message)))
        self._outbox.flush()
        self._transport.resume_reading()
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._timeout_in(GOODBYE_S, self._transport.abort)

    def close(self) -> None:
        """Hang up without a word."""
        self._closing = True
        if self._transport is not None:
            self._transport.abort()

    def _timeout_in(self, delay_s: float, action: Callable[[], None]) -> None:
        if self._timeout is not None:
            self._timeout.cancel()
        self._timeout = asyncio.get_running_loop().call_later(delay_s, action)

    # --- frames ----------------------------------------------------------------------------------

    def _hello(self, body: bytes) -> None:
        hello = wire.decode_hello(body)
        self._decoder.allow(self._events.limit(hello.role))
        answer = self._events.accept(self, hello)
        assert self._timeout is not None
        assert self._outbox is not None
        self._timeout.cancel()
        self.peer = hello
        if hello.role == "peer":
            self._take = self._message
        else:
            self._take = self._ask
            self._outbox.put(wire.encode(answer))

    def _message(self, body: bytes) -> None:
        assert self.peer is not None
        self._events.deliver(Received(self.peer.node, wire.decode_peer(body)))

    def _ask(self, body: bytes) -> None:
        assert self.peer is not None
        ask = wire.decode_ask(body)
        if isinstance(ask.request, AdminRequest) != (self.peer.role == "admin"):
            name = type(ask.request).__name__
            raise wire.FrameError(f"a connection in the role {self.peer.role!r} may not ask {name}")
        self._events.deliver(Requested(self._events.ticket(self, ask.id), ask.request))
