"""Every decision that a real system once got wrong, as a named function that a bug seed can replace.

The core calls these through one frozen `Policies` value and never asks which bug is planted.
Signatures are a contract with people who plant bugs of their own: docs/bug-seeds.md lists them.
"""

from collections.abc import Callable
from typing import Literal

import msgspec

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
