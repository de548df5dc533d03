"""Sets: two kinds of history that are linearizable or not in near-linear time.

*Elements* (`add`, `remove`, `contains`, each element added and removed at most once): elements do not affect
each other.  Either x was added and never removed (by a remove that came before the add, if any): let f be the
earliest end of the add and of the `contains` that saw x; then the add began before f, and so did all that
missed x.  Or it was added, then removed: x is certainly there from f, the earliest end of add, remove and
those that saw it, to l, their latest start; then the add began before f, the remove ended after l, and none
that missed x lies within f to l.  A crashed add that nobody saw is left out.

*Reads* (`add` and `read` of everything, nothing removed): the sets read must each hold the next smaller one;
that gives every call a rank (adds of what the first read holds, that read, adds of what the second holds
besides, ...), and the history is linearizable if and only if no call of a higher rank ended before one of a
lower rank began. Of several adds of one element only the earliest has to come before the first read that
shows it.
"""

from typing import Any

import msgspec

from checker.linear.call import Call, freeze
from checker.linear.explain import described

Array = Any
Proof = tuple[str, list[Call]]


class ElementColumns(msgspec.Struct, frozen=True, kw_only=True):
    """Calls as arrays: element (numbered from 0), what (0 add, 1 remove, 2 saw it, 3 missed it), start and
    end.

    No element is added twice or removed twice; a crashed call ends at `call.FOREVER`; `contains` are never
    crashed.
    """

    elements: Array
    what: Array
    starts: Array
    ends: Array


def check_columns(columns: ElementColumns) -> bool:
    """Is a history of elements linearizable? Compiled; needs numpy and numba."""
    return bool(fine_elements(columns).all())


def fine_elements(columns: ElementColumns) -> Array:
    """Which elements are, by number. Compiled; needs numpy and numba."""
    import numpy as np

    from checker.linear import kernel_collections as kernel

    found = np.empty((int(columns.elements.max(initial=-1)) + 1, 6), np.int64)
    return kernel.elements(columns.elements, columns.what, columns.starts, columns.ends, found)


def element_columns(calls: list[Call]) -> ElementColumns:
    """The calls as columns. They must be such that the rules for elements apply."""
    import numpy as np

    numbers: dict[Any, int] = {}
    rows = np.empty((4, len(calls)), np.int64)
    for at, call in enumerate(calls):
        element = element_of(call)
        rows[:, at] = numbers.setdefault(element, len(numbers)), what_of(call), call.start, call.end
    return ElementColumns(elements=rows[0], what=rows[1], starts=rows[2], ends=rows[3])


def element_of(call: Call) -> Any:
    """The element that a call is about."""
    return freeze(call.result[0] if call.f == "contains" else call.value)


def what_of(call: Call) -> int:
    """0 add, 1 remove, 2 saw it, 3 missed it."""
    return ("add", "remove").index(call.f) if call.f != "contains" else 2 if call.result[1] else 3


def has_elements_only(calls: list[Call]) -> bool:
    """Do the rules for elements apply?"""
    if any(call.f == "read" for call in calls):
        return False
    changes = [(call.f, element_of(call)) for call in calls if call.f != "contains"]
    return len(set(changes)) == len(changes)


def only_grows(calls: list[Call]) -> bool:
    """Do the rules for reads apply?"""
    return all(call.f in ("add", "read") for call in calls)


def elements_violation(calls: list[Call]) -> Proof | None:
    """A sentence and the calls that prove it, or None."""
    by_element: dict[Any, list[Call]] = {}
    for call in calls:
        by_element.setdefault(element_of(call), []).append(call)
    return next((proof for group in by_element.values() if (proof := _element(group))), None)


def _element(calls: list[Call]) -> Proof | None:
    add = next((call for call in calls if call.f == "add"), None)
    remove = next((call for call in calls if call.f == "remove"), None)
    saw = [call for call in calls if what_of(call) == 2]
    missed = [call for call in calls if what_of(call) == 3]
    if add is None and saw:
        return f"{_by(saw[0])} saw what nobody had added", [saw[0]]
    if add is None or (add.crashed and not saw):
        return None
    first = min([add, *saw], key=lambda call: call.end)
    if first.end < add.start:
        return f"{_by(first)} saw it before {_by(add)} began", [first, add]
    late = next((call for call in missed if call.start > first.end), None)
    if late is None and (remove is None or remove.start < first.end):
        return None
    if remove is None and late is not None:
        return f"{_by(late)} missed it although {_by(first)} had ended and nobody removed it", [first, late]
    assert remove is not None
    return _removed(add, remove, saw, missed)


def _removed(add: Call, remove: Call, saw: list[Call], missed: list[Call]) -> Proof | None:
    """The element was added, then removed: was it there between, and only then?"""
    first = min([add, remove, *saw], key=lambda call: call.end)
    last = max([add, remove, *saw], key=lambda call: call.start)
    if first.end < add.start or remove.end < last.start:
        return f"{_by(first)} ended before {_by(last)} began: it cannot be that order", [first, last]
    inside = next((call for call in missed if first.end < call.start and call.end < last.start), None)
    if inside is None:
        return None
    told = f"{_by(inside)} missed it, between the end of {_by(first)} and the start of {_by(last)}"
    return told, [first, inside, last]


def reads_violation(calls: list[Call], init: frozenset[Any]) -> Proof | None:
    """A sentence and the calls that prove it, or None."""
    reads = [(frozenset(freeze(x) for x in call.result), call) for call in calls if call.f == "read"]
    reads.sort(key=lambda read: len(read[0]))
    rank_of: dict[Any, int] = {}
    ranked: list[tuple[int, Call]] = []
    last, last_call, rank = init, None, 0
    for elements, call in reads:
        if not last <= elements:
            missing = "the initial set" if last_call is None else _by(last_call)
            return f"{_by(call)} misses some of {missing}", [call, *([last_call] if last_call else [])]
        if elements != last or last_call is None:
            rank += 2
            for element in elements - last:
                rank_of[element] = rank - 1
        last, last_call = elements, call
        ranked.append((rank, call))
    earliest: dict[Any, Call] = {}
    for call in calls:
        element = freeze(call.value) if call.f == "add" else None
        if call.f != "add" or element in init:
            continue
        if element not in rank_of:
            ranked += [(rank + 1, call)] * (not call.crashed)
        elif element in earliest:
            ranked.append((-rank_of[element], call))
        else:
            earliest[element] = call
            ranked.append((rank_of[element], call))
    unknown = next(
        (call for elements, call in reads for x in elements if x in rank_of and x not in earliest), None
    )
    if unknown is not None:
        return f"{_by(unknown)} shows an element that nobody had added", [unknown]
    return inversion(ranked)


def inversion(ranked: list[tuple[int, Call]]) -> Proof | None:
    """A call of a higher rank that ended before one of a lower rank began.

    A negative rank says that the call comes no earlier than that, and perhaps later.
    """
    latest: Call | None = None
    ordered = sorted(ranked, key=lambda item: -abs(item[0]))
    group: list[Call] = []
    for at, (rank, call) in enumerate(ordered):
        if at and abs(rank) != abs(ordered[at - 1][0]):
            latest = min([*group, *([latest] if latest else [])], key=lambda c: c.end)
            group = []
        if rank > 0 and latest is not None and latest.end < call.start:
            return f"{_by(latest)} ended before {_by(call)} began, but must come after it", [latest, call]
        group.append(call)
    return None


def _by(call: Call) -> str:
    what = described(call) if call.f != "read" else f"the read of {len(call.result)} elements"
    return f"{what} by client {call.process} (entries {call.entries[0]} to {call.entries[-1]})"
