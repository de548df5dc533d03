"""Unique values: what each operation asks of the store, how it ends, and how often each is drawn."""

import itertools
import random
from collections import Counter

import msgspec
import pytest

from checker.operation import Operation
from tests.perfect_store import PerfectStore, perform
from tests.playing import MS, invocations, play
from workloads.client import Answer, Delete, Failed, Get, Put, Request
from workloads.interpreter import check_completion, from_invocation
from workloads.kv import BLIND_MAX, KeyValue
from workloads.workload import WorkloadOptions

KV = KeyValue()
REFUSED = Failed("unavailable", definite=True)
TIMEOUT = Failed("timeout", definite=False)


def ask(f: str, write: str | None = None) -> Operation:
    reads = () if f == "put" else None
    return Operation(process=1, type="invoke", f=f, key="key-1", node="n1", write=write, reads=reads)


def value(id: str) -> bytes:
    return msgspec.json.encode({"id": id})


def holding(*values: bytes) -> PerfectStore:
    store = PerfectStore()
    for held in values:
        store.answer(Put("key-1", held))
    store.asked.clear()
    return store


def test_a_blind_put_makes_a_sibling() -> None:
    store = holding(value("w1"))
    done = perform(KV, ask("put", "w2"), store)
    assert (done.type, done.reads, done.context) == ("ok", (), None)
    assert list(store.versions["key-1"].values()) == [value("w1"), value("w2")]
    assert [type(request) for request in store.asked] == [Put]


def test_an_update_replaces_what_it_read() -> None:
    store = holding(value("w1"), value("w2"))
    done = perform(KV, ask("update", "w3"), store)
    assert (done.type, done.reads) == ("ok", ("w1", "w2"))
    assert list(store.versions["key-1"].values()) == [value("w3")]


def test_a_delete_covers_what_it_read() -> None:
    store = holding(value("w1"), value("w2"))
    done = perform(KV, ask("delete", "w3"), store)
    assert (done.type, done.reads, done.write) == ("ok", ("w1", "w2"), "w3")
    assert store.versions["key-1"] == {}


def test_there_may_be_nothing_to_delete() -> None:
    done = perform(KV, ask("delete", "w3"), holding())
    assert (done.type, done.error) == ("fail", "nothing to delete")


def test_a_get_shows_all_siblings() -> None:
    done = perform(KV, ask("get"), holding(value("w2"), value("w1")))
    assert (done.type, done.reads) == ("ok", ("w1", "w2"))
    assert done.context is not None


@pytest.mark.parametrize(
    ("f", "replies", "type_", "reads"),
    [
        ("get", {Get: TIMEOUT}, "fail", None),
        ("put", {Put: REFUSED}, "fail", ()),
        ("put", {Put: TIMEOUT}, "info", ()),
        ("update", {Get: TIMEOUT}, "fail", None),
        ("update", {Put: TIMEOUT}, "info", ("w1",)),
        ("update", {Put: REFUSED}, "fail", ("w1",)),
        ("delete", {Get: REFUSED}, "fail", None),
        ("delete", {Delete: TIMEOUT}, "info", ("w1",)),
        ("delete", {Delete: REFUSED}, "fail", ("w1",)),
    ],
)
def test_how_an_unsuccessful_operation_ends(
    f: str, replies: dict[type[Request], Answer], type_: str, reads: tuple[str, ...] | None
) -> None:
    invocation = ask(f, None if f == "get" else "w2")
    done = perform(KV, invocation, holding(value("w1")), replies)
    assert (done.type, done.reads, done.write) == (type_, reads, invocation.write)
    check_completion(invocation, done)


@pytest.mark.parametrize("held", [b"", b"\x80", b"[]", b'{"id": null}'])
@pytest.mark.parametrize("f", ["get", "update", "delete"])
def test_a_malformed_value_is_reported_and_nothing_is_written(f: str, held: bytes) -> None:
    store = holding(held)
    done = perform(KV, ask(f, None if f == "get" else "w2"), store)
    assert done.type == "info"
    assert (done.error or "").startswith("malformed value: not a value of kv")
    assert [type(request) for request in store.asked] == [Get]
    assert KV.write_id(held).startswith("malformed-")


def test_an_unknown_operation_is_refused() -> None:
    with pytest.raises(ValueError, match="kv has no operation 'cas'"):
        perform(KV, ask("cas"), PerfectStore())


def run(options: WorkloadOptions) -> list[Operation]:
    store = PerfectStore()
    generator = KV.main(options, random.Random(3))
    return play(generator, lambda op: (3 * MS, perform(KV, op, store)), options.clients)


def test_the_shares_of_the_operations() -> None:
    asked = invocations(run(WorkloadOptions()))
    share = {f: count / len(asked) for f, count in Counter(op.f for op in asked).items()}
    assert share["get"] == pytest.approx(0.35, abs=0.04)
    assert share["put"] == pytest.approx(0.20, abs=0.04)
    assert share["update"] == pytest.approx(0.35, abs=0.04)
    assert share["delete"] == pytest.approx(0.11, abs=0.03)
    writes = [op.write for op in asked if op.f != "get"]
    assert writes == [f"w{number}" for number in range(1, len(writes) + 1)]
    assert all(op.reads == () for op in asked if op.f == "put")


def test_blind_puts_are_bounded_until_somebody_merges() -> None:
    """Nobody ever merges successfully here: after a few blind puts, there are no more."""
    generator = KV.main(WorkloadOptions(keys=2, time_limit_s=4), random.Random(4))
    history = play(generator, lambda op: (MS, from_invocation(op, "ok" if op.f == "put" else "fail")), 10)
    puts = Counter(op.key for op in invocations(history) if op.f == "put")
    assert puts == {"key-1": BLIND_MAX, "key-2": BLIND_MAX}


def test_a_failed_blind_put_does_not_count() -> None:
    generator = KV.main(WorkloadOptions(keys=1, time_limit_s=4), random.Random(5))
    history = play(generator, lambda op: (MS, from_invocation(op, "fail")), 10)
    assert sum(op.f == "put" for op in invocations(history)) > 5 * BLIND_MAX


def test_keys_are_retired_and_every_second_one_is_deleted() -> None:
    options = WorkloadOptions(keys=2, time_limit_s=12)
    store = PerfectStore()
    generator = KV.main(options, random.Random(6))
    history = invocations(play(generator, lambda op: (3 * MS, perform(KV, op, store)), 10))
    spans = {key: [op for op in history if op.key == key] for key in sorted({op.key or "" for op in history})}
    assert list(spans) == ["key-1", "key-2", "key-3", "key-4", "key-5", "key-6"]
    for slot in (0, 1):
        lives = list(spans.values())[slot::2]
        assert [life[-1].time < after[0].time for life, after in itertools.pairwise(lives)] == [True, True]
        assert [life[-1].f == "delete" for life in lives[:2]].count(True) >= 1
    assert not store.versions["key-2"]
    assert spans["key-1"][-1].time < spans["key-2"][-1].time
    assert max(op.time for op in history) > 11_900_000_000


def test_every_key_that_can_be_used_is_read_in_the_end() -> None:
    options = WorkloadOptions(keys=2, time_limit_s=12)
    store = PerfectStore()
    history = play(KV.final(options), lambda op: (MS, perform(KV, op, store)), 4)
    assert {op.key for op in history} == {f"key-{number}" for number in range(1, 7)}


def test_final_reads_are_gets_from_everybody() -> None:
    store = holding(value("w1"))
    history = play(
        KV.final(WorkloadOptions(keys=2, n=3, time_limit_s=4)),
        lambda op: (MS, perform(KV, op, store)),
        processes=4,
    )
    assert Counter((op.f, op.key, op.final) for op in history if op.type == "ok") == {
        ("get", "key-1", True): 2,
        ("get", "key-2", True): 2,
    }
    assert store.asked == [Get("key-1", 3), Get("key-1", 3), Get("key-2", 3), Get("key-2", 3)]
