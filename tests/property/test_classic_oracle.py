"""Classic checkers against their definitions, read off literally, on random histories with crashes.

Each oracle is the slow sentence of the checker's documentation: all pairs, all subsets, all reads of an
element.  The columnar ways of set-full and total-queue are held to the readable ones on the same histories.

CLASSIC_ORACLE_CASES sets the number of histories per checker (default: some hundreds, for every day).
"""

import itertools
import os
import random
from collections.abc import Callable
from typing import Any

import pytest

from checker.classic import queues, set_timelines
from checker.history import History, Pair
from checker.operation import Operation
from checker.registry import check
from checker.verdict import Validity

CASES = int(os.environ.get("CLASSIC_ORACLE_CASES", "400"))

Asked = tuple[str, Any]
Draw = Callable[[random.Random], Asked]
Answer = Callable[[random.Random, Asked], Any]


def random_history(rng: random.Random, ask: Draw, answer: Answer) -> History:
    """Up to four processes at once; outcomes as they fall; now and then an end that never comes."""
    entries: list[Operation] = []
    open_ones: dict[int, Asked] = {}
    fresh = 0
    for _ in range(rng.randint(2, 22)):
        if len(open_ones) < 4 and rng.random() < 0.55:
            asked = ask(rng)
            open_ones[fresh] = asked
            entries.append(Operation(process=fresh, type="invoke", f=asked[0], value=asked[1]))
            fresh += 1
        elif open_ones:
            process = rng.choice(list(open_ones))
            f, value = open_ones.pop(process)
            kind = rng.choices(("ok", "info", "fail"), (8, 1, 1))[0]
            result = answer(rng, (f, value)) if kind == "ok" else value
            entries.append(Operation(process=process, type=kind, f=f, value=result))  # type: ignore[arg-type]
    return History(entries)


def cases(ask: Draw, answer: Answer, seed: int) -> list[History]:
    rng = random.Random(seed)
    return [random_history(rng, ask, answer) for _ in range(CASES)]


def ok(pair: Pair) -> bool:
    return pair[1] is not None and pair[1].type == "ok"


def failed(pair: Pair) -> bool:
    return pair[1] is not None and pair[1].type == "fail"


def end(pair: Pair) -> int:
    """Where it ended; after everything when it never did, or nobody knows."""
    return pair[1].index if pair[1] is not None and pair[1].type != "info" else 10**9


def of(history: History, *fs: str) -> list[Pair]:
    return [pair for pair in history.pairs() if pair[0].f in fs]


def result(pair: Pair) -> Any:
    assert pair[1] is not None
    return pair[1].value


# --- sets ------------------------------------------------------------------------------------------


def ask_set(rng: random.Random) -> Asked:
    return ("add", rng.randrange(4)) if rng.random() < 0.5 else ("read", None)


def answer_set(rng: random.Random, asked: Asked) -> Any:
    if asked[0] == "add":
        return asked[1]
    shown = [element for element in range(4) if rng.random() < 0.6]
    return shown + [rng.choice([0, 9]) for _ in range(rng.random() < 0.1)]


def fate(history: History, element: int) -> str:
    """By the words of set_full: look at every read that could show the element."""
    adds = [pair for pair in of(history, "add") if pair[0].value == element]
    begun = min(pair[0].index for pair in adds)
    reads = [pair for pair in of(history, "read") if ok(pair) and end(pair) > begun]
    showing = [pair for pair in reads if element in result(pair)]
    known = min([end(pair) for pair in adds + showing if ok(pair)], default=None)
    if known is None:
        return "never-read"
    last = max(reads, key=lambda pair: pair[0].index, default=None)
    if last is not None and element in result(last):
        missed = [p for p in reads if p[0].index > known and element not in result(p)]
        return "stale" if missed else "stable"
    latest = max((pair[0].index for pair in showing), default=-1)
    gone = [p for p in reads if p[0].index > max(known, latest) and element not in result(p)]
    return "lost" if gone else "never-read"


def test_set_full() -> None:
    for history in cases(ask_set, answer_set, 1):
        added = sorted({pair[0].value for pair in of(history, "add")})
        fates = {element: fate(history, element) for element in added}
        for strict in (False, True):
            verdict = check(history, "set-full", {"linearizable?": strict})
            stats = verdict.stats
            wanted = {
                kind: [e for e in added if fates[e] == kind] for kind in ("lost", "stale", "never-read")
            }
            assert {kind: stats[kind] for kind in wanted} == wanted, list(history)
            reads = [pair for pair in of(history, "read") if ok(pair)]
            begun = {p[0].value: min(q[0].index for q in of(history, "add") if q[0].value == p[0].value)
                     for p in of(history, "add")}  # fmt: skip
            wrong = any(begun.get(e, 10**9) > end(p) for p in reads for e in result(p))
            known_twice = any(
                result(p).count(e) > 1 and begun.get(e, 10**9) < end(p) for p in reads for e in result(p)
            )
            invalid = wanted["lost"] or wrong or known_twice or (strict and wanted["stale"])
            stable = [e for e in added if fates[e] in ("stable", "stale")]
            expected = Validity.INVALID if invalid else Validity.VALID if stable else Validity.UNKNOWN
            assert verdict.validity is expected, list(history)


def test_set_full_columns_answer_the_same() -> None:
    pytest.importorskip("numba")
    from checker.classic.set_columns import check_columns, columns_of

    for history in cases(ask_set, answer_set, 2):
        records = set_timelines.records_of(history)
        assert check_columns(columns_of(records)) == set_timelines.trace(records), list(history)


def test_set() -> None:
    for history in cases(ask_set, answer_set, 3):
        adds = of(history, "add")
        reads = sorted((p for p in of(history, "read") if ok(p)), key=end)
        verdict = check(history, "set")
        if not reads:
            assert verdict.validity is Validity.UNKNOWN
            continue
        final = result(reads[-1])
        lost = {pair[0].value for pair in adds if ok(pair)} - set(final)
        unexpected = set(final) - {pair[0].value for pair in adds}
        assert (set(verdict.stats["lost"]), set(verdict.stats["unexpected"])) == (lost, unexpected)
        wrong = lost or unexpected or len(set(final)) < len(final)
        assert verdict.validity is (Validity.INVALID if wrong else Validity.VALID)


# --- counters, queues, ids -------------------------------------------------------------------------


def ask_counter(rng: random.Random) -> Asked:
    return ("add", rng.randint(-3, 5)) if rng.random() < 0.6 else ("read", None)


def answer_counter(rng: random.Random, asked: Asked) -> Any:
    return asked[1] if asked[0] == "add" else rng.randint(-4, 10)


def test_counter() -> None:
    for history in cases(ask_counter, answer_counter, 4):
        adds = [pair for pair in of(history, "add") if not failed(pair)]
        wrong = []
        for read in filter(ok, of(history, "read")):
            must = [p[0].value for p in adds if ok(p) and end(p) < read[0].index]
            begun = [p for p in adds if p[0].index < end(read)]
            may = [p[0].value for p in begun if not ok(p) or end(p) > read[0].index]
            sums = [
                sum(must) + sum(some) for n in range(len(may) + 1) for some in itertools.combinations(may, n)
            ]
            if not min(sums) <= result(read) <= max(sums):
                wrong.append([min(sums), result(read), max(sums)])
        verdict = check(history, "counter")
        assert sorted(verdict.stats["errors"]) == sorted(wrong), list(history)
        assert (verdict.validity is Validity.INVALID) == bool(wrong)


def ask_queue(rng: random.Random) -> Asked:
    if rng.random() < 0.55:
        return "enqueue", rng.randrange(4)
    return ("dequeue" if rng.random() < 0.8 else "drain"), None


def answer_queue(rng: random.Random, asked: Asked) -> Any:
    if asked[0] == "drain":
        return [rng.randrange(5) for _ in range(rng.randint(0, 2))]
    return asked[1] if asked[0] == "enqueue" else rng.randrange(5)


def came_out(pairs: list[Pair]) -> list[tuple[int, int]]:
    """(when, element) of everything that came out."""
    return [
        (end(p), value) for p in pairs if ok(p) for value in (result(p) if p[0].f == "drain" else [result(p)])
    ]


def test_queue() -> None:
    """An element may come out as often as it had begun to go in by then; one too many is one anomaly."""
    for history in cases(ask_queue, answer_queue, 5):
        put = [(p[0].index, p[0].value) for p in of(history, "enqueue") if not failed(p)]
        unexpected = 0
        for element in range(5):
            inside = 0
            moments = [(at, 1) for at, v in put if v == element]
            moments += [(at, -1) for at, v in came_out(of(history, "dequeue", "drain")) if v == element]
            for _, change in sorted(moments):
                unexpected += inside + change < 0
                inside = max(inside + change, 0)
        verdict = check(history, "queue")
        assert verdict.stats["unexpected-count"] == unexpected, list(history)
        assert (verdict.validity is Validity.INVALID) == bool(unexpected)


def test_total_queue() -> None:
    for history in cases(ask_queue, answer_queue, 6):
        tried = [p[0].value for p in of(history, "enqueue")]
        acknowledged = [p[0].value for p in of(history, "enqueue") if ok(p)]
        out = [value for _, value in came_out(of(history, "dequeue", "drain"))]
        lost, unexpected, duplicated, recovered = [], [], [], []
        for e in range(5):
            n_tried, n_ok, n_out = tried.count(e), acknowledged.count(e), out.count(e)
            lost += [e] * max(n_ok - n_out, 0)
            unexpected += [e] * (n_out if not n_tried else 0)
            duplicated += [e] * (max(n_out - n_tried, 0) if n_tried else 0)
            recovered += [e] * max(min(n_out, n_tried) - n_ok, 0)
        stats = check(history, "total-queue").stats
        kinds = ("lost", "unexpected", "duplicated", "recovered")
        found = [stats[kind] for kind in kinds]
        assert found == [lost, unexpected, duplicated, recovered], list(history)
        columns, names = queues.columns_of(history)
        for counts, kind in zip(queues.check_columns(columns), kinds, strict=True):
            assert sorted(names[at] for at, n in counts.items() for _ in range(n)) == stats[kind]


def test_unique_ids() -> None:
    for history in cases(lambda rng: ("generate", None), lambda rng, asked: rng.randrange(12), 7):
        ids = [result(pair) for pair in history.pairs() if ok(pair)]
        twice = any(a == b for a, b in itertools.combinations(ids, 2))
        expected = Validity.INVALID if twice else Validity.VALID if ids else Validity.UNKNOWN
        assert check(history, "unique-ids").validity is expected


# --- reads of several things -----------------------------------------------------------------------


def answer_bank(rng: random.Random, asked: Asked) -> Any:
    first = rng.choice([0, 2, 5, 5, 11])
    return {"a": first, "b": rng.choice([10 - first] * 4 + [3])}


def test_bank() -> None:
    options = {"accounts": ["a", "b"], "total-amount": 10}
    for history in cases(lambda rng: ("read", None), answer_bank, 8):
        reads = [result(pair) for pair in history.pairs() if ok(pair)]
        wrong = [r for r in reads if sum(r.values()) != 10 or min(r.values()) < 0]
        unsigned = [r for r in reads if sum(r.values()) != 10]
        for allowed, expected in ((False, wrong), (True, unsigned)):
            verdict = check(history, "bank", options | {"negative-balances?": allowed})
            assert verdict.stats.get("error-count", 0) == len(expected)
            assert (verdict.validity is Validity.INVALID) == bool(expected)


def test_long_fork() -> None:
    def ask(rng: random.Random) -> Asked:
        return "txn", [["r", key, None] for key in rng.choice([(0, 1), (0, 1, 2), (2, 3)])]

    def answer(rng: random.Random, asked: Asked) -> Any:
        return [["r", key, 1 if rng.random() < 0.2 + 0.2 * key else None] for _, key, _ in asked[1]]

    for history in cases(ask, answer, 9):
        states = [{key: value for _, key, value in result(p)} for p in history.pairs() if ok(p)]
        forked = any(
            one.keys() == other.keys()
            and any(one[k] and not other[k] for k in one)
            and any(other[k] and not one[k] for k in one)
            for one, other in itertools.combinations(states, 2)
        )
        assert (check(history, "long-fork").validity is Validity.INVALID) == forked, states


def test_causal_reverse() -> None:
    written: list[int] = []

    def ask(rng: random.Random) -> Asked:
        if rng.random() < 0.6:
            written.append(len(written))
            return "write", written[-1]
        return "read", None

    def answer(rng: random.Random, asked: Asked) -> Any:
        if asked[0] == "write":
            return asked[1]
        return [value for value in written[-9:] if rng.random() < 0.85]

    for history in cases(ask, answer, 10):
        writes = of(history, "write")
        found = any(
            later[0].value in result(read) and earlier[0].value not in result(read)
            for read in of(history, "read") if ok(read)
            for earlier in writes if ok(earlier)
            for later in writes
            if end(earlier) < later[0].index
        )  # fmt: skip
        assert (check(history, "causal-reverse").validity is Validity.INVALID) == found, list(history)
