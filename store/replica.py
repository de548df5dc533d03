"""What this node holds: objects as a primary, hints for others, and what follows from them.

Memory changes at once, the disk by Persist, which always carries the whole state of a key.  Whatever
depends on durability (an acknowledgement, a clean answer about a tombstone) asks `pending` first.

Rules of this file
  1. The local view of a key is the merge of the object and of all hints for the key: a fallback answers
     reads and coordinates writes with everything it has seen, whomever it keeps it for.
  2. An actor names a contiguous run of writes to one key.  It is used again only while the local view
     still shows its last counter.  Otherwise a node could hand out the same dot twice: it writes (a,1),
     hands that hint off and drops it, and the next write finds a view without `a` (riak_kv #679).  Nor
     do actors outlive a start: their names carry the epoch.
  3. Hints are kept aside from objects: only what this node owns as a primary is in its hash trees.
  4. Hash trees are brought up to date when somebody looks at them, not at every write.
"""

from __future__ import annotations

from store import versions
from store.config import MS
from store.effects import HintRecord, Image, ObjectRecord
from store.hash_tree import HashTree
from store.messages import Key, NodeId, Store, StoreAck
from store.turn import Turn
from store.versions import Versions

REPAIRS = ("repair", "exchange", "handoff")
"""Reasons of a Store that count as repair traffic."""


class Replica:
    """Objects, hints, trees, actors and what of it is not durable yet."""

    __slots__ = (
        "_actors", "_actors_made", "_epoch", "_stale", "_trees", "_turn",
        "hints", "lifetime_ns", "objects", "owned", "pending", "promises", "tombstones",
    )  # fmt: skip

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self.lifetime_ns = turn.config.timing.message_lifetime_ms * MS
        self._epoch = 0
        self._actors: dict[Key, tuple[str, int]] = {}
        self._actors_made = 0
        mine = turn.ring.partitions_of(turn.me)
        self._trees: dict[int, HashTree] = {partition: HashTree() for partition in mine}
        self._stale: dict[Key, None] = {}
        self.owned: tuple[bool, ...] = tuple(p in self._trees for p in range(turn.config.partitions))
        self.objects: dict[Key, Versions] = {}
        self.hints: dict[NodeId, dict[Key, Versions]] = {}
        self.tombstones: dict[Key, None] = {}
        """Keys whose object is only a tombstone: the candidates for reaping."""
        self.pending: dict[Key, int] = {}
        """Keys with records that are not durable yet -> the last token among them."""
        self.promises: dict[Key, int] = {}
        """Keys about which this node said `clean` -> the request that asked; kept by `store.reaping`."""

    def load(self, image: Image, epoch: int) -> None:
        """Take over what the log held. `epoch` becomes part of every actor that this life creates."""
        self._epoch = epoch
        self.objects = dict(image.objects)
        for (target, key), state in image.hints.items():
            self.hints.setdefault(target, {})[key] = state
        self._stale = dict.fromkeys(self.objects)
        self.tombstones = {key: None for key, state in self.objects.items() if versions.is_tombstone(state)}

    # --- looking ---------------------------------------------------------------------------------

    def view(self, key: Key) -> Versions | None:
        """Everything this node has seen of the key and still holds."""
        state = self.objects.get(key)
        for kept in self.hints.values():
            hint = kept.get(key)
            if hint is not None:
                state = hint if state is None else self._turn.policies.merge(state, hint)
        return state

    def hinted(self, key: Key) -> bool:
        """Is there a hint for this key, for anybody?"""
        return any(key in kept for kept in self.hints.values())

    def hint_count(self) -> int:
        """Hints for all targets together."""
        return sum(len(kept) for kept in self.hints.values())

    def trees(self) -> dict[int, HashTree]:
        """The hash tree of every partition that this node is a primary of, up to date."""
        for key in self._stale:
            tree = self._trees.get(self._turn.ring.partition(key))
            state = self.objects.get(key)
            if tree is None:
                continue
            if state is None:
                tree.remove(key)
            else:
                tree.put(key, versions.digest(state))
        self._stale.clear()
        return self._trees

    # --- changing --------------------------------------------------------------------------------

    def put_object(self, key: Key, state: Versions) -> int:
        """Hold this state as a primary. Returns the token after which it is durable."""
        self.objects[key] = state
        self._stale[key] = None
        if versions.is_tombstone(state):
            self.tombstones[key] = None
        elif self.tombstones:
            self.tombstones.pop(key, None)
        return self._changed(key, ObjectRecord(key, state))

    def drop_object(self, key: Key) -> None:
        """Forget the object (a reaped tombstone)."""
        del self.objects[key]
        self._stale[key] = None
        self.tombstones.pop(key, None)
        self._changed(key, ObjectRecord(key, None))
        self._forget_actor(key)

    def put_hint(self, target: NodeId, key: Key, state: Versions) -> int:
        """Keep this state for the target. Returns the token after which it is durable."""
        self.hints.setdefault(target, {})[key] = state
        return self._changed(key, HintRecord(target, key, state))

    def drop_hint(self, target: NodeId, key: Key) -> None:
        """Forget a hint (delivered)."""
        kept = self.hints[target]
        del kept[key]
        if not kept:
            del self.hints[target]
        self._changed(key, HintRecord(target, key, None))
        self._forget_actor(key)

    def write(self, key: Key, context: versions.Clock, value: bytes, deleted: bool) -> Versions:
        """A new state of the key with this write in it, built on the local view; nothing is stored."""
        local = self.view(key)
        actor, counter = self._actors.get(key, ("", 0))
        if local is None or not actor or local.clock.get(actor) != counter:
            self._actors_made += 1
            actor = f"{self._turn.me}:{self._epoch:x}:{self._actors_made}"
        state = self._turn.policies.write(local, context, actor, value, deleted, self._turn.now)
        self._actors[key] = (actor, state.clock.get(actor, 0))
        return state

    def merge_object(self, key: Key, state: Versions, why: str) -> None:
        """Merge a state into the object. Persists and counts only when that changes something."""
        held = self.objects.get(key)
        merged = state if held is None else self._turn.policies.merge(held, state)
        if held is None or (merged is not held and merged != held):
            self.put_object(key, merged)
            if why in REPAIRS:
                self._turn.counters["repairs"] += 1

    def accept(self, source: NodeId, message: Store) -> None:
        """A peer's state: merge it where it belongs and acknowledge it once that is durable.

        A state that was under way for too long is dropped unacknowledged (see `store.reaping`).
        """
        turn, key = self._turn, message.key
        if turn.now - message.sent_at > self.lifetime_ns:
            turn.counters["stale_dropped"] += 1
            return
        if message.hint_for is not None and message.hint_for != turn.me:
            self._merge_hint(message.hint_for, key, message.state)
        elif self.owned[turn.ring.partition(key)]:
            self.merge_object(key, message.state, message.why)
        else:
            turn.counters["misdirected"] += 1
            return
        if message.request:
            self._acknowledge(source, key, message.request)

    def _acknowledge(self, source: NodeId, key: Key, request: int) -> None:
        # Also when nothing changed: the same state may have come before and still be on its way to the disk.
        token = self.pending.get(key, 0)
        if token <= self._turn.durable:
            self._turn.send(source, StoreAck(request))
        else:
            self._turn.when_durable(token, self._send_ack, (source, StoreAck(request)))

    def _send_ack(self, answer: tuple[NodeId, StoreAck]) -> None:
        self._turn.send(*answer)

    def _merge_hint(self, target: NodeId, key: Key, state: Versions) -> None:
        held = self.hints.get(target, {}).get(key)
        merged = state if held is None else self._turn.policies.merge(held, state)
        if held is None or (merged is not held and merged != held):
            self.put_hint(target, key, merged)
            self._turn.counters["hints_stored"] += 1

    def _changed(self, key: Key, record: ObjectRecord | HintRecord) -> int:
        token = self._turn.persist(record)
        self.pending[key] = token
        self._turn.when_durable(token, self._settle, key)
        if self.promises:
            self.promises.pop(key, None)
        return token

    def _settle(self, key: Key) -> None:
        if self.pending.get(key, 0) <= self._turn.durable:
            self.pending.pop(key, None)

    def _forget_actor(self, key: Key) -> None:
        if key not in self.objects and not self.hinted(key):
            self._actors.pop(key, None)
