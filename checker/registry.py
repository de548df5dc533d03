"""All checkers by name, and the one way to run them.

A checker is a pure function of a history and options.  Whatever happens inside one, its verdict can only
get worse by it: an exception is `unknown` with the reason, and a history that no working harness can have
recorded is never `valid`.
"""

import traceback
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from checker import availability, causal, convergence, lost_writes, siblings
from checker.history import History
from checker.verdict import Validity, Verdict

Checker = Callable[[History, dict[str, Any]], Verdict]

CHECKERS: Mapping[str, Checker] = MappingProxyType(
    {
        "causal": causal.check,
        "lost-writes": lost_writes.check,
        "siblings": siblings.check,
        "convergence": convergence.check,
        "availability": availability.check,
    }
)


class UnknownChecker(ValueError):
    """There is no checker of that name. The message lists those that there are."""


def check(history: History, name: str, options: dict[str, Any] | None = None) -> Verdict:
    """Run one checker. Raises UnknownChecker; nothing that happens inside a checker is raised."""
    if name not in CHECKERS:
        raise UnknownChecker(f"no checker is called {name!r}; there are {', '.join(CHECKERS)}")
    return guarded(CHECKERS[name], history, options or {})


def guarded(checker: Checker, history: History, options: dict[str, Any]) -> Verdict:
    """The checker's verdict, `unknown` where it crashed or where the history itself is doubtful."""
    try:
        verdict = checker(history, options)
    except Exception as error:
        verdict = Verdict(validity=Validity.UNKNOWN, reason=f"the checker crashed: {_told(error)}")
    if not history.problems:
        return verdict
    more = f" (and {len(history.problems) - 1} more)" if len(history.problems) > 1 else ""
    doubt = f"the history cannot have happened as recorded: {history.problems[0]}{more}"
    validity = max(verdict.validity, Validity.UNKNOWN)
    return msgspec.structs.replace(
        verdict, validity=validity, reason=f"{verdict.reason}; {doubt}".lstrip("; ")
    )


def _told(error: Exception) -> str:
    """The error and the line that it came from, which is what its author needs first."""
    where = traceback.extract_tb(error.__traceback__)[-1]
    name = where.filename.rsplit("/", 1)[-1]
    return f"{type(error).__name__}: {error} ({name}, line {where.lineno}, in {where.name})"
