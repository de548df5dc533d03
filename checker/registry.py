"""All checkers by name, and the one way to run them.

A checker is a pure function of a history and options.  Whatever happens inside one, its verdict can only
get worse by it: an exception is `unknown` with the reason, and a history that no working harness can have
recorded is never `valid`.

The table names modules and loads them when they are used: a small history is judged in a fraction of the
time that importing every checker takes.
"""

import functools
import importlib
import re
import traceback
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from checker import by_key
from checker.history import History
from checker.options import OptionError
from checker.verdict import Unfit, Validity, Verdict

Checker = Callable[[History, dict[str, Any]], Verdict]

OWN = {
    "causal": "checker.causal:check",
    "lost-writes": "checker.lost_writes:check",
    "siblings": "checker.siblings:check",
    "convergence": "checker.convergence:check",
    "availability": "checker.availability:check",
    "freshness": "checker.freshness:check",
    "staleness": "checker.staleness:check",
    "monotonicity": "checker.monotonicity:check",
    "tombstones": "checker.tombstones:check",
}
"""Checkers of histories that this harness recorded, with ids of versions read and written."""

ANY_TOOL = {
    "linearizable": "checker.linear.checker:check",
    "list-append": "checker.txn.list_append:check",
    "rw-register": "checker.txn.rw_register:check",
    "read-committed": "checker.isolation.levels:read_committed",
    "read-atomic": "checker.isolation.levels:read_atomic",
    "causal-consistency": "checker.isolation.levels:causal_consistency",
    "pram": "checker.isolation.levels:pram",
    "read-your-writes": "checker.isolation.levels:read_your_writes",
    "monotonic-reads": "checker.isolation.levels:monotonic_reads",
    "monotonic-writes": "checker.isolation.levels:monotonic_writes",
    "writes-follow-reads": "checker.isolation.levels:writes_follow_reads",
    "snapshot-isolation": "checker.isolation.levels:snapshot_isolation",
    "serializable": "checker.isolation.levels:serializable",
    "set": "checker.classic.set_adds:check",
    "set-full": "checker.classic.set_full:check",
    "counter": "checker.classic.counter:check",
    "queue": "checker.classic.queues:check_queue",
    "total-queue": "checker.classic.queues:check_total_queue",
    "unique-ids": "checker.classic.unique_ids:check",
    "bank": "checker.classic.bank:check",
    "long-fork": "checker.classic.long_fork:check",
    "causal-reverse": "checker.classic.causal_reverse:check",
    "stats": "checker.classic.stats:check",
}
"""Checkers of histories of any tool. A completion without its invocation is a transcript, not a defect."""

HARMLESS = re.compile(r"which it had not invoked$|its time \d+ is before")

MODELS = ("register", "cas-register", "multi-register", "mutex", "fifo-queue", "kv")
"""Names that mean `linearizable` with the model of that name."""

ONE_OBJECT = frozenset(
    {
        "set",
        "set-full",
        "counter",
        "queue",
        "total-queue",
        "unique-ids",
        "bank",
        "long-fork",
        "causal-reverse",
    }
)
"""Checkers that know a single object; where entries have keys, each key is one (`by_key.py`)."""

UNTESTED = "no client did anything, so nothing was tested"

FLAGS = frozenset(
    {"linearizable?", "linearizable-keys?", "negative-balances?", "sequential-keys?", "wfr-keys?"}
)
"""Options that are true or false and, as Jepsen and Elle have it, end with a question mark."""

OUT_OF_MEMORY = "the checker ran out of memory"
"""How the reason of a verdict begins that could not be reached for lack of memory."""


class UnknownChecker(ValueError):
    """There is no checker of that name. The message lists those that there are."""


class _Table(Mapping[str, Checker]):
    """Name -> checker, imported on first use."""

    def __getitem__(self, name: str) -> Checker:
        if name in MODELS:
            return _with_model(_load(ANY_TOOL["linearizable"]), name)
        return _load((OWN | ANY_TOOL)[name])

    def __iter__(self) -> Iterator[str]:
        yield from (*OWN, *ANY_TOOL, *MODELS)

    def __len__(self) -> int:
        return len(OWN) + len(ANY_TOOL) + len(MODELS)

    def __contains__(self, name: object) -> bool:
        return name in OWN or name in ANY_TOOL or name in MODELS


CHECKERS: Mapping[str, Checker] = _Table()


def _load(place: str) -> Checker:
    module, function = place.split(":")
    checker: Checker = getattr(importlib.import_module(module), function)
    return checker


def _with_model(checker: Checker, model: str) -> Checker:
    @functools.wraps(checker)
    def check_model(history: History, options: dict[str, Any]) -> Verdict:
        return checker(history, {"model": model} | options)

    return check_model


def check(history: History, name: str, options: dict[str, Any] | None = None) -> Verdict:
    """Run one checker.

    Raises UnknownChecker and OptionError; nothing else that happens inside a checker is raised.
    """
    if name not in CHECKERS:
        raise UnknownChecker(f"no checker is called {name!r}; there are {', '.join(CHECKERS)}")
    checker = CHECKERS[name]
    if name in ONE_OBJECT:
        checker = functools.partial(by_key.check, checker)
    verdict = _run(checker, history, options or {})
    if verdict.validity is Validity.VALID and name not in OWN and not _tested(history):
        verdict = msgspec.structs.replace(verdict, validity=Validity.UNKNOWN, reason=UNTESTED)
    return _doubted(verdict, history.problems if name in OWN else _defects(history))


def _tested(history: History) -> bool:
    """Did a client do anything?"""
    if history.table is not None:
        return bool((history.table.process >= 0).any())
    return bool(history.pairs())


def guarded(checker: Checker, history: History, options: dict[str, Any]) -> Verdict:
    """The checker's verdict, `unknown` where it crashed or where the history itself is doubtful."""
    return _doubted(_run(checker, history, options), history.problems)


def _run(checker: Checker, history: History, options: dict[str, Any]) -> Verdict:
    try:
        return checker(history, options)
    except OptionError:
        raise
    except Unfit as error:
        return Verdict(validity=Validity.UNKNOWN, reason=str(error))
    except MemoryError as error:
        return Verdict(validity=Validity.UNKNOWN, reason=f"{OUT_OF_MEMORY}: {_told(error)}")
    except Exception as error:
        if isinstance(error, ValueError):
            _refuse_options(checker, options)
        return Verdict(validity=Validity.UNKNOWN, reason=f"the checker crashed: {_told(error)}")


def _refuse_options(checker: Checker, options: dict[str, Any]) -> None:
    """Raise OptionError when it is the options that fail: with no history they do, and without them not."""
    error = _failure(checker, options)
    if isinstance(error, ValueError) and _failure(checker, {}) is None:
        raise OptionError(str(error)) from None


def _failure(checker: Checker, options: dict[str, Any]) -> Exception | None:
    """What a checker raises about an empty history."""
    try:
        checker(History([]), options)
    except Exception as error:
        return error
    return None


def _defects(history: History) -> tuple[str, ...]:
    """The problems of a history of another tool, without those that do no harm where its order decides.

    Transcripts of tests hold completions that were never invoked.  Jepsen takes the time of an entry before
    it gets its place in the history, so neighbours may be out of step by microseconds.
    """
    return tuple(problem for problem in history.problems if not HARMLESS.search(problem))


def _doubted(verdict: Verdict, problems: tuple[str, ...]) -> Verdict:
    if not problems:
        return verdict
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    doubt = f"the history cannot have happened as recorded: {problems[0]}{more}"
    validity = max(verdict.validity, Validity.UNKNOWN)
    return msgspec.structs.replace(
        verdict, validity=validity, reason=f"{verdict.reason}; {doubt}".lstrip("; ")
    )


def _told(error: Exception) -> str:
    """The error and the line that it came from, which is what its author needs first."""
    where = traceback.extract_tb(error.__traceback__)[-1]
    name = where.filename.rsplit("/", 1)[-1]
    return f"{type(error).__name__}: {error} ({name}, line {where.lineno}, in {where.name})"
