"""What a user of the transaction checkers may ask for."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from checker.txn import models

DEFAULT_MODELS = ("strict-serializable",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """`bad` are the anomalies that make a history invalid; `levels` which orders they need (`cycles.py`)."""

    models: tuple[str, ...]
    anomalies: tuple[str, ...] = ()
    bad: frozenset[str] = field(default_factory=frozenset)

    @property
    def levels(self) -> int:
        """1: dependencies are enough; 2: the order of each client is needed; 3: that of the clock, too."""
        if any(name.endswith("-realtime") for name in self.bad):
            return 3
        return 2 if any(name.endswith("-process") for name in self.bad) else 1


def wanted_of(options: dict[str, Any], known: Sequence[str]) -> Wanted:
    """Read the options that all transaction checkers share. Raises ValueError for unknown names."""
    for name in options:
        if name not in known:
            raise ValueError(f"this checker has no option {name!r}; it has {', '.join(known)}")
    chosen = _names(options.get("consistency-models", list(DEFAULT_MODELS)), "consistency-models")
    extra = _names(options.get("anomalies", []), "anomalies")
    canonical = tuple(models.model_named(name) for name in chosen)
    return Wanted(models=canonical, anomalies=extra, bad=models.unwanted(canonical, extra))


def _names(value: Any, option: str) -> tuple[str, ...]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"the option {option!r} is a list of names, not {value!r}")
    return tuple(names)
