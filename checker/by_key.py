"""One object per key: what checkers that know a single object say of histories with keys.

Where entries have keys (`--independent`, or a field `key`), each key has a set, a counter, a queue of its
own, and they do not affect each other.  The history falls apart into one per key, each is judged alone, and
the verdict is as bad as the worst.

`stats` are then `keys`, how many there are, `failures`, the keys of which the verdict is not valid, and
`results`: by key its verdict and the checker's own stats.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import msgspec

from checker.history import History
from checker.operation import Operation
from checker.verdict import Validity, Verdict, worst
from checker.wording import plural

Checker = Callable[[History, dict[str, Any]], Verdict]

LISTED = 100
"""Anomalies kept in all, and keys whose stats are told."""


def check(checker: Checker, history: History, options: dict[str, Any]) -> Verdict:
    """The checker's verdict; on each key alone where the history has keys."""
    if not has_keys(history):
        return checker(history, options)
    return _together([(key, checker(part, options)) for key, part in parts(history)])


def has_keys(history: History) -> bool:
    """Does some operation of a client have a key?"""
    if (table := history.table) is not None:
        return bool(((table.key >= 0) & (table.process >= 0)).any())
    return any(invocation.key is not None for invocation, _ in history.pairs())


def parts(history: History) -> Iterator[tuple[str, History]]:
    """Each key, in order of appearance, with what clients did to it. No key is told as an empty string."""
    if history.table is not None and not history.table.odd:
        yield from _of_table(history)
        return
    entries: dict[str | None, list[Operation]] = {}
    for invocation, completion in history.pairs():
        mine = entries.setdefault(invocation.key, [])
        mine.append(invocation)
        if completion is not None and completion is not invocation:
            mine.append(completion)
    for key, operations in entries.items():
        yield key or "", History(sorted(operations, key=lambda operation: operation.index))


def _of_table(history: History) -> Iterator[tuple[str, History]]:
    """The rows of each key: a completion belongs to the key of its invocation."""
    import numpy as np

    from checker.table import Table

    table = history.table
    assert table is not None
    begun, ended = history.spans()
    key = np.full(len(table), -2, dtype=np.int64)
    key[ended[ended >= 0]] = table.key[begun[ended >= 0]]
    key[begun] = table.key[begun]
    rows = np.argsort(key, kind="stable")
    rows = rows[np.searchsorted(key[rows], -1) :]
    bounds = np.append(np.flatnonzero(np.diff(key[rows], prepend=-2)), len(rows))
    chunks = [rows[start:stop] for start, stop in pairwise(bounds)]
    for chunk in sorted(chunks, key=lambda each: int(each[0])):
        name = "" if key[chunk[0]] < 0 else str(table.pool[int(key[chunk[0]])])
        columns = {column: values[chunk] for column, values in table.columns().items()}
        yield name, History(Table(columns, table.pool, {}))


def _together(verdicts: list[tuple[str, Verdict]]) -> Verdict:
    """The verdicts as one. Names are no dictionary's keys here: no key and the key `""` have one name."""
    validity = worst(verdict.validity for _, verdict in verdicts)
    failures = [each for each in verdicts if each[1].validity is not Validity.VALID]
    passes = [each for each in verdicts if each[1].validity is Validity.VALID]
    wrong = [each for each in failures if each[1].validity is validity]
    count = plural(len(verdicts), "key")
    reason = f"all {count}: {verdicts[0][1].reason}"
    if wrong:
        reason = f"{len(wrong)} of {count}; key {wrong[0][0]}: {wrong[0][1].reason}"
    anomalies = tuple(
        msgspec.structs.replace(anomaly, key=key, sentence=f"key {key}: {anomaly.sentence}")
        for key, verdict in failures
        for anomaly in verdict.anomalies
    )
    allowed: Counter[str] = Counter()
    for _, verdict in verdicts:
        allowed.update(verdict.allowed)
    told = [*failures, *passes][:LISTED]
    results = {key: {"valid": verdict.validity.as_json(), **verdict.stats} for key, verdict in told}
    return Verdict(
        validity=validity,
        reason=reason,
        anomalies=anomalies[:LISTED],
        allowed=dict(allowed),
        stats={"keys": len(verdicts), "failures": [key for key, _ in failures], "results": results},
    )
