"""What there is to choose from: workloads, places with their faults, checkers, bugs."""

import sys
from collections.abc import Iterator

from checker.registry import CHECKERS, MODELS, Checker
from nemesis.registry import KINDS
from splitbrain.places.catalogue import ABILITIES
from store.bugs import catalogue as bugs
from workloads.registry import WORKLOADS


def lines() -> Iterator[str]:
    """The text of `splitbrain list`, a line at a time."""
    yield "workloads  (splitbrain run NAME)"
    for name, workload in WORKLOADS.items():
        yield f"  {name:<22}checked by {', '.join(workload.checks)}"
    yield "places  (--on NAME)"
    for place, able in ABILITIES.items():
        kinds = [kind for kind, what in KINDS.items() if what.needs <= able]
        yield f"  {place:<22}faults: {', '.join(kinds)}"
    yield "checkers"
    for name, checker in CHECKERS.items():
        if name in MODELS:
            continue
        yield f"  {name:<22}{_question(name, checker)}"
    yield f"  models of linearizable: {', '.join(MODELS)}, set, counter, or file.py:Name"
    yield "bugs  (--bug ID, or a file: docs/bug-seeds.md)"
    for bug in bugs.known():
        yield f"  {bug.id:<22}{bug.title}; {bug.source}"


def _question(name: str, checker: Checker) -> str:
    """What the checker asks of a history: the first line of its file, or of its own where it shares one."""
    own = checker if checker.__name__ != "check" else sys.modules[checker.__module__]
    return (own.__doc__ or "").strip().splitlines()[0].removeprefix(f"{name}: ")
