"""Serializability and snapshot isolation: is there an order in which all reads come out as recorded?

Both are NP-complete for histories like these, but mostly the answer is near.  The steps, from cheap to dear:
  1. A likely order is tried (`schedule.py`), which respects what causal consistency, implied by both levels,
     puts before what.  Where it explains everything, the history is valid.
  2. Where causal consistency does not hold (`judge.py`), it is invalid.
  3. What follows from the reads, to the end (`forced_order.py`).  A circle in that proves the history
     invalid. Histories in which every write is preceded by a read of its key are decided here.
  4. A likely order again, with all that (and already when little new follows).  Where it still does not work
     out, some transactions are on circles: each such region is searched exactly (`region.py`).  A region
     without an order proves the history invalid. What the others propose is kept, and that part of the likely
     order is tried again; regions grow until it works out.
  5. When `budget` steps of these searches are used up, the verdict is unknown, and says what is known.
"""

from collections.abc import Iterable

from checker.isolation.columns import Transactions
from checker.isolation.engine import COMPILED_FROM, Engine
from checker.isolation.explanation import IMPOSSIBLE, Finding
from checker.isolation.explanation import Case as Told
from checker.isolation.facts import resolve
from checker.isolation.forced_order import ForcedOrder
from checker.isolation.judge import (
    Case,
    absurd,
    duplicate_reason,
    judge,
    judge_case,
    open_case,
    unknown,
    verdict_of,
)
from checker.isolation.level import SERIALIZABLE, Level
from checker.isolation.orders import MANY_SESSIONS, Orders
from checker.isolation.proof import Proof
from checker.isolation.region import Effort, Exhausted, Order, Refuted, Region
from checker.verdict import Verdict

CASES = 6
"""Suppositions that a proof goes through in words; longer proofs only name the transactions."""

WEAKER_BUDGET = 200_000
"""The budget for an order that would show that a weaker level holds; a part of it may be used (`SHARE`)."""


def judge_order(transactions: Transactions, level: Level, engine: Engine, budget: int) -> Verdict:
    """The verdict of serializability or snapshot isolation."""
    resolution, duplicate = resolve(transactions, engine)
    if duplicate >= 0:
        return unknown(duplicate_reason(transactions, duplicate))
    case = open_case(transactions, resolution, level, engine)
    if any(True for _ in absurd(case)):
        return verdict_of(case, level, judge_case(case, level))
    orders = Orders(case, 1 if level is SERIALIZABLE else 2, budget)
    if orders.is_explained():
        return verdict_of(case, level, [], search_steps=0)
    if findings := orders.findings(level):
        return verdict_of(case, level, findings)
    if orders.is_nearly_settled():
        return verdict_of(case, level, [], search_steps=orders.effort.taken)
    orders.forced.settle()
    kind, meaning = f"not-{level.name}", IMPOSSIBLE[level.name]
    if orders.forced.circle:
        found = case.explainer.links(Proof(orders.graph).circle(), kind, meaning)
        return verdict_of(case, level, [found])
    try:
        without = orders.settle()
    except Exhausted:
        return unknown(orders.established(level))
    found_wrong = (
        [] if without is None else [_refuted(case, orders, orders.smaller(without), (kind, meaning))]
    )
    return verdict_of(case, level, found_wrong, search_steps=orders.effort.taken)


def judge_weaker(transactions: Transactions, level: Level, engine: Engine) -> Verdict:
    """The verdict of a level that the strongest one implies, where it pays to begin with that.

    Some levels look at each session by itself, others at a clock with a place for each session: with many
    sessions (clients that crashed, say) that takes time and memory.  So a large history is first tried with
    one likely order of all transactions, run one after the other, which takes a fraction of it.  Where that
    explains everything, it does so at every level.
    """
    sessions = transactions.columns.sessions
    dear = level.kind in ("cm", "pram") or (level.clocks and sessions >= MANY_SESSIONS)
    if not dear or len(transactions.columns.kind) < COMPILED_FROM:
        return judge(transactions, level, engine)
    resolution, duplicate = resolve(transactions, engine)
    if duplicate >= 0:
        return unknown(duplicate_reason(transactions, duplicate))
    case = open_case(transactions, resolution, level, engine)
    if not any(True for _ in absurd(case)):
        orders = Orders(case, 1, WEAKER_BUDGET)
        if orders.is_explained() or (sessions < MANY_SESSIONS and orders.is_nearly_settled()):
            return verdict_of(case, level, [])
    return verdict_of(case, level, judge_case(case, level))


def _refuted(case: Case, orders: Orders, region: Region, what: tuple[str, str]) -> Finding:
    """Tell why there is no order: whichever of two writes came first, a circle follows."""
    told = list(_cases(orders, region, ()))
    if any(each is None for each in told):
        return case.explainer.exhausted(region.transactions, orders.effort.taken)
    return case.explainer.cases([each for each in told if each is not None], *what)


def _cases(orders: Orders, region: Region, supposed: tuple[Order, ...]) -> Iterable[Told | None]:
    """The cases of the proof; None where it would be too long to tell."""
    graph = orders.graph.suppose(supposed) if supposed else orders.graph
    forced = ForcedOrder(graph, orders.versions).settle()
    if forced.circle:
        yield Told(supposed, Proof(forced.graph).circle())
        return
    answer = region.solve(supposed, Effort(CASES**4))
    if not isinstance(answer, Refuted) or answer.pair is None or len(supposed) >= CASES // 2:
        yield None
        return
    first, second, key = answer.pair
    yield from _cases(orders, region, (*supposed, (first, second, key)))
    yield from _cases(orders, region, (*supposed, (second, first, key)))
