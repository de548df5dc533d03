"""The general search: is there an order of the calls that the model allows? Works for every model.

From return to return, depth first.  A configuration is what has been taken among the calls still open (a live
mask, a crash mask) and the state.  When call s returns and has not been taken, chains of open calls that end
in s are tried: nothing is taken before it is needed (just-in-time linearization, Lowe 2017).  What keeps this
small:

  observation   an open call that cannot change the state is taken as soon as the state fits it
  symmetry      of open calls that do the same thing, the one that ends first goes first, the crashed ones
                last
  dominance     a configuration is hopeless if one with the same live calls and state, and no more crashed
                calls used up, has been tried
  laziness      a crashed call is only taken if the very next call could not have had its effect without it

A quiescent point, where no call is open, needs no rule of its own: there a configuration is the state and the
crashed calls used up, and each of these goes on once, whatever the orders were that led there.

Each is sound because any order that it rules out can be turned into one that it leaves (swap, advance, or put
off one call).  The search is exponential in the number of calls open at once that change the state, and in
the number of crashed ones that matter; it is linear in the length of a history whose witness is found at
once. `kernel_search.py` is the same search compiled; the tests hold the two to the same answers.
"""

from collections.abc import Iterator

import msgspec

from checker.linear.machine import ILLEGAL, Machine
from checker.linear.schedule import Schedule

NOTHING = -1
"""No parent, no call taken, no state in front of a crashed call."""

PATHS = 10
"""Ways into the dead end that are kept, for the picture."""

STEPS = 30
"""The last calls of such a way that are kept."""


class Configuration(msgspec.Struct, frozen=True, gc=False):
    """A point of the search. `before` is the state in front of a crashed call that still has to be of use."""

    level: int
    live: int
    crash: int
    state: int
    before: int
    parent: int
    taken: int


class Outcome(msgspec.Struct, kw_only=True, frozen=True):
    """How the search ended: the last level reached, and what was possible there.

    `states` are the states of the configurations stuck at that level, `ways` the last calls (at most STEPS)
    on the way to some of them (at most PATHS), each with the state after it, as `machine` and `schedule`
    number them; no observation is among the calls. Both are empty when the history is linearizable.
    """

    valid: bool
    level: int
    explored: int
    states: list[int] = []
    ways: list[list[tuple[int, int]]] = []


class Search:
    """One search over one schedule."""

    def __init__(self, machine: Machine, schedule: Schedule) -> None:
        self._machine = machine
        self._schedule = schedule
        self._nodes: list[Configuration] = []
        self._tried: dict[tuple[int, int, int, int], list[int]] = {}

    def run(self, limit: int | None = None) -> Outcome | None:
        """Search to the end or until nothing is left to try; None once `limit` have been tried."""
        levels = len(self._schedule.opened)
        stack: list[Iterator[Configuration]] = [
            iter([Configuration(0, 0, 0, self._machine.first, NOTHING, NOTHING, NOTHING)])
        ]
        deepest = 0
        while stack:
            node = next(stack[-1], None)
            if node is None:
                stack.pop()
                continue
            deepest = max(deepest, node.level)
            if node.level == levels:
                return Outcome(valid=True, level=levels, explored=len(self._nodes))
            if limit is not None and len(self._nodes) >= limit:
                return None
            node = self._observe(node)
            if self._is_new(node):
                self._nodes.append(node)
                stack.append(self._successors(node, len(self._nodes) - 1))
        stuck = [at for at, node in enumerate(self._nodes) if node.level == deepest]
        return Outcome(
            valid=False,
            level=deepest,
            explored=len(self._nodes),
            states=sorted({self._nodes[at].state for at in stuck}),
            ways=[self._way(at) for at in stuck[:PATHS]],
        )

    def _observe(self, node: Configuration) -> Configuration:
        """Take every open observation that fits the state."""
        schedule, machine = self._schedule, self._machine
        live = node.live
        for at in schedule.opened[node.level]:
            kind = schedule.kinds[at]
            if machine.observes[kind] and machine.step(node.state, kind) == node.state:
                live |= 1 << schedule.slots[at]
        if live == node.live:
            return node
        # A crashed call that made an observation possible has been of use.
        return msgspec.structs.replace(node, live=live, before=NOTHING)

    def _is_new(self, node: Configuration) -> bool:
        tried = self._tried.setdefault((node.level, node.live, node.state, node.before), [])
        if any(other & ~node.crash == 0 for other in tried):
            return False
        tried.append(node.crash)
        return True

    def _successors(self, node: Configuration, parent: int) -> Iterator[Configuration]:
        schedule, machine = self._schedule, self._machine
        opened = schedule.opened[node.level]
        due = 1 << schedule.slots[opened[0]]
        if node.live & due:
            yield Configuration(
                node.level + 1, node.live & ~due, node.crash, node.state, NOTHING, parent, NOTHING
            )
            return
        seen: set[int] = set()
        for at in opened:
            kind, bit = schedule.kinds[at], 1 << schedule.slots[at]
            if node.live & bit or machine.observes[kind] or kind in seen:
                continue
            seen.add(kind)
            after = machine.step(node.state, kind)
            if after == ILLEGAL or self._idle(node, kind, after):
                continue
            level, live = (node.level + 1, node.live) if bit == due else (node.level, node.live | bit)
            yield Configuration(level, live, node.crash, after, NOTHING, parent, at)
        yield from self._crashes(node, parent, seen)

    def _crashes(self, node: Configuration, parent: int, seen: set[int]) -> Iterator[Configuration]:
        """Take the earliest unused crashed call of each class that is not among the live ones."""
        schedule, machine = self._schedule, self._machine
        now = schedule.calls[schedule.opened[node.level][0]].end
        for crashed in schedule.crashed:
            used = node.crash >> crashed.bit & ((1 << len(crashed.calls)) - 1)
            at = used.bit_count()
            if crashed.kind in seen or at == len(crashed.calls):
                continue
            if schedule.calls[crashed.calls[at]].start > now:
                continue
            after = machine.step(node.state, crashed.kind)
            if after in (ILLEGAL, node.state) or self._idle(node, crashed.kind, after):
                continue
            crash = node.crash | 1 << (crashed.bit + at)
            yield Configuration(node.level, node.live, crash, after, node.state, parent, crashed.calls[at])

    def _idle(self, node: Configuration, kind: int, after: int) -> bool:
        """Would the call have had the same effect without the crashed call in front of it?"""
        return node.before != NOTHING and self._machine.step(node.before, kind) == after

    def _way(self, at: int) -> list[tuple[int, int]]:
        taken: list[tuple[int, int]] = []
        while at != NOTHING and len(taken) < STEPS:
            node = self._nodes[at]
            if node.taken != NOTHING:
                taken.append((node.taken, node.state))
            at = node.parent
        return taken[::-1]
