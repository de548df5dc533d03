"""The row of transactions by which serializability and snapshot isolation are said to hold is a proof.

The oracle judges small histories, in which nearly every window is the whole row.  These are longer: parts of
the row are run again while the rest stays.  Each row that is found is held to what it has to be.
"""

from random import Random
from typing import Any

import pytest

from checker.isolation import forced_rules, orders, queue, sorting, windows
from checker.isolation.columns import INITIAL, TransactionColumns
from checker.isolation.facts import ABOUT, WRITER
from checker.isolation.levels import check_columns
from checker.isolation.line import Line
from checker.isolation.region import Region
from checker.isolation.schedule import Schedule

HISTORIES = 100


def history(rng: Random) -> TransactionColumns:
    """A serial execution; each transaction ends up to some places later. Now and then a read is stale."""
    transactions, sessions, keys = rng.randint(20, 250), rng.randint(2, 12), rng.randint(2, 30)
    late, stale = rng.choice((2, 8, 20)), rng.choice((0.0, 0.0, 0.003))
    session = [rng.randrange(sessions) for _ in range(transactions)]
    ends: dict[int, float] = {}
    due = []
    for t, s in enumerate(session):
        ends[s] = max(ends.get(s, -1.0), t + late * rng.random())
        due.append((ends[s], t))
    latest = dict.fromkeys(range(keys), INITIAL)
    steps: list[list[tuple[int, int, int]]] = []
    written = 0
    for _ in range(transactions):
        steps.append([])
        for key in rng.sample(range(keys), rng.randint(1, min(4, keys))):
            if rng.random() < 0.5:
                latest[key], written = written, written + 1
                steps[-1].append((1, key, latest[key]))
            else:
                old = rng.random() < stale
                steps[-1].append((0, key, INITIAL if old else latest[key]))
    order = [t for _, t in sorted(due)]
    rows = [step for t in order for step in steps[t]]
    starts = [0]
    for t in order:
        starts.append(starts[-1] + len(steps[t]))
    kind, key_of, version = ([row[at] for row in rows] for at in range(3))
    mine = [session[t] for t in order]
    return TransactionColumns(
        mine,
        [0] * transactions,
        starts,
        kind,
        key_of,
        version,
        sessions=sessions,
        keys=keys,
        versions=written,
    )


def complete(found: Schedule) -> set[tuple[int, int]]:
    """All edges: those that are known, and those that follow from the order of writes."""
    graph, versions, line = found.graph, found.versions, found.line
    facts, edges = graph.facts, graph.edges
    every = {(edges.source[e], edges.target[e]) for e in range(graph.size)}
    for w in range(versions.slots):
        t, before = facts.write[ABOUT * w + WRITER], line.previous[w]
        if before < versions.slots:
            every.add((graph.last(facts.write[ABOUT * before + WRITER]), graph.first(t)))
        for i in range(versions.read_start[before], versions.read_start[before + 1]):
            if versions.reader[i] != t:
                every.add((graph.first(versions.reader[i]), graph.last(t)))
    return every


def is_a_row(found: Schedule) -> bool:
    """Every node has its place, and each key's versions follow each other in that order."""
    line, facts, versions = found.line, found.graph.facts, found.versions
    counted = [n for n in range(found.graph.nodes) if facts.position[n // found.graph.width] >= 0]
    if sorted(line.at) != counted or any(line.at[line.place[n]] != n for n in counted):
        return False
    seen = 0
    for key in range(facts.keys):
        chain = follow(line, versions.slots + key)
        ends = [line.place[found.graph.last(facts.write[ABOUT * w + WRITER])] for w in chain]
        if ends != sorted(ends) or any(facts.write_key[w] != key for w in chain):
            return False
        seen += len(chain)
    return seen == versions.slots


def follow(line: Line, version: int) -> list[int]:
    """The versions after this one."""
    chain = []
    while (after := line.following[version]) >= 0:
        assert line.previous[after] == version
        chain.append(after)
        version = after
    return chain


def rows(monkeypatch: pytest.MonkeyPatch, level: str, without_rules: bool) -> list[tuple[int, Schedule]]:
    """The rows that were found, with the seed of the history."""
    found: list[tuple[int, Schedule]] = []
    settle = orders.Orders.settle

    def noted(self: orders.Orders) -> Region | None:
        made.clear()
        wrong = settle(self)
        if wrong is None:
            found.append((seed, made[0]))
        return wrong

    def kept(*arguments: Any) -> Schedule:
        made.append(Schedule(*arguments))
        return made[-1]

    made: list[Schedule] = []
    monkeypatch.setattr(orders, "Schedule", kept)
    monkeypatch.setattr(orders.Orders, "settle", noted)
    monkeypatch.setattr(orders.Orders, "is_explained", lambda self: False)
    if without_rules:
        for rule in ("settle_read", "settle_write"):
            monkeypatch.setattr(forced_rules, rule, lambda *arguments: arguments[-1])
    for seed in range(HISTORIES):
        check_columns(history(Random(seed)), level, budget=3_000)
    return found


def examine(level: str, without_rules: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold all rows that are found to what they have to be."""
    found = rows(monkeypatch, level, without_rules)
    assert len(found) > HISTORIES // 4
    for seed, row in found:
        assert is_a_row(row), f"seed {seed}"
        back = [edge for edge in complete(row) if row.line.place[edge[0]] >= row.line.place[edge[1]]]
        assert not back, f"seed {seed}: {back} lead back"


@pytest.mark.parametrize("without_rules", [False, True])
@pytest.mark.parametrize("level", ["serializable", "snapshot-isolation"])
def test_every_row_that_is_found_explains_the_history(
    level: str, without_rules: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    examine(level, without_rules, monkeypatch)


def nothing_is_outside(*arguments: Any) -> None:
    """A part of the row forgets which writes are behind it."""
    queue_load_writes(*arguments)
    arguments[3].outside[:] = [-1] * len(arguments[3].outside)


queue_load_writes = queue.load_writes


def nothing_is_stuck(*arguments: Any) -> int:
    """Where something could not be run, windows are sorted all the same."""
    count = windows_edges_inside(*arguments)
    ranges = arguments[-1][3]
    ranges.stuck[:] = [0] * len(ranges.stuck)
    return count


windows_edges_inside = windows.edges_inside


@pytest.mark.parametrize("level", ["serializable", "snapshot-isolation"])
@pytest.mark.parametrize(
    ("where", "rule", "instead"),
    [
        (sorting, "sort_window", lambda *arguments: arguments[-1]),
        (windows, "edges_inside", nothing_is_stuck),
        (windows, "widen", lambda *arguments: False),
        (windows.Windows, "reach", lambda *arguments: False),
        (queue, "load_writes", nothing_is_outside),
    ],
)
def test_a_step_that_is_missing_is_missed(
    where: Any, rule: str, instead: Any, level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(where, rule, instead)
    with pytest.raises(AssertionError):
        examine(level, True, monkeypatch)
