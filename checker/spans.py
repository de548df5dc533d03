"""When the operations of clients began and ended, as columns: what `History.pairs` is to single operations.

`spans_of` also finds whether a working harness can have recorded the table.  Where it finds that one cannot
have, it gives None: the caller then makes the operations, and `history.py` tells what is wrong in words.
"""

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from checker import kernel

if TYPE_CHECKING:
    from checker.table import Table

Ints = npt.NDArray[np.int64]

INVOKE = 0
"""The place of invoke in `checker.table.TYPES`."""


class Spans(NamedTuple):
    """One per client operation, in the order of `History.pairs`, as rows of the table (int64).

    `completed` is -1 where no completion came.  Of a completion that nobody invoked, both are its row.
    """

    invoked: Ints
    completed: Ints

    @property
    def ends(self) -> Ints:
        """The row that tells the outcome: of the completion, or of the invocation where none came."""
        return np.where(self.completed >= 0, self.completed, self.invoked)


def spans_of(table: "Table") -> Spans | None:
    """Match completions with invocations. None where entries contradict each other."""
    clients = np.flatnonzero(table.process >= 0)
    numbers = table.process[clients]
    if len(numbers) and int(numbers.max()) >= 4 * len(table) + 1024:
        numbers = np.unique(numbers, return_inverse=True)[1].reshape(-1)
    processes = int(numbers.max()) + 1 if len(numbers) else 0
    spans = Spans(np.empty(len(clients), np.int64), np.empty(len(clients), np.int64))
    count = _compiled(_match)(
        clients, numbers, (table.type, table.f, table.key), np.full(processes, -1, np.int64), spans
    )
    if count < 0:
        return None
    return Spans(spans.invoked[:count].copy(), spans.completed[:count].copy())


@cache
def _compiled(function: Any) -> Any:
    return kernel.njit(function) if kernel.available() else function


def _match(clients: Ints, numbers: Ints, columns: Any, open_at: Ints, spans: Spans) -> int:
    """Fill the spans; how many there are, or -1 where a client contradicts itself.

    `columns` are type, f and key; `open_at` has for each client its span without completion, or -1.
    """
    kinds, fs, keys = columns
    count = 0
    for i in range(len(clients)):
        row, client = clients[i], numbers[i]
        at = open_at[client]
        if kinds[row] == INVOKE:
            if at >= 0:
                return -1
            open_at[client] = count
            spans.invoked[count], spans.completed[count] = row, -1
            count += 1
        elif at < 0:
            spans.invoked[count], spans.completed[count] = row, row
            count += 1
        else:
            begun = spans.invoked[at]
            if fs[row] != fs[begun] or (keys[row] >= 0 and keys[begun] >= 0 and keys[row] != keys[begun]):
                return -1
            spans.completed[at] = row
            open_at[client] = -1
    return count
