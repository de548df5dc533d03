"""Prefixes of a history: what had been recorded when a certain entry was, and the shortest one that fails.

In a prefix the calls that have not ended are crashed ones.  A prefix of a linearizable history is
linearizable, so that the shortest one that is not can be found by bisection.
"""

from collections.abc import Callable

import msgspec

from checker.linear.call import FOREVER, Call
from checker.linear.models import Model

Proof = tuple[str, list[Call]]
Rules = Callable[[Model, list[Call]], tuple[bool, Proof | None]]


def cut(calls: list[Call], end: int, model: Model) -> list[Call]:
    """The calls as they were when the entry at position `end` had been recorded."""
    found = []
    for call in calls:
        if call.end <= end:
            found.append(call)
        elif call.start < end:
            entries = call.entries if call.crashed else call.entries[:1]
            opened = msgspec.structs.replace(
                call, end=FOREVER, result=None, outcome="info", entries=tuple(e for e in entries if e <= end)
            )
            found += [opened] if model.keeps(opened) else []
    return found


def shortest(calls: list[Call], proof: Proof, model: Model, rules: Rules) -> tuple[list[Call], Proof]:
    """The shortest prefix to which the rules apply and which they refute, and how they do it."""
    ends = sorted(call.end for call in calls if not call.crashed)
    low, high = 0, len(ends) - 1
    best = calls
    while low < high:
        middle = (low + high) // 2
        part = cut(calls, ends[middle], model)
        applied, found = rules(model, part)
        if applied and found is not None:
            high, best, proof = middle, part, found
        else:
            low = middle + 1
    return best, proof
