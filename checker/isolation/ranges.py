"""From where to where in the row (`line.py`) edges lead back: the windows in which there may be circles.

Kernels (`engine.py`).
"""

from typing import NamedTuple

from checker.isolation.columns import Ints
from checker.isolation.facts import Facts
from checker.isolation.line import NOWHERE, Line, end_of, led_back
from checker.isolation.versions import Versions


class Ranges(NamedTuple):
    """Windows, from place `low` to place `high`: increasing, with nothing in common. The nodes inside are
    numbered one after the other, from `first` [window] to `first` [window + 1]; their edges from `edge`
    [window] to `edge` [window + 1]. `stuck` [window]: 1 where something could not be run."""

    low: Ints
    high: Ints
    first: Ints
    edge: Ints
    stuck: Ints


# --- kernels ---------------------------------------------------------------------------------------


def reach_back(facts: Facts, versions: Versions, width: int, line: Line, reach: Ints) -> int:
    """For each place, from how far behind it an edge leads back there. Returns for how many one does."""
    count = 0
    for w in range(versions.slots):
        low, high = led_back(facts, versions, width, line, w)
        if high >= 0:
            count += 1
            reach[low] = max(reach[low], high)
    return count


def windows_of(reach: Ints, low: Ints, high: Ints) -> int:
    """Fill the windows. Returns how many there are."""
    count, end = 0, -1
    for at in range(len(reach)):
        if reach[at] < 0:
            continue
        if at > end:
            low[count] = at
            count += 1
        end = max(end, reach[at])
        high[count - 1] = end
    return count


def reach_again(  # noqa: PLR0917 - a kernel gets its arrays as parameters
    facts: Facts,
    versions: Versions,
    width: int,
    line: Line,
    run: tuple[Ints, Ints],
    out: tuple[Ints, Ints],
) -> int:
    """From where to where edges lead back that have to do with parts that were run again; all of a part where
    something could not be run. Returns how many there are: at most one for each place, and for each part."""
    count = 0
    for part in range(len(run[0])):
        low, high, stuck = run[0][part], run[1][part], False
        for at in range(low, high + 1):
            stuck |= line.stuck[line.at[at]] == 1
            first, last = reach_of(facts, versions, width, line, (at, high))
            if last >= 0:
                out[0][count], out[1][count] = first, last
                count += 1
        if stuck:
            out[0][count], out[1][count] = low, high
            count += 1
    return count


def reach_of(
    facts: Facts, versions: Versions, width: int, line: Line, what: tuple[int, int]
) -> tuple[int, int]:
    """From where to where edges lead back that have to do with the node at a place of a part, which ends at
    another one; NOWHERE and -1 if none does."""
    at, end = what
    low, high = NOWHERE, -1
    t = line.at[at] // width
    last = line.place[t * width + width - 1]
    if last != at and last <= end:
        return low, high
    for w in range(facts.write_start[t], facts.write_start[t + 1]):
        one, other = led_back(facts, versions, width, line, w)
        low, high = min(low, one), max(high, other)
        after = line.following[w]
        if after >= 0 and line.place[end_of(facts, after, width)] > end:
            one, other = led_back(facts, versions, width, line, after)
            low, high = min(low, one), max(high, other)
    return low, high


def unite(low: Ints, high: Ints) -> int:
    """Make one of windows that have a place in common; they begin one after the other. Returns how many there
    are then."""
    count = 0
    for window in range(len(low)):
        first, last = low[window], high[window]
        while count > 0 and high[count - 1] >= first:
            count -= 1
            first, last = min(first, low[count]), max(last, high[count])
        low[count], high[count] = first, last
        count += 1
    return count


def number_places(ranges: Ranges) -> int:
    """Fill `first`. Returns how many places are inside."""
    count = 0
    for window in range(len(ranges.low)):
        ranges.first[window] = count
        count += ranges.high[window] - ranges.low[window] + 1
    ranges.first[len(ranges.low)] = count
    return count
