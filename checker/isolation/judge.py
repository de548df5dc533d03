"""Judges one level: absurd reads first, then whether the edges of the level leave an order possible.

The steps, the same for all levels
  1. Who wrote what.  A value written twice to one key: unknown, for then a read does not say what it saw.
  2. Reads that no level allows: values out of nowhere, of failed transactions, and so on.
  3. Sessions and reads alone must not go round in a circle.
  4. The edges of the level (`edges.py`, `views.py`) must not, either.
Every cycle becomes an anomaly with its steps (`explanation.py`); at most LISTED of them.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from checker.isolation import views
from checker.isolation.columns import READ, Transactions
from checker.isolation.cycle import cycles
from checker.isolation.edges import Past
from checker.isolation.engine import Engine
from checker.isolation.explanation import Explainer, Finding
from checker.isolation.facts import THIN_AIR, Facts, Resolution, facts_of, resolve
from checker.isolation.groups import with_groups
from checker.isolation.latest import nobody_yet
from checker.isolation.level import Level
from checker.isolation.order import (
    Edges,
    counting,
    no_edges,
    topological,
)
from checker.isolation.saturation import past_of, saturate
from checker.isolation.session_views import SessionViews
from checker.verdict import Validity, Verdict
from checker.wording import plural

LISTED = 5
"""Cycles of one kind that are listed; they have no transaction in common."""

ABSURD_LISTED = 20
"""Absurd reads that are listed. The reason has the full count."""


class Case(NamedTuple):
    """A history that is being judged."""

    transactions: Transactions
    resolution: Resolution
    facts: Facts
    explainer: Explainer
    engine: Engine


def judge(transactions: Transactions, level: Level, engine: Engine) -> Verdict:
    """The verdict of one level."""
    resolution, duplicate = resolve(transactions, engine)
    if duplicate >= 0:
        return unknown(duplicate_reason(transactions, duplicate))
    case = open_case(transactions, resolution, level, engine, level.grouped)
    return verdict_of(case, level, judge_case(case, level))


def open_case(
    transactions: Transactions, resolution: Resolution, level: Level, engine: Engine, grouped: bool = True
) -> Case:
    """Everything that is the same for all levels; not all need groups of writers."""
    facts = facts_of(transactions, resolution, engine)
    if grouped:
        facts = with_groups(facts, engine)
    explainer = Explainer(transactions, resolution, facts, level)
    return Case(transactions, resolution, facts, explainer, engine)


def judge_case(case: Case, level: Level) -> list[Finding]:
    """All anomalies."""
    found = list(absurd(case))
    if level.kind == "rules" and not level.clocks:
        return found + cyclic(case, saturate(case.facts, level.rules, None, case.engine))
    if level.kind == "pram":
        return found + list(_sessions(case, None))
    order, placed = topological(case.facts, no_edges(case.engine), case.engine)
    if placed < counting(case.facts, case.engine):
        found_cycles = cycles(case.facts, no_edges(case.engine), LISTED, case.engine)
        return found + [case.explainer.cycle(cycle) for cycle in found_cycles]
    past = past_of(case.facts, order, placed, case.engine)
    if level.kind == "cm":
        return found + list(_sessions(case, past))
    if level.kind == "cc":
        return found + list(_unexplained(case, past))
    return found + cyclic(case, saturate(case.facts, level.rules, past, case.engine))


def verdict_of(case: Case, level: Level, findings: list[Finding], **stats: Any) -> Verdict:
    """Invalid if there are findings. Their cycles are in the stats, step by step."""
    columns = case.transactions.columns
    measured = {
        "transactions": len(columns.status),
        "operations": len(columns.kind),
        "sessions": columns.sessions,
        **stats,
    }
    if not findings:
        return Verdict(validity=Validity.VALID, reason=_holds(case, level), stats=measured)
    counts = Counter(finding.anomaly.type for finding in findings)
    measured["cycles"] = [data for finding in findings if finding.circle for data in finding.data]
    measured["findings"] = [data for finding in findings if not finding.circle for data in finding.data]
    reason = ", ".join(f"{count} {name}" for name, count in counts.most_common())
    anomalies = tuple(finding.anomaly for finding in findings)
    return Verdict(validity=Validity.INVALID, reason=reason, anomalies=anomalies, stats=measured)


def _holds(case: Case, level: Level) -> str:
    """Why a history is valid, with what that rests on."""
    reads = len(case.facts.read_from)
    took_part = counting(case.facts, case.engine)
    if not took_part:
        return "no transaction is known to have committed, so there is nothing that could be wrong"
    if not reads:
        return (
            f"none of the {plural(took_part, 'transaction')} read what others may have written: {level.holds}"
        )
    told = f"{plural(took_part, 'transaction')} with {plural(reads, 'read')} of what others may have written"
    return f"{told}: {level.holds}"


def unknown(reason: str) -> Verdict:
    """No verdict, and why."""
    return Verdict(validity=Validity.UNKNOWN, reason=reason)


def duplicate_reason(transactions: Transactions, operation: int) -> str:
    """Why values that are written twice leave no verdict."""
    columns, names = transactions.columns, transactions.names
    value = names.value(int(columns.version[operation]))
    return (
        f"{value} is written to {names.key(int(columns.key[operation]))} more than once, so a read of it "
        "does not say which write it saw; these checkers need unique values per key"
    )


def absurd(case: Case) -> Iterator[Finding]:
    """The reads that no level allows."""
    columns = case.transactions.columns
    code = case.resolution.code
    listed = 0
    if not isinstance(code, list) and not (code >= THIN_AIR).any():
        return
    for t in range(len(columns.status)):
        for operation in range(int(columns.operation_start[t]), int(columns.operation_start[t + 1])):
            if code[operation] >= THIN_AIR and columns.kind[operation] == READ and listed < ABSURD_LISTED:
                listed += 1
                yield case.explainer.absurd(t, operation, int(code[operation]))


def cyclic(case: Case, edges: Edges) -> list[Finding]:
    """Anomalies of reads that saw too early a state, and of cycles."""
    facts = case.facts
    slots = _of_nothing(facts, edges)
    found = [case.explainer.nothing(source, slot) for source, slot in slots[:LISTED]]
    _, placed = topological(facts, edges, case.engine)
    if placed < counting(facts, case.engine):
        found += [case.explainer.cycle(cycle) for cycle in cycles(facts, edges, LISTED, case.engine)]
    return found


def _of_nothing(facts: Facts, edges: Edges) -> list[tuple[int, int]]:
    """Source and slot of edges to the state before all writes: they need no cycle to be wrong."""
    if edges.found == 0:
        return []
    if not isinstance(edges.slot, list):
        at = (facts.read_from[edges.slot[: edges.found]] == facts.transactions).nonzero()[0]
        return [(int(edges.source[e]), int(edges.slot[e])) for e in at]
    return [
        (edges.source[e], edges.slot[e])
        for e in range(edges.found)
        if facts.read_from[edges.slot[e]] == facts.transactions
    ]


def _sessions(case: Case, past: Past | None) -> Iterator[Finding]:
    """Causal memory (with the causal past), or PRAM: one order per session."""
    listed = 0
    for trail, edges in SessionViews(case.facts, past, case.engine).doubtful():
        case.explainer.front.follow(trail)
        findings = cyclic(case, edges)
        listed += len(findings)
        yield from findings
        if listed >= LISTED:
            return


def _unexplained(case: Case, past: Past) -> Iterator[Finding]:
    facts, engine = case.facts, case.engine
    longest = max(
        (int(facts.read_start[t + 1] - facts.read_start[t]) for t in range(facts.transactions)), default=0
    )
    work = views.Explaining(
        past.order,
        past.placed,
        past.clocks,
        nobody_yet(facts, engine),
        engine.vector(longest),
        engine.vector(longest * longest),
        engine.vector(longest),
    )
    t3 = int(engine.run(views.find_unexplained, facts, work))
    if t3 < 0:
        return
    edges = _edges_of(case, past, t3)
    nothing = _of_nothing(facts, edges)
    for source, slot in nothing[:1]:
        yield case.explainer.nothing(source, slot)
    for cycle in cycles(facts, edges, 1, engine) if not nothing else ():
        yield case.explainer.cycle(cycle)


def _edges_of(case: Case, past: Past, t3: int) -> Edges:
    """What one transaction demands of the order of its own past."""
    facts = case.facts
    source, slot = [], []
    for r in range(int(facts.read_start[t3]), int(facts.read_start[t3 + 1])):
        key = int(facts.read_key[r])
        for g in range(int(facts.group_start[key]), int(facts.group_start[key + 1])):
            j = int(facts.group_session[g])
            places = [
                int(facts.writer_at[w])
                for w in range(int(facts.group_begin[g]), int(facts.group_begin[g + 1]))
            ]
            visible = [place for place in places if place < past.clocks[t3][j]]
            if visible and (t2 := int(facts.at[facts.session_start[j] + visible[-1]])) != facts.read_from[r]:
                source.append(t2)
                slot.append(r)
    edges = Edges(
        case.engine.vector(max(1, len(source))), case.engine.vector(max(1, len(source))), len(source), -2
    )
    for e in range(len(source)):
        edges.source[e], edges.slot[e] = source[e], slot[e]
    return edges
