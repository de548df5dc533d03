"""Everything that is said to a node or by it: peers, clients, administrators.

Tagged msgspec structs, encoded as arrays on the wire (`store/wire.py`).  The simulator passes the same
objects by reference: they are frozen, and so are the states they carry.
"""

import msgspec

from store.versions import Clock, Versions

NodeId = str
Key = bytes


class Message(msgspec.Struct, frozen=True, array_like=True, tag_field="type", tag=str.lower, gc=False):
    """Base of all peer messages."""


# --- between nodes: liveness -----------------------------------------------------------------


class Ping(Message, frozen=True):
    """Are you there? Every node asks every other; the answer keeps the peer healthy in its eyes only."""

    nonce: int


class Pong(Message, frozen=True):
    """Yes. Carries the nonce of the ping, so one round trip covers both directions of the link."""

    nonce: int


class Probe(Message, frozen=True):
    """A nonce sent over one directed link to prove that a fault bites; the receiver remembers it."""

    nonce: int


# --- between nodes: replication ----------------------------------------------------------------


class Store(Message, frozen=True):
    """Merge this state into yours (replication, read repair, handoff, anti-entropy).

    `hint_for` names the primary that should have had it; the receiver keeps it aside as a hint.
    `request` is echoed in the answer; 0 asks for none.  `sent_at` is the sender's clock in ns: a state
    that is older than the configured message lifetime is dropped, which bounds how long a superseded
    version can be on its way (reaping tombstones depends on it).  `why` is for counters and traces:
    put, repair, handoff or exchange.
    """

    request: int
    key: Key
    state: Versions
    sent_at: int
    why: str
    hint_for: NodeId | None = None


class StoreAck(Message, frozen=True):
    """The state is merged and durable at the sender of this message."""

    request: int


class Fetch(Message, frozen=True):
    """What do you hold for this key?"""

    request: int
    key: Key


class Fetched(Message, frozen=True):
    """This (None: nothing)."""

    request: int
    state: Versions | None


# --- between nodes: anti-entropy (one tree per partition) ------------------------------------------


class TreeRoots(Message, frozen=True):
    """The roots of all trees the two nodes share: partition -> hash."""

    roots: dict[int, bytes]


class TreeLeaves(Message, frozen=True):
    """The leaf hashes of the trees that differ: partition -> leaf index -> hash."""

    leaves: dict[int, dict[int, bytes]]


class LeafKeys(Message, frozen=True):
    """Key hashes of the leaves that differ: partition -> leaf index -> key -> hash. Answered by states."""

    keys: dict[int, dict[int, dict[Key, bytes]]]


class LeafWants(Message, frozen=True):
    """Please send me these keys; I lack them or hold something else."""

    keys: tuple[Key, ...]


# --- between nodes: tombstones ---------------------------------------------------------------------


class ReapAsk(Message, frozen=True):
    """I want to forget the tombstone of this key with exactly this clock. Is anything older with you?

    There are two rounds. The second names the request of the first in `first`: has it been so ever since?
    """

    request: int
    key: Key
    clock: Clock
    first: int = 0


class ReapAnswer(Message, frozen=True):
    """`clean`: a primary holds exactly that tombstone, durably; no hint and no request here touches it."""

    request: int
    clean: bool


class ReapCommit(Message, frozen=True):
    """Everybody is clean: forget the tombstone if you still hold exactly this clock."""

    key: Key
    clock: Clock


# --- clients ---------------------------------------------------------------------------------------


class ClientRequest(msgspec.Struct, frozen=True, array_like=True, tag_field="type", tag=str.lower, gc=False):
    """Base of what a client may ask. `r` and `w` override the cluster's setting for this request."""


class Get(ClientRequest, frozen=True):
    """The values of a key, and the context that a later put must carry to replace them."""

    key: Key
    r: int | None = None


class Put(ClientRequest, frozen=True):
    """Write a value. An empty context is a blind write: concurrent with everything there is."""

    key: Key
    value: bytes
    context: bytes = b""
    w: int | None = None


class Delete(ClientRequest, frozen=True):
    """Write a tombstone over the versions that the context covers."""

    key: Key
    context: bytes = b""
    w: int | None = None


class ClientReply(msgspec.Struct, frozen=True, array_like=True, tag_field="type", tag=str.lower, gc=False):
    """Base of the answers to clients."""


class Found(ClientReply, frozen=True):
    """All live siblings; empty when there is none (the context may still cover a tombstone)."""

    values: tuple[bytes, ...]
    context: bytes


class Stored(ClientReply, frozen=True):
    """W replicas have the write, durably."""


class Refused(ClientReply, frozen=True):
    """The request did not succeed.

    `definite` is true only when it certainly had, and will have, no effect: refused before anything was
    written or sent.  `code` is one of `store.errors.CODES`, the one audited table.
    """

    code: str
    definite: bool
    message: str


class Forward(Message, frozen=True):
    """A client's write, passed on by a node that is not in the preference list. Never passed on again."""

    request: int
    body: Put | Delete


class Forwarded(Message, frozen=True):
    """The answer to the forwarded write."""

    request: int
    reply: Stored | Refused


PeerMessage = (
    Ping | Pong | Probe | Store | StoreAck | Fetch | Fetched | TreeRoots | TreeLeaves | LeafKeys
    | LeafWants | ReapAsk | ReapAnswer | ReapCommit | Forward | Forwarded
)  # fmt: skip


# --- administrators --------------------------------------------------------------------------------


class AdminRequest(msgspec.Struct, frozen=True, array_like=True, tag_field="type", tag=str.lower, gc=False):
    """Base of what the harness (or an operator) may ask. Answered from memory, without any peer."""


class Status(AdminRequest, frozen=True):
    """Who are you, whom do you see, what have you counted?"""


class RingView(AdminRequest, frozen=True):
    """Partition owners, and the preference list of a key when one is given."""

    key: Key | None = None


class Hints(AdminRequest, frozen=True):
    """The hints you keep for others."""


class Roots(AdminRequest, frozen=True):
    """The roots of your hash trees."""


class Dump(AdminRequest, frozen=True):
    """Everything you hold: primary replicas and hints."""


class SendProbe(AdminRequest, frozen=True):
    """Send a Probe with this nonce to that node, over the ordinary peer link."""

    target: NodeId
    nonce: int


class HeardProbes(AdminRequest, frozen=True):
    """Which nonces have reached you (the last 256)?"""


class AdminReply(msgspec.Struct, frozen=True, array_like=True, tag_field="type", tag=str.lower):
    """Base of the answers to administrators."""


class StatusReply(AdminReply, frozen=True):
    """`healthy` maps each peer to whether this node believes it reachable; `counters` only ever grow."""

    node: NodeId
    epoch: int
    ready: bool
    keys: int
    hints: int
    healthy: dict[NodeId, bool]
    counters: dict[str, int]


class RingReply(AdminReply, frozen=True):
    """`owners[p]` is the node that owns partition p; `preference` the list for the key asked about."""

    partitions: int
    owners: tuple[NodeId, ...]
    partition: int | None = None
    preference: tuple[NodeId, ...] = ()


class HintsReply(AdminReply, frozen=True):
    """Hints by target: node -> keys."""

    hints: dict[NodeId, tuple[Key, ...]]


class RootsReply(AdminReply, frozen=True):
    """Partition -> root hash, for the partitions this node is a primary of."""

    roots: dict[int, bytes]


class DumpReply(AdminReply, frozen=True):
    """`primaries`: key -> state; `hinted`: (target, key, state) each; `repairs`: states merged by repair."""

    primaries: dict[Key, Versions]
    hinted: tuple[tuple[NodeId, Key, Versions], ...]
    repairs: int


class ProbesReply(AdminReply, frozen=True):
    """Nonces heard (for SendProbe: the nonce that was sent)."""

    nonces: tuple[int, ...]
