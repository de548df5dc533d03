"""Runs programs on an asyncio event loop, in real time.

Each program is a task that carries out one step after another.  Steps that need the cluster (calls, faults)
are the business of the place that owns the executor; time, mailboxes and programs are handled here.

Rules of this file
  1. `PlaceError` from a step is raised inside the program, which may catch it.
  2. Whatever a program raises ends the run: all others are closed, and the first error is what `run` raises.
  3. When the main program ends, programs that are still running are closed.
  4. A program is a generator: closing it runs its `finally` blocks, before `run` returns.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from nemesis.steps import Clock, Program, Sleep, Step
from splitbrain.program import Handle, Myself, PlaceError, Post, Receive, Spawn

Foreign = Callable[[Step], Awaitable[Any]]
"""Carries out the steps that are not the executor's own."""

NS_PER_S = 1_000_000_000


class Executor:
    """One run of a main program and of what it spawns. `now` gives the run's time in ns."""

    def __init__(self, now: Callable[[], int], foreign: Foreign) -> None:
        self._now = now
        self._foreign = foreign
        self._next = 0
        self._tasks: dict[Handle, asyncio.Task[Any]] = {}
        self._mailboxes: dict[Handle, _Mailbox] = {}
        self._outcome: asyncio.Future[Any] | None = None

    async def run(self, main: Program) -> Any:
        """The main program's result. Raises the first error of any program, or what `fail` was given."""
        assert self._outcome is None, "an executor runs once"
        self._outcome = asyncio.get_running_loop().create_future()
        self._start(main)
        try:
            return await self._outcome
        finally:
            await self._close()

    def fail(self, error: BaseException) -> None:
        """End the run with this error: something happened outside of any program."""
        if self._outcome is not None and not self._outcome.done():
            self._outcome.set_exception(error)

    def _start(self, program: Program) -> Handle:
        handle = self._take_handle()
        task = asyncio.get_running_loop().create_task(self._live(handle, program))
        self._tasks[handle] = task
        task.add_done_callback(lambda done: self._ended(handle, done))
        return handle

    def _take_handle(self) -> Handle:
        handle, self._next = self._next, self._next + 1
        self._mailboxes[handle] = _Mailbox()
        return handle

    def _ended(self, handle: Handle, task: asyncio.Task[Any]) -> None:
        self._tasks.pop(handle, None)
        self._mailboxes.pop(handle, None)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            self.fail(error)
        elif handle == 0 and self._outcome is not None and not self._outcome.done():
            self._outcome.set_result(task.result())

    async def _close(self) -> None:
        """Cancel every program and wait until each has run its `finally` blocks."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _live(self, handle: Handle, program: Program) -> Any:
        try:
            step = next(program)
            while True:
                try:
                    answer = await self._carry_out(handle, step)
                except PlaceError as error:
                    step = program.throw(error)
                else:
                    step = program.send(answer)
        except StopIteration as stop:
            return stop.value
        finally:
            program.close()

    async def drive(self, program: Program) -> Any:
        """Run a program as a part of the step that is being carried out, with a mailbox of its own."""
        handle = self._take_handle()
        try:
            return await self._live(handle, program)
        finally:
            del self._mailboxes[handle]

    async def _carry_out(self, handle: Handle, step: Any) -> Any:
        match step:
            case Clock():
                return self._now()
            case Sleep(duration=duration):
                return await asyncio.sleep(duration / NS_PER_S)
            case Receive(until=until):
                return await self._mailboxes[handle].take(until, self._now)
            case Post(handle=receiver, item=item):
                return self._post(receiver, item)
            case Spawn(program=program):
                return self._start(program)
            case Myself():
                return handle
        return await self._foreign(step)

    def _post(self, handle: Handle, item: Any) -> None:
        mailbox = self._mailboxes.get(handle)
        if mailbox is not None:
            mailbox.put(item)


class _Mailbox:
    """Items for one program, in the order in which they were posted."""

    def __init__(self) -> None:
        self._items: deque[Any] = deque()
        self._waiter: asyncio.Future[None] | None = None

    def put(self, item: Any) -> None:
        self._items.append(item)
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def take(self, until: int | None, now: Callable[[], int]) -> Any:
        """The next item; None when the time comes first."""
        if not self._items and (until is None or until > now()):
            loop = asyncio.get_running_loop()
            self._waiter = loop.create_future()
            timer = None if until is None else loop.call_later((until - now()) / NS_PER_S, self._wake)
            try:
                await self._waiter
            finally:
                self._waiter = None
                if timer is not None:
                    timer.cancel()
        elif not self._items:
            # Even one who only looks whether something has come must let others run.
            await asyncio.sleep(0)
        return self._items.popleft() if self._items else None


class Stopwatch:
    """Nanoseconds since it was started; 0 before."""

    def __init__(self) -> None:
        self._origin: int | None = None

    def start(self) -> None:
        """Time begins."""
        self._origin = time.monotonic_ns()

    def now(self) -> int:
        """Nanoseconds since then."""
        return 0 if self._origin is None else time.monotonic_ns() - self._origin
