"""The answer of a checker: valid, unknown or invalid, with the reasons.

Verdicts form a lattice: a composition is as bad as its worst part (invalid > unknown > valid), so a
checker that crashed or ran out of budget can never turn into a pass.
"""

import enum
from collections.abc import Iterable
from typing import Any

import msgspec


class Unfit(ValueError):
    """The history, or a user's model, does not fit the check. The text says how; the verdict is unknown."""


class Validity(enum.IntEnum):
    """How a check ended. The order is the lattice: the worst is the largest."""

    VALID = 0
    UNKNOWN = 1
    INVALID = 2

    def as_json(self) -> bool | str:
        """The value in `--json` output: true, "unknown" or false."""
        return "unknown" if self is Validity.UNKNOWN else self is Validity.VALID


class Anomaly(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """One thing that went wrong (or that is odd but allowed).

    `type` is a kebab-case name (`lost-write`), `sentence` what happened in words a newcomer follows,
    `operations` the indexes in the history of the entries that prove it, `time` when it showed (ns).
    """

    type: str
    sentence: str
    operations: tuple[int, ...] = ()
    key: str | None = None
    time: int | None = None


class Verdict(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """What one checker found. `reason` says in a sentence why; `stats` holds measured figures.

    `allowed` counts what the mode permits but a user wants to know (stale reads, removed cart items
    that resurfaced): type -> count.
    """

    validity: Validity
    reason: str = ""
    anomalies: tuple[Anomaly, ...] = ()
    allowed: dict[str, int] = {}
    stats: dict[str, Any] = {}


def worst(validities: Iterable[Validity]) -> Validity:
    """The verdict of a composition; valid when there is nothing to compose."""
    return max(validities, default=Validity.VALID)
