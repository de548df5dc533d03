"""What operations say of one element of a set or queue: `read: no 5` instead of all that it shows."""

from typing import Any

from markupsafe import Markup

from checker.classic.element import identity, shown
from checker.history import Pair
from checker.operation import Operation
from checker.verdict import Anomaly

CHECKERS = frozenset({"set", "set-full", "queue", "total-queue", "causal-reverse"})

READS = frozenset({"read", "drain"})

MOST = 24
"""Elements of a read that are shown; of more those around the one that matters."""


def of(anomaly: Anomaly, pairs: list[Pair]) -> Any:
    """The element that an anomaly is about; None where it cannot be told."""
    for begin, _ in pairs:
        if begin.f in ("add", "enqueue"):
            return begin.value
    for _, end in pairs:
        values = end.value if end is not None and isinstance(end.value, list) else []
        for value in [*values, end.value if end is not None else None]:
            told = shown(value)
            if anomaly.sentence.startswith(f"{told} ") or any(
                f"{word} {told}{after}" in anomaly.sentence
                for word in ("shows", "holds")
                for after in (",", " twice", " ")
            ):
                return value
    return None


def texts(element: Any, pairs: list[Pair]) -> dict[int, str]:
    """By the entry of its invocation what each operation says of the element."""
    found = {}
    for begin, end in pairs:
        if begin.f in READS and end is not None and end.type == "ok" and isinstance(end.value, list):
            count = sum(identity(value) == identity(element) for value in end.value)
            verb = "shows" if begin.f == "read" else "takes out"
            said = {0: f"{begin.f}: no {shown(element)}", 1: f"{begin.f}: {verb} {shown(element)}"}
            found[begin.index] = said.get(count, f"{begin.f}: {verb} {shown(element)} {count} times")
    return found


def shelf(anomaly: Anomaly, element: Any, pairs: list[Pair]) -> tuple[Markup, str] | None:
    """What the read that shows the anomaly shows, with the element that is wrong; and a caption."""
    end = _telling(anomaly, pairs)
    if end is None:
        return None
    values: list[Any] = end.value
    places = [at for at, value in enumerate(values) if identity(value) == identity(element)]
    middle = places[0] if places else len(values)
    first = max(0, min(middle - MOST // 2, len(values) - MOST))
    said = {"unexpected": "nobody put it in", "duplicated": f"{len(places)} times"}.get(anomaly.type, "")
    parts = [
        _chip(shown(value), said if first + at in places else "", first + at in places and bool(said))
        for at, value in enumerate(values[first : first + MOST])
    ]
    if not places:
        parts.append(_chip(shown(element), "missing", True))
    if first:
        parts.insert(0, Markup("<span>{n} more, </span>").format(n=first))
    if len(values) > first + MOST:
        parts.append(Markup("<span>and {n} more</span>").format(n=len(values) - first - MOST))
    caption = f"What the {end.f} by client {end.process} that ended in entry {end.index} shows."
    return Markup('<p class="accounts">{p}</p>').format(
        p=Markup(" ").join(parts)
    ), f"{caption} Outlined: what is wrong."


def _telling(anomaly: Anomaly, pairs: list[Pair]) -> Operation | None:
    """The end of the read that shows it: the last of its proof, or the last one of all."""
    ends = {
        end.index: end
        for begin, end in pairs
        if begin.f in READS and end is not None and end.type == "ok" and isinstance(end.value, list)
    }
    proof = max(anomaly.operations, default=-1)
    return ends.get(proof, ends[max(ends)] if ends else None)


def _chip(text: str, said: str, wrong: bool) -> Markup:
    return Markup('<span class="chip{only}">{t}{s}</span>').format(
        only=" only" if wrong else "", t=text, s=f" ({said})" if said else ""
    )
