"""What those who are no clients recorded: the observer, the nemesis and the harness itself.

They are few among millions, so of a history in columns only their entries are made.
"""

from checker.history import History
from checker.operation import Operation


def entries_of(history: History, process: str) -> list[Operation]:
    """The entries of the process of that name, oldest first."""
    table = history.table
    if table is None:
        return [operation for operation in history if operation.process == process]
    place = table.pool.find(process)
    if place < 0:
        return []
    return [table[row] for row in (table.process == -1 - place).nonzero()[0].tolist()]


def last_time(history: History) -> int:
    """The time of the last entry in ns; 0 for an empty history."""
    if history.table is not None:
        return int(history.table.time.max()) if len(history) else 0
    return max((operation.time for operation in history), default=0)
