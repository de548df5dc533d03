"""Answers to administrators, from memory, also before the node is ready.

Replies are snapshots: a driver may hand them over much later, so nothing in them may still change.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from store.health import Health
from store.messages import (
    AdminReply,
    AdminRequest,
    Dump,
    DumpReply,
    HeardProbes,
    Hints,
    HintsReply,
    NodeId,
    Probe,
    ProbesReply,
    RingReply,
    RingView,
    Roots,
    RootsReply,
    SendProbe,
    Status,
    StatusReply,
)
from store.replica import Replica
from store.turn import Turn

PROBES_MAX = 256
"""Probes that are remembered."""


class Admin:
    """What the harness sees of a node."""

    __slots__ = ("_answers", "_health", "_heard", "_replica", "_turn", "epoch", "ready")

    def __init__(self, turn: Turn, replica: Replica, health: Health) -> None:
        self._turn = turn
        self._replica = replica
        self._health = health
        self._heard: deque[int] = deque(maxlen=PROBES_MAX)
        self.epoch = 0
        self.ready = False
        self._answers: dict[type[AdminRequest], Callable[[Any], AdminReply]] = {
            Status: self._status,
            RingView: self._ring_view,
            Hints: self._hints,
            Roots: self._roots,
            Dump: self._dump,
            SendProbe: self._send_probe,
            HeardProbes: self._heard_probes,
        }

    def ask(self, ticket: int, request: AdminRequest) -> None:
        """Answer at once."""
        self._turn.reply(ticket, self._answers[type(request)](request))

    def probed(self, source: NodeId, message: Probe) -> None:
        """A probe came through."""
        self._heard.append(message.nonce)

    def _status(self, _: Status) -> StatusReply:
        return StatusReply(
            node=self._turn.me,
            epoch=self.epoch,
            ready=self.ready,
            keys=len(self._replica.objects),
            hints=self._replica.hint_count(),
            healthy=self._health.seen(),
            counters=dict(self._turn.counters),
        )

    def _ring_view(self, request: RingView) -> RingReply:
        ring = self._turn.ring
        partitions = self._turn.config.partitions
        if request.key is None:
            return RingReply(partitions, ring.owners)
        partition = ring.partition(request.key)
        return RingReply(partitions, ring.owners, partition, ring.preference(partition))

    def _hints(self, _: Hints) -> HintsReply:
        return HintsReply({target: tuple(kept) for target, kept in self._replica.hints.items()})

    def _roots(self, _: Roots) -> RootsReply:
        return RootsReply({partition: tree.root for partition, tree in self._replica.trees().items()})

    def _dump(self, _: Dump) -> DumpReply:
        hinted = (
            (target, key, state)
            for target, kept in self._replica.hints.items()
            for key, state in kept.items()
        )
        return DumpReply(dict(self._replica.objects), tuple(hinted), self._turn.counters["repairs"])

    def _send_probe(self, request: SendProbe) -> ProbesReply:
        """An unknown target, or this node itself, has no link: no probe is sent, and none is reported."""
        if request.target not in self._turn.peers:
            return ProbesReply(())
        self._turn.send(request.target, Probe(request.nonce))
        return ProbesReply((request.nonce,))

    def _heard_probes(self, _: HeardProbes) -> ProbesReply:
        return ProbesReply(tuple(self._heard))
