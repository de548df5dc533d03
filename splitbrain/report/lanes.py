"""Operations as bars on lanes, one lane per process, drawn as SVG.

The horizontal axis is the order of the history, not its clock: every beginning and end takes one step, so
that what overlaps and what does not can be seen however far apart in time it was.  Times are in the tooltips.

  filled     it succeeded (reads are lighter)
  outlined   it certainly had no effect
  fading     nobody knows: it may have taken effect at any time from its beginning on
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from markupsafe import Markup, escape

from checker.classic.element import shown
from checker.history import Pair
from checker.operation import Operation
from checker.wording import braces

WIDTH, LABELS, LANE, TOP, AXIS = 1080, 128, 58, 6, 26
LETTER = 7.3
"""Width of a letter of the labels, on average, in px."""

MOST = 14
"""Operations that are drawn; more cannot be read."""

READS = frozenset({"read", "get", "r", "dequeue", "drain"})


NOTHING: Mapping[int, str] = MappingProxyType({})


class _Canvas(NamedTuple):
    """Entry -> its place on the axis in px; what is ringed; what is named; what is said of it."""

    at: dict[int, float]
    marked: set[int]
    names: Mapping[int, str]
    texts: Mapping[int, str]


def draw(
    pairs: list[Pair],
    marked: set[int],
    names: Mapping[int, str] = NOTHING,
    texts: Mapping[int, str] = NOTHING,
) -> Markup:
    """The picture. `marked` are entries whose operation gets a ring, `names` those whose has a name.

    `texts` say of an operation (by the entry of its invocation) what matters here, instead of all it did.
    """
    pairs = sorted(pairs, key=lambda pair: pair[0].index)[:MOST]
    entries = sorted({entry.index for pair in pairs for entry in pair if entry is not None})
    step = (WIDTH - LABELS - 30) / max(len(entries), 1)
    at = {index: LABELS + 10 + (rank + 0.25) * step for rank, index in enumerate(entries)}
    processes = list(dict.fromkeys(pair[0].process for pair in pairs))
    height = TOP + LANE * len(processes) + AXIS
    canvas = _Canvas(at, marked, names, texts)
    parts = [_frame(processes, entries, at, height)]
    for lane, process in enumerate(processes):
        own = [pair for pair in pairs if pair[0].process == process]
        parts += [_bar(pair, own, TOP + lane * LANE, canvas) for pair in own]
    return Markup(
        '<svg class="lanes" viewBox="0 0 {w} {h}" width="{w}" height="{h}" role="img" '
        'aria-label="{told}">{parts}</svg>'
    ).format(w=WIDTH, h=height, told=_spoken(pairs, canvas), parts=Markup("").join(parts))


def _spoken(pairs: list[Pair], canvas: _Canvas) -> str:
    """The picture in words, for those who do not see it."""
    return "Operations in the order of the history: " + "; ".join(
        f"{_who(pair[0].process)}, {_text(pair, canvas)}, {_ended(pair)}" for pair in pairs
    )


def _who(process: int | str) -> str:
    return f"client {process}" if isinstance(process, int) else str(process)


def _text(pair: Pair, canvas: _Canvas) -> str:
    both = {entry.index for entry in pair if entry is not None}
    name = "".join(f"{canvas.names[index]}: " for index in sorted(both & canvas.names.keys())[:1])
    return name + canvas.texts.get(pair[0].index, label(pair))


def _ended(pair: Pair) -> str:
    begin, end = pair
    if end is None or end.type == "info":
        return f"from entry {begin.index}, outcome unknown"
    return f"entries {begin.index} to {end.index}" + (", failed" if end.type == "fail" else "")


def _frame(processes: list[Any], entries: list[int], at: dict[int, float], height: int) -> Markup:
    """Lane names and lines, and the numbers of the entries below."""
    parts = []
    for lane, process in enumerate(processes):
        y = TOP + lane * LANE + 36
        parts.append(
            Markup('<text class="lane" x="{x}" y="{y}">{n}</text>').format(
                x=LABELS - 12, y=y + 4, n=_who(process)
            )
        )
        parts.append(
            Markup('<line class="rail" x1="{a}" x2="{b}" y1="{y}" y2="{y}"/>').format(a=LABELS, b=WIDTH, y=y)
        )
    last = -100.0
    for index in entries:
        if at[index] - last >= 8 * len(str(index)) + 6:
            last = at[index]
            parts.append(
                Markup('<text class="entry" x="{x}" y="{y}">{n}</text>').format(
                    x=_px(last), y=height - 8, n=index
                )
            )
    parts.append(
        Markup('<text class="lane" x="{x}" y="{y}">entry</text>').format(x=LABELS - 12, y=height - 8)
    )
    return Markup("").join(parts)


def _bar(pair: Pair, own: list[Pair], top: int, canvas: _Canvas) -> Markup:
    begin, end = pair
    at = canvas.at
    both = {begin.index, end.index if end is not None else begin.index}
    left = at[begin.index]
    open_end = end is None or end.type == "info"
    right = WIDTH - 8.0 if open_end or end is None else max(at[end.index], left + 10)
    nexts = [at[p[0].index] for p in own if at[p[0].index] > left]
    room = int((min(nexts, default=float(WIDTH)) - left - 4) / LETTER)
    if open_end and nexts:
        right = min(right, min(nexts) - 6)
    kind = "info" if open_end else "fail" if end is not None and end.type == "fail" else "ok"
    look = f"bar {kind}" + (" read" if _only_reads(begin) else "")
    if both & canvas.marked:
        look += " marked"
    text = _text(pair, canvas)
    return Markup(
        '<g><title>{tip}</title><text class="op" x="{x}" y="{ty}">{text}</text>'
        '<rect class="{look}" x="{x}" y="{y}" width="{w}" height="13" rx="3"/></g>'
    ).format(
        tip="\n".join([text, *details(pair)]),
        x=_px(left),
        ty=top + 22,
        text=_cut(text, room),
        look=look,
        y=top + 30,
        w=_px(right - left),
    )


def _only_reads(begin: Operation) -> bool:
    """Does it change nothing? Transactions may consist of reads."""
    if begin.f == "txn" and isinstance(begin.value, list):
        return all(isinstance(step, list) and step[:1] == ["r"] for step in begin.value)
    return begin.f in READS


def label(pair: Pair) -> str:
    """What was asked and answered: `read → [1,2]`, `add 5`, `cas [0,1]`, `append x 3, r y [1]`."""
    begin, end = pair
    ok = end is not None and end.type == "ok"
    value = end.value if end is not None and ok else begin.value
    key = f" {begin.key}" if begin.key is not None else ""
    if begin.f == "txn" and isinstance(value, list):
        return ", ".join(_micro(step, ok) for step in value)
    if begin.write is not None or (end is not None and end.reads is not None):
        return _versions(begin, end)
    if begin.f in READS:
        return f"{begin.f}{key} → {shown(value) if ok else '?'}"
    changed = f" → {shown(value)}" if value != begin.value and begin.value is not None else ""
    argument = begin.value if begin.value is not None else value
    return f"{begin.f}{key}" + (f" {shown(argument)}" if argument is not None else "") + changed


def _micro(step: Any, ok: bool) -> str:
    if not isinstance(step, list) or len(step) != 3:
        return shown(step)
    verb, key, value = step
    verb = {"r": "read", "w": "write"}.get(verb, verb)
    if value is None and verb == "read":
        return f"read {key} {'→ nothing' if ok else '→ ?'}"
    return f"{verb} {key} {shown(value)}"


def _versions(begin: Operation, end: Operation | None) -> str:
    """An operation of a Dynamo store: which version it wrote, which ones it was shown."""
    item = begin.value.get("item") if isinstance(begin.value, dict) else None
    what = begin.f + (f" {item}" if item is not None else "")
    seen = end.reads if end is not None else None
    if begin.write is None:
        return f"{what} → {braces(seen or ())}"
    return f"{what}: {begin.write}" + (f", had seen {braces(seen)}" if seen else "")


def details(pair: Pair) -> list[str]:
    """Who did it, when it began and how it ended, a line each."""
    begin, end = pair
    lines = [_who(begin.process) + (f" through {begin.node}" if begin.node else ""), _when("began", begin)]
    if end is None:
        lines.append("never completed: it may have taken effect, or may still")
    else:
        told = {
            "ok": "succeeded",
            "fail": "failed, certainly without effect",
            "info": "ended with an unknown outcome",
        }
        lines.append(_when(told.get(end.type, end.type), end))
        if end.error:
            lines.append(f"error: {end.error}")
    return lines


def _when(what: str, entry: Operation) -> str:
    moment = f", {entry.time / 1e9:.4f} s" if entry.time >= 0 else ""
    return f"{what} in entry {entry.index}{moment}"


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[: max(room - 1, 3)] + "…"


def _px(value: float) -> str:
    return str(escape(f"{value:.1f}"))
