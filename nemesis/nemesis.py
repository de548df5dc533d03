"""The program that carries out a schedule of faults.

One action after the other, each at its time: inject and prove, or heal and verify.  Everything is
journalled before it is done and recorded in the history before and after, so the history shows for how
long a fault may have been, and for how long it surely was, in place.

Rules of this file
  1. Nothing is injected that is not in the journal.
  2. A fault counts as having bitten only when its proof said so, at most at the second look.
  3. Actions that come late (a proof took its time) are done at once, in their order; a fault is never
     healed before it was injected.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

import msgspec

from checker.operation import NEMESIS, Operation
from nemesis.fault import Fault, FaultKind, FaultReport, Proof
from nemesis.journal import Journal
from nemesis.steps import Clock, Program, Sleep

Record = Callable[[Operation], object]


def run_schedule(
    schedule: tuple[Fault, ...],
    kinds: Mapping[str, FaultKind],
    nodes: tuple[str, ...],
    journal: Journal,
    record: Record,
) -> Program:
    """Carry out the schedule. Returns a FaultReport for each fault, in the order of the schedule.

    Raises ValueError, before anything is injected, when a fault does not fit the cluster.
    """
    _check(schedule, kinds, nodes)
    reports = {fault.id: FaultReport(fault=fault) for fault in schedule}
    for due, action, fault in _actions(schedule):
        now: int = yield Clock()
        if due > now:
            yield Sleep(due - now)
        kind, report = kinds[fault.kind], reports[fault.id]
        if action == "inject":
            yield from _inject(kind, report, journal, record)
        else:
            yield from _heal(kind, report, journal, record)
    return list(reports.values())


def recover_all(kinds: Mapping[str, FaultKind], nodes: tuple[str, ...], journal: Journal) -> Program:
    """Undo every fault of every kind, whatever was injected. Safe to repeat."""
    # A paused node must run before it can be found to need no start, so kinds that start come last.
    for kind in sorted(kinds.values(), key=lambda kind: "kill" in kind.needs):
        journal.write("heal", kind=kind.name)
        yield from kind.recover_all(nodes)
        journal.write("healed", kind=kind.name)


def _inject(kind: FaultKind, report: FaultReport, journal: Journal, record: Record) -> Program:
    fault = report.fault
    journal.write("inject", fault=msgspec.to_builtins(fault))
    record(_entry("inject", fault))
    yield from kind.inject(fault)
    report.injected_at = yield Clock()
    journal.write("injected", id=fault.id)
    proof: Proof = yield from kind.prove(fault)
    if not proof.bit:
        # A node that was starting, or a message that was on its way, can spoil a proof once.
        proof = yield from kind.prove(fault)
    report.bit, report.how = proof.bit, proof.how
    record(_entry("inject", fault, bit=proof.bit, how=proof.how, injected_at=report.injected_at))


def _heal(kind: FaultKind, report: FaultReport, journal: Journal, record: Record) -> Program:
    fault = report.fault
    journal.write("heal", id=fault.id)
    record(_entry("heal", fault))
    yield from kind.heal(fault)
    report.healed_at = yield Clock()
    journal.write("healed", id=fault.id)
    proof: Proof = yield from kind.verify(fault)
    record(_entry("heal", fault, healed=not proof.bit, how=proof.how, healed_at=report.healed_at))


def _actions(schedule: tuple[Fault, ...]) -> Iterator[tuple[int, Literal["heal", "inject"], Fault]]:
    """All actions in the order of time; of two at the same time, healing comes first."""
    actions: list[tuple[int, Literal["heal", "inject"], Fault]] = []
    for fault in schedule:
        actions += [(fault.start, "inject", fault), (fault.end, "heal", fault)]
    return iter(sorted(actions, key=lambda action: (action[0], action[1] == "inject", action[2].id)))


def _check(schedule: tuple[Fault, ...], kinds: Mapping[str, FaultKind], nodes: tuple[str, ...]) -> None:
    if len({fault.id for fault in schedule}) < len(schedule):
        raise ValueError("two faults of the schedule have the same id; number them 1, 2, 3, ...")
    for fault in schedule:
        named = {*fault.targets, *(node for link in fault.links for node in link)}
        strangers = sorted(named - set(nodes))
        if fault.kind not in kinds:
            raise ValueError(f"fault {fault.id}: unknown kind {fault.kind!r}; known are {', '.join(kinds)}")
        if strangers:
            raise ValueError(
                f"fault {fault.id} is about {', '.join(strangers)}; this cluster has {', '.join(nodes)}"
            )
        if fault.end <= fault.start:
            raise ValueError(f"fault {fault.id} ends before it begins: its `until` must be after its `from`")


def _entry(f: Literal["inject", "heal"], fault: Fault, **result: Any) -> Operation:
    value = msgspec.to_builtins(fault) | result
    return Operation(process=NEMESIS, type="info", f=f, value=value)
