"""E02: each replica forgets a tombstone by its own clock, without asking anybody.

A replica that was away during the delete still holds the deleted value.  When it comes back, the others
have forgotten that there was a delete, and anti-entropy copies the value back to them.
"""

import msgspec

from store import versions
from store.policies import Policies
from store.versions import Versions

ID = "E02"
TITLE = "a tombstone is reaped too early"
SOURCE = "scylladb/scylladb #15243; basho/riak_kv #1869; gc_grace_seconds shorter than an outage"
BREAKS = "what was deleted stays deleted unless somebody writes it again"

AGE_NS = 50_000_000
"""50 ms: time for a delete to reach the replicas that can be reached, and no others."""


def apply(policies: Policies) -> Policies:
    """Forget early, and let nobody object."""
    return msgspec.structs.replace(policies, may_ask_to_reap=soon_enough, may_reap=whoever_objects)


def soon_enough(state: Versions, now: int, grace_ns: int) -> bool:
    """The grace period is ignored."""
    return versions.is_tombstone(state) and now - max(s.stamp for s in state.siblings) >= AGE_NS


def whoever_objects(clean: int, nodes: int) -> bool:
    """No answer is needed."""
    return True
