"""What a page shows of a history: a few operations, found without making all of them.

A history may have millions of entries and its page shows a few dozen.  Where the history is a table,
operations are made when they are asked for; otherwise they are there already.
"""

from bisect import bisect_left
from collections.abc import Callable
from typing import Any

from checker.history import History, Pair
from checker.operation import Operation

SCANNED = 50_000
"""Operations that are looked at on one side of a place, to find neighbours that belong to it."""

OF_KEY = 5_000
"""Operations of one key that are looked at."""


class Evidence:
    """The operations of a history by entry, by neighbourhood and by key. `count`: operations of clients."""

    def __init__(self, history: History) -> None:
        self.history = history
        self._table: Any = history.table
        self._spans: Any = None if self._table is None else history.spans()
        self._pairs: list[Pair] = [] if self._spans is not None else history.pairs()
        self.count = len(self._pairs) if self._spans is None else len(self._spans.invoked)
        self._by_entry: dict[int, int] | None = None
        self._of_key: dict[str, list[Pair]] = {}

    @property
    def processes(self) -> int:
        """How many clients there are."""
        if self._spans is None:
            return len({pair[0].process for pair in self._pairs})
        return len(set(self._table.process[self._spans.invoked].tolist()))

    def at(self, place: int) -> Pair:
        """The operation of that place, in order of invocation."""
        if self._spans is None:
            return self._pairs[place]
        invoked, completed = int(self._spans.invoked[place]), int(self._spans.completed[place])
        begin: Operation = self._table[invoked]
        if completed < 0:
            return begin, None
        return begin, begin if completed == invoked else self._table[completed]

    def entry(self, index: int) -> Operation | None:
        """The entry of that index."""
        at = bisect_left(range(len(self.history)), index, key=self._index_of)
        if at < len(self.history) and self.history[at].index == index:
            return self.history[at]
        return None

    def _index_of(self, row: int) -> int:
        return int(self._table.indexes[row]) if self._table is not None else self.history[row].index

    def place_of(self, index: int) -> int | None:
        """The place of the operation that an entry begins or ends; None for other entries."""
        if self._spans is None:
            if self._by_entry is None:
                self._by_entry = {
                    entry.index: place
                    for place, pair in enumerate(self._pairs)
                    for entry in pair
                    if entry is not None
                }
            return self._by_entry.get(index)
        import numpy as np

        row = int(np.searchsorted(self._table.indexes, index))
        for rows in (self._spans.completed, self._spans.invoked):
            found = np.flatnonzero(rows == row)
            if len(found):
                return int(found[0])
        return None

    def pairs(self, indexes: tuple[int, ...] | list[int]) -> list[Pair]:
        """The operations that these entries begin or end, each once, in order of invocation."""
        places = {self.place_of(index) for index in indexes}
        return [self.at(place) for place in sorted(place for place in places if place is not None)]

    def around(self, index: int, wanted: Callable[[Pair], bool], before: int, after: int) -> list[Pair]:
        """The last `before` operations that began up to an entry, and the first `after` that began later."""
        middle = bisect_left(range(self.count), index + 1, key=lambda place: self.at(place)[0].index)
        earlier = self._walk(range(middle - 1, max(-1, middle - 1 - SCANNED), -1), wanted, before)
        return earlier[::-1] + self._walk(range(middle, min(self.count, middle + SCANNED)), wanted, after)

    def _walk(self, places: range, wanted: Callable[[Pair], bool], most: int) -> list[Pair]:
        found: list[Pair] = []
        for place in places:
            if len(found) == most:
                break
            pair = self.at(place)
            if wanted(pair):
                found.append(pair)
        return found

    def of_key(self, key: str) -> list[Pair]:
        """The operations of a key, the first OF_KEY of them."""
        if key not in self._of_key:
            self._of_key[key] = [self.at(place) for place in self._places_of_key(key)]
        return self._of_key[key]

    def _places_of_key(self, key: str) -> list[int]:
        if self._spans is None:
            return [at for at, pair in enumerate(self._pairs) if pair[0].key == key][:OF_KEY]
        place = self._table.pool.find(key)
        if place < 0:
            return []
        found: list[int] = (self._table.key[self._spans.invoked] == place).nonzero()[0].tolist()
        return found[:OF_KEY]
