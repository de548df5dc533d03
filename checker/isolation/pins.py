"""Edges that are supposed for a while, because a search proposed an order of writes (`region.py`).

Kernels (`engine.py`).
"""

from collections.abc import Sequence
from typing import NamedTuple

from checker.isolation.columns import Ints
from checker.isolation.engine import Engine
from checker.isolation.facts import Facts
from checker.isolation.region import Order
from checker.isolation.search import lower_bound
from checker.isolation.versions import Versions

ROOM = 3
"""Edges for each proposed order for which there is room at first."""


class Pins(NamedTuple):
    """By source: from node `source` to node `target`. `third`: from whom the source read, -1 where it is not
    about that. `pinned` [node]: 1 for each source; of no length where there are no pins."""

    source: Ints
    target: Ints
    third: Ints
    pinned: Ints


def no_pins(engine: Engine) -> Pins:
    """Nothing is supposed."""
    return Pins(engine.vector(0), engine.vector(0), engine.vector(0), engine.flags(0))


def pins_of(orders: Sequence[Order], facts: Facts, versions: Versions, width: int, engine: Engine) -> Pins:
    """One write comes after another one of the same key, and after those who read that."""
    columns = tuple(engine.filled([order[at] for order in orders]) for at in range(3))
    room, new = ROOM * len(orders), engine.vector
    while True:
        pins = Pins(new(room), new(room), new(room), engine.flags(facts.transactions * width))
        count = int(engine.run(fill_pins, facts, versions, width, columns, pins))
        if count <= room:
            break
        room = count
    filled = [engine.head(column, count) for column in (pins.source, pins.target, pins.third)]
    source, target, third = engine.arranged(filled, filled[0])
    return Pins(source, target, third, pins.pinned)


# --- kernels ---------------------------------------------------------------------------------------


def fill_pins(
    facts: Facts, versions: Versions, width: int, orders: tuple[Ints, Ints, Ints], pins: Pins
) -> int:
    """Fill them as far as there is room. Returns how many there are. `orders`: who wrote which key before
    whom: the first, the second, the key."""
    count = 0
    for at in range(len(orders[0])):
        t1, t2, key = orders[0][at], orders[1][at], orders[2][at]
        count = put_pin(pins, count, (t1 * width + width - 1, t2 * width, -1))
        version = lower_bound(facts.write_key, facts.write_start[t1], facts.write_start[t1 + 1], key)
        for i in range(versions.read_start[version], versions.read_start[version + 1]):
            t3 = versions.reader[i]
            if t3 != t2:
                count = put_pin(pins, count, (t3 * width, t2 * width + width - 1, t1))
    return count


def put_pin(pins: Pins, count: int, pin: tuple[int, int, int]) -> int:
    """One pin more, if there is room. Returns how many there are."""
    if count < len(pins.source):
        pins.source[count], pins.target[count], pins.third[count] = pin
        pins.pinned[pin[0]] = 1
    return count + 1


def pins_from(pins: Pins, node: int) -> tuple[int, int]:
    """From where to where those are that lead from a node."""
    if len(pins.pinned) == 0 or pins.pinned[node] == 0:
        return 0, 0
    begin = lower_bound(pins.source, 0, len(pins.source), node)
    return begin, lower_bound(pins.source, begin, len(pins.source), node + 1)


def pinned_back(pins: Pins, place: Ints, low: Ints, high: Ints) -> int:
    """From where to where pins lead back in the row. Returns how many do."""
    count = 0
    for p in range(len(pins.source)):
        here, there = place[pins.source[p]], place[pins.target[p]]
        if there < here:
            low[count], high[count] = there, here
            count += 1
    return count
