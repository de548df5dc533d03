"""The data of the interactive picture of linearizability failures. `explorer.js` draws it.

For each key that fails: the calls around the failure on lanes, the operations that cannot be placed and those
that were open with them, where the shortest failing prefix ends, the states that were possible, and the
orders that were tried, call by call, each with the reason why it ends.

A history may be of any size: a window of it is shown, with what belongs to the failure, and the page says
how much is left out.
"""

from typing import Any, NamedTuple

from checker.classic.element import shown
from checker.history import Pair
from splitbrain.report import labels, orders
from splitbrain.report.evidence import Evidence
from splitbrain.report.orders import Call

BEFORE, AFTER = 500, 30
"""Calls that are drawn before the end of the failing prefix, and after it, in all keys together."""

BEFORE_LEAST, AFTER_LEAST = 30, 4

KEYS = 60
"""Failures that can be chosen; the others are told in sentences."""

OPEN = 30
"""Operations that were open at the failure and are drawn; there may be thousands of them."""

STATES = 24
TEXT_MAX = 200

Failure = dict[str, Any]


class _Window(NamedTuple):
    """The calls that are drawn.

    `place`: entry -> which of them it belongs to; `gap`: where calls before this entry are far away.
    """

    pairs: list[Pair]
    calls: list[Call]
    place: dict[int, int]
    gap: int | None


def explore(failures: list[tuple[str, Failure]], evidence: Evidence) -> dict[str, Any]:
    """The failures, each with its sentence, as JSON-able data; those beyond KEYS are left out."""
    chosen = failures[:KEYS]
    before = max(BEFORE // max(len(chosen), 1), BEFORE_LEAST)
    after = max(AFTER // max(len(chosen), 1), AFTER_LEAST)
    return {"failures": [_failure(sentence, each, evidence, (before, after)) for sentence, each in chosen]}


def stuck_entries(failure: Failure) -> set[int]:
    """The entries of the operations that fit nowhere."""
    return {entry for call in failure.get("stuck", []) for entry in call["entries"]}


def related(failure: Failure) -> set[int]:
    """The entries of the operations that a failure names, and that are drawn."""
    return _placed(failure) | {entry for call in _opened(failure) for entry in call["entries"]}


def _placed(failure: Failure) -> set[int]:
    """The entries of what fits nowhere, and of the orders that were tried."""
    named = [*failure.get("stuck", []), *(step for path in failure.get("paths", []) for step in path)]
    return {entry for call in named for entry in call["entries"]}


def _opened(failure: Failure) -> list[Failure]:
    """The operations that were open, OPEN of them, those first that an order has tried."""
    placed = _placed(failure)
    return sorted(failure.get("open", []), key=lambda call: placed.isdisjoint(call["entries"]))[:OPEN]


def _failure(sentence: str, failure: Failure, evidence: Evidence, size: tuple[int, int]) -> dict[str, Any]:
    window = _window(failure, evidence, size)
    states = [shown(state) for state in failure.get("states", [])]
    stuck = sorted(
        {window.place[entry] for entry in stuck_entries(failure) if entry in window.place},
        key=lambda number: window.calls[number].end or 0,
    )
    opened = {entry for call in _opened(failure) for entry in call["entries"]}
    lane_of, labels = _lanes(window)
    key = failure.get("key")
    return {
        "key": None if key is None else key if isinstance(key, str) else shown(key),
        "sentence": sentence,
        "prefix": failure.get("prefix"),
        "states": states[:STATES],
        "more": max(len(states) - STATES, 0),
        "stuck": stuck,
        "open": sorted({window.place[entry] for entry in opened if entry in window.place}),
        "more_open": len(failure.get("open", [])) - len(_opened(failure)),
        "lanes": labels,
        "calls": [_call(pair, lane_of[number]) for number, pair in enumerate(window.pairs)],
        "orders": [_order(path, failure, window, stuck) for path in failure.get("paths", [])],
        "gap": window.gap,
        "left": _left(window, evidence),
    }


def _window(failure: Failure, evidence: Evidence, size: tuple[int, int]) -> _Window:
    """The calls of the key around the end of the prefix, and all that the failure names."""
    named = related(failure)
    prefix = failure.get("prefix")
    middle = prefix if prefix is not None else max(named, default=0)
    key = failure.get("key")
    apart = {entry for call in failure.get("open", []) for entry in call["entries"]} - named
    near = evidence.around(middle, lambda pair: _belongs(pair, key) and pair[0].index not in apart, *size)
    pairs = {pair[0].index: pair for pair in [*near, *evidence.pairs(sorted(named))]}
    ordered = [pairs[at] for at in sorted(pairs)]
    place = {e.index: n for n, pair in enumerate(ordered) for e in pair if e is not None}
    gap = near[0][0].index if near and near[0][0].index != ordered[0][0].index else None
    return _Window(ordered, [_call_of(pair, key) for pair in ordered], place, gap)


def _belongs(pair: Pair, key: Any) -> bool:
    """Is it an operation of that key? Where values are `[key, value]`, the key is in the value."""
    if pair[1] is not None and pair[1].type == "fail":
        return False
    if key is None:
        return True
    if pair[0].key is not None:
        return pair[0].key == str(key)
    value = pair[0].value
    return isinstance(value, list) and len(value) == 2 and bool(value[0] == key)


def _call_of(pair: Pair, key: Any) -> Call:
    """The call, with the key taken out of its values where it is in there."""
    call = orders.call_of(pair)
    if key is None or pair[0].key is not None:
        return call
    asked, answered = (
        value[1] if isinstance(value, list) and len(value) == 2 and value[0] == key else value
        for value in (call.value, call.result)
    )
    return call._replace(value=asked, result=answered)


def _lanes(window: _Window) -> tuple[list[int], list[str]]:
    """The lane of every call, and what the lanes are called.

    Where a client vanishes in an operation, a new one goes on in its lane: Jepsen's clients get a new number
    with each crash, and hundreds of lanes of one operation could not be looked at.
    """
    lane_of: list[int] = []
    owners: list[list[int | str]] = []
    free: list[int] = []
    known: dict[int | str, int] = {}
    last = {pair[0].process: number for number, pair in enumerate(window.pairs)}
    for number, (begin, _) in enumerate(window.pairs):
        if begin.process not in known:
            lane = free.pop(0) if free else len(owners)
            if lane == len(owners):
                owners.append([])
            owners[lane].append(begin.process)
            known[begin.process] = lane
        lane_of.append(known[begin.process])
        if window.calls[number].end is None and last[begin.process] == number:
            free.append(known[begin.process])
    # Clients from the first to the last; a lane is where its first one is.
    rank = sorted(
        range(len(owners)),
        key=lambda lane: (isinstance(owners[lane][0], str), str(owners[lane][0]).zfill(20)),
    )
    place = {lane: at for at, lane in enumerate(rank)}
    return [place[lane] for lane in lane_of], [_label(owners[lane]) for lane in rank]


def _label(names: list[int | str]) -> str:
    told = ", ".join(map(str, names[:3])) + (f" +{len(names) - 3}" if len(names) > 3 else "")
    return f"client {told}" if isinstance(names[0], int) else told


def _call(pair: Pair, lane: int) -> dict[str, Any]:
    begin, end = pair
    open_end = end is None or end.type == "info"
    return {
        "lane": lane,
        "who": str(begin.process),
        "text": labels.label(pair)[:TEXT_MAX],
        "from": begin.index,
        "to": None if open_end or end is None else end.index,
        "reads": begin.f in labels.READS,
        "details": labels.details(pair),
    }


def _order(path: list[Failure], failure: Failure, window: _Window, stuck: list[int]) -> dict[str, Any]:
    """One order: its calls with the state after each, and why it cannot go on."""
    steps = [(window.place[step["entries"][0]], step.get("state")) for step in path]
    last = max((window.calls[number].end or 0 for number in stuck), default=0)
    taken = orders.replay(window.calls, steps, last)
    state = taken[-1].state if taken else next(iter(failure.get("states", [])), None)
    used = {step.call for step in taken}
    why = [orders.why_not(window.calls[number], state) for number in stuck]
    rest = [
        {"call": window.place[call["entries"][0]], "why": orders.why_not(window.calls[number], state)}
        for call in _opened(failure)
        if (number := window.place[call["entries"][0]]) not in used
    ]
    return {
        "steps": [[step.call, shown(step.state), step.observed] for step in taken],
        "why": [each for each in why if each],
        "rest": rest,
        "cut": len(path) >= CUT,
    }


CUT = 30
"""The search tells at most so many calls of an order, the last ones."""


def _left(window: _Window, evidence: Evidence) -> int:
    """Operations of clients that are not in the window, those of other keys among them."""
    return evidence.count - len(window.pairs)
