"""long-fork: did two readers see two independent writes in opposite orders?

Transactions write one key once (`[["w", k, v]]`) or read a group of keys (`[["r", k, v], ...]`).  Each key
goes from nothing to its value and stays there, so in any single order of the writes the states of a group
form a chain.  Two reads of the same group of which each saw a write that the other missed cannot be put in
one order: parallel snapshot isolation allows it, snapshot isolation does not.

States of a group are sorted by the number of keys they show; neighbours must then include each other, so
R reads of n keys cost O(R n + R log R) instead of the R² n of comparing all pairs.

Names of fields: jepsen.tests.long-fork/checker.  A key that is written twice makes the history illegal for
this check: unknown.
"""

import itertools
from typing import Any

from checker import options as option
from checker.classic.element import identity, shown
from checker.classic.findings import Findings, anomaly
from checker.history import History, Pair
from checker.verdict import Anomaly, Verdict
from checker.wording import listed, plural, who

Group = tuple[str, ...]
State = dict[str, Any]
Fork = tuple[tuple[State, Pair], tuple[State, Pair]]


def check(history: History, options: dict[str, Any]) -> Verdict:
    """Judge all reads of groups. Takes no options."""
    option.only(options, "long-fork")
    groups: dict[Group, list[tuple[State, Pair]]] = {}
    writes: dict[str, int] = {}
    for pair in history.pairs():
        for _, key, _ in _steps(pair, "w"):
            writes[str(key)] = writes.get(str(key), 0) + 1
        state = {str(key): value for _, key, value in _steps(pair, "r")}
        if state and pair[1] is not None and pair[1].type == "ok":
            groups.setdefault(tuple(sorted(state)), []).append((state, pair))
    forks = [fork for reads in groups.values() for fork in _forks(reads)]
    return _verdict(groups, forks, _illegal(groups, writes))


def _steps(pair: Pair, f: str) -> list[list[Any]]:
    """The steps of a transaction that read (`r`) or write (`w`), as they completed."""
    value = (pair[1] or pair[0]).value
    if not isinstance(value, list):
        return []
    return [step for step in value if isinstance(step, list) and len(step) == 3 and step[0] == f]


def _forks(reads: list[tuple[State, Pair]]) -> list[Fork]:
    """Neighbours in the order of size that do not include each other, each distinct pair of states once."""
    distinct = {frozenset(key for key, v in state.items() if v is not None): (state, p) for state, p in reads}
    chain = sorted(distinct, key=lambda shown_keys: (len(shown_keys), sorted(shown_keys)))
    return [
        (distinct[smaller], distinct[larger])
        for smaller, larger in itertools.pairwise(chain)
        if not smaller <= larger
    ]


def _illegal(groups: dict[Group, list[tuple[State, Pair]]], writes: dict[str, int]) -> str:
    """Why this check does not apply to the history; empty when it does."""
    twice = sorted(key for key, count in writes.items() if count > 1)
    if twice:
        return f"{listed(twice)} was written more than once; this check needs one write to each key"
    values: dict[str, Any] = {}
    for reads in groups.values():
        for state, _ in reads:
            for key, value in state.items():
                if value is not None and identity(values.setdefault(key, value)) != identity(value):
                    both = f"{shown(values[key])} and as {shown(value)}"
                    return f"{key} was read as {both}, so it was written twice"
    return ""


def _verdict(groups: dict[Group, list[tuple[State, Pair]]], forks: list[Fork], illegal: str) -> Verdict:
    all_reads = [state for reads in groups.values() for state, _ in reads]
    stats = {
        "reads-count": len(all_reads),
        "early-read-count": sum(all(v is None for v in state.values()) for state in all_reads),
        "late-read-count": sum(all(v is not None for v in state.values()) for state in all_reads),
        "group-count": len(groups),
        "fork-count": len(forks),
    }
    findings = Findings()
    if illegal:
        return findings.verdict(sound="", doubt=illegal, stats=stats)
    findings.report("long-fork", forks, _fork)
    doubt = "" if any(len(group) > 1 for group in groups) else "no transaction read two keys at once"
    sound = f"{plural(len(all_reads), 'read')} of {plural(len(groups), 'group')} fit into one order of writes"
    return findings.verdict(sound=sound, doubt=doubt, stats=stats)


def _fork(fork: Fork) -> Anomaly:
    (left, one), (right, other) = fork
    only_left = [key for key in left if left[key] is not None and right[key] is None]
    only_right = [key for key in right if right[key] is not None and left[key] is None]
    sentence = (
        f"the read by {who(one[0])} saw the write to {listed(only_left)} but not to {listed(only_right)}; "
        f"the read by {who(other[0])} saw {listed(only_right)} but not {listed(only_left)}: "
        "no single order of the two writes explains both"
    )
    return anomaly("long-fork", sentence, *one, *other)
