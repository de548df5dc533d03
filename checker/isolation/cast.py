"""Transactions on stage: the names that one finding gives them, and who they are.

A transaction is T1, T2, ... in the order in which a finding mentions it; the cast says once who each of
them is and what it did.  The same form as that of the transaction checkers, so that the same pages draw it.
"""

from typing import Any

from checker.classic.element import shown
from checker.isolation.columns import COMMITTED, INITIAL, READ, Transactions

STEPS_TOLD = 12
"""Reads and writes of one transaction that are told; the rest is counted."""


class Cast:
    """The transactions of one finding."""

    def __init__(self, transactions: Transactions) -> None:
        self._columns, self._names = transactions.columns, transactions.names
        self._known: dict[int, str] = {}

    def name(self, transaction: int) -> str:
        """T1, T2, ...: the next free one where the transaction was not mentioned yet."""
        return self._known.setdefault(transaction, f"T{len(self._known) + 1}")

    @property
    def members(self) -> list[int]:
        """Everyone mentioned so far."""
        return list(self._known)

    def told(self) -> str:
        """As in `T1 is client 0 (entry 1): read x = 2, write y = 3; T2 is ...`."""
        return "; ".join(
            f"{name} is {self._names.who(transaction)}: {self.text(transaction)}"
            for transaction, name in self._known.items()
        )

    def data(self) -> dict[str, Any]:
        """Name -> the entries of the history, and what was done."""
        return {
            name: {"entries": list(self._names.entries([transaction])), "text": self.text(transaction)}
            for transaction, name in self._known.items()
        }

    def text(self, transaction: int) -> str:
        """What a transaction did, as in `read x = 2, write y = 3`."""
        columns = self._columns
        low, high = (int(columns.operation_start[transaction + at]) for at in (0, 1))
        steps = [
            f"{'read' if columns.kind[o] == READ else 'write'} {self.state(int(columns.key[o]), o)}"
            for o in range(low, min(high, low + STEPS_TOLD))
        ]
        if high - low > STEPS_TOLD:
            steps.append(f"and {high - low - STEPS_TOLD} more")
        if columns.status[transaction] != COMMITTED:
            steps.append("(failed)" if columns.status[transaction] == 1 else "(outcome unknown)")
        return ", ".join(steps) or "nothing"

    def state(self, key: int, operation: int) -> str:
        """What an operation read or wrote, as in `x = 2`."""
        version = int(self._columns.version[operation])
        value = "nothing" if version == INITIAL else shown(self._names.value(version))
        return f"{self._names.key(key)} = {value}"

    def last_write(self, transaction: int, key: int) -> int:
        """The operation that left what others see of the key; -1 if there is none."""
        low, high = (int(self._columns.operation_start[transaction + at]) for at in (0, 1))
        for operation in range(high - 1, low - 1, -1):
            if self._columns.kind[operation] != READ and self._columns.key[operation] == key:
                return operation
        return -1

    def written(self, transaction: int, key: int) -> str:
        """`x = 2`: what a transaction left in a key."""
        operation = self.last_write(transaction, key)
        return self._names.key(key) if operation < 0 else self.state(key, operation)

    def value(self, transaction: int, key: int) -> Any:
        """The value that a transaction left in a key; None for the state before all writes."""
        if transaction >= len(self._columns.status):
            return None
        operation = self.last_write(transaction, key)
        return None if operation < 0 else self._names.value(int(self._columns.version[operation]))

    def key(self, key: int) -> str:
        """The name of a key, for sentences."""
        return self._names.key(key)

    def session(self, transaction: int) -> str:
        """The session of a transaction, as in `client 3`."""
        return self._names.session(transaction)
