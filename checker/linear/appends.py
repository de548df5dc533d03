"""Strings: `put`, `append` and `get`, linearizable or not in near-linear time where the texts are distinct.

A value read falls apart into the text that was put (or the initial value), and those appended to it.  An
*epoch* is a put, the appends that reads of its value show, in that order, and those reads; the initial value
begins an epoch, too.  Within an epoch everything has a rank (the put, what the shortest read shows, that
read, what the next one shows besides, ...), and no call of a higher rank may have ended before one of a lower
rank began.  Between epochs the rule is that of registers (`register.py`): the calls of an epoch follow each
other, so that the zone of an epoch, from the first end to the last start in it, is like that of a value.  A
put or an append that no read shows is an epoch of its own; if it crashed, it is left out.

The rule applies if no text is empty, and none was put or appended twice or is the beginning of another one:
then every value falls apart in one way only.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from checker.linear.call import Call
from checker.linear.collection import Proof, inversion
from checker.linear.explain import described
from checker.linear.register import BEFORE_ALL, conflict

Epoch = list[tuple[int, Call]]
"""Calls with their ranks."""


def applies(calls: list[Call], init: Any) -> bool:
    """Does the rule apply to these calls of a key-value store?"""
    texts = [call.value for call in calls if call.f in ("put", "append")] + [init] * bool(init)
    results = [call.result for call in calls if call.f == "get"]
    if not all(isinstance(text, str) for text in texts + results) or not all(texts):
        return False
    texts.sort()
    return not any(after.startswith(before) for before, after in pairwise(texts))


def violation(calls: list[Call], init: str) -> Proof | None:
    """A sentence and the calls that prove it, or None. The rule must apply."""
    puts = {call.value: call for call in calls if call.f == "put"}
    unseen = {call.value: call for call in calls if call.f == "append"}
    lengths = sorted({len(text) for text in [*puts, *unseen, init]} - {0})
    known = {*puts, *unseen, init}
    shown: dict[str, tuple[str, list[str]]] = {}
    epochs: dict[str, Epoch] = {}
    for call in sorted((call for call in calls if call.f == "get"), key=lambda call: len(call.result)):
        first = next(_parts(call.result, known, lengths), "")
        head = first if first in puts or first == init else ""
        if head != init and head not in puts:
            return f"{_by(call)} begins with what nobody had put", [call]
        epoch, (value, before) = epochs.setdefault(head, []), shown.get(head, (head, []))
        if not call.result.startswith(value):
            other = epoch[-1][1]
            return f"{_by(other)} saw what is not how {_by(call)} begins", [other, call]
        texts = [*before, *_parts(call.result[len(value) :], known, lengths)]
        for at, text in enumerate(texts[len(before) :], start=len(before)):
            if text not in unseen:
                return f"{_by(call)} shows what nobody had appended, or what is elsewhere, too", [call]
            epoch.append((2 * at + 1, unseen.pop(text)))
        epoch.append((2 * len(texts), call))
        shown[head] = (call.result, texts)
    for text, put in puts.items():
        if text in epochs or not put.crashed:
            epochs.setdefault(text, []).append((-1, put))
    epochs |= {text: [(0, call)] for text, call in unseen.items() if not call.crashed}
    return _contradiction(epochs, init)


def _parts(value: str, known: set[str], lengths: list[int]) -> Iterator[str]:
    """The known texts that the value is made of; what is not known is the last part."""
    at = 0
    while at < len(value):
        size = next((size for size in lengths if value[at : at + size] in known), len(value) - at)
        yield value[at : at + size]
        at += size


def _contradiction(epochs: dict[str, Epoch], init: str) -> Proof | None:
    """Within an epoch, or between two of them."""
    heads = list(epochs)
    zones = []
    for at, head in enumerate(heads):
        wrong = inversion([(rank + 2, call) for rank, call in epochs[head]])
        if wrong is not None:
            return wrong
        members = [call for _, call in epochs[head]]
        first_end = min(call.end for call in members) if head != init else BEFORE_ALL
        zones.append((first_end, max(call.start for call in members), at))
    found = conflict(zones)
    if found is None:
        return None
    mine, other = ([call for _, call in epochs[heads[at]]] for at in found)
    ends = [min(other, key=lambda call: call.end), max(other, key=lambda call: call.start)]
    between = [min(mine, key=lambda call: call.end), max(mine, key=lambda call: call.start)]
    told = (
        f"{_by(ends[0])} and {_by(ends[1])} belong to one value, which must have been there from the end of "
        f"the one to the start of the other, but {_by(between[0])} and {_by(between[1])} belong to another, "
        "between"
    )
    return told, list({call.entries: call for call in [*ends, *between]}.values())


def _by(call: Call) -> str:
    return f"{described(call)} by client {call.process} (entries {call.entries[0]} to {call.entries[-1]})"
