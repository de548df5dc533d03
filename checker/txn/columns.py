"""Transactions as columns: the form in which both checkers, small or large, see a history.

A transaction is an invocation with its completion; it is a row.  Its micro-operations are rows of a second
table, `starts[t]` to `starts[t + 1]`.  Keys are numbered from 0; so are the written things (elements of a
list, values of a register), where a number stands for one value *of one key*.  What `None` in a register
means is the number -1 in `value`.

Rules of this file
  1. Rows are in order of invocation.  `invoked` and `completed` are positions in the history; `invoked` is
     -1 when only the completion was recorded (nothing can then be said about when it began), `completed`
     is `NEVER` when it may still be running.
  2. The reads of a transaction whose completion was not `ok` are not known, and left out; its writes stay.
  3. A value that was read and that nobody wrote has a number, too, and no writer.
"""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from checker.history import History, Pair
from checker.txn.place import Ints
from checker.verdict import Unfit

OK, INFO, FAIL = 0, 1, 2
WRITE, READ = 0, 1
NEVER = 2**31 - 1
NIL = -1

STATUS = {"ok": OK, "info": INFO, "fail": FAIL}
VERBS = {"r": READ, "append": WRITE, "w": WRITE}
LIST, REGISTER = "append", "w"

INTEGERS = (
    *("status", "process", "invoked", "completed", "starts", "kind", "key", "value"),
    *("list_starts", "list_ends", "elements"),
)
"""The columns of integers, by their names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TxnColumns:
    """All transactions of a history. The integer columns are lists or int32 arrays.

    `value` of a write: the number of what it wrote.  Of a register read: the number of what it returned,
    or NIL.  Of a list read: the row i in
    `list_starts`; the list is `elements[list_starts[i]:list_ends[i]]` (lists may share elements).
    `key_names` and `value_names` say what the numbers stood for (empty: the numbers themselves are meant),
    `entries` which entries of the history a transaction is made of.
    """

    status: Ints
    process: Ints
    invoked: Ints
    completed: Ints
    starts: Ints
    kind: Ints
    key: Ints
    value: Ints
    list_starts: Ints
    list_ends: Ints
    elements: Ints
    keys: int
    values: int
    key_names: Sequence[Any] = ()
    value_names: Sequence[Any] = ()
    process_names: Sequence[Any] = ()
    entries: Sequence[tuple[int, ...]] = ()
    times: Ints = ()

    def key_name(self, key: int) -> Any:
        """The key that the number stands for."""
        return self.key_names[key] if self.key_names else key

    def value_name(self, value: int) -> Any:
        """The value that the number stands for; None is the initial state."""
        if value < 0 or value >= self.values:
            return None
        return self.value_names[value] if self.value_names else value

    def processes(self) -> int:
        """How many processes there are."""
        if not len(self.process):
            return 0
        return 1 + (max(self.process) if isinstance(self.process, list) else int(self.process.max()))

    def client(self, row: int) -> Any:
        """The process of a transaction."""
        process = int(self.process[row])
        return self.process_names[process] if self.process_names else process

    def list_of(self, read: int) -> list[Any]:
        """What a list read returned."""
        return [self.value_name(int(e)) for e in self.elements[self.list_starts[read] : self.list_ends[read]]]


def columns_of(history: History, write: str) -> TxnColumns:
    """Number everything. `write` is LIST or REGISTER. Raises ValueError for what is no transaction."""
    if history.table is not None:
        from checker.txn.tabled import columns_of_table

        columns = columns_of_table(history, write)
        if columns is not None:
            return columns
    builder = _Builder(write)
    for pair in history.pairs():
        builder.add(pair)
    return builder.columns()


def compact(columns: TxnColumns) -> TxnColumns:
    """The same with int32 arrays, for the compiled path. Arrays are left as they are."""
    import numpy

    arrays: dict[str, Ints] = {
        name: numpy.asarray(getattr(columns, name), dtype=numpy.int32) for name in INTEGERS
    }
    return replace(columns, **arrays)


def listed(columns: TxnColumns) -> TxnColumns:
    """The same with lists, for the plain path. Lists are left as they are."""
    lists: dict[str, Ints] = {
        name: column if isinstance(column, list) else column.tolist()
        for name in INTEGERS
        for column in [getattr(columns, name)]
    }
    return replace(columns, **lists)


class _Builder:
    def __init__(self, write: str) -> None:
        self._write = write
        self._row = 0
        self._processes: dict[Hashable, int] = {}
        self._keys: dict[Hashable, int] = {}
        self._values: list[dict[Hashable, int]] = []
        self._key_names: list[Any] = []
        self._value_names: list[Any] = []
        self._columns: dict[str, list[int]] = {
            name: [] for name in ("status", "process", "invoked", "completed", "kind", "key", "value")
        }
        self._starts: list[int] = [0]
        self._list_starts: list[int] = []
        self._list_ends: list[int] = []
        self._elements: list[int] = []
        self._entries: list[tuple[int, ...]] = []
        self._times: list[int] = []

    def add(self, pair: Pair) -> None:
        """One transaction; what is not a list of micro-operations is refused."""
        invocation, completion = pair
        last = completion or invocation
        status = STATUS.get(completion.type, INFO) if completion is not None else INFO
        operations = last.value if status == OK or last.value else invocation.value
        row = self._columns
        row["status"].append(status)
        row["process"].append(self._processes.setdefault(last.process, len(self._processes)))
        row["invoked"].append(invocation.index if invocation.type == "invoke" else -1)
        row["completed"].append(last.index if completion is not None and status != INFO else NEVER)
        for operation in self._checked(operations, last.index):
            self._micro(operation, status)
        self._starts.append(len(row["kind"]))
        self._entries.append((invocation.index,) if last is invocation else (invocation.index, last.index))
        self._times.append(last.time)

    def _checked(self, operations: Any, entry: int) -> Iterator[Any]:
        example = f'[["{self._write}", "x", 1], ["r", "x", null]]'
        if operations is None:
            return
        if not isinstance(operations, list | tuple):
            raise Unfit(f"entry {entry}: {operations!r} is no transaction; expected one like {example}")
        for operation in operations:
            well = isinstance(operation, list | tuple) and len(operation) == 3
            if not well or operation[0] not in ("r", self._write):
                raise Unfit(f"entry {entry}: {operation!r} is no step of a transaction like {example}")
            yield operation

    def _micro(self, operation: Any, status: int) -> None:
        verb, name, value = operation
        if verb == "r" and status != OK:
            return
        key = self._keys.setdefault(_hashable(name), len(self._keys))
        if key == len(self._values):
            self._values.append({})
            self._key_names.append(name)
        row = self._columns
        row["kind"].append(VERBS[verb])
        row["key"].append(key)
        if verb == "r" and self._write == LIST:
            known = self._values[key]
            if value is not None and not isinstance(value, list | tuple):
                raise ValueError(f"a read of {name!r} returned {value!r}; expected a list")
            row["value"].append(len(self._list_starts))
            self._list_starts.append(len(self._elements))
            self._elements += [self._number(known, element) for element in value or ()]
            self._list_ends.append(len(self._elements))
        else:
            row["value"].append(
                NIL if value is None and verb == "r" else self._number(self._values[key], value)
            )

    def _number(self, known: dict[Hashable, int], value: Any) -> int:
        hashable = _hashable(value)
        number = known.get(hashable)
        if number is None:
            number = known[hashable] = len(self._value_names)
            self._value_names.append(value)
        return number

    def columns(self) -> TxnColumns:
        """Everything that was added."""
        return TxnColumns(
            **self._columns,
            starts=self._starts,
            list_starts=self._list_starts,
            list_ends=self._list_ends,
            elements=self._elements,
            keys=len(self._keys),
            values=len(self._value_names),
            key_names=self._key_names,
            value_names=self._value_names,
            process_names=list(self._processes),
            entries=self._entries,
            times=self._times,
        )


def _hashable(value: Any) -> Hashable:
    """What makes two keys or values the same. True is not 1; lists and maps are what they print."""
    if isinstance(value, bool | tuple) or not isinstance(value, Hashable):
        return type(value).__name__, repr(value)
    return value
