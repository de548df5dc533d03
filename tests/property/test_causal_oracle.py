"""The causal checker against a store that cannot be wrong, and against a slow checker that is plainly right.

Three laws.  Histories of the ideal store are valid, whatever crashes, delays and timeouts it had.  A history
spoilt in one place is invalid, with the anomaly that names the spot.  On any history at all, also one that
no store could produce, the checker finds what the definitions say, computed here the slow way.
"""

import random
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checker import registry
from checker.history import History
from checker.operation import Operation
from checker.verdict import Validity, Verdict
from tests.property.ideal_store import run

Found = set[tuple[str, str]]


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 40))
def test_the_ideal_store_is_never_accused(seed: int, operations: int) -> None:
    history = run(seed, operations)
    for name in ("causal", "lost-writes", "siblings"):
        verdict = registry.check(history, name)
        assert not verdict.anomalies, verdict.anomalies[0].sentence
        written = name == "siblings" or verdict.stats["acknowledged"]
        assert verdict.validity is (Validity.VALID if written else Validity.UNKNOWN), verdict.reason


FLAWS = {
    "last-write-wins": "lost-write",
    "no-dots": "false-sibling",
    "early-ack": "lost-write",
    "early-reap": "resurrected-delete",
    "lying-failure": "phantom-version",
}


@pytest.mark.parametrize(("flaw", "kind"), FLAWS.items())
def test_every_flaw_is_found_soon(flaw: str, kind: str) -> None:
    assert any(kind in kinds(check(run(seed, flaw=flaw))) for seed in range(300)), f"{flaw} was not found"


# --- one spoilt entry --------------------------------------------------------------------------------


def _drop_a_write(rng: random.Random, entries: list[Operation], at: int) -> tuple[int, str] | None:
    """Leave an acknowledged write out of the final read, unless something that had seen it may excuse it."""
    reads = entries[at].reads or ()
    seen_by_somebody = {name for entry in entries if entry.write for name in entry.reads or ()}
    vanished = any(e.type == "invoke" and not _completion(entries, e) for e in entries)
    sure = [n for n in reads if _acknowledged(entries, n) and n not in seen_by_somebody and not vanished]
    if not sure:
        return None
    name = rng.choice(sure)
    return _with_reads(entries, at, tuple(r for r in reads if r != name)), "lost-write"


def _add_an_ancestor(rng: random.Random, entries: list[Operation], at: int) -> tuple[int, str] | None:
    """Show a version beside one that had seen it, in any observation."""
    oracle = Oracle(History(entries))
    pairs = [
        (where, older)
        for where, entry in enumerate(entries)
        if entry.type == "ok" and entry.reads
        for shown in entry.reads
        for older in oracle.ancestors(shown)
        if older != entry.write and older not in entry.reads and oracle.f(older) != "delete"
    ]
    if not pairs:
        return None
    where, older = rng.choice(sorted(pairs))
    return _with_reads(entries, where, (*(entries[where].reads or ()), older)), "false-sibling"


def _add_a_phantom(rng: random.Random, entries: list[Operation], at: int) -> tuple[int, str] | None:
    """Show a version that nobody wrote."""
    return _with_reads(entries, at, (*(entries[at].reads or ()), "w9999")), "phantom-version"


def _show_twice(rng: random.Random, entries: list[Operation], at: int) -> tuple[int, str] | None:
    """Show one version twice."""
    reads = entries[at].reads or ()
    if not reads:
        return None
    return _with_reads(entries, at, (*reads, rng.choice(reads))), "duplicate-sibling"


def _bring_back(kind: str) -> Callable[[random.Random, list[Operation], int], tuple[int, str] | None]:
    """Show a version at the end that an acknowledged delete, or another write, had replaced."""

    def spoil(rng: random.Random, entries: list[Operation], at: int) -> tuple[int, str] | None:
        oracle = Oracle(History(entries))
        by_delete = {x for d in oracle.acknowledged() if oracle.f(d) == "delete" for x in oracle.ancestors(d)}
        by_write = {x for w in oracle.acknowledged() for x in oracle.ancestors(w)} - by_delete
        beside = {x for shown in entries[at].reads or () for x in oracle.ancestors(shown)}
        gone = (
            (by_delete if kind == "resurrected-delete" else by_write) - beside - set(entries[at].reads or ())
        )
        gone = {name for name in gone if oracle.f(name) != "delete"}
        if not gone:
            return None
        return _with_reads(entries, at, (*(entries[at].reads or ()), rng.choice(sorted(gone)))), kind

    return spoil


SPOILERS = {
    "drop": _drop_a_write,
    "ancestor": _add_an_ancestor,
    "phantom": _add_a_phantom,
    "twice": _show_twice,
    "back-deleted": _bring_back("resurrected-delete"),
    "back-replaced": _bring_back("resurrected-version"),
}


@pytest.mark.parametrize("spoiler", SPOILERS)
def test_a_spoilt_history_is_always_found(spoiler: str) -> None:
    spoilt = 0
    for seed in range(60):
        entries = list(run(seed, 25))
        made = SPOILERS[spoiler](random.Random(seed), entries, len(entries) - 1)
        if made is None:
            continue
        spoilt += 1
        where, kind = made
        verdict = check(History(entries))
        assert verdict.validity is Validity.INVALID, (spoiler, seed)
        assert kind in kinds(verdict), (spoiler, seed, verdict.reason)
        proof = [a.operations for a in verdict.anomalies if a.type == kind]
        assert any(entries[where].index in operations for operations in proof)
    assert spoilt >= 5, f"only {spoilt} of 60 histories could be spoilt this way"


# --- the slow checker --------------------------------------------------------------------------------


@st.composite
def any_history(draw: st.DrawFn) -> History:
    """Operations one after another or overlapping, with reads drawn without any store behind them."""
    names = [f"w{number}" for number in range(draw(st.integers(1, 6)))]
    some: st.SearchStrategy[tuple[str, ...]] = st.lists(st.sampled_from([*names, "w99"]), max_size=3).map(
        tuple
    )
    outcome = st.sampled_from(["ok", "ok", "ok", "info", "fail", "never"])
    entries: list[Operation] = []
    open_ones: list[tuple[Operation, str]] = []
    plan: list[tuple[str, str | None]] = [
        (draw(st.sampled_from(["put", "update", "update", "delete"])), n) for n in names
    ]
    plan += [("get", None)] * draw(st.integers(0, 3))
    for process, (f, write) in enumerate(draw(st.permutations(plan))):
        entries.append(Operation(process=process, type="invoke", f=f, key="k", write=write))
        open_ones.append((entries[-1], draw(outcome)))
        while open_ones:
            if draw(st.booleans()):
                break
            begun, how = open_ones.pop(draw(st.integers(0, len(open_ones) - 1)))
            if how != "never":
                reads = () if begun.f == "put" else draw(some)
                entries.append(msgspec.structs.replace(begun, type=how, reads=reads))
    for process in range(90, 90 + draw(st.integers(0, 2))):
        begun = Operation(process=process, type="invoke", f="get", key="k", final=True)
        entries += [begun, msgspec.structs.replace(begun, type="ok", reads=draw(some))]
    return History(entries)


@settings(max_examples=600, deadline=None)
@given(any_history())
def test_the_checker_finds_what_the_definitions_say(history: History) -> None:
    expected = Oracle(history).found()
    verdict = check(history)
    assert "crashed" not in verdict.reason
    if ("causal-cycle", "") in expected:
        # Where a write is its own ancestor, "maximal" has no meaning; that much must be said.
        assert "causal-cycle" in kinds(verdict)
        return
    assert set(kinds(verdict)) == {kind for kind, _ in expected}
    for kind in kinds(verdict):
        found = sum(anomaly.type == kind for anomaly in verdict.anomalies)
        assert found == len({name for k, name in expected if k == kind}), kind


class Oracle:
    """The definitions of `checker/causal.py` for one key, by sets and recursion."""

    def __init__(self, history: History) -> None:
        self.pairs = history.pairs()
        self.by_write = {i.write: (i, c) for i, c in self.pairs if i.write is not None}

    def f(self, name: str) -> str:
        """The kind of operation that wrote it."""
        return self.by_write[name][0].f

    def outcome(self, name: str) -> str:
        """ok, fail or info."""
        completion = self.by_write[name][1]
        return completion.type if completion is not None else "info"

    def seen(self, name: str) -> set[str]:
        """What the write had seen, itself; every write there is when that is not known."""
        completion = self.by_write[name][1]
        if completion is None or completion.reads is None:
            return set()
        return {read for read in completion.reads if read in self.by_write and read != name}

    def ancestors(self, name: str) -> set[str]:
        """All that it had seen, directly or not."""
        found: set[str] = set()
        fresh = self.seen(name)
        while fresh:
            found |= fresh
            fresh = {older for each in fresh for older in self.seen(each)} - found
        return found - {name}

    def acknowledged(self) -> list[str]:
        """All acknowledged writes."""
        return [name for name in self.by_write if self.outcome(name) == "ok"]

    def accounted(self, present: set[str]) -> set[str]:
        """What is present, deleted, or had been seen by something accounted for."""
        deletes = {n for n in self.by_write if self.f(n) == "delete" and self.outcome(n) != "fail"}
        result = present | deletes
        while True:
            more = set(result)
            for name in result:
                more |= self.seen(name)
                if self._unknown(name):
                    more |= {other for other in self.by_write if name not in self.ancestors(other)}
            if more == result:
                return result
            result = more

    def _unknown(self, name: str) -> bool:
        completion = self.by_write[name][1]
        return completion is None

    def found(self) -> Found:
        """All anomalies, as (type, id)."""
        result: Found = set()
        for name in self.by_write:
            if any(name in self.ancestors(other) for other in self.seen(name)):
                result.add(("causal-cycle", ""))
        for invocation, completion in self.pairs:
            if completion is not None and completion.reads:
                result |= self._observed(invocation, completion)
            if completion is not None and completion.final and completion.type == "ok":
                result |= self._ended(invocation, completion)
        return result

    def _observed(self, invocation: Operation, completion: Operation) -> Found:
        reads = completion.reads or ()
        result: Found = set()
        for name in reads:
            if reads.count(name) > 1:
                result.add(("duplicate-sibling", name))
            if any(name in self.ancestors(other) for other in reads if other in self.by_write):
                result.add(("false-sibling", name))
            late = name in self.by_write and self.by_write[name][0].index > completion.index
            if (
                name not in self.by_write
                or name == invocation.write
                or late
                or self.outcome(name) == "fail"
                or self.f(name) == "delete"
            ):
                result.add(("phantom-version", name))
        return result

    def _ended(self, invocation: Operation, completion: Operation) -> Found:
        present = {name for name in completion.reads or () if name in self.by_write}
        before = [
            name
            for name in self.acknowledged()
            if (end := self.by_write[name][1]) is not None and end.index < invocation.index
        ]
        accounted = self.accounted(present)
        result = {("lost-write", n) for n in before if self.f(n) != "delete" and n not in accounted}
        beside = {older for name in present for older in self.ancestors(name)}
        for name in present - beside:
            by = {self.f(newer) == "delete" for newer in before if name in self.ancestors(newer)}
            if by:
                result.add(("resurrected-delete" if True in by else "resurrected-version", name))
        return result


# --- small change ------------------------------------------------------------------------------------


def check(history: History) -> Verdict:
    """The causal checker's verdict."""
    return registry.check(history, "causal")


def kinds(verdict: Verdict) -> list[str]:
    """The types of its anomalies."""
    return [anomaly.type for anomaly in verdict.anomalies]


def _acknowledged(entries: list[Operation], name: str) -> bool:
    return any(entry.write == name and entry.type == "ok" for entry in entries)


def _completion(entries: list[Operation], begun: Operation) -> bool:
    return any(e.process == begun.process and e.index > begun.index and e.type != "invoke" for e in entries)


def _with_reads(entries: list[Operation], at: int, reads: tuple[str, ...]) -> int:
    entries[at] = msgspec.structs.replace(entries[at], reads=reads)
    return at
