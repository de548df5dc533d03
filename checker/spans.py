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
    # What is not written of `empty` and `zeros` takes no memory, so nobody has to count first.
    numbers, clients = clients_of(table)
    spans = Spans(np.empty(len(table), np.int64), np.empty(len(table), np.int64))
    columns = table.type, table.f, table.key
    count = compiled(_match)(numbers, columns, np.zeros(clients, np.int64), spans)
    return None if count < 0 else Spans(spans.invoked[:count], spans.completed[:count])


def clients_of(table: "Table") -> tuple[Ints, int]:
    """The client of every row by a number (negative: none), and how many numbers there are."""
    highest = int(table.process.max(initial=-1))
    if highest < 4 * len(table) + 1024:
        return table.process, highest + 1
    clients = table.process >= 0
    names, numbers = np.unique(table.process[clients], return_inverse=True)
    every = np.full(len(table), -1, dtype=np.int64)
    every[clients] = numbers.reshape(-1)
    return every, len(names)


@cache
def compiled(function: Any) -> Any:
    """The function as machine code, or itself where there is no numba."""
    return kernel.njit(function) if kernel.available() else function


def _match(numbers: Ints, columns: Any, open_at: Ints, spans: Spans) -> int:
    """Fill the spans; how many there are, or -1 where a client contradicts itself.

    `columns` are type, f and key; `open_at` has for each client its span without completion plus one, or 0.
    """
    kinds, fs, keys = columns
    count = 0
    for row in range(len(numbers)):
        client = numbers[row]
        if client < 0:
            continue
        at = open_at[client] - 1
        if kinds[row] == INVOKE:
            if at >= 0:
                return -1
            spans.invoked[count], spans.completed[count] = row, -1
            count += 1
            open_at[client] = count
        elif at < 0:
            spans.invoked[count], spans.completed[count] = row, row
            count += 1
        else:
            begun = spans.invoked[at]
            if fs[row] != fs[begun] or (keys[row] >= 0 and keys[begun] >= 0 and keys[row] != keys[begun]):
                return -1
            spans.completed[at] = row
            open_at[client] = 0
    return count
