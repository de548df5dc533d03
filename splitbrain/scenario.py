"""The phases of a run, as one program: main, heal, settle, final, end.

  main    clients work while the nemesis breaks things and the observer looks on
  heal    every fault is undone, whatever the schedule says
  settle  nobody writes; replicas exchange what they lack, until nothing changes any more
  final   every key is read once more; a last look at all replicas
  end     nothing follows

The same program runs in every place (`splitbrain/program.py`).  Each phase is announced in the history.
"""

import random
from collections.abc import Callable
from typing import cast

import msgspec

from checker.operation import HARNESS, Operation
from nemesis.fault import Fault, FaultReport
from nemesis.journal import Journal
from nemesis.nemesis import recover_all, run_schedule
from nemesis.registry import KINDS
from nemesis.steps import Clock
from splitbrain.clients import drive
from splitbrain.observer import Observer
from splitbrain.options import RunOptions
from splitbrain.program import Handle, Myself, Post, Program, Receive, Spawn
from workloads.generator import Generator
from workloads.interpreter import Interpreter
from workloads.workload import Workload

Record = Callable[[Operation], Operation]

LAST_LOOK_NS = 10_000_000_000
"""How long the last look waits for repairs that the final reads have set off."""


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """What one run needs. `announce(phase)` is for progress displays only."""

    options: RunOptions
    workload: Workload
    schedule: tuple[Fault, ...]
    record: Record
    journal: Journal
    announce: Callable[[str], None]

    def program(self) -> Program:
        """All phases in order. Returns the fault reports."""
        observer = Observer(self.options.node_names, self.workload.write_id, self.record)
        sample = self.options.sample_ms * 1_000_000
        self._phase("main")
        yield Spawn(observer.watch(sample))
        reports, first_unused = yield from self._main()
        observer.stopped = True
        self._phase("heal")
        yield from self.recover()
        self._phase("settle")
        began: int = yield Clock()
        settled: bool = yield from observer.settle(sample, int(self.options.settle_limit_s * 1e9))
        ended: int = yield Clock()
        self._phase("final", settled=settled, duration=ended - began)
        yield from self._clients(self.workload.final(self.options.workload_options()), first_unused)
        yield from observer.last_look(sample, LAST_LOOK_NS)
        self._phase("end")
        return cast(list[FaultReport], reports)

    def recover(self) -> Program:
        """Undo every fault. Safe to repeat, also after an interruption."""
        yield from recover_all(KINDS, self.options.node_names, self.journal)

    def _main(self) -> Program:
        myself: Handle = yield Myself()
        generator = self.workload.main(self.options.workload_options(), random.Random(self.options.seed))
        yield Spawn(_report(self._clients(generator), "clients", myself))
        yield Spawn(_report(self._nemesis(), "nemesis", myself))
        ended: dict[str, object] = {}
        while len(ended) < 2:
            name, result = yield Receive()
            ended[name] = result
        return ended["nemesis"], ended["clients"]

    def _clients(self, generator: Generator, first: int = 0) -> Program:
        """Returns the number of the first process that has never been used."""
        interpreter = Interpreter(generator, self.options.clients, self.options.node_names, first)
        yield from drive(interpreter, self.workload.perform, self.record)
        return interpreter.first_unused

    def _nemesis(self) -> Program:
        return (
            yield from run_schedule(self.schedule, KINDS, self.options.node_names, self.journal, self.record)
        )

    def _phase(self, name: str, **facts: object) -> None:
        value = {"phase": name, **facts} if facts else name
        self.record(Operation(process=HARNESS, type="info", f="phase", value=value))
        self.announce(name)


def _report(program: Program, name: str, report_to: Handle) -> Program:
    result = yield from program
    yield Post(report_to, (name, result))
