"""What there is to choose from: workloads, places with their faults, checkers, bugs."""

import sys
from collections.abc import Iterator

from checker.registry import CHECKERS
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
        yield f"  {name:<22}{_question(checker)}"
    yield "bugs  (--bug ID, or a file: docs/bug-seeds.md)"
    for bug in bugs.known():
        yield f"  {bug.id:<22}{bug.title}; {bug.source}"


def _question(checker: object) -> str:
    """The first line of the checker's file: what it asks of a history."""
    module = sys.modules[getattr(checker, "__module__", __name__)]
    return (module.__doc__ or "").strip().splitlines()[0]
