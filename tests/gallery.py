"""Every type of anomaly of every checker in a small history: what the pages of verdicts are tried on."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from checker.history import History
from checker.operation import Operation
from tests.unit import isolation_script
from tests.unit.isolation_script import ok
from tests.unit.script import Script

Entry = tuple[Any, str, str, Any]
"""Process, type, f, value."""


class Case(NamedTuple):
    """A history that has an anomaly of that type, and how it is judged."""

    checker: str
    type: str
    history: History
    options: Mapping[str, Any] = MappingProxyType({})
    note: str = ""

    @property
    def name(self) -> str:
        """What a page of it may be called."""
        return f"{self.checker}-{self.type}" + (f"-{self.note}" if self.note else "")


def entries(*lines: Entry) -> History:
    """The lines as a history, 10 ms apart."""
    return History(
        Operation(time=at * 10_000_000, process=process, type=kind, f=f, value=value)  # type: ignore[arg-type]
        for at, (process, kind, f, value) in enumerate(lines)
    )


def did(process: int, f: str, value: Any, result: Any = None, kind: str = "ok") -> list[Entry]:
    """An operation from its beginning to its end."""
    return [(process, "invoke", f, value), (process, kind, f, value if result is None else result)]


def txn(process: int, *steps: list[Any], kind: str = "ok") -> list[Entry]:
    """A transaction from its beginning to its end."""
    asked = [[verb, key, None if verb == "r" else value] for verb, key, value in steps]
    return did(process, "txn", asked, list(steps), kind)


def together(*operations: list[Entry]) -> list[Entry]:
    """Operations that all begin before one of them ends."""
    return [each[0] for each in operations] + [each[1] for each in operations]


# --- linearizability -------------------------------------------------------------------------------


def linear() -> Iterator[Case]:
    """One failure for each kind of model."""
    lines = [
        *did(0, "write", 1),
        (1, "invoke", "write", 2),
        (2, "invoke", "cas", [1, 3]),
        (3, "invoke", "read", None),
        (3, "ok", "read", 3),
        (2, "ok", "cas", [1, 3]),
        *did(3, "read", None, 2),
        (1, "ok", "write", 2),
        *did(2, "read", None, 1),
        *did(0, "write", 4),
    ]
    yield Case("linearizable", "nonlinearizable", entries(*lines), {"model": "cas-register"}, "cas")
    crashed: list[Entry] = [
        *did(0, "write", 1),
        (1, "invoke", "write", 2),
        (1, "info", "write", 2),
        *did(0, "read", None, 2),
        *did(0, "read", None, 1),
    ]
    yield Case("linearizable", "nonlinearizable", entries(*crashed), {"model": "register"}, "crashed")
    queue = [*did(0, "enqueue", 1), *did(0, "enqueue", 2), *did(1, "dequeue", None, 2)]
    yield Case("linearizable", "nonlinearizable", entries(*queue), {"model": "fifo-queue"}, "queue")
    mutex = [*did(0, "acquire", None), *did(1, "acquire", None)]
    yield Case("linearizable", "nonlinearizable", entries(*mutex), {"model": "mutex"}, "mutex")
    keys = [
        Operation(process=process, type=kind, f=f, key=key, value=value)  # type: ignore[arg-type]
        for key in ("cat", "dog")
        for process, kind, f, value in [*did(0, "write", 1), *did(1, "write", 2), *did(2, "read", None, 1)]
    ]
    yield Case("linearizable", "nonlinearizable", History(keys), {"model": "register"}, "keys")


# --- transactions ----------------------------------------------------------------------------------


def flagged() -> Iterator[Case]:
    """What is wrong with single reads and writes of transactions."""
    a, r, w = "append", "r", "w"
    lists: dict[str, list[Entry]] = {
        "duplicate-elements": [*txn(0, [a, "x", 1]), *txn(1, [r, "x", [1, 1]])],
        "incompatible-order": [
            *txn(0, [a, "x", 1], [a, "x", 2]),
            *txn(1, [r, "x", [1, 2]]),
            *txn(2, [r, "x", [2, 1]]),
        ],
        "garbage-read": [*txn(0, [a, "x", 1]), *txn(1, [r, "x", [1, 7]])],
        "G1a": [*txn(0, [a, "x", 1], kind="fail"), *txn(1, [r, "x", [1]])],
        "G1b": [*txn(0, [a, "x", 1], [a, "x", 2]), *txn(1, [r, "x", [1]])],
        "internal": txn(0, [a, "x", 1], [r, "x", []]),
        "future-read": txn(0, [r, "x", [1]], [a, "x", 1]),
        "dirty-update": [
            *txn(0, [a, "x", 1], kind="fail"),
            *txn(1, [a, "x", 2]),
            *txn(2, [r, "x", [1, 2]]),
        ],
        "lost-update": together(txn(0, [r, "x", []], [a, "x", 1]), txn(1, [r, "x", []], [a, "x", 2])),
    }
    yield from (Case("list-append", kind, entries(*lines)) for kind, lines in lists.items())
    registers: dict[str, list[Entry]] = {
        "garbage-read": [*txn(0, [w, "x", 1]), *txn(1, [r, "x", 7])],
        "G1a": [*txn(0, [w, "x", 1], kind="fail"), *txn(1, [r, "x", 1])],
        "G1b": [*txn(0, [w, "x", 1], [w, "x", 2]), *txn(1, [r, "x", 1])],
        "internal": txn(0, [w, "x", 1], [r, "x", None]),
        "future-read": txn(0, [r, "x", 1], [w, "x", 1]),
        "lost-update": together(txn(0, [r, "x", None], [w, "x", 1]), txn(1, [r, "x", None], [w, "x", 2])),
    }
    yield from (Case("rw-register", kind, entries(*lines)) for kind, lines in registers.items())
    back = [*txn(0, [w, "x", 1]), *txn(1, [w, "x", 2]), *txn(2, [r, "x", 1]), *txn(3, [r, "x", 2])]
    yield Case("rw-register", "cyclic-versions", entries(*back), {"linearizable-keys?": True})


def cyclic() -> Iterator[Case]:
    """The circles of dependencies, each alone, with the order of clients, and with that of the clock."""
    a, r = "append", "r"
    x, y, z = ([a, key, 1] for key in "xyz")
    no_x, no_y, no_z = ([r, key, []] for key in "xyz")
    saw_x, saw_y, saw_z = ([r, key, [1]] for key in "xyz")
    # Who reads everything tells the order of the versions, and overlaps with all.
    both: tuple[list[Entry], ...] = (txn(9, saw_x, saw_y),)
    swapped = txn(9, [r, "x", [2, 1]])
    cycles: dict[str, list[Entry]] = {
        "G0": together(
            txn(0, x, y), txn(1, [a, "x", 2], [a, "y", 2]), txn(2, [r, "x", [1, 2]], [r, "y", [2, 1]])
        ),
        "G0-process": [swapped[0], *txn(0, x), *txn(0, [a, "x", 2]), swapped[1]],
        "G0-realtime": [swapped[0], *txn(0, x), *txn(1, [a, "x", 2]), swapped[1]],
        "G1c": together(txn(0, x, saw_y), txn(1, y, saw_x)),
        "G1c-process": [*txn(0, saw_x), *txn(0, x)],
        "G1c-realtime": [*txn(0, saw_x), *txn(1, x)],
        "G-single-item": together(txn(0, x, y), txn(1, no_x, saw_y), *both),
        "G-single-item-process": [*txn(0, x), *txn(0, no_x), *txn(1, saw_x)],
        "G-single-item-realtime": [*txn(0, x), *txn(1, no_x), *txn(2, saw_x)],
        "G-nonadjacent-item": together(txn(0, x), txn(1, y), txn(2, saw_x, no_y), txn(3, no_x, saw_y)),
        "G-nonadjacent-item-process": [
            both[0][0],
            *together(txn(0, x), txn(1, y)),
            *together(txn(0, no_y), txn(1, no_x)),
            both[0][1],
        ],
        "G-nonadjacent-item-realtime": [
            both[0][0],
            *(began(0, x), began(1, saw_x, no_y)),
            *txn(2, y),
            *txn(3, no_x),
            *(txn(0, x)[1], txn(1, saw_x, no_y)[1], both[0][1]),
        ],
        "G2-item": together(txn(0, no_x, y), txn(1, no_y, x), *both),
        "G2-item-process": [
            *(began(1, y, no_z), began(9, saw_y, saw_z)),
            *txn(0, z),
            *txn(0, no_y),
            *(txn(1, y, no_z)[1], txn(9, saw_y, saw_z)[1]),
        ],
        "G2-item-realtime": [
            *(began(1, y, no_z), began(9, saw_y, saw_z)),
            *txn(0, z),
            *txn(2, no_y),
            *(txn(1, y, no_z)[1], txn(9, saw_y, saw_z)[1]),
        ],
    }
    yield from (Case("list-append", kind, entries(*lines)) for kind, lines in cycles.items())


def began(process: int, *steps: list[Any]) -> Entry:
    """The beginning of a transaction alone."""
    return txn(process, *steps)[0]


# --- isolation levels ------------------------------------------------------------------------------


def isolation() -> Iterator[Case]:
    """What each level forbids."""
    x1, x2, y1, y2 = ("w", "x", 1), ("w", "x", 2), ("w", "y", 1), ("w", "y", 2)
    no_x, no_y = ("r", "x", None), ("r", "y", None)
    saw_x, saw_y = ("r", "x", 1), ("r", "y", 2)
    sessions: list[tuple[str, str, isolation_script.Sessions]] = [
        ("read-committed", "thin-air-read", [[ok(("r", "x", 9))]]),
        ("read-committed", "aborted-read", [[isolation_script.Script("fail", [x1])], [ok(saw_x)]]),
        ("read-committed", "intermediate-read", [[ok(x1, x2)], [ok(saw_x)]]),
        ("read-committed", "future-read", [[ok(saw_x, x1)]]),
        ("read-committed", "internal", [[ok(x1, no_x)]]),
        ("read-committed", "causality-cycle", [[ok(saw_x, y2)], [ok(saw_y, x1)]]),
        ("read-committed", "read-went-back", [[ok(x1, y1)], [ok(saw_x, no_y)]]),
        ("read-atomic", "fractured-read", [[ok(x1, y1)], [ok(x2, y2)], [ok(saw_x, saw_y)]]),
        ("read-your-writes", "own-write-not-seen", [[ok(x1), ok(no_x)]]),
        ("monotonic-reads", "session-read-went-back", [[ok(x1), ok(x2)], [ok(("r", "x", 2)), ok(saw_x)]]),
        ("monotonic-writes", "writes-out-of-order", [[ok(x1), ok(y2)], [ok(saw_y, no_x)]]),
        (
            "writes-follow-reads",
            "write-before-what-it-followed",
            [[ok(x1)], [ok(saw_x), ok(y2)], [ok(saw_y, no_x)]],
        ),
        ("pram", "session-order-violated", [[ok(x1), ok(x2)], [ok(("r", "x", 2)), ok(saw_x)]]),
        (
            "causal-consistency",
            "causal-order-violated",
            [[ok(x1)], [ok(saw_x), ok(y2)], [ok(saw_y), ok(no_x)]],
        ),
        (
            "snapshot-isolation",
            "not-snapshot-isolation",
            [[ok(x1)], [ok(y2)], [ok(saw_x, no_y)], [ok(no_x, saw_y)]],
        ),
        ("serializable", "not-serializable", [[ok(no_x, y1)], [ok(no_y, x2)]]),
    ]
    yield from (Case(name, kind, isolation_script.history_of(history)) for name, kind, history in sessions)


# --- Jepsen's workloads ----------------------------------------------------------------------------


def classic() -> Iterator[Case]:
    """Sets, queues, counters, banks and the like."""
    add = [*did(0, "add", 5), *did(0, "add", 6)]
    puts = [*did(0, "enqueue", 1), *did(0, "enqueue", 2)]
    failed = did(1, "read", None, None, "fail")

    def read(value: Any, process: int = 1) -> list[Entry]:
        return did(process, "read", None, value)

    found: list[tuple[str, str, list[Entry], dict[str, Any]]] = [
        ("set", "lost", [*add, *read([6])], {}),
        ("set", "unexpected", [*add, *read([5, 6, 7])], {}),
        ("set", "duplicated", [*add, *read([5, 6, 5])], {}),
        ("set-full", "lost", [*add, *read([5, 6]), *read([6], 2), *read([6])], {}),
        ("set-full", "unexpected", [*add, *read([5, 6, 7])], {}),
        ("set-full", "duplicated", [*add, *read([5, 6, 6])], {}),
        ("set-full", "stale", [*add, *read([6]), *read([5, 6], 2)], {"linearizable?": True}),
        ("counter", "impossible-value", [*did(0, "add", 2), *did(0, "add", 3), *read(9)], {}),
        ("queue", "unexpected", [*did(0, "enqueue", 1), *did(1, "dequeue", None, 2)], {}),
        ("total-queue", "lost", [*puts, *did(1, "drain", None, [2])], {}),
        ("total-queue", "unexpected", [*did(0, "enqueue", 1), *did(1, "drain", None, [1, 7])], {}),
        ("unique-ids", "duplicate-id", [*did(0, "generate", None, 7), *did(1, "generate", None, 7)], {}),
        ("bank", "wrong-total", [*read({"a": 5, "b": 5}), *read({"a": 2, "b": 5})], {}),
        ("bank", "negative-value", [*read({"a": 5, "b": 5}), *read({"a": -2, "b": 12})], {}),
        ("bank", "unexpected-key", [*read({"a": 5, "b": 5}), *read({"a": 5, "b": 5, "c": 1})], {}),
        ("bank", "missing-key", read({"a": 5}), {"accounts": ["a", "b"], "total-amount": 5}),
        ("bank", "nil-balance", [*read({"a": 5, "b": 5}), *read({"a": 5, "b": None})], {}),
        ("causal-reverse", "causal-reverse", [*did(0, "write", 1), *did(0, "write", 2), *read([2])], {}),
        ("stats", "never-succeeded", [*add, *failed, (2, "invoke", "read", None)], {}),
        (
            "long-fork",
            "long-fork",
            [
                *together(
                    txn(0, ["w", "x", 1]),
                    txn(1, ["w", "y", 1]),
                    txn(2, ["r", "x", 1], ["r", "y", None]),
                    txn(3, ["r", "x", None], ["r", "y", 1]),
                )
            ],
            {},
        ),
    ]  # fmt: skip
    yield from (Case(name, kind, entries(*lines), options) for name, kind, lines, options in found)
    low = [*did(0, "add", 2), *did(0, "add", 3), *read(1)]
    yield Case("counter", "impossible-value", entries(*low), {}, "low")


# --- Dynamo ----------------------------------------------------------------------------------------


def versions() -> Iterator[Case]:
    """What became of versions, as clients saw it."""
    script = Script()
    script.put("w1")
    script.put("w2", "w1", process=2, node="n2")
    script.put("w3", "w1", process=3, node="n3")
    script.get("w3")
    script.final("w3")
    yield Case("causal", "lost-write", script.history())
    yield Case("lost-writes", "lost-write", script.history(), note="key")
    script = Script()
    script.put("w1", type="fail")
    script.put("w2")
    script.get("w1", "w2")
    script.final("w2")
    yield Case("causal", "phantom-version", script.history())
    script = Script()
    script.put("w1")
    script.get("w1", "w1")
    script.final("w1")
    yield Case("causal", "duplicate-sibling", script.history())
    script = Script()
    script.put("w1")
    script.put("w2", "w1")
    script.put("w3", "w2")
    script.get("w1", "w3")
    script.final("w3")
    yield Case("causal", "false-sibling", script.history())
    script = Script()
    first, second = script.begin(0, "update", "w1"), script.begin(2, "update", "w2")
    script.end(first, "w2")
    script.end(second, "w1")
    script.final("w1", "w2")
    yield Case("causal", "causal-cycle", script.history())
    yield from returned()
    yield from sessions()


def returned() -> Iterator[Case]:
    """What is back although it had been replaced, and what is gone from a cart."""
    script = Script()
    script.put("w1")
    script.delete("w2", "w1", process=2)
    script.final("w1")
    yield Case("causal", "resurrected-delete", script.history())
    script = Script()
    script.put("w1")
    script.put("w2", "w1", process=2)
    script.final("w1")
    yield Case("causal", "resurrected-version", script.history())
    script = Script()
    script.put("w1")
    script.get("w1")
    script.delete("w2", "w1")
    script.get()
    script.get("w1", process=4)
    script.final("w1")
    yield Case("tombstones", "resurrected-delete", script.history())
    script = Script()
    script.put("w1")
    script.put("w2", "w1")
    script.put("w3", "w2")
    script.get("w3")
    script.final("w1")
    yield Case("tombstones", "reappeared-version", script.history())
    script = Script()
    script.cart("add", "milk", "w1", items=["milk"])
    slow = script.begin(5, "add", "w3", value={"item": "rice"}, node="n4")
    script.cart("add", "eggs", "w2", "w1", items=["eggs", "milk"], process=2, node="n2")
    script.end(slow, "w1", value={"item": "rice", "items": ["milk", "rice"]})
    script.final_cart(["milk", "rice"], "w3")
    yield Case("lost-writes", "lost-write", script.history(), note="cart")


def sessions() -> Iterator[Case]:
    """What a strict quorum promises to clients."""
    strict = {"mode": "strict"}
    script = Script()
    script.put("w1")
    script.put("w2", "w1")
    script.get("w2")
    script.get("w1")
    yield Case("monotonicity", "forgotten-version", script.history(), strict)
    yield Case("freshness", "stale-read", script.history(), strict)
    script = Script()
    script.put("w1", process=3)
    script.get(process=3)
    yield Case("monotonicity", "unread-write", script.history(), strict)
    script = Script()
    script.put("w1")
    script.delete("w2", "w1")
    script.get("w1")
    yield Case("freshness", "stale-delete", script.history(), strict)
    script = Script()
    seen: list[list[str]] = [[], []]
    kept: list[str] = []
    for number in range(8):
        script.put(f"w{number}", *seen[number % 2], process=number % 2, f="update")
        kept.append(f"w{number}")
        seen[number % 2] = list(kept)
    script.get(*kept)
    yield Case("siblings", "sibling-explosion", script.history())


def replicas() -> Iterator[Case]:
    """What the replicas hold in the end."""
    same: dict[str, Any] = {"n1": {"k": ["w1"]}, "n2": {"k": ["w1"]}, "n3": {"k": ["w1"]}}
    ends: list[tuple[str, str, list[dict[str, Any]]]] = [
        ("divergent-replicas", "", [same, same | {"n3": {"k": ["w2", "w3"]}}]),
        ("divergent-replicas", "missing", [same, same | {"n3": {}}]),
        (
            "divergent-replicas",
            "clocks",
            [same, {n: {"k": ["w1"], "digests": {"k": n[1]}} for n in ("n1", "n2")}],
        ),
        ("hints-left", "", [same, same | {"n2": {"k": ["w1"], "hinted": {"n3/k": ["w9"], "n3/j": ["w8"]}}}]),
        (
            "repair-never-stops",
            "",
            [same, {node: held | {"repairs": number} for number, (node, held) in enumerate(same.items())}],
        ),
    ]
    for kind, note, looks in ends:
        script = Script()
        script.phase("main")
        script.at_ms(1000).phase("settle")
        for number, nodes in enumerate(looks):
            script.at_ms(2000 + number * 1000).look(final=number == len(looks) - 1, **nodes)
        script.phase("end")
        yield Case("convergence", kind, script.history(), {}, note)


# --- text that is made to break a page -------------------------------------------------------------

HOSTILE = '</script><img src=x onerror="window.pwned = 1"><!--\'&amp;\0\x01\x1b\u202e\u2028\U0001f600 é漢字'
"""Ends a script, an attribute, a comment; a null byte, an escape, and a mark that turns the line round."""

ENDLESS = "endless" * 600


def hostile() -> Iterator[Case]:
    """Anomalies in histories whose keys, values, ids, nodes and operations are hostile."""
    bad, wide = HOSTILE, ENDLESS
    keyed = [
        Operation(process=process, type=kind, f=f, key=key, value=value)  # type: ignore[arg-type]
        for key, first, second in ((bad, bad, wide), (wide, 1, 2))
        for process, kind, f, value in [
            *did(0, "write", first),
            *did(1, "write", second),
            *did(2, "read", None, first),
        ]
    ]
    yield Case("linearizable", "nonlinearizable", History(keyed), {"model": "register"})
    skew = [
        *together(
            txn(0, ["r", bad, []], ["append", wide, bad]), txn(1, ["r", wide, []], ["append", bad, wide])
        ),
        *txn(2, ["r", bad, [wide]], ["r", wide, [bad]]),
    ]
    yield Case("list-append", "G2-item", entries(*skew))
    yield Case("rw-register", "internal", entries(*txn(0, ["w", bad, wide], ["r", bad, bad])))
    adds = [*did(0, "add", bad), *did(1, "add", wide), *did(2, "read", None, [bad, wide])]
    yield Case("set-full", "lost", entries(*adds, *did(2, "read", None, []), *did(3, "read", None, [])))
    accounts = [*did(0, "read", None, {bad: 5, wide: 5}), *did(1, "read", None, {bad: 2, wide: 5})]
    yield Case("bank", "wrong-total", entries(*accounts))
    kinds = [*did(0, bad, 5, kind="fail"), *did(0, wide, 5, kind="fail")]
    yield Case("stats", "never-succeeded", entries(*kinds))
    script = Script()
    for key in (bad, wide):
        script.put(f"{key}1", key=key, node=bad)
        script.put(f"{key}2", f"{key}1", process=2, node=wide, key=key)
        script.put(f"{key}3", f"{key}1", process=3, node=bad, key=key)
        script.final(f"{key}3", key=key)
    yield Case("causal", "lost-write", script.history())
    script = Script()
    script.phase("main")
    script.at_ms(1000).phase("settle")
    held: list[dict[str, Any]] = [{bad: {"k": [bad]}, wide: {"k": kept}} for kept in ([wide], [wide, bad])]
    script.at_ms(2000).look(**held[0])
    script.at_ms(3000).look(final=True, **held[1])
    script.phase("end")
    yield Case("convergence", "divergent-replicas", script.history())


def cases() -> list[Case]:
    """All of them, but those whose text is hostile."""
    return [
        *linear(), *flagged(), *cyclic(), *isolation(), *classic(), *versions(), *replicas(),
    ]  # fmt: skip
