"""A miniature world for the pure node: a few nodes, their links, disks and timers, on virtual time.

Everything is the real thing in small: effects are carried out in order, links keep the order of
messages, a disk answers Durable after its delay, and what was not durable is gone after a kill.  Tests cut
links, hold disks, kill, start and wipe nodes, and look at what was sent.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from typing import Any

from store.config import MS, NodeConfig, Timing
from store.effects import (
    Boot,
    Durable,
    Effect,
    EpochRecord,
    Event,
    HintRecord,
    Image,
    ObjectRecord,
    PeerLost,
    Persist,
    Received,
    Record,
    Reply,
    Requested,
    Send,
    SetTimer,
    TimerFired,
)
from store.messages import AdminRequest, ClientRequest, Dump, DumpReply, Message, Status, StatusReply
from store.node import Node
from store.policies import DEFAULT, Policies
from store.ring import Ring

NODES = ("n1", "n2", "n3", "n4", "n5")
START_NS = 1_000_000 * MS


def apply_record(image: Image, record: Record) -> None:
    """What replaying a log does."""
    match record:
        case EpochRecord(epoch):
            image.epoch = epoch
        case ObjectRecord(key, state):
            if state is None:
                image.objects.pop(key, None)
            else:
                image.objects[key] = state
        case HintRecord(target, key, state):
            if state is None:
                image.hints.pop((target, key), None)
            else:
                image.hints[target, key] = state


def config_of(node: str, nodes: tuple[str, ...] = NODES, **changes: Any) -> NodeConfig:
    """A small configuration; the rest are the defaults."""
    changes.setdefault("partitions", 16)
    changes.setdefault("timing", Timing())
    return NodeConfig(node=node, nodes=nodes, **changes)


class Machine:
    """One node with its disk. `life` tells events of an earlier start from those of this one."""

    def __init__(self) -> None:
        self.node: Node | None = None
        self.life = 0
        self.image = Image(objects={}, hints={})
        self.unsynced: list[Persist] = []
        self.disk_held = False


class Pump:
    """The world. Latency and fsync take a millisecond; `delay` may say otherwise per message."""

    def __init__(
        self,
        nodes: tuple[str, ...] = NODES,
        policies: Policies = DEFAULT,
        seed: int = 1,
        **changes: Any,
    ) -> None:
        self.names = nodes
        self.now = START_NS
        self.policies = policies
        self.seed = seed
        self.changes = changes
        self.machines = {name: Machine() for name in nodes}
        self.cut: dict[tuple[str, str], bool] = {}
        self.replies: dict[int, Any] = {}
        self.sent: list[tuple[str, str, Message]] = []
        self.delay: Callable[[str, str, Message], list[int]] = lambda source, target, message: [MS]
        self._tickets = 0
        self._order = 0
        self._heap: list[tuple[int, int, str, int, Event]] = []
        for name in nodes:
            self.start(name)
        self.run(5)

    # --- life and death ----------------------------------------------------------------------------

    def start(self, name: str) -> None:
        machine = self.machines[name]
        machine.life += 1
        rng = random.Random(f"{self.seed}/{name}/{machine.life}")
        config = config_of(name, self.names, **self.changes)
        machine.node = Node(config, rng, self.policies)
        objects, hints = dict(machine.image.objects), dict(machine.image.hints)
        self.handle(name, Boot(Image(epoch=machine.image.epoch, objects=objects, hints=hints)))

    def kill(self, name: str, lose_disk: bool = False) -> None:
        machine = self.machines[name]
        machine.node = None
        machine.unsynced.clear()
        machine.disk_held = False
        if lose_disk:
            machine.image = Image(objects={}, hints={})

    def hold_disk(self, name: str) -> None:
        """Nothing becomes durable at this node any more."""
        self.machines[name].disk_held = True

    def release_disk(self, name: str) -> None:
        self.machines[name].disk_held = False
        self._sync(name)

    # --- links -------------------------------------------------------------------------------------

    def isolate(self, *names: str) -> None:
        """Cut these nodes off from all others: messages vanish, nobody is told."""
        for one in names:
            for other in self.names:
                if other not in names:
                    self.cut[one, other] = self.cut[other, one] = True

    def mend(self) -> None:
        self.cut.clear()

    # --- asking ------------------------------------------------------------------------------------

    def begin(self, name: str, request: ClientRequest | AdminRequest) -> int:
        """Ask without waiting; the reply will be in `replies` under this ticket."""
        self._tickets += 1
        self.handle(name, Requested(self._tickets, request))
        return self._tickets

    def ask(self, name: str, request: ClientRequest | AdminRequest, wait_ms: int = 2500) -> Any:
        """Ask and run until the answer comes."""
        ticket = self.begin(name, request)
        end = self.now + wait_ms * MS
        while ticket not in self.replies and self._step(end):
            pass
        return self.replies.get(ticket)

    def dump(self, name: str) -> DumpReply:
        reply = self.ask(name, Dump())
        assert isinstance(reply, DumpReply)
        return reply

    def status(self, name: str) -> StatusReply:
        reply = self.ask(name, Status())
        assert isinstance(reply, StatusReply)
        return reply

    def count(self, counter: str) -> int:
        """The sum of a counter over all running nodes."""
        return sum(self.status(name).counters[counter] for name in self.names if self.machines[name].node)

    def states(self, key: bytes) -> dict[str, Any]:
        """What each running node holds of the key as a primary."""
        running = [name for name in self.names if self.machines[name].node]
        dumps = {name: self.dump(name).primaries for name in running}
        return {name: held[key] for name, held in dumps.items() if key in held}

    def preference(self, key: bytes) -> tuple[str, ...]:
        """All nodes in the order of the key's preference list; the first three are its primaries."""
        ring = Ring(self.names, 16, 3)
        return ring.preference(ring.partition(key))

    def messages(self, kind: type[Message], source: str | None = None) -> list[tuple[str, str, Any]]:
        """What was sent of this kind, by this node."""
        return [sent for sent in self.sent if type(sent[2]) is kind and source in (None, sent[0])]

    # --- time --------------------------------------------------------------------------------------

    def run(self, duration_ms: int) -> None:
        """Let this much time pass."""
        end = self.now + duration_ms * MS
        while self._step(end):
            pass
        self.now = end

    def handle(self, name: str, event: Event) -> list[Effect]:
        """Hand one event to a node and carry out what it wants."""
        node = self.machines[name].node
        if node is None:
            return []
        effects = node.handle(event, self.now)
        ranks = [0 if isinstance(e, Persist) else 2 if isinstance(e, Reply) else 1 for e in effects]
        assert ranks == sorted(ranks), "effects must come in the order persist, send, reply"
        for effect in effects:
            self._carry_out(name, effect)
        return effects

    def _step(self, end: int) -> bool:
        if not self._heap or self._heap[0][0] > end:
            return False
        at, _, name, life, event = heapq.heappop(self._heap)
        self.now = max(self.now, at)
        # What was on its way to an earlier life is gone with the connection it was on.
        if life == self.machines[name].life:
            if isinstance(event, Durable):
                self._durable(name, event)
            elif not (isinstance(event, Received) and self.cut.get((event.source, name))):
                self.handle(name, event)
        return True

    def _push(self, at: int, name: str, event: Event) -> None:
        self._order += 1
        heapq.heappush(self._heap, (at, self._order, name, self.machines[name].life, event))

    def _carry_out(self, name: str, effect: Effect) -> None:
        match effect:
            case Persist():
                self.machines[name].unsynced.append(effect)
                if not self.machines[name].disk_held:
                    self._push(self.now + MS, name, Durable(effect.token))
            case Send(target, message):
                self._send(name, target, message)
            case Reply(ticket, reply):
                assert ticket not in self.replies, "a ticket is answered once"
                self.replies[ticket] = reply
            case SetTimer(timer, at):
                assert at >= self.now
                self._push(at, name, TimerFired(timer))

    def _send(self, source: str, target: str, message: Message) -> None:
        self.sent.append((source, target, message))
        if self.cut.get((source, target)):
            return
        if self.machines[target].node is None:
            self._push(self.now + MS, source, PeerLost(target))
            return
        for delay in self.delay(source, target, message):
            self._push(self.now + delay, target, Received(source, message))

    def _durable(self, name: str, event: Durable) -> None:
        machine = self.machines[name]
        if machine.disk_held:
            return
        while machine.unsynced and machine.unsynced[0].token <= event.token:
            for record in machine.unsynced.pop(0).records:
                apply_record(machine.image, record)
        self.handle(name, event)

    def _sync(self, name: str) -> None:
        unsynced = self.machines[name].unsynced
        if unsynced:
            self._push(self.now, name, Durable(unsynced[-1].token))
