"""Virtual time: a heap of what is going to happen, and the loop that lets it happen.

Rules of this file
  1. Time is an integer number of nanoseconds and only moves when the next thing happens. What happens takes
     no time by itself; whoever wants something to take time pushes its end.
  2. Of two things at the same time, the one that was pushed first happens first.  Nothing else decides, so
     one seed is one run.
  3. An entry is (time, number, action, argument): a bound method and what it is called with.  Closures would
     work as well and cost more: this is the innermost loop of a campaign.

The trace remembers what every node was told and when; its running hash is the *fingerprint* of a run.  Two
runs with one fingerprint were the same run.
"""

import hashlib
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from typing import Any

import msgspec

MS = 1_000_000
"""Nanoseconds in a millisecond."""

START_NS = 1_000_000_000 * MS
"""What the clock shows at the beginning: far from 0, like every real clock, so nothing takes 0 for now."""

Action = Callable[[Any], None]

_INTERRUPT = -1
"""The number of an interruption: before everything else at the same time."""


NOTES_MAX = 1024
"""So many events are hashed at once, which is cheaper than one by one."""


class Trace:
    """A running hash over everything that nodes were told, in order, with all its content."""

    __slots__ = ("_encoder", "_hash", "notes")

    def __init__(self) -> None:
        self.notes: list[tuple[int, str, Any]] = []
        """(time, node, what it was told): always this list, hashed and emptied in batches."""
        self._hash = hashlib.blake2b(digest_size=16)
        self._encoder = msgspec.msgpack.Encoder()

    def absorb(self) -> None:
        """Hash the notes that have gathered. Call it when there are `NOTES_MAX` of them."""
        self._hash.update(self._encoder.encode(self.notes))
        self.notes.clear()

    def fingerprint(self) -> str:
        """The hash of everything up to now."""
        self.absorb()
        return self._hash.hexdigest()


class World:
    """The clock and the heap. Everything that takes time in a simulated run goes through `push`."""

    __slots__ = ("_running", "heap", "now", "numbers", "trace")

    def __init__(self, start: int = START_NS) -> None:
        self.now = start
        self.heap: list[tuple[int, int, Action, Any]] = []
        self.numbers = count()
        self.trace = Trace()
        self._running = False

    def push(self, at: int, action: Action, argument: Any = None) -> None:
        """Let `action(argument)` happen at this time (ns); a time that has passed means now."""
        heappush(self.heap, (at if at > self.now else self.now, next(self.numbers), action, argument))

    def run(self) -> bool:
        """Let things happen until one of them calls `stop`. False: nothing is left to happen."""
        self._running = True
        heap, pop = self.heap, heappop
        while self._running:
            if not heap:
                return False
            self.now, _, action, argument = pop(heap)
            action(argument)
        if heap and heap[0][1] == _INTERRUPT:
            _raise(heappop(heap)[3])  # It came while the last thing happened.
        return True

    def run_until(self, at: int) -> None:
        """Let everything happen up to and including this time (ns), which it is then."""
        heap = self.heap
        while heap and heap[0][0] <= at:
            self.now, _, action, argument = heappop(heap)
            action(argument)
        self.now = max(self.now, at)

    def stop(self, _: Any = None) -> None:
        """End `run` after what is happening now."""
        self._running = False

    def interrupt(self, error: BaseException) -> None:
        """Raise the error out of `run`, before anything else happens. Safe in a signal handler.

        A handler that raised by itself could leave a node in the middle of an event.
        """
        heappush(self.heap, (self.now, _INTERRUPT, _raise, error))

    def happened(self) -> int:
        """How many things have happened so far."""
        pushed = next(self.numbers)
        self.numbers = count(pushed)
        return pushed - len(self.heap)


def _raise(error: BaseException) -> None:
    raise error
