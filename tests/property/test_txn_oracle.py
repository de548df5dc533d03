"""Transactions against brute force: all serial orders of small histories, and both paths against each other.

The oracle knows nothing of graphs.  A history is serializable if some order of the transactions that
happened (every acknowledged one, any choice of the unknown ones), executed one after the other, returns
exactly what was read; strictly so if the order also keeps what ended before something began.
"""

import itertools
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from checker import kernel
from checker.history import History
from checker.operation import Operation
from checker.txn import list_append, rw_register, tangle
from checker.txn.columns import LIST, REGISTER, columns_of
from checker.txn.options import wanted_of
from checker.txn.place import Compiled, Plain
from checker.verdict import Validity, Verdict

CASES = int(os.environ.get("SPLITBRAIN_TXN_CASES", "1500"))
ASSUMED = dict.fromkeys(rw_register.ASSUMPTIONS, True)


@dataclass
class Txn:
    """One transaction of a small history, with the positions of its entries."""

    process: int
    kind: str
    steps: list[list[Any]]
    begun: int = -1
    ended: int = -1


def small_history(rng: random.Random, is_list: bool) -> list[Txn]:
    """Up to 5 transactions: a real execution, with (often) some reads replaced by other plausible ones."""
    clients, keys = rng.randint(1, 3), "xy"[: rng.randint(1, 2)]
    state: dict[str, list[int]] = {key: [] for key in keys}
    written: dict[str, list[int]] = {key: [] for key in keys}
    txns: list[Txn] = []
    running: dict[int, Txn] = {}
    clock = 0
    total = rng.randint(1, 5)
    while len(txns) < total or running:
        process = rng.randrange(clients)
        if process in running:
            txn = running.pop(process)
            if rng.random() < 0.95 or txn.kind == "fail":
                txn.ended = clock
                clock += 1
        elif len(txns) < total:
            kind = rng.choices(["ok", "info", "fail"], [8, 1, 1])[0]
            txn = Txn(process, kind, [], begun=clock)
            clock += 1
            happens = kind == "ok" or (kind == "info" and rng.random() < 0.5)
            for _ in range(rng.randint(1, 3)):
                key = rng.choice(keys)
                if rng.random() < 0.5:
                    value = len(written[key]) + 1
                    written[key].append(value)
                    txn.steps.append(["append" if is_list else "w", key, value])
                    if happens:
                        state[key].append(value)
                else:
                    txn.steps.append(["r", key, list(state[key])])
            txns.append(txn)
            running[process] = txn
    spoil(rng, txns, written, is_list)
    return txns


def spoil(rng: random.Random, txns: list[Txn], written: dict[str, list[int]], is_list: bool) -> None:
    """Replace some reads by others that look alike; a register shows the last value only."""
    for txn in txns:
        if txn.kind == "ok" and txn.ended < 0:
            txn.kind = "info"
    wildness = rng.choice([0, 0.15, 0.5])
    for txn in txns:
        for step in txn.steps:
            if step[0] == "r" and rng.random() < wildness:
                step[2] = (
                    step[2][: rng.randint(0, len(step[2]))]
                    if rng.random() < 0.7
                    else other(rng, step, written)
                )
            if step[0] == "r" and not is_list:
                step[2] = step[2][-1] if step[2] else None


def other(rng: random.Random, step: list[Any], written: dict[str, list[int]]) -> list[int]:
    """Some list of values that were written to the key (or will be)."""
    values = list(written[step[1]])
    rng.shuffle(values)
    return values[: rng.randint(0, len(values))]


def history_of(txns: list[Txn]) -> History:
    """The entries in their order."""
    entries: list[tuple[int, Operation]] = []
    for txn in txns:
        blank = [[s[0], s[1], None if s[0] == "r" else s[2]] for s in txn.steps]
        entries.append((txn.begun, entry(txn.process, "invoke", blank)))
        if txn.ended >= 0:
            entries.append(
                (txn.ended, entry(txn.process, txn.kind, txn.steps if txn.kind == "ok" else blank))
            )
    entries.sort(key=lambda item: item[0])
    return History(operation for _, operation in entries)


def entry(process: int, kind: Any, value: Any) -> Operation:
    """One entry."""
    return Operation(process=process, type=kind, f="txn", value=value)


def serial(txns: list[Txn], is_list: bool, clock: bool) -> bool:
    """Brute force: does some serial order explain everything? `clock`: one that keeps real time."""
    certain = [t for t in txns if t.kind == "ok"]
    unknown = [t for t in txns if t.kind == "info"]
    return any(
        executes(order, is_list)
        for count in range(len(unknown) + 1)
        for extra in itertools.combinations(unknown, count)
        for order in itertools.permutations([*certain, *extra])
        if not clock or keeps_time(order)
    )


def keeps_time(order: tuple[Txn, ...]) -> bool:
    """Nothing comes after what began when it had ended."""
    return not any(
        later.kind == "ok" and 0 <= later.ended < earlier.begun
        for at, earlier in enumerate(order)
        for later in order[at + 1 :]
    )


def executes(order: tuple[Txn, ...], is_list: bool) -> bool:
    """Do the reads return what a serial execution returns?"""
    state: dict[str, list[int]] = {}
    for txn in order:
        for verb, key, value in txn.steps:
            now = state.setdefault(key, [])
            if verb != "r":
                now.append(value)
            elif txn.kind == "ok" and value != (now if is_list else (now[-1] if now else None)):
                return False
    return True


def judged(txns: list[Txn], is_list: bool, model: str) -> Verdict:
    """The checker's answer; registers with all assumptions that hold under the model."""
    options: dict[str, Any] = {"consistency-models": [model]}
    if is_list:
        return list_append.check(history_of(txns), options)
    return rw_register.check(history_of(txns), options | (ASSUMED if model == "strict-serializable" else {}))


def histories(seed: int, is_list: bool) -> Iterator[list[Txn]]:
    rng = random.Random(seed)
    for _ in range(CASES):
        yield small_history(rng, is_list)


@pytest.mark.parametrize("is_list", [True, False], ids=["list-append", "rw-register"])
@pytest.mark.parametrize("model", ["serializable", "strict-serializable"])
def test_what_can_be_executed_serially_is_never_called_invalid(is_list: bool, model: str) -> None:
    for txns in histories(1, is_list):
        if serial(txns, is_list, clock=model == "strict-serializable"):
            verdict = judged(txns, is_list, model)
            assert verdict.validity is not Validity.INVALID, (verdict.reason, txns)


@pytest.mark.parametrize("model", ["serializable", "strict-serializable"])
def test_lists_that_cannot_be_executed_serially_are_always_found(model: str) -> None:
    """Complete for lists up to the order of appends that nobody read; those histories are counted."""
    missed = invalid = 0
    for txns in histories(2, is_list=True):
        if not serial(txns, True, clock=model == "strict-serializable"):
            invalid += 1
            verdict = judged(txns, True, model)
            if verdict.validity is not Validity.INVALID:
                missed += 1
                assert unread(txns), (verdict.reason, txns)
    assert invalid > CASES // 20
    assert missed <= invalid // 100


def unread(txns: list[Txn]) -> bool:
    """Did two transactions append to one key what no acknowledged read shows?"""
    shown = {(s[1], v) for t in txns if t.kind == "ok" for s in t.steps if s[0] == "r" for v in s[2]}
    hidden = [
        {s[1] for s in t.steps if s[0] == "append" and (s[1], s[2]) not in shown}
        for t in txns
        if t.kind != "fail"
    ]
    return any(a & b for a, b in itertools.combinations(hidden, 2)) or any(t.kind == "info" for t in txns)


@pytest.mark.skipif(not kernel.available(), reason="numba is not installed (extra: scale)")
@pytest.mark.parametrize("is_list", [True, False], ids=["list-append", "rw-register"])
def test_both_paths_answer_the_same(is_list: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cycles, too, are searched by machine code here, which otherwise happens in large tangles only."""
    monkeypatch.setattr(tangle, "SMALL", -1)
    wanted = wanted_of({}, ())
    for txns in itertools.islice(histories(3, is_list), 300):
        columns = columns_of(history_of(txns), LIST if is_list else REGISTER)
        answers = [
            list_append.check_columns(columns, wanted, place)
            if is_list
            else rw_register.check_columns(columns, wanted, frozenset(ASSUMED), place=place)
            for place in (Plain(), Compiled())
        ]
        assert answers[0] == answers[1], txns
