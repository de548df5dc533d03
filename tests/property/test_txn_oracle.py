"""Transactions against brute force, from three sides, on small random histories.

The worlds of `txn_oracle.py` say which anomalies there are; the executions of `txn_executions.py` which
models are kept; and all serial orders, executed one after the other, whether a history is serializable
(strictly so if the order keeps what ended before something began).  SPLITBRAIN_TXN_CASES histories are tried
of each kind.
"""

import itertools
import os
import random
from collections.abc import Iterator
from typing import Any

import pytest

from checker import kernel
from checker.txn import list_append, models, rw_register, tangle, unravel
from checker.txn.columns import LIST, REGISTER, columns_of
from checker.txn.options import wanted_of
from checker.txn.place import Compiled, Place, Plain
from checker.txn.shapes import SHAPES
from checker.verdict import Validity, Verdict
from tests.property.txn_executions import EXACT, MODELS, executes
from tests.property.txn_histories import history_of, repeat, small_history
from tests.property.txn_oracle import BASES, SUFFIXES, UNCLEAN, Brute, Txn

CASES = int(os.environ.get("SPLITBRAIN_TXN_CASES", "2000"))
SHARDS = 4
"""Parts of the long run, for several workers."""

ASSUMED = dict.fromkeys(rw_register.ASSUMPTIONS, True)
KINDS = pytest.mark.parametrize("is_list", [True, False], ids=["list-append", "rw-register"])

PL1 = {"G0", "duplicate-elements", "cyclic-versions"}
PL2 = PL1 | {"G1a", "G1b", "G1c", "garbage-read", "incompatible-order", "dirty-update", "future-read"}
STABLE = PL2 | {"lost-update"}
ATOMIC = PL2 | {"internal"}
SNAPSHOT = STABLE | ATOMIC | {"G-single-item", "G-nonadjacent-item"}
REPEATABLE = STABLE | {"G-single-item", "G-nonadjacent-item", "G2-item"}


def with_order(suffixes: tuple[str, ...], *cycles: str) -> set[str]:
    return {cycle + suffix for cycle in cycles for suffix in suffixes}


SESSION, CLOCK = ("-process",), ("-process", "-realtime")
FORBIDS: dict[str, set[str]] = {
    "read-uncommitted": PL1,
    "read-committed": PL2,
    "monotonic-view": PL2,
    "monotonic-snapshot-read": PL2,
    "monotonic-atomic-view": PL2,
    "cursor-stability": STABLE,
    "consistent-view": STABLE | {"G-single-item"},
    "forward-consistent-view": STABLE | {"G-single-item"},
    "update-serializable": STABLE | {"G-single-item"},
    "repeatable-read": REPEATABLE,
    "read-atomic": ATOMIC,
    "causal-cerone": ATOMIC,
    "prefix": ATOMIC,
    "update-atomic": ATOMIC | {"lost-update"},
    "parallel-snapshot-isolation": ATOMIC | {"lost-update"},
    "snapshot-isolation": SNAPSHOT,
    "serializable": SNAPSHOT | REPEATABLE,
    "strong-session-read-uncommitted": PL1 | with_order(SESSION, "G0"),
    "strong-session-read-committed": PL2 | with_order(SESSION, "G0", "G1c"),
    "strong-session-snapshot-isolation": SNAPSHOT | with_order(SESSION, *BASES[:4]),
    "strong-session-serializable": SNAPSHOT | REPEATABLE | with_order(SESSION, *BASES),
    "strong-read-uncommitted": PL1 | with_order(CLOCK, "G0"),
    "strong-read-committed": PL2 | with_order(CLOCK, "G0", "G1c"),
    "strong-snapshot-isolation": SNAPSHOT | with_order(CLOCK, *BASES[:4]),
    "strict-serializable": SNAPSHOT | REPEATABLE | with_order(CLOCK, *BASES),
}
"""What each model forbids, written down once more from the papers: no closure over a lattice."""


def judge(txns: list[Txn], assumed: frozenset[str] | None, model: str, place: Place) -> Verdict:
    """The checker's answer; `assumed` is None for lists."""
    wanted = wanted_of({"consistency-models": [model]}, ("consistency-models",))
    columns = columns_of(history_of(txns), LIST if assumed is None else REGISTER)
    if assumed is None:
        return list_append.check_columns(columns, wanted, place)
    return rw_register.check_columns(columns, wanted, assumed, place=place)


def told(verdict: Verdict) -> tuple[frozenset[str], frozenset[str]]:
    """The anomalies that are no cycles; and the cycles, with what they imply."""
    every = {base + suffix for base in BASES for suffix in SUFFIXES}
    found = set(verdict.stats["counts"])
    implied = {other for name in found & every for other in models.implied_anomalies(name)}
    return frozenset(found - every), frozenset(implied & every)


def disagreement(rng: random.Random, txns: list[Txn], is_list: bool, place: Place) -> str:
    """Where checker and brute force differ; empty: nowhere."""
    chosen = frozenset(name for name in rw_register.ASSUMPTIONS if rng.random() < 0.6)
    brute = Brute(txns, is_list, frozenset() if is_list else chosen)
    assumed = None if is_list else chosen
    verdict = judge(txns, assumed, "strict-serializable", place)
    if brute.twice:  # What is left without the keys in doubt must be judged like any other history.
        if verdict.validity is Validity.VALID:
            return "valid, although a value was written twice"
        brute = Brute(brute.without(brute.twice), is_list, brute.assumed)
    flags, cycles = told(verdict)
    flagged = brute.flagged()
    loose = {"future-read", "lost-update"} if "internal" in flagged else set()
    loose |= {"cyclic-versions"} if brute.unwritten() else set()
    if (flags ^ flagged) - loose:
        return f"{assumed} told {sorted(flags)}, there are {sorted(flagged)}"
    unclear = flagged & UNCLEAN or brute.unwritten()
    if cycles_wrong := "" if unclear else brute.disagreement(cycles):
        return f"{assumed} {cycles_wrong}"
    model = rng.choice(list(FORBIDS))
    broken = bool(FORBIDS[model] & (flags | cycles))
    invalid = judge(txns, assumed, model, place).validity is Validity.INVALID
    return f"{model}: invalid is {invalid}, {sorted(flags | cycles)}" if broken is not invalid else ""


def histories(seed: int, is_list: bool, count: int) -> Iterator[tuple[random.Random, list[Txn]]]:
    rng = random.Random(seed)
    for _ in range(count):
        txns = small_history(rng, is_list)
        if rng.random() < 0.02:
            repeat(rng, txns)
        yield rng, txns


@pytest.mark.parametrize("model", ["serializable", "strong-session-serializable", "strict-serializable"])
def test_registers_unravel_exactly_if_they_have_no_cycle(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[bool] = []

    def noted(*arguments: Any) -> tuple[bool, bool]:
        answer = unravel.unraveled(*arguments)
        found.append(answer[0])
        return answer

    monkeypatch.setattr(rw_register, "unraveled", noted)
    ends = set()
    for rng, txns in histories(500, False, CASES // 2):
        found.clear()
        assumed = frozenset(name for name in rw_register.ASSUMPTIONS if rng.random() < 0.6)
        verdict = judge(txns, assumed, model, Plain())
        if found:
            assert found == [not verdict.stats["counts"]], f"{model}, {assumed}\n{txns}"
            ends.add(found[0])
    assert ends == {True, False}


@KINDS
@pytest.mark.parametrize("shard", range(SHARDS))
def test_every_anomaly_and_every_model_is_that_of_brute_force(is_list: bool, shard: int) -> None:
    for rng, txns in histories(1000 + shard, is_list, CASES // SHARDS):
        wrong = disagreement(rng, txns, is_list, Plain())
        assert not wrong, f"{wrong}\n{txns}"


@KINDS
@pytest.mark.parametrize("shard", range(SHARDS))
def test_what_an_execution_explains_is_kept_and_the_rest_is_found(is_list: bool, shard: int) -> None:
    """Nothing that can be executed is called invalid.  Of lists whose versions are all known, what cannot be
    executed under snapshot isolation or serially is always found; weaker models are more than cycles."""
    invalid = kept = 0
    for rng, txns in histories(2000 + shard, is_list, CASES // SHARDS // 4):
        brute = Brute(txns, is_list)
        model = rng.choice(list(MODELS))
        if brute.twice or brute.unwritten():
            continue
        verdict = judge(txns, None if is_list else frozenset(), model, Plain())
        explained = executes(brute, model)
        kept += explained
        if explained:
            assert verdict.validity is not Validity.INVALID, (model, verdict.reason, txns)
        elif is_list and model in EXACT and known_worlds(brute) == 1:
            assert verdict.validity is Validity.INVALID, (model, txns)
            invalid += 1
    assert kept
    assert invalid or not is_list


@KINDS
def test_write_skew_and_long_fork_are_found_beside_anything_else(is_list: bool) -> None:
    options = {"consistency-models": [], "anomalies": list(SHAPES)}
    wanted, seen = wanted_of(options, tuple(options)), set()
    for _, txns in histories(4, is_list, CASES):
        brute = Brute(txns, is_list, frozenset() if is_list else frozenset(rw_register.ASSUMPTIONS))
        if brute.twice or brute.unwritten() or brute.flagged() & UNCLEAN:
            continue
        columns = columns_of(history_of(txns), LIST if is_list else REGISTER)
        if is_list:
            verdict = list_append.check_columns(columns, wanted, Plain())
        else:
            verdict = rw_register.check_columns(columns, wanted, brute.assumed, place=Plain())
        told = set(verdict.stats["counts"]) & set(SHAPES)
        worlds = list(itertools.islice(brute.worlds(), 20))
        for world in worlds:
            assert told <= brute.shapes(world, whole=True), (told, txns)
        if len(worlds) == 1:
            assert told >= brute.shapes(worlds[0], whole=False), (told, txns)
        if told:
            assert verdict.validity is Validity.INVALID
        seen |= told
    assert seen >= set(SHAPES) if is_list else seen


def known_worlds(brute: Brute) -> int:
    """How many worlds there are, of at most 2."""
    return len(list(itertools.islice(brute.worlds(), 2)))


# --- serial orders ---------------------------------------------------------------------------------


def serial(txns: list[Txn], is_list: bool, clock: bool) -> bool:
    """Brute force: does some serial order explain everything? `clock`: one that keeps real time."""
    certain = [t for t in txns if t.kind == "ok"]
    unknown = [t for t in txns if t.kind == "info"]
    return any(
        runs(order, is_list)
        for count in range(len(unknown) + 1)
        for extra in itertools.combinations(unknown, count)
        for order in itertools.permutations([*certain, *extra])
        if not clock or keeps_time(order)
    )


def keeps_time(order: tuple[Txn, ...]) -> bool:
    """Nothing comes after what began when it had ended."""
    return not any(
        later.kind == "ok" and 0 <= later.ended < earlier.begun
        for at, earlier in enumerate(order)
        for later in order[at + 1 :]
    )


def runs(order: tuple[Txn, ...], is_list: bool) -> bool:
    """Do the reads return what a serial execution returns?"""
    state: dict[str, list[int]] = {}
    for txn in order:
        for verb, key, value in txn.steps:
            now = state.setdefault(key, [])
            if verb != "r":
                now.append(value)
            elif txn.kind == "ok" and value != (now if is_list else (now[-1] if now else None)):
                return False
    return True


def judged(txns: list[Txn], is_list: bool, model: str) -> Verdict:
    """The checker's answer; registers with all assumptions that hold under the model."""
    options: dict[str, Any] = {"consistency-models": [model]}
    if is_list:
        return list_append.check(history_of(txns), options)
    return rw_register.check(history_of(txns), options | (ASSUMED if model == "strict-serializable" else {}))


@KINDS
@pytest.mark.parametrize("model", ["serializable", "strict-serializable"])
def test_what_can_be_executed_serially_is_never_called_invalid(is_list: bool, model: str) -> None:
    for _, txns in histories(1, is_list, CASES // 4):
        if serial(txns, is_list, clock=model == "strict-serializable"):
            verdict = judged(txns, is_list, model)
            assert verdict.validity is not Validity.INVALID, (verdict.reason, txns)


@pytest.mark.parametrize("model", ["serializable", "strict-serializable"])
def test_lists_that_cannot_be_executed_serially_are_always_found(model: str) -> None:
    """Complete for lists up to the order of appends that nobody read; those histories are counted."""
    missed = invalid = 0
    for _, txns in histories(2, True, CASES // 4):
        if not serial(txns, True, clock=model == "strict-serializable"):
            invalid += 1
            verdict = judged(txns, True, model)
            if verdict.validity is Validity.VALID:
                missed += 1
                assert unread(txns), (verdict.reason, txns)
    assert invalid > CASES // 80
    assert missed <= invalid // 50


def unread(txns: list[Txn]) -> bool:
    """Did two transactions append to one key what no acknowledged read shows?"""
    shown = {(s[1], v) for t in txns if t.kind == "ok" for s in t.steps if s[0] == "r" for v in s[2]}
    hidden = [
        {s[1] for s in t.steps if s[0] == "append" and (s[1], s[2]) not in shown}
        for t in txns
        if t.kind != "fail"
    ]
    return any(a & b for a, b in itertools.combinations(hidden, 2)) or any(t.kind == "info" for t in txns)


# --- two paths -------------------------------------------------------------------------------------


@pytest.mark.skipif(not kernel.available(), reason="numba is not installed (extra: scale)")
@KINDS
def test_both_paths_answer_the_same(is_list: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cycles, too, are searched by machine code here, which otherwise happens in large tangles only."""
    monkeypatch.setattr(tangle, "SMALL", -1)
    for rng, txns in histories(3, is_list, max(300, CASES // 50)):
        assumed = None if is_list else frozenset(rng.sample(rw_register.ASSUMPTIONS, rng.randint(0, 3)))
        answers = [judge(txns, assumed, "strict-serializable", place) for place in (Plain(), Compiled())]
        assert answers[0] == answers[1], txns
