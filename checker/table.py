"""A history as columns: what a checker that works on millions of operations wants.

Each entry takes a few tens of bytes: a row of numbers, and values that are numbers themselves or places in a
pool that keeps every different value once.  Iterating gives plain Operations.

Rules of this file
  1. A value is `(kind, value)`: nil is (0, 0), an int of at most 18 digits (1, itself), anything else (2, its
     place in `pool`).  Equal pairs mean equal values; different places nearly always mean different
     values, but 2 and 2.0, or the same map in another order, have places of their own.
  2. What the columns have no room for (`extra`: the fields of other tools) is kept as a whole Operation in
     `odd`, by row; the columns of such a row are filled as well.
  3. Pooled values are shared between operations: they are read, never changed.
  4. numpy is needed for a table, numba to read a file into one (`formats.columns`).
  5. Strings have one place each, in whatever row they stand.
  6. Columns that no entry fills (RARE ones only) take no memory: the attribute is then one number seen from
     every row, which cannot be written.  Kernels want `np.ascontiguousarray` of such a column.

Cost: linear.  From a file the text is read in pieces, and never kept.
"""

from collections.abc import Iterator, Sequence
from typing import Any, overload

import msgspec
import numpy as np
import numpy.typing as npt

from checker.history import Columnar
from checker.operation import Operation, OpType
from checker.pool import Pool

TYPES: tuple[OpType, ...] = ("invoke", "ok", "fail", "info")
NIL, INT, POOLED = 0, 1, 2
INT_MAX = 10**18
NAMES = ("index", "time", "process", "type", "f", "key", "error", "kind", "value")
RARE = {"node": -1, "write": -1, "reads": -1, "context": -1, "final": 0}
"""Columns that a table may lack, mostly those of Dynamo operations, and what then stands in every row."""
SIZES: dict[str, type[np.integer[Any]]] = {
    "type": np.int8, "kind": np.int8, "f": np.int32, "key": np.int32, "error": np.int32,
    "node": np.int32, "write": np.int32, "reads": np.int32, "context": np.int32, "final": np.int8,
}  # fmt: skip

Ints = npt.NDArray[np.int64]
Small = npt.NDArray[np.int32]
Bytes = npt.NDArray[np.int8]


class Table(Columnar):
    """The columns of a history, one row per entry in the order of the file.

    indexes, time (ns, -1 unknown), process (a client's number; -1 - p for the name `pool[p]`), type (a
    place in TYPES), f, key and error (places in the pool, -1 for none), kind and value (rule 1); node,
    write and context (places, -1 for none), reads (the place of a list of strings, -1 for none), and final
    (1 or 0).
    """

    def __init__(self, columns: dict[str, npt.NDArray[Any]], pool: Pool, odd: dict[int, Operation]) -> None:
        self.indexes: Ints = columns["index"]
        self.time: Ints = columns["time"]
        self.process: Ints = columns["process"]
        self.type: Bytes = columns["type"]
        self.f: Small = columns["f"]
        self.key: Small = columns["key"]
        self.error: Small = columns["error"]
        self.kind: Bytes = columns["kind"]
        self.value: Ints = columns["value"]
        self._held = tuple(name for name in RARE if name in columns)
        self.node: Small = self._rare(columns, "node")
        self.write: Small = self._rare(columns, "write")
        self.reads: Small = self._rare(columns, "reads")
        self.context: Small = self._rare(columns, "context")
        self.final: Bytes = self._rare(columns, "final")
        self.pool = pool
        self.odd = odd

    @classmethod
    def from_history(cls, operations: Sequence[Operation]) -> "Table":
        """The columns of operations that are in memory already."""
        filler = Filler(Pool())
        for row, operation in enumerate(operations):
            filler.add(row, operation)
        return filler.table()

    def columns(self) -> dict[str, npt.NDArray[Any]]:
        """The columns by name: NAMES, and those of RARE that some entry fills."""
        return {name: getattr(self, "indexes" if name == "index" else name) for name in (*NAMES, *self._held)}

    def _rare(self, columns: dict[str, npt.NDArray[Any]], name: str) -> npt.NDArray[Any]:
        nothing = np.array(RARE[name], dtype=SIZES[name])
        return columns.get(name, np.broadcast_to(nothing, self.indexes.shape))

    def numbered(self) -> "Table":
        """The same with rows as indexes."""
        columns = self.columns() | {"index": np.arange(len(self))}
        odd = {row: msgspec.structs.replace(each, index=row) for row, each in self.odd.items()}
        return Table(columns, self.pool, odd)

    @property
    def nbytes(self) -> int:
        """The memory of the columns, in bytes; the pool and the odd ones come on top."""
        return sum(int(column.nbytes) for column in self.columns().values())

    @overload
    def __getitem__(self, at: int) -> Operation: ...

    @overload
    def __getitem__(self, at: slice) -> list[Operation]: ...

    def __getitem__(self, at: int | slice) -> Operation | list[Operation]:
        if isinstance(at, slice):
            return [self[row] for row in range(*at.indices(len(self)))]
        row = range(len(self))[at]
        return next(self._rows(row, row + 1))

    def __len__(self) -> int:
        return len(self.indexes)

    def __iter__(self) -> Iterator[Operation]:
        self.pool.decode_all()
        for start in range(0, len(self), 100_000):
            yield from self._rows(start, min(start + 100_000, len(self)))

    def _rows(self, start: int, end: int) -> Iterator[Operation]:
        pool, odd = self.pool, self.odd
        columns = (getattr(self, "indexes" if name == "index" else name) for name in (*NAMES, *RARE))
        for row, cells in enumerate(zip(*(c[start:end].tolist() for c in columns), strict=True), start=start):
            if row in odd:
                yield odd[row]
                continue
            index, time, process, kind, f, key, error, form, value, node, write, reads, context, final = cells
            yield Operation(
                index=index,
                time=time,
                process=process if process >= 0 else pool[-1 - process],
                type=TYPES[kind],
                f=pool[f],
                value=None if form == NIL else value if form == INT else pool[value],
                key=None if key < 0 else pool[key],
                error=None if error < 0 else pool[error],
                node=None if node < 0 else pool[node],
                write=None if write < 0 else pool[write],
                reads=None if reads < 0 else tuple(pool[reads]),
                context=None if context < 0 else pool[context],
                final=final == 1,
            )


class Filler:
    """Makes the columns of operations that come one by one."""

    def __init__(self, pool: Pool) -> None:
        """Values are appended to `pool`; what is there already is left alone."""
        self._rows: list[tuple[int, ...]] = []
        self._pool = pool
        self._places: dict[Any, int] = pool.strings()
        self._odd: dict[int, Operation] = {}

    def add(self, row: int, o: Operation) -> None:
        """Append an operation as the row of that number."""
        kind, value = self._cell(o.value)
        client = isinstance(o.process, int) and 0 <= o.process < INT_MAX
        process = int(o.process) if client else -1 - self.place(o.process)
        texts = [
            -1 if each is None else self.place(each)
            for each in (
                o.key,
                o.error,
                o.node,
                o.write,
                None if o.reads is None else list(o.reads),
                o.context,
            )
        ]
        told = (o.index, o.time, process, TYPES.index(o.type), self.place(o.f), *texts[:2], kind, value)
        self._rows.append((*told, *texts[2:], int(o.final)))
        if o.extra:
            self._odd[row] = o

    def place(self, value: Any) -> int:
        """The place of a value in the pool. Their notation decides, so that True is not 1."""
        name = value if isinstance(value, str) else (type(value), repr(value))
        place = self._places.setdefault(name, len(self._pool))
        if place == len(self._pool):
            self._pool.append(value)
        return place

    def columns(self) -> dict[str, npt.NDArray[Any]]:
        """The columns of all rows so far; of RARE ones those that some row fills."""
        names = (*NAMES, *RARE)
        rows = np.array(self._rows, dtype=np.int64).reshape(-1, len(names))
        return {
            name: rows[:, at].astype(SIZES.get(name, np.int64))
            for at, name in enumerate(names)
            if name in NAMES or bool((rows[:, at] != RARE[name]).any())
        }

    def table(self) -> Table:
        """All rows so far as a table."""
        return Table(self.columns(), self._pool, self._odd)

    def _cell(self, value: Any) -> tuple[int, int]:
        if value is None:
            return NIL, 0
        if isinstance(value, int) and not isinstance(value, bool) and -INT_MAX < value < INT_MAX:
            return INT, value
        return POOLED, self.place(value)
