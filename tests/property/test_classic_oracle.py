"""Classic checkers against their definitions, read off literally, on random histories with crashes.

Each oracle is the slow sentence of the checker's documentation: all pairs, all subsets, all reads of an
element.  It gives the verdict, how many anomalies there are of each type, and the figures that matter.
At the end each checker is damaged in several places, and the oracle must notice each time.
(Columns are held to operations in `test_classic_columns.py`.)

CLASSIC_ORACLE_CASES sets the number of histories in all (default: some thousands, for every day).
"""

import importlib
import itertools
import os
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from checker.history import History, Pair
from checker.operation import Operation
from checker.registry import check
from checker.verdict import Validity, Verdict

ALL_CASES = int(os.environ.get("CLASSIC_ORACLE_CASES", "4000"))

Asked = tuple[str, Any]
Options = dict[str, Any]


class Expected(NamedTuple):
    """What the definition says: anomalies by type, whether nothing could be said, and some of the stats."""

    counts: dict[str, int]
    doubt: bool
    stats: dict[str, Any]


class Case(NamedTuple):
    """A checker, the options to judge by, how clients ask and stores answer, and the definition."""

    name: str
    options: list[Options]
    ask: Callable[[random.Random], Asked]
    answer: Callable[[random.Random, Asked], Any]
    oracle: Callable[[History, Options], Expected]


def random_history(rng: random.Random, case: Case) -> History:
    """Up to four processes at once; outcomes as they fall; now and then an end that never comes."""
    entries: list[Operation] = []
    open_ones: dict[int, Asked] = {}
    fresh = 0
    for _ in range(rng.randint(2, 22)):
        time = len(entries) * 333_333
        if len(open_ones) < 4 and rng.random() < 0.55:
            asked = case.ask(rng)
            open_ones[fresh] = asked
            entries.append(Operation(time=time, process=fresh, type="invoke", f=asked[0], value=asked[1]))
            fresh += 1
        elif open_ones:
            process = rng.choice(list(open_ones))
            f, value = open_ones.pop(process)
            kind: Any = rng.choices(("ok", "info", "fail"), (8, 1, 1))[0]
            result = case.answer(rng, (f, value)) if kind == "ok" else value
            entries.append(Operation(time=time, process=process, type=kind, f=f, value=result))
    return History(entries)


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


def fate(history: History, element: int) -> tuple[str, int]:
    """By the words of set_full: look at every read that could show the element. With its latency (ms)."""
    adds = [pair for pair in of(history, "add") if pair[0].value == element]
    begun = min(pair[0].index for pair in adds)
    reads = [pair for pair in of(history, "read") if ok(pair) and end(pair) > begun]
    showing = [pair for pair in reads if element in result(pair)]
    known = min([end(pair) for pair in adds + showing if ok(pair)], default=None)
    if known is None:
        return "never-read", 0

    def latency(read: int) -> int:
        return max(history[read].time + 1 - history[known].time, 0) // 1_000_000

    last = max(reads, key=lambda pair: pair[0].index, default=None)
    missing = [pair[0].index for pair in reads if element not in result(pair)]
    if last is not None and element in result(last):
        missed = max(missing, default=None)
        late = latency(missed) if missed is not None else 0
        return ("stale" if missed is not None and missed > known else "stable"), late
    latest = max((pair[0].index for pair in showing), default=-1)
    gone = [read for read in missing if read > max(known, latest)]
    if not gone:
        return "never-read", 0
    return "lost", latency(latest) if latest >= 0 else 0


def oracle_set_full(history: History, options: Options) -> Expected:
    adds = of(history, "add")
    added = sorted({pair[0].value for pair in adds})
    begun = {e: min(pair[0].index for pair in adds if pair[0].value == e) for e in added}
    fates = {element: fate(history, element) for element in added}
    reads = [pair for pair in of(history, "read") if ok(pair)]
    strange = {e for p in reads for e in result(p) if begun.get(e, 10**9) > end(p)}
    twice = {
        str(e): max(result(p).count(e) for p in reads if begun[e] < end(p))
        for e in added
        if any(result(p).count(e) > 1 and begun[e] < end(p) for p in reads)
    }
    kinds = {k: [e for e in added if fates[e][0] == k] for k in ("lost", "stale", "never-read", "stable")}
    there = kinds["stable"] + kinds["stale"]
    latencies = sorted(fates[e][1] for e in there)
    gone = sorted(fates[e][1] for e in kinds["lost"])
    counts = {"lost": len(kinds["lost"]), "duplicated": len(twice), "unexpected": len(strange)}
    if options["linearizable?"]:
        counts["stale"] = len(kinds["stale"])
    stats: dict[str, Any] = {kind: kinds[kind] for kind in ("lost", "stale", "never-read")}
    stats |= {"duplicated": twice, "unexpected": sorted(strange), "stable-count": len(there)}
    stats |= {"stable-latencies-ms": quantiles(latencies), "lost-latencies-ms": quantiles(gone)}
    return Expected(counts, not there, stats)


def quantiles(ordered: list[int]) -> dict[str, int]:
    return {"0": ordered[0], "0.5": ordered[len(ordered) // 2], "1": ordered[-1]} if ordered else {}


def oracle_set(history: History, options: Options) -> Expected:
    adds = of(history, "add")
    reads = sorted((p for p in of(history, "read") if ok(p)), key=end)
    added = {pair[0].value for pair in adds}
    certain = {pair[0].value for pair in adds if ok(pair)}
    stats: dict[str, Any] = {"attempt-count": len(added), "acknowledged-count": len(certain)}
    if not reads:
        return Expected({}, True, stats)
    final = result(reads[-1])
    found = {
        "ok": set(final) & added,
        "lost": certain - set(final),
        "unexpected": set(final) - added,
        "recovered": (set(final) & added) - certain,
        "duplicated": {e for e in final if final.count(e) > 1},
    }
    stats |= {kind: sorted(elements) for kind, elements in found.items()}
    return Expected({kind: len(found[kind]) for kind in ("lost", "unexpected", "duplicated")}, False, stats)


# --- counters, queues, ids -------------------------------------------------------------------------


def ask_counter(rng: random.Random) -> Asked:
    if rng.random() < 0.4:
        return "read", None
    f = rng.choice(["add", "add", "increment", "decrement"])
    return f, rng.randint(-3, 5) if f == "add" or rng.random() < 0.5 else None


def answer_counter(rng: random.Random, asked: Asked) -> Any:
    return rng.randint(-4, 10) if asked[0] == "read" else asked[1]


def oracle_counter(history: History, options: Options) -> Expected:
    """A read may return what is reached by all acknowledged adds before it and any of those around it."""
    amount = {}
    for pair in of(history, "add", "increment", "decrement"):
        by = 1 if pair[0].value is None else pair[0].value
        amount[pair[0].index] = -by if pair[0].f == "decrement" else by
    adds = [pair for pair in of(history, "add", "increment", "decrement") if not failed(pair)]
    wrong = []
    for read in filter(ok, of(history, "read")):
        must = [amount[p[0].index] for p in adds if ok(p) and end(p) < read[0].index]
        begun = [p for p in adds if p[0].index < end(read)]
        may = [amount[p[0].index] for p in begun if not ok(p) or end(p) > read[0].index]
        least = options["init"] + sum(must)
        sums = [least + sum(some) for n in range(len(may) + 1) for some in itertools.combinations(may, n)]
        if not min(sums) <= result(read) <= max(sums):
            wrong.append((end(read), [min(sums), result(read), max(sums)]))
    reads = sum(map(ok, of(history, "read")))
    stats = {"errors": [bounds for _, bounds in sorted(wrong)], "read-count": reads}
    return Expected({"impossible-value": len(wrong)}, not reads, stats)


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


def oracle_queue(history: History, options: Options) -> Expected:
    """An element may come out as often as it had begun to go in by then; one too many is one anomaly."""
    put = [(p[0].index, p[0].value) for p in of(history, "enqueue") if not failed(p)]
    out = came_out(of(history, "dequeue", "drain"))
    unexpected, left = [], 0
    for element in range(5):
        inside = 0
        moments = [(at, 1) for at, v in put if v == element] + [(at, -1) for at, v in out if v == element]
        for _, change in sorted(moments):
            unexpected += [element] * (inside + change < 0)
            inside = max(inside + change, 0)
        left += inside
    stats = {"unexpected": unexpected, "dequeue-count": len(out), "left-count": left}
    return Expected({"unexpected": len(unexpected)}, False, stats)


def oracle_total_queue(history: History, options: Options) -> Expected:
    tried = Counter(p[0].value for p in of(history, "enqueue"))
    certain = Counter(p[0].value for p in of(history, "enqueue") if ok(p))
    out = Counter(value for _, value in came_out(of(history, "dequeue", "drain")))
    found: dict[str, list[int]] = {"lost": [], "unexpected": [], "duplicated": [], "recovered": []}
    for e in range(5):
        found["lost"] += [e] * max(certain[e] - out[e], 0)
        found["unexpected"] += [e] * (out[e] if not tried[e] else 0)
        found["duplicated"] += [e] * (max(out[e] - tried[e], 0) if tried[e] else 0)
        found["recovered"] += [e] * max(min(out[e], tried[e]) - certain[e], 0)
    unknown = [p for p in of(history, "dequeue", "drain") if p[1] is None or p[1].type == "info"]
    stats = found | {"unknown-dequeue-count": len(unknown), "attempt-count": tried.total()}
    counts = {kind: len(set(found[kind])) for kind in ("lost", "unexpected")}
    return Expected(counts, False, stats)


def oracle_ids(history: History, options: Options) -> Expected:
    ids = [result(pair) for pair in of(history, "generate") if ok(pair)]
    twice = {str(a): ids.count(a) for a, b in itertools.combinations(ids, 2) if a == b}
    bounds = [sorted(ids)[0], sorted(ids)[-1]] if ids else []
    stats = {"duplicated": twice, "range": bounds, "attempted-count": len(of(history, "generate"))}
    return Expected({"duplicate-id": len(twice)}, not ids, stats)


def oracle_stats(history: History, options: Options) -> Expected:
    kinds = {pair[0].f for pair in history.pairs()}
    never = [f for f in kinds if not any(map(ok, of(history, f)))]
    by_f = {f: {"ok-count": sum(map(ok, of(history, f))), "fail-count": sum(map(failed, of(history, f)))}
            for f in kinds}  # fmt: skip
    return Expected({"never-succeeded": len(never)}, not kinds, {"by-f": by_f})


# --- reads of several things -----------------------------------------------------------------------


def answer_bank(rng: random.Random, asked: Asked) -> Any:
    first = rng.choice([0, 2, 5, 5, 11])
    right = {"a": first, "b": 10 - first}
    damages: list[Any] = [{"b": 3}, {"c": 0}, {"c": 1, "d": -1}, {"a": None}]
    if rng.random() < 0.2:
        return right | rng.choice(damages)
    return rng.choice([right] * 8 + [{"a": 10}, {}, [first, 10 - first], None])


def oracle_bank(history: History, options: Options) -> Expected:
    """Of each read the first thing that is wrong with it: strange, missing, nil, total, negative."""
    shown = [
        dict(enumerate(r)) if isinstance(r, list) else r for r in map(result, filter(ok, of(history, "read")))
    ]
    reads = [{str(account): balance for account, balance in r.items()} for r in shown if r is not None]
    if not reads:
        return Expected({}, True, {"read-count": 0})
    accounts = set(options.get("accounts", reads[0]))
    first = [balance for balance in reads[0].values() if balance is not None]
    total = options.get("total-amount", sum(first))
    counts: Counter[str] = Counter()
    for read in reads:
        if read.keys() - accounts:
            counts["unexpected-key"] += 1
        elif "accounts" in options and accounts - read.keys():
            counts["missing-key"] += 1
        elif None in read.values():
            counts["nil-balance"] += 1
        elif sum(read.values()) != total:
            counts["wrong-total"] += 1
        elif not options.get("negative-balances?") and any(balance < 0 for balance in read.values()):
            counts["negative-value"] += 1
    return Expected(dict(counts), False, {"read-count": len(reads), "error-count": counts.total()})


def ask_fork(rng: random.Random) -> Asked:
    if rng.random() < 0.15:
        return "txn", [["w", rng.randrange(4), 1]]
    return "txn", [["r", key, None] for key in rng.choice([(0, 1), (0, 1, 2), (2, 3), (3,)])]


def answer_fork(rng: random.Random, asked: Asked) -> Any:
    value = 1 if rng.random() < 0.97 else 2
    return [
        [f, key, (value if rng.random() < 0.2 + 0.2 * key else None) if f == "r" else given]
        for f, key, given in asked[1]
    ]


def oracle_long_fork(history: History, options: Options) -> Expected:
    """Illegal where a key was written or read with two values; else every pair of reads of one group."""
    steps = [(pair, step) for pair in history.pairs() for step in (pair[1] or pair[0]).value]
    written = Counter(key for _, (f, key, _) in steps if f == "w")
    read = [(pair, step) for pair, step in steps if step[0] == "r" and ok(pair)]
    values = {(key, value) for _, (_, key, value) in read if value is not None}
    states = [
        {key: value for f, key, value in result(p) if f == "r"}
        for p in history.pairs()
        if ok(p) and result(p)[0][0] == "r"
    ]
    stats = {
        "reads-count": len(states),
        "early-read-count": sum(not any(state.values()) for state in states),
        "late-read-count": sum(all(state.values()) for state in states),
    }
    if max(written.values(), default=0) > 1 or len(values) > len({key for key, _ in values}):
        return Expected({}, True, stats)
    forked = any(
        one.keys() == other.keys()
        and any(one[k] and not other[k] for k in one)
        and any(other[k] and not one[k] for k in one)
        for one, other in itertools.combinations(states, 2)
    )
    return Expected({"long-fork": forked}, not any(len(state) > 1 for state in states), stats)


def ask_reverse(rng: random.Random) -> Asked:
    return ("write", rng.randrange(10**6)) if rng.random() < 0.6 else ("read", None)


def answer_reverse(rng: random.Random, asked: Asked) -> Any:
    return asked[1] if asked[0] == "write" else [rng.random()]


def oracle_causal_reverse(history: History, options: Options) -> Expected:
    """A read is wrong if it shows a write and lacks one that was acknowledged before that one began."""
    writes, reads = of(history, "write"), [read for read in of(history, "read") if ok(read)]
    wrong = [
        read
        for read in reads
        if any(
            later[0].value in result(read)
            and earlier[0].value not in result(read)
            and end(earlier) < later[0].index
            for earlier in writes
            if ok(earlier)
            for later in writes
        )
    ]
    counts = {"read-count": len(reads), "error-count": len(wrong), "write-count": len(writes)}
    return Expected({"causal-reverse": len(wrong)}, not reads, counts)


def with_shown_writes(rng: random.Random, history: History) -> History:
    """The reads of a causal-reverse history show most of all writes, earlier and later ones."""
    written = [entry.value for entry in history if entry.f == "write" and entry.type == "invoke"]
    entries = []
    for entry in history:
        if entry.f == "read" and entry.type == "ok":
            shown = [value for value in written if rng.random() < 0.85]
            entries.append(msgspec.structs.replace(entry, value=shown))
        else:
            entries.append(entry)
    return History(entries)


BANKS: list[Options] = [
    {"accounts": ["a", "b"], "total-amount": 10},
    {"accounts": ["a", "b"], "total-amount": 10, "negative-balances?": True},
    {"total-amount": 10},
    {},
]

CASES = [
    Case("set", [{}], ask_set, answer_set, oracle_set),
    Case("set-full", [{"linearizable?": on} for on in (False, True)], ask_set, answer_set, oracle_set_full),
    Case("counter", [{"init": 0}, {"init": 2}], ask_counter, answer_counter, oracle_counter),
    Case("queue", [{}], ask_queue, answer_queue, oracle_queue),
    Case("total-queue", [{}], ask_queue, answer_queue, oracle_total_queue),
    Case("unique-ids", [{}], lambda rng: ("generate", None), lambda rng, _: rng.randrange(12), oracle_ids),
    Case("bank", BANKS, lambda rng: ("read", None), answer_bank, oracle_bank),
    Case("long-fork", [{}], ask_fork, answer_fork, oracle_long_fork),
    Case("causal-reverse", [{}], ask_reverse, answer_reverse, oracle_causal_reverse),
    Case("stats", [{}], ask_queue, answer_queue, oracle_stats),
]


def histories(case: Case, count: int) -> "list[History] | Any":
    rng = random.Random(case.name)
    for _ in range(count):
        history = random_history(rng, case)
        yield with_shown_writes(rng, history) if case.name == "causal-reverse" else history


def difference(case: Case, history: History, options: Options) -> str:
    """Where checker and oracle disagree; empty where they agree."""
    verdict = check(history, case.name, options)
    counts, doubt, stats = case.oracle(history, options)
    wanted = {kind: count for kind, count in counts.items() if count}
    doubtful = doubt or not history.pairs()
    validity = Validity.INVALID if wanted else Validity.UNKNOWN if doubtful else Validity.VALID
    if verdict.validity is not validity:
        return f"{verdict.validity.name} ({verdict.reason}) and not {validity.name}"
    found = Counter(anomaly.type for anomaly in verdict.anomalies)
    if (set(found) != set(wanted)) if case.name == "long-fork" else (found != wanted):
        return f"{dict(found)} and not {wanted}"
    wrong = [name for name, value in stats.items() if not _agrees(verdict, name, value)]
    return "".join(f"{name} is {verdict.stats[name]} and not {stats[name]}; " for name in wrong)


def _agrees(verdict: Verdict, name: str, wanted: Any) -> bool:
    found = verdict.stats.get(name)
    if isinstance(wanted, dict) and isinstance(found, dict) and name != "duplicated":
        # Of maps within maps, such as quantiles, only some fields are stated.
        return found.keys() >= wanted.keys() and all(_within(found[key], wanted[key]) for key in wanted)
    return bool(found == wanted)


def _within(found: Any, wanted: Any) -> bool:
    return bool(found.items() >= wanted.items() if isinstance(wanted, dict) else found == wanted)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_checker_agrees_with_its_definition(case: Case) -> None:
    kinds: Counter[Validity] = Counter()
    for number, history in enumerate(histories(case, ALL_CASES // len(CASES))):
        options = case.options[number % len(case.options)]
        assert not difference(case, history, options), (list(history), options)
        kinds[check(history, case.name, options).validity] += 1
    assert kinds[Validity.INVALID] > 0
    assert kinds[Validity.VALID] > 0


# --- damaged checkers ------------------------------------------------------------------------------

BUGS = [
    ("set", "set_adds", "RANK[end] > RANK[best[at][0]]", "RANK[end] < RANK[best[at][0]]"),
    ("set", "set_adds", "return max((r for r", "return min((r for r"),
    ("set", "set_adds", 'if end == "ok" and at not in seen', 'if end != "fail" and at not in seen'),
    ("set", "set_adds", "if count > 1]", "if count > 2]"),
    ("set-full", "set_timelines", " and self.absent[at] < self.present[at]]", "]"),
    ("set-full", "set_timelines", "> self.known[at] != NEVER]", "> -1]"),
    ("set-full", "set_timelines", "if records.begun[at] < read.ended]", "]"),
    ("set-full", "set_timelines", "records.begun[at] < end.index:", "True:"),
    ("set-full", "set_timelines", "if known[at] == NEVER or read.ended < known[at]:", "if False:"),
    ("set-full", "set_timelines", "max(begun.time + 1 - known.time, 0)", "max(begun.time - known.time, 0)"),
    ("counter", "counter", '"decrement": -1', '"decrement": 1'),
    ("counter", "counter", 'end is None or end.type != "fail"', "True"),
    ("counter", "counter", "(sums.done_up, sums.done_down)", "(sums.begun_up, sums.done_down)"),
    ("counter", "counter", "start + sums.begun_up + down", "sums.begun_up + down"),
    ("queue", "queues", 'end is None or end.type != "fail"', "True"),
    ("queue", "queues", "inside[identity(value)] -= 1", "pass"),
    ("queue", "queues", "return end.value if isinstance(end.value, list) else []", "return []"),
    ("total-queue", "queues", "acknowledged - dequeued,", "attempted - dequeued,"),
    ("total-queue", "queues", "expected - attempted,", "expected - acknowledged,"),
    ("unique-ids", "unique_ids", "if len(pairs) > 1]", "if len(pairs) > 2]"),
    ("unique-ids", "unique_ids", 'pair[1].type == "ok"', "True"),
    ("bank", "bank", "!= bank.total", "> bank.total"),
    ("bank", "bank", "if b < 0}", "if b < -1}"),
    ("bank", "bank", "if bank.complete else []", "if False else []"),
    ("long-fork", "long_fork", "if not smaller <= larger", "if not smaller & larger"),
    ("long-fork", "long_fork", "if count > 1)", "if count > 2)"),
    ("causal-reverse", "causal_reverse", "max(seen,", "min(seen,"),
    ("causal-reverse", "causal_reverse", 'end.type == "ok"]', "True]"),
    ("stats", "stats", 'if not counts["ok"]]', 'if counts["fail"]]'),
]


@pytest.mark.parametrize(("name", "module", "right", "wrong"), BUGS)
def test_the_oracle_notices(
    name: str, module: str, right: str, wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checker with this bug disagrees with its definition somewhere among a few thousand histories."""
    damaged = importlib.import_module(f"checker.classic.{module}")
    source = Path(str(damaged.__file__)).read_text(encoding="utf-8")
    assert source.count(right) >= 1, "the place to damage has moved"
    names = {"__name__": damaged.__name__}
    exec(compile(source.replace(right, wrong), module, "exec"), names)
    for each, value in names.items():
        if not each.startswith("__"):
            monkeypatch.setattr(damaged, each, value)
    case = next(case for case in CASES if case.name == name)
    every = itertools.product(histories(case, 3000), case.options)
    assert any(difference(case, history, options) for history, options in every)
