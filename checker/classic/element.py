"""Elements of sets and queues: which two are the same one, and how one is written in a sentence.

Values in a history may be lists and maps, which Python cannot hash, and Python takes `True` and `1.0` for
`1`, which no store does.  `identity` gives every value a key that is equal exactly for equal values.
"""

from collections.abc import Hashable, Iterable
from typing import Any

import msgspec

from checker.wording import listed

SHOWN_MAX = 48
"""Characters of one value in a sentence."""


def identity(value: Any) -> Hashable:
    """A key for sets and dicts. Integers and strings, the usual case, are their own keys."""
    kind = type(value)
    if kind is int or kind is str:
        return value  # type: ignore[no-any-return]
    if isinstance(value, (list, tuple)):
        return ("list", tuple(map(identity, value)))
    if isinstance(value, dict):
        return ("map", frozenset((identity(key), identity(inner)) for key, inner in value.items()))
    if isinstance(value, (set, frozenset)):
        return ("set", frozenset(map(identity, value)))
    return (kind.__name__, value)


def shown(value: Any) -> str:
    """The value as JSON, cut in the middle when it is long."""
    try:
        text = msgspec.json.encode(value).decode()
    except (TypeError, ValueError):
        text = repr(value)
    half = SHOWN_MAX // 2
    return text if len(text) <= SHOWN_MAX else f"{text[:half]}...{text[-half:]}"


def times(count: int) -> str:
    """`twice`, `3 times`: a figure after an element that may be a number itself is hard to read."""
    return "twice" if count == 2 else f"{count} times"


def several(values: Iterable[Any]) -> str:
    """Values in a sentence: `1, 2 and 3`; long lists are cut."""
    return listed(shown(value) for value in values)
