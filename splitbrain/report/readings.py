"""Lists that transactions read from one key, element by element, beside each other.

For `incompatible-order` and `duplicate-elements`: elements are only ever appended, so of two reads one must
be the beginning of the other, and no element is there twice.
"""

from typing import Any

from markupsafe import Markup

from checker.classic.element import identity, shown
from checker.history import Pair
from checker.verdict import Anomaly
from splitbrain.report.evidence import Evidence

TYPES = frozenset({"incompatible-order", "duplicate-elements"})

MOST = 20
"""Elements of a list that are shown, from a little before the first that is wrong."""

BEFORE, AFTER = 4, 3
"""Transactions on the same key that are drawn before and after."""

Reading = tuple[Pair, list[Any]]


def on_key(pair: Pair, key: str | None) -> bool:
    """Does the transaction read or write the key?"""
    return any(str(step[1]) == key for step in _steps(pair))


def _steps(pair: Pair) -> list[list[Any]]:
    end = pair[1]
    value = end.value if end is not None and end.type == "ok" else pair[0].value
    steps = value if pair[0].f == "txn" and isinstance(value, list) else []
    return [step for step in steps if isinstance(step, list) and len(step) == 3]


def _lists(pair: Pair, key: str | None) -> list[list[Any]]:
    return [step[2] for step in _steps(pair) if str(step[1]) == key and isinstance(step[2], list)]


def neighbours(anomaly: Anomaly, pairs: list[Pair], evidence: Evidence) -> list[Pair]:
    """Other transactions on the key of an anomaly, and a read that contradicts one of its reads."""
    if anomaly.key is None or not pairs:
        return []
    last = pairs[-1][0].index
    near = evidence.around(last, lambda pair: on_key(pair, anomaly.key), BEFORE + len(pairs), AFTER)
    other = _contradicting(anomaly, pairs, evidence)
    return [*near, *([other[0]] if other is not None else [])]


def _contradicting(anomaly: Anomaly, pairs: list[Pair], evidence: Evidence) -> Reading | None:
    """The nearest read of the key of which neither list is the beginning of the other."""
    if anomaly.type != "incompatible-order":
        return None
    own = [values for pair in pairs for values in _lists(pair, anomaly.key)]

    def contradicts(pair: Pair) -> bool:
        return any(differ(one, other) is not None for one in own for other in _lists(pair, anomaly.key))

    for pair in evidence.around(pairs[-1][0].index, contradicts, 1, 1):
        found = (o for o in _lists(pair, anomaly.key) if any(differ(one, o) is not None for one in own))
        return pair, next(found)
    return None


def differ(one: list[Any], other: list[Any]) -> int | None:
    """The first place where neither is the beginning of the other."""
    places = zip(one, other, strict=False)
    return next((at for at, (a, b) in enumerate(places) if identity(a) != identity(b)), None)


def draw(anomaly: Anomaly, pairs: list[Pair], evidence: Evidence) -> tuple[Markup, str] | None:
    """The lists, with what is wrong outlined, and a caption."""
    own = next(((pair, values) for pair in pairs for values in _lists(pair, anomaly.key)), None)
    if own is None:
        return None
    if anomaly.type == "duplicate-elements":
        names = [identity(value) for value in own[1]]
        wrong = {at for at, name in enumerate(names) if names.count(name) > 1}
        return _table(anomaly.key, [own], wrong), "Outlined: elements that are there more than once."
    other = _contradicting(anomaly, pairs, evidence)
    if other is None:
        return None
    at = differ(own[1], other[1])
    caption = (
        "Elements are only ever appended, so of two reads one must be the beginning of the other. Outlined: "
    )
    return _table(anomaly.key, [other, own], {at} if at is not None else set()), f"{caption}where they part."


def _table(key: str | None, readings: list[Reading], wrong: set[int]) -> Markup:
    first = max(min(wrong, default=0) - MOST // 2, 0)
    rows = Markup("").join(
        Markup('<tr><th scope="row">client {c}, entry {e}</th><td>{cells}</td></tr>').format(
            c=pair[0].process, e=(pair[1] or pair[0]).index, cells=_cells(values, first, wrong)
        )
        for pair, values in readings
    )
    return Markup(
        '<table class="sides"><thead><tr><th scope="col">read by</th><th scope="col">{k}</th></tr></thead>'
        "<tbody>{rows}</tbody></table>"
    ).format(k=key, rows=rows)


def _cells(values: list[Any], first: int, wrong: set[int]) -> Markup:
    parts = [
        Markup('<span class="chip{only}">{v}</span>').format(
            only=" only" if at in wrong else "", v=shown(value)
        )
        for at, value in enumerate(values[first : first + MOST], start=first)
    ]
    before = Markup("… ") if first else Markup("")
    after = Markup(" …") if len(values) > first + MOST else Markup("")
    return before + Markup(" ").join(parts) + after
