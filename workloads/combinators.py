"""Generators made of generators. Each has one law, stated in its docstring and held by a property test.

Build them with the functions in lower case; the structs behind them are their states.  Everything here
follows the rules of `workloads/generator.py`: values never change, `op` is pure.

  order     sequence, phases, synchronize, repeat
  amount    limit, until
  change    on_key, final, numbered
  time      in `workloads/pace.py`: time_limit, stagger, every
  choice    in `workloads/choice.py`: mix, keyed, each_process
"""

from collections.abc import Callable, Iterable

import msgspec

from checker.operation import Operation, Process
from workloads.generator import Context, Generator, Next, Pending

# --- order ----------------------------------------------------------------------------------------


class Sequence(msgspec.Struct, frozen=True):
    """The state of `sequence`. Only the current generator is updated."""

    generators: tuple[Generator, ...]

    def op(self, context: Context) -> Next:
        """From the first generator that is not exhausted."""
        for index, generator in enumerate(self.generators):
            match generator.op(context):
                case None:
                    continue
                case Pending() as pending:
                    return pending
                case operation, after:
                    return operation, Sequence((after, *self.generators[index + 1 :]))
        return None

    def update(self, context: Context, event: Operation) -> Generator:
        """To the current generator."""
        if not self.generators:
            return self
        return Sequence((self.generators[0].update(context, event), *self.generators[1:]))


class Synchronize(msgspec.Struct, frozen=True):
    """The state of `synchronize` before its first operation; after it, only the generator is left."""

    generator: Generator

    def op(self, context: Context) -> Next:
        """Nothing while any process is busy."""
        if len(context.free) < len(context.processes):
            return Pending()
        return self.generator.op(context)

    def update(self, context: Context, event: Operation) -> Generator:
        """Passed on."""
        return Synchronize(self.generator.update(context, event))


class Repeat(msgspec.Struct, frozen=True):
    """The state of `repeat`: `times` counts the current round too; None is for ever."""

    original: Generator
    current: Generator
    times: int | None

    def op(self, context: Context) -> Next:
        """From the current round, or from a fresh one when that is exhausted."""
        if self.times == 0:
            return None
        following = self.current.op(context)
        times = self.times
        if following is None:
            times = None if times is None else times - 1
            # A generator that is exhausted from the start would be asked for ever; it ends the repetition.
            following = None if times == 0 else self.original.op(context)
        if isinstance(following, tuple):
            return following[0], Repeat(self.original, following[1], times)
        return following

    def update(self, context: Context, event: Operation) -> Generator:
        """To the current round; a fresh one knows nothing."""
        return Repeat(self.original, self.current.update(context, event), self.times)


def sequence(*generators: Generator) -> Generator:
    """Law: emits all of the first, then all of the second, and so on."""
    return Sequence(generators)


def synchronize(generator: Generator) -> Generator:
    """Law: nothing is emitted before every earlier operation has completed."""
    return Synchronize(generator)


def phases(*generators: Generator) -> Generator:
    """Law: a phase starts when all operations of the one before have completed."""
    return Sequence(tuple(Synchronize(generator) for generator in generators))


def repeat(generator: Generator, times: int | None = None) -> Generator:
    """Law: emits what the generator emits, `times` times over (None: for ever), each round afresh."""
    return Repeat(generator, generator, times)


# --- amount ---------------------------------------------------------------------------------------


class Limit(msgspec.Struct, frozen=True):
    """The state of `limit`: how many are left."""

    generator: Generator
    left: int

    def op(self, context: Context) -> Next:
        """Passed on, until none are left."""
        if self.left <= 0:
            return None
        following = self.generator.op(context)
        if isinstance(following, tuple):
            return following[0], Limit(following[1], self.left - 1)
        return following

    def update(self, context: Context, event: Operation) -> Generator:
        """Passed on."""
        return Limit(self.generator.update(context, event), self.left)


class Until(msgspec.Struct, frozen=True):
    """The state of `until`: `mine` are the processes that carry out an operation of this generator."""

    generator: Generator
    satisfied: Callable[[Operation], bool]
    mine: frozenset[Process] = frozenset()
    done: bool = False

    def op(self, context: Context) -> Next:
        """Passed on, until satisfied."""
        if self.done:
            return None
        following = self.generator.op(context)
        if isinstance(following, tuple):
            operation, after = following
            return operation, Until(after, self.satisfied, self.mine | {operation.process})
        return following

    def update(self, context: Context, event: Operation) -> Generator:
        """Passed on; a completion of an operation of this generator may be what it waited for."""
        ours = event.process in self.mine
        return Until(
            self.generator.update(context, event),
            self.satisfied,
            self.mine - {event.process},
            self.done or (ours and self.satisfied(event)),
        )


def limit(count: int, generator: Generator) -> Generator:
    """Law: emits the first `count` operations of the generator, or all if there are fewer."""
    return Limit(generator, count)


def until(generator: Generator, satisfied: Callable[[Operation], bool]) -> Generator:
    """Law: emits nothing after one of its own operations completed in a way that satisfies."""
    return Until(generator, satisfied)


# --- change ---------------------------------------------------------------------------------------


class OnKey(msgspec.Struct, frozen=True):
    """The state of `on_key`."""

    key: str
    generator: Generator

    def op(self, context: Context) -> Next:
        """Passed on, with the key."""
        following = self.generator.op(context)
        if isinstance(following, tuple):
            return msgspec.structs.replace(following[0], key=self.key), OnKey(self.key, following[1])
        return following

    def update(self, context: Context, event: Operation) -> Generator:
        """Passed on when it is about this key."""
        return self if event.key != self.key else OnKey(self.key, self.generator.update(context, event))


class Final(msgspec.Struct, frozen=True):
    """The state of `final`."""

    generator: Generator

    def op(self, context: Context) -> Next:
        """Passed on, marked."""
        following = self.generator.op(context)
        if isinstance(following, tuple):
            return msgspec.structs.replace(following[0], final=True), Final(following[1])
        return following

    def update(self, context: Context, event: Operation) -> Generator:
        """Passed on."""
        return Final(self.generator.update(context, event))


class Numbered(msgspec.Struct, frozen=True):
    """The state of `numbered`: the number of the next write."""

    generator: Generator
    writes: frozenset[str]
    stamp: Callable[[Operation, int], Operation] | None
    number: int = 1

    def op(self, context: Context) -> Next:
        """Passed on; a write gets its id."""
        following = self.generator.op(context)
        if not isinstance(following, tuple):
            return following
        operation, after = following
        number = self.number
        if operation.f in self.writes:
            operation = msgspec.structs.replace(operation, write=f"w{number}")
            operation = self.stamp(operation, number) if self.stamp else operation
            number += 1
        return operation, Numbered(after, self.writes, self.stamp, number)

    def update(self, context: Context, event: Operation) -> Generator:
        """Passed on."""
        return Numbered(self.generator.update(context, event), self.writes, self.stamp, self.number)


def on_key(key: str, generator: Generator) -> Generator:
    """Law: every operation has this key, and the generator learns only what happened to it."""
    return OnKey(key, generator)


def final(generator: Generator) -> Generator:
    """Law: the same operations, marked as final."""
    return Final(generator)


def numbered(
    writes: Iterable[str], generator: Generator, stamp: Callable[[Operation, int], Operation] | None = None
) -> Generator:
    """Law: operations whose f is in `writes` get the ids w1, w2, ... in order; others are left alone.

    `stamp(operation, number)` may put the number into the value as well.
    """
    return Numbered(generator, frozenset(writes), stamp)
