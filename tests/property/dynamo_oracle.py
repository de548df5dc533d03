"""The definitions of the Dynamo checkers by sets and loops: slow, and nothing in common with the checkers.

A history is read once into writes (id -> its operation) and reads (all observations) of each key.  Everything
else is looked up again and again.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from checker.history import History, Pair
from checker.operation import Operation


class Read(NamedTuple):
    """An observation."""

    begun: Operation
    ended: Operation

    @property
    def ids(self) -> tuple[str, ...]:
        """What it showed."""
        return self.ended.reads or ()

    @property
    def final(self) -> bool:
        """A read after the end."""
        return self.ended.final and self.ended.type == "ok" and self.ended.write is None


class KeyOracle:
    """One key."""

    def __init__(self, pairs: list[Pair]) -> None:
        self.pairs = pairs
        self.writes = {i.write: (i, c) for i, c in pairs if i.write is not None}
        self.reads = [
            Read(i, c)
            for i, c in pairs
            if c is not None and c.reads is not None and (c.reads or c.f != "put")
        ]
        self.seen = {
            w: set(c.reads or ()) & set(self.writes) - {w} if c is not None else set[str]()
            for w, (_, c) in self.writes.items()
        }

        self._behind: dict[str, set[str]] = {}
        self._accounted: dict[int, set[str]] = {}

    def behind(self, name: str) -> set[str]:
        """All that a write had seen, directly or not."""
        if name not in self._behind:
            self._behind[name] = self._walk(name)
        return self._behind[name]

    def _walk(self, name: str) -> set[str]:
        found, fresh = set[str](), set(self.seen[name])
        while fresh:
            found |= fresh
            fresh = {older for each in fresh for older in self.seen[each]} - found
        return found - {name}

    def acknowledged(self, name: str) -> int | None:
        """The entry that acknowledged the write."""
        end = self.writes[name][1]
        return end.index if end is not None and end.type == "ok" else None

    def acknowledged_before(self, name: str, moment: Operation) -> bool:
        """Was it acknowledged by then?"""
        at = self.acknowledged(name)
        return at is not None and at < moment.index

    def is_delete(self, name: str) -> bool:
        """Is the write a delete?"""
        return self.writes[name][0].f == "delete"

    def accounted(self, read: Read) -> set[str]:
        """What is shown, had been seen by it, or by a delete that was under way."""
        if read.ended.index not in self._accounted:
            self._accounted[read.ended.index] = self._accounts(read)
        return self._accounted[read.ended.index]

    def _accounts(self, read: Read) -> set[str]:
        under_way = {
            w for w, (i, _) in self.writes.items() if self.is_delete(w) and i.index <= read.ended.index
        }
        roots = (set(read.ids) & set(self.writes)) | under_way
        return roots.union(*(self.behind(each) for each in roots))

    def doubtful(self, read: Read) -> bool:
        """Does it account for a write of which nobody knows what it had seen?"""
        return any(self.writes[w][1] is None for w in self.accounted(read))

    def missed(self, read: Read) -> list[str]:
        """Acknowledged writes that it does not account for, in order of their acknowledgements."""
        accounted = self.accounted(read)
        names = [w for w in self.writes if self.acknowledged_before(w, read.begun) and not self.is_delete(w)]
        return sorted((w for w in names if w not in accounted), key=lambda w: self.acknowledged(w) or 0)

    def shows_deleted(self, read: Read) -> bool:
        """Does it show a version that an acknowledged delete had seen?"""
        deletes = [w for w in self.writes if self.is_delete(w) and self.acknowledged_before(w, read.begun)]
        return any(name in self.behind(delete) for delete in deletes for name in read.ids)

    def forgets(self, read: Read) -> bool:
        """Has its client been shown something that it does not account for?"""
        mine = [r for r in self.reads if r.begun.process == read.begun.process]
        earlier = {
            name for r in mine if r.ended.index < read.begun.index for name in r.ids if name in self.writes
        }
        return bool(earlier - self.accounted(read))

    def misses_own(self, read: Read) -> bool:
        """Has its client written something that it does not account for?"""
        return any(self.writes[w][0].process == read.begun.process for w in self.missed(read))

    def concurrent(self, read: Read) -> int:
        """How many different siblings there are that no other one had seen."""
        names = set(read.ids)
        return sum(
            not any(name in self.behind(other) for other in names if other in self.writes) for name in names
        )

    def came_back(self) -> dict[str, tuple[bool, bool, bool]]:
        """Versions that were gone for a read and shown by one that began later.

        Did a delete do it, is it so at the end, and was that which did it acknowledged?
        """
        found = {}
        for name in self.writes:
            shown = [r for r in self.reads if name in r.ids]
            for gone in sorted(self.reads, key=lambda r: r.ended.index):
                back = [r for r in shown if r.begun.index > gone.ended.index]
                by = self._replaced_by(name, gone) if back and name not in gone.ids else None
                if by is not None:
                    certain = self.acknowledged_before(by, back[-1].begun)
                    found[name] = (self.is_delete(by), any(r.final for r in back), certain)
                    break
        return found

    def _replaced_by(self, name: str, gone: Read) -> str | None:
        later = [w for w in self.writes if name in self.behind(w)]
        for delete in later:
            if self.is_delete(delete) and self.acknowledged_before(delete, gone.begun):
                return delete
        roots = set(gone.ids) & set(self.writes)
        held = roots.union(*(self.behind(each) for each in roots))
        known = [w for w in later if w in held]
        return next((w for w in known if self.acknowledged(w) is not None), next(iter(known), None))

    def lost_items(self) -> set[str]:
        """Items of a cart whose acknowledged add is in no final read, and that nobody removed with effect."""
        final = [read for read in self.reads if read.final]
        kept = {item for read in final for item in (read.ended.value or {}).get("items", ())}
        effective = set[str]().union(*(self.covered(set(read.ids) & set(self.writes)) for read in final))
        found = set()
        for add, (begun, _) in self.writes.items():
            item = _item(begun)
            if begun.f != "add" or not final or item in kept:
                continue
            removes = [
                w for w in effective if self.writes[w][0].f == "remove" and _item(self.writes[w][0]) == item
            ]
            taken = any(add in self.behind(r) | {r} or self.unknown(self.behind(r) | {r}) for r in removes)
            if not taken and all(self.acknowledged_before(add, read.begun) for read in final):
                found.add(item)
        return found

    def unknown(self, names: Iterable[str]) -> bool:
        """Is there one among them of which nobody knows what it had seen?"""
        return any(self.writes[w][1] is None for w in names)

    def covered(self, present: set[str]) -> set[str]:
        """What is present or deleted, had been seen by that, or may have been."""
        result = set(present)
        for w, (_, end) in self.writes.items():
            if self.is_delete(w) and (end is None or end.type != "fail"):
                result.add(w)
        while True:
            more = result.union(*(self.behind(w) for w in result))
            for name in result:
                if self.unknown([name]):
                    more |= {other for other in self.writes if name not in self.behind(other)}
            if more == result:
                return result
            result = more


def _item(operation: Operation) -> str:
    return operation.value["item"] if isinstance(operation.value, dict) else ""


def keys_of(history: History) -> dict[str, KeyOracle]:
    """An oracle for each key."""
    pairs: dict[str, list[Pair]] = {}
    for pair in history.pairs():
        pairs.setdefault(pair[0].key or "", []).append(pair)
    return {key: KeyOracle(found) for key, found in pairs.items()}


def service(history: History) -> dict[str, Any]:
    """What clients got in all: counts, and the latencies of what succeeded (ns, sorted)."""
    ends = [(begun, end) for begun, end in history.pairs()]
    kinds = [end.type if end is not None else "info" for _, end in ends]
    took = [end.time - begun.time for begun, end in ends if end is not None and end.type == "ok"]
    return {kind: kinds.count(kind) for kind in ("ok", "fail", "info")} | {"latencies": sorted(took)}


def divergence(looks: list[dict[str, dict[str, str] | None]]) -> list[int]:
    """Per look (node -> key -> digest) how many keys differ between the nodes that ever held them."""
    holders: dict[str, set[str]] = {}
    for look in looks:
        for node, held in look.items():
            for key in held or ():
                holders.setdefault(key, set()).add(node)
    counts = []
    for look in looks:
        answered = {node: held for node, held in look.items() if held is not None}
        states = [{answered[n].get(key) for n in nodes if n in answered} for key, nodes in holders.items()]
        counts.append(sum(len(state) > 1 for state in states))
    return counts
