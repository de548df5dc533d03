"""Compiled and plain judgement of Dynamo histories give the same answers, and both follow the definitions."""

import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

pytest.importorskip("numpy", reason="tables are columns of numpy, which is not installed")

from checker import (
    availability,
    causal,
    convergence,
    freshness,
    kernel,
    lost_writes,
    monotonicity,
    siblings,
    staleness,
    tombstones,
    version_graph,
)
from checker.dynamo import scale
from checker.dynamo.findings import LISTED
from checker.dynamo.sight import Sight, sights_of
from checker.history import History
from checker.operation import Operation
from checker.table import Table
from checker.verdict import Validity, Verdict
from checker.version_graph import graph_of
from tests.property.ideal_store import run
from tests.unit.script import Script

SEEDS = int(os.environ.get("DYNAMO_SEEDS", "100"))
"""Histories per test. DYNAMO_SEEDS=5000 for a long run."""

FLAWS = (None, "last-write-wins", "no-dots", "early-ack", "early-reap", "lying-failure")

CHECKS_BY_MODE = (freshness.check, monotonicity.check, tombstones.check)

CHECKS = (
    causal.check,
    lost_writes.check,
    siblings.check,
    convergence.check,
    availability.check,
    staleness.check,
    *CHECKS_BY_MODE,
)

needs_numba = pytest.mark.skipif(not kernel.available(), reason="numba is not installed (extra `scale`)")


def history_of(seed: int) -> History:
    """Some are longer than 64 versions (a word), some than 1024 (a block); every flaw in turn."""
    length = 2400 if seed % 75 == 74 else 10 + seed % 150
    history = run(seed, length, FLAWS[seed % len(FLAWS)])
    return history if seed % 4 else damaged(history, seed)


def damaged(history: History, seed: int) -> History:
    """The same with answers that no store gives: unknown ids, ids twice, ids of the future, circles.

    Some reads in the middle call themselves final.
    """
    rng = random.Random(seed)
    names = [entry.write for entry in history if entry.write is not None] or ["w0"]
    entries: list[Operation] = []
    for entry in history:
        reads = entry.reads
        if reads is not None and rng.random() < 0.08:
            reads = (*reads, *rng.choices([*names[:60], "never"], k=2))
        key = "other" if entry.process == 3 else entry.key
        final = entry.final or (entry.type == "ok" and entry.write is None and rng.random() < 0.1)
        entries.append(msgspec.structs.replace(entry, reads=reads, key=key, final=final))
    return History(entries)


@needs_numba
def test_compiled_and_plain_see_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    from checker.dynamo.evidence import evidence_of

    for seed in range(SEEDS):
        entries = list(history_of(seed))
        plain = [sight for sights in sights_of(History(entries)).values() for sight in sights]
        monkeypatch.setattr(scale, "FAST_FROM", 0)
        for history in (History(entries), History(Table.from_history(entries))):
            evidence = evidence_of(history)
            assert [evidence.sight(read) for read in range(len(plain))] == plain, seed
            assert evidence.sights.missed.size == len(plain)
        monkeypatch.undo()


@needs_numba
def test_a_key_with_very_many_entries_is_judged_by_compiled_code() -> None:
    def reads(keys: int) -> History:
        return History(
            Operation(process=0, type=kind, f="get", key=f"k{at % keys}")
            for at in range(scale.FAST_FROM_PER_KEY // 2)
            for kind in ("invoke", "ok")
        )

    assert scale.compiled(reads(1))
    assert not scale.compiled(reads(2))


@needs_numba
def test_verdicts_are_the_same_on_every_path(monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(min(SEEDS, 1000)):
        entries = list(history_of(seed))
        assert_same_verdicts(entries, monkeypatch, str(seed))


@needs_numba
def test_verdicts_are_the_same_with_witnesses_and_carts(monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(SEEDS):
        assert_same_verdicts(witnessed(seed), monkeypatch, str(seed))


def witnessed(seed: int) -> list[Operation]:
    """With looks at the replicas, faults and phases between the operations of clients; every third a cart."""
    rng = random.Random(seed)
    history = run(seed, 5 + seed % 40, FLAWS[seed % len(FLAWS)], cart=seed % 3 == 0)
    told: list[dict[str, Any]] = []
    written: list[str] = []
    for entry in history:
        if entry.write is not None and entry.type == "invoke":
            written.append(entry.write)
        if entry.final and entry.process == 9990 and entry.type == "invoke":
            settled = rng.choice([True, False, None])
            told.append(
                {"process": "harness", "f": "phase", "value": {"phase": "settle", "settled": settled}}
            )
            told.append(look(rng, written, final=False))
        told.append(msgspec.to_builtins(entry))
        if rng.random() < 0.1:
            fault = {"id": len(told), "kind": "kill", "targets": ["n1"]}
            told.append({"process": "nemesis", "f": "inject", "value": fault})
        if rng.random() < 0.15:
            told.append(look(rng, written, final=False))
    told.append(look(rng, written, final=rng.random() < 0.8))
    return [
        msgspec.convert({"type": "info"} | each | {"index": at, "time": at * 1_000_000}, Operation)
        for at, each in enumerate(told)
    ]


def look(rng: random.Random, written: list[str], final: bool) -> dict[str, Any]:
    """Nodes that hold some of what was written, or do not answer."""
    replicas: dict[str, Any] = {}
    for node in ("n1", "n2"):
        held = rng.sample(written, min(len(written), rng.randint(0, 2)))
        hinted = {"n2/k": rng.sample(written, 1)} if written and rng.random() < 0.2 else {}
        sample = {"keys": {"k": held}, "digests": {"k": "+".join(sorted(held))}, "hinted": hinted}
        sample |= {"hints": len(hinted), "repairs": len(written)}
        replicas[node] = None if rng.random() < 0.1 else sample
    return {"process": "observer", "f": "sample", "value": {"replicas": replicas}, "final": final}


@needs_numba
def test_verdicts_are_the_same_of_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from checker.formats.columns import read_table
    from checker.formats.detect import Notation

    for seed in range(min(SEEDS, 40)):
        entries = witnessed(seed) if seed % 2 else list(history_of(seed))
        path = tmp_path / f"{seed}.jsonl"
        path.write_bytes(b"".join(msgspec.json.encode(entry) + b"\n" for entry in entries))
        plain = verdicts(History(entries))
        table = read_table(path, Notation.JSON_LINES)
        assert table is not None
        assert table.pool.read
        monkeypatch.setattr(scale, "FAST_FROM", 0)
        history = History(table)
        assert history.table is not None
        assert verdicts(history) == plain, seed
        monkeypatch.undo()


@needs_numba
@pytest.mark.parametrize("name", ['w"1', "w\\1", "wé", "", "w,1", "w]["])
def test_odd_ids_are_read_as_they_are(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    entries = list(run(5, 12))
    odd = [
        msgspec.structs.replace(
            entry,
            write=name if entry.write == "w1" else entry.write,
            reads=entry.reads and tuple(name if each == "w1" else each for each in entry.reads),
        )
        for entry in entries
    ]
    assert_same_verdicts(odd, monkeypatch, name)


def gone_twice() -> Script:
    """A version is back that both a write and a delete had replaced."""
    script = Script()
    script.put("w1")
    script.put("w2", "w1")
    script.delete("d3", "w1")
    script.final("w1")
    return script


def many_losses() -> Script:
    """More losses than are listed, those of the key that was used first later than the others."""
    script = Script()
    script.get(key="a")
    for key in ("b", "a"):
        for number in range(LISTED + 9):
            script.put(f"{key}{number}", key=key)
    for key in ("a", "b"):
        script.final(key=key)
    return script


def removed_by_nobody_knows_whom() -> Script:
    """The remove had seen a write whose client vanished, which may have seen the add."""
    script = Script()
    script.cart("add", "milk", "w1")
    script.begin(7, "add", "w2", value={"item": "rice"})
    script.cart("remove", "milk", "w3", "w2")
    script.final_cart([], "w3")
    return script


def removed_in_vain() -> Script:
    """The remove had no effect that anybody sees."""
    script = Script()
    script.cart("add", "milk", "w1")
    script.cart("remove", "milk", "w2", "w1", type="info")
    script.final_cart([])
    return script


def added_between_the_final_reads() -> Script:
    """Only a read that began later can miss it."""
    script = Script()
    script.cart("add", "rice", "w0")
    script.final_cart(["rice"], "w0")
    script.cart("add", "milk", "w1")
    script.final_cart(["rice"], "w0")
    return script


SCRIPTS = {
    gone_twice: {"lost-write", "resurrected-delete"},
    many_losses: {"lost-write"},
    removed_by_nobody_knows_whom: set[str](),
    removed_in_vain: {"lost-write"},
    added_between_the_final_reads: {"lost-write"},
}
"""What the random histories have too seldom -> what the causal checker and that of lost writes find."""


@needs_numba
@pytest.mark.parametrize("script", SCRIPTS)
def test_rare_endings_are_judged_the_same(
    script: Callable[[], Script], monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = list(script().history())
    found = (check(History(entries), {}).anomalies for check in (causal.check, lost_writes.check))
    assert {anomaly.type for anomalies in found for anomaly in anomalies} == SCRIPTS[script]
    assert_same_verdicts(entries, monkeypatch, script.__name__)


def assert_same_verdicts(entries: list[Operation], monkeypatch: pytest.MonkeyPatch, note: str) -> None:
    """Plain, compiled from operations, and compiled from columns that were read."""
    plain = verdicts(History(entries))
    monkeypatch.setattr(scale, "FAST_FROM", 0)
    assert verdicts(History(entries)) == plain, note
    assert verdicts(History(Table.from_history(entries))) == plain, note
    monkeypatch.undo()


def verdicts(history: History) -> list[Verdict]:
    """Of all checkers; with both modes where there are two."""
    sloppy = [check(history, {}) for check in CHECKS]
    return sloppy + [check(history, {"mode": "strict"}) for check in CHECKS_BY_MODE]


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
