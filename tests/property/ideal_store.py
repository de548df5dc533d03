"""A small Dynamo store that cannot be wrong, and the same with one thing wrong, to test checkers with.

A version is its write's id, a clock is the set of all ids it covers, so no encoding of clocks can go wrong.
Everything else is as bad as a real cluster: replicas answer from what they happen to hold, writes reach
some of them, crashes take along what was not durable, clients time out, hints and repairs arrive late or
in any order, tombstones are reaped when all replicas agree.

`flaw` plants one mistake:
  last-write-wins   a replica keeps only the version that was written last
  no-dots           a coordinator cannot tell its own versions apart, and keeps what was replaced beside
  early-ack         a write is acknowledged although only its coordinator has it, in memory
  early-reap        replicas reap a tombstone although others still hold what it deleted
  lying-failure     a write is reported as failed although a replica has it
"""

import random

import msgspec

from checker.history import History
from checker.operation import Operation


class State(msgspec.Struct, frozen=True):
    """One key at one replica: what it has ever heard of, what of it is live, which of these are deletes."""

    clock: frozenset[str] = frozenset()
    live: frozenset[str] = frozenset()


def merge(a: State, b: State) -> State:
    """What is live on one side and unknown to the other, and what is live on both."""
    live = (a.live & b.live) | (a.live - b.clock) | (b.live - a.clock)
    return State(a.clock | b.clock, live)


class Store:
    """Replicas of one key. `durable[i]` is what replica i finds again after a crash."""

    def __init__(self, rng: random.Random, replicas: int, flaw: str | None) -> None:
        self.rng = rng
        self.flaw = flaw
        self.held = [State() for _ in range(replicas)]
        self.durable = [State() for _ in range(replicas)]
        self.deletes: set[str] = set()
        self.written: list[str] = []

    def some(self, at_least: int) -> list[int]:
        """Replicas that can be reached right now."""
        count = self.rng.randint(at_least, len(self.held))
        return self.rng.sample(range(len(self.held)), count)

    def read(self, replicas: list[int]) -> State:
        """What these replicas know together."""
        state = State()
        for at in replicas:
            state = self.keep(merge(state, self.held[at]))
        return state

    def shown(self, state: State) -> tuple[str, ...]:
        """The siblings that a client sees."""
        return tuple(sorted(state.live - self.deletes))

    def write(self, name: str, context: State, delete: bool) -> str:
        """Returns ok or info, or what a flawed store says."""
        coordinator, *others = self.some(1)
        self.written.append(name)
        if delete:
            self.deletes.add(name)
        local = self.held[coordinator]
        replaced = context.clock
        if self.flaw == "no-dots" and self.rng.random() < 0.5:
            replaced = frozenset()
        live = (local.live - replaced) | {name}
        state = self.keep(State(local.clock | context.clock | {name}, live))
        if self.flaw == "early-ack" and self.rng.random() < 0.5:
            self.held[coordinator] = state
            return "ok"
        reached = [coordinator, *others]
        for at in reached:
            self.held[at] = self.keep(merge(self.held[at], state))
            if self.rng.random() < 0.8:
                self.sync(at)
        durable = sum(name in self.durable[at].clock for at in reached)
        if self.flaw == "lying-failure" and self.rng.random() < 0.3:
            return "fail"
        return "ok" if durable >= 2 and self.rng.random() < 0.9 else "info"

    def keep(self, state: State) -> State:
        """What a replica stores of a state: all of it, unless it thinks that the last write wins."""
        if self.flaw == "last-write-wins" and len(state.live) > 1:
            return State(state.clock, frozenset([max(state.live, key=self.written.index)]))
        return state

    def sync(self, at: int) -> None:
        """Make durable what the replica holds."""
        self.durable[at] = self.held[at]

    def disturb(self) -> None:
        """Something happens that no client asked for."""
        if self.flaw == "early-reap":
            for at in range(len(self.held)):
                self.reap(at)
        a, b = self.rng.sample(range(len(self.held)), 2)
        match self.rng.randrange(5):
            case 0:
                self.held[a] = self.durable[a]
            case 1:
                self.sync(a)
            case 2 | 3:
                # Repair, a hint or anti-entropy, in one direction.
                self.held[a] = self.keep(merge(self.held[a], self.held[b]))
                self.sync(a)
            case _:
                self.reap(a)

    def reap(self, at: int) -> None:
        """Forget a tombstone with all that it covers, when every replica has exactly that, durably."""
        state = self.held[at]
        if not state.live or not state.live <= self.deletes:
            return
        if all(held == state for held in self.held + self.durable):
            self.held = [State() for _ in self.held]
            self.durable = list(self.held)
        elif self.flaw == "early-reap":
            self.held[at] = self.durable[at] = State()

    def settle(self) -> None:
        """All replicas exchange all they hold."""
        state = self.read(list(range(len(self.held))))
        self.held = [state for _ in self.held]
        self.durable = list(self.held)


class Recorder:
    """Writes a history entry by entry, a millisecond apart."""

    def __init__(self) -> None:
        self.entries: list[Operation] = []

    def add(self, **fields: object) -> Operation:
        """Record one entry."""
        at = len(self.entries)
        self.entries.append(Operation(index=at, time=at * 1_000_000, **fields))  # type: ignore[arg-type]
        return self.entries[-1]


def run(seed: int, operations: int = 30, flaw: str | None = None, cart: bool = False) -> History:
    """A history of one key. Read-modify-writes of different clients interleave between read and write."""
    rng = random.Random(seed)
    store = Store(rng, replicas=rng.randint(3, 5), flaw=flaw)
    clients = CartClients(store) if cart else Clients(store)
    recorder = Recorder()
    idle = list(range(4))
    reading: list[tuple[Operation, State]] = []
    begun = 0
    while begun < operations or reading:
        if rng.random() < 0.25:
            store.disturb()
        if begun < operations and idle and rng.random() < 0.55:
            process = idle.pop(rng.randrange(len(idle)))
            invoked = recorder.add(
                process=process, type="invoke", key="k", node="n1", **clients.choose(begun)
            )
            seen = State() if invoked.f == "put" else store.read(store.some(1))
            reading.append((invoked, seen))
            begun += 1
        elif reading:
            invoked, seen = reading.pop(rng.randrange(len(reading)))
            completion = clients.complete(invoked, seen)
            if completion is not None:
                recorder.add(process=invoked.process, f=invoked.f, key="k", write=invoked.write, **completion)
            # A client that vanished is replaced by another one.
            idle.append(int(invoked.process) if completion is not None else 1000 + invoked.index)
    store.settle()
    for process in (9990, 9991):
        recorder.add(process=process, type="invoke", f=clients.reader, key="k", node="n1", final=True)
        state = store.read(store.some(1))
        recorder.add(process=process, f=clients.reader, key="k", node="n1", final=True, **clients.saw(state))
    return History(recorder.entries)


class Clients:
    """What the clients of the `kv` workload do."""

    reader = "get"

    def __init__(self, store: Store) -> None:
        self.store = store
        self.rng = store.rng

    def choose(self, number: int) -> dict[str, object]:
        """The fields of the next invocation."""
        f = self.rng.choice(["get", "put", "update", "update", "delete"])
        return {"f": f, "write": None if f == "get" else f"w{number}"}

    def complete(self, invoked: Operation, seen: State) -> dict[str, object] | None:
        """Carry it out. None: the client vanishes, and nobody knows what it had seen or whether it wrote."""
        if invoked.write is None:
            return self.saw(seen)
        outcome = self.store.write(invoked.write, seen, invoked.f == "delete")
        if outcome == "info" and self.rng.random() < 0.1:
            return None
        return {"type": outcome, "reads": self.store.shown(seen)}

    def saw(self, state: State) -> dict[str, object]:
        """The completion of a read."""
        return {"type": "ok", "reads": self.store.shown(state)}


class CartClients(Clients):
    """What the clients of the `cart` workload do: read, unite, change, write."""

    reader = "read"

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.content: dict[str, frozenset[str]] = {}
        self.known: list[str] = []

    def choose(self, number: int) -> dict[str, object]:
        """Adds of new items, removes of known ones, reads."""
        f = self.rng.choice(["read", "add", "add", "remove"])
        if f == "read":
            return {"f": f}
        if f == "remove" and self.known:
            return {"f": f, "write": f"w{number}", "value": {"item": self.rng.choice(self.known)}}
        self.known.append(f"item-{number}")
        return {"f": "add", "write": f"w{number}", "value": {"item": f"item-{number}"}}

    def complete(self, invoked: Operation, seen: State) -> dict[str, object] | None:
        """An add or a remove writes the united cart, changed."""
        if invoked.write is None:
            return self.saw(seen)
        item, union = invoked.value["item"], self.united(seen)
        if invoked.f == "remove" and item not in union:
            return {"type": "fail", "error": "nothing to remove", "reads": self.store.shown(seen)}
        items = union - {item} if invoked.f == "remove" else union | {item}
        self.content[invoked.write] = items
        done = super().complete(invoked, seen)
        if done is None:
            return None
        written = {"items": sorted(items)} if done["type"] == "ok" else {}
        return done | {"value": {"item": item} | written}

    def united(self, state: State) -> frozenset[str]:
        """All items of all siblings."""
        return frozenset().union(*(self.content[name] for name in self.store.shown(state)))

    def saw(self, state: State) -> dict[str, object]:
        """The completion of a read."""
        return super().saw(state) | {"value": {"items": sorted(self.united(state))}}
