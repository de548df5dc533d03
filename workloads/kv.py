"""Keys with unique values: blind and contextual puts, and deletes.

Where the cart exercises what applications do, this workload exercises the store itself.  Blind puts
(without a context) make siblings, updates (with the context of a get) merge them, deletes cover what was
seen by a tombstone.  Every value is unique, so the set of siblings that a correct store must return
follows from the history alone.

Keys are retired: after about five seconds nobody writes a key any more, every second one is deleted, and
the next key takes its place.  A key that is written for ever heals itself, because the next update merges
whatever had gone wrong; what became of a retired key shows in its final reads.

Values are JSON: {"id": "w5"}.
"""

import random

import msgspec

from checker.operation import Operation, Process
from workloads.choice import mix
from workloads.client import Client, Delete, Get, Put, Values
from workloads.combinators import limit, numbered, on_key, repeat, sequence, until
from workloads.draw import Draw
from workloads.final import final_reads, quorum_of
from workloads.generator import Context, Emit, Generator, Next, Pending
from workloads.interpreter import from_invocation
from workloads.outcome import Malformed, fingerprint, malformed, outcome, unknown_id, unsuccessful
from workloads.pace import stagger, time_limit
from workloads.workload import WorkloadOptions

SHARES = (("get", 35), ("put", 20), ("update", 35), ("delete", 10))
"""Per cent of each kind of operation, while a key has few siblings."""

LIFETIME_S = 5.0
"""How long a key is in use, if operations are spread evenly."""

BLIND_MAX = 4
"""Blind puts on a key since a client last merged it: each one is a sibling until then."""


class Content(msgspec.Struct, frozen=True):
    """One version: the id of its write."""

    id: str


class Access(msgspec.Struct, frozen=True):
    """The generator for one key.

    `landed` counts blind puts that may have become siblings since the last merge, `flying` are the
    processes with one under way.  Law: both together never exceed BLIND_MAX.
    """

    draw: Draw
    landed: int = 0
    flying: frozenset[Process] = frozenset()

    def op(self, context: Context) -> Next:
        """Something to do with the key, by any free client."""
        if not context.free:
            return Pending()
        process, draw = self.draw.pick(context.free)
        percent, draw = draw.below(100)
        f = _choose(percent)
        if f == "put" and self.landed + len(self.flying) >= BLIND_MAX:
            f = "update"
        flying = self.flying | {process} if f == "put" else self.flying
        # A blind write has, by definition, seen nothing: that is known before it begins.
        reads = () if f == "put" else None
        operation = Operation(process=process, type="invoke", f=f, reads=reads)
        return operation, Access(draw, self.landed, flying)

    def update(self, context: Context, event: Operation) -> Generator:
        """Count siblings: a blind put adds one, an update or a delete merges what had landed."""
        if event.f == "put" and event.process in self.flying:
            landed = self.landed + (event.type != "fail")
            return Access(self.draw, landed, self.flying - {event.process})
        if event.f in ("update", "delete") and event.type == "ok":
            return Access(self.draw, 0, self.flying)
        return self


RETIRE = until(
    limit(3, repeat(Emit(Operation(process=0, type="invoke", f="delete")))), lambda event: event.type == "ok"
)
"""The end of a key: a delete, tried again up to twice."""


class KeyValue:
    """Gets, blind puts, updates and deletes of unique values."""

    name = "kv"
    checks: tuple[str, ...] = ("causal", "lost-writes", "siblings", "convergence", "availability")

    def main(self, options: WorkloadOptions, rng: random.Random) -> Generator:
        """Clients that read, write, merge and delete a few keys."""
        draw = Draw(rng.getrandbits(64))
        slots = [_slot(slot, options, draw.split(2 + slot)) for slot in range(options.keys)]
        keys = numbered(("put", "update", "delete"), mix(draw.split(0), slots))
        paced = stagger(round(1e9 / options.rate), draw.split(1), keys)
        return time_limit(round(options.time_limit_s * 1e9), paced)

    def final(self, options: WorkloadOptions) -> Generator:
        """Every key, as two clients see it in the end."""
        return final_reads("get", _keys(options), options)

    def perform(self, invocation: Operation) -> Client:
        """One request for a get or a blind put; a read and a write for the others."""
        match invocation.f:
            case "get" | "update" | "delete":
                return (yield from _read_first(invocation))
            case "put":
                return (yield from _put(invocation, (), b""))
            case unknown:
                raise ValueError(f"kv has no operation {unknown!r}; it has get, put, update and delete")

    def write_id(self, value: bytes) -> str:
        """The id inside the value; a name that matches no write when the value is malformed."""
        try:
            return parse(value).id
        except Malformed:
            return unknown_id(value)


def parse(value: bytes) -> Content:
    """A stored value. Raises Malformed."""
    try:
        return msgspec.json.decode(value, type=Content)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Malformed(f"not a value of kv ({error}): {value[:80]!r}") from None


def _read_first(invocation: Operation) -> Client:
    """A get, and what follows it in an update or a delete."""
    assert invocation.key is not None
    get = Get(invocation.key, quorum_of(invocation))
    answer = yield get
    if not isinstance(answer, Values):
        return unsuccessful(invocation, get, answer)
    try:
        reads = tuple(sorted(parse(value).id for value in answer.values))
    except Malformed as problem:
        return malformed(invocation, problem)
    if invocation.f == "update":
        return (yield from _put(invocation, reads, answer.context))
    if invocation.f == "delete":
        return (yield from _delete(invocation, reads, answer.context))
    return from_invocation(invocation, "ok", reads=reads, context=fingerprint(answer.context))


def _put(invocation: Operation, reads: tuple[str, ...], context: bytes) -> Client:
    assert invocation.key is not None
    assert invocation.write is not None
    request = Put(invocation.key, msgspec.json.encode(Content(invocation.write)), context)
    return (yield from _finish(invocation, request, reads))


def _delete(invocation: Operation, reads: tuple[str, ...], context: bytes) -> Client:
    if not reads:
        return from_invocation(invocation, "fail", error="nothing to delete")
    assert invocation.key is not None
    return (yield from _finish(invocation, Delete(invocation.key, context), reads))


def _finish(invocation: Operation, request: Put | Delete, reads: tuple[str, ...]) -> Client:
    """The write that ends an operation."""
    answer = yield request
    result = outcome(request, answer)
    if result != "ok":
        return unsuccessful(invocation, request, answer, reads, request.context)
    return from_invocation(invocation, result, reads=reads, context=fingerprint(request.context))


def _slot(slot: int, options: WorkloadOptions, draw: Draw) -> Generator:
    """One of the keys that are in use at a time: a key, then the next in its place, and so on.

    The slots take turns in retiring their first key, so that there are young and old keys at any time.
    """
    keys = _keys(options)[slot :: options.keys]
    operations = max(1, round(options.rate * LIFETIME_S / options.keys))
    lives: list[Generator] = []
    for number, key in enumerate(keys):
        access: Generator = Access(draw.split(number))
        if number < len(keys) - 1:
            share = (slot + 1) / options.keys if number == 0 else 1.0
            access = limit(max(1, round(operations * share)), access)
            access = sequence(access, RETIRE) if (slot + number) % 2 else access
        lives.append(on_key(key, access))
    return sequence(*lives)


def _keys(options: WorkloadOptions) -> tuple[str, ...]:
    """All keys of a run: in each slot as many as fit into its time, one after the other."""
    generations = 1 + int(options.time_limit_s / LIFETIME_S)
    return tuple(f"key-{number}" for number in range(1, generations * options.keys + 1))


def _choose(percent: int) -> str:
    for f, share in SHARES:
        if percent < share:
            return f
        percent -= share
    raise AssertionError("the shares add up to 100")
