"""The interpreter: processes and nodes, the order of things, and what it refuses."""

import msgspec
import pytest

from checker.operation import Operation
from tests.playing import MS, after, invocations, play
from workloads.combinators import limit, repeat, sequence
from workloads.generator import Context, Emit, Generator, InvalidOperation, Next, Pending
from workloads.interpreter import (
    Dispatch,
    Exhausted,
    Interpreter,
    MalformedCompletion,
    Stuck,
    Wait,
    from_invocation,
)

READ = Emit(Operation(process=0, type="invoke", f="read", key="x"))


def reads(count: int) -> Generator:
    return limit(count, repeat(READ))


def dispatched(interpreter: Interpreter, now: int = 0) -> Operation:
    answer = interpreter.poll(now)
    assert isinstance(answer, Dispatch)
    return answer.operation


def test_threads_are_bound_to_nodes() -> None:
    interpreter = Interpreter(reads(5), 5, ("n1", "n2"))
    operations = [dispatched(interpreter) for _ in range(5)]
    assert [(op.process, op.node) for op in operations] == [
        (0, "n1"), (1, "n2"), (2, "n1"), (3, "n2"), (4, "n1"),
    ]  # fmt: skip


def test_it_waits_while_everybody_is_busy() -> None:
    interpreter = Interpreter(reads(2), 1, ("n1",))
    operation = dispatched(interpreter)
    assert interpreter.poll(1) == Wait(None)
    assert interpreter.outstanding == (operation,)
    interpreter.complete(from_invocation(operation, "ok"), 2)
    assert dispatched(interpreter, 2).process == 0


def test_it_is_exhausted_only_when_nothing_is_outstanding() -> None:
    interpreter = Interpreter(reads(1), 2, ("n1",))
    operation = dispatched(interpreter)
    assert interpreter.poll(1) == Wait(None)
    interpreter.complete(from_invocation(operation, "ok"), 2)
    assert interpreter.poll(2) == Exhausted()


def test_an_unknown_outcome_retires_the_process_and_keeps_the_node() -> None:
    interpreter = Interpreter(reads(4), 2, ("n1", "n2"))
    first, second = dispatched(interpreter), dispatched(interpreter)
    interpreter.complete(from_invocation(second, "info"), 1)
    third = dispatched(interpreter, 1)
    assert (second.process, second.node, third.process, third.node) == (1, "n2", 3, "n2")
    interpreter.complete(from_invocation(third, "info"), 2)
    assert dispatched(interpreter, 2).process == 5
    interpreter.complete(from_invocation(first, "fail"), 3)
    assert interpreter.first_unused == 6


def test_a_failure_keeps_the_process() -> None:
    history = play(reads(3), lambda op: (MS, from_invocation(op, "fail")), processes=1)
    assert [op.process for op in invocations(history)] == [0, 0, 0]


def test_a_second_interpreter_continues_the_numbers() -> None:
    interpreter = Interpreter(reads(3), 2, ("n1", "n2"), first=6)
    operations = [dispatched(interpreter), dispatched(interpreter)]
    assert [(op.process, op.node) for op in operations] == [(6, "n1"), (7, "n2")]
    interpreter.complete(from_invocation(operations[0], "info"), 1)
    assert dispatched(interpreter, 1).process == 8
    assert interpreter.first_unused == 10


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"f": "write"}, "f is 'write', expected 'read'"),
        ({"type": "invoke"}, "type is 'invoke', expected 'ok', 'fail' or 'info'"),
        ({"key": "y"}, "key is 'y', expected 'x'"),
        ({"write": "w1"}, "write is 'w1', expected None"),
        ({"process": 7}, "process 7 completed something, but it has nothing outstanding"),
        ({"process": "nemesis"}, "process 'nemesis' completed something"),
        ({"f": "write", "key": "y"}, "f is 'write', expected 'read'; key is 'y', expected 'x'"),
    ],
)
def test_a_malformed_completion_is_refused(change: dict[str, object], expected: str) -> None:
    interpreter = Interpreter(reads(1), 2, ("n1",))
    completion = msgspec.structs.replace(dispatched(interpreter), **{"type": "ok"} | change)
    with pytest.raises(MalformedCompletion, match=expected) as raised:
        interpreter.complete(completion, 1)
    assert repr(completion) in str(raised.value)


def test_two_completions_of_one_operation_are_refused() -> None:
    interpreter = Interpreter(reads(2), 1, ("n1",))
    completion = from_invocation(dispatched(interpreter), "ok")
    interpreter.complete(completion, 1)
    with pytest.raises(MalformedCompletion, match="nothing outstanding"):
        interpreter.complete(completion, 2)


class Waiting(msgspec.Struct, frozen=True):
    """Waits for a completion that nobody owes it."""

    def op(self, _: Context) -> Next:
        return Pending()

    def update(self, _: Context, __: Operation) -> Generator:
        return self


def test_waiting_for_nothing_is_an_error() -> None:
    with pytest.raises(Stuck, match="nothing is outstanding"):
        Interpreter(Waiting(), 1, ("n1",)).poll(0)


class Impostor(msgspec.Struct, frozen=True):
    """Invokes by a process that is busy."""

    def op(self, _: Context) -> Next:
        return Operation(process=0, type="invoke", f="read"), self

    def update(self, _: Context, __: Operation) -> Generator:
        return self


def test_what_the_generator_emits_is_checked() -> None:
    interpreter = Interpreter(Impostor(), 2, ("n1",))
    dispatched(interpreter)
    with pytest.raises(InvalidOperation, match="process 0 is not free"):
        interpreter.poll(0)


def test_it_needs_clients_and_nodes() -> None:
    with pytest.raises(ValueError, match="at least one of each"):
        Interpreter(reads(1), 0, ("n1",))


def test_completions_come_before_new_operations() -> None:
    """One client, no pause: each operation begins when the one before has ended, never before."""
    history = play(reads(50), after(MS), processes=1)
    assert [op.type for op in history] == ["invoke", "ok"] * 50


def test_an_exhausted_generator_hears_no_more() -> None:
    interpreter = Interpreter(sequence(READ), 2, ("n1",))
    operation = dispatched(interpreter)
    assert interpreter.poll(0) == Wait(None)
    interpreter.complete(from_invocation(operation, "info"), 1)
    assert interpreter.poll(1) == Exhausted()
