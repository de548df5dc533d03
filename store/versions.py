"""What a replica holds for one key: a clock and the siblings that no later write has replaced.

Dotted version vectors (Preguica, Baquero, Almeida et al., "Dotted version vectors", 2010/2012).  Every
write gets one *dot*, (actor, counter), that names it for ever.  The clock summarises all dots that
this replica has seen for the key; a sibling whose dot is in another replica's clock, but which that
replica no longer holds, was superseded there.  State is merged, never messages: `merge` is commutative,
associative and idempotent, so hints, repairs and anti-entropy may deliver it in any order, repeatedly.

Rules of this file
  1. An actor's counters are contiguous *per key*.  A coordinator that holds nothing for a key must not
     continue an old actor (riak_kv #679: it would claim to have seen dots which it forgot), so actors
     are `node:epoch:n`: the epoch is made durable at every start, and n is new whenever the coordinator
     has no local object for the key.
  2. The context a client gets covers exactly the siblings it was shown and what they superseded.
  3. Values are immutable. Siblings are kept sorted by dot, so equal states are equal bytes.
"""

import operator
from hashlib import blake2b
from zlib import crc32

import msgspec

Clock = dict[str, int]
Dot = tuple[str, int]


class Sibling(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One version. `stamp` is the coordinator's clock in ns (used by last-write-wins, and for reaping)."""

    dot: Dot
    value: bytes
    deleted: bool = False
    stamp: int = 0


class Versions(msgspec.Struct, frozen=True, array_like=True):
    """The state of one key at one replica. Never mutate `clock`: states are shared between messages."""

    clock: Clock
    siblings: tuple[Sibling, ...]


_ENCODER = msgspec.msgpack.Encoder()
_CONTEXT_DECODER = msgspec.msgpack.Decoder(list[tuple[str, int]])
_CHECKSUM_BYTES = 4
_dot = operator.attrgetter("dot")


class ContextError(ValueError):
    """These bytes are no context that this store issued."""


# --- changing ----------------------------------------------------------------------------------------


def write(  # noqa: PLR0917 - the signature of the policy
    local: Versions | None, context: Clock, actor: str, value: bytes, deleted: bool, now: int
) -> Versions:
    """The state after one more version, which replaces exactly the siblings that `context` covers.

    `now` in ns becomes the version's stamp.  The new dot is beyond everything that the local clock or the
    context knows of the actor: a version that its own context covers would be dropped by the next merge.
    """
    if local is None:
        counter = context.get(actor, 0) + 1
        clock = {**context, actor: counter}
        return Versions(clock, (Sibling((actor, counter), value, deleted, now),))
    counter = max(local.clock.get(actor, 0), context.get(actor, 0)) + 1
    clock = join(local.clock, context)
    if clock is local.clock or clock is context:
        clock = clock.copy()
    clock[actor] = counter
    new = Sibling((actor, counter), value, deleted, now)
    kept = [s for s in local.siblings if context.get(s.dot[0], 0) < s.dot[1]]
    return Versions(clock, _in_order([*kept, new]))


def merge(a: Versions, b: Versions) -> Versions:
    """Everything that A or B has seen and neither has replaced.

    A sibling that one side holds survives unless the other side has seen its dot and holds it no longer.
    Commutative, associative, idempotent.  Returns `a` itself (or else `b`) when the other adds nothing,
    so that a caller can tell by identity that nothing changed.
    """
    if a is b:
        return a
    seen_a, seen_b = a.clock, b.clock
    a_has_all, b_has_all = descends(seen_a, seen_b), descends(seen_b, seen_a)
    if a_has_all and (not b_has_all or a.siblings == b.siblings):
        # Whoever has seen a dot has seen all that it replaced, so the larger clock settles it.
        return a
    if b_has_all and not a_has_all:
        return b
    kept = [s for s in a.siblings if seen_b.get(s.dot[0], 0) < s.dot[1]]
    kept += [s for s in b.siblings if seen_a.get(s.dot[0], 0) < s.dot[1]]
    kept += [s if s == t else _either(s, t) for s in a.siblings for t in b.siblings if s.dot == t.dot]
    return Versions(join(seen_a, seen_b), _in_order(kept))


def join(a: Clock, b: Clock) -> Clock:
    """The least clock that has seen what either has. Returns `a` or `b` itself when that is the answer."""
    if descends(a, b):
        return a
    if descends(b, a):
        return b
    joined = a.copy()
    for actor, counter in b.items():
        if joined.get(actor, 0) < counter:
            joined[actor] = counter
    return joined


# --- comparing ---------------------------------------------------------------------------------------


def descends(a: Clock, b: Clock) -> bool:
    """Has A seen every dot that B has? True also when they are equal; an absent actor counts as 0."""
    if a is b:
        return True
    get = a.get
    for actor, counter in b.items():  # noqa: SIM110 - `all` of a generator takes twice the time
        if get(actor, 0) < counter:
            return False
    return True


def dominates(a: Versions, b: Versions) -> bool:
    """Does A contain all of B, and more? Merging B into A would then change nothing."""
    return merge(a, b) == a and a != b


# --- looking -----------------------------------------------------------------------------------------


def live(state: Versions | None) -> tuple[bytes, ...]:
    """The values a client is shown, in the order of their dots; tombstones are not among them."""
    if state is None:
        return ()
    return tuple([s.value for s in state.siblings if not s.deleted])


def is_tombstone(state: Versions) -> bool:
    """Is there nothing here but the memory of a delete?"""
    for sibling in state.siblings:
        if not sibling.deleted:
            return False
    return bool(state.siblings)


def digest(state: Versions) -> bytes:
    """8 bytes that differ, up to the strength of blake2b, whenever two states do.

    The encoding beneath is canonical.  Hashing a dict in its own order would make replicas with equal
    states repair each other for ever (riak_kv #1189).
    """
    canonical = (sorted(state.clock.items()), sorted(state.siblings, key=_dot))
    return blake2b(_ENCODER.encode(canonical), digest_size=8).digest()


# --- contexts ----------------------------------------------------------------------------------------


def encode_context(seen: Clock | Versions | None) -> bytes:
    """What a client must pass on to replace what it was shown; empty when there is nothing to replace."""
    clock = seen.clock if isinstance(seen, Versions) else seen
    if not clock:
        return b""
    body = _ENCODER.encode(sorted(clock.items()))
    return crc32(body).to_bytes(_CHECKSUM_BYTES, "little") + body


def decode_context(context: bytes) -> Clock:
    """The clock in a context. ContextError: cut, changed, or never issued by this store.

    Taking part of a broken context for a whole one would silently replace too little or too much.
    """
    if not context:
        return {}
    checksum, body = context[:_CHECKSUM_BYTES], context[_CHECKSUM_BYTES:]
    if len(checksum) < _CHECKSUM_BYTES or crc32(body) != int.from_bytes(checksum, "little"):
        raise ContextError("the context is damaged; pass the bytes of a get unchanged")
    try:
        pairs = _CONTEXT_DECODER.decode(body)
    except msgspec.DecodeError as error:
        raise ContextError(
            f"the context is not one of this store ({error}); pass the bytes of a get"
        ) from None
    clock = dict(pairs)
    if sorted(clock.items()) != pairs or not pairs or min(clock.values()) < 1:
        raise ContextError("the context is not one of this store; pass the bytes of a get unchanged")
    return clock


# --- private -----------------------------------------------------------------------------------------


def _in_order(siblings: list[Sibling]) -> tuple[Sibling, ...]:
    if len(siblings) > 1:
        siblings.sort(key=_dot)
    return tuple(siblings)


def _either(s: Sibling, t: Sibling) -> Sibling:
    """Two versions under one dot: a broken store gave it out twice. Both replicas must choose alike."""
    return max(s, t, key=lambda sibling: (sibling.stamp, sibling.deleted, sibling.value))
