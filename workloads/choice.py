"""Combinators of choice: which of several generators emits next.

Each has one law, stated in its docstring and held by a property test.
"""

from collections.abc import Callable, Iterable

import msgspec

from checker.operation import Operation
from workloads.combinators import on_key
from workloads.draw import Draw
from workloads.generator import Context, Generator, Next, Pending


class Mix(msgspec.Struct, frozen=True):
    """The state of `mix`; generators that are exhausted are dropped at the next operation."""

    generators: tuple[Generator, ...]
    draw: Draw

    def op(self, context: Context) -> Next:
        """From the one drawn, or from the next after it that has something now."""
        if not self.generators:
            return None
        first, draw = self.draw.below(len(self.generators))
        exhausted = set()
        soonest: Pending | None = None
        for step in range(len(self.generators)):
            index = (first + step) % len(self.generators)
            match self.generators[index].op(context):
                case None:
                    exhausted.add(index)
                case Pending() as pending:
                    soonest = pending.or_sooner(soonest)
                case operation, after:
                    return operation, Mix(self._without(exhausted, index, after), draw)
        return soonest

    def _without(self, exhausted: set[int], index: int, after: Generator) -> tuple[Generator, ...]:
        return tuple(
            after if i == index else generator
            for i, generator in enumerate(self.generators)
            if i not in exhausted
        )

    def update(self, context: Context, event: Operation) -> Generator:
        """To all."""
        return Mix(tuple(generator.update(context, event) for generator in self.generators), self.draw)


class EachProcess(msgspec.Struct, frozen=True):
    """The state of `each_process`: a copy for each thread; None where it is exhausted."""

    original: Generator
    count: int | None
    copies: tuple[Generator | None, ...] | None = None

    def op(self, context: Context) -> Next:
        """From the copy of the first free process that has something now."""
        copies = list(self._copies(context))
        soonest: Pending | None = None
        for index, copy in enumerate(copies):
            process = context.processes[index]
            if copy is None:
                continue
            if process not in context.free:
                soonest = Pending().or_sooner(soonest)
                continue
            match copy.op(context.only(process)):
                case None:
                    copies[index] = None
                case Pending() as pending:
                    soonest = pending.or_sooner(soonest)
                case operation, after:
                    copies[index] = after
                    return operation, EachProcess(self.original, self.count, tuple(copies))
        return soonest

    def update(self, context: Context, event: Operation) -> Generator:
        """To the copy of the process that completed something."""
        copies = tuple(
            copy if copy is None or process != event.process else copy.update(context.only(process), event)
            for copy, process in zip(self._copies(context), context.processes, strict=False)
        )
        return EachProcess(self.original, self.count, copies)

    def _copies(self, context: Context) -> tuple[Generator | None, ...]:
        if self.copies is not None:
            return self.copies
        count = len(context.processes)
        return (self.original,) * (count if self.count is None else min(self.count, count))


def mix(draw: Draw, generators: Iterable[Generator]) -> Generator:
    """Law: an interleaving of its generators, each in its own order, none starved by one that waits."""
    return Mix(tuple(generators), draw)


def keyed(draw: Draw, keys: Iterable[str], make: Callable[[str], Generator]) -> Generator:
    """Law: for every key, the operations on it are those that `make(key)` emits alone."""
    return mix(draw, (on_key(key, make(key)) for key in keys))


def each_process(generator: Generator, count: int | None = None) -> Generator:
    """Law: every process (or only the first `count`) emits what the generator emits alone.

    A process that takes the place of one whose operation ended unknown goes on with its copy.
    """
    return EachProcess(generator, count)
