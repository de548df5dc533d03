"""What can be done to the bytes of one direction of a connection: the toxics, one stage each.

Names, attributes and behaviour are Toxiproxy's, measured on its server 2.12, because a schedule must mean
the same with either proxy.  What may surprise:

  bandwidth rate 0  holds everything; the sender feels backpressure; removal delivers what was held
  timeout 0         drops everything for ever; removal closes the connection, as bytes are missing from it
  reset_peer        does nothing until the next chunk; resets only connections opened after it was added
  a held end        an end of stream waits behind held data, and passes at once where nothing is held

Rules of this file
  1. A stage never reorders.  It passes data and the end of the stream to `output`, and nothing afterwards.
  2. `leave` is the removal of the toxic from a living connection: what is held goes out at once, in order.
  3. `discard` is the end of the connection: timers are cancelled, what is held is forgotten.
  4. `held` counts the bytes that wait here; the relay stops reading from the source when it grows.

One difference is deliberate: whether a toxic with a toxicity below 1 hits a connection is drawn once per
connection, never again when the toxic is updated or another is added.
"""

import asyncio
import random
from collections import deque
from typing import Any, Protocol

import msgspec


class Output(Protocol):
    """Where a stage passes data on to: the next stage, or the socket."""

    def feed(self, data: bytes, at: float) -> None:
        """These bytes, which arrived at the proxy at this time (seconds of the loop's clock)."""
        ...

    def finish(self) -> None:
        """Nothing follows: close."""
        ...


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """Delays each chunk by `latency` ms, plus or minus up to `jitter` ms."""

    latency: int = 0
    jitter: int = 0


class Bandwidth(msgspec.Struct, frozen=True, kw_only=True):
    """At most `rate` KB per second; 0 stalls."""

    rate: int = 0


class SlowClose(msgspec.Struct, frozen=True, kw_only=True):
    """The end of the stream comes `delay` ms later."""

    delay: int = 0


class Timeout(msgspec.Struct, frozen=True, kw_only=True):
    """Drops all data; closes after `timeout` ms without any (0: never)."""

    timeout: int = 0


class ResetPeer(msgspec.Struct, frozen=True, kw_only=True):
    """Resets the connection `timeout` ms after the next chunk."""

    timeout: int = 0


class Slicer(msgspec.Struct, frozen=True, kw_only=True):
    """Cuts chunks into pieces of about `average_size` bytes, `delay` microseconds apart."""

    average_size: int = 0
    size_variation: int = 0
    delay: int = 0


class LimitData(msgspec.Struct, frozen=True, kw_only=True):
    """Closes after so many bytes, in the middle of a message where it falls so."""

    bytes: int = 0


Attributes = Latency | Bandwidth | SlowClose | Timeout | ResetPeer | Slicer | LimitData


class Stage:
    """Passes everything on at once: what a connection gets that a toxic does not hit."""

    room_bytes = 0
    """How much may wait here, beyond the little that every pipe may hold, before the source is paused."""

    def __init__(self, attributes: Any, rng: random.Random) -> None:
        self.attributes = attributes
        self.rng = rng
        self.loop = asyncio.get_running_loop()
        self.output: Output = _Nowhere()
        self.held = 0

    def feed(self, data: bytes, at: float) -> None:
        """Data comes in."""
        self.output.feed(data, at)

    def finish(self) -> None:
        """The stream ends."""
        self.output.finish()

    def update(self, attributes: Any) -> None:
        """The toxic's attributes changed while the connection lives."""
        self.attributes = attributes

    def leave(self) -> None:
        """The toxic is being removed: pass on whatever is held."""

    def discard(self) -> None:
        """The connection is gone: forget everything."""

    def _close(self) -> None:
        """For timers: the output is looked up when the time comes, as a toxic may have been added behind."""
        self.output.finish()


class _Nowhere:
    """The output of a stage before it is wired, and after its connection is gone."""

    def feed(self, data: bytes, at: float) -> None:
        """Forget it."""

    def finish(self) -> None:
        """Nothing to close."""


class QueueStage(Stage):
    """Holds chunks, and the end behind them, each for as long as `delay_s` says."""

    def __init__(self, attributes: Any, rng: random.Random) -> None:
        super().__init__(attributes, rng)
        self.queue: deque[tuple[bytes, float]] = deque()
        self.ended = False
        self.timer: asyncio.TimerHandle | None = None

    def delay_s(self, now: float) -> float | None:
        """How long the head (the end, where the queue is empty) must still wait; None: until removal."""
        raise NotImplementedError

    def feed(self, data: bytes, at: float) -> None:
        self.queue.append((data, at))
        self.held += len(data)
        self._advance()

    def finish(self) -> None:
        self.ended = True
        self._advance()

    def update(self, attributes: Any) -> None:
        """The head goes out at once, as it was waiting by the old rule; the rest follow the new one."""
        self.attributes = attributes
        if self.timer is not None:
            self.timer.cancel()
            self._due()
        else:
            self._advance()

    def leave(self) -> None:
        self._stop_timer()
        while self.queue or self.ended:
            self._emit()

    def discard(self) -> None:
        self._stop_timer()
        self.queue.clear()
        self.ended = False
        self.held = 0
        self.output = _Nowhere()

    def _stop_timer(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def _advance(self) -> None:
        while self.timer is None and (self.queue or self.ended):
            delay = self.delay_s(self.loop.time())
            if delay is None:
                return
            if delay > 0:
                self.timer = self.loop.call_later(delay, self._due)
            else:
                self._emit()

    def _due(self) -> None:
        self.timer = None
        self._emit()
        self._advance()

    def _emit(self) -> None:
        if self.queue:
            data, _ = self.queue.popleft()
            self.held -= len(data)
            self.output.feed(data, self.loop.time())
        elif self.ended:
            self.ended = False
            self.output.finish()


class LatencyStage(QueueStage):
    """Order is kept: jitter may delay what follows, it lets nothing overtake."""

    room_bytes = 32 << 20

    def delay_s(self, now: float) -> float | None:
        if not self.queue:
            return 0.0
        delay_ms: int = self.attributes.latency
        if self.attributes.jitter > 0:
            delay_ms += self.rng.randrange(2 * self.attributes.jitter) - self.attributes.jitter
        return self.queue[0][1] + delay_ms / 1000 - now


class BandwidthStage(QueueStage):
    """A line of a given width: what is long is cut into pieces of at most 100 ms."""

    def __init__(self, attributes: Any, rng: random.Random) -> None:
        super().__init__(attributes, rng)
        self.free_at = 0.0

    def delay_s(self, now: float) -> float | None:
        if not self.queue:
            return 0.0
        rate: int = self.attributes.rate
        if rate <= 0:
            return None
        data, at = self.queue[0]
        piece = rate * 100
        if len(data) > piece:
            self.queue[0] = (data[piece:], at)
            self.queue.appendleft((data[:piece], at))
        # KB per second are bytes per millisecond.
        self.free_at = max(self.free_at, now) + len(self.queue[0][0]) / rate / 1000
        return self.free_at - now


class SlowCloseStage(QueueStage):
    """Data passes; the end waits."""

    def delay_s(self, now: float) -> float | None:
        return 0.0 if self.queue else self.attributes.delay / 1000


class SlicerStage(QueueStage):
    """Pieces go out one by one."""

    def __init__(self, attributes: Any, rng: random.Random) -> None:
        super().__init__(attributes, rng)
        self.ready_at = 0.0

    def feed(self, data: bytes, at: float) -> None:
        view = memoryview(data)
        for start, end in self._cuts(0, len(data)):
            self.queue.append((bytes(view[start:end]), at))
            self.held += end - start
        self._advance()

    def delay_s(self, now: float) -> float | None:
        if not self.queue:
            return 0.0
        wait = self.ready_at - now
        self.ready_at = max(self.ready_at, now) + self.attributes.delay / 1e6
        return wait

    def _cuts(self, start: int, end: int) -> list[tuple[int, int]]:
        """Halve until a piece is no longer than the average plus the variation."""
        average, variation = max(1, self.attributes.average_size), self.attributes.size_variation
        if end - start - average <= variation:
            return [(start, end)]
        middle = start + (end - start) // 2
        if variation > 0:
            middle += self.rng.randrange(2 * variation) - variation
        middle = min(max(middle, start + 1), end - 1)
        return self._cuts(start, middle) + self._cuts(middle, end)


class TimeoutStage(Stage):
    """Drops. The timer starts anew with every chunk."""

    def __init__(self, attributes: Any, rng: random.Random) -> None:
        super().__init__(attributes, rng)
        self.timer: asyncio.TimerHandle | None = None
        self._arm()

    def feed(self, data: bytes, at: float) -> None:
        self._arm()

    def update(self, attributes: Any) -> None:
        self.attributes = attributes
        self._arm()

    def leave(self) -> None:
        self._disarm()
        self.output.finish()

    def discard(self) -> None:
        self._disarm()
        self.output = _Nowhere()

    def _arm(self) -> None:
        self._disarm()
        if self.attributes.timeout > 0:
            self.timer = self.loop.call_later(self.attributes.timeout / 1000, self._close)

    def _disarm(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


class ResetPeerStage(Stage):
    """Waits for traffic, then closes. The relay makes the close a reset, where the socket is prepared."""

    def __init__(self, attributes: Any, rng: random.Random) -> None:
        super().__init__(attributes, rng)
        self.timer: asyncio.TimerHandle | None = None

    def feed(self, data: bytes, at: float) -> None:
        if self.timer is None:
            self.timer = self.loop.call_later(self.attributes.timeout / 1000, self._close)

    def finish(self) -> None:
        self.feed(b"", 0.0)

    def leave(self) -> None:
        """A chunk that was swallowed cannot be given back: the connection must go."""
        if self.timer is not None:
            self.timer.cancel()
            self.output.finish()

    def discard(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
        self.output = _Nowhere()


class LimitDataStage(Stage):
    """Counts from the moment the toxic met the connection."""

    def __init__(self, attributes: Any, rng: random.Random) -> None:
        super().__init__(attributes, rng)
        self.passed = 0

    def feed(self, data: bytes, at: float) -> None:
        part = data[: max(0, self.attributes.bytes - self.passed)]
        self.passed += len(part)
        if part:
            self.output.feed(part, at)
        if self.passed >= self.attributes.bytes:
            self.output.finish()
            self.output = _Nowhere()


KINDS: dict[str, tuple[type[Attributes], type[Stage]]] = {
    "latency": (Latency, LatencyStage),
    "bandwidth": (Bandwidth, BandwidthStage),
    "slow_close": (SlowClose, SlowCloseStage),
    "timeout": (Timeout, TimeoutStage),
    "reset_peer": (ResetPeer, ResetPeerStage),
    "slicer": (Slicer, SlicerStage),
    "limit_data": (LimitData, LimitDataStage),
}
"""Every type of toxic: its attributes, and the stage that carries it out."""


class Toxic(msgspec.Struct, kw_only=True):
    """One toxic of one proxy. `stream` is `upstream` (client to server) or `downstream`."""

    name: str
    type: str
    stream: str = "downstream"
    toxicity: float = 1.0
    attributes: Attributes

    def stage(self, rng: random.Random) -> Stage:
        """A stage of one connection; whether the toxic hits it is drawn here."""
        kind = KINDS[self.type][1] if rng.random() < self.toxicity else Stage
        return kind(self.attributes, rng)

    def as_json(self) -> dict[str, Any]:
        """As the HTTP interface shows it."""
        return {
            "attributes": msgspec.to_builtins(self.attributes),
            "name": self.name,
            "type": self.type,
            "stream": self.stream,
            "toxicity": self.toxicity,
        }
