"""Why a history is not linearizable, in words and as data.

The search passes the returns in order, so the first return that no configuration passes ends the shortest
prefix of the history that is not linearizable; the state could only be what it was in those configurations.
"""

import json
from typing import Any

from checker.linear.call import Call, thaw
from checker.linear.machine import Machine
from checker.linear.schedule import Schedule
from checker.linear.search import Outcome
from checker.linear.shown import Unseen
from checker.verdict import Anomaly
from checker.wording import listed

NAMED = 8
"""States, or open calls, that a sentence names."""


def explain(
    outcome: Outcome, machine: Machine, schedule: Schedule, key: Any
) -> tuple[Anomaly, dict[str, Any]]:
    """The anomaly and its details: `prefix`, `stuck`, `open`, `states`, `paths`, all JSON-able."""
    due = schedule.calls[schedule.opened[outcome.level][0]]
    opened = [schedule.calls[at] for at in schedule.opened[outcome.level][1:]]
    opened += [call for call in schedule.calls if call.crashed and call.start < due.end]
    opened.sort(key=lambda call: call.start)
    states = _distinct([thaw(machine.states[state]) for state in outcome.states])
    noun = machine.model.noun + (f" {thaw(key)}" if key is not None else "")
    sentence = (
        f"{described(due)} by client {due.process} {_where(due)} fits nowhere: {_among(opened)} {_lets(due)}"
    )
    if states:
        sentence += f"; at that point the {noun} could only be {_alternatives(states)}"
    anomaly = Anomaly(
        type="nonlinearizable",
        sentence=sentence,
        operations=tuple(sorted({entry for call in [due, *opened] for entry in call.entries})),
        key=None if key is None else str(thaw(key)),
    )
    details = {
        "key": thaw(key),
        "prefix": due.end,
        "stuck": [told(due)],
        "open": [told(call) for call in opened],
        "states": [_plain(state) for state in states],
        "paths": [_path(machine, schedule, way) for way in outcome.ways],
    }
    return anomaly, details


def described(call: Call) -> str:
    """`read of 3`, `write of 1`, `cas from 1 to 2`, and for any other model `f argument -> result`."""
    value = thaw(call.value)
    match call.f:
        case "read" | "get" | "dequeue":
            return f"the {call.f} of {'?' if call.crashed else _value(call.result)}"
        case "write" | "put" | "append" | "add" | "enqueue" | "remove":
            return f"the {call.f} of {_value(value)}"
        case "cas" if isinstance(value, list | tuple) and len(value) == 2:
            failed = "failed " if call.outcome == "fail" else ""
            return f"the {failed}cas from {_value(value[0])} to {_value(value[1])}"
        case _:
            answer = f" -> {_value(call.result)}" if call.result not in (None, call.value) else ""
            argument = f" {_value(value)}" if value is not None else ""
            return f"the {call.f}{argument}{answer}"


def told(call: Call) -> dict[str, Any]:
    """A call as data."""
    return {
        "f": call.f,
        "value": call.value,
        "result": call.result,
        "process": call.process,
        "outcome": call.outcome,
        "entries": list(call.entries),
    }


def _where(call: Call) -> str:
    if len(call.entries) == 2:
        return f"(entries {call.entries[0]} to {call.entries[1]})"
    return f"(entry {call.entries[0]})"


def _among(opened: list[Call]) -> str:
    if not opened:
        return "no other operation was open, and no order of those before it"
    names = [f"{described(call)} by client {call.process}" for call in opened[:NAMED]]
    more = [f"and {len(opened) - NAMED} more"] if len(opened) > NAMED else []
    return f"no order of it with the operations open then ({', '.join(names + more)})"


def _lets(call: Call) -> str:
    if call.f in ("read", "get", "dequeue") or call.result not in (None, call.value):
        return f"lets it return {_value(call.result)}"
    return "lets it succeed" if call.outcome != "fail" else "lets it fail"


def _alternatives(states: list[Any]) -> str:
    names = [_value(state) for state in states[:NAMED]]
    if len(states) > NAMED:
        return ", ".join(names) + f" or {len(states) - NAMED} others"
    return " or ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else listed(names)


def _value(value: Any) -> str:
    match value:
        case Unseen():
            return str(value.value)
        case str():
            text = f'"{value}"' if not value or " " in value else value
        case _:
            text = _as_json(value)
    return text if len(text) <= 60 else f"{text[:25]} ... {text[-25:]}"


def _as_json(value: Any) -> str:
    """As the history has it. What is no JSON (a state of a user's model) as Python."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        return str(value)
    return "nil" if value is None else text


def _plain(state: Any) -> Any:
    """A state as data."""
    return state.value if isinstance(state, Unseen) else state


def _distinct(states: list[Any]) -> list[Any]:
    """Every state once, in a fixed order."""
    return sorted({repr(state): state for state in states}.values(), key=_rank)


def _rank(state: Any) -> tuple[bool, float, str]:
    """Numbers by size, then everything else."""
    number = isinstance(state, int | float) and not isinstance(state, bool)
    return not number, float(state) if number else 0.0, repr(state)


def _path(machine: Machine, schedule: Schedule, way: list[tuple[int, int]]) -> list[dict[str, Any]]:
    """One order that led to a dead end: its last calls, each with the state after it."""
    return [{**told(schedule.calls[at]), "state": _plain(thaw(machine.states[state]))} for at, state in way]
