"""A cycle of transactions, drawn as SVG: nodes on a circle, an arrow for each dependency."""

import math
from typing import NamedTuple

from markupsafe import Markup

SIZE, NODE = 380, 25
RADIUS = 132
LETTER = 7.9
"""Width of a letter beside an arrow, in px."""

MOST = 12
"""Nodes that fit on the circle; longer cycles are told in words only."""


class Edge(NamedTuple):
    """One step of a cycle: `source` came before `target`, which `kind` (wr, ww, rw, process, realtime) and
    a sentence explain."""

    source: str
    target: str
    kind: str
    sentence: str


def draw(edges: list[Edge]) -> Markup:
    """The picture; empty for cycles that are too long, and for steps that do not lead back."""
    count = len(edges)
    around = all(edge.target == edges[(at + 1) % count].source for at, edge in enumerate(edges))
    if not 2 <= count <= MOST or not around:
        return Markup("")
    places = [_on_circle(at, count) for at in range(count)]
    arrows = [_arrow(edge, places[at], places[(at + 1) % count]) for at, edge in enumerate(edges)]
    nodes = [
        Markup(
            '<g class="node"><circle cx="{x:.1f}" cy="{y:.1f}" r="{r}"/>'
            '<text x="{x:.1f}" y="{t:.1f}">{n}</text></g>'
        ).format(x=x, y=y, t=y + 5, r=NODE, n=edge.source)
        for edge, (x, y) in zip(edges, places, strict=True)
    ]
    return Markup(
        '<svg class="circle" viewBox="0 0 {s} {s}" width="{s}" height="{s}" role="img" '
        'aria-label="{told}">{parts}</svg>'
    ).format(s=SIZE, told=_spoken(edges), parts=Markup("").join([*arrows, *nodes]))


def _spoken(edges: list[Edge]) -> str:
    around = ", ".join(f"{edge.source} to {edge.target} ({edge.kind})" for edge in edges)
    return f"A circle of {len(edges)} operations: {around}"


def _on_circle(at: int, count: int) -> tuple[float, float]:
    angle = 2 * math.pi * at / count - math.pi / 2
    return SIZE / 2 + RADIUS * math.cos(angle), SIZE / 2 + RADIUS * math.sin(angle)


def _arrow(edge: Edge, source: tuple[float, float], target: tuple[float, float]) -> Markup:
    """An arc bent outwards, so that the two arrows between two nodes do not lie on each other."""
    (x1, y1), (x2, y2) = source, target
    length = math.hypot(x2 - x1, y2 - y1) or 1.0
    normal = ((y2 - y1) / length, -(x2 - x1) / length)
    bend = 0.22 * length
    mx, my = (x1 + x2) / 2 + normal[0] * bend, (y1 + y2) / 2 + normal[1] * bend
    start, end = _beside(source, (mx, my)), _beside(target, (mx, my))
    # Half of the word, where the arrow runs up or down beside it, and half of its height.
    room = 12 + abs(normal[0]) * LETTER * len(edge.kind) / 2 + abs(normal[1]) * 8
    lx, ly = (x1 + x2) / 2 + normal[0] * (bend / 2 + room), (y1 + y2) / 2 + normal[1] * (bend / 2 + room)
    return Markup(
        '<g class="edge {css}"><title>{told}</title>'
        '<path d="M{a:.1f} {b:.1f}Q{c:.1f} {d:.1f} {e:.1f} {f:.1f}" marker-end="url(#tip)"/>'
        '<text x="{x:.1f}" y="{y:.1f}">{kind}</text></g>'
    ).format(
        css=edge.kind if edge.kind in ("ww", "wr", "rw") else "order", told=edge.sentence,
        a=start[0], b=start[1], c=mx, d=my, e=end[0], f=end[1], x=lx, y=ly + 4, kind=edge.kind,
    )  # fmt: skip


def _beside(node: tuple[float, float], towards: tuple[float, float]) -> tuple[float, float]:
    """The point of a node's rim that faces another point."""
    dx, dy = towards[0] - node[0], towards[1] - node[1]
    length = math.hypot(dx, dy) or 1.0
    return node[0] + dx / length * (NODE + 3), node[1] + dy / length * (NODE + 3)
