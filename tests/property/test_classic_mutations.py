"""Runs of a store that is right are valid; each known damage to the same run is found by its checker."""

import random
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from checker.history import History
from checker.operation import Operation
from checker.registry import check
from checker.verdict import Validity

RUNS = 60

Entries = list[Operation]
Apply = Callable[[Any, str, Any], Any]


def run(rng: random.Random, state: Any, asks: list[tuple[str, Any]], apply: Apply) -> Entries:
    """Four processes at once; every operation takes effect at some moment between its two entries."""
    entries: Entries = []
    waiting: list[tuple[int, str, Any]] = []
    done: list[tuple[int, str, Any]] = []
    for process, (f, value) in enumerate(asks):
        entries.append(Operation(process=process, type="invoke", f=f, value=value))
        waiting.append((process, f, value))
        while waiting and (len(waiting) + len(done) == 4 or rng.random() < 0.4):
            process_, f_, value_ = waiting.pop(rng.randrange(len(waiting)))
            done.append((process_, f_, apply(state, f_, value_)))
        while done and rng.random() < 0.7:
            entries.append(_ended(*done.pop(rng.randrange(len(done)))))
    entries += [_ended(process, f, apply(state, f, value)) for process, f, value in waiting]
    return entries + [_ended(*one) for one in done]


def _ended(process: int, f: str, value: Any) -> Operation:
    return Operation(process=process, type="ok", f=f, value=value)


def set_run(rng: random.Random) -> Entries:
    asks = [("add", n) if rng.random() < 0.6 else ("read", None) for n in range(20)]

    def apply(state: set[int], f: str, value: Any) -> Any:
        if f == "add":
            state.add(value)
        return value if f == "add" else sorted(state)

    entries = run(rng, set(), [("add", 100), *asks], apply)
    final = sorted(e.value for e in entries if e.type == "ok" and e.f == "add")
    return [*entries, Operation(process=99, type="invoke", f="read"), _ended(99, "read", final)]


def queue_run(rng: random.Random) -> Entries:
    asks = [("enqueue", n) for n in range(10)]

    def apply(state: list[int], f: str, value: Any) -> Any:
        state.append(value)
        return value

    entries = run(rng, [], asks, apply)
    for process, value in enumerate(rng.sample(range(10), 10), start=100):
        entries += [Operation(process=process, type="invoke", f="dequeue"), _ended(process, "dequeue", value)]
    return entries


def counter_run(rng: random.Random) -> Entries:
    asks = [("add", rng.randint(-2, 5)) if rng.random() < 0.6 else ("read", None) for _ in range(16)]

    def apply(state: list[int], f: str, value: Any) -> Any:
        if f == "add":
            state[0] += value
        return value if f == "add" else state[0]

    entries = run(rng, [0], asks, apply)
    total = sum(e.value for e in entries if e.type == "ok" and e.f == "add")
    return [*entries, Operation(process=99, type="invoke", f="read"), _ended(99, "read", total)]


def bank_run(rng: random.Random) -> Entries:
    def apply(state: dict[str, int], f: str, value: Any) -> Any:
        if f == "read":
            return dict(state)
        amount = min(value["amount"], state[value["from"]])
        state[value["from"]] -= amount
        state[value["to"]] += amount
        return value

    asks: list[tuple[str, Any]] = [("read", None)]
    for _ in range(15):
        source, target = rng.sample("abc", 2)
        asks.append(rng.choice([("read", None), ("transfer", {"from": source, "to": target, "amount": 3})]))
    return run(rng, {"a": 10, "b": 10, "c": 10}, asks, apply)


def ids_run(rng: random.Random) -> Entries:
    fresh = iter(range(100))
    return run(rng, None, [("generate", None)] * 10, lambda state, f, value: next(fresh))


def last(entries: Entries, f: str) -> int:
    return max(at for at, entry in enumerate(entries) if entry.f == f and entry.type == "ok")


def changed(f: str, change: Callable[[Any], Any]) -> Callable[[Entries], Entries]:
    """A damage: the last success of this kind returned something else."""

    def damage(entries: Entries) -> Entries:
        at = last(entries, f)
        wrong = msgspec.structs.replace(entries[at], value=change(entries[at].value))
        return [*entries[:at], wrong, *entries[at + 1 :]]

    return damage


def lost_tail(entries: Entries) -> Entries:
    """The last dequeue, both of its entries, never happened."""
    process = entries[last(entries, "dequeue")].process
    return [entry for entry in entries if entry.process != process]


def stale(entries: Entries) -> Entries:
    """Another read, that began after all adds had ended, shows nothing; the final one shows all again."""
    read = [Operation(process=98, type="invoke", f="read"), _ended(98, "read", [])]
    return [*entries[:-2], *read, *entries[-2:]]


STRICT = {"linearizable?": True}
MONEY = {"total-amount": 30}

RIGHT: dict[str, tuple[Callable[[random.Random], Entries], dict[str, Any]]] = {
    "set": (set_run, {}),
    "set-full": (set_run, STRICT),
    "queue": (queue_run, {}),
    "total-queue": (queue_run, {}),
    "counter": (counter_run, {}),
    "bank": (bank_run, MONEY),
    "unique-ids": (ids_run, {}),
}

DAMAGES = [
    ("set", "drop", changed("read", lambda shown: shown[1:])),
    ("set", "phantom", changed("read", lambda shown: [*shown, 999])),
    ("set", "duplicate", changed("read", lambda shown: [*shown, shown[0]])),
    ("set-full", "drop", changed("read", lambda shown: shown[1:])),
    ("set-full", "stale", stale),
    ("set-full", "phantom", changed("read", lambda shown: [*shown, 999])),
    ("set-full", "duplicate", changed("read", lambda shown: [*shown, shown[0]])),
    ("queue", "phantom", changed("dequeue", lambda value: 999)),
    ("queue", "twice", changed("dequeue", lambda value: (value + 1) % 10)),
    ("total-queue", "lost tail", lost_tail),
    ("total-queue", "phantom", changed("dequeue", lambda value: 999)),
    ("total-queue", "swapped", changed("dequeue", lambda value: (value + 1) % 10)),
    ("counter", "more", changed("read", lambda value: value + 1)),
    ("counter", "less", changed("read", lambda value: value - 1)),
    ("bank", "half a transfer", changed("read", lambda balances: balances | {"a": balances["a"] + 3})),
    ("bank", "overdraft", changed("read", lambda b: b | {"a": -1, "b": b["a"] + b["b"] + 1})),
    ("bank", "stranger", changed("read", lambda balances: balances | {"z": 0})),
    ("unique-ids", "twice", changed("generate", lambda value: (value + 1) % 10)),
]


def judged(name: str, entries: Entries) -> Validity:
    return check(History(entries), name, RIGHT[name][1]).validity


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right_is_valid(name: str) -> None:
    for seed in range(RUNS):
        entries = RIGHT[name][0](random.Random(seed))
        assert judged(name, entries) is Validity.VALID, entries


@pytest.mark.parametrize(
    ("name", "what", "damage"), DAMAGES, ids=lambda value: value if isinstance(value, str) else ""
)
def test_what_is_damaged_is_found(name: str, what: str, damage: Callable[[Entries], Entries]) -> None:
    for seed in range(RUNS):
        entries = damage(RIGHT[name][0](random.Random(seed)))
        assert judged(name, entries) is Validity.INVALID, entries
