"""A history of reads and writes as columns: who ran which transaction, and what it read and wrote.

What all checkers of this package read.  A transaction is the smallest unit; a lone read or write is a
transaction of one operation.  Sessions are the clients (processes) of the history.

Rules of this file
  1. Transactions are numbered in the order in which the history ended them; each session's own are so in the
     order in which it issued them.  What is near in time is near in memory, which is what the kernels live
     on; and it is the order in which they probably took effect.  (For columns made by a program any order
     will do that keeps the order of each session.)
  2. Keys and versions are dense numbers from 0.  A version is a value written to a key: writes must be
     unique per key, for only then does a read say which write it saw.  INITIAL is the value of a key that
     nobody wrote (option `init`, None unless told).
  3. A failed transaction has its writes only (so that a read of one is recognised).  So has one of unknown
     outcome: what it read is not known.  It ends its session: where the client went on under the same
     process nevertheless, it becomes a session of its own, for the client did not see it end.
  4. Columns are `array('q')` or numpy vectors of integers; both engines take both (`engine.py`).

Accepted: `txn` (any f whose value is a list of `["r", k, v]` and `["w", k, v]`), and `read` / `write` with
the key in the entry's `key`, or as an independent `[k, v]`, or with no key at all (one register).
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from typing import Any, NamedTuple

import msgspec

from checker.classic.element import shown
from checker.history import History, Pair

Ints = Any
"""A column: `array('q')`, a list of integers, or a numpy vector; numba's types are not known to mypy."""

READ, WRITE = 0, 1
COMMITTED, FAILED, UNKNOWN = 0, 1, 2
INITIAL = -1

READS = frozenset({"r", "read"})
WRITES = frozenset({"w", "write"})


class Unsuitable(ValueError):
    """The history holds something that these checkers cannot judge. The message says what, and where."""


class TransactionColumns(NamedTuple):
    """Transactions t, operations o. Kernels take this as it is.

    `session` [t]: a number from 0.  `status` [t]: COMMITTED, FAILED or UNKNOWN.
    `operation_start` [t + 1]: the operations of transaction t are operation_start[t] up to the next.
    `kind` [o]: READ or WRITE.  `key` [o].  `version` [o]: what was read or written; INITIAL for reads only.
    `sessions`, `keys`, `versions`: how many there are.
    """

    session: Ints
    status: Ints
    operation_start: Ints
    kind: Ints
    key: Ints
    version: Ints
    sessions: int
    keys: int
    versions: int


class Names(msgspec.Struct, frozen=True):
    """What the numbers stand for, for sentences. Empty where a history was made of numbers."""

    keys: Sequence[Any] = ()
    versions: Sequence[Any] = ()
    pairs: Sequence[Pair] = ()

    def key(self, key: int) -> str:
        """The name of a key."""
        return str(self.keys[key]) if len(self.keys) else f"k{key}"

    def value(self, version: int) -> Any:
        """The value of a version."""
        return self.versions[version] if len(self.versions) else version

    def who(self, transaction: int) -> str:
        """A transaction, as in `client 3 (entry 17)`."""
        if not len(self.pairs):
            return f"transaction {transaction}"
        invocation, completion = self.pairs[transaction]
        return f"client {invocation.process} (entry {(completion or invocation).index})"

    def session(self, transaction: int) -> str:
        """Who ran a transaction, as in `client 3`."""
        return f"client {self.pairs[transaction][0].process}" if len(self.pairs) else "the session"

    def entries(self, transactions: Iterable[int]) -> tuple[int, ...]:
        """The indexes of all entries of these transactions; without names, their numbers."""
        if not len(self.pairs):
            return tuple(sorted(set(transactions)))
        pairs = [self.pairs[transaction] for transaction in transactions]
        return tuple(sorted({entry.index for pair in pairs for entry in pair if entry is not None}))

    def last_time(self, transactions: Iterable[int]) -> int | None:
        """When the last of these transactions ended (ns); None where nobody knows."""
        pairs = [self.pairs[transaction] for transaction in transactions if len(self.pairs)]
        ends = [completion or invocation for invocation, completion in pairs]
        last = max(ends, key=lambda entry: entry.index, default=None)
        return last.time if last is not None and last.time >= 0 else None


class Transactions(msgspec.Struct, frozen=True):
    """A history for these checkers: the columns and the names."""

    columns: TransactionColumns
    names: Names


def columns_of(history: History, init: Any = None) -> Transactions:
    """Take a history apart. Raises Unsuitable for operations that are no reads and writes."""
    if history.table is not None:
        from checker.isolation.tabled import transactions_of

        if (transactions := transactions_of(history, init)) is not None:
            return transactions
    pairs = sorted(history.pairs(), key=_end)
    return _Builder(init).build(pairs, _sessions(pairs))


def unnamed(columns: TransactionColumns) -> Transactions:
    """Columns made by a program, told by their numbers."""
    return Transactions(columns, Names())


def _end(pair: Pair) -> int:
    """The index of the entry that tells how an operation ended."""
    return (pair[1] or pair[0]).index


def _sessions(pairs: list[Pair]) -> list[int]:
    """The session of each pair. An unknown outcome is last in its session, or alone (rule 3).

    Numbered by client as they appear; those that are alone come after all others.
    """
    last = {invocation.process: at for at, (invocation, _) in enumerate(pairs)}
    number = {process: at for at, process in enumerate(dict.fromkeys(pair[0].process for pair in pairs))}
    alone = count(len(number))
    return [
        next(alone) if _status(pair) == UNKNOWN and last[pair[0].process] != at else number[pair[0].process]
        for at, pair in enumerate(pairs)
    ]


def _status(pair: Pair) -> int:
    kind = pair[1].type if pair[1] is not None else "info"
    return {"ok": COMMITTED, "fail": FAILED}.get(kind, UNKNOWN)


class _Builder:
    """Interns keys and versions while the columns grow."""

    def __init__(self, init: Any) -> None:
        self._init = _hashable(init)
        self._key_numbers: dict[Any, int] = {}
        self._version_numbers: dict[tuple[int, Any], int] = {}
        self._keys: list[Any] = []
        self._versions: list[Any] = []
        self._kind, self._key, self._version = array("q"), array("q"), array("q")

    def build(self, pairs: list[Pair], sessions: list[int]) -> Transactions:
        status, operation_start = array("q"), array("q", [0])
        for pair in pairs:
            status.append(_status(pair))
            self._add(pair, status[-1])
            operation_start.append(len(self._kind))
        columns = TransactionColumns(
            session=array("q", sessions),
            status=status,
            operation_start=operation_start,
            kind=self._kind,
            key=self._key,
            version=self._version,
            sessions=max(sessions, default=-1) + 1,
            keys=len(self._key_numbers),
            versions=len(self._versions),
        )
        return Transactions(columns, Names(self._keys, self._versions, pairs))

    def _add(self, pair: Pair, status: int) -> None:
        for kind, name, value in _operations(pair, status):
            if status != COMMITTED and kind == READ:
                continue
            if kind == WRITE and _hashable(value) == self._init:
                raise Unsuitable(
                    f"entry {pair[0].index}: writes {shown(value)} to {name}, the value of an unwritten key; "
                    "writes must be unique, or a read does not say what it saw"
                )
            key = self._key_numbers.setdefault(_hashable(name), len(self._key_numbers))
            if key == len(self._keys):
                self._keys.append(name)
            self._kind.append(kind)
            self._key.append(key)
            self._version.append(self._number(key, value, kind))

    def _number(self, key: int, value: Any, kind: int) -> int:
        if kind == READ and _hashable(value) == self._init:
            return INITIAL
        name = (key, _hashable(value))
        if name not in self._version_numbers:
            self._version_numbers[name] = len(self._versions)
            self._versions.append(value)
        return self._version_numbers[name]


def _operations(pair: Pair, status: int) -> Iterator[tuple[int, Any, Any]]:
    """Kind, key and value of each operation, from the completion where it is known what happened."""
    invocation, completion = pair
    shown = completion if completion is not None and status == COMMITTED else invocation
    value = shown.value if shown.value is not None else invocation.value
    if invocation.f in READS | WRITES:
        yield _single(pair, value)
        return
    if not isinstance(value, list | tuple):
        raise Unsuitable(_complaint(pair, value))
    for step in value:
        if not isinstance(step, list | tuple) or len(step) != 3 or step[0] not in READS | WRITES:
            raise Unsuitable(_complaint(pair, step))
        yield READ if step[0] in READS else WRITE, step[1], step[2]


def _single(pair: Pair, value: Any) -> tuple[int, Any, Any]:
    kind = READ if pair[0].f in READS else WRITE
    if pair[0].key is not None:
        return kind, pair[0].key, value
    if isinstance(value, list | tuple) and len(value) == 2:
        return kind, value[0], value[1]
    return kind, "register", value


def _complaint(pair: Pair, value: Any) -> str:
    return (
        f"entry {pair[0].index}: {pair[0].f} with {shown(value)} is no read or write; expected read, write, "
        'or a transaction like [["r", "x", 1], ["w", "y", 2]]'
    )


def _hashable(value: Any) -> Any:
    """Lists and maps as tuples, for use in a dictionary. True and 1 stay two values."""
    if isinstance(value, list | tuple):
        return tuple(_hashable(item) for item in value)
    if isinstance(value, dict):
        return tuple((key, _hashable(item)) for key, item in value.items())
    return ("bool", value) if isinstance(value, bool) else value
