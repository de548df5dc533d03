"""Runs of stores that are right, to be damaged in known ways (`test_mutations.py`).

A run has a body, in which four clients are at work at once and every operation takes effect at some moment
between its two entries, and a tail of single operations, one after the other, which the damages are done to.
"""

import random
from collections.abc import Callable
from typing import Any, NamedTuple

from checker.operation import Operation

Entries = list[Operation]
Apply = Callable[[Any, str, Any], Any]
"""Carries an operation out on the state, which it changes, and gives the answer: (state, f, value)."""


class Call(NamedTuple):
    """An operation of the tail: who, what, with which argument, and the answer."""

    process: int
    f: str
    value: Any
    answer: Any = None


class Family(NamedTuple):
    """A kind of store: its first state, what it does, what the body asks at random, and the tail."""

    state: Callable[[], Any]
    apply: Apply
    body: Callable[[random.Random, int], tuple[str, Any]]
    tail: list[Call]


class Run(NamedTuple):
    """The entries of the body, and the tail."""

    body: Entries
    tail: list[Call]

    def entries(self) -> Entries:
        """The whole history; times are a millisecond apart."""
        return [*self.body, *(entry for call in self.tail for entry in _both(call))]


def right_run(family: Family, rng: random.Random, asks: int = 16) -> Run:
    """A run of this store."""
    state = family.state()
    body = concurrent(rng, state, [family.body(rng, n) for n in range(asks)], family.apply)
    answered = [call._replace(answer=family.apply(state, call.f, call.value)) for call in family.tail]
    return Run(body, answered)


def concurrent(rng: random.Random, state: Any, asks: list[tuple[str, Any]], apply: Apply) -> Entries:
    """Up to four processes at once."""
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


def _both(call: Call) -> Entries:
    return [
        Operation(process=call.process, type="invoke", f=call.f, value=call.value),
        _ended(call.process, call.f, call.answer),
    ]


# --- what stores do --------------------------------------------------------------------------------


def register(state: list[Any], f: str, value: Any) -> Any:
    if f == "write":
        state[0] = value
    elif f == "cas":
        assert state[0] == value[0]
        state[0] = value[1]
    return state[0] if f == "read" else value


def registers(state: dict[str, Any], f: str, value: Any) -> Any:
    """Transactions of reads and writes, appends too, spelled in any way."""
    done = []
    for verb, key, argument in value:
        if verb in ("r", "read"):
            held = state.get(key)
            done.append([verb, key, list(held) if isinstance(held, list) else held])
            continue
        state[key] = [*(state.get(key) or []), argument] if verb == "append" else argument
        done.append([verb, key, argument])
    return done


def lock(state: list[Any], f: str, value: Any) -> Any:
    return value


def texts(state: dict[str, str], f: str, value: Any) -> Any:
    if f == "get":
        return state.get("k", "")
    state["k"] = (state.get("k", "") if f == "append" else "") + value
    return value


def queue(state: list[Any], f: str, value: Any) -> Any:
    if f == "enqueue":
        state.append(value)
        return value
    return state.pop(0) if state else None


def elements(state: list[int], f: str, value: Any) -> Any:
    """A set, or the log of all writes: `add` or `write`, and `read` of everything."""
    if f in ("add", "write"):
        state.append(value)
        return value
    return sorted(state)


def total(state: list[int], f: str, value: Any) -> Any:
    if f == "add":
        state[0] += value
    return state[0] if f == "read" else value


def accounts(state: dict[str, int], f: str, value: Any) -> Any:
    if f == "read":
        return dict(state)
    amount = min(value["amount"], state[value["from"]])
    state[value["from"]] -= amount
    state[value["to"]] += amount
    return value


def fresh_ids(state: list[int], f: str, value: Any) -> Any:
    state[0] += 1
    return state[0]


# --- families --------------------------------------------------------------------------------------


def _one_of(*asks: Callable[[random.Random, int], tuple[str, Any]]) -> Any:
    return lambda rng, n: rng.choice(asks)(rng, n)


def _read(rng: random.Random, n: int) -> tuple[str, Any]:
    return "read", None


def _steps(rng: random.Random, n: int, write: str, read: str) -> tuple[str, Any]:
    """A transaction of one or two steps on keys of the body; values are written once. The first looks at the
    keys of the tail, so that it is known that these were empty."""
    if n == 0:
        return "txn", [[read, "x", None], [read, "y", None]]
    steps: list[Any] = []
    for part, key in enumerate(rng.sample("abc", rng.randint(1, 2))):
        steps.append([read, key, None] if rng.random() < 0.5 else [write, key, 10 * n + part + 1])
    return "txn", steps


def transactions(write: str, read: str, tail: list[Call]) -> Family:
    """Serial transactions."""
    return Family(dict, registers, lambda rng, n: _steps(rng, n, write, read), tail)


def _transfer(source: str, target: str, amount: int) -> dict[str, Any]:
    return {"from": source, "to": target, "amount": amount}


def _pair_of_keys(rng: random.Random, n: int) -> tuple[str, Any]:
    """A write of a key of its own, or a look at two neighbours."""
    written, read = [["w", n, 1]], [["r", n // 4, None], ["r", n // 4 + 1, None]]
    return "txn", rng.choice([written, read])


def _txn(process: int, *steps: list[Any]) -> Call:
    return Call(process, "txn", list(steps))


W1, W2, R1, R2, R3 = 200, 201, 202, 203, 204
"""Processes of the tail: two that write, three that read."""

REGISTER = Family(
    lambda: [None],
    register,
    _one_of(lambda rng, n: ("write", n), _read),
    [
        Call(W1, "write", 101), Call(R1, "read", None), Call(W2, "write", 102), Call(R1, "read", None),
        Call(R2, "read", None), Call(W1, "write", 103), Call(R2, "read", None),
    ],
)  # fmt: skip
CAS = REGISTER._replace(
    tail=[
        Call(W1, "write", 101), Call(R1, "read", None), Call(W2, "cas", [101, 102]), Call(R1, "read", None),
        Call(R2, "read", None), Call(W1, "cas", [102, 103]), Call(R2, "read", None),
    ],
)  # fmt: skip
MULTI = transactions(
    "write",
    "read",
    [
        _txn(W1, ["write", "x", 101], ["write", "y", 101]), _txn(R1, ["read", "x", None]),
        _txn(W2, ["write", "x", 102]), _txn(R1, ["read", "x", None], ["read", "y", None]),
        _txn(R2, ["read", "x", None]), _txn(W1, ["write", "x", 103]), _txn(R2, ["read", "x", None]),
    ],
)  # fmt: skip
LOCK = Family(
    lambda: [],
    lock,
    lambda rng, n: ("acquire", None),
    [Call(W1, "acquire", None), Call(W1, "release", None)] * 2
    + [Call(W2, "acquire", None), Call(W2, "release", None)],
)
TEXTS = Family(
    dict,
    texts,
    lambda rng, n: rng.choice([("append", f"{n},"), ("put", f"{n};"), ("get", None)]),
    [
        Call(W1, "put", "a"), Call(R1, "get", None), Call(W2, "append", "b"), Call(R1, "get", None),
        Call(R2, "get", None), Call(W1, "append", "c"), Call(R2, "get", None),
    ],
)  # fmt: skip
QUEUE = Family(
    list,
    queue,
    lambda rng, n: ("enqueue", n),
    [Call(W1, "enqueue", n) for n in (101, 102, 103)] + [Call(R1, "dequeue", None) for _ in range(19)],
)
"""The tail takes out what the body put in, then its own three."""
FIFO = QUEUE._replace(body=_one_of(QUEUE.body, lambda rng, n: ("dequeue", None)))
"""Some are taken out in the body, so that the last dequeues find the queue empty."""
SET = Family(
    list,
    elements,
    _one_of(lambda rng, n: ("add", n), _read),
    [
        Call(W1, "add", 101), Call(R1, "read", None), Call(W2, "add", 102), Call(R1, "read", None),
        Call(R2, "read", None), Call(W1, "add", 103), Call(R2, "read", None),
    ],
)  # fmt: skip
LOG = SET._replace(
    body=_one_of(lambda rng, n: ("write", n), _read),
    tail=[call._replace(f="write") if call.f == "add" else call for call in SET.tail],
)
COUNTER = Family(
    lambda: [0],
    total,
    _one_of(lambda rng, n: ("add", rng.randint(-2, 5)), _read),
    [
        Call(W1, "add", 7), Call(R1, "read", None), Call(W2, "add", 5), Call(R1, "read", None),
        Call(R2, "read", None), Call(W1, "add", 3), Call(R2, "read", None),
    ],
)  # fmt: skip
BANK = Family(
    lambda: {"a": 10, "b": 10, "c": 10},
    accounts,
    _one_of(lambda rng, n: ("transfer", _transfer("abc"[n % 3], "cab"[n % 3], 3)), _read),
    [
        Call(W1, "transfer", _transfer("a", "b", 1)), Call(R1, "read", None),
        Call(W2, "transfer", _transfer("b", "c", 1)), Call(R1, "read", None), Call(R2, "read", None),
        Call(W1, "transfer", _transfer("c", "a", 1)), Call(R2, "read", None),
    ],
)  # fmt: skip
IDS = Family(
    lambda: [0],
    fresh_ids,
    lambda rng, n: ("generate", None),
    [Call(process, "generate", None) for process in (W1, R1, W2, R1, R2, W1, R2)],
)
FORK = Family(
    dict,
    registers,
    _pair_of_keys,
    [
        _txn(W1, ["w", 101, 1]), _txn(R1, ["r", 101, None], ["r", 102, None]), _txn(W2, ["w", 102, 1]),
        _txn(R1, ["r", 101, None], ["r", 102, None]), _txn(R2, ["r", 101, None], ["r", 102, None]),
    ],
)  # fmt: skip
LISTS = transactions(
    "append",
    "r",
    [
        _txn(W1, ["append", "x", 101]), _txn(R1, ["r", "x", None]), _txn(W2, ["append", "x", 102]),
        _txn(R1, ["r", "x", None]), _txn(R2, ["r", "x", None]), _txn(W1, ["append", "x", 103]),
        _txn(R2, ["r", "x", None]),
    ],
)  # fmt: skip
PAIRS = transactions(
    "w",
    "r",
    [
        _txn(W1, ["w", "x", 101], ["w", "y", 101]),
        _txn(R1, ["r", "x", None], ["r", "y", None]),
        _txn(W1, ["r", "x", None], ["w", "x", 102]),
        _txn(R1, ["r", "x", None], ["r", "y", None]),
        _txn(R2, ["r", "x", None]),
        _txn(W1, ["w", "y", 103]),
        _txn(W1, ["r", "x", None], ["r", "y", None]),
        _txn(R2, ["r", "x", None], ["r", "y", None]),
        _txn(W2, ["r", "x", None], ["w", "z", 201]),
        _txn(R3, ["r", "z", None], ["r", "x", None]),
        _txn(W2, ["r", "y", None], ["w", "x", 301], ["w", "y", 301]),
        _txn(R3, ["r", "x", None], ["r", "y", None]),
        _txn(W2, ["r", "x", None]),
    ],
)
"""Sessions: W1 and W2 write x, y and z, and look at what they wrote; R1, R2 and R3 only look."""
