"""What a session knows about a key: a place for each pair of the two, or one session after the other.

Some rules remember something for each session and key.  With a cell for each pair, transactions can be walked
in the order in which they ended: what they read is then mostly written a moment ago, and still in the cache.
Where that would be too many cells (a million keys, a thousand clients), the sessions are walked one after the
other, all in the same cells, one for each key.
"""

from typing import NamedTuple

from checker.isolation.columns import Ints
from checker.isolation.engine import Engine
from checker.isolation.facts import Facts

CELLS_AT_LEAST = 65_536
"""So many cells are never too many."""

CELLS_PER_OPERATION = 4
"""Beyond that, cells would take more memory than the history."""


class Cells(NamedTuple):
    """What session s knows about key k is in the cell k * across + s * along.

    `order`: in which the transactions are walked. `along` is 1 where each session has its own cells, else 0:
    then what another session left in a cell is to be told apart by a stamp, and `order` has the transactions
    session by session. `size`: how many cells there are.
    """

    order: Ints
    across: int
    along: int
    size: int


def cells_of(facts: Facts, engine: Engine) -> Cells:
    """A cell for each session and key, unless that is too many."""
    count = facts.sessions * facts.keys
    operations = len(facts.read_from) + len(facts.write_key)
    if count > max(CELLS_AT_LEAST, CELLS_PER_OPERATION * operations):
        return session_by_session(facts, engine)
    order = engine.vector(facts.transactions)
    engine.run(count_up, order)
    return Cells(order, facts.sessions, 1, count)


def session_by_session(facts: Facts, engine: Engine) -> Cells:
    """A cell for each key."""
    return Cells(engine.part(facts.at, 0, int(facts.session_start[facts.sessions])), 1, 0, facts.keys)


def count_up(order: Ints) -> None:
    """Kernel: 0, 1, 2, ..."""
    for i in range(len(order)):
        order[i] = i
