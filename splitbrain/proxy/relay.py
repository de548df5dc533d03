"""The data path of the embedded proxy: sockets in, toxics, sockets out.

A connection through a proxy is two sockets and two pipes, one per direction.  A pipe is a chain of stages
(`toxics.py`), usually empty; then bytes go from one socket to the other without a queue in between.

Rules of this file
  1. Accepting never waits for dialling: each accepted client is dialled for in a task of its own, so an
     upstream that does not answer holds up nobody else, nor the interface that switches the proxy off.
  2. Memory is bounded: a pipe that holds too much, or whose socket takes no more, stops reading its source.
  3. When a stream ends, the far socket is closed for both directions (as Toxiproxy does); its loss ends the
     other pipe, through that one's own toxics.
  4. Everything here runs on one event loop. Nothing blocks, nothing is locked.
"""

import asyncio
import os
import random
import socket
import struct
from collections.abc import Callable, Iterable
from typing import cast

from splitbrain.proxy.toxics import Stage, Toxic

HELD_BYTES_MAX = 64 << 10
"""How much a pipe may hold before its source is paused, beyond the room its stages bring along."""

RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER with no time: closing discards what is unsent and resets."""


class Endpoint(asyncio.Protocol):
    """One socket. `source_of` is the pipe its bytes enter, `target_of` the pipe that writes to it.

    Until it has a pipe, what arrives is kept: a client may talk before its upstream is dialled.
    """

    def __init__(self, on_made: "Callable[[Endpoint], None] | None" = None) -> None:
        self.on_made = on_made
        self.transport: asyncio.Transport | None = None
        self.source_of: Pipe | None = None
        self.target_of: Pipe | None = None
        self.on_lost: Callable[[], None] = lambda: None
        self.resets = False
        self.writable = True
        self._early = bytearray()
        self._early_end = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have the methods, but not the base class.
        self.transport = cast(asyncio.Transport, transport)
        if self.on_made is not None:
            self.on_made(self)

    def data_received(self, data: bytes) -> None:
        if self.source_of is not None:
            self.source_of.feed(data)
            return
        self._early += data
        if len(self._early) > HELD_BYTES_MAX and self.transport is not None:
            self.transport.pause_reading()

    def eof_received(self) -> bool:
        """The socket stays open for the other direction, until the far side is closed."""
        if self.source_of is not None:
            self.source_of.finish()
        self._early_end = True
        return True

    def begin(self) -> None:
        """The pipes are there: pass on what came before them."""
        assert self.source_of is not None
        if self.transport is not None and not self.transport.is_closing() and not self.source_of.paused:
            self.transport.resume_reading()
        if self._early:
            self.source_of.feed(bytes(self._early))
            self._early.clear()
        if self._early_end or self.transport is None:
            self.source_of.finish()

    def pause_writing(self) -> None:
        self.writable = False
        if self.target_of is not None:
            self.target_of.balance()

    def resume_writing(self) -> None:
        self.writable = True
        if self.target_of is not None:
            self.target_of.balance()

    def connection_lost(self, error: Exception | None) -> None:
        self.transport = None
        if self.target_of is not None:
            self.target_of.discard()
        if self.source_of is not None:
            self.source_of.finish()
        self.on_lost()

    def prepare_reset(self) -> None:
        """From now on, closing this socket resets it."""
        if self.transport is None:
            return
        # A second descriptor of the same socket: uvloop does not let one set options through its own.
        descriptor = os.dup(self.transport.get_extra_info("socket").fileno())
        with socket.socket(fileno=descriptor) as twin:
            twin.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self.resets = True

    def close(self) -> None:
        """Close, after what is already written has gone out (unless it is to be a reset)."""
        if self.transport is None:
            return
        if self.resets:
            self.transport.abort()
        else:
            self.transport.close()

    def abort(self) -> None:
        """Close now; what is unsent is lost."""
        if self.transport is not None:
            self.transport.abort()


class Pipe:
    """One direction of one connection. Itself the output of its last stage."""

    def __init__(self, source: Endpoint, target: Endpoint) -> None:
        self.source = source
        self.target = target
        self.stages: dict[str, Stage] = {}
        self.ended = False
        self.paused = False
        self.loop = asyncio.get_running_loop()
        self._end = _End(self)
        source.source_of = self
        target.target_of = self

    def add(self, name: str, stage: Stage) -> None:
        """A toxic is added: last in the chain."""
        stage.output = self._end
        if self.stages:
            next(reversed(self.stages.values())).output = stage
        self.stages[name] = stage

    def update(self, name: str, toxic: Toxic) -> None:
        """A toxic has new attributes."""
        if name in self.stages:
            self.stages[name].update(toxic.attributes)
            self.balance()

    def remove(self, name: str) -> None:
        """A toxic is removed: its neighbours are joined, then it passes on what it held."""
        stage = self.stages.pop(name, None)
        if stage is None:
            return
        for earlier in self.stages.values():
            if earlier.output is stage:
                earlier.output = stage.output
        stage.leave()
        self.balance()

    def feed(self, data: bytes) -> None:
        """Bytes from the source."""
        if self.ended:
            return
        if not self.stages:
            self._end.feed(data, 0.0)
            return
        next(iter(self.stages.values())).feed(data, self.loop.time())
        self.balance()

    def finish(self) -> None:
        """The source has ended. Safe to repeat."""
        if self.ended:
            return
        self.ended = True
        if self.stages:
            next(iter(self.stages.values())).finish()
        else:
            self._end.finish()

    def discard(self) -> None:
        """The target is gone: nothing that is held has anywhere to go."""
        for stage in self.stages.values():
            stage.discard()

    def balance(self) -> None:
        """Read from the source, or do not, by how much waits."""
        stages = self.stages.values()
        held = sum(stage.held for stage in stages)
        room = HELD_BYTES_MAX + sum(stage.room_bytes for stage in stages)
        full = not self.target.writable or held > (room // 2 if self.paused else room)
        if full == self.paused or self.source.transport is None or self.source.transport.is_closing():
            return
        self.paused = full
        if full:
            self.source.transport.pause_reading()
        else:
            self.source.transport.resume_reading()


class _End:
    """The end of a pipe: the socket."""

    def __init__(self, pipe: Pipe) -> None:
        self.pipe = pipe

    def feed(self, data: bytes, at: float) -> None:
        transport = self.pipe.target.transport
        if transport is not None and not transport.is_closing():
            transport.write(data)
            if self.pipe.paused:
                self.pipe.balance()

    def finish(self) -> None:
        self.pipe.target.close()


class Connection:
    """A client, the upstream it wanted, and the two pipes between them."""

    def __init__(
        self, client: Endpoint, server: Endpoint, toxics: Iterable[Toxic], rng: random.Random
    ) -> None:
        self.ends = (client, server)
        self.pipes = {"upstream": Pipe(client, server), "downstream": Pipe(server, client)}
        for toxic in toxics:
            self.pipes[toxic.stream].add(toxic.name, toxic.stage(rng))
            if toxic.type == "reset_peer":
                client.prepare_reset()
                server.prepare_reset()

    @property
    def alive(self) -> bool:
        """Is either socket still open?"""
        return any(end.transport is not None for end in self.ends)

    def abort(self) -> None:
        """Close both sockets now."""
        for pipe in self.pipes.values():
            pipe.discard()
        for end in self.ends:
            end.abort()
