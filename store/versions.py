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
