"""Hinted handoff: bring what is kept for others to where it belongs (Dynamo, section 4.6).

Every tick, each healthy target is sent the hints kept for it, a bounded number at a time; each
acknowledgement makes room for the next.  A target that seems unhealthy is tried at every fourth tick all
the same (section 4.8: "A periodically retries B").

Rules of this file
  1. A hint goes only when the target has said that it holds the state durably, and only if the hint is
     still the state that was sent: a write may have been added to it meanwhile.
  2. Delivery is a merge at the target, so sending a hint twice does no harm; not sending it does.
"""

from __future__ import annotations

from collections import deque

import msgspec

from store.config import MS
from store.health import Health
from store.messages import Key, NodeId, Store
from store.replica import Replica
from store.turn import Turn
from store.versions import Versions

IN_FLIGHT_MAX = 32
"""Hints under way to one target at a time."""

RETRY_EVERY = 4
"""An unhealthy target is tried at every so many ticks."""


class Flight(msgspec.Struct, frozen=True, gc=False):
    """One hint under way."""

    target: NodeId
    key: Key
    state: Versions
    sent_at: int


class Handoff:
    """The hints under way, and those that wait for their turn in this tick."""

    __slots__ = (
        "_busy", "_flights", "_health", "_period_ns", "_queues", "_replica", "_ticks", "_timeout_ns", "_turn",
    )  # fmt: skip

    def __init__(self, turn: Turn, replica: Replica, health: Health) -> None:
        self._turn = turn
        self._replica = replica
        self._health = health
        self._period_ns = turn.config.timing.handoff_ms * MS
        self._timeout_ns = turn.config.timing.replica_timeout_ms * MS
        self._flights: dict[int, Flight] = {}
        self._busy: dict[NodeId, dict[Key, int]] = {peer: {} for peer in turn.peers}
        self._queues: dict[NodeId, deque[Key]] = {peer: deque() for peer in turn.peers}
        self._ticks = 0

    def start(self) -> None:
        """Begin to deliver, at a random point of the period."""
        self._turn.set_timer(self._turn.now + self._turn.rng.randrange(self._period_ns), self._tick)

    def acked(self, source: NodeId, request: int) -> None:
        """The target holds a hint durably: forget it here, and send the next."""
        flight = self._flights.get(request)
        if flight is None or flight.target != source:
            return
        self._land(request, flight)
        if self._turn.policies.hint_is_done("acked"):
            self._remove(flight)
        self._fill(source)

    def _tick(self, _: None) -> None:
        turn = self._turn
        self._ticks += 1
        self._expire()
        for target in turn.peers:
            kept = self._replica.hints.get(target)
            if kept and (self._health.healthy(target) or self._ticks % RETRY_EVERY == 0):
                busy = self._busy[target]
                self._queues[target] = deque(key for key in kept if key not in busy)
                self._fill(target)
        turn.set_timer(turn.now + self._period_ns, self._tick)

    def _fill(self, target: NodeId) -> None:
        queue, busy = self._queues[target], self._busy[target]
        while queue and len(busy) < IN_FLIGHT_MAX:
            key = queue.popleft()
            state = self._replica.hints.get(target, {}).get(key)
            if state is not None and key not in busy:
                self._send(Flight(target, key, state, self._turn.now))

    def _send(self, flight: Flight) -> None:
        turn = self._turn
        request = turn.next_request()
        self._flights[request] = flight
        self._busy[flight.target][flight.key] = request
        turn.counters["hints_sent"] += 1
        turn.send(flight.target, Store(request, flight.key, flight.state, turn.now, "handoff"))
        if turn.policies.hint_is_done("sent"):
            self._remove(flight)

    def _expire(self) -> None:
        """Forget the flights that nobody acknowledged; their hints are sent again."""
        late = self._turn.now - self._timeout_ns
        for request, flight in list(self._flights.items()):
            if flight.sent_at > late:
                break
            self._land(request, flight)
            if self._turn.policies.hint_is_done("timed-out"):
                self._remove(flight)

    def _land(self, request: int, flight: Flight) -> None:
        del self._flights[request]
        del self._busy[flight.target][flight.key]

    def _remove(self, flight: Flight) -> None:
        held = self._replica.hints.get(flight.target, {}).get(flight.key)
        if held is not None and (held is flight.state or held == flight.state):
            self._replica.drop_hint(flight.target, flight.key)
            self._turn.counters["hints_delivered"] += 1
