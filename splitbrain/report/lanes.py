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

from checker.history import Pair
from splitbrain.report import labels, plain

WIDTH, LABELS, LANE, TOP, AXIS = 1080, 128, 58, 6, 26
STEP = 84
"""From one entry to the next at least, in px, while there is room: WIDTH is the most that a picture has."""

LETTER = 7.3
"""Width of a letter of the labels, on average, in px."""

NAME_MAX = 17
"""Characters of a client that have room before its lane."""

MOST = 14
"""Operations that are drawn; more cannot be read."""

NOTHING: Mapping[int, str] = MappingProxyType({})


class _Canvas(NamedTuple):
    """Entry -> its place on the axis in px; what is ringed; what is named; what is said of it."""

    width: int
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
    canvas = _Canvas(0, dict.fromkeys(entries, 0.0), marked, names, texts)
    step = _step(pairs, entries, canvas)
    at = {index: LABELS + 10 + (rank + 0.25) * step for rank, index in enumerate(entries)}
    canvas = canvas._replace(width=round(LABELS + 30 + step * len(entries)), at=at)
    processes = list(dict.fromkeys(pair[0].process for pair in pairs))
    height = TOP + LANE * len(processes) + AXIS
    parts = [_frame(processes, entries, canvas, height)]
    for lane, process in enumerate(processes):
        own = [pair for pair in pairs if pair[0].process == process]
        parts += [_bar(pair, own, TOP + lane * LANE, canvas) for pair in own]
    return Markup(
        '<svg class="lanes" viewBox="0 0 {w} {h}" width="{w}" height="{h}" role="img" '
        'aria-label="{told}" style="min-width:{least}px">{parts}</svg>'
    ).format(
        w=canvas.width,
        least=canvas.width * 17 // 20,
        h=height,
        told=_spoken(pairs, canvas),
        parts=Markup("").join(parts),
    )


def _step(pairs: list[Pair], entries: list[int], canvas: _Canvas) -> float:
    """How wide a step of the axis is: enough for the texts of the bars, and all together at most WIDTH."""
    rank = {index: at for at, index in enumerate(entries)}
    end = {pair[0].process: len(entries) for pair in pairs}
    wanted: list[float] = [STEP]
    for pair in reversed(pairs):
        begin = rank[pair[0].index]
        wanted.append((len(_text(pair, canvas)) + 2) * LETTER / (end[pair[0].process] - begin))
        end[pair[0].process] = begin
    return min(max(wanted), (WIDTH - LABELS - 30) / max(len(entries), 1))


def _spoken(pairs: list[Pair], canvas: _Canvas) -> str:
    """The picture in words, for those who do not see it."""
    return "Operations in the order of the history: " + "; ".join(
        f"{labels.who(pair[0].process)}, {_text(pair, canvas)}, {_ended(pair)}" for pair in pairs
    )


def _text(pair: Pair, canvas: _Canvas) -> str:
    both = {entry.index for entry in pair if entry is not None}
    name = "".join(f"{canvas.names[index]}: " for index in sorted(both & canvas.names.keys())[:1])
    return labels.shorten(
        plain.visible(name + canvas.texts.get(pair[0].index, labels.label(pair))), labels.MOST
    )


def _ended(pair: Pair) -> str:
    begin, end = pair
    if end is None or end.type == "info":
        return f"from entry {begin.index}, outcome unknown"
    return f"entries {begin.index} to {end.index}" + (", failed" if end.type == "fail" else "")


def _frame(processes: list[Any], entries: list[int], canvas: _Canvas, height: int) -> Markup:
    """Lane names and lines, and the numbers of the entries below."""
    parts, at = [], canvas.at
    for lane, process in enumerate(processes):
        y = TOP + lane * LANE + 36
        parts.append(
            Markup('<text class="lane" x="{x}" y="{y}">{n}</text>').format(
                x=LABELS - 12, y=y + 4, n=labels.shorten(plain.visible(labels.who(process)), NAME_MAX)
            )
        )
        parts.append(
            Markup('<line class="rail" x1="{a}" x2="{b}" y1="{y}" y2="{y}"/>').format(
                a=LABELS, b=canvas.width, y=y
            )
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
    right = canvas.width - 8.0 if open_end or end is None else max(at[end.index], left + 10)
    nexts = [at[p[0].index] for p in own if at[p[0].index] > left]
    text = _text(pair, canvas)
    starts = left if nexts or own[0] is not pair else _pulled_in(text, left, canvas.width)
    room = int((min(nexts, default=float(canvas.width)) - starts - 4) / LETTER)
    if open_end and nexts:
        right = min(right, min(nexts) - 6)
    kind = "info" if open_end else "fail" if end is not None and end.type == "fail" else "ok"
    look = f"bar {kind}" + (" read" if labels.only_reads(begin) else "")
    if both & canvas.marked:
        look += " marked"
    return Markup(
        '<g><title>{tip}</title><text class="op" x="{tx}" y="{ty}">{text}</text>'
        '<rect class="{look}" x="{x}" y="{y}" width="{w}" height="13" rx="3"/></g>'
    ).format(
        tip="\n".join([text, *labels.details(pair)]),
        x=_px(left),
        tx=_px(starts),
        ty=top + 22,
        text=labels.shorten(text, room),
        look=look,
        y=top + 30,
        w=_px(right - left),
    )


def _pulled_in(text: str, left: float, width: int) -> float:
    """Where the text begins above a bar that is alone on its lane: further left, if the edge is near."""
    return min(left, max(LABELS + 10.0, width - 4 - (len(text) + 1) * LETTER))


def _px(value: float) -> str:
    return str(escape(f"{value:.1f}"))
