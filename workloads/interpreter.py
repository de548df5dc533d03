"""Turns a generator into invocations, and completions into knowledge of the generator.

The interpreter does no input or output and owns no clock: a driver polls it with the time, carries out
what it dispatches, and hands completions back.  Simulator and real places use the same one.

Rules of this file
  1. Hand over every completion that has arrived before polling, or operations that were over look concurrent.
  2. Thread t is bound to node t modulo the number of nodes.  A thread does one operation at a time.
  3. An operation that ended `info` may still be under way, so its process never does anything again: the
     thread goes on as process + number of threads, on the same node.
  4. What is malformed raises: a completion that nobody waits for would otherwise count as evidence.
"""

from typing import Any

import msgspec

from checker.operation import Operation, OpType
from workloads.generator import Context, Generator, Pending, validate


class Dispatch(msgspec.Struct, frozen=True):
    """Carry this invocation out; its process and node are filled in."""

    operation: Operation


class Wait(msgspec.Struct, frozen=True):
    """Nothing to do before `until` (ns), or before the next completion when that is None."""

    until: int | None


class Exhausted(msgspec.Struct, frozen=True):
    """The generator has nothing more and nothing is outstanding."""


Poll = Dispatch | Wait | Exhausted


class MalformedCompletion(Exception):
    """A completion does not fit its invocation. Names the operation, what came, and what was expected."""


class Stuck(Exception):
    """The generator waits for a completion, but nothing is outstanding: it would wait for ever."""


class Interpreter:
    """Runs one generator with `processes` threads, numbered from `first`.

    A second interpreter on the same history must begin where the first one ended (`first_unused`), so that
    no process comes back whose last operation is unknown.
    """

    def __init__(self, generator: Generator, processes: int, nodes: tuple[str, ...], first: int = 0) -> None:
        if processes < 1 or not nodes:
            raise ValueError(f"{processes} clients, {len(nodes)} nodes: give at least one of each")
        self._generator: Generator | None = validate(generator)
        self._nodes = nodes
        self._processes = [first + thread for thread in range(processes)]
        self._first = first
        self._outstanding: dict[int, Operation] = {}

    def poll(self, now: int) -> Poll:
        """What to do at this time (ns)."""
        context = self._context(now)
        if self._generator is None:
            return Wait(None) if self._outstanding else Exhausted()
        if not context.free:
            return Wait(None)
        match self._generator.op(context):
            case None:
                self._generator = None
                return self.poll(now)
            case Pending(until=until):
                if until is None and not self._outstanding:
                    raise Stuck(
                        f"the generator waits at {now} ns, but nothing is outstanding: {self._generator!r}"
                    )
                return Wait(until)
            case operation, after:
                self._generator = after
                return Dispatch(self._dispatch(operation))

    def complete(self, completion: Operation, now: int) -> None:
        """An operation has ended. Raises MalformedCompletion when it does not fit its invocation."""
        process = completion.process
        check_completion(self._outstanding.get(process) if isinstance(process, int) else None, completion)
        assert isinstance(process, int)
        del self._outstanding[process]
        if self._generator is not None:
            self._generator = self._generator.update(self._context(now), completion)
        if completion.type == "info":
            self._processes[self._thread(process)] = process + len(self._processes)

    @property
    def outstanding(self) -> tuple[Operation, ...]:
        """The invocations that have not completed, in the order in which they were dispatched."""
        return tuple(self._outstanding.values())

    @property
    def first_unused(self) -> int:
        """Processes from here on have never done anything."""
        threads = len(self._processes)
        rounds = (max(self._processes) - self._first) // threads
        return self._first + (rounds + 1) * threads

    def _dispatch(self, operation: Operation) -> Operation:
        assert isinstance(operation.process, int)
        node = self._nodes[self._thread(operation.process) % len(self._nodes)]
        invocation = msgspec.structs.replace(operation, node=node)
        self._outstanding[operation.process] = invocation
        return invocation

    def _thread(self, process: int) -> int:
        return (process - self._first) % len(self._processes)

    def _context(self, now: int) -> Context:
        processes = tuple(self._processes)
        return Context(now, tuple(p for p in processes if p not in self._outstanding), processes)


def check_completion(invocation: Operation | None, completion: Operation) -> None:
    """Raise MalformedCompletion unless this completion can be the end of this invocation."""
    if invocation is None:
        raise MalformedCompletion(
            f"process {completion.process!r} completed something, but it has nothing outstanding: "
            f"got {completion!r}; expected the completion of an invocation"
        )
    wrong = [
        f"{name} is {getattr(completion, name)!r}, expected {getattr(invocation, name)!r}"
        for name in ("process", "f", "key", "write", "node", "final")
        if getattr(completion, name) != getattr(invocation, name)
    ]
    if completion.type not in ("ok", "fail", "info"):
        wrong.append(f"type is {completion.type!r}, expected 'ok', 'fail' or 'info'")
    if wrong:
        raise MalformedCompletion(f"{'; '.join(wrong)}: got {completion!r} for {invocation!r}")


def from_invocation(invocation: Operation, type: OpType, **changes: Any) -> Operation:
    """The completion of an invocation: everything is kept but the index, the time and what is given."""
    return msgspec.structs.replace(invocation, index=-1, time=-1, type=type, **changes)
