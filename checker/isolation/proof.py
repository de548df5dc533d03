"""Why there is no order: circles in what comes before what, as links with their reasons.

An edge that was found follows from a way through edges that were found before (`forced_order.py`), mostly in
earlier rounds: that way is its reason, and each edge of it may have one in turn.  Pure Python; it runs only
for what is told.
"""

from collections.abc import Iterator

from checker.isolation.dependency import ASSUMED, ORDER, OVERWRITE, READ, WITHIN
from checker.isolation.dependency import OVERLAP as OVERLAPPING
from checker.isolation.link import ASSUME, OVERLAP, PROCESS, RW, WR, WW, Link, shortened
from checker.isolation.precedence import Precedence


class Proof:
    """Tells about one graph."""

    def __init__(self, graph: Precedence) -> None:
        self._graph = graph
        self._links: dict[int, Link] = {}

    def circle(self) -> list[Link]:
        """A short circle; the graph must have one."""
        way = self._graph.circle()
        edges = self._graph.edges
        # The transaction that ended first is told first.  Not from its beginning to its end: then it would be
        # entered by its end, and told twice.
        starts = (at for at, e in enumerate(way) if edges.kind[e] != WITHIN)
        start = min(starts, key=lambda at: int(edges.source[way[at]]), default=0)
        return self._told(way[start:] + way[:start])

    def _told(self, way: list[int]) -> list[Link]:
        links = [self._link(edge) for edge in way if self._graph.edges.kind[edge] != WITHIN]
        return shortened(links)

    def _link(self, edge: int) -> Link:
        if edge not in self._links:
            source, target, kind, key, third = self._graph.describe(edge)
            name = {READ: WR, ORDER: WW, OVERLAPPING: OVERLAP, OVERWRITE: RW, ASSUMED: ASSUME}.get(
                kind, PROCESS
            )
            ways = (self._premise(edge, way) for way in self._premises(edge))
            premise = next((way for way in ways if way), [])
            self._links[edge] = Link(source, target, name, key, third, tuple(premise))
        return self._links[edge]

    def _premise(self, edge: int, ends: tuple[int, int]) -> list[Link]:
        graph = self._graph
        return self._told(graph.way(*ends, graph.before(edge)) or graph.way(*ends, edge))

    def _premises(self, edge: int) -> Iterator[tuple[int, int]]:
        """The nodes between which the reason of an edge leads."""
        graph = self._graph
        source, target, kind, _, third = graph.describe(edge)
        if kind == ORDER:
            yield graph.last(source), graph.first(third)
        elif kind == OVERLAPPING:
            yield graph.first(source), graph.last(target)
        elif kind == OVERWRITE and third < graph.facts.transactions:
            yield graph.last(third), graph.first(target)
            yield graph.first(third), graph.last(target)
