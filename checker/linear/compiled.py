"""The compiled search from the outside: calls become columns, an outcome comes back.

Needs numpy and numba (the extra `scale`). Registers and mutexes run without leaving the compiled code; any
other model does its steps in Python, each distinct one once.
"""

from typing import Any

import msgspec
import numpy as np

from checker.linear import kernel_search as kernel
from checker.linear.call import Call, freeze
from checker.linear.machine import Machine
from checker.linear.models import Counter, GrowingSet, KeyValue, Mutex, Register
from checker.linear.search import PATHS, STEPS, Outcome

Array = Any


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
            return kernel.WRITE, number(freeze(call.value)), 0
        case "cas" if isinstance(model, Register):
            expected, new = (number(freeze(value)) for value in call.value)
            return (kernel.DIFFERS if call.outcome == "fail" else kernel.CAS), expected, new
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
    status = kernel.judge(
        columns.starts, columns.ends, columns.kinds, columns.cells, columns.crashed, columns.first
    )[0]
    return status == kernel.LINEAR


def search(calls: list[Call], machine: Machine) -> Outcome:
    """The same outcome as `search.Search(machine, schedule_of(calls, machine)).run()`."""
    columns = columns_of(calls, machine)
    if (columns.cells[:, 0] != kernel.TABLE).all():
        status, nodes, cursor, plan = kernel.judge(
            columns.starts, columns.ends, columns.kinds, columns.cells, columns.crashed, columns.first
        )
    else:
        status, nodes, cursor, plan = _with_table(columns, machine)
    count, deepest = int(cursor[kernel.COUNT]), int(cursor[kernel.DEEPEST])
    if status == kernel.LINEAR:
        return Outcome(valid=True, level=len(plan[1]) - 1, explored=count)
    stuck = np.flatnonzero(nodes[:count, kernel.LEVEL] == deepest)
    return Outcome(
        valid=False,
        level=deepest,
        explored=count,
        states=[int(state) for state in np.unique(nodes[stuck, kernel.STATE])],
        ways=[_way(nodes, at) for at in stuck[:PATHS]],
    )


def _with_table(columns: CallColumns, machine: Machine) -> tuple[int, Array, Array, tuple[Array, ...]]:
    """Search, and compute the steps that it asks for."""
    observes = np.array(machine.observes, np.bool_)
    plan = kernel.lay_out(columns.starts, columns.ends, columns.kinds, observes, columns.crashed)
    nodes, heads, cursor = kernel.begin(plan, columns.first, 256)
    columns_used = int((columns.cells[:, 0] == kernel.TABLE).sum())
    table = np.full((len(machine.states), columns_used), kernel.UNKNOWN, np.int64)
    while True:
        status = kernel.search(nodes, heads, cursor, plan, columns.cells, table)
        if status == kernel.GROW:
            nodes, heads = kernel.more(nodes, heads, cursor, plan[6])
        elif status == kernel.NEED:
            state, kind = int(cursor[kernel.NEED_STATE]), int(cursor[kernel.NEED_CLASS])
            after = machine.step(state, kind)
            while len(machine.states) > len(table):
                table = np.concatenate([table, np.full_like(table, kernel.UNKNOWN)])
            table[state, columns.cells[kind, 1]] = after
        else:
            return status, nodes, cursor, plan


def _way(nodes: Array, at: int) -> list[tuple[int, int]]:
    taken: list[tuple[int, int]] = []
    while at != kernel.NONE and len(taken) < STEPS:
        if nodes[at, kernel.TAKEN] != kernel.NONE:
            taken.append((int(nodes[at, kernel.TAKEN]), int(nodes[at, kernel.STATE])))
        at = nodes[at, kernel.PARENT]
    return taken[::-1]
