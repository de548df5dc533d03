"""The compiled search from the outside: calls become columns, an outcome comes back.

Needs numpy and numba (the extra `scale`). Registers and mutexes run without leaving the compiled code; any
other model does its steps in Python, each distinct one once.
"""

import inspect
from typing import Any

import msgspec
import numpy as np

from checker.linear import kernel_guesses as guesses
from checker.linear import kernel_moments, pieces
from checker.linear import kernel_schedule as kernel
from checker.linear.call import Call, freeze
from checker.linear.kernel_presence import absent
from checker.linear.kernel_search import LEVEL, NONE, PARENT, STATE, TAKEN
from checker.linear.machine import Machine
from checker.linear.models import Counter, GrowingSet, KeyValue, Mutex, Register
from checker.linear.search import PATHS, STEPS, Outcome

Array = Any

UNLIMITED = 1 << 62
"""Rows of a search that goes on to its end."""

EXPLAINED = 1 << 18
"""Rows spent to find every state that was possible, when it is known already that there is no order."""

AT_ONCE = 4096
"""So many calls are judged without coming back from the compiled code, which would take longer than that."""

frame, moments_of = inspect.unwrap(kernel.frame), inspect.unwrap(kernel_moments.moments_of)
room = inspect.unwrap(guesses.room)
"""Not compiled themselves, so that numpy provides the memory: in large pages, where every page of 4 KiB would
cost a fault."""


class CallColumns(msgspec.Struct, frozen=True, kw_only=True):
    """The calls of one partition in order of invocation, as int64 arrays.

    `starts` and `ends` are positions in the history, `crashed` says which have no end, `kinds` the class of
    each call, `cells` (what, a, b) per class with the values as state numbers, `first` the initial state's
    number.
    """

    starts: Array
    ends: Array
    crashed: Array
    kinds: Array
    cells: Array
    first: int


def columns_of(calls: list[Call], machine: Machine) -> CallColumns:
    """The calls as columns. `calls` must be in order of invocation."""
    kinds = np.array([machine.class_of(call) for call in calls], np.int64)
    cells = np.array([_cell(machine, call) for call in machine.examples], np.int64).reshape(-1, 3)
    looked_up = cells[:, 0] == kernel.TABLE
    cells[looked_up, 1] = np.arange(looked_up.sum())
    return CallColumns(
        starts=np.array([call.start for call in calls], np.int64),
        ends=np.array([call.end for call in calls], np.int64),
        crashed=np.array([call.crashed for call in calls], np.bool_),
        kinds=kinds,
        cells=cells,
        first=machine.first,
    )


def _cell(machine: Machine, call: Call) -> tuple[int, int, int]:
    """What a class does where that is a matter of one comparison, or TABLE."""
    number, model = machine.state_id, machine.model
    match call.f:
        case "read" | "get" if isinstance(model, Register | KeyValue):
            return kernel.READ, number(freeze(call.result)), 0
        case "write" | "put" if isinstance(model, Register | KeyValue):
            return kernel.WRITE, number(model.step(model.init, call)[1]), 0
        case "cas" if isinstance(model, Register):
            expected, new = (number(freeze(value)) for value in call.value)
            if call.outcome == "fail":
                return kernel.DIFFERS, expected, 0
            return (kernel.READ, expected, 0) if expected == new else (kernel.CAS, expected, new)
        case "read" if isinstance(model, Counter):
            return kernel.READ, number(call.result), 0
        case "read" if isinstance(model, GrowingSet):
            return kernel.READ, number(frozenset(freeze(item) for item in call.result)), 0
        case "acquire" | "release" if isinstance(model, Mutex):
            before, after = ("free", "held") if call.f == "acquire" else ("held", "free")
            return kernel.CAS, number(before), number(after)
    return kernel.TABLE, 0, 0


def check_columns(columns: CallColumns) -> bool:
    """Is a register or mutex linearizable? Columns in, answer out, nothing left of the search."""
    times = columns.starts, columns.ends
    if len(columns.kinds) <= AT_ONCE:
        return bool(guesses.judge(times, columns.kinds, columns.crashed, columns.cells, columns.first))
    moments = moments_of(times, columns.crashed)
    if needy(columns, moments) != NONE:
        return False
    if pieces.has_order(moments, times, columns.kinds, columns.crashed, columns.cells, columns.first):
        return True
    plan = plan_of(columns, moments, np.zeros(len(columns.cells), np.bool_))
    return run(plan, columns.first, UNLIMITED)[0] == guesses.LINEAR


def search(calls: list[Call], machine: Machine, rows_max: int = UNLIMITED) -> Outcome | None:
    """The same outcome as `search.Search(machine, schedule_of(calls, machine)).run()`; None after `rows_max`.

    The same verdict, level and states, that is; the numbers explored and the ways are this search's own.
    Where the states cannot be found at reasonable cost, there are none in the outcome.
    """
    columns = columns_of(calls, machine)
    times = columns.starts, columns.ends
    moments = moments_of(times, columns.crashed)
    plan = plan_of(columns, moments, np.array(machine.observes, np.bool_))
    levels = len(plan.offsets) - 1
    looked_up = int((columns.cells[:, 0] == kernel.TABLE).sum())
    if looked_up:
        plan = plan._replace(table=np.full((len(machine.states), looked_up), kernel.UNKNOWN, np.int64))
        return _outcome(*run(plan, columns.first, rows_max, machine), levels)
    stuck = needy(columns, moments)
    if stuck == NONE:
        return _outcome(*run(plan, columns.first, rows_max), levels)
    # No order passes the end of that call. Is there one up to there?
    level = int(np.count_nonzero(columns.ends < columns.ends[stuck]))
    before = plan._replace(offsets=plan.offsets[: level + 1])
    status, nodes, cursor = run(before, columns.first, rows_max)
    if status == guesses.LINEAR:
        status, nodes, cursor = run(plan, columns.first, EXPLAINED)
        if status != guesses.STUCK:
            return Outcome(valid=False, level=level, explored=int(cursor[guesses.COUNT]))
    return _outcome(status, nodes, cursor, level)


def needy(columns: CallColumns, moments: Array) -> int:
    """A call that needs what nobody can have left there; NONE: there is none."""
    times, room_for_each = (columns.starts, columns.ends), np.empty(len(columns.kinds), np.int32)
    return int(absent(moments, times, columns.kinds, columns.cells, columns.first, room_for_each))


def plan_of(columns: CallColumns, moments: Array, observes: Array) -> kernel.Plan:
    """All that ended in these moments, laid out; `observes` says which classes do, besides reads."""
    traits = kernel.traits_of(columns.cells) | kernel.OBSERVES * observes
    times = columns.starts, columns.ends
    size = kernel_moments.extent(times[0], columns.crashed, moments)
    plan: kernel.Plan = frame(size, times, columns.kinds, columns.crashed, columns.cells, traits)
    kernel.fill(moments, columns.crashed, size[2], plan)
    return plan


def run(
    plan: kernel.Plan, first: int, rows_max: int, machine: Machine | None = None
) -> tuple[int, Array, Array]:
    """Search, and let the machine compute the steps that are asked for: status, rows and cursor."""
    nodes, heads = room(plan, guesses.rows_for(len(plan.offsets) - 1, rows_max))
    cursor = guesses.begin(nodes, first)
    while True:
        status = guesses.search(nodes, heads, cursor, plan)
        if status == guesses.GROW and len(nodes) < rows_max:
            before, (nodes, heads) = nodes, room(plan, 2 * len(nodes))
            guesses.move(before, nodes, heads, cursor[guesses.COUNT], plan)
        elif status == guesses.NEED and machine is not None:
            plan = _stepped(plan, cursor, machine)
        else:
            return status, nodes, cursor


def _stepped(plan: kernel.Plan, cursor: Array, machine: Machine) -> kernel.Plan:
    """The plan with the step in its table that the search stopped for."""
    state, kind = int(cursor[guesses.NEED_STATE]), int(cursor[guesses.NEED_CLASS])
    after = machine.step(state, kind)
    while len(machine.states) > len(plan.table):
        wider = np.full_like(plan.table, kernel.UNKNOWN)
        plan = plan._replace(table=np.concatenate([plan.table, wider]))
    plan.table[state, plan.cells[kind, 1]] = after
    return plan


def _outcome(status: int, nodes: Array, cursor: Array, levels: int) -> Outcome | None:
    if status == guesses.GROW:
        return None
    count, deepest = int(cursor[guesses.COUNT]), int(cursor[guesses.DEEPEST])
    if status == guesses.LINEAR:
        return Outcome(valid=True, level=levels, explored=count)
    stuck = np.flatnonzero(nodes[:count, LEVEL] == deepest)
    return Outcome(
        valid=False,
        level=deepest,
        explored=count,
        states=[int(state) for state in np.unique(nodes[stuck, STATE])],
        ways=[_way(nodes, at) for at in stuck[:PATHS]],
    )


def _way(nodes: Array, at: int) -> list[tuple[int, int]]:
    taken: list[tuple[int, int]] = []
    while at != NONE and len(taken) < STEPS:
        if nodes[at, TAKEN] != NONE:
            taken.append((int(nodes[at, TAKEN]), int(nodes[at, STATE])))
        at = nodes[at, PARENT]
    return taken[::-1]
