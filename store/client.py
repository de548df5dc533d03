"""A connection to a node, for clients and administrators, under asyncio.

Rules of this file
  1. Certainly without effect, or unknown: nothing in between.  `NotConnected` is raised only while not one
     byte of the request has been handed to the operating system; everything later is `ConnectionLost` or
     `TimeoutError`, and the request may have been carried out, may still be, or not.
  2. A node must answer the Hello before a connection counts as open: a paused process accepts connections
     (its kernel does), and a request sent to it would be in the unknown for nothing.
  3. A late answer to a request that timed out is dropped; the connection goes on.
"""

import asyncio
import os
from typing import Any, Literal

from store import wire
from store.messages import AdminReply, AdminRequest, ClientReply, ClientRequest


class NotConnected(ConnectionError):
    """Definite: nothing of the request was sent."""


class ConnectionLost(ConnectionError):
    """Indefinite: the request was sent and no answer came. The text has the node's complaint, if any."""


class Connection:
    """An open connection. Requests may overlap."""

    def __init__(self, channel: "_Channel", hello: wire.Hello) -> None:
        """Use `open`."""
        self._channel = channel
        self._last_id = 0
        self.node = hello.node
        """Who answered."""
        self.epoch = hello.epoch
        """The node's life; another one means that it restarted."""

    @classmethod
    async def open(
        cls, host: str, port: int, role: Literal["client", "admin"] = "client", timeout_s: float = 1.0
    ) -> "Connection":
        """Connect and say Hello. NotConnected: nobody answered, or it was no node."""
        loop = asyncio.get_running_loop()
        channel: _Channel | None = None
        try:
            async with asyncio.timeout(timeout_s):
                _, channel = await loop.create_connection(_Channel, host, port)
                hello = await channel.introduce(role)
        except TimeoutError:
            _abort(channel)
            raise NotConnected(f"{host}:{port} did not answer within {timeout_s:g} s") from None
        except OSError as error:
            _abort(channel)
            raise NotConnected(f"no connection to {host}:{port}: {_reason(error)}") from None
        except BaseException:
            _abort(channel)
            raise
        return cls(channel, hello)

    @property
    def is_open(self) -> bool:
        """Can a request be sent?"""
        return self._channel.problem is None

    async def ask(self, request: ClientRequest | AdminRequest, timeout_s: float) -> ClientReply | AdminReply:
        """The node's reply. NotConnected (definite); ConnectionLost or TimeoutError (unknown)."""
        if self._channel.problem is not None:
            raise NotConnected(self._channel.problem)
        self._last_id += 1
        ask_id = self._last_id
        try:
            async with asyncio.timeout(timeout_s):
                reply: ClientReply | AdminReply = await self._channel.ask(ask_id, request)
                return reply
        except TimeoutError:
            raise TimeoutError(f"no answer from {self.node} within {timeout_s:g} s") from None
        finally:
            self._channel.waiting.pop(ask_id, None)

    def close(self) -> None:
        """Hang up. Requests under way raise ConnectionLost. Safe to repeat."""
        self._channel.end("the connection was closed")
        self._channel.transport.abort()


class _Channel(asyncio.Protocol):
    """Frames and who waits for them."""

    def __init__(self) -> None:
        self.transport: Any = None
        self.problem: str | None = None
        self.waiting: dict[int, asyncio.Future[Any]] = {}
        self._hello: asyncio.Future[wire.Hello] = asyncio.get_running_loop().create_future()
        self._decoder = wire.FrameDecoder(wire.ANSWER_BYTES_MAX)

    async def introduce(self, role: wire.Role) -> wire.Hello:
        """Exchange Hellos."""
        self.transport.write(wire.encode(wire.Hello(version=wire.VERSION, role=role)))
        return await self._hello

    def ask(self, ask_id: int, request: Any) -> "asyncio.Future[Any]":
        """Send a request; the future is its reply."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.waiting[ask_id] = future
        self.transport.write(wire.encode(wire.Ask(ask_id, request)))
        return future

    def end(self, problem: str) -> None:
        """No more answers will come. The first reason is the true one."""
        if self.problem is not None:
            return
        self.problem = problem
        waiting, self.waiting = self.waiting, {}
        for future in (self._hello, *waiting.values()):
            if not future.done():
                future.set_exception(ConnectionLost(problem))
                future.exception()  # Marks it as seen: its waiter may be gone, and that is no mistake.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        self.end(f"the connection broke: {error}" if error else "the node closed the connection")

    def data_received(self, data: bytes) -> None:
        try:
            for body in self._decoder.feed(data):
                self._take(body)
        except wire.FrameError as error:
            self._give_up(str(error))
        else:
            if self._decoder.problem is not None:
                self._give_up(f"got {self._decoder.problem}")

    def _take(self, body: bytes) -> None:
        if not self._hello.done():
            self._hello.set_result(wire.decode_hello(body))
            return
        match wire.decode_answer(body):
            case wire.Error(message=message):
                self.end(f"the node hung up: {message}")
            case wire.Answer(id=ask_id, reply=reply):
                future = self.waiting.pop(ask_id, None)
                if future is not None and not future.done():
                    future.set_result(reply)

    def _give_up(self, problem: str) -> None:
        self.end(problem)
        self.transport.abort()


def _reason(error: OSError) -> str:
    """asyncio words its errors as "Connect call failed ('127.0.0.1', 7001)"."""
    return os.strerror(error.errno).lower() if error.errno else str(error)


def _abort(channel: _Channel | None) -> None:
    if channel is not None:
        channel.transport.abort()
