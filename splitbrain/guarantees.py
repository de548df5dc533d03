"""What is promised in which mode, as data (docs/ARCHITECTURE.md). Printed in every report.

A run is judged by the mode it ran in: what the mode allows is counted, what it forbids is an anomaly.
"""

import msgspec


class Guarantee(msgspec.Struct, frozen=True, kw_only=True):
    """`promise` in the words of a user; `check` the checker that would notice when it is broken."""

    guarantee: str
    promise: str
    check: str


SLOPPY: tuple[Guarantee, ...] = (
    Guarantee(
        guarantee="an acknowledged write is kept, or superseded by a write that had seen it",
        promise="always",
        check="lost-writes",
    ),
    Guarantee(
        guarantee="siblings are exactly the writes that no other write had seen",
        promise="always",
        check="causal",
    ),
    Guarantee(
        guarantee="no more siblings than there are concurrent writes",
        promise="always",
        check="siblings",
    ),
    Guarantee(
        guarantee="replicas are equal after healing, and then repair traffic stops",
        promise="always",
        check="convergence",
    ),
    Guarantee(
        guarantee="a delete stays deleted unless somebody writes concurrently or later",
        promise="always",
        check="causal",
    ),
    Guarantee(
        guarantee="a read sees every write acknowledged before it began",
        promise="not promised: stale reads are counted",
        check="causal",
    ),
    Guarantee(
        guarantee="an item removed from a cart stays away",
        promise="not promised: it may resurface (Dynamo, section 4.4); counted",
        check="lost-writes",
    ),
    Guarantee(
        guarantee="writes are accepted while W nodes are reachable",
        promise="measured by fault phase",
        check="availability",
    ),
)
"""Sloppy quorum with dotted version vectors: the mode of this version's node."""
