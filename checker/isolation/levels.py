"""The checkers of this package: weak isolation, sessions, causal consistency, and the two strong levels.

Each is `check(history, options)` for reads and writes, alone or in transactions, with unique values per key
(`columns.py`); a session is a client.  What they ask, from weak to strong:

  read-committed       a transaction sees only what was committed, and nothing older than it has seen already
  read-atomic          of another transaction, and of its own session, it sees all or nothing
  read-your-writes     a session sees its own earlier writes, or newer ones
  monotonic-reads      a session never sees an older state of a key than it has seen before
  monotonic-writes     writes of a session are seen in the order in which it made them
  writes-follow-reads  who sees a write sees what its writer had read by then, or newer
  pram                 each session can put the writes of all sessions, in their orders, in one order that
                       explains its own reads
  causal-consistency   option `variant`: cc (each transaction can do so with its causal past), cm (each
                       session can), ccv (all sessions agree on one order; the default)
  snapshot-isolation   each transaction reads from a snapshot; of two that overlap, one at most writes a key
  serializable         one order of all transactions, which keeps the sessions' own, explains everything

All of them also refuse reads that no order explains (`facts.py`): of values that nobody wrote, that a failed
transaction wrote, that their writer replaced itself, that the transaction wrote later, or other than what
the transaction wrote before.  Each but pram demands that sessions and reads do not go round in a circle.

Valid and invalid are exact.  The last two are searched where what was read leaves a choice, with the option
`budget`, and unknown when it ends (`commit_order.py`).  Time does not count: only what sessions saw does.
"""

from typing import Any

from checker.history import History
from checker.isolation import level as levels
from checker.isolation.columns import (
    TransactionColumns,
    Transactions,
    Unsuitable,
    columns_of,
    unnamed,
)
from checker.isolation.commit_order import judge_order, judge_weaker
from checker.isolation.engine import Engine, Interpreted, engine_for
from checker.isolation.judge import unknown
from checker.isolation.level import Level
from checker.verdict import Verdict

VARIANTS = {"cc": levels.CAUSAL_WEAK, "ccv": levels.CAUSAL_CONVERGENT, "cm": levels.CAUSAL_MEMORY}

LEVELS = {
    "read-committed": levels.READ_COMMITTED,
    "read-atomic": levels.READ_ATOMIC,
    "read-your-writes": levels.READ_YOUR_WRITES,
    "monotonic-reads": levels.MONOTONIC_READS,
    "monotonic-writes": levels.MONOTONIC_WRITES,
    "writes-follow-reads": levels.WRITES_FOLLOW_READS,
    "pram": levels.PRAM,
    "cc": levels.CAUSAL_WEAK,
    "ccv": levels.CAUSAL_CONVERGENT,
    "cm": levels.CAUSAL_MEMORY,
    "snapshot-isolation": levels.SNAPSHOT,
    "serializable": levels.SERIALIZABLE,
}
"""What `check_columns` judges, by name."""

BUDGET, COMPILED_BUDGET = 100_000, 3_000_000
"""Steps that the search for an order may take unless told otherwise, interpreted and compiled: seconds."""

OPERATIONS_PER_STEP = 10
"""In a long history the search may take a step for so many operations, if that is more."""


def read_committed(history: History, options: dict[str, Any]) -> Verdict:
    """Does every transaction see committed states only, never going back? Option `init`."""
    return _check(history, options, levels.READ_COMMITTED)


def read_atomic(history: History, options: dict[str, Any]) -> Verdict:
    """Does every transaction see others wholly or not at all? Option `init`."""
    return _check(history, options, levels.READ_ATOMIC)


def read_your_writes(history: History, options: dict[str, Any]) -> Verdict:
    """Does every session see its own writes? Option `init`."""
    return _check(history, options, levels.READ_YOUR_WRITES)


def monotonic_reads(history: History, options: dict[str, Any]) -> Verdict:
    """Does no session ever see an older state than before? Option `init`."""
    return _check(history, options, levels.MONOTONIC_READS)


def monotonic_writes(history: History, options: dict[str, Any]) -> Verdict:
    """Are the writes of each session seen in their order? Option `init`."""
    return _check(history, options, levels.MONOTONIC_WRITES)


def writes_follow_reads(history: History, options: dict[str, Any]) -> Verdict:
    """Does who sees a write see what its writer had read? Option `init`."""
    return _check(history, options, levels.WRITES_FOLLOW_READS)


def pram(history: History, options: dict[str, Any]) -> Verdict:
    """Can every session explain its reads with one order of all writes? Option `init`."""
    return _check(history, options, levels.PRAM)


def causal_consistency(history: History, options: dict[str, Any]) -> Verdict:
    """Are causes seen before effects? Options `init` and `variant` (cc, ccv or cm)."""
    variant = options.get("variant", "ccv")
    if variant not in VARIANTS:
        raise ValueError(
            f"the variant of causal consistency is one of {', '.join(VARIANTS)}, not {variant!r}"
        )
    return _check(history, options, VARIANTS[variant], ("variant",))


def snapshot_isolation(history: History, options: dict[str, Any]) -> Verdict:
    """Does every transaction read from a snapshot, and lose against overlapping writers of its keys?

    Options `init` and `budget` (steps of the search).
    """
    return _check(history, options, levels.SNAPSHOT, ("budget",))


def serializable(history: History, options: dict[str, Any]) -> Verdict:
    """Is there one order of all transactions? Options `init` and `budget` (steps of the search)."""
    return _check(history, options, levels.SERIALIZABLE, ("budget",))


def check_columns(
    columns: TransactionColumns,
    name: str,
    budget: int | None = None,
    engine: Engine | None = None,
) -> Verdict:
    """Judge columns at a level of LEVELS (KeyError for others). Size decides what is not given."""
    return _judged(unnamed(columns), LEVELS[name], budget, engine or engine_for(len(columns.kind)))


def _judged(transactions: Transactions, level: Level, budget: int | None, engine: Engine) -> Verdict:
    if budget is None:
        steps = BUDGET if isinstance(engine, Interpreted) else COMPILED_BUDGET
        budget = max(steps, len(transactions.columns.kind) // OPERATIONS_PER_STEP)
    transactions = Transactions(engine.adopt(transactions.columns), transactions.names)
    if level in (levels.SNAPSHOT, levels.SERIALIZABLE):
        return judge_order(transactions, level, engine, budget)
    return judge_weaker(transactions, level, engine)


def _check(history: History, options: dict[str, Any], level: Level, more: tuple[str, ...] = ()) -> Verdict:
    known = ("init", *more)
    for name in options:
        if name not in known:
            raise ValueError(f"{level.name} has no option {name!r}; it knows {', '.join(known)}")
    budget = options.get("budget")
    if budget is not None and (not isinstance(budget, int) or isinstance(budget, bool) or budget < 0):
        raise ValueError(f"the budget is a number of steps, not {budget!r}")
    try:
        transactions = columns_of(history, options.get("init"))
    except Unsuitable as error:
        return unknown(str(error))
    return _judged(transactions, level, budget, engine_for(len(transactions.columns.kind)))
