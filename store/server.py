"""Drives a node under asyncio: its effects become writes, frames and timers.

The node decides, this file carries out, in the order of the effects: persist before send before reply.

Rules of this file
  1. Everything happens on one event loop; only fsync runs in a thread, one at a time.
  2. Group commit: what arrives while an fsync runs is made durable together by the next one.  `Durable` is
     reported for the last token of a group, which covers all before it.
  3. Fail-stop. When the disk fails, or the node raises, nothing more is sent or answered: the process ends.
  4. The clock is the wall clock at the start plus monotonic time since: stamps of different nodes can be
     compared (last-write-wins needs that), and time never runs backwards within one life.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from socket import socket
from typing import Protocol

from store import wire
from store.config import NodeConfig
from store.connections import Address, Log, PeerLink, Session
from store.effects import (
    Boot,
    Durable,
    Effect,
    EpochRecord,
    Event,
    PeerLost,
    Persist,
    Record,
    Reply,
    Send,
    SetTimer,
    TimerFired,
)
from store.engine.engine import Engine, EngineError
from store.messages import NodeId

TIMER_SLACK_S = 0.001
"""Event loops round to milliseconds; a timer that rings early is set again."""


class Core(Protocol):
    """The node, as its driver sees it (`store.node.Node`)."""

    def handle(self, event: Event, now: int) -> list[Effect]:
        """What must be done about this event."""
        ...


class Clock:
    """Nanoseconds since 1970 at the start of the process, monotonic from there."""

    __slots__ = ("_offset",)

    def __init__(self) -> None:
        self._offset = time.time_ns() - time.monotonic_ns()

    def now(self) -> int:
        """The time in ns."""
        return self._offset + time.monotonic_ns()


class GroupCommit:
    """Makes records durable, many at a time."""

    def __init__(
        self, engine: Engine, durable: Callable[[int], None], failed: Callable[[BaseException], None]
    ) -> None:
        """`durable` is told the last token that is safe; `failed`, once, that none will be any more."""
        self._engine = engine
        self._durable = durable
        self._failed = failed
        self._records: list[Record] = []
        self._token = 0
        self._running = False
        self._closed = False
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="fsync")

    def add(self, token: int, records: tuple[Record, ...]) -> None:
        """Make these records durable, after all that were added before."""
        if self._engine.durable_at_once:
            self._durable(token)
            return
        self._records += records
        self._token = token
        if not self._running:
            # Starting at the end of this round of the loop gathers everything that arrived together.
            self._running = True
            asyncio.get_running_loop().call_soon(self._start)

    def close(self) -> None:
        """Wait for the fsync under way, if any; what was not begun is not durable."""
        self._closed = True
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _start(self) -> None:
        if self._closed:
            return
        self._engine.append(self._records)
        self._records = []
        future = asyncio.get_running_loop().run_in_executor(self._executor, self._engine.sync)
        token = self._token
        future.add_done_callback(lambda done: self._finished(token, done))

    def _finished(self, token: int, done: "asyncio.Future[None]") -> None:
        if done.cancelled() or self._closed:
            return
        error = done.exception()
        if error is not None:
            self._failed(error)  # `_running` stays true: nothing is written any more.
            return
        self._running = False
        self._durable(token)
        if self._records and not self._running:
            self._running = True
            self._start()


class Server:
    """One node at work. `run` returns when `stop` was called, and raises when the node had to stop."""

    def __init__(self, core: Core, engine: Engine, config: NodeConfig, cluster: str, log: Log) -> None:
        self.config = config
        self.epoch = 0
        self.log = log
        self._core = core
        self._engine = engine
        self._cluster = cluster
        self._clock = Clock()
        self._events: deque[Event] = deque()
        self._busy = False
        self._links: dict[NodeId, PeerLink] = {}
        self._heard: dict[NodeId, wire.Hello] = {}
        self._speaking: dict[NodeId, Session] = {}
        self._sessions: set[Session] = set()
        self._tickets: dict[int, tuple[Session, int]] = {}
        self._last_ticket = 0
        self._last_connection = 0
        self._commit = GroupCommit(engine, self._made_durable, self._fail)
        self._epoch_token = 0
        self._end: asyncio.Future[None] | None = None
        self._ready: asyncio.Future[None] | None = None

    async def run(
        self, listener: socket, peers: Mapping[NodeId, Address], on_ready: Callable[[int], None]
    ) -> None:
        """Serve on a bound socket until stopped. `on_ready(epoch)` is called once clients are welcome.

        EngineError: the data cannot be read, or no longer be written.
        """
        loop = asyncio.get_running_loop()
        self._end, self._ready = loop.create_future(), loop.create_future()
        self._links = {peer: PeerLink(peer, address, self) for peer, address in peers.items()}
        acceptor = None
        try:
            self.deliver(Boot(self._engine.load()))
            await asyncio.wait([self._end, self._ready], return_when=asyncio.FIRST_COMPLETED)
            if not self._end.done():
                acceptor = await loop.create_server(self._new_session, sock=listener, backlog=1024)
                on_ready(self.epoch)
            await self._end
        finally:
            await self._close(acceptor)

    def stop(self) -> None:
        """Let `run` return."""
        if self._end is not None and not self._end.done():
            self._end.set_result(None)

    async def _close(self, acceptor: asyncio.Server | None) -> None:
        if acceptor is not None:
            acceptor.close()
        for session in list(self._sessions):
            session.close()
        await asyncio.gather(*(link.close() for link in self._links.values()))
        self._commit.close()
        self._engine.close()

    # --- events and effects ----------------------------------------------------------------------

    def deliver(self, event: Event) -> None:
        """Let the node handle the event, and carry out what it wants done."""
        self._events.append(event)
        if self._busy:
            return
        self._busy = True
        try:
            while self._events and not self._stopped():
                for effect in self._core.handle(self._events.popleft(), self._clock.now()):
                    self._carry_out(effect)
        except Exception as error:  # A defect of the node: stop before it does harm.
            self._fail(error)
        finally:
            self._busy = False

    def _carry_out(self, effect: Effect) -> None:
        match effect:
            case Send(target=target, message=message):
                self._links[target].send(message)
            case Persist(token=token, records=records):
                if not self.epoch:
                    self._note_epoch(token, records)
                self._commit.add(token, records)
            case Reply(ticket=ticket, reply=reply):
                session, ask_id = self._tickets.pop(ticket)
                session.answer(ask_id, reply)
            case SetTimer(timer=timer, at=at):
                self._set_timer(timer, at)
            case _:
                raise AssertionError(f"the driver does not know the effect {effect!r}")

    def _note_epoch(self, token: int, records: tuple[Record, ...]) -> None:
        for record in records:
            if isinstance(record, EpochRecord):
                self.epoch, self._epoch_token = record.epoch, token

    def _made_durable(self, token: int) -> None:
        if self._ready is not None and not self._ready.done() and token >= self._epoch_token > 0:
            for link in self._links.values():
                link.open()
            self._ready.set_result(None)
        self.deliver(Durable(token))

    def _set_timer(self, timer: int, at: int) -> None:
        delay_s = (at - self._clock.now()) / 1e9
        asyncio.get_running_loop().call_later(max(delay_s, 0.0), self._ring, timer, at)

    def _ring(self, timer: int, at: int) -> None:
        if self._clock.now() < at:
            asyncio.get_running_loop().call_later(TIMER_SLACK_S, self._ring, timer, at)
        else:
            self.deliver(TimerFired(timer))

    def _stopped(self) -> bool:
        return self._end is None or self._end.done()

    def _fail(self, error: BaseException) -> None:
        if isinstance(error, OSError):
            reason = error.strerror or str(error)
            error = EngineError(
                f"writing the log failed: {reason}; nothing more is acknowledged, make room or mend the disk"
            )
        if self._end is not None and not self._end.done():
            self._end.set_exception(error)

    # --- links -----------------------------------------------------------------------------------

    def hello(self, target: NodeId) -> wire.Hello:
        """The first frame of a new connection to a peer."""
        self._last_connection = max(self._last_connection + 1, self._clock.now())
        return self._introduce("peer", target)

    def peer_lost(self, peer: NodeId) -> None:
        """The connection to a peer broke or was refused."""
        self.deliver(PeerLost(peer))

    def _introduce(self, role: wire.Role, to: NodeId = "") -> wire.Hello:
        return wire.Hello(
            version=wire.VERSION,
            role=role,
            node=self.config.node,
            epoch=self.epoch,
            connection=self._last_connection,
            cluster=self._cluster,
            to=to,
        )

    # --- sessions --------------------------------------------------------------------------------

    def _new_session(self) -> Session:
        session = Session(self)
        self._sessions.add(session)
        return session

    def accept(self, session: Session, hello: wire.Hello) -> wire.Hello:
        """Take note of who connected; FrameError when it does not belong here."""
        if hello.role == "node":
            raise wire.FrameError("expected the role peer, client or admin")
        if hello.cluster != self._cluster and (hello.cluster or hello.role == "peer"):
            raise wire.FrameError(f"this is cluster {self._cluster!r}, not {hello.cluster!r}")
        if hello.to not in ("", self.config.node):
            raise wire.FrameError(f"this is {self.config.node}, not {hello.to}; correct the address")
        if hello.role == "peer":
            self._accept_peer(session, hello)
        return self._introduce("node")

    def _accept_peer(self, session: Session, hello: wire.Hello) -> None:
        if hello.node not in self._links:
            raise wire.FrameError(f"{self.config.node} has no peer {hello.node!r}; add it to its peer table")
        last, speaking = self._heard.get(hello.node), self._speaking.get(hello.node)
        if last is not None and not _is_newer(hello, last, speaking is not None):
            raise wire.FrameError("a newer connection has taken the place of this one")
        if speaking is not None:
            speaking.close()
        self._heard[hello.node], self._speaking[hello.node] = hello, session

    def limit(self, role: wire.Role) -> int:
        """The largest frame (bytes) of this role."""
        if role == "peer":
            return wire.PEER_FRAME_BYTES_MAX
        return self.config.value_bytes_max + wire.REQUEST_SLACK_BYTES

    def ticket(self, session: Session, ask_id: int) -> int:
        """A new ticket, whose reply goes to this session under this id."""
        self._last_ticket += 1
        self._tickets[self._last_ticket] = (session, ask_id)
        return self._last_ticket

    def ended(self, session: Session) -> None:
        """The session is over. Its tickets stay until the node answers them, which it always does."""
        self._sessions.discard(session)
        if session.peer is not None and self._speaking.get(session.peer.node) is session:
            del self._speaking[session.peer.node]


def _is_newer(hello: wire.Hello, last: wire.Hello, speaking: bool) -> bool:
    """Does this Hello take the place of the last one of the same peer?

    Within one life of the peer the connection numbers decide, for ever.  Another life (epoch) with a
    lower number has a clock that was set back, or an empty disk and a new machine; it takes over as
    soon as the old connection is gone.  Epochs are not ordered: one drawn for an empty disk is random.
    """
    if hello.epoch == last.epoch or speaking:
        return hello.connection > last.connection
    return True
