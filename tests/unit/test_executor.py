"""The asyncio executor of programs: steps, mailboxes, errors. On a loop, but without a cluster."""

import asyncio
from collections.abc import Generator
from typing import Any

import pytest

from nemesis.steps import Clock, Kill, Program, Sleep
from splitbrain.places.executor import Executor, Stopwatch
from splitbrain.program import Myself, PlaceError, Post, Receive, Spawn


async def refuse(step: object) -> Any:
    raise PlaceError(f"cannot {type(step).__name__}")


def run(program: Program) -> Any:
    clock = Stopwatch()
    clock.start()
    return asyncio.run(Executor(clock.now, refuse).run(program))


def test_the_result_of_the_main_program_is_returned() -> None:
    def main() -> Program:
        before = yield Clock()
        yield Sleep(2_000_000)
        after = yield Clock()
        return after - before

    assert run(main()) >= 2_000_000


def test_programs_talk_through_mailboxes_in_order() -> None:
    def child(to: int) -> Program:
        for number in range(3):
            yield Post(to, number)

    def main() -> Program:
        me = yield Myself()
        yield Spawn(child(me))
        got = []
        for _ in range(3):
            got.append((yield Receive()))
        return me, got

    assert run(main()) == (0, [0, 1, 2])


def test_receive_gives_up_when_its_time_comes() -> None:
    def main() -> Program:
        now = yield Clock()
        first = yield Receive(now + 1_000_000)
        past = yield Receive(0)
        later = yield Clock()
        return first, past, later - now

    first, past, waited = run(main())
    assert (first, past) == (None, None)
    assert waited >= 1_000_000


def test_an_item_that_waits_is_taken_even_when_the_time_has_passed() -> None:
    def main() -> Program:
        me = yield Myself()
        yield Post(me, "x")
        return (yield Receive(0))

    assert run(main()) == "x"


def test_a_post_to_a_program_that_ended_is_ignored() -> None:
    def child() -> Program:
        return
        yield

    def main() -> Program:
        handle = yield Spawn(child())
        yield Sleep(1_000_000)
        yield Post(handle, "nobody")
        return "fine"

    assert run(main()) == "fine"


def test_a_place_error_is_raised_inside_the_program() -> None:
    def main() -> Program:
        try:
            yield Kill("n1")
        except PlaceError as error:
            return str(error)

    assert run(main()) == "cannot Kill"


def test_an_error_of_any_program_ends_all_and_comes_out() -> None:
    closed = []

    def bystander() -> Generator[Any, Any, None]:
        try:
            yield Sleep(3_600_000_000_000)
        finally:
            closed.append("bystander")

    def culprit() -> Program:
        yield Sleep(1_000_000)
        raise ValueError("culprit")

    def main() -> Program:
        yield Spawn(bystander())
        yield Spawn(culprit())
        yield Receive()

    with pytest.raises(ValueError, match="culprit"):
        run(main())
    assert closed == ["bystander"]


def test_programs_still_running_at_the_end_are_closed() -> None:
    closed = []

    def bystander() -> Program:
        try:
            yield Receive()
        finally:
            closed.append(True)

    def main() -> Program:
        yield Spawn(bystander())
        yield Sleep(1_000_000)

    run(main())
    assert closed == [True]


def test_a_failure_from_outside_ends_the_run() -> None:
    async def scene() -> None:
        executor = Executor(lambda: 0, refuse)

        def main() -> Program:
            yield Receive()

        asyncio.get_running_loop().call_soon(executor.fail, PlaceError("node n2 died"))
        await executor.run(main())

    with pytest.raises(PlaceError, match="n2 died"):
        asyncio.run(scene())


def test_a_driven_program_has_its_own_mailbox() -> None:
    """A step that is itself a program (a probe) must not take what was posted to the one that asked."""

    def child(to: int) -> Program:
        yield Post(to, "for the part")

    def part() -> Program:
        me = yield Myself()
        yield Spawn(child(me))
        return (yield Receive())

    async def scene() -> Any:
        async def foreign(step: object) -> Any:
            return await executor.drive(part())

        def main() -> Program:
            me = yield Myself()
            yield Post(me, "for main")
            driven = yield Kill("n1")
            return driven, (yield Receive())

        executor = Executor(lambda: 0, foreign)
        return await executor.run(main())

    assert asyncio.run(scene()) == ("for the part", "for main")
