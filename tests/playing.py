"""Plays a generator through the real interpreter on made-up time: a store that answers after a latency.

`play` returns the whole history, invocations and completions in order of time, so that a test can state a
law over it.  How long an operation takes and how it ends is a function of the operation.
"""

import heapq
from collections.abc import Callable

import msgspec

from checker.operation import Operation
from workloads.generator import Context, Generator
from workloads.interpreter import Dispatch, Exhausted, Interpreter, Wait, from_invocation

MS = 1_000_000
NODES = ("n1", "n2", "n3")

Answer = Callable[[Operation], tuple[int, Operation]]
"""An invocation to its latency (ns) and completion."""


def context(time: int = 0, free: tuple[int, ...] = (0, 1, 2)) -> Context:
    """A moment at which three processes exist."""
    return Context(time, free, (0, 1, 2))


def after(latency: int) -> Answer:
    """Everything works, and takes so long."""
    return lambda invocation: (latency, from_invocation(invocation, "ok"))


def play(generator: Generator, answer: Answer, processes: int = 3, most: int = 10_000) -> list[Operation]:
    """The history until the generator is exhausted. Fails when there are more than `most` entries."""
    interpreter = Interpreter(generator, processes, NODES)
    under_way: list[tuple[int, int, Operation]] = []
    history: list[Operation] = []
    now = 0
    while len(history) < most:
        while under_way and under_way[0][0] <= now:
            completion = msgspec.structs.replace(heapq.heappop(under_way)[2], time=now)
            interpreter.complete(completion, now)
            history.append(completion)
        match interpreter.poll(now):
            case Dispatch(operation=operation):
                history.append(msgspec.structs.replace(operation, time=now))
                latency, completion = answer(operation)
                heapq.heappush(under_way, (now + latency, len(history), completion))
            case Wait(until=until):
                times = [until] if until is not None else []
                now = min(times + [entry[0] for entry in under_way[:1]])
            case Exhausted():
                return history
    raise AssertionError(f"more than {most} entries, and still not exhausted")


def invocations(history: list[Operation]) -> list[Operation]:
    """What was invoked, in order."""
    return [operation for operation in history if operation.type == "invoke"]


def names(history: list[Operation]) -> list[str]:
    """The f of everything that was invoked, in order."""
    return [operation.f for operation in invocations(history)]
