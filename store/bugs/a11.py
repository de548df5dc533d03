"""A11: one version vector for all siblings of a key, as before dotted version vectors.

A context says what a client has seen, but the store compares it with the clock of the *whole* state.  Two
clients that read, change and write in turns are always a step behind that clock, so their writes never
replace even the versions they have read: after 100 writes there are 99 siblings where 2 are concurrent.
"""

import msgspec

from store import versions
from store.policies import Policies
from store.versions import Clock, Sibling, Versions

ID = "A11"
TITLE = "plain version vectors: sibling explosion"
SOURCE = "basho/riak_test sibling_explosion; Preguica et al., Dotted version vectors, 2010"
BREAKS = "a write replaces the versions that its context covers: siblings are truly concurrent"


def apply(policies: Policies) -> Policies:
    """Siblings keep their dots, which nobody looks at any more to decide what to keep."""
    return msgspec.structs.replace(policies, write=write, merge=merge)


def write(  # noqa: PLR0917 - the signature of the policy
    local: Versions | None, context: Clock, actor: str, value: bytes, deleted: bool, now: int
) -> Versions:
    """All or nothing: a context that has not seen the whole local clock replaces no sibling."""
    state = versions.write(local, context, actor, value, deleted, now)
    if local is None or versions.descends(context, local.clock):
        return state
    return Versions(state.clock, _together(local, state))


def merge(a: Versions, b: Versions) -> Versions:
    """The larger clock wins with all that it holds; when neither is, everything is kept."""
    if a is b or a == b:
        return a
    a_has_all, b_has_all = versions.descends(a.clock, b.clock), versions.descends(b.clock, a.clock)
    if a_has_all and not b_has_all:
        return a
    if b_has_all and not a_has_all:
        return b
    # Equal clocks may come with different siblings here; only keeping both lets replicas agree.
    return Versions(versions.join(a.clock, b.clock), _together(a, b))


def _together(a: Versions, b: Versions) -> tuple[Sibling, ...]:
    by_dot = {sibling.dot: sibling for sibling in (*a.siblings, *b.siblings)}
    return tuple(by_dot[dot] for dot in sorted(by_dot))
