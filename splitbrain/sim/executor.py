"""Runs programs (`splitbrain/program.py`) on virtual time.

A program is a generator; this file sends it answers and carries out the steps that it yields.  A step that
takes no time is answered at once; one that does leaves something in the world's heap that will go on with the
program.

Rules of this file
  1. Programs run one at a time and only while something happens in the world, so a program that is between
     two steps sees nothing change.
  2. An exception that leaves a program ends `run`, after all other programs are closed.  When the main
     program ends, so does everything that it spawned.
  3. A step that takes several steps (Start, Probe, Responds) is a program of its own; whoever asked waits.
  4. When every program waits for a mailbox that nobody will ever fill, that is an error and not a hang.
"""

from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any

from nemesis import steps
from splitbrain import program
from splitbrain.program import Handle, PlaceError, Program
from splitbrain.sim.asking import Asking
from splitbrain.sim.cluster import Cluster
from splitbrain.sim.world import World

_ENDLESS = 1 << 62


class Deadlock(RuntimeError):
    """Every program waits for another one. The text names them."""


class Running:
    """A program that has not ended."""

    __slots__ = ("finish", "generator", "handle", "mailbox", "waits", "waits_for")

    def __init__(self, handle: Handle, generator: Program, finish: Callable[[Any], None] | None) -> None:
        self.handle = handle
        self.generator = generator
        self.mailbox: deque[Any] = deque()
        self.finish = finish
        """What to do with its result."""
        self.waits_for = 0
        """Until when (ns) it waits for its mailbox; 0 when it does not."""
        self.waits = 0
        """How often it has waited, so that an old timeout cannot end a later wait."""


class Executor:
    """Runs a main program and what it spawns, against one cluster."""

    def __init__(self, world: World, cluster: Cluster, asking: Asking) -> None:
        self._world = world
        self._cluster = cluster
        self._asking = asking
        self._programs: dict[Handle, Running] = {}
        self._next_handle = 0
        self._endless = 0
        self._result: Any = None
        self._steps: dict[type, Callable[[Running, Any], bool]] = {
            steps.Sleep: self._sleep,
            program.Call: self._call,
            program.Ask: self._ask,
            program.Receive: self._receive,
            steps.Start: self._delegate(cluster.start),
            steps.Probe: self._delegate(cluster.probe),
            steps.Responds: self._delegate(cluster.responds),
        }
        self._instant: dict[type, Callable[[Running, Any], Any]] = {
            steps.Clock: lambda _, step: cluster.clock(),
            program.Myself: lambda running, step: running.handle,
            program.Spawn: lambda _, step: self._spawn(step.program, None),
            program.Post: lambda _, step: self._post(step),
            steps.Cut: lambda _, step: cluster.cut(step),
            steps.Mend: lambda _, step: cluster.mend(step),
            steps.MendAll: lambda _, step: cluster.mend_all(),
            steps.Kill: lambda _, step: cluster.kill(step.node),
            steps.Pause: lambda _, step: cluster.pause(step.node),
            steps.Resume: lambda _, step: cluster.resume(step.node),
            steps.Inspect: lambda _, step: cluster.inspect(step.node),
        }

    def run(self, main: Program) -> Any:
        """Run the program, handle 0, to its end and return its result.

        Raises what any program raised, and Deadlock.
        """
        self._programs.clear()
        self._next_handle = self._endless = 0
        self._result = None
        self._spawn(main, self._main_ended)
        try:
            if not self._world.run():
                raise Deadlock("nothing is left to happen, but the main program has not ended")
            return self._result
        finally:
            self._close_all()

    # --- programs ------------------------------------------------------------------------------------

    def _spawn(self, generator: Program, finish: Callable[[Any], None] | None) -> Handle:
        running = Running(self._next_handle, generator, finish)
        self._next_handle += 1
        self._programs[running.handle] = running
        self._world.push(self._world.now, partial(self._go_on, running))
        return running.handle

    def _go_on(self, running: Running, answer: Any, error: Exception | None = None) -> None:
        """Answer the program's step, and carry out what it wants next until that takes time."""
        generator = running.generator
        if self._programs.get(running.handle) is not running:
            return
        while True:
            try:
                step = generator.send(answer) if error is None else generator.throw(error)
            except StopIteration as stop:
                self._ended(running, stop.value)
                return
            error = None
            try:
                instant = self._instant.get(type(step))
                if instant is not None:
                    answer = instant(running, step)
                    continue
                waits = self._step(step)(running, step)
            except PlaceError as problem:
                error = problem
                continue
            if waits:
                return
            answer = running.mailbox.popleft() if running.mailbox else None

    def _step(self, step: Any) -> Callable[[Running, Any], bool]:
        carry_out = self._steps.get(type(step))
        if carry_out is None:
            raise TypeError(f"a program yielded {step!r}, which is not a step that the simulator knows")
        return carry_out

    def _ended(self, running: Running, result: Any) -> None:
        del self._programs[running.handle]
        if running.finish is not None:
            running.finish(result)
        self._check_deadlock()

    def _main_ended(self, result: Any) -> None:
        self._result = result
        self._endless = -_ENDLESS  # Whoever waits now waits for nothing: they are about to be closed.
        self._world.stop()

    def _close_all(self) -> None:
        """End all programs, each by GeneratorExit at its step; the first spawned first."""
        programs, self._programs = list(self._programs.values()), {}
        with ExitStack() as stack:  # One that fails to close must not keep the others open.
            for running in reversed(programs):
                stack.callback(running.generator.close)

    def _delegate(self, make: Callable[[Any], Program]) -> Callable[[Running, Any], bool]:
        """A step that is carried out by a program of its own."""

        def carry_out(running: Running, step: Any) -> bool:
            self._spawn(_settled(make(step)), partial(self._deliver, running))
            return True

        return carry_out

    def _deliver(self, running: Running, result: tuple[Any, PlaceError | None]) -> None:
        answer, error = result
        self._go_on(running, answer, error)

    # --- steps that take time: True when the program has to wait, else its answer is in the mailbox -----

    def _sleep(self, running: Running, step: steps.Sleep) -> bool:
        self._world.push(self._world.now + step.duration, partial(self._go_on, running))
        return True

    def _call(self, running: Running, step: program.Call) -> bool:
        self._cluster.machine(step.node)
        self._asking.call(step, partial(self._go_on, running))
        return True

    def _ask(self, running: Running, step: program.Ask) -> bool:
        self._cluster.machine(step.node)
        self._asking.ask(step, partial(self._go_on, running))
        return True

    def _receive(self, running: Running, step: program.Receive) -> bool:
        if running.mailbox or (step.until is not None and step.until <= self._cluster.clock()):
            return False
        running.waits += 1
        if step.until is None:
            running.waits_for = _ENDLESS
            self._endless += 1
            self._check_deadlock()
        else:
            running.waits_for = self._cluster.zero + step.until
            self._world.push(running.waits_for, partial(self._waited, running), running.waits)
        return True

    def _waited(self, running: Running, wait: int) -> None:
        if running.waits_for and running.waits == wait:
            running.waits_for = 0
            self._go_on(running, None)

    def _post(self, step: program.Post) -> None:
        running = self._programs.get(step.handle)
        if running is None:
            return
        if not running.waits_for:
            running.mailbox.append(step.item)
            return
        if running.waits_for == _ENDLESS:
            self._endless -= 1
        running.waits_for = 0
        self._world.push(self._world.now, partial(self._go_on, running), step.item)

    def _check_deadlock(self) -> None:
        if self._endless == len(self._programs):
            names = ", ".join("main" if handle == 0 else str(handle) for handle in self._programs)
            raise Deadlock(f"every program waits in Receive for something that nobody will Post: {names}")


def _settled(generator: Program) -> Program:
    """Returns (result, None), or (None, the PlaceError that ended it)."""
    try:
        return (yield from generator), None
    except PlaceError as error:
        return None, error
