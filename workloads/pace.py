"""Combinators of time: how fast a generator emits, and for how long.

All times are in ns.  Each has one law, stated in its docstring and held by a property test.
"""

import msgspec

from checker.operation import Operation
from workloads.draw import Draw
from workloads.generator import Context, Generator, Next, Pending


class TimeLimit(msgspec.Struct, frozen=True):
    """The state of `time_limit`: the deadline is known from the first operation on."""

    generator: Generator
    duration: int
    deadline: int | None = None

    def op(self, context: Context) -> Next:
        """Passed on, until the deadline."""
        if self.deadline is not None and context.time >= self.deadline:
            return None
        match self.generator.op(context):
            case None:
                return None
            case Pending() as pending:
                return pending.or_sooner(Pending(self.deadline))
            case operation, after:
                deadline = context.time + self.duration if self.deadline is None else self.deadline
                return operation, TimeLimit(after, self.duration, deadline)

    def update(self, context: Context, event: Operation) -> Generator:
        """Passed on."""
        return TimeLimit(self.generator.update(context, event), self.duration, self.deadline)


class Stagger(msgspec.Struct, frozen=True):
    """The state of `stagger` and `every`: `due` is the time of the next operation; no draw, no chance."""

    generator: Generator
    interval: int
    draw: Draw | None
    due: int | None = None

    def op(self, context: Context) -> Next:
        """Passed on, once it is due."""
        if self.due is not None and context.time < self.due:
            return Pending(self.due)
        following = self.generator.op(context)
        if not isinstance(following, tuple):
            return following
        gap, draw = (self.interval, None) if self.draw is None else self.draw.below(2 * self.interval + 1)
        # When every process was busy, the schedule slips instead of catching up in a burst.
        due = max(context.time, (context.time if self.due is None else self.due) + gap)
        if draw is None:
            due = context.time + gap
        return following[0], Stagger(following[1], self.interval, draw, due)

    def update(self, context: Context, event: Operation) -> Generator:
        """Passed on."""
        return Stagger(self.generator.update(context, event), self.interval, self.draw, self.due)


def time_limit(duration: int, generator: Generator) -> Generator:
    """Law: emits nothing `duration` ns after its first operation, or later."""
    return TimeLimit(generator, duration)


def stagger(interval: int, draw: Draw, generator: Generator) -> Generator:
    """Law: gaps are uniform between 0 and twice the interval (ns), so the mean rate is 1/interval."""
    return Stagger(generator, interval, draw)


def every(interval: int, generator: Generator) -> Generator:
    """Law: between two operations there are at least `interval` ns; the first comes at once."""
    return Stagger(generator, interval, None)
