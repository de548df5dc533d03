"""The clients of a run as a program: one loop that asks the interpreter what to do next.

The interpreter (`workloads/interpreter.py`) decides, this program waits: for the time of the next
operation, or for one to complete, whichever comes first.
"""

from collections.abc import Callable

import msgspec

from checker.operation import Operation
from nemesis.steps import Clock
from splitbrain.program import Call, Handle, Myself, Post, Program, Receive, Spawn
from workloads.client import Client
from workloads.interpreter import Dispatch, Exhausted, Interpreter, Wait

Record = Callable[[Operation], Operation]
Perform = Callable[[Operation], Client]


def drive(interpreter: Interpreter, perform: Perform, record: Record) -> Program:
    """Run all operations of the interpreter's generator to their completion."""
    myself: Handle = yield Myself()
    while True:
        now: int = yield Clock()
        match interpreter.poll(now):
            case Dispatch(operation=operation):
                invocation = record(operation)
                yield Spawn(_carry_out(invocation, perform, record, myself))
                until: int | None = now
            case Wait(until=until):
                pass
            case Exhausted():
                return
        completion: Operation | None = yield Receive(until)
        if completion is not None:
            interpreter.complete(completion, completion.time)


def _carry_out(invocation: Operation, perform: Perform, record: Record, report_to: Handle) -> Program:
    """Perform one operation: its requests become calls of the node that its process is bound to."""
    assert invocation.node is not None
    assert isinstance(invocation.process, int)
    client = perform(invocation)
    answer = None
    while True:
        try:
            request = client.send(answer) if answer is not None else next(client)
        except StopIteration as stop:
            completion: Operation = stop.value
            break
        answer = yield Call(invocation.node, request, invocation.process)
    completion = record(msgspec.structs.replace(completion, index=-1, time=-1))
    yield Post(report_to, completion)
