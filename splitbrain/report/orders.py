"""Orders that a linearizability search tried, made complete for people: reads in their places, and the end.

The search says which calls it took that change the state, in order, with the state after each (`paths`).
Reads it takes silently as soon as the state fits.  `replay` goes through the returns as the search does and
puts the reads back, as far as it is certain that they fit.
"""

from typing import Any, NamedTuple

from checker.classic.element import shown
from checker.history import Pair

OBSERVING = frozenset({"read", "get", "contains"})


class Taken(NamedTuple):
    """A call of an order: its place among the calls, the state after it, whether it only observed."""

    call: int
    state: Any
    observed: bool


class Call(NamedTuple):
    """A client operation: `end` is the entry that ended it, None while nobody knows that it ended."""

    f: str
    value: Any
    result: Any
    start: int
    end: int | None


def call_of(pair: Pair) -> Call:
    """The call that a pair of entries is. A failed one counts as ended."""
    begin, end = pair
    ended = end is not None and end.type != "info"
    result = end.value if end is not None and end.type == "ok" else None
    return Call(begin.f, begin.value, result, begin.index, end.index if ended and end is not None else None)


def replay(calls: list[Call], path: list[tuple[int, Any]], until: int) -> list[Taken]:
    """The path with the reads that fit into it. `until` is the entry at which the search ended."""
    order: list[Taken] = []
    done: set[int] = set()
    at = 0

    def take(call: int, state: Any, observed: bool) -> None:
        order.append(Taken(call, state, observed))
        done.add(call)

    def observe(now: int) -> None:
        for number, call in enumerate(calls):
            if not order or number in done or call.f not in OBSERVING or call.end is None:
                continue
            if call.start < now <= call.end and fits(call, order[-1].state):
                take(number, order[-1].state, True)

    in_path = {call for call, _ in path}
    ended = [(call.end, number) for number, call in enumerate(calls) if call.end is not None]
    returns = sorted(each for each in ended if each[0] < until)
    for end, due in returns:
        observe(end)
        upto = _reached(calls, path[at:], due, in_path) if due not in done else 0
        for call, state in path[at : at + upto]:
            take(call, state, False)
            observe(end)
        at += upto
    for call, state in path[at:]:
        take(call, state, False)
        observe(until)
    return order


def _reached(calls: list[Call], rest: list[tuple[int, Any]], due: int, in_path: set[int]) -> int:
    """How many more calls of the path are taken when `due` returns; 0 where it does not call for any."""
    end = calls[due].end
    assert end is not None
    for number, (call, state) in enumerate(rest, start=1):
        if calls[call].start > end:
            return 0
        if call == due or (due not in in_path and calls[due].f in OBSERVING and fits(calls[due], state)):
            return number
    return 0


def fits(call: Call, state: Any) -> bool:
    """May the observation be made in the state?"""
    if call.f == "contains":
        match call.result:
            case [element, present] if isinstance(state, list):
                return bool((element in state) == present)
        return False
    if isinstance(call.result, list) and isinstance(state, list):
        return sorted(call.result, key=repr) == sorted(state, key=repr)
    return type(call.result) is type(state) and bool(call.result == state)


def why_not(call: Call, state: Any) -> str:
    """Why the call cannot happen in the state, in words; empty where that is not plain to see."""
    now = shown(state)
    match call.f:
        case "read" | "get":
            return "" if fits(call, state) else f"it returned {shown(call.result)}, and the state is {now}"
        case "contains":
            return "" if fits(call, state) else f"it answered {shown(call.result)}, and the state is {now}"
        case "cas" if isinstance(call.value, list) and len(call.value) == 2:
            same = type(call.value[0]) is type(state) and call.value[0] == state
            return "" if same else f"it replaced {shown(call.value[0])}, and the state is {now}"
        case "acquire" | "release":
            wrong = "held" if call.f == "acquire" else "free"
            return f"the lock is {wrong}" if state == wrong else ""
        case "dequeue" if isinstance(state, list):
            if call.result is None:
                return f"it found nothing, and the queue is {now}" if state else ""
            head = shown(state[0]) if state else "nothing"
            return "" if state[:1] == [call.result] else f"it took {shown(call.result)}, and first is {head}"
    return ""
