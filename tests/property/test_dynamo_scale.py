"""Compiled and plain judgement of Dynamo histories give the same answers, and both follow the definitions."""

import os
import random

import msgspec
import pytest

from checker import causal, freshness, kernel, monotonicity, siblings, tombstones, version_graph
from checker.dynamo import scale
from checker.dynamo.sight import Sight, plain_sights, sights_of
from checker.history import History
from checker.operation import Operation
from checker.verdict import Validity, Verdict
from checker.version_graph import graph_of
from tests.property.ideal_store import run

SEEDS = int(os.environ.get("DYNAMO_SEEDS", "100"))
"""Histories per test. DYNAMO_SEEDS=5000 for a long run."""

FLAWS = (None, "last-write-wins", "no-dots", "early-ack", "early-reap", "lying-failure")

CHECKS = (causal.check, siblings.check, freshness.check, monotonicity.check, tombstones.check)

needs_numba = pytest.mark.skipif(not kernel.available(), reason="numba is not installed (extra `scale`)")


def history_of(seed: int) -> History:
    """Some are longer than 64 versions (a word), some than 1024 (a block); every flaw in turn."""
    length = 2400 if seed % 75 == 74 else 10 + seed % 150
    history = run(seed, length, FLAWS[seed % len(FLAWS)])
    return history if seed % 4 else damaged(history, seed)


def damaged(history: History, seed: int) -> History:
    """The same with answers that no store gives: unknown ids, ids twice, ids of the future, circles."""
    rng = random.Random(seed)
    names = [entry.write for entry in history if entry.write is not None] or ["w0"]
    entries: list[Operation] = []
    for entry in history:
        reads = entry.reads
        if reads is not None and rng.random() < 0.08:
            reads = (*reads, *rng.choices([*names[:60], "never"], k=2))
        key = "other" if entry.process == 3 else entry.key
        entries.append(msgspec.structs.replace(entry, reads=reads, key=key))
    return History(entries)


@needs_numba
def test_compiled_and_plain_see_the_same() -> None:
    from checker.dynamo.fast_sight import fast_sights

    for seed in range(SEEDS):
        history = history_of(seed)
        assert fast_sights(history) == plain_sights(history), seed


@needs_numba
def test_verdicts_are_the_same_on_either_path(monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(min(SEEDS, 1000)):
        entries = list(history_of(seed))
        verdicts: list[list[Verdict]] = []
        for fast_from in (0, 10**9):
            monkeypatch.setattr(scale, "FAST_FROM", fast_from)
            history = History(entries)
            verdicts.append([check(history, {}) for check in CHECKS])
        assert verdicts[0] == verdicts[1], seed


def test_large_keys_are_judged_without_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(min(SEEDS, 300)):
        history = run(seed, 30, FLAWS[seed % len(FLAWS)])
        with_table = [check(history, {}) for check in CHECKS]
        monkeypatch.setattr(version_graph, "LARGE", 0)
        assert [check(History(list(history)), {}) for check in CHECKS] == with_table, seed
        monkeypatch.undo()


# --- the definitions, by sets -----------------------------------------------------------------------------


def test_sights_are_what_the_definitions_say() -> None:
    for seed in range(SEEDS):
        history = run(seed, 8 + seed % 30, FLAWS[seed % len(FLAWS)])
        graph = graph_of(history)
        if any(key.cycles for key in graph.keys.values()):
            continue
        for name, sights in sights_of(history).items():
            for sight in sights:
                assert told(history, name, sight) == expected(history, name, sight), (seed, sight)


def told(history: History, name: str, sight: Sight) -> tuple[object, ...]:
    """The judgement in ids."""
    versions = graph_of(history).keys[name].versions
    ids = [
        versions[at].id if at >= 0 else None
        for at in (sight.oldest, sight.deleted, sight.forgotten, sight.unread)
    ]
    return sight.missed, *ids, sight.doubtful


def expected(history: History, name: str, sight: Sight) -> tuple[object, ...]:
    """The same from the words of `checker/dynamo/sight.py`."""
    pairs = [pair for pair in history.pairs() if pair[0].key == name]
    writes = {i.write: (i, c) for i, c in pairs if i.write is not None}
    begun, ended = sight.invocation, sight.completion
    seen = {w: set(c.reads or ()) & set(writes) - {w} if c else set() for w, (_, c) in writes.items()}

    def behind(name: str) -> set[str]:
        found, fresh = set[str](), set(seen[name])
        while fresh:
            found |= fresh
            fresh = {older for each in fresh for older in seen[each]} - found
        return found

    shown = set(ended.reads or ()) & set(writes)
    accounted = set(shown).union(*(behind(each) for each in shown))
    acknowledged = {w: c.index for w, (_, c) in writes.items() if c is not None and c.type == "ok"}
    before = {w for w, at in acknowledged.items() if at < begun.index}
    deletes = {w for w, (i, _) in writes.items() if i.f == "delete"}
    for delete in deletes:
        if writes[delete][0].index <= ended.index:
            accounted |= behind(delete) | {delete}
    missed = before - deletes - accounted
    replaced = set[str]().union(*(behind(delete) for delete in deletes & before))
    earlier = [
        c
        for i, c in pairs
        if c is not None and i.process == begun.process and c.index < begun.index and c.reads is not None
    ]
    forgotten = {r for c in earlier for r in c.reads or () if r in writes} - accounted
    own = {w for w in before - deletes if writes[w][0].process == begun.process} - accounted
    unknown = {w for w, (_, c) in writes.items() if c is None}
    first = sorted(writes, key=lambda w: writes[w][0].index)
    return (
        len(missed),
        min(missed, key=lambda w: acknowledged[w], default=None),
        *(next((w for w in first if w in found), None) for found in (shown & replaced, forgotten, own)),
        bool(accounted & unknown),
    )


def test_nothing_comes_back_for_good_in_an_ideal_store() -> None:
    for seed in range(SEEDS):
        assert tombstones.check(run(seed, 10 + seed % 40), {}).validity is Validity.VALID, seed


def test_a_store_that_reaps_too_early_is_found() -> None:
    # Few of its runs end with something back: most reaped tombstones come again from another replica.
    found = [tombstones.check(run(seed, 60, "early-reap"), {}) for seed in range(130, 140)]
    assert any(verdict.validity is Validity.INVALID for verdict in found)


def test_an_up_to_date_history_is_fresh_and_monotonic_until_it_is_damaged() -> None:
    rng = random.Random(7)
    for _ in range(SEEDS):
        entries = serial(rng, 30)
        for check in (freshness.check, monotonicity.check, tombstones.check):
            assert check(History(entries), {"mode": "strict"}).validity is Validity.VALID
        at, spoilt = spoiled(entries)
        verdict = freshness.check(History(spoilt), {"mode": "strict"})
        assert verdict.validity is Validity.INVALID
        assert any(at in anomaly.operations for anomaly in verdict.anomalies)
        assert monotonicity.check(History(spoilt), {"mode": "strict"}).validity is Validity.INVALID


def serial(rng: random.Random, length: int) -> list[Operation]:
    """A store with one copy and clients one after another."""
    entries: list[Operation] = []
    live: tuple[str, ...] = ()
    for number in range(length):
        f = rng.choice(["get", "put", "update", "delete"]) if number < length - 1 else "put"
        _do(entries, f, f"w{number}" if f != "get" else None, () if f == "put" else live)
        live = {"get": live, "put": (*live, f"w{number}"), "update": (f"w{number}",), "delete": ()}[f]
    _do(entries, "get", None, live)
    return entries


def _do(entries: list[Operation], f: str, write: str | None, reads: tuple[str, ...]) -> None:
    begun = Operation(
        index=len(entries), time=len(entries), process=1, type="invoke", f=f, key="k", write=write
    )
    ended = msgspec.structs.replace(begun, index=begun.index + 1, time=begun.time + 1, type="ok", reads=reads)
    entries += [begun, ended]


def spoiled(entries: list[Operation]) -> tuple[int, list[Operation]]:
    """The last read misses the write before it."""
    last = msgspec.structs.replace(entries[-1], reads=(entries[-1].reads or ())[:-1])
    return last.index, [*entries[:-1], last]
