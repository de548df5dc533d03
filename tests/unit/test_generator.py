"""Generators at single moments: what they answer, and that asking changes nothing."""

import msgspec
import pytest

from checker.operation import Operation
from tests.playing import MS, after, context, invocations, names, play
from workloads.choice import each_process, keyed, mix
from workloads.combinators import final, limit, numbered, on_key, phases, repeat, sequence, until
from workloads.draw import Draw
from workloads.generator import Emit, Generator, InvalidOperation, Next, Pending, validate
from workloads.interpreter import from_invocation
from workloads.pace import every, stagger, time_limit


def emit(f: str) -> Emit:
    return Emit(Operation(process=0, type="invoke", f=f))


class Fixed(msgspec.Struct, frozen=True):
    """Always gives the same answer: stands for a generator of somebody else."""

    answer: Next

    def op(self, _: object) -> Next:
        return self.answer

    def update(self, _: object, __: Operation) -> Generator:
        return self


def test_one_operation_by_the_first_free_process() -> None:
    following = emit("read").op(context(free=(1, 2)))
    assert isinstance(following, tuple)
    operation, rest = following
    assert (operation.f, operation.process, operation.type) == ("read", 1, "invoke")
    assert rest.op(context()) is None


def test_nothing_is_emitted_without_a_free_process() -> None:
    assert emit("read").op(context(free=())) == Pending()


def test_sequence_is_one_after_the_other() -> None:
    assert names(play(sequence(emit("a"), emit("b"), emit("c")), after(MS))) == ["a", "b", "c"]


def test_sequence_of_nothing_is_exhausted() -> None:
    assert sequence().op(context()) is None


def test_phases_wait_for_all_to_complete() -> None:
    history = play(phases(limit(3, repeat(emit("a"))), emit("b")), after(5 * MS))
    assert [op.f for op in history if op.type == "ok"][:3] == ["a", "a", "a"]
    assert next(op.time for op in history if op.f == "b") == 5 * MS


def test_a_sequence_does_not_wait() -> None:
    history = play(sequence(limit(2, repeat(emit("a"))), emit("b")), after(5 * MS))
    assert [op.time for op in invocations(history)] == [0, 0, 0]


def test_repeat_of_the_exhausted_ends() -> None:
    assert repeat(sequence()).op(context()) is None


def test_until_stops_at_its_own_success_only() -> None:
    ends = iter(["fail", "fail", "ok"])
    tries = until(repeat(emit("try")), lambda event: event.type == "ok")
    others = limit(1, repeat(emit("other")))
    both = each_process(sequence(others, tries), 1)
    history = play(
        both,
        lambda op: (MS, from_invocation(op, "ok" if op.f == "other" else next(ends))),  # type: ignore[arg-type]
    )
    assert names(history) == ["other", "try", "try", "try"]


def test_until_does_not_take_the_success_of_another() -> None:
    waiting = until(repeat(emit("try")), lambda event: event.type == "ok")
    told = waiting.update(context(), Operation(process=2, type="ok", f="try"))
    assert isinstance(told.op(context()), tuple)


def test_stagger_is_pending_until_it_is_due() -> None:
    following = stagger(10 * MS, Draw(1), repeat(emit("a"))).op(context(time=5))
    assert isinstance(following, tuple)
    pending = following[1].op(context(time=6))
    assert isinstance(pending, Pending)
    assert pending.until is not None
    assert following[1].op(context(time=7)) == pending
    assert isinstance(following[1].op(context(time=pending.until)), tuple)


def test_stagger_does_not_catch_up_in_a_burst() -> None:
    """All processes were busy for a second: afterwards the pace is the usual one."""
    first = stagger(10 * MS, Draw(1), repeat(emit("a"))).op(context(time=0))
    assert isinstance(first, tuple)
    second = first[1].op(context(time=1000 * MS))
    assert isinstance(second, tuple)
    third = second[1].op(context(time=1000 * MS))
    assert isinstance(third, tuple)
    assert isinstance(third[1].op(context(time=1000 * MS)), Pending)


def test_time_limit_wakes_at_the_deadline() -> None:
    first = time_limit(10 * MS, every(50 * MS, repeat(emit("a")))).op(context(time=MS))
    assert isinstance(first, tuple)
    assert first[1].op(context(time=2 * MS)) == Pending(11 * MS)
    assert first[1].op(context(time=11 * MS)) is None


def test_mix_is_not_held_up_by_one_that_waits() -> None:
    waiting = Fixed(Pending(99))
    for seed in range(8):
        following = mix(Draw(seed), (waiting, emit("a"))).op(context())
        assert isinstance(following, tuple)
    assert mix(Draw(0), (waiting, Fixed(Pending(7)), Fixed(Pending()))).op(context()) == Pending(7)


def test_each_process_has_its_own_copy() -> None:
    history = play(each_process(sequence(emit("a"), emit("b"))), after(MS))
    by_process = [(op.process, op.f) for op in invocations(history)]
    assert sorted(by_process) == [(p, f) for p in range(3) for f in ("a", "b")]


def test_a_replaced_process_goes_on_with_the_copy() -> None:
    history = play(each_process(limit(2, repeat(emit("a"))), 1), lambda op: (MS, from_invocation(op, "info")))
    assert [op.process for op in invocations(history)] == [0, 3]


def test_on_key_keeps_other_keys_away() -> None:
    waiting = on_key("x", until(repeat(emit("a")), lambda _: True))
    following = waiting.op(context())
    assert isinstance(following, tuple)
    operation, rest = following
    assert operation.key == "x"
    other = rest.update(context(), msgspec.structs.replace(operation, type="ok", key="y"))
    assert isinstance(other.op(context()), tuple)
    assert rest.update(context(), msgspec.structs.replace(operation, type="ok")).op(context()) is None


def test_keyed_makes_one_for_each_key() -> None:
    history = play(keyed(Draw(3), ("x", "y"), lambda key: emit(f"read-{key}")), after(MS))
    assert sorted((op.key, op.f) for op in invocations(history)) == [("x", "read-x"), ("y", "read-y")]


def test_final_marks() -> None:
    assert all(op.final for op in play(final(sequence(emit("a"), emit("b"))), after(MS)))


def test_numbered_counts_writes_only() -> None:
    several = numbered(("put",), sequence(emit("put"), emit("get"), emit("put")))
    assert [op.write for op in invocations(play(several, after(MS)))] == ["w1", None, "w2"]


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        (Operation(process=0, type="ok", f="a"), "expected 'invoke'"),
        (Operation(process=9, type="invoke", f="a"), "process 9 is not free, expected one of"),
        (Operation(process=0, type="invoke", f=""), "it has no f"),
        ("read", "expected an Operation"),
    ],
)
def test_validate_names_the_operation_and_what_was_expected(operation: Operation, expected: str) -> None:
    with pytest.raises(InvalidOperation, match=expected) as raised:
        validate(Fixed((operation, sequence()))).op(context())
    assert repr(operation) in str(raised.value)


def test_validate_refuses_to_wait_for_the_past() -> None:
    with pytest.raises(InvalidOperation, match="expected a time to come"):
        validate(Fixed(Pending(5))).op(context(time=5))


def test_a_draw_below_nothing_says_so() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Draw(1).below(0)


def test_splits_of_a_draw_differ() -> None:
    streams = [Draw(7).split(label).below(1 << 30)[0] for label in range(50)]
    assert len(set(streams)) == 50
    assert Draw(7).split(3) == Draw(7).split(3)
