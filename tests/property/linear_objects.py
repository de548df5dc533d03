"""Objects of every model and histories of their use, for the oracle: some valid, some spoilt, some noise."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from checker.history import History
from checker.operation import Operation

Apply = Callable[[Any, str, Any], tuple[Any, Any]]
"""(state, f, argument) -> (state, answer). The answer None is what a write returns."""


def cell(state: Any, f: str, argument: Any) -> tuple[Any, Any]:
    if f == "read":
        return state, state
    if f == "write":
        return argument, None
    if state == argument[0]:
        return argument[1], None
    return state, "failed"


def mutex(state: Any, f: str, argument: Any) -> tuple[Any, Any]:
    wanted = "held" if f == "release" else None
    return (None if f == "release" else "held", None) if state == wanted else (state, "failed")


def strings(state: Any, f: str, argument: Any) -> tuple[Any, Any]:
    state = state or ""
    return (state, state) if f == "get" else (argument if f == "put" else state + argument, None)


def queue(state: Any, f: str, argument: Any) -> tuple[Any, Any]:
    state = state or ()
    if f == "enqueue":
        return (*state, argument), None
    return (state[1:], state[0]) if state else (state, None)


def stack(state: Any, f: str, argument: Any) -> tuple[Any, Any]:
    state = state or ()
    if f == "push":
        return (*state, argument), None
    return (state[:-1], state[-1]) if state else (state, None)


def elements(state: Any, f: str, argument: Any) -> tuple[Any, Any]:
    state = state or ()
    if f == "read":
        return state, list(state)
    if f == "contains":
        return state, [argument, argument in state]
    rest = tuple(x for x in state if x != argument)
    return (tuple(sorted((*rest, argument))) if f == "add" else rest), None


def total(state: Any, f: str, argument: Any) -> tuple[Any, Any]:
    state = state or 0
    return (state, state) if f == "read" else (state + argument, None)


def several(state: Any, f: str, argument: Any) -> tuple[Any, Any]:
    values = dict(state or ())
    answer = []
    for kind, key, value in argument:
        if kind == "write":
            values[key] = value
        answer.append([kind, key, value if kind == "write" else values.get(key)])
    return tuple(sorted(values.items())), answer


def drawn(model: str, rng: random.Random, flavour: tuple[str, ...]) -> tuple[str, Any]:
    """An operation of the model and its argument."""
    small = rng.randrange(3)
    match model:
        case "register":
            return rng.choice([("read", None), ("write", small)])
        case "cas-register":
            return rng.choice([("read", None), ("write", small), ("cas", [small, rng.randrange(3)])])
        case "mutex":
            return rng.choice(["acquire", "release"]), None
        case "kv":
            return rng.choice([("get", None), ("put", "ab"[small % 2]), ("append", "ab"[small % 2])])
        case "fifo-queue":
            return rng.choice([("enqueue", small), ("dequeue", None)])
        case "stack":
            return rng.choice([("push", small), ("pop", None)])
        case "set":
            f = rng.choice(flavour)
            return f, None if f == "read" else small
        case "counter":
            return rng.choice([("read", None), ("add", rng.choice([1, 1, 2, -1]))])
        case _:
            steps = [
                [rng.choice(["read", "write"]), rng.choice("xy"), small] for _ in range(rng.randint(1, 2))
            ]
            return "txn", [[kind, key, None if kind == "read" else value] for kind, key, value in steps]


OBJECTS: dict[str, Apply] = {
    "register": cell,
    "cas-register": cell,
    "mutex": mutex,
    "kv": strings,
    "fifo-queue": queue,
    "stack": stack,
    "set": elements,
    "counter": total,
    "multi-register": several,
}


def named(model: str) -> str:
    """The name by which the checker knows a model."""
    return f"{Path(__file__).with_name('stack_model.py')}:Stack" if model == "stack" else model


def generated(
    model: str, rng: random.Random, distinct: bool = False, *, calls_max: int = 9, clients_max: int = 0
) -> History:
    """Clients call an object that answers at a random moment of each call; then something may be spoilt."""
    state: Any = None
    entries: list[Operation] = []
    waiting: dict[int, tuple[str, Any, Any, bool]] = {}
    flavour = rng.choice(
        [("add", "read"), ("add", "contains", "contains", "remove"), ("add", "read", "remove")]
    )
    process, left, unique = 0, rng.randint(1, calls_max), 0
    free = list(range(clients_max or rng.choice([1, 2, 2, 3, 3, 4, 5])))
    while left or waiting:
        moves = ["invoke"] * bool(left and free) + ["act", "return"] * bool(waiting)
        if not moves:
            break
        move = rng.choice(moves)
        if move == "invoke":
            process = free.pop(rng.randrange(len(free)))
            f, argument = drawn(model, rng, flavour)
            if distinct and f in ("write", "add", "enqueue", "put", "append") and model != "counter":
                unique += 1
                argument = chr(96 + unique) if model == "kv" else unique
            entries.append(Operation(process=process, type="invoke", f=f, value=argument))
            waiting[process] = (f, argument, None, False)
            left -= 1
            continue
        process = rng.choice(list(waiting))
        f, argument, answer, acted = waiting[process]
        if not acted and (move == "act" or rng.random() < 0.85):
            state, answer = OBJECTS[model](state, f, argument)
            acted = True
            waiting[process] = (f, argument, answer, True)
        if move == "return":
            del waiting[process]
            entries.append(_completion(process, (f, argument, answer, acted), rng))
            # A process whose call crashed never calls again.
            free.append(process if entries[-1].type != "info" else process + 100)
    return History(spoilt(entries, rng))


def _completion(process: int, call: tuple[str, Any, Any, bool], rng: random.Random) -> Operation:
    f, argument, answer, acted = call
    if not acted or rng.random() < 0.12:
        return Operation(process=process, type="info", f=f, value=argument)
    if answer == "failed":
        return Operation(process=process, type="fail", f=f, value=argument)
    value = argument if answer is None and f not in ("read", "dequeue", "pop") else answer
    return Operation(process=process, type="ok", f=f, value=value)


OBSERVING = ("read", "get", "dequeue", "pop", "contains", "txn")


def spoilt(entries: list[Operation], rng: random.Random) -> list[Operation]:
    """In most cases, up to three answers are those of other calls, or a failure is said to be a success."""
    for _ in range(rng.randint(0, 3)):
        answers = [at for at, o in enumerate(entries) if o.type == "ok" and o.f in OBSERVING]
        answers += [at for at, o in enumerate(entries) if o.type == "fail"]
        if not answers:
            break
        at = rng.choice(answers)
        old = entries[at]
        value = rng.choice([o.value for o in entries if o.f == old.f and o.type in ("ok", "fail")])
        if old.f == "contains":
            value = [old.value[0], not old.value[1]]
        if old.f == "txn":
            value = [[k, key, rng.randrange(3) if k == "read" else v] for k, key, v in old.value]
        if old.type == "fail":
            value = old.value
        entries[at] = Operation(process=old.process, type="ok", f=old.f, value=value)
    return entries
