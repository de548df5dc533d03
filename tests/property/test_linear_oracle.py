"""The linearizability checker against brute force: every order of the calls is tried, nothing is pruned.

The oracle below shares no code with the checker, not even the models.  Histories are random: some are what a
correct object would have answered, some are spoilt in one place, and some are noise.
"""

import os
import random
from collections.abc import Callable
from typing import Any

import pytest

from checker import kernel
from checker.history import History
from checker.linear import checker, collection, fifo, models, register
from checker.linear.call import Call, calls_of
from checker.linear.machine import Machine
from checker.linear.schedule import schedule_of
from checker.linear.search import Search
from checker.operation import Operation
from checker.verdict import Validity

CASES = int(os.environ.get("SPLITBRAIN_ORACLE_CASES", "400"))
"""Random histories per model; a long run sets it to hundreds of thousands."""

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
    "set": elements,
    "counter": total,
    "multi-register": several,
}


def generated(model: str, rng: random.Random, distinct: bool = False) -> History:
    """Clients call an object that answers at a random moment of each call; then something may be spoilt."""
    state: Any = None
    entries: list[Operation] = []
    waiting: dict[int, tuple[str, Any, Any, bool]] = {}
    flavour = rng.choice(
        [("add", "read"), ("add", "contains", "contains", "remove"), ("add", "read", "remove")]
    )
    process, left, unique = 0, rng.randint(1, 9), 0
    free = list(range(rng.choice([1, 2, 2, 3, 3, 4, 5])))
    while left or waiting:
        moves = ["invoke"] * bool(left and free) + ["act", "return"] * bool(waiting)
        if not moves:
            break
        move = rng.choice(moves)
        if move == "invoke":
            process = free.pop(rng.randrange(len(free)))
            f, argument = drawn(model, rng, flavour)
            if distinct and f in ("write", "add", "enqueue") and model != "counter":
                unique += 1
                argument = unique
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
    value = argument if answer is None and f not in ("read", "dequeue") else answer
    return Operation(process=process, type="ok", f=f, value=value)


OBSERVING = ("read", "get", "dequeue", "contains", "txn")


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


def brute(model: str, history: History, failed_cas: str = "ignore") -> bool:
    """Is there an order? Depth first over all of them, with nothing but real time to cut it."""
    calls = []
    for invocation, completion in history.pairs():
        kind = completion.type if completion is not None else "info"
        if kind == "fail" and not (invocation.f == "cas" and failed_cas == "observe"):
            continue
        end = completion.index if completion is not None and kind != "info" else 10**9
        result = completion.value if completion is not None else None
        answered = kind == "ok" and invocation.f in OBSERVING
        wanted = "failed" if kind == "fail" else result if answered else None
        calls.append((invocation.index, end, invocation.f, invocation.value, kind, wanted))

    def fits(f: str, kind: str, answer: Any, wanted: Any) -> bool:
        if kind == "info":
            return True
        if f == "read" and isinstance(wanted, list):
            return sorted(answer) == sorted(wanted)
        if f in OBSERVING:
            return bool(answer == wanted)
        return bool(answer == wanted)

    def possible(left: frozenset[int], state: Any) -> bool:
        if all(calls[at][1] == 10**9 for at in left):
            return True
        bound = min(calls[at][1] for at in left)
        for at in left:
            start, _, f, argument, kind, wanted = calls[at]
            if start > bound:
                continue
            after, answer = OBJECTS[model](state, f, argument)
            if fits(f, kind, answer, wanted) and possible(left - {at}, after):
                return True
        return False

    return possible(frozenset(range(len(calls))), None)


@pytest.mark.parametrize("distinct", [False, True])
@pytest.mark.parametrize("model", OBJECTS)
def test_every_answer_is_that_of_brute_force(model: str, distinct: bool) -> None:
    rng = random.Random(f"{model} {distinct}")
    found = {True: 0, False: 0}
    for _ in range(CASES):
        history = generated(model, rng, distinct)
        failed_cas = rng.choice(["ignore", "observe"])
        expected = brute(model, history, failed_cas)
        options = {"model": model, "failed-cas": failed_cas}
        verdict = checker.check(history, options)
        assert verdict.validity is (Validity.VALID if expected else Validity.INVALID), list(history)
        found[expected] += 1
    assert min(found.values()) > CASES // 50, found


@pytest.mark.skipif(not kernel.available(), reason="numba is not installed")
@pytest.mark.parametrize("model", OBJECTS)
def test_the_compiled_search_is_the_search(model: str) -> None:
    from checker.linear import compiled

    rng = random.Random(f"compiled {model}")
    for _ in range(CASES):
        history = generated(model, rng)
        chosen = models.load(model, None, rng.choice(["ignore", "observe"]))
        machine = Machine(chosen)
        calls = calls_of(history, False, chosen.keeps)
        slow = Search(machine, schedule_of(calls, machine)).run()
        assert compiled.search(calls, machine) == slow, list(history)


@pytest.mark.parametrize("model", ["register", "fifo-queue", "set"])
def test_the_near_linear_rules_are_brute_force(model: str) -> None:
    """Wherever the rules apply they answer as brute force does, plain and compiled."""
    rng = random.Random(f"rules {model}")
    chosen = models.load(model, None, "ignore")
    found = {True: 0, False: 0}
    for _ in range(3 * CASES):
        history = generated(model, rng, distinct=rng.random() < 0.8)
        calls = calls_of(history, False, chosen.keeps)
        applied, proof = checker.by_rules(chosen, calls)
        if not applied:
            continue
        expected = brute(model, history)
        assert (proof is None) is expected, (proof, list(history))
        if proof is not None:
            assert proof[1]
        if kernel.available():
            assert by_columns(model, calls) in (expected, None), list(history)
        found[expected] += 1
    assert min(found.values()) > CASES // 10, found


def by_columns(model: str, calls: list[Call]) -> bool | None:
    """The compiled rules' answer; None where there are none."""
    if model == "register":
        clusters = register.Clusters.of(calls, None)
        assert clusters is not None
        return register.check_columns(register.columns_of(clusters)) is None
    if model == "fifo-queue":
        columns = fifo.columns_of(calls)
        return columns is not None and fifo.check_columns(columns)
    if not collection.has_elements_only(calls):
        return None
    return collection.check_columns(collection.element_columns(calls))


@pytest.mark.skipif(not kernel.available(), reason="numba is not installed")
@pytest.mark.parametrize("answer", [1, 2, 3])
def test_masks_may_be_wider_than_a_word(answer: int) -> None:
    """70 crashed writes and 80 open reads; the last read decides."""
    from checker.linear import compiled

    writes = [Operation(process=p, type="invoke", f="write", value=1 + p % 2) for p in range(70)]
    reads = [Operation(process=100 + p, type="invoke", f="read") for p in range(80)]
    answers = [1 + p % 2 for p in range(79)] + [answer]
    ends = [Operation(process=100 + p, type="ok", f="read", value=answers[p]) for p in range(80)]
    model = models.Register(None)
    calls = calls_of(History([*writes, *reads, *ends]), False, model.keeps)
    machine = Machine(model)
    slow = Search(machine, schedule_of(calls, machine)).run()
    assert slow is not None
    assert slow.valid is (answer < 3)
    assert compiled.search(calls, machine) == slow
