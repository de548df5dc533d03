"""All nodes in a row, one after the other, and the order of the writes of each key that results.

Nodes are those of `precedence.py`.  With an order of writes the graph is complete: besides the edges that are
known, each write comes after the one that it wrote over, and after those who read that.  In a row that is
nearly right, few of these lead back.  Kernels (`engine.py`).
"""

from typing import NamedTuple

from checker.isolation.columns import Ints
from checker.isolation.engine import Engine
from checker.isolation.facts import ABOUT, WRITER, Facts
from checker.isolation.versions import Versions

NOWHERE = 2**31 - 1
"""Behind the last place of a row."""


class Line(NamedTuple):
    """The row, and who wrote over what.

    `at` [place], `place` [node] (-1: it does not count).  `previous` [slot]: the version that a write wrote
    over; `following` [version]: the slot of the write over it (-1: none).  `stuck` [node]: 1 where it could
    not be run and just stands somewhere, so that its writes say nothing.
    """

    at: Ints
    place: Ints
    previous: Ints
    following: Ints
    stuck: Ints


def new_line(facts: Facts, versions: Versions, width: int, engine: Engine) -> Line:
    """Room for a row."""
    new, nodes = engine.vector, facts.transactions * width
    return Line(
        at=new(nodes),
        place=new(nodes),
        previous=new(versions.slots),
        following=new(versions.slots + facts.keys),
        stuck=engine.flags(nodes),
    )


# --- kernels ---------------------------------------------------------------------------------------


def line_up(facts: Facts, versions: Versions, width: int, line: Line) -> int:
    """All nodes that count, as their transactions ended; every write as if it were the first of its key.
    Returns how long the row is."""
    count = 0
    for node in range(len(line.place)):
        line.stuck[node], line.place[node] = 0, -1
        if facts.position[node // width] >= 0:
            line.at[count], line.place[node] = node, count
            count += 1
    for w in range(versions.slots):
        line.previous[w] = versions.slots + facts.write_key[w]
    for version in range(len(line.following)):
        line.following[version] = -1
    return count


def end_of(facts: Facts, w: int, width: int) -> int:
    """The node in which a write happens."""
    return int(facts.write[ABOUT * w + WRITER] * width + width - 1)


def led_back(facts: Facts, versions: Versions, width: int, line: Line, w: int) -> tuple[int, int]:
    """The first and the last place of the edges to a write that lead back; NOWHERE and -1 if none does."""
    low, high = NOWHERE, -1
    t, before = facts.write[ABOUT * w + WRITER], line.previous[w]
    begin, end = line.place[t * width], line.place[t * width + width - 1]
    if before < versions.slots:
        here = line.place[end_of(facts, before, width)]
        if here > begin:
            low, high = begin, here
    for i in range(versions.read_start[before], versions.read_start[before + 1]):
        t3 = versions.reader[i]
        here = line.place[t3 * width]
        if here > end and t3 != t:
            low, high = min(low, end), max(high, here)
    return low, high
