"""What goes into the core and what comes out. `Node.handle(event, now) -> list[Effect]`.

Effects must be carried out in the order of the list: persist before send before reply.  `Persist` only
*starts* a write; the driver answers with a `Durable` event once the records would survive power loss,
and the core says what depends on that then.  Drivers may batch the records of many Persists into one
fsync (group commit), but must report tokens in the order in which they were given.
"""

import msgspec

from store.messages import AdminReply, AdminRequest, ClientReply, ClientRequest, Key, Message, NodeId
from store.versions import Versions


class Record(msgspec.Struct, frozen=True, array_like=True, tag_field="type", tag=str.lower, gc=False):
    """Base of what is written to the log."""


class EpochRecord(Record, frozen=True):
    """This start's epoch: part of every actor id, durable before the first request is served."""

    epoch: int


class ObjectRecord(Record, frozen=True):
    """The whole state of a key as a primary replica; None forgets it (a reaped tombstone)."""

    key: Key
    state: Versions | None


class HintRecord(Record, frozen=True):
    """The whole state of a hint; None removes it (delivered)."""

    target: NodeId
    key: Key
    state: Versions | None


class Image(msgspec.Struct):
    """What a replay of the log yields. Mutable while it is being built; owned by the node after Boot."""

    epoch: int = 0
    objects: dict[Key, Versions] = {}
    hints: dict[tuple[NodeId, Key], Versions] = {}


class Event(msgspec.Struct, frozen=True, gc=False):
    """Base of what can happen to a node."""


class Boot(Event, frozen=True):
    """The process started and replayed its log."""

    image: Image


class Received(Event, frozen=True):
    """A message came over the link from `source`."""

    source: NodeId
    message: Message


class Requested(Event, frozen=True):
    """A client or an administrator asks; the answer must carry the same ticket."""

    ticket: int
    request: ClientRequest | AdminRequest


class TimerFired(Event, frozen=True):
    """The time of a SetTimer has come. Timers cannot be cancelled; the core ignores stale ones."""

    timer: int


class Durable(Event, frozen=True):
    """The records of the Persist with this token, and all before it, survive power loss."""

    token: int


class PeerLost(Event, frozen=True):
    """The connection to a peer broke or was refused. What was sent on it may or may not have arrived."""

    peer: NodeId


class Effect(msgspec.Struct, frozen=True, gc=False):
    """Base of what the core wants done."""


class Persist(Effect, frozen=True):
    """Append these records; say Durable(token) when they are safe."""

    token: int
    records: tuple[Record, ...]


class Send(Effect, frozen=True):
    """Send on the directed link to `target`, in order, without promise."""

    target: NodeId
    message: Message


class Reply(Effect, frozen=True):
    """Answer the client or administrator with this ticket."""

    ticket: int
    reply: ClientReply | AdminReply


class SetTimer(Effect, frozen=True):
    """Say TimerFired(timer) at this time (ns, the clock of `now`)."""

    timer: int
    at: int
