"""How a node is set up. One frozen value, the same in every place a node runs."""

import msgspec

from store.messages import NodeId

MS = 1_000_000
"""Nanoseconds in a millisecond."""


class Timing(msgspec.Struct, frozen=True, kw_only=True):
    """All waiting of a node, in milliseconds."""

    request_timeout_ms: int = 1000
    """A client's request that has no quorum by then is answered with `timeout`."""
    replica_timeout_ms: int = 250
    """A replica that has not answered by then is replaced by the next fallback (sloppy quorum)."""
    repair_wait_ms: int = 150
    """After the reply to a get: how long to wait for stragglers before read repair."""
    ping_ms: int = 200
    suspect_ms: int = 650
    """A peer that has answered no ping for so long is unhealthy in this node's eyes."""
    handoff_ms: int = 300
    """Between attempts to deliver hints."""
    exchange_ms: int = 400
    """Between anti-entropy exchanges; each takes the next peer in turn."""
    tombstone_grace_ms: int = 1500
    """A tombstone is at least so old before anybody thinks of reaping it."""
    message_lifetime_ms: int = 3000
    """A state that was under way longer is dropped. Must exceed request_timeout plus any clock skew."""


class NodeConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a node must know. `nodes` is the whole cluster in a fixed order; it defines the ring."""

    node: NodeId
    nodes: tuple[NodeId, ...]
    partitions: int = 64
    n: int = 3
    r: int = 2
    w: int = 2
    timing: Timing = Timing()
    value_bytes_max: int = 1 << 20
    requests_max: int = 10_000
    bug: str | None = None
    """A bug seed: the id of a catalogued one, or the path of a module (docs/bug-seeds.md)."""
