"""What the clients are to do next: a pure, immutable value that is asked for operations.

`op(context)` answers with an operation and the generator that follows it, with `Pending` (nothing right
now), or with None (exhausted, for ever).  `update(context, event)` tells it how an operation ended.  A
generator never waits, draws or opens anything; one interpreter (`workloads/interpreter.py`) owns the time
and the processes.  So a workload can be tested as arithmetic, and a simulated run replays exactly.

Rules of this file
  1. `op` is a pure function: asked twice with the same context, it answers the same.  Randomness is a
     `Draw` inside the generator.
  2. The operation is an invocation by one of `context.free`; the generator chooses by which.
  3. `Pending(until)` promises nothing before `until`, unless an update comes first.
  4. None is final.  A generator that answered None is not asked again.

The idea is Jepsen's; rejected was a generator that is a Python generator function, because it cannot be
asked twice, copied for each process, or restarted.
"""

from typing import Protocol

import msgspec

from checker.operation import Operation


class Context(msgspec.Struct, frozen=True):
    """The moment at which a generator is asked.

    `time` is in ns since the run began.  `processes` has one process for each thread, in the order of the
    threads; `free` are those that have nothing to do, in the same order.
    """

    time: int
    free: tuple[int, ...]
    processes: tuple[int, ...]

    def only(self, process: int) -> "Context":
        """The same moment, as it looks to a generator that has one process for itself."""
        return Context(self.time, (process,) if process in self.free else (), (process,))


class Pending(msgspec.Struct, frozen=True):
    """Nothing now. Ask again at `until` (ns); None: after an operation has completed."""

    until: int | None = None

    def or_sooner(self, other: "Pending | None") -> "Pending":
        """The earlier of the two, for a generator that waits for several."""
        if other is None or other.until is None:
            return self
        return other if self.until is None or other.until < self.until else self


class Generator(Protocol):
    """See the top of this file for the rules."""

    def op(self, context: Context, /) -> "Next":
        """The next operation and the generator after it, or Pending, or None."""
        ...

    def update(self, context: Context, event: Operation, /) -> "Generator":
        """The generator that knows of this completion. Its process is still the one that invoked it."""
        ...


Next = tuple[Operation, Generator] | Pending | None


class InvalidOperation(Exception):
    """A generator broke a rule. The text names the operation, what is wrong, and what was expected."""


class Emit(msgspec.Struct, frozen=True):
    """One operation, by the first free process. Law: emits exactly once."""

    operation: Operation
    emitted: bool = False

    def op(self, context: Context) -> Next:
        """The operation, if it was not emitted yet."""
        if self.emitted:
            return None
        if not context.free:
            return Pending()
        process = context.free[0]
        return msgspec.structs.replace(self.operation, process=process), Emit(self.operation, True)

    def update(self, context: Context, event: Operation) -> Generator:
        """One operation learns nothing."""
        return self


class Validate(msgspec.Struct, frozen=True):
    """Law: the same as its generator while that keeps the rules; raises InvalidOperation when it does not."""

    generator: Generator

    def op(self, context: Context) -> Next:
        """What the generator answers, checked."""
        match self.generator.op(context):
            case None:
                return None
            case Pending(until=until) as pending:
                if until is not None and until <= context.time:
                    raise InvalidOperation(
                        f"pending until {until} ns at {context.time} ns: expected a time to come"
                    )
                return pending
            case operation, after:
                _check(operation, context)
                return operation, Validate(after)

    def update(self, context: Context, event: Operation) -> Generator:
        """Passed on."""
        return Validate(self.generator.update(context, event))


def validate(generator: Generator) -> Generator:
    """Check everything that the generator emits."""
    return Validate(generator)


def _check(operation: Operation, context: Context) -> None:
    problem = None
    if not isinstance(operation, Operation):
        problem = "expected an Operation"
    elif operation.type != "invoke":
        problem = f"its type is {operation.type!r}, expected 'invoke'"
    elif operation.process not in context.free:
        problem = f"process {operation.process!r} is not free, expected one of {context.free}"
    elif not operation.f:
        problem = "it has no f, expected the name of what to do"
    if problem:
        raise InvalidOperation(f"bad operation from a generator: {problem}; got {operation!r}")
