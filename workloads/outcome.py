"""The audited table: how the store's answer to a request ends the client's operation.

  answer                                             operation
  success                                            ok
  definite failure                                   fail   (refused before anything was written or sent)
  indefinite failure, only read so far               fail   (nothing was written, so nothing can surface)
  indefinite failure of a write                      info   (it may have happened, or may still happen)
  a success of the wrong kind, a malformed value     info   (the store is broken; nothing can be concluded)

A timeout is indefinite.  Nothing else in the workloads decides between `fail` and `info`.
"""

import hashlib

from checker.operation import Operation, OpType
from workloads.client import Answer, Delete, Done, Failed, Put, Request, Values
from workloads.interpreter import from_invocation


class Malformed(Exception):
    """A stored value is not one that this workload writes. The text says what is wrong with it."""


def outcome(request: Request, answer: Answer) -> OpType:
    """How an operation ends (or for a read: may go on) with this answer to its latest request."""
    writes = isinstance(request, Put | Delete)
    match answer:
        case Failed(definite=definite):
            return "fail" if definite or not writes else "info"
        case Values():
            return "info" if writes else "ok"
        case Done():
            return "ok" if writes else "info"


def unsuccessful(
    invocation: Operation,
    request: Request,
    answer: Answer,
    reads: tuple[str, ...] | None = None,
    context: bytes = b"",
) -> Operation:
    """The completion of an operation whose request did not succeed; what was read is kept."""
    if isinstance(answer, Failed):
        error = f"{answer.code}: {answer.message}" if answer.message else answer.code
    else:
        error = f"the store answered a {type(request).__name__} with a {type(answer).__name__}"
    kept = invocation.reads if reads is None else reads
    return from_invocation(
        invocation, outcome(request, answer), error=error, reads=kept, context=fingerprint(context)
    )


def malformed(invocation: Operation, problem: Malformed) -> Operation:
    """The completion of an operation that read something it cannot understand."""
    return from_invocation(invocation, "info", error=f"malformed value: {problem}")


def fingerprint(context: bytes) -> str | None:
    """A short name of a context for the history: equal contexts, equal names. None for no context."""
    return hashlib.blake2b(context, digest_size=6).hexdigest() if context else None


def unknown_id(value: bytes) -> str:
    """A name for a stored value that no write of this workload has stored: it matches no write."""
    return f"malformed-{hashlib.blake2b(value, digest_size=4).hexdigest()}"
