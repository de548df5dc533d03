"""Calls laid out for the search: who returns when, and who is open at that time.

A *level* is the return of one completed call; the search goes from return to return (`search.py`).  A
completed call owns a bit of the live mask, from its invocation to its return, after which the bit is used
again: masks stay as narrow as the history is concurrent.  A crashed call owns a bit of the crash mask for
ever; the bits of one class are neighbours, in order of invocation, so that "the earliest unused of this
class" is the lowest clear bit.
"""

import heapq

import msgspec

from checker.linear.call import Call
from checker.linear.machine import Machine


class CrashedClass(msgspec.Struct, frozen=True):
    """Crashed calls that do the same thing: class, first bit, and the calls in order of invocation."""

    kind: int
    bit: int
    calls: tuple[int, ...]


class Schedule(msgspec.Struct, kw_only=True, frozen=True):
    """The calls of one partition, by position in `calls`, which is in order of invocation.

    `opened[level]` are the completed calls open at that return, earliest end first: the one that returns is
    the first of them.
    """

    calls: list[Call]
    kinds: list[int]
    slots: list[int]
    opened: list[list[int]]
    crashed: list[CrashedClass]


def schedule_of(calls: list[Call], machine: Machine) -> Schedule:
    """Lay out the calls, which must be in order of invocation."""
    kinds = [machine.class_of(call) for call in calls]
    slots = [0] * len(calls)
    free: list[int] = []
    width = 0
    opened: list[list[int]] = []
    live = sorted((at for at, call in enumerate(calls) if not call.crashed), key=lambda at: calls[at].end)
    by_start = sorted(live)
    invoked = 0
    now_open: list[int] = []
    for at in live:
        while invoked < len(by_start) and calls[by_start[invoked]].start < calls[at].end:
            new = by_start[invoked]
            if not free:
                free.append(width)
                width += 1
            slots[new] = heapq.heappop(free)
            now_open.append(new)
            invoked += 1
        now_open.sort(key=lambda one: calls[one].end)
        opened.append(list(now_open))
        heapq.heappush(free, slots[at])
        now_open.pop(0)
    return Schedule(
        calls=calls, kinds=kinds, slots=slots, opened=opened, crashed=_crashed(calls, kinds, machine)
    )


def _crashed(calls: list[Call], kinds: list[int], machine: Machine) -> list[CrashedClass]:
    """Crashed calls by class. One that only observes has nobody to tell, and is left out."""
    members: dict[int, list[int]] = {}
    for at, call in enumerate(calls):
        if call.crashed and not machine.observes[kinds[at]]:
            members.setdefault(kinds[at], []).append(at)
    classes: list[CrashedClass] = []
    bit = 0
    for kind, ats in members.items():
        classes.append(CrashedClass(kind, bit, tuple(ats)))
        bit += len(ats)
    return classes
