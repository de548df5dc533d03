"""Watches the replicas during a run through the nodes' admin interface.

Its samples are what lets a report say "at 5.0 s only n4 held it, as a hint for n1; by 5.5 s no replica
did", and what the convergence checker judges.  A sample is not a snapshot: nodes answer at slightly
different moments, so only a state that stays the same over several samples counts as converged.
"""

from collections.abc import Callable

import msgspec

from checker.operation import OBSERVER, Operation, ReplicaSample
from nemesis.steps import Clock
from splitbrain.program import Ask, Handle, Myself, Post, Program, Receive, Spawn
from store.messages import Dump, DumpReply
from store.versions import Versions, digest, is_tombstone

Record = Callable[[Operation], Operation]
WriteId = Callable[[bytes], str]
Replicas = dict[str, ReplicaSample | None]

STABLE_NS = 2_500_000_000
"""Replicas are settled when nothing changed for so long: longer than a full round of anti-entropy."""


class Observer:
    """Samples all nodes. `stopped` ends the background program at its next tick."""

    def __init__(self, nodes: tuple[str, ...], write_id: WriteId, record: Record) -> None:
        self.nodes = nodes
        self.write_id = write_id
        self.record = record
        self.stopped = False

    def watch(self, interval: int) -> Program:
        """Sample every `interval` ns until stopped."""
        while not self.stopped:
            started: int = yield Clock()
            yield from self.sample()
            yield Receive(started + interval)

    def sample(self, final: bool = False) -> Program:
        """Ask all nodes at once, record what they hold, and return it (None for a node that is silent)."""
        myself: Handle = yield Myself()
        for node in self.nodes:
            yield Spawn(_ask(node, myself))
        replicas: Replicas = dict.fromkeys(self.nodes)
        missing = len(self.nodes)
        while missing:
            node, reply = yield Receive()
            missing -= 1
            if reply is not None:
                replicas[node] = self._describe(reply)
        value = {"replicas": {node: msgspec.to_builtins(held) for node, held in replicas.items()}}
        self.record(Operation(process=OBSERVER, type="info", f="sample", value=value, final=final))
        return replicas

    def settle(self, interval: int, limit: int) -> Program:
        """Sample until the replicas agree and rest, or until the limit (ns). Returns whether they did."""
        started: int = yield Clock()
        since: int | None = None
        last: Replicas = {}
        while True:
            now: int = yield Clock()
            replicas: Replicas = yield from self.sample()
            if not agree(replicas) or replicas != last:
                since = None
            elif since is None:
                since = now
            elif now - since >= STABLE_NS:
                return True
            last = replicas
            if now - started >= limit:
                return False
            yield Receive(now + interval)

    def last_look(self, interval: int, limit: int) -> Program:
        """Look until two looks in a row are equal, or until the limit (ns); the last one counts.

        The final reads may have met a tombstone that was just being reaped, and have repaired it.
        """
        started: int = yield Clock()
        last: Replicas = yield from self.sample(final=True)
        while True:
            now: int = yield Clock()
            yield Receive(now + interval)
            replicas: Replicas = yield from self.sample(final=True)
            if replicas == last or now - started >= limit:
                return
            last = replicas

    def _describe(self, reply: DumpReply) -> ReplicaSample:
        """Tombstone-only keys are left out: present here and reaped there, they are the same nothing."""
        held = {key: state for key, state in reply.primaries.items() if not is_tombstone(state)}
        return ReplicaSample(
            keys={_text(key): self._ids(state) for key, state in sorted(held.items())},
            digests={_text(key): digest(state).hex() for key, state in sorted(held.items())},
            hinted={f"{target}/{_text(key)}": self._ids(state) for target, key, state in sorted_hints(reply)},
            hints=len(reply.hinted),
            repairs=reply.repairs,
        )

    def _ids(self, state: Versions) -> tuple[str, ...]:
        return tuple(sorted(self.write_id(s.value) for s in state.siblings if not s.deleted))


def agree(replicas: Replicas) -> bool:
    """All nodes answered, no hint is left, and nodes that hold a key hold the same."""
    digests: dict[str, str] = {}
    for sample in replicas.values():
        if sample is None or sample.hints:
            return False
        for key, value in sample.digests.items():
            if digests.setdefault(key, value) != value:
                return False
    return True


def sorted_hints(reply: DumpReply) -> list[tuple[str, bytes, Versions]]:
    """Hints in an order that depends on nothing but their names."""
    return sorted(reply.hinted, key=lambda hint: (hint[0], hint[1]))


def _ask(node: str, report_to: Handle) -> Program:
    reply = yield Ask(node, Dump())
    yield Post(report_to, (node, reply))


def _text(key: bytes) -> str:
    return key.decode("utf-8", "backslashreplace")
