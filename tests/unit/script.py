"""Histories written down for tests, an operation per line.

Time advances by 10 ms with every entry unless `at_ms` moves it.  Ids, keys and nodes are what the test says;
an operation's process is free to choose as long as it does one thing at a time.
"""

from typing import Any

from checker.history import History
from checker.operation import HARNESS, NEMESIS, OBSERVER, Operation, OpType

STEP_NS = 10_000_000


class Script:
    """Collects entries; `history()` is what a checker gets."""

    def __init__(self) -> None:
        self.entries: list[Operation] = []
        self.time = 0

    def history(self) -> History:
        """What was written so far."""
        return History(self.entries)

    def add(self, operation: Operation) -> Operation:
        """Append an entry at the next moment."""
        self.time += STEP_NS
        entry = Operation(
            **{name: getattr(operation, name) for name in operation.__struct_fields__} | {"time": self.time}
        )
        self.entries.append(entry)
        return entry

    def at_ms(self, time_ms: int) -> "Script":
        """Let the next entry happen just after this moment."""
        self.time = time_ms * 1_000_000 - STEP_NS
        return self

    def begin(self, process: int, f: str, write: str | None = None, **more: Any) -> Operation:
        """Invoke. `more`: key, node, value, reads, final."""
        fields: dict[str, Any] = {"key": "k", "node": "n1"} | more
        return self.add(Operation(process=process, type="invoke", f=f, write=write, **fields))

    def end(
        self, begun: Operation, *reads: str, type: OpType = "ok", value: Any = None, unknown: bool = False
    ) -> Operation:
        """Complete. `unknown`: what was seen is not recorded."""
        return self.add(
            Operation(
                process=begun.process,
                type=type,
                f=begun.f,
                key=begun.key,
                node=begun.node,
                write=begun.write,
                final=begun.final,
                value=begun.value if value is None else value,
                reads=None if unknown else reads,
            )
        )

    def put(self, write: str, *reads: str, type: OpType = "ok", **more: Any) -> Operation:
        """A write: `put` where it saw nothing, `update` otherwise."""
        fields: dict[str, Any] = {"process": 0, "f": "update" if reads else "put"} | more
        return self.end(self.begin(write=write, **fields), *reads, type=type)

    def delete(self, write: str, *reads: str, type: OpType = "ok", **more: Any) -> Operation:
        """A delete of what it saw."""
        return self.put(write, *reads, type=type, f="delete", **more)

    def get(self, *reads: str, **more: Any) -> Operation:
        """A read that showed these versions."""
        fields: dict[str, Any] = {"process": 1, "f": "get"} | more
        return self.end(self.begin(**fields), *reads)

    def final(self, *reads: str, **more: Any) -> Operation:
        """A read after everything has settled."""
        return self.get(*reads, final=True, **more)

    def cart(self, f: str, item: str, write: str, *reads: str, **more: Any) -> Operation:
        """An `add` or `remove` of an item; `items` (in more) is what was written."""
        fields: dict[str, Any] = {"process": 0, "type": "ok", "items": None} | more
        outcome, items = fields.pop("type"), fields.pop("items")
        begun = self.begin(f=f, write=write, value={"item": item}, **fields)
        value = {"item": item} if items is None else {"item": item, "items": items}
        return self.end(begun, *reads, type=outcome, value=value)

    def final_cart(self, items: list[str], *reads: str, **more: Any) -> Operation:
        """The final read of a cart."""
        fields: dict[str, Any] = {"process": 1, "f": "read", "final": True} | more
        begun = self.begin(**fields)
        return self.end(begun, *reads, value={"items": items})

    def phase(self, name: str, **facts: Any) -> Operation:
        """The harness enters a phase."""
        value = {"phase": name} | facts if facts else name
        return self.add(Operation(process=HARNESS, type="info", f="phase", value=value))

    def fault(self, f: str, number: int = 0, kind: str = "kill", **facts: Any) -> Operation:
        """The nemesis injects or heals."""
        value = {"id": number, "kind": kind} | facts
        return self.add(Operation(process=NEMESIS, type="info", f=f, value=value))

    def look(self, final: bool = False, **nodes: dict[str, Any] | None) -> Operation:
        """The observer looks. Per node what it holds ({"k": [ids]}, `hinted`, `repairs`), or None."""
        replicas = {node: None if held is None else _sample(held) for node, held in nodes.items()}
        value = {"replicas": replicas}
        return self.add(Operation(process=OBSERVER, type="info", f="sample", value=value, final=final))


def _sample(held: dict[str, Any]) -> dict[str, Any]:
    hinted = held.get("hinted", {})
    keys = {key: ids for key, ids in held.items() if key not in ("hinted", "repairs", "digests")}
    digests = {key: "+".join(sorted(ids)) for key, ids in keys.items()} | held.get("digests", {})
    return {
        "keys": keys,
        "digests": digests,
        "hinted": hinted,
        "hints": len(hinted),
        "repairs": held.get("repairs", 0),
    }
