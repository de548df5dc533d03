"""The Dynamo node: `handle(event, now) -> effects`. Pure, deterministic, and all of the protocol.

Events and effects are in `store.effects`, messages in `store.messages`.  This file only composes: it
opens an epoch, routes each event to the part that it concerns, and lets nothing but administrators and
probes in until the epoch is durable.  The parts are `reads`, `writes`, `handoff`, `exchange` and
`reaping`, all working on one `replica` and one view of the others' `health`, through one `turn`.

Rules of this file
  1. No clock, no randomness, no input or output of its own: `now` (ns) and `rng` come from outside, and the
     same events with the same rng give the same effects, whatever PYTHONHASHSEED is.
  2. Whatever arrives late, twice, from a stranger or with an unknown number is ignored. Nothing that another
     process sends can raise an exception here; assertions are for mistakes of the driver.
  3. Every start has a higher epoch than the last.  A node whose disk is gone cannot know the last, so it
     draws one at random from a range so large that it will not meet its earlier self: actors carry the
     epoch, and no dot is ever given out twice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from store.admin import Admin
from store.config import NodeConfig
from store.effects import Boot, Durable, Effect, EpochRecord, Event, PeerLost, Received, Requested, TimerFired
from store.exchange import Exchange
from store.handoff import Handoff
from store.health import Health
from store.messages import (
    AdminRequest,
    Delete,
    Fetch,
    Fetched,
    Forward,
    Forwarded,
    Get,
    LeafKeys,
    LeafWants,
    Message,
    NodeId,
    Ping,
    Pong,
    Probe,
    Put,
    ReapAnswer,
    ReapAsk,
    ReapCommit,
    Store,
    StoreAck,
    TreeLeaves,
    TreeRoots,
)
from store.policies import DEFAULT, Policies
from store.reads import Reads
from store.reaping import Reaping
from store.replica import Replica
from store.turn import Turn
from store.writes import Writes

if TYPE_CHECKING:
    from random import Random

Handler = Callable[[NodeId, Any], None]


class Node:
    """One node of the cluster. Give it Boot first; then any events, in the order they happen."""

    __slots__ = (
        "_admin", "_events", "_exchange", "_handoff", "_health", "_messages", "_reads", "_ready",
        "_reaping", "_replica", "_turn", "_writes",
    )  # fmt: skip

    def __init__(self, config: NodeConfig, rng: Random, policies: Policies = DEFAULT) -> None:
        """`rng` must differ from one start to the next. ValueError: the configuration is contradictory."""
        turn = Turn(config, rng, policies)
        self._turn = turn
        self._replica = Replica(turn)
        self._health = Health(turn)
        self._reads = Reads(turn, self._replica, self._health)
        self._writes = Writes(turn, self._replica, self._health)
        self._handoff = Handoff(turn, self._replica, self._health)
        self._exchange = Exchange(turn, self._replica, self._health)
        self._reaping = Reaping(turn, self._replica, self._writes)
        self._admin = Admin(turn, self._replica, self._health)
        self._ready = False
        self._events: dict[type[Event], Callable[[Any], None]] = {
            Received: self._received,
            Requested: self._requested,
            TimerFired: self._timer_fired,
            Durable: self._durable,
            PeerLost: self._peer_lost,
            Boot: self._boot,
        }
        self._messages: dict[type[Message], Handler] = {
            Probe: self._admin.probed,
            Forward: self._writes.refuse_early,
        }

    def handle(self, event: Event, now: int) -> list[Effect]:
        """What must be done about this event, in this order. `now` in ns; it must not go backwards."""
        turn = self._turn
        turn.now = now
        self._events[type(event)](event)
        return turn.finish()

    # --- events ----------------------------------------------------------------------------------

    def _boot(self, event: Boot) -> None:
        assert self._turn.token == 0, "a node boots once; make a new Node for a restart"
        turn, image = self._turn, event.image
        epoch = image.epoch + 1 if image.epoch else turn.rng.getrandbits(31) << 16 | 1
        turn.open_epoch(epoch)
        self._replica.load(image, epoch)
        self._admin.epoch = epoch
        turn.when_durable(turn.persist(EpochRecord(epoch)), self._open, None)

    def _open(self, _: None) -> None:
        """The epoch is durable: serve."""
        self._ready = self._admin.ready = True
        self._messages = self._routes()
        for part in (self._health, self._handoff, self._exchange, self._reaping):
            part.start()

    def _routes(self) -> dict[type[Message], Handler]:
        return {
            Store: self._replica.accept,
            StoreAck: self._acked,
            Fetch: self._reads.fetch,
            Fetched: self._reads.fetched,
            Forward: self._writes.forwarded,
            Forwarded: self._writes.answered,
            Ping: self._health.pinged,
            Pong: self._health.ponged,
            TreeRoots: self._exchange.roots,
            TreeLeaves: self._exchange.leaves,
            LeafKeys: self._exchange.keys,
            LeafWants: self._exchange.wanted,
            ReapAsk: self._reaping.ask,
            ReapAnswer: self._reaping.answered,
            ReapCommit: self._reaping.commit,
            Probe: self._admin.probed,
        }

    def _received(self, event: Received) -> None:
        handler = self._messages.get(type(event.message))
        if handler is not None and event.source in self._turn.peers:
            handler(event.source, event.message)

    def _requested(self, event: Requested) -> None:
        ticket, request = event.ticket, event.request
        if isinstance(request, AdminRequest):
            self._admin.ask(ticket, request)
        elif not self._ready:
            self._turn.refuse(ticket, "not-ready")
        elif self._in_progress() >= self._turn.config.requests_max:
            self._turn.refuse(ticket, "overloaded")
        elif isinstance(request, Get):
            self._reads.ask(ticket, request)
        elif isinstance(request, Put | Delete):
            self._writes.ask(ticket, request)

    def _in_progress(self) -> int:
        return len(self._reads.requests) + len(self._writes.requests) + len(self._writes.forwards)

    def _timer_fired(self, event: TimerFired) -> None:
        self._turn.fired(event.timer)

    def _durable(self, event: Durable) -> None:
        self._turn.settled(event.token)

    def _peer_lost(self, event: PeerLost) -> None:
        self._health.lost(event.peer)

    # --- a message that concerns two parts ------------------------------------------------------

    def _acked(self, source: NodeId, message: StoreAck) -> None:
        if not self._writes.acked(source, message.request):
            self._handoff.acked(source, message.request)
