"""What is in front of each node: of each session so many, for a session is in order.

A clock is a row of numbers. Most of the memory that is gone through are clocks, and all of them are handed on
along edges.  Kernels that other kernels call (`engine.py`).
"""

from checker.isolation.columns import Ints
from checker.isolation.cycle import Neighbours
from checker.isolation.engine import Engine
from checker.isolation.facts import Facts


def no_clocks(facts: Facts, length: int, engine: Engine, width: int = 1) -> Ints:
    """Rows for clocks: of each session, how many nodes are in front; a transaction has so many (`width`)."""
    starts = facts.session_start
    longest = max((int(starts[s + 1]) - int(starts[s]) for s in range(facts.sessions)), default=0)
    return engine.rows(length, facts.sessions, longest * width)


# --- kernels ---------------------------------------------------------------------------------------


def clear(rows: Ints, used: int) -> None:
    """Make the first rows zeros."""
    for n in range(used):
        row = rows[n]
        for j in range(len(row)):
            row[j] = 0


def spread_clock(
    facts: Facts,
    what: tuple[int, int, int],
    grown: bool,
    index: Neighbours,
    result: tuple[Ints, Ints, Ints],
) -> None:
    """Hand on the past of one node, which must be complete, and the node itself.

    The first time, everything is new anyway: nobody asks what has changed.
    """
    n, width, since = what
    t = n // width
    session, place = facts.session_of[t], facts.position[t] * width + n - t * width
    for k in range(index.start[n], index.start[n + 1]):
        after = index.after[k]
        if grown or (index.edge[k] >= since and result[0][after][session] <= place):
            if since < 0:
                put_in_front((n, after, session, place), result[0])
            else:
                hand_on((n, after, session, place), result)


def hand_on(what: tuple[int, int, int, int], result: tuple[Ints, Ints, Ints]) -> None:
    """Put a node, with its session and its place there, and its past in front of another one.

    The bits of the sessions of which that one has more in front of it now are added to what has `changed`.
    """
    n, after, session, place = what
    clocks, changed, bit = result
    mine, theirs = clocks[n], clocks[after]
    more = bit[session] * (theirs[session] <= place)
    for j in range(len(bit)):
        more |= bit[j] * (mine[j] > theirs[j])
        theirs[j] = max(mine[j], theirs[j])
    theirs[session] = max(theirs[session], place + 1)
    changed[after] |= more


def put_in_front(what: tuple[int, int, int, int], clocks: Ints) -> None:
    """The same without a note of what has changed."""
    n, after, session, place = what
    mine, theirs = clocks[n], clocks[after]
    for j in range(len(mine)):
        theirs[j] = max(mine[j], theirs[j])
    theirs[session] = max(theirs[session], place + 1)
