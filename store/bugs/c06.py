"""C06: a hint is dropped when it has been sent, not when its target has it.

A hint can be the last copy of a write that W nodes acknowledged.  If the target is cut off, paused or
killed while the hint is on its way, nobody has it afterwards.
"""

import msgspec

from store.policies import HintStage, Policies

ID = "C06"
TITLE = "a hint is dropped before its target has it"
SOURCE = "Dynamo section 4.6; scylladb/scylladb #7886"
BREAKS = "a hint is kept until its target holds the write durably"


def apply(policies: Policies) -> Policies:
    """Send and forget."""
    return msgspec.structs.replace(policies, hint_is_done=done_when_sent)


def done_when_sent(stage: HintStage) -> bool:
    """Every stage is good enough: sent, acknowledged, or given up on."""
    return True
