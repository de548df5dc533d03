"""What the interactive picture of linearizability failures is given: whole orders, and a bounded window."""

import itertools
import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from checker import registry
from checker.history import History
from checker.operation import Operation, OpType
from checker.verdict import Verdict
from splitbrain.report import explorer, orders, verdict_page
from splitbrain.report.evidence import Evidence
from tests import gallery


def check(history: History, **options: Any) -> Verdict:
    return registry.check(history, "linearizable", options)


def explored(history: History, verdict: Verdict) -> list[dict[str, Any]]:
    failures = [("", details) for details in verdict.stats["failures"]]
    found: list[dict[str, Any]] = json.loads(json.dumps(explorer.explore(failures, Evidence(history))))[
        "failures"
    ]
    return found


def test_reads_get_their_places_in_an_order() -> None:
    case = next(each for each in gallery.linear() if each.note == "cas")
    (failure,) = explored(case.history, check(case.history, **case.options))
    (order,) = failure["orders"]
    texts = [(failure["calls"][call]["text"], state, seen) for call, state, seen in order["steps"]]
    assert texts == [
        ("write 1", "1", False),
        ("cas [1,3]", "3", False),
        ("read → 3", "3", True),
        ("write 2", "2", False),
        ("read → 2", "2", True),
    ]
    assert order["why"] == ["it returned 1, and the state is 2"]
    assert [failure["calls"][number]["text"] for number in failure["stuck"]] == ["read → 1"]
    assert failure["prefix"] == 11


def drawn(rng: Random) -> History:
    """A register under several clients, with crashes, of which one read is damaged."""
    value: int = 0
    entries: list[Operation] = []
    pending: dict[int, tuple[str, Any]] = {}
    for number in range(rng.randint(8, 60)):
        client = rng.randrange(4) + (100 * number if rng.random() < 0.02 else 0)
        if client not in pending:
            f = rng.choice(["read", "write", "cas"])
            arguments: dict[str, Any] = {
                "write": rng.randrange(4),
                "cas": [rng.randrange(4), rng.randrange(4)],
            }
            pending[client] = f, arguments.get(f)
            entries.append(Operation(process=client, type="invoke", f=f, value=arguments.get(f)))
            continue
        f, asked = pending.pop(client)
        kind: OpType = "fail" if f == "cas" and asked[0] != value else "ok"
        if f != "read" and kind == "ok":
            value = asked if f == "write" else asked[1]
        kind = "info" if rng.random() < 0.1 else kind
        entries.append(Operation(process=client, type=kind, f=f, value=value if f == "read" else asked))
    reads = [at for at, entry in enumerate(entries) if entry.f == "read" and entry.type == "ok"]
    if reads:
        at = rng.choice(reads[len(reads) // 2 :])
        damaged: Any = (entries[at].value + 1) % 4
        entries[at] = Operation(process=entries[at].process, type="ok", f="read", value=damaged)
    return History(entries)


def lawful(calls: list[orders.Call], taken: list[orders.Taken]) -> bool:
    """Is it an order that a register allows, in which what had ended stands before what began later?"""
    for before, after in itertools.pairwise(taken):
        call = calls[after.call]
        if call.f == "write" and after.state != call.value:
            return False
        if call.f == "cas" and [before.state, after.state] != call.value:
            return False
        if call.f == "read" and not before.state == after.state == call.result:
            return False
    latest = -1
    for step in taken:
        end = calls[step.call].end
        if end is not None and end < latest:
            return False
        latest = max(latest, calls[step.call].start)
    return True


def test_orders_with_their_reads_are_lawful() -> None:
    failing = observed = 0
    for seed in range(400):
        history = drawn(Random(seed))
        verdict = check(history, model="cas-register", init=0)
        for failure in verdict.stats["failures"]:
            failing += 1
            pairs = [pair for pair in history.pairs() if pair[1] is None or pair[1].type != "fail"]
            calls = [orders.call_of(pair) for pair in pairs]
            place = {pair[0].index: number for number, pair in enumerate(pairs)}
            for path in failure["paths"]:
                steps = [(place[step["entries"][0]], step["state"]) for step in path]
                taken = orders.replay(calls, steps, failure["prefix"])
                assert [step.call for step in taken if not step.observed] == [call for call, _ in steps]
                assert lawful(calls, taken), f"seed {seed}"
                observed += sum(step.observed for step in taken)
    assert failing > 60
    assert observed > 300


def test_a_check_of_orders_that_cannot_fail_would_be_worth_nothing() -> None:
    calls = [
        orders.Call("write", 1, 1, 0, 1),
        orders.Call("write", 2, 2, 2, 3),
        orders.Call("read", None, 1, 4, 5),
    ]
    first, second = orders.Taken(0, 1, False), orders.Taken(1, 2, False)
    assert lawful(calls, [first, second])
    assert not lawful(calls, [second, first])
    assert not lawful(calls, [first, second, orders.Taken(2, 2, True)])


@pytest.mark.parametrize(
    ("call", "state", "why"),
    [
        (("read", None, 1), 2, "it returned 1, and the state is 2"),
        (("get", None, "a"), "a", ""),
        (("cas", [1, 2], None), 3, "it replaced 1, and the state is 3"),
        (("acquire", None, None), "held", "the lock is held"),
        (("release", None, None), "held", ""),
        (("dequeue", None, 2), [1, 2], "it took 2, and first is 1"),
        (("dequeue", None, None), [1], "it found nothing, and the queue is [1]"),
        (("contains", None, [1, True]), [2], "it answered [1,true], and the state is [2]"),
        (("read", None, [2, 1]), [1, 2], ""),
        (("frobnicate", 1, 2), 3, ""),
    ],
)
def test_why_a_call_does_not_fit(call: tuple[str, Any, Any], state: Any, why: str) -> None:
    assert orders.why_not(orders.Call(*call, start=0, end=1), state) == why


def long(operations: int) -> History:
    """Many writes and reads, of which the last but a few is wrong."""
    entries = []
    for number in range(operations):
        entries += gallery.did(number % 5, "write", number % 7)
        answer = 9 if number == operations - 100 else number % 7
        entries += gallery.did(5 + number % 3, "read", None, answer)
    return gallery.entries(*entries)


def test_a_long_history_gives_a_small_page() -> None:
    history = long(6000)
    verdict = check(history, model="register", init=0)
    page = verdict_page.render(Path("h.jsonl"), history, {"linearizable": verdict})
    assert len(page) < 250_000
    (failure,) = explored(history, verdict)
    assert len(failure["calls"]) <= explorer.BEFORE + explorer.AFTER + 10
    assert failure["left"] == 12_000 - len(failure["calls"])
    assert failure["prefix"] in {call["to"] for call in failure["calls"]}


def test_many_keys_share_the_room() -> None:
    lines: list[gallery.Entry] = []
    for key in range(80):
        for process, kind, f, value in [*gallery.did(0, "write", 1), *gallery.did(1, "read", None, 2)]:
            lines.append((process, kind, f, [key, value]))
    history = gallery.entries(*lines)
    verdict = check(history, model="register", independent=True)
    found = explored(history, verdict)
    assert [failure["key"] for failure in found[:3]] == ["0", "1", "2"]
    assert len(found) == explorer.KEYS
    assert all(len(failure["calls"]) == 2 for failure in found), "each key shows its own operations only"
    assert all(failure["left"] == 158 for failure in found)


def test_new_clients_go_on_in_the_lanes_of_those_that_vanished() -> None:
    lines: list[gallery.Entry] = []
    for number in range(0, 60, 2):
        lines += [(number, "invoke", "write", number), (number, "info", "write", number)]
        lines += gallery.did(1, "write", 1)
    history = gallery.entries(*gallery.did(1, "write", 0), *lines, *gallery.did(1, "read", None, 99))
    (failure,) = explored(history, check(history, model="register"))
    assert failure["lanes"] == ["client 0, 2, 4 +27", "client 1"]


def test_a_history_in_columns_gives_the_same_page() -> None:
    pytest.importorskip("numpy")
    from checker.table import Table

    for case in gallery.cases():
        columns = History(Table.from_history(list(case.history)))
        verdicts = {case.checker: registry.check(case.history, case.checker, dict(case.options))}
        plain = verdict_page.render(Path("h.jsonl"), case.history, verdicts)
        assert verdict_page.render(Path("h.jsonl"), columns, verdicts) == plain, case.name


def test_entries_that_are_not_there_are_not_found() -> None:
    evidence = Evidence(gallery.entries(*gallery.did(0, "write", 1)))
    assert evidence.entry(7) is None
    assert evidence.place_of(7) is None
    assert evidence.pairs((0, 1, 7)) == [evidence.at(0)]


def test_what_is_far_away_is_set_apart() -> None:
    history = long(2000)
    pairs = history.pairs()

    def entry(number: int) -> dict[str, Any]:
        begin, end = pairs[number]
        assert end is not None
        return {"entries": [begin.index, end.index]}

    failure = {"key": None, "prefix": pairs[3000][0].index + 1, "stuck": [entry(5), entry(3000)], "paths": []}
    (shown,) = explorer.explore([("", failure)], Evidence(history))["failures"]
    first = pairs[3000 - explorer.BEFORE + 1][0].index
    assert (shown["gap"], shown["calls"][0]["from"], shown["calls"][1]["from"]) == (
        first,
        pairs[5][0].index,
        first,
    )
    assert shown["stuck"] == [0, explorer.BEFORE]


def test_of_thousands_of_open_operations_a_few_are_drawn() -> None:
    lines: list[gallery.Entry] = [(client, "invoke", "write", client) for client in range(3000)]
    history = gallery.entries(*lines, *gallery.did(3001, "read", None, -5))
    opened = [{"f": "write", "entries": [client]} for client in range(3000)]
    stuck = [{"f": "read", "entries": [3000, 3001]}]
    tried = [{"f": "write", "entries": [2999], "state": 2999}]
    failure = {"prefix": 3001, "stuck": stuck, "open": opened, "states": [2999], "paths": [tried]}
    (shown,) = explorer.explore([("", failure)], Evidence(history))["failures"]
    assert len(shown["calls"]) == explorer.OPEN + 1
    assert shown["more_open"] == 3000 - explorer.OPEN
    assert shown["calls"][shown["orders"][0]["steps"][0][0]]["who"] == "2999", "what was tried is drawn"
    assert shown["left"] == 3000 - explorer.OPEN
