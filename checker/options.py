"""What a user may set in a checker, and what is said to somebody who mistyped it."""

from collections.abc import Iterable
from typing import Any


class OptionError(ValueError):
    """An option that a checker does not know, or a value that it cannot use. Never turned into a verdict."""


def only(options: dict[str, Any], checker: str, known: Iterable[str] = ()) -> None:
    """Refuse options outside `known`. Raises OptionError, which names those that there are."""
    names = tuple(known)
    for name in options:
        if name not in names:
            there_are = f"it knows {', '.join(names)}" if names else "it takes none"
            raise OptionError(f"{checker} has no option {name!r}; {there_are}")


def flag(options: dict[str, Any], name: str, otherwise: bool = False) -> bool:
    """An option that is true or false. Raises OptionError."""
    value = options.get(name, otherwise)
    if not isinstance(value, bool):
        raise OptionError(f"option {name} is {value!r}; expected true or false")
    return value
