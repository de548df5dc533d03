"""Who had seen what: the versions of each key, and which of them a write replaced.

A client that writes with the context of a read replaces exactly the versions which that read returned;
that is all a Dynamo store needs to know (paper, 4.4), and the client's own record of it is the ground
truth that the store is judged by.  The graph has a node for every write that was invoked, and an edge from
each write to every version that it had seen.  An *ancestor* is whatever can be reached over such edges.

Rules of this file
  1. `ok` and `info` writes may have happened.  A `fail` write did not: nothing reaches it, unless
     somebody read it; then the store lied (a phantom), and what it had seen counts like any other's.
  2. What a write had seen is known from its completion.  Without one `reads` is None: it may have seen,
     and replaced, anything that does not descend from it.
  3. Sets of versions of one key are integers, one bit per version.  A read is compared with hundreds of
     writes by a few `&` and `|`; networkx (`digraph`) is for finding and showing paths.

The table of all ancestors is quadratic in the writes per key, so it is only made for keys of up to LARGE
writes (1 MB at most), and when it is first asked for.  In larger keys every question walks the graph: linear
memory, and linear time for each question, which is enough for the few that remain when the compiled sweep
(`dynamo/sweep.py`) has judged the mass of the reads.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec

from checker.history import History, Pair
from checker.operation import Operation

if TYPE_CHECKING:
    import networkx

LARGE = 4096
"""Keys with more writes than this get no table of ancestors."""

MANY = 64
"""Sets of more versions than this are made and read in one go: bit by bit would be quadratic."""

DIGITS = bytes([ord("0"), ord("1")]) + bytes(254)

BLIND = "put"
"""The `f` of a write that does not read first (with empty `reads`, it is no observation of the store)."""

DELETE = "delete"

UNKEYED = ""
"""Stands for the key of operations that name none (a store with a single value)."""


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One write. `at` is its bit in the sets of its key; `reads` what it had seen (None: unknown)."""

    id: str
    key: str
    at: int
    invocation: Operation
    completion: Operation | None
    reads: tuple[str, ...] | None

    @property
    def bit(self) -> int:
        """The set that holds only this version."""
        return 1 << self.at

    @property
    def outcome(self) -> str:
        """`ok`, `fail` or `info`."""
        return self.completion.type if self.completion is not None else "info"

    @property
    def is_delete(self) -> bool:
        """Deletes replace what they had seen and are never read themselves."""
        return self.invocation.f == DELETE

    @property
    def pair(self) -> Pair:
        """The operation that wrote it."""
        return self.invocation, self.completion

    def acknowledged_before(self, operation: Operation) -> bool:
        """Was the write acknowledged before that operation was invoked?"""
        completion = self.completion
        return completion is not None and completion.type == "ok" and completion.index < operation.index


class KeyVersions:
    """The versions of one key in order of invocation, and all sets of them."""

    def __init__(self, key: str, pairs: list[Pair]) -> None:
        self.key = key
        self.versions: list[Version] = []
        self.by_id: dict[str, Version] = {}
        for invocation, completion in pairs:
            self._add(invocation, completion)
        self.deletes = self.mask(v.id for v in self.versions if v.is_delete and v.outcome != "fail")
        self.unknown = self.mask(v.id for v in self.versions if v.reads is None and v.outcome != "fail")

    def _add(self, invocation: Operation, completion: Operation | None) -> None:
        if invocation.write is None or invocation.write in self.by_id:
            return
        version = Version(
            id=invocation.write,
            key=self.key,
            at=len(self.versions),
            invocation=invocation,
            completion=completion,
            reads=_seen(invocation, completion),
        )
        self.versions.append(version)
        self.by_id[version.id] = version

    @cached_property
    def _table(self) -> tuple[list[int], list[tuple[str, ...]]]:
        return _ancestors(self, True)

    @cached_property
    def cycles(self) -> list[tuple[str, ...]]:
        """Versions that had seen each other, each the next, and so round."""
        # The table finds them on the way; where nobody has asked for it, they can be had for less.
        return self._table[1] if "_table" in self.__dict__ else _ancestors(self, False)[1]

    def behind(self, version: Version) -> int:
        """The set of all that a version had seen, directly or not: its ancestors."""
        if len(self.versions) <= LARGE:
            return self._table[0][version.at]
        return self._walk([version.at], self._edges) & ~version.bit

    def edges(self, version: Version) -> list[int]:
        """The places of the versions that it had seen itself, each once."""
        seen = (self.by_id.get(name) for name in version.reads or ())
        # One that saw itself is a phantom's business, not the graph's.
        return list(dict.fromkeys(other.at for other in seen if other is not None and other is not version))

    @cached_property
    def _edges(self) -> list[list[int]]:
        return [self.edges(version) for version in self.versions]

    @cached_property
    def seen_by(self) -> list[list[int]]:
        """Per version the places of those that had seen it themselves."""
        result: list[list[int]] = [[] for _ in self.versions]
        for at, edges in enumerate(self._edges):
            for seen in edges:
                result[seen].append(at)
        return result

    def _walk(self, starts: list[int], edges: list[list[int]]) -> int:
        """All that can be reached from these places, and they themselves."""
        reached = bytearray(len(self.versions))
        for at in starts:
            reached[at] = 1
        pending = list(starts)
        while pending:
            for other in edges[pending.pop()]:
                if not reached[other]:
                    reached[other] = 1
                    pending.append(other)
        return _packed(reached)

    def mask(self, ids: Iterable[str]) -> int:
        """The set of these versions; ids that nobody wrote are left out."""
        places = [self.by_id[name].at for name in ids if name in self.by_id]
        if len(places) > MANY:
            chosen = bytearray(len(self.versions))
            for at in places:
                chosen[at] = 1
            return _packed(chosen)
        result = 0
        for at in places:
            result |= 1 << at
        return result

    def members(self, mask: int) -> Iterator[Version]:
        """The versions in a set, in order of invocation."""
        if mask.bit_count() > MANY:
            bits = bin(mask)[:1:-1]
            at = bits.find("1")
            while at >= 0:
                yield self.versions[at]
                at = bits.find("1", at + 1)
            return
        while mask:
            lowest = mask & -mask
            yield self.versions[lowest.bit_length() - 1]
            mask ^= lowest

    def covered(self, mask: int) -> int:
        """The versions in the set and everything they had seen, or may have seen.

        A member that was written without a known `reads` covers all that does not descend from it.
        """
        result = self.closure(mask)
        done = 0
        while result != self._all and (pending := result & self.unknown & ~done):
            version = next(self.members(pending))
            done |= version.bit
            # Whatever an older one had seen does not descend from the version either, unless in a circle.
            result = self.closure(result | (self._all & ~self.descendants(version)))
        return result

    def closure(self, mask: int) -> int:
        """The versions in the set and all their ancestors."""
        if len(self.versions) > LARGE:
            return self._walk([version.at for version in self.members(mask)], self._edges)
        result = mask
        for version in self.members(mask):
            result |= self.behind(version)
        return result

    def descendants(self, version: Version) -> int:
        """The version itself and all that had seen it, directly or not."""
        return self._walk([version.at], self.seen_by)

    def maximal(self, mask: int) -> int:
        """The members that no other member had seen: those that are truly concurrent."""
        for version in self.members(mask):
            mask &= ~self.behind(version)
        return mask

    def has_seen(self, later: Version, earlier: Version) -> bool:
        """Is `earlier` an ancestor of `later`?"""
        return bool(self.behind(later) & earlier.bit)

    @property
    def _all(self) -> int:
        return (1 << len(self.versions)) - 1


class VersionGraph:
    """The versions of all keys. `operations[key]` are the key's client operations in order of invocation."""

    def __init__(self, history: History) -> None:
        self.operations: dict[str, list[Pair]] = {}
        for pair in history.pairs():
            self.operations.setdefault(pair[0].key or UNKEYED, []).append(pair)
        self.keys = {key: KeyVersions(key, pairs) for key, pairs in self.operations.items()}
        self._key_of = {name: key for key, versions in self.keys.items() for name in versions.by_id}
        self._digraph: networkx.DiGraph[str] | None = None

    def find(self, name: str) -> Version | None:
        """The version of that id, whatever its key."""
        key = self._key_of.get(name)
        return None if key is None else self.keys[key].by_id[name]

    def digraph(self) -> "networkx.DiGraph[str]":
        """An edge from each write to every version that it had seen."""
        import networkx

        if self._digraph is None:
            graph: networkx.DiGraph[str] = networkx.DiGraph()
            for versions in self.keys.values():
                graph.add_nodes_from((v.id, {"key": v.key, "delete": v.is_delete}) for v in versions.versions)
                known = versions.by_id
                graph.add_edges_from(
                    (v, seen) for v in known for seen in known[v].reads or () if seen in known
                )
            self._digraph = graph
        return self._digraph

    def path(self, later: str, earlier: str) -> list[str]:
        """The shortest chain of writes, each of which had seen the next, from `later` to `earlier`."""
        key = self.keys[self._key_of[later]]
        start, goal = key.by_id[later].at, key.by_id[earlier].at
        came: dict[int, int] = {start: start}
        pending = deque([start])
        while goal not in came:
            at = pending.popleft()
            for seen in key.edges(key.versions[at]):
                if seen not in came:
                    came[seen] = at
                    pending.append(seen)
        chain = [goal]
        while chain[-1] != start:
            chain.append(came[chain[-1]])
        return [key.versions[at].id for at in reversed(chain)]


def graph_of(history: History) -> VersionGraph:
    """The version graph of a history, built once."""
    return history.derive(VersionGraph)


def observes(pair: Pair) -> bool:
    """Did the client see what the store holds? A blind write did not, nor one whose answer is lost."""
    completion = pair[1]
    if completion is None or completion.reads is None:
        return False
    return bool(completion.reads) or completion.f != BLIND


def _seen(invocation: Operation, completion: Operation | None) -> tuple[str, ...] | None:
    if completion is not None and completion.reads is not None:
        return completion.reads
    return invocation.reads


def _packed(flags: bytearray) -> int:
    """A set from one byte for each version."""
    return int(flags[::-1].translate(DIGITS) or b"0", 2)


def _ancestors(key: KeyVersions, tabled: bool) -> tuple[list[int], list[tuple[str, ...]]]:
    """Per version the set of its ancestors, and the cycles (each version had seen the next, and so round).

    A version may have been invoked after one that had seen it, so the order of the list is no order to
    compute in: this walks depth first with its own stack, because chains are as long as histories.
    Without `tabled` only the cycles are looked for.
    """
    edges = [key.edges(version) for version in key.versions]
    result = [0] * len(edges)
    done = [False] * len(edges)
    cycles: list[tuple[str, ...]] = []
    for root in range(len(edges)):
        path: list[tuple[int, Iterator[int]]] = [] if done[root] else [(root, iter(edges[root]))]
        on_path = {root}
        while path:
            at, rest = path[-1]
            below = next((x for x in rest if not done[x]), None)
            if below is None:
                path.pop()
                on_path.discard(at)
                done[at] = True
                for seen in edges[at] if tabled else ():
                    result[at] |= result[seen] | 1 << seen
                result[at] &= ~(1 << at) if tabled else 0
            elif below in on_path:
                names = [x for x, _ in path]
                cycles.append(tuple(key.versions[x].id for x in names[names.index(below) :]))
            else:
                path.append((below, iter(edges[below])))
                on_path.add(below)
    return result, cycles
