"""The linearizability checker against brute force: every order of the calls is tried, nothing is pruned.

The oracle below shares no code with the checker, not even the models.  Histories are random: some are what a
correct object would have answered, some are spoilt in one place, and some are noise.
"""

import os
import random
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
from tests.property.linear_objects import OBJECTS, OBSERVING, generated, named

CASES = int(os.environ.get("SPLITBRAIN_ORACLE_CASES", "400"))
"""Random histories per model; a long run sets it to hundreds of thousands."""


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
        return bool(answer == wanted)

    apply = OBJECTS[model]
    hopeless: set[tuple[int, Any]] = set()
    must = sum(1 << at for at, call in enumerate(calls) if call[1] < 10**9)

    def possible(taken: int, state: Any) -> bool:
        if must & ~taken == 0:
            return True
        # The same calls taken, and the same state: the same outcome. Nothing else is left out.
        if (taken, state) in hopeless:
            return False
        left = [at for at in range(len(calls)) if not taken >> at & 1]
        bound = min(calls[at][1] for at in left)
        for at in left:
            start, _, f, argument, kind, wanted = calls[at]
            if start > bound:
                continue
            after, answer = apply(state, f, argument)
            if fits(f, kind, answer, wanted) and possible(taken | 1 << at, after):
                return True
        hopeless.add((taken, state))
        return False

    return possible(0, None)


@pytest.mark.parametrize("distinct", [False, True])
@pytest.mark.parametrize("model", OBJECTS)
def test_every_answer_is_that_of_brute_force(model: str, distinct: bool) -> None:
    rng = random.Random(f"{model} {distinct}")
    found = {True: 0, False: 0}
    for _ in range(CASES):
        history = generated(model, rng, distinct)
        failed_cas = rng.choice(["ignore", "observe"])
        expected = brute(model, history, failed_cas)
        options = {"model": named(model), "failed-cas": failed_cas}
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
        chosen = models.load(named(model), None, rng.choice(["ignore", "observe"]))
        machine = Machine(chosen)
        calls = calls_of(history.pairs(), False, chosen.keeps)
        slow = Search(machine, schedule_of(calls, machine)).run()
        fast = compiled.search(calls, machine)
        assert slow is not None
        assert fast is not None
        assert (fast.valid, fast.level, fast.states) == (slow.valid, slow.level, slow.states), list(history)


@pytest.mark.skipif(not kernel.available(), reason="numba is not installed")
@pytest.mark.parametrize("model", ["register", "cas-register", "mutex"])
def test_the_compiled_search_answers_alike_at_once_and_in_steps(
    model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from checker.linear import compiled

    rng = random.Random(f"at once {model}")
    chosen = models.load(named(model), None, "ignore")
    found = {True: 0, False: 0}
    for _ in range(CASES):
        calls = calls_of(generated(model, rng).pairs(), False, chosen.keeps)
        if not calls:
            continue
        machine = Machine(chosen)
        columns = compiled.columns_of(calls, machine)
        slow = Search(machine, schedule_of(calls, machine)).run()
        assert slow is not None
        for at_once in (0, len(calls)):
            monkeypatch.setattr(compiled, "AT_ONCE", at_once)
            assert compiled.check_columns(columns) is slow.valid, calls
        found[slow.valid] += 1
    assert min(found.values()) > CASES // 50, found


@pytest.mark.skipif(not kernel.available(), reason="numba is not installed")
@pytest.mark.parametrize("model", ["register", "cas-register", "mutex"])
def test_a_history_is_judged_alike_in_pieces(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In pieces of a few levels, which are given up soon, and often begin with the wrong configuration."""
    from checker.linear import compiled, pieces

    monkeypatch.setattr(compiled, "AT_ONCE", 0)
    rng = random.Random(f"pieces {model}")
    chosen = models.load(named(model), None, "observe" if model == "cas-register" else "ignore")
    found = {True: 0, False: 0}
    ways: list[bool] = []
    has_order = pieces.has_order

    def noted(*columns: Any) -> bool:
        ways.append(has_order(*columns))
        return ways[-1]

    monkeypatch.setattr(pieces, "has_order", noted)
    for _ in range(CASES):
        calls = calls_of(generated(model, rng, calls_max=24, clients_max=6).pairs(), False, chosen.keeps)
        machine = Machine(chosen)
        columns = compiled.columns_of(calls, machine)
        slow = Search(machine, schedule_of(calls, machine)).run(limit=20_000)
        if slow is None or not calls:
            continue
        for name, value in (("LEVELS", rng.choice([4, 8])), ("OVERLAP", rng.choice([0, 1])), ("TIRED", 2)):
            monkeypatch.setattr(pieces, name, value)
        ways.clear()
        assert compiled.check_columns(columns) is slow.valid, calls
        assert slow.valid or not any(ways), calls
        found[slow.valid] += 1
    assert min(found.values()) > CASES // 50, found


@pytest.mark.parametrize("model", ["register", "fifo-queue", "set", "kv"])
def test_the_near_linear_rules_are_brute_force(model: str) -> None:
    """Wherever the rules apply they answer as brute force does, plain and compiled."""
    rng = random.Random(f"rules {model}")
    chosen = models.load(named(model), None, "ignore")
    found = {True: 0, False: 0}
    for _ in range(3 * CASES):
        history = generated(model, rng, distinct=rng.random() < 0.8)
        calls = calls_of(history.pairs(), False, chosen.keeps)
        applied, proof = checker.by_rules(chosen, calls)
        if not applied:
            continue
        expected = brute(model, history)
        assert (proof is None) is expected, (proof, list(history))
        if proof is not None:
            assert proof[1]
        if kernel.available() and model != "kv":
            assert by_columns(model, calls) in (expected, None), list(history)
        found[expected] += 1
    assert min(found.values()) > CASES // 10, found


@pytest.mark.parametrize("model", ["register", "set", "kv"])
def test_a_rule_names_the_shortest_prefix_that_fails(model: str) -> None:
    """Without the plain search the answer comes from a rule, and is told as well: prefix and states."""
    rng = random.Random(f"prefix {model}")
    chosen = models.load(named(model), None, "ignore")
    found = 0
    for _ in range(2 * CASES):
        history = generated(model, rng, distinct=True)
        calls = calls_of(history.pairs(), False, chosen.keeps)
        if checker.by_rules(chosen, calls)[1] is None:
            continue
        found += 1
        by_search, _ = checker.judge(chosen, None, calls)
        by_rule, _ = checker.judge(chosen, None, calls, tried_max=0)
        assert by_search is not None
        assert by_rule is not None
        assert "the contradiction is that" in by_rule[0].sentence
        for name in ("prefix", "stuck", "states"):
            assert by_rule[1][name] == by_search[1][name], (name, list(history))
    assert found > CASES // 10


@pytest.mark.skipif(not kernel.available(), reason="numba is not installed")
@pytest.mark.parametrize("model", ["register", "cas-register", "mutex", "kv", "fifo-queue"])
def test_wide_histories_are_judged_alike(model: str) -> None:
    """Many calls open at once: too many orders for brute force, but the two searches share little."""
    from checker.linear import compiled

    rng = random.Random(f"wide {model}")
    chosen = models.load(named(model), None, "observe" if model == "cas-register" else "ignore")
    found = {True: 0, False: 0}
    for _ in range(CASES // 4):
        history = generated(model, rng, calls_max=24, clients_max=8)
        machine = Machine(chosen)
        calls = calls_of(history.pairs(), False, chosen.keeps)
        slow = Search(machine, schedule_of(calls, machine)).run(limit=20_000)
        if slow is None:
            continue
        fast = compiled.search(calls, machine)
        assert fast is not None
        same = (fast.valid, fast.level, fast.states) == (slow.valid, slow.level, slow.states)
        assert same, list(history)
        found[slow.valid] += 1
    assert min(found.values()) > CASES // 100, found


def by_columns(model: str, calls: list[Call]) -> bool | None:
    """The compiled rules' answer; None where there are none."""
    if model == "register":
        clusters = register.Clusters.of(calls, None)
        assert clusters is not None
        return register.check_columns(register.columns_of(clusters)) is None
    if model == "fifo-queue":
        if any(call.f == "dequeue" and call.result is None for call in calls):
            return None
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
    calls = calls_of(History([*writes, *reads, *ends]).pairs(), False, model.keeps)
    machine = Machine(model)
    slow = Search(machine, schedule_of(calls, machine)).run()
    assert slow is not None
    assert slow.valid is (answer < 3)
    fast = compiled.search(calls, machine)
    assert fast is not None
    assert (fast.valid, fast.level, fast.states) == (slow.valid, slow.level, slow.states)
