"""A cart run made up of plain arithmetic: realistic enough to draw, without starting a cluster.

It exists so that the report and the console can be tested and looked at on their own.  `make(...)` gives
the same three things that a real run leaves behind: a history, its results, its test.  With `lossy=True`
every write takes the place of whatever is there, seen or not, as last-write-wins does.
"""

import random
from typing import Any

import msgspec

from checker import registry
from checker.history import History
from checker.operation import Operation, OpType
from splitbrain import results
from splitbrain.guarantees import SLOPPY

MS = 1_000_000
S = 1_000_000_000
NODES = ("n1", "n2", "n3", "n4", "n5")
OUTCOMES: tuple[OpType, ...] = ("ok", "fail", "info")
GROCERIES = ("milk", "eggs", "rice", "tea", "soap", "kale", "figs")


class Fault(msgspec.Struct, kw_only=True):
    """A fault of the made-up schedule; times in ns."""

    kind: str
    shape: str
    start: int
    end: int
    targets: tuple[str, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    mode: str | None = None
    bit: bool = True


class Plan(msgspec.Struct, kw_only=True):
    """One client operation before it is written into the history."""

    process: int
    f: str
    key: str
    node: str
    start: int
    end: int
    outcome: OpType
    item: str = ""
    write: str | None = None
    reads: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    final: bool = False
    invoked: int = -1
    completed: int = -1


JUDGES = ("causal", "lost-writes", "siblings", "convergence", "availability")


def cut(left: tuple[str, ...], right: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Every link between the two sides, in both directions."""
    return tuple((a, b) for x, y in ((left, right), (right, left)) for a in x for b in y)


def schedule() -> list[Fault]:
    """Two lanes of faults over twenty seconds."""
    one_way = tuple((a, b) for a in ("n1", "n2") for b in ("n3", "n4", "n5"))
    bridge = cut(("n1", "n2"), ("n4", "n5"))
    return [
        Fault(
            kind="partition",
            shape="halves",
            start=1400 * MS,
            end=4300 * MS,
            mode="refuse",
            targets=("n1", "n4"),
            links=cut(("n1", "n4"), ("n2", "n3", "n5")),
        ),
        Fault(kind="kill", shape="one", start=3 * S, end=4800 * MS, targets=("n2",)),
        Fault(
            kind="partition",
            shape="isolate-one",
            start=5600 * MS,
            end=8700 * MS,
            mode="drop",
            targets=("n3",),
            links=cut(("n3",), ("n1", "n2", "n4", "n5")),
        ),
        Fault(kind="pause", shape="minority", start=7100 * MS, end=8200 * MS, targets=("n1", "n5")),
        Fault(
            kind="partition",
            shape="one-way",
            start=10 * S,
            end=13200 * MS,
            mode="stall",
            targets=("n1", "n2"),
            links=one_way,
        ),
        Fault(kind="kill", shape="one", start=11600 * MS, end=12500 * MS, targets=("n4",)),
        Fault(kind="pause", shape="one", start=14200 * MS, end=15200 * MS, targets=("n2",), bit=False),
        Fault(
            kind="partition",
            shape="bridge",
            start=15500 * MS,
            end=18900 * MS,
            mode="refuse",
            targets=("n3",),
            links=bridge,
        ),
        Fault(kind="kill", shape="minority", start=17 * S, end=18300 * MS, targets=("n1", "n5")),
    ]


def plan(rng: random.Random, faults: list[Fault], count: int, clients: int, keys: int) -> list[Plan]:
    """Draw the operations: who, what, when, and how it ended. Ids come later."""
    plans: list[Plan] = []
    duration = 20 * S
    for client in range(clients):
        process, now = client, rng.randrange(100 * MS)
        for _ in range(count // clients):
            node = NODES[client % len(NODES)]
            start = now + int(rng.expovariate(1 / (duration / (count / clients) * 0.75)))
            struck = [
                f for f in faults if f.start <= start < f.end and node in (*f.targets, *sum(f.links, ()))
            ]
            latency = int(rng.lognormvariate(1.4, 0.7) * MS)
            outcome: OpType = "ok"
            if struck:
                latency = int(latency * rng.choice((1, 3, 12)))
                outcome = rng.choices(OUTCOMES, (8, 1, 1))[0]
                if node in struck[-1].targets and struck[-1].kind != "partition":
                    outcome = rng.choices(OUTCOMES, (0, 4, 1))[0]
            if outcome == "info":
                latency = 700 * MS
            now = start + latency
            if now >= duration:
                break
            f = rng.choices(("add", "remove", "read"), (5, 1, 4))[0]
            plans.append(
                Plan(
                    process=process,
                    f=f,
                    key=f"cart-{rng.randrange(keys) + 1}",
                    node=node,
                    start=start,
                    end=now,
                    outcome=outcome,
                )
            )
            if outcome == "info":
                process += clients
    for number in range(keys):
        at = 24 * S + number * 9 * MS
        plans.append(
            Plan(
                process=number % clients,
                f="read",
                key=f"cart-{number + 1}",
                node=NODES[number % 5],
                start=at,
                end=at + 6 * MS,
                outcome="ok",
                final=True,
            )
        )
    return plans


class Shop:
    """What the carts hold, version by version; `lost` are the acknowledged writes replaced unseen."""

    def __init__(self, lossy: bool) -> None:
        self.lossy = lossy
        self.live: dict[str, dict[str, tuple[str, ...]]] = {}
        self.lost: list[tuple[Plan, Plan]] = []
        self.by_id: dict[str, Plan] = {}
        self.times: dict[str, list[tuple[int, tuple[str, ...]]]] = {}

    def read(self, op: Plan) -> None:
        """The client sees all siblings."""
        versions = self.live.get(op.key, {})
        op.reads = tuple(sorted(versions))
        op.items = tuple(sorted({item for items in versions.values() for item in items}))

    def write(self, op: Plan) -> None:
        """The new version takes the place of what its client saw (or of everything, when lossy)."""
        assert op.write is not None
        versions = self.live.setdefault(op.key, {})
        kept = {} if self.lossy else {k: v for k, v in versions.items() if k not in op.reads}
        for gone in set(versions) - set(kept) - set(op.reads):
            if self.by_id[gone].outcome == "ok":
                self.lost.append((self.by_id[gone], op))
        items = set(op.items) | {op.item} if op.f == "add" else set(op.items) - {op.item}
        op.items = tuple(sorted(items))
        self.live[op.key] = kept | {op.write: op.items}
        self.by_id[op.write] = op
        self.times.setdefault(op.key, []).append((op.end, tuple(sorted(self.live[op.key]))))


def perform(rng: random.Random, plans: list[Plan], lossy: bool) -> Shop:
    """Carry the operations out in the order of their reads and writes."""
    shop = Shop(lossy)
    steps = [(p.start + (p.end - p.start) // 3, 0, n) for n, p in enumerate(plans)]
    steps += [(p.end - 1, 1, n) for n, p in enumerate(plans) if p.f != "read"]
    for n, p in enumerate(sorted((p for p in plans if p.f != "read"), key=lambda p: p.start)):
        p.write = f"w{n + 1}"
        p.item = f"{rng.choice(GROCERIES)}-{n + 1}"
    for _, kind, n in sorted(steps):
        op = plans[n]
        if kind == 0:
            shop.read(op)
            if op.f == "remove" and op.items:
                op.item = rng.choice(op.items)
        elif op.outcome != "fail":
            shop.write(op)
    return shop


def sample(shop: Shop, faults: list[Fault], now: int) -> dict[str, Any]:
    """What each node holds: the cut-off side of a partition is a second behind."""
    replicas: dict[str, Any] = {}
    for place, node in enumerate(NODES):
        struck = [f for f in faults if f.start <= now < f.end and node in f.targets]
        if any(f.kind in ("kill", "pause") for f in struck):
            replicas[node] = None
            continue
        seen = now - S if struck else now - 20 * MS * place
        keys: dict[str, tuple[str, ...]] = {}
        for number, key in enumerate(sorted(shop.times)):
            if (place - number) % len(NODES) < 3:
                past = [ids for at, ids in shop.times[key] if at <= seen]
                if past:
                    keys[key] = past[-1]
        hinted = {f"{f.targets[0]}/{k}": keys[k] for f in struck for k in list(keys)[:1]}
        replicas[node] = {
            "keys": keys,
            "digests": {k: ",".join(v) for k, v in keys.items()},
            "hinted": hinted,
            "hints": len(hinted),
            "repairs": min(now, 20 * S) // (2 * S),
        }
    return {"replicas": replicas}


def entries(plans: list[Plan], shop: Shop, faults: list[Fault]) -> list[Operation]:
    """The history, in order of time, with indexes."""
    rows: list[tuple[int, int, Plan | None, Operation]] = []
    for p in plans:
        base: dict[str, Any] = {
            "process": p.process,
            "f": p.f,
            "key": p.key,
            "node": p.node,
            "final": p.final,
        }
        asked = {"item": p.item} if p.f != "read" else None
        rows.append((p.start, 1, p, Operation(**base, type="invoke", value=asked, write=p.write)))
        done = None if p.outcome != "ok" else {"items": p.items} | (asked or {})
        error = {"ok": None, "fail": "refused: no quorum", "info": "no answer within 700 ms"}[p.outcome]
        rows.append(
            (
                p.end,
                1,
                p,
                Operation(
                    **base,
                    type=p.outcome,
                    value=done,
                    write=p.write,
                    error=error,
                    reads=None if p.outcome == "fail" else p.reads,
                ),
            )
        )
    for n, f in enumerate(faults):
        value = {"id": n, "kind": f.kind, "shape": f.shape, "bit": f.bit}
        for at, name in ((f.start, "inject"), (f.end, "heal")):
            rows.append((at, 0, None, Operation(process="nemesis", type="info", f=name, value=value)))
    for at, phase in (
        (0, "main"),
        (20 * S, "heal"),
        (20 * S + 60 * MS, "settle"),
        (24 * S, "final"),
        (24 * S + 100 * MS, "end"),
    ):
        rows.append((at, 0, None, Operation(process="harness", type="info", f="phase", value=phase)))
    for at in (*range(S // 2, 24 * S, S // 2), 24 * S + 90 * MS):
        value = sample(shop, faults, at)
        looked = Operation(process="observer", type="info", f="sample", value=value, final=at > 24 * S)
        rows.append((at, 2, None, looked))
    history = []
    for index, (time, _, of, operation) in enumerate(sorted(rows, key=lambda row: row[:2])):
        history.append(msgspec.structs.replace(operation, index=index, time=time))
        if of is not None:
            of.invoked, of.completed = (
                (index, of.completed) if operation.type == "invoke" else (of.invoked, index)
            )
    return history


def primaries(keys: int) -> dict[str, list[str]]:
    """The three nodes that keep each cart, as `sample` lists them."""
    return {
        f"cart-{number + 1}": [node for place, node in enumerate(NODES) if (place - number) % len(NODES) < 3]
        for number in range(keys)
    }


def results_of(history: History, faults: list[Fault], lossy: bool) -> dict[str, Any]:
    """The results object, as `--json` prints it; the verdicts are those of the real checkers."""
    options = {"convergence": {"primaries": primaries(5)}}
    checks = {name: results.describe(registry.check(history, name, options.get(name))) for name in JUDGES}
    flat = [
        {
            "id": n,
            "kind": f.kind,
            "shape": f.shape,
            "targets": f.targets,
            "links": f.links,
            "mode": f.mode,
            "from": f.start,
            "until": f.end,
            "injected_at": f.start,
            "healed_at": f.end,
            "bit": f.bit,
            "how": "none of the probes over the cut links arrived" if f.bit else "n2 still answered",
        }
        for n, f in enumerate(faults)
    ]
    doubts = [
        f"fault {f['id']} ({f['kind']} {f['shape']}) did not bite: {f['how']}" for f in flat if not f["bit"]
    ]
    broken = any(check["valid"] is False for check in checks.values())
    command = "splitbrain run cart --seed 7 --faults partition,kill,pause"
    return {
        "schema": 1,
        "valid": False if broken else ("unknown" if doubts else True),
        "workload": "cart",
        "seed": 7,
        "fingerprint": "9f2c41d07b6e5a83",
        "place": "sim",
        "bug": "A01" if lossy else None,
        "checks": checks,
        "faults": flat,
        "inconclusive": doubts,
        "run": "runs/cart/20261121T072000.000-7",
        "replay": command + (" --bug A01" if lossy else ""),
        "stats": results.count(history),
        "guarantees": msgspec.to_builtins(SLOPPY),
        "interrupted": False,
    }


def make(
    count: int = 2000, *, clients: int = 10, lossy: bool = False, all_bite: bool = True, seed: int = 7
) -> tuple[History, dict[str, Any], dict[str, Any]]:
    """A history, its results, its test: `count` operations by ten clients on five carts."""
    rng = random.Random(seed)
    faults = schedule()
    for fault in faults:
        fault.bit = fault.bit or all_bite
    plans = plan(rng, faults, count, clients=clients, keys=5)
    shop = perform(rng, plans, lossy)
    history = History(entries(plans, shop, faults))
    options = {
        "workload": "cart",
        "place": "sim",
        "seed": seed,
        "nodes": 5,
        "n": 3,
        "r": 2,
        "w": 2,
        "clients": clients,
        "keys": 5,
        "rate": count / 20,
        "time_limit_s": 20.0,
    }
    return history, results_of(history, faults, lossy), {"schema": 1, "options": options, "schedule": []}
