"""The audited table: every error that a node gives a client, and whether it is definite.

Definite means: refused before anything was written or sent, so the operation certainly had no effect.
Everything else is indefinite and becomes `info` in a history.  A timeout is never definite.
"""

CODES: dict[str, tuple[bool, str]] = {
    "not-ready": (True, "the node has not finished starting; try again in a moment"),
    "unavailable": (True, "fewer healthy nodes than the request needs; nothing was written"),
    "bad-context": (True, "the context is not one that this store issued; pass the bytes of a get unchanged"),
    "too-large": (True, "the value exceeds the size limit"),
    "bad-quorum": (True, "r or w is not between 1 and n"),
    "timeout": (False, "too few replicas answered in time; the write may have happened"),
    "overloaded": (True, "too many requests are in progress; nothing was written"),
}
