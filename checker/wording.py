"""How operations, versions and times are told to people, the same in every checker's sentences."""

from collections.abc import Iterable

from checker.history import Pair
from checker.operation import Operation

MANY = 6
"""A list of names longer than this is cut, with the number left out."""


def seconds(time: int) -> str:
    """A moment of the run, as in `4.20 s`."""
    return f"{time / 1e9:.2f} s" if time >= 0 else "an unknown time"


def moment(operation: Operation) -> str:
    """When an entry was recorded: `at 4.20 s`; `in entry 7` where the history has no times."""
    return f"at {seconds(operation.time)}" if operation.time >= 0 else f"in entry {operation.index}"


def braces(ids: Iterable[str]) -> str:
    """A set of version ids, as in `{w9, w17}`; long ones are cut."""
    names = list(ids)
    rest = [f"and {len(names) - MANY} more"] if len(names) > MANY else []
    return "{" + ", ".join(names[:MANY] + rest) + "}"


def listed(names: Iterable[str]) -> str:
    """Names in a sentence: `n1`, `n1 and n2`, `n1, n2 and n3`; long ones are cut."""
    all_names = list(names)
    if len(all_names) > MANY:
        return ", ".join(all_names[:MANY]) + f" and {len(all_names) - MANY} more"
    if len(all_names) < 2:
        return "".join(all_names)
    return ", ".join(all_names[:-1]) + " and " + all_names[-1]


def plural(count: int, noun: str) -> str:
    """`1 write`, `2 writes`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def who(operation: Operation) -> str:
    """The client and the node it asked."""
    return f"client {operation.process}" + (f" through {operation.node}" if operation.node else "")


def told(pair: Pair) -> str:
    """An operation with its doer and its end: `update by client 5 through n4, acknowledged at 4.20 s`."""
    invocation, completion = pair
    return f"{invocation.f} by {who(invocation)}, {ended(completion, invocation)}"


def ended(completion: Operation | None, invocation: Operation) -> str:
    """How and when an operation ended."""
    match completion.type if completion is not None else None:
        case "ok":
            assert completion is not None
            return f"acknowledged {moment(completion)}"
        case "fail":
            assert completion is not None
            return f"failed {moment(completion)}"
        case _:
            return f"invoked {moment(invocation)}, outcome unknown"
