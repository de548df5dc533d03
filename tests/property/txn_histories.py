"""Small random histories of transactions: real executions, with (often) some reads replaced by others."""

import random
from typing import Any

from checker.history import History
from checker.operation import Operation
from tests.property.txn_oracle import Txn


def small_history(rng: random.Random, is_list: bool) -> list[Txn]:
    """Up to 5 transactions of up to 3 clients, on one or two keys."""
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
    """Some list of values that were written to the key (or will be); seldom one that never was, or twice."""
    values = list(written[step[1]])
    rng.shuffle(values)
    if rng.random() < 0.05:
        values.append(rng.choice([99, *values]))
    return values[: rng.randint(0, len(values))]


def repeat(rng: random.Random, txns: list[Txn]) -> None:
    """Write one value twice."""
    steps = [step for txn in txns for step in txn.steps if step[0] != "r"]
    if len(steps) > 1:
        one, two = rng.sample(steps, 2)
        one[1:] = two[1:]


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


def entry(process: Any, kind: Any, value: Any) -> Operation:
    """One entry."""
    return Operation(process=process, type=kind, f="txn", value=value)
