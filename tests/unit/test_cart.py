"""The cart: what each operation asks of the store, how it ends, and what its generator makes up."""

import random
from collections import Counter

import msgspec
import pytest

from checker.operation import Operation
from tests.perfect_store import PerfectStore, perform
from tests.playing import MS, invocations, play
from workloads import registry
from workloads.cart import FULL, Cart
from workloads.client import Answer, Done, Failed, Get, Put, Request, Values
from workloads.interpreter import check_completion
from workloads.workload import WorkloadOptions

CART = Cart()
REFUSED = Failed("unavailable", definite=True, message="no quorum")
TIMEOUT = Failed("timeout", definite=False)


def ask(f: str, item: str | None = None, write: str | None = None) -> Operation:
    value = None if item is None else {"item": item}
    return Operation(process=1, type="invoke", f=f, key="cart-1", node="n1", value=value, write=write)


def holding(*versions: bytes) -> PerfectStore:
    store = PerfectStore()
    for version in versions:
        store.answer(Put("cart-1", version))
    store.asked.clear()
    return store


def version(id: str, *items: str) -> bytes:
    return msgspec.json.encode({"id": id, "items": items})


def test_an_add_unites_the_siblings_and_replaces_them() -> None:
    store = holding(version("w1", "milk-1"), version("w2", "tea-2"))
    done = perform(CART, ask("add", "rice-3", "w3"), store)
    assert (done.type, done.reads, done.write) == ("ok", ("w1", "w2"), "w3")
    assert done.value == {"item": "rice-3", "items": ["milk-1", "rice-3", "tea-2"]}
    assert list(store.versions["cart-1"].values()) == [version("w3", "milk-1", "rice-3", "tea-2")]
    assert done.context is not None
    assert done.error is None


def test_an_add_to_nothing_has_read_nothing() -> None:
    done = perform(CART, ask("add", "rice-3", "w3"), PerfectStore())
    assert (done.type, done.reads, done.context) == ("ok", (), None)


def test_a_remove_takes_the_item_out_of_the_union() -> None:
    store = holding(version("w1", "milk-1"), version("w2", "tea-2"))
    done = perform(CART, ask("remove", "milk-1", "w3"), store)
    assert (done.type, done.value) == ("ok", {"item": "milk-1", "items": ["tea-2"]})


def test_a_remove_of_what_is_not_there_writes_nothing() -> None:
    store = holding(version("w1", "milk-1"))
    done = perform(CART, ask("remove", "tea-2", "w3"), store)
    assert (done.type, done.error) == ("fail", "nothing to remove: tea-2 is not in the cart")
    assert [type(request) for request in store.asked] == [Get]


def test_a_read_shows_the_union_and_the_ids() -> None:
    done = perform(CART, ask("read"), holding(version("w2", "tea-2"), version("w1", "milk-1", "tea-2")))
    assert (done.type, done.value, done.reads) == ("ok", {"items": ["milk-1", "tea-2"]}, ("w1", "w2"))
    assert done.write is None


@pytest.mark.parametrize(
    ("f", "replies", "type_", "error"),
    [
        ("add", {Get: REFUSED}, "fail", "unavailable: no quorum"),
        ("add", {Get: TIMEOUT}, "fail", "timeout"),
        ("add", {Put: REFUSED}, "fail", "unavailable: no quorum"),
        ("add", {Put: TIMEOUT}, "info", "timeout"),
        ("read", {Get: REFUSED}, "fail", "unavailable: no quorum"),
        ("read", {Get: TIMEOUT}, "fail", "timeout"),
        ("add", {Get: Done()}, "info", "the store answered a Get with a Done"),
        ("add", {Put: Values((), b"")}, "info", "the store answered a Put with a Values"),
    ],
)
def test_how_an_unsuccessful_operation_ends(
    f: str, replies: dict[type[Request], Answer], type_: str, error: str
) -> None:
    invocation = ask(f, "rice-3", "w3") if f == "add" else ask(f)
    done = perform(CART, invocation, holding(version("w1", "milk-1")), replies)
    assert (done.type, done.error, done.write) == (type_, error, invocation.write)
    check_completion(invocation, done)


def test_an_unknown_add_keeps_what_it_had_read() -> None:
    """The write may surface later: the checker must know what it would supersede."""
    done = perform(CART, ask("add", "rice-3", "w3"), holding(version("w1", "milk-1")), {Put: TIMEOUT})
    assert (done.write, done.reads, done.value) == ("w3", ("w1",), {"item": "rice-3"})
    assert done.context is not None


@pytest.mark.parametrize(
    "value",
    [b"", b"\xff\x00", b"null", b'{"id": 3, "items": []}', b'{"id": "w1"}', b'{"id":"w1","items":[1]}'],
)
@pytest.mark.parametrize("f", ["add", "remove", "read"])
def test_a_malformed_value_is_reported_and_nothing_is_written(f: str, value: bytes) -> None:
    store = holding(value)
    done = perform(CART, ask(f, "milk-1", "w3") if f != "read" else ask(f), store)
    assert done.type == "info"
    assert done.error is not None
    assert done.error.startswith("malformed value: not a cart")
    assert [type(request) for request in store.asked] == [Get]
    assert CART.write_id(value).startswith("malformed-")


def test_the_id_of_a_stored_value() -> None:
    assert CART.write_id(version("w17", "milk-17")) == "w17"


def test_an_unknown_operation_is_refused() -> None:
    with pytest.raises(ValueError, match="a cart has no operation 'empty'; it has add, remove and read"):
        perform(CART, ask("empty"), PerfectStore())


def shop(options: WorkloadOptions, seed: int = 1) -> list[Operation]:
    store = PerfectStore()
    generator = CART.main(options, random.Random(seed))
    return play(generator, lambda op: (3 * MS, perform(CART, op, store)), options.clients)


def test_the_generator_shops() -> None:
    history = shop(WorkloadOptions(time_limit_s=8, keys=2))
    asked = invocations(history)
    assert 700 < len(asked) < 900
    counts = Counter(op.f for op in asked)
    assert counts["add"] > counts["remove"] > 0 < counts["read"]
    writes = [op.write for op in asked if op.f != "read"]
    assert writes == [f"w{number}" for number in range(1, len(writes) + 1)]
    added = [op.value["item"] for op in asked if op.f == "add"]
    assert len(set(added)) == len(added)
    assert all(op.value["item"].split("-")[1] == (op.write or "")[1:] for op in asked if op.f == "add")
    assert {op.key for op in asked} == {"cart-1", "cart-2"}
    assert len({op.process for op in asked}) == 10
    assert max(op.time for op in asked) < 8_000_000_000


def test_carts_do_not_grow_for_ever() -> None:
    history = shop(WorkloadOptions(time_limit_s=15, keys=1))
    sizes = [len(op.value["items"]) for op in history if op.type == "ok"]
    assert FULL < max(sizes) < 3 * FULL


def test_a_remove_names_what_somebody_has_seen() -> None:
    seen: dict[str | None, set[str]] = {"cart-1": set(), "cart-2": set()}
    for operation in shop(WorkloadOptions(time_limit_s=5, keys=2)):
        if operation.type == "ok":
            seen[operation.key] |= set(operation.value["items"])
        elif operation.type == "invoke" and operation.f == "remove":
            assert operation.value["item"] in seen[operation.key]


def test_one_seed_is_one_history() -> None:
    options = WorkloadOptions(time_limit_s=2)
    assert shop(options) == shop(options)
    assert shop(options) != shop(options, seed=2)


def test_final_reads_ask_everybody_for_every_cart() -> None:
    options = WorkloadOptions(keys=3, n=3)
    store = holding(version("w1", "milk-1"))
    history = play(CART.final(options), lambda op: (MS, perform(CART, op, store)), 10)
    reads = [op for op in history if op.type == "ok"]
    assert Counter(op.key for op in reads) == {"cart-1": 2, "cart-2": 2, "cart-3": 2}
    assert len({(op.key, op.node) for op in reads}) == 6
    assert all(op.final for op in history)
    assert {request.quorum for request in store.asked if isinstance(request, Get)} == {3}


def test_final_reads_try_again_but_not_for_ever() -> None:
    options = WorkloadOptions(keys=1, n=3)
    left = iter([REFUSED, TIMEOUT, TIMEOUT])
    store = holding(version("w1", "milk-1"))

    def reply(op: Operation) -> tuple[int, Operation]:
        problem = next(left, None)
        return MS, perform(CART, op, store, {Get: problem} if problem else None)

    ends = [op.type for op in play(CART.final(options), reply, 1) if op.type != "invoke"]
    assert ends == ["fail", "fail", "fail", "ok"]
    never = play(CART.final(options), lambda op: (MS, perform(CART, op, store, {Get: REFUSED})), 1)
    assert len(invocations(never)) == 8


def test_a_malformed_final_read_does_not_go_on_for_ever() -> None:
    options = WorkloadOptions(keys=1, n=3)
    history = play(CART.final(options), lambda op: (MS, perform(CART, op, holding(b"?"))), 2)
    assert len(invocations(history)) == 16


def test_workloads_are_found_by_name() -> None:
    assert registry.load("cart").name == "cart"
    with pytest.raises(ValueError, match="unknown workload 'card'; choose one of cart, kv"):
        registry.load("card")
