"""A01: the wall clock decides between concurrent versions, of a cart.

Two clients read [a] and write [a b] and [a c].  Both writes are acknowledged; the one with the larger
stamp wins and the other is gone, whatever the quorums.  States stay lawful: the clock has seen all dots,
and replicas agree because the larger (stamp, dot) is the same everywhere.
"""

import msgspec

from store import versions
from store.policies import Policies
from store.versions import Clock, Sibling, Versions

ID = "A01"
TITLE = "last write wins on a cart"
SOURCE = "Jepsen: Riak, 2013 (allow_mult=false); Jepsen: Cassandra, 2013; Dynamo section 4.4 and 6"
BREAKS = "no acknowledged write is lost: concurrent writes survive as siblings"


def apply(policies: Policies) -> Policies:
    """Versions never have more than one sibling."""
    return msgspec.structs.replace(policies, write=write, merge=merge)


def write(  # noqa: PLR0917 - the signature of the policy
    local: Versions | None, context: Clock, actor: str, value: bytes, deleted: bool, now: int
) -> Versions:
    """The new version replaces all others, seen by the client or not."""
    state = versions.write(local, context, actor, value, deleted, now)
    dot = (actor, state.clock[actor])
    return Versions(state.clock, tuple(s for s in state.siblings if s.dot == dot))


def merge(a: Versions, b: Versions) -> Versions:
    """The sibling with the larger (stamp, dot) wins; both clocks are kept."""
    if a is b or a == b:
        return a
    winner = max((*a.siblings, *b.siblings), key=_stamp_and_dot)
    clock = versions.join(a.clock, b.clock)
    for state in (a, b):
        if state.siblings == (winner,) and state.clock == clock:
            return state
    return Versions(clock, (winner,))


def _stamp_and_dot(sibling: Sibling) -> tuple[int, tuple[str, int]]:
    return sibling.stamp, sibling.dot
