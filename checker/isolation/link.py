"""One transaction before another, and why: what cycles are told with.

`edge` is how it is drawn: process (same session), wr (the target read what the source wrote), ww (the target
wrote over the source), rw (the source read before the target wrote over it).  The first two are in the
history; the others follow from it, and `premise` is the way from one transaction to another that they follow
from, each step of it known before.
"""

from typing import NamedTuple

PROCESS, WR, WW, RW, OVERLAP, ASSUME = "process", "wr", "ww", "rw", "overlap", "assume"
"""The last two are drawn as ww: two writers of one key must not overlap, and the source began first; and
what is only supposed, to show that it leads nowhere."""


class Link(NamedTuple):
    """`source` comes before `target`. `key` is -1 for the order of a session.

    `third`, for ww: who read what the target wrote, and not what the source wrote, although `premise` leads
    from the source to it. For rw: who wrote what the source read (the number of transactions: nobody);
    `premise` leads from it to the target, where that did not read it itself.
    """

    source: int
    target: int
    edge: str
    key: int = -1
    third: int = -1
    premise: tuple["Link", ...] = ()

    @property
    def derived(self) -> bool:
        """Does it follow from other links?"""
        return bool(self.premise)

    @property
    def name(self) -> tuple[int, int, str, int]:
        """Two links of one name say the same."""
        return self.source, self.target, self.edge, self.key


def shortened(way: list[Link]) -> list[Link]:
    """Several steps of one session in a row as one."""
    result: list[Link] = []
    for link in way:
        if result and link.edge == PROCESS == result[-1].edge:
            result[-1] = result[-1]._replace(target=link.target)
        else:
            result.append(link)
    return result


def lemmas(links: list[Link]) -> list[Link]:
    """The derived links that these rest on, and that are not among them: what comes first is told first."""
    known = {link.name for link in links}
    result: list[Link] = []

    def visit(link: Link) -> None:
        for step in link.premise:
            if step.derived and step.name not in known:
                known.add(step.name)
                visit(step)
                result.append(step)

    for link in links:
        visit(link)
    return result
