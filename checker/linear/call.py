"""A call: one client operation as a linearizability checker sees it, an interval and what it did.

Two calls are concurrent unless one ended before the other began, and the only clock for that is the order of
the history's entries.  An `ok` call took effect at one point within its closed interval.  An `info` call (the
client never learned) has no end: it may take effect at any time after its invocation, or never.  A `fail`
call certainly took no effect and is left out, unless its failure is itself an observation (`models.py`).

A completion without an invocation began at an unknown time: it is taken to have begun before everything.
"""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from checker.history import Pair
from checker.operation import Operation

FOREVER = 1 << 62
"""The end of a call whose outcome is unknown."""


class Call(msgspec.Struct, kw_only=True, frozen=True):
    """One operation. A user's model is given these.

    `value` is the argument of the invocation, `result` the value of the completion (None when there is none),
    `outcome` "ok", "fail" or "info"; `start` and `end` are positions in the history (`end` FOREVER when the
    outcome is unknown); `entries` are the indexes of the history's entries.
    """

    f: str
    value: Any
    result: Any
    outcome: str
    process: int | str
    key: Any
    start: int
    end: int
    entries: tuple[int, ...]

    @property
    def crashed(self) -> bool:
        """Is it unknown whether, and when, it took effect?"""
        return self.end == FOREVER


def calls_of(pairs: Iterable[Pair], independent: bool, keeps: Callable[[Call], bool]) -> list[Call]:
    """The calls that `keeps` accepts, in order of invocation.

    With `independent` every value is a tuple `[key, value]` and is taken apart, unless the reader of the file
    has done so and the operation has a key. Raises ValueError, naming the entry, where a value is no such
    tuple.
    """
    made = (_call(pair, independent) for pair in pairs)
    return sorted((call for call in made if keeps(call)), key=lambda call: call.start)


def _call(pair: Pair, independent: bool) -> Call:
    invocation, completion = pair
    outcome = completion.type if completion is not None else "info"
    value, result, key = (
        invocation.value,
        completion.value if completion is not None else None,
        invocation.key,
    )
    if independent and key is None:
        key, value = _split(invocation)
        result = _split(completion)[1] if completion is not None else None
    alone = completion is invocation
    entries = (invocation.index,) if completion is None or alone else (invocation.index, completion.index)
    ended = completion is not None and outcome != "info"
    return Call(
        f=invocation.f,
        value=value,
        result=result,
        outcome=outcome,
        process=invocation.process,
        key=freeze(key),
        start=-1 if alone else invocation.index,
        end=completion.index if ended and completion is not None else FOREVER,
        entries=entries,
    )


def _split(operation: Operation) -> tuple[Any, Any]:
    match operation.value:
        case [key, value]:
            return key, value
    raise ValueError(
        f"entry {operation.index}: with the option independent every value is [key, value], "
        f"but this {operation.f} has {operation.value!r}"
    )


def freeze(value: Any) -> Any:
    """An equal value that can be a dictionary's key: lists become tuples, maps sorted tuples of pairs.

    Numbers and booleans keep their kind: 1 and true are different values of a register.
    """
    match value:
        case bool():
            return ("boolean", value)
        case list() | tuple():
            return tuple(freeze(item) for item in value)
        case dict():
            items: Iterable[tuple[Any, Any]] = value.items()
            return ("map", *sorted(((freeze(k), freeze(v)) for k, v in items), key=repr))
        case set() | frozenset():
            return ("set", *sorted((freeze(item) for item in value), key=repr))
        case _:
            return value


def thaw(value: Any) -> Any:
    """What `freeze` made, as it was before (sets and maps as lists), for people and for JSON."""
    match value:
        case ("boolean", bool() as plain):
            return plain
        case ("map", *items):
            return [thaw(item) for item in items]
        case ("set", *items):
            return [thaw(item) for item in items]
        case tuple():
            return [thaw(item) for item in value]
        case frozenset():
            return sorted((thaw(item) for item in value), key=repr)
        case _:
            return value
