"""Versions of a key and what replaced what, drawn as SVG: boxes from the oldest to the newest, with arrows.

An arrow leads from a version to one whose writer had been shown it, and which therefore replaced it.  Arrows
that follow from others are left out.
"""

from collections.abc import Iterable
from typing import NamedTuple

from markupsafe import Markup

BOX, HEIGHT, GAP, ROW = 148, 62, 46, 78
BELOW = 44
"""Room for arrows that lead back, below the boxes."""

LETTERS = 17
"""Characters that fit into a box."""

MOST = 18
"""Boxes of a picture; more cannot be read."""


class Node(NamedTuple):
    """A version: who wrote it, what is to be said of it, and how it looks.

    `look` is empty, or some of `shown` (filled), `wrong` (ringed), `failed` and `deleted` (outlined).
    """

    id: str
    who: str
    said: str
    look: str


Seen = dict[str, set[str]]
"""Version -> the versions that its writer had been shown."""


def draw(nodes: list[Node], seen: Seen) -> Markup:
    """The picture of these versions; `seen` may name others, through which nothing is drawn."""
    names = {node.id for node in nodes}
    arrows = reduced({node.id: seen.get(node.id, set()) & names for node in nodes})
    places = _places(nodes, arrows)
    width = max((x for x, _ in places.values()), default=0) + BOX + 4
    back = any(places[older][0] >= places[newer][0] for newer in arrows for older in arrows[newer])
    height = max((y for _, y in places.values()), default=0) + HEIGHT + 4 + (BELOW if back else 0)
    parts = [_arrow(places[older], places[newer]) for newer in arrows for older in sorted(arrows[newer])]
    parts += [_box(node, *places[node.id]) for node in nodes]
    return Markup(
        '<svg class="tree" viewBox="0 0 {w} {h}" width="{w}" height="{h}" role="img" aria-label="{told}">'
        "{parts}</svg>"
    ).format(w=width, h=height, told=_spoken(nodes, arrows), parts=Markup("").join(parts))


def _spoken(nodes: list[Node], arrows: Seen) -> str:
    told = []
    for node in nodes:
        after = f", had seen {', '.join(sorted(arrows[node.id]))}" if arrows[node.id] else ""
        told.append(f"{node.id} ({node.who}{', ' + node.said if node.said else ''}{after})")
    return f"{len(nodes)} versions: " + "; ".join(told)


def behind(name: str, seen: Seen) -> set[str]:
    """All that a version's writer had seen, directly or through others."""
    found: set[str] = set()
    pending = [name]
    while pending:
        for older in seen.get(pending.pop(), ()):
            if older not in found:
                found.add(older)
                pending.append(older)
    return found


def reduced(seen: Seen) -> Seen:
    """Without arrows that follow from others. In a circle, which no store makes, nothing follows."""
    result = {}
    for name, direct in seen.items():
        through = {
            older for other in direct if name not in behind(other, seen) for older in behind(other, seen)
        }
        result[name] = direct - through - {name}
    return result


def _places(nodes: list[Node], arrows: Seen) -> dict[str, tuple[int, int]]:
    """Column by the longest way from the beginning; row that of the first one seen, if it is free."""
    columns: dict[str, int] = {}
    ahead = _ahead(nodes, arrows)
    for _ in nodes:
        for node in nodes:
            olders = [columns.get(older, 0) + 1 for older in ahead[node.id]]
            columns[node.id] = min(max(olders, default=0), len(nodes) - 1)
    taken: set[tuple[int, int]] = set()
    rows: dict[str, int] = {}
    for node in sorted(nodes, key=lambda node: columns[node.id]):
        row = min((rows[older] for older in arrows[node.id] if older in rows), default=0)
        while (columns[node.id], row) in taken:
            row += 1
        taken.add((columns[node.id], row))
        rows[node.id] = row
    return {node.id: (2 + columns[node.id] * (BOX + GAP), 2 + rows[node.id] * ROW) for node in nodes}


def _ahead(nodes: list[Node], arrows: Seen) -> Seen:
    """The arrows that lead on: those of a circle that lead back to a node named earlier are left out."""
    at = {node.id: place for place, node in enumerate(nodes)}
    return {
        name: {old for old in olders if at[old] < at[name] or name not in behind(old, arrows)}
        for name, olders in arrows.items()
    }


def _arrow(older: tuple[int, int], newer: tuple[int, int]) -> Markup:
    (x1, y1), (x2, y2) = older, newer
    y1, y2 = y1 + HEIGHT // 2, y2 + HEIGHT // 2
    if x2 <= x1:
        # A circle: the way back runs below the boxes.
        from_x, to_x, low = x1 + BOX // 2, x2 + BOX // 2, max(y1, y2) + HEIGHT // 2 + BELOW
        path = f"M{from_x} {y1 + HEIGHT // 2}C{from_x} {low} {to_x} {low} {to_x} {y2 + HEIGHT // 2 + 3}"
        return Markup('<path class="arrow" d="{d}" marker-end="url(#tip)"/>').format(d=path)
    begin, end = x1 + BOX, x2 - 3
    bend = (end - begin) / 2
    curve = f"M{begin} {y1}C{begin + bend} {y1} {end - bend} {y2} {end} {y2}"
    return Markup('<path class="arrow" d="{d}" marker-end="url(#tip)"/>').format(d=curve)


def _box(node: Node, x: int, y: int) -> Markup:
    return Markup(
        '<g class="version {look}"><title>{id}: {who}{tail}</title>'
        '<rect x="{x}" y="{y}" width="{w}" height="{h}" rx="6"/>'
        '<text class="id" x="{tx}" y="{a}">{short}</text><text x="{tx}" y="{b}">{by}</text>'
        '<text class="said" x="{tx}" y="{c}">{said}</text></g>'
    ).format(
        look=node.look, id=node.id, who=node.who, tail=f", {node.said}" if node.said else "",
        x=x, y=y, w=BOX, h=HEIGHT, tx=x + 10, a=y + 19, b=y + 36, c=y + 53,
        short=_cut(node.id, LETTERS), by=_cut(node.who, LETTERS + 4), said=_cut(node.said, LETTERS + 4),
    )  # fmt: skip


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: room - 1]}…"


def chosen(wanted: Iterable[str], seen: Seen) -> tuple[list[str], int]:
    """The wanted versions, those on the ways between them, and what they had been shown.

    At most MOST are chosen; the number is how many are left out.
    """
    first = list(dict.fromkeys(wanted))
    older = {name: behind(name, seen) for name in first}
    between = [
        name
        for name in dict.fromkeys(name for names in older.values() for name in sorted(names))
        if name not in older and behind(name, seen) & set(first)
    ]
    direct = {name for known in first for name in seen.get(known, ())}
    every = [*first, *between, *sorted(direct - {*first, *between})]
    return every[:MOST], max(len(every) - MOST, 0)
