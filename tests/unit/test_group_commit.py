"""The driver under asyncio: effects in order, many persists in one sync, and a disk that fails."""

import asyncio
import socket
import threading
from collections.abc import Callable, Sequence

import pytest

from store.config import NodeConfig
from store.effects import (
    Boot,
    Durable,
    Effect,
    EpochRecord,
    Event,
    Image,
    ObjectRecord,
    Persist,
    Record,
    SetTimer,
    TimerFired,
)
from store.engine.engine import EngineError
from store.server import Server

PATIENCE_S = 30


class GatedEngine:
    """Keeps records in memory; each sync waits until the test lets it go on."""

    durable_at_once = False

    def __init__(self, *, open_gate: bool = True) -> None:
        self.gate = threading.Event()
        self.syncs: list[list[Record]] = []
        self.error: OSError | None = None
        self.closed = False
        self._records: list[Record] = []
        if open_gate:
            self.gate.set()

    def load(self) -> Image:
        return Image()

    def append(self, records: Sequence[Record]) -> None:
        self._records += records

    def sync(self) -> None:
        assert self.gate.wait(PATIENCE_S)
        if self.error is not None:
            raise self.error
        self.syncs.append(self._records)
        self._records = []

    def close(self) -> None:
        self.closed = True


class Script:
    """A node that persists an epoch at boot and otherwise does what the test says; notes all events."""

    def __init__(self, on_event: Callable[[Event], list[Effect]]) -> None:
        self.events: list[Event] = []
        self._on_event = on_event

    def handle(self, event: Event, now: int) -> list[Effect]:
        self.events.append(event)
        if isinstance(event, Boot):
            return [Persist(1, (EpochRecord(5),))]
        return self._on_event(event)

    def durable(self) -> list[int]:
        return [event.token for event in self.events if isinstance(event, Durable)]


def serve(script: Script, engine: GatedEngine, story: Callable[[Server], None]) -> None:
    """Run a server; `story` is called when it is ready. It ends when the story stops it."""
    config = NodeConfig(node="n1", nodes=("n1",), n=1, r=1, w=1)
    server = Server(script, engine, config, "test", lambda text: None)

    async def main() -> None:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            async with asyncio.timeout(PATIENCE_S):
                await server.run(listener, {}, lambda epoch: story(server))

    asyncio.run(main())


def record(number: int) -> ObjectRecord:
    return ObjectRecord(b"%d" % number, None)


def test_what_arrives_during_a_sync_shares_the_next_one() -> None:
    engine = GatedEngine()

    def on_event(event: Event) -> list[Effect]:
        match event:
            case TimerFired(timer=timer):
                return [Persist(timer, (record(timer),))]
            case Durable(token=6):
                server_box[0].stop()
        return []

    script = Script(on_event)
    server_box: list[Server] = []

    def story(server: Server) -> None:
        server_box.append(server)
        engine.gate.clear()
        server.deliver(TimerFired(2))
        loop = asyncio.get_running_loop()
        # The sync of 2 has begun and waits at the gate when these arrive.
        for timer in (3, 4, 5, 6):
            loop.call_later(0.02, server.deliver, TimerFired(timer))
        loop.call_later(0.04, engine.gate.set)

    serve(script, engine, story)
    assert engine.syncs == [[EpochRecord(5)], [record(2)], [record(3), record(4), record(5), record(6)]]
    assert script.durable() == [1, 2, 6]
    assert engine.closed


def test_a_failing_disk_confirms_nothing_and_ends_the_server() -> None:
    engine = GatedEngine()

    def on_event(event: Event) -> list[Effect]:
        return [Persist(event.timer, (record(event.timer),))] if isinstance(event, TimerFired) else []

    script = Script(on_event)

    def story(server: Server) -> None:
        engine.error = OSError(28, "No space left on device")
        server.deliver(TimerFired(2))

    with pytest.raises(EngineError, match="No space left on device; nothing more is acknowledged"):
        serve(script, engine, story)
    assert script.durable() == [1]
    assert engine.closed


def test_a_defect_of_the_node_ends_the_server_before_the_rest_is_carried_out() -> None:
    def on_event(event: Event) -> list[Effect]:
        if isinstance(event, TimerFired):
            raise RuntimeError("planted")
        return []

    script = Script(on_event)

    def story(server: Server) -> None:
        server.deliver(TimerFired(2))
        server.deliver(TimerFired(3))

    with pytest.raises(RuntimeError, match="planted"):
        serve(script, GatedEngine(), story)
    assert [event for event in script.events if isinstance(event, TimerFired)] == [TimerFired(2)]


def test_timers_never_ring_early() -> None:
    times: dict[int, int] = {}
    rung: dict[int, int] = {}

    class Timed(Script):
        def handle(self, event: Event, now: int) -> list[Effect]:
            if isinstance(event, TimerFired) and event.timer in times:
                rung[event.timer] = now
                if len(rung) == len(times):
                    box[0].stop()
            elif isinstance(event, TimerFired):
                times.update({timer: now + timer * 300_000 for timer in range(1, 20)})
                return [SetTimer(timer, at) for timer, at in times.items()]
            return super().handle(event, now)

    box: list[Server] = []

    def story(server: Server) -> None:
        box.append(server)
        server.deliver(TimerFired(100))

    serve(Timed(lambda event: []), GatedEngine(), story)
    assert all(rung[timer] >= times[timer] for timer in times)
