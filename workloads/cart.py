"""Shopping carts: the workload that Dynamo was built for (the paper, sections 4.4 and 6.1).

Several clients put items into the same carts and take them out again.  A client reads the cart, merges
the siblings by uniting their items, changes the union, and writes it back with the context it was given.
So an acknowledged item may only leave a cart because somebody removed it; and because a union knows no
removals, a removed item may come back.  The first is a lost write, the second is what the paper allows.

Every item is unique (`milk-17` is put in by write w17), so a final read tells which writes survived.

Values are JSON: {"id": "w17", "items": ["milk-17", "rice-4"]}.
"""

import random

import msgspec

from checker.operation import Operation, Process
from workloads.choice import keyed
from workloads.client import Client, Get, Put, Values
from workloads.combinators import numbered
from workloads.draw import Draw
from workloads.final import final_reads, quorum_of
from workloads.generator import Context, Generator, Next, Pending
from workloads.interpreter import from_invocation
from workloads.outcome import Malformed, fingerprint, malformed, outcome, unknown_id, unsuccessful
from workloads.pace import stagger, time_limit
from workloads.workload import WorkloadOptions

GROCERIES = (
    "apples", "bread", "butter", "cheese", "coffee", "eggs", "figs", "flour", "honey", "kale",
    "lemons", "milk", "oats", "olives", "pasta", "rice", "salt", "soap", "tea", "yeast",
)  # fmt: skip

FULL = 24
"""Above this many items, clients remove more than they add: real carts are not endless."""

SHARES = {"add": 55, "remove": 15, "read": 30}
SHARES_WHEN_FULL = {"add": 30, "remove": 45, "read": 25}
"""Per cent of each kind of operation."""


class Content(msgspec.Struct, frozen=True):
    """One version of a cart: the id of its write, and its items in order."""

    id: str
    items: list[str]


class Shopping(msgspec.Struct, frozen=True):
    """The generator for one cart: what the latest successful operation on it has shown or written.

    Law: adds, removes and reads in the shares above; a remove names an item that a client has seen.
    """

    draw: Draw
    seen: tuple[str, ...] = ()

    def op(self, context: Context) -> Next:
        """Something to do with the cart, by any free client."""
        if not context.free:
            return Pending()
        process, draw = self.draw.pick(context.free)
        percent, draw = draw.below(100)
        f = _choose(SHARES_WHEN_FULL if len(self.seen) > FULL else SHARES, percent)
        if f == "remove" and self.seen:
            item, draw = draw.pick(self.seen)
            return _invoke(process, f, item), Shopping(draw, self.seen)
        if f == "read":
            return _invoke(process, f, None), Shopping(draw, self.seen)
        item, draw = draw.pick(GROCERIES)
        return _invoke(process, "add", item), Shopping(draw, self.seen)

    def update(self, context: Context, event: Operation) -> Generator:
        """Remember what the cart holds."""
        if event.type != "ok" or not isinstance(event.value, dict):
            return self
        return Shopping(self.draw, tuple(event.value["items"]))


class Cart:
    """Adds and removes by read, merge, write with context."""

    name = "cart"
    checks: tuple[str, ...] = ("causal", "lost-writes", "siblings", "convergence", "availability")

    def main(self, options: WorkloadOptions, rng: random.Random) -> Generator:
        """Clients that fill, empty and look at a few carts."""
        draw = Draw(rng.getrandbits(64))
        numbers = {key: index for index, key in enumerate(_carts(options))}
        carts = keyed(draw.split(0), numbers, lambda key: Shopping(draw.split(2 + numbers[key])))
        paced = stagger(round(1e9 / options.rate), draw.split(1), numbered(("add", "remove"), carts, _stamp))
        return time_limit(round(options.time_limit_s * 1e9), paced)

    def final(self, options: WorkloadOptions) -> Generator:
        """Every cart, as two clients see it in the end."""
        return final_reads("read", _carts(options), options)

    def perform(self, invocation: Operation) -> Client:
        """Read the cart; for an add or a remove, write the changed union back."""
        if invocation.f not in ("add", "remove", "read"):
            raise ValueError(f"a cart has no operation {invocation.f!r}; it has add, remove and read")
        assert invocation.key is not None
        get = Get(invocation.key, quorum_of(invocation))
        answer = yield get
        if not isinstance(answer, Values):
            return unsuccessful(invocation, get, answer)
        try:
            contents = [parse(value) for value in answer.values]
        except Malformed as problem:
            return malformed(invocation, problem)
        if invocation.f == "read":
            return _seen(invocation, answer, contents)
        return (yield from _write(invocation, answer, contents))

    def write_id(self, value: bytes) -> str:
        """The id inside the value; a name that matches no write when the value is malformed."""
        try:
            return parse(value).id
        except Malformed:
            return unknown_id(value)


def parse(value: bytes) -> Content:
    """A stored value as a cart. Raises Malformed."""
    try:
        return msgspec.json.decode(value, type=Content)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Malformed(f"not a cart ({error}): {value[:80]!r}") from None


def _write(invocation: Operation, read: Values, contents: list[Content]) -> Client:
    """The second half of an add or a remove: one version in place of all that were read."""
    item = invocation.value["item"]
    items = set(_union(contents))
    if invocation.f == "remove" and item not in items:
        return from_invocation(invocation, "fail", error=f"nothing to remove: {item} is not in the cart")
    items = items | {item} if invocation.f == "add" else items - {item}
    assert invocation.key is not None
    assert invocation.write is not None
    written = Content(invocation.write, sorted(items))
    put = Put(invocation.key, msgspec.json.encode(written), read.context)
    answer = yield put
    reads = _ids(contents)
    result = outcome(put, answer)
    if result != "ok":
        return unsuccessful(invocation, put, answer, reads, read.context)
    value = {"item": item, "items": written.items}
    return from_invocation(invocation, result, value=value, reads=reads, context=fingerprint(read.context))


def _seen(invocation: Operation, read: Values, contents: list[Content]) -> Operation:
    return from_invocation(
        invocation,
        "ok",
        value={"items": _union(contents)},
        reads=_ids(contents),
        context=fingerprint(read.context),
    )


def _ids(contents: list[Content]) -> tuple[str, ...]:
    return tuple(sorted(content.id for content in contents))


def _union(contents: list[Content]) -> list[str]:
    return sorted({item for content in contents for item in content.items})


def _carts(options: WorkloadOptions) -> tuple[str, ...]:
    return tuple(f"cart-{number}" for number in range(1, options.keys + 1))


def _stamp(operation: Operation, number: int) -> Operation:
    """Make an added item unique by the number of its write."""
    if operation.f != "add":
        return operation
    return msgspec.structs.replace(operation, value={"item": f"{operation.value['item']}-{number}"})


def _choose(shares: dict[str, int], percent: int) -> str:
    for f, share in shares.items():
        if percent < share:
            return f
        percent -= share
    raise AssertionError("the shares add up to 100")


def _invoke(process: Process, f: str, item: str | None) -> Operation:
    return Operation(process=process, type="invoke", f=f, value=None if item is None else {"item": item})
