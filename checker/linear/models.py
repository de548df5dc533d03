"""The models: what one operation may return in a state, and the state after it.

A model is any object with `init` (the first state) and `step(state, call) -> (ok, next state)`; a state must
be hashable.  Optional are `observes(call)` (it never changes the state: the search then takes it as soon as
it fits), `keeps(call)` (False: the call says nothing and is left out) and `partition(calls)` (lists of calls
that do not affect each other, each judged alone: linearizability is local, Herlihy and Wing 1990).

A user's own model needs `init` and `step` only; `load` reads it from `path.py:Name`.  Its class may take the
option `init` as its one argument.

Failed operations had no effect and are left out.  The exception is a compare-and-set with the option
`failed-cas` = "observe": then a failure says that the value was not the expected one (Porcupine's reading;
right where a failure is always the store's answer).  The default "ignore" is Knossos' reading, since a client
may also report a failure because it never reached the store.
"""

from collections.abc import Hashable, Iterable
from typing import Any, Protocol

from checker.linear.call import Call, freeze
from checker.verdict import Unfit

State = Hashable
Step = tuple[bool, State]


class Model(Protocol):
    """What the checker needs of a model."""

    init: Any
    noun: str

    def step(self, state: Any, call: Call) -> Step:
        """May `call` happen in `state`, and the state after it."""
        ...

    def observes(self, call: Call) -> bool:
        """Does `call` leave every state as it is?"""
        ...

    def keeps(self, call: Call) -> bool:
        """Does `call` say anything at all?"""
        ...

    def partition(self, calls: list[Call]) -> Iterable[tuple[Any, list[Call]]]:
        """Groups that do not affect each other, each with its key (None: no key)."""
        ...


class _Model:
    """What models have in common: reads observe, failed and unanswered observations say nothing."""

    init: Any
    noun = "state"
    reads: frozenset[str] = frozenset({"read"})
    functions: frozenset[str] = frozenset()

    def observes(self, call: Call) -> bool:
        return call.f in self.reads

    def keeps(self, call: Call) -> bool:
        if call.f not in self.functions | self.reads:
            known = ", ".join(sorted(self.functions | self.reads))
            raise Unfit(f"entry {call.entries[0]}: this model has no operation {call.f!r}; it has {known}")
        return call.outcome != "fail" and not (call.crashed and self.observes(call))

    def partition(self, calls: list[Call]) -> Iterable[tuple[Any, list[Call]]]:
        groups: dict[Any, list[Call]] = {}
        for call in calls:
            groups.setdefault(call.key, []).append(call)
        return groups.items()


class Register(_Model):
    """`write` v, `read` -> v.

    A read of nil means that the register was empty if it is empty at first (init nil, the default). If not,
    nil is no value of it: the client did not learn what it read (Knossos' reading), and the read says
    nothing.
    """

    noun = "register"
    functions = frozenset({"write"})

    def __init__(self, init: Any = None) -> None:
        self.init = freeze(init)

    def step(self, state: State, call: Call) -> Step:
        if call.f == "write":
            return True, freeze(call.value)
        return state == freeze(call.result), state

    def keeps(self, call: Call) -> bool:
        unanswered = call.f == "read" and call.result is None and self.init is not None
        return super().keeps(call) and not unanswered


class CasRegister(Register):
    """A register with `cas` [from, to], which succeeds if and only if the value is `from`."""

    functions = frozenset({"write", "cas"})

    def __init__(self, init: Any = None, failed_cas: str = "ignore") -> None:
        super().__init__(init)
        self._observe = failed_cas == "observe"

    def step(self, state: State, call: Call) -> Step:
        if call.f != "cas":
            return super().step(state, call)
        expected, new = call.value
        if call.outcome == "fail":
            return state != freeze(expected), state
        return state == freeze(expected), freeze(new)

    def observes(self, call: Call) -> bool:
        return call.f == "read" or (call.f == "cas" and call.outcome == "fail")

    def keeps(self, call: Call) -> bool:
        if call.f == "cas" and call.outcome == "fail":
            return self._observe
        return super().keeps(call)


class Mutex(_Model):
    """`acquire` when free, `release` when held. Who holds it is not looked at, as in Knossos."""

    noun = "lock"
    functions = frozenset({"acquire", "release"})
    reads = frozenset()
    HELD, FREE = (True, "held", "locked"), (False, "free", "unlocked")

    def __init__(self, init: Any = None) -> None:
        if init not in (None, *self.HELD, *self.FREE):
            raise ValueError(f"the init of a mutex is free or held, not {init!r}")
        self.init = "held" if init in self.HELD else "free"

    def step(self, state: State, call: Call) -> Step:
        wanted, after = ("free", "held") if call.f == "acquire" else ("held", "free")
        return state == wanted, after


class KeyValue(_Model):
    """Per key: `put` v, `append` v, `get` -> v; strings, at first empty. The key is the operation's `key`."""

    noun = "value"
    functions = frozenset({"put", "append"})
    reads = frozenset({"get"})

    def __init__(self, init: Any = None) -> None:
        self.init = "" if init is None else freeze(init)

    def step(self, state: Any, call: Call) -> Step:
        match call.f:
            case "put":
                return True, freeze(call.value)
            case "append":
                return True, state + call.value
            case _:
                return state == freeze(call.result), state


class MultiRegister(_Model):
    """Several registers; a `txn` is a list of [read k v] and [write k v] that happens at one point.

    A read of nil is taken as in a register: of no consequence where the register has a value from the start.
    """

    noun = "registers"
    functions = frozenset({"txn"})
    reads = frozenset({"read"})

    def __init__(self, init: Any = None) -> None:
        self.init = tuple(sorted(((freeze(k), freeze(v)) for k, v in (init or {}).items()), key=repr))

    def step(self, state: Any, call: Call) -> Step:
        values = dict(state)
        for kind, key, value in self._steps(call):
            if kind in ("write", "w"):
                values[freeze(key)] = freeze(value)
            elif not call.crashed and not self._fits(freeze(key), values, value):
                return False, state
        return True, tuple(sorted(values.items(), key=repr))

    def _fits(self, key: Any, values: dict[Any, Any], seen: Any) -> bool:
        unanswered = seen is None and dict(self.init).get(key) is not None
        return unanswered or bool(values.get(key) == freeze(seen))

    def observes(self, call: Call) -> bool:
        return all(kind in ("read", "r") for kind, _, _ in self._steps(call))

    def _steps(self, call: Call) -> list[list[Any]]:
        steps: list[list[Any]] = call.value if call.crashed or call.result is None else call.result
        return steps

    def partition(self, calls: list[Call]) -> Iterable[tuple[Any, list[Call]]]:
        return [(None, calls)]


class FifoQueue(_Model):
    """`enqueue` v, `dequeue` -> the oldest value, or nil from an empty queue."""

    noun = "queue"
    functions = frozenset({"enqueue", "dequeue"})
    reads = frozenset()

    def __init__(self, init: Any = None) -> None:
        self.init = tuple(freeze(item) for item in init or ())

    def step(self, state: Any, call: Call) -> Step:
        if call.f == "enqueue":
            return True, (*state, freeze(call.value))
        if call.crashed:
            return True, state[1:]
        if call.result is None:
            return not state, state
        return bool(state) and state[0] == freeze(call.result), state[1:]


class GrowingSet(_Model):
    """`add` x, `remove` x, `contains` x -> [x, true or false], `read` -> every element."""

    noun = "set"
    functions = frozenset({"add", "remove"})
    reads = frozenset({"read", "contains"})

    def __init__(self, init: Any = None) -> None:
        self.init = frozenset(freeze(item) for item in init or ())

    def step(self, state: Any, call: Call) -> Step:
        match call.f:
            case "add":
                return True, state | {freeze(call.value)}
            case "remove":
                return True, state - {freeze(call.value)}
            case "contains":
                element, present = call.result
                return (freeze(element) in state) == present, state
            case _:
                return state == frozenset(freeze(item) for item in call.result), state


class Counter(_Model):
    """`add` n (n may be negative), `read` -> the sum. The init is a number."""

    noun = "counter"
    functions = frozenset({"add"})

    def __init__(self, init: Any = None) -> None:
        self.init = init or 0

    def step(self, state: Any, call: Call) -> Step:
        if call.f == "add":
            return True, state + call.value
        return state == call.result, state


MODELS: dict[str, type[Any]] = {
    "register": Register,
    "cas-register": CasRegister,
    "multi-register": MultiRegister,
    "mutex": Mutex,
    "kv": KeyValue,
    "fifo-queue": FifoQueue,
    "set": GrowingSet,
    "counter": Counter,
}


def load(name: str, init: Any, failed_cas: str) -> Model:
    """The model of that name, or the one that `path.py:Name` defines. Raises ValueError."""
    if name == "cas-register":
        return CasRegister(init, failed_cas)
    if name in MODELS:
        model: Model = MODELS[name](init)
        return model
    from checker.linear import custom  # Which needs this module.

    found: Model = custom.load(name, MODELS, init)
    return found
