"""Every decision that a real system once got wrong, as a named function that a bug seed can replace.

The core calls these through one frozen `Policies` value and never asks which bug is planted.
Signatures are a contract with people who plant bugs of their own: docs/bug-seeds.md lists them.
"""

from collections.abc import Callable
from typing import Literal

import msgspec

from store import versions
from store.versions import Clock, Versions

AckStage = Literal["sent", "durable"]
"""How far a replica's copy has come: handed to the network (or to the disk), or safe on its disk."""

HintStage = Literal["sent", "acked", "timed-out"]
"""How far the delivery of a hint has come."""


class Policies(msgspec.Struct, frozen=True, kw_only=True):
    """The node's decisions. Functions are pure."""

    write: Callable[[Versions | None, Clock, str, bytes, bool, int], Versions]
    """(local state, client's context, actor, value, deleted, now ns) -> the new local state."""
    merge: Callable[[Versions, Versions], Versions]
    """Join of two replicas' states: commutative, associative, idempotent."""
    counts_as_ack: Callable[[AckStage], bool]
    """Does a replica at this stage count towards W?"""
    hint_is_done: Callable[[HintStage], bool]
    """May the hint be removed at this stage?"""
    may_ask_to_reap: Callable[[Versions, int, int], bool]
    """(state, now ns, grace ns) -> is it time to ask everybody whether this tombstone can go?"""
    may_reap: Callable[[int, int], bool]
    """(nodes that said clean, nodes in the cluster) -> may the tombstone be forgotten?"""


def counts_when_durable(stage: AckStage) -> bool:
    """Only a copy that survives power loss counts: what was merely sent may never arrive."""
    return stage == "durable"


def done_when_acknowledged(stage: HintStage) -> bool:
    """A hint may be the last copy of a write; it goes when its target has it, not when it was sent there."""
    return stage == "acked"


def old_enough_to_reap(state: Versions, now: int, grace_ns: int) -> bool:
    """Nothing but tombstones, the newest at least the grace period old.

    The wait only saves useless questions while the delete is still being spread: what makes
    reaping safe is that everybody answers clean.
    """
    return versions.is_tombstone(state) and now - max(s.stamp for s in state.siblings) >= grace_ns


def everybody_is_clean(clean: int, nodes: int) -> bool:
    """Every node of the cluster, not only the primaries: anybody may hold an older version as a hint."""
    return clean == nodes


DEFAULT = Policies(
    write=versions.write,
    merge=versions.merge,
    counts_as_ack=counts_when_durable,
    hint_is_done=done_when_acknowledged,
    may_ask_to_reap=old_enough_to_reap,
    may_reap=everybody_is_clean,
)
"""The store as it should be."""
