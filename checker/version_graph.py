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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec

from checker.dynamo import scale
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
    """The versions of one key in order of invocation, and all sets of them.

    `versions` may make them when they are asked for (`dynamo/evidence.py`).  `place` is where an id stands
    among them; `direct` are, per version, the places of those that it had seen itself, each once; `deletes`
    and `unknown` (whose reads are not recorded) are sets without the failed ones.
    """

    def __init__(self, key: str, versions: Sequence[Version]) -> None:
        self.key = key
        self.versions = versions

    @cached_property
    def place(self) -> dict[str, int]:
        """Id -> place."""
        return {version.id: version.at for version in self.versions}

    @cached_property
    def direct(self) -> list[list[int]]:
        """Per version what it had seen. One that saw itself is a phantom's business, not the graph's."""
        seen = [[self.place.get(name, at) for name in v.reads or ()] for at, v in enumerate(self.versions)]
        return [list(dict.fromkeys(at for at in ats if at != own)) for own, ats in enumerate(seen)]

    @cached_property
    def deletes(self) -> int:
        """Deletes that may have happened."""
        return self.mask(v.id for v in self.versions if v.is_delete and v.outcome != "fail")

    @cached_property
    def unknown(self) -> int:
        """Writes that may have happened, and may have seen anything."""
        return self.mask(v.id for v in self.versions if v.reads is None and v.outcome != "fail")

    def acknowledged_before(self, moment: int) -> int:
        """The set of what was acknowledged before the entry of that index."""
        return self.mask(v.id for v in self.versions if v.outcome == "ok" and _ended(v) < moment)

    @cached_property
    def cycles(self) -> list[tuple[str, ...]]:
        """Versions that had seen each other, each the next, and so round."""
        # The table finds them on the way; where nobody has asked for it, they can be had for less.
        return self._table[1] if "_table" in self.__dict__ else _ancestors(self, False)[1]

    @cached_property
    def _table(self) -> tuple[list[int], list[tuple[str, ...]]]:
        return _ancestors(self, True)

    def behind(self, at: int) -> int:
        """The set of all that the version at that place had seen, directly or not: its ancestors."""
        if len(self.versions) <= LARGE:
            return self._table[0][at]
        return self._walk([at], self.direct) & ~(1 << at)

    def find(self, name: str) -> Version | None:
        """The version of that id, where it was written to this key."""
        at = self.place.get(name)
        return None if at is None else self.versions[at]

    @cached_property
    def seen_by(self) -> list[list[int]]:
        """Per version the places of those that had seen it themselves."""
        result: list[list[int]] = [[] for _ in self.versions]
        for at, edges in enumerate(self.direct):
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
        places = [self.place[name] for name in ids if name in self.place]
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
        return (self.versions[at] for at in self.places(mask))

    def places(self, mask: int) -> Iterator[int]:
        """The same as places."""
        if mask.bit_count() > MANY:
            bits = bin(mask)[:1:-1]
            at = bits.find("1")
            while at >= 0:
                yield at
                at = bits.find("1", at + 1)
            return
        while mask:
            lowest = mask & -mask
            yield lowest.bit_length() - 1
            mask ^= lowest

    def covered(self, mask: int) -> int:
        """The versions in the set and everything they had seen, or may have seen.

        A member that was written without a known `reads` covers all that does not descend from it.
        """
        result = self.closure(mask)
        done = 0
        while result != self._all and (pending := result & self.unknown & ~done):
            at = next(self.places(pending))
            done |= 1 << at
            # Whatever an older one had seen does not descend from the version either, unless in a circle.
            result = self.closure(result | (self._all & ~self.descendants(at)))
        return result

    def closure(self, mask: int) -> int:
        """The versions in the set and all their ancestors."""
        if len(self.versions) > LARGE:
            return self._walk(list(self.places(mask)), self.direct)
        result = mask
        for at in self.places(mask):
            result |= self.behind(at)
        return result

    def descendants(self, at: int) -> int:
        """The version at that place and all that had seen it, directly or not."""
        return self._walk([at], self.seen_by)

    def maximal(self, mask: int) -> int:
        """The members that no other member had seen: those that are truly concurrent."""
        for at in self.places(mask):
            mask &= ~self.behind(at)
        return mask

    def has_seen(self, later: Version, earlier: Version) -> bool:
        """Is `earlier` an ancestor of `later`?"""
        return bool(self.behind(later.at) & earlier.bit)

    def path(self, later: int, earlier: int) -> list[str]:
        """The shortest chain of writes, each of which had seen the next, between these places."""
        came: dict[int, int] = {later: later}
        pending = deque([later])
        while earlier not in came:
            at = pending.popleft()
            for seen in self.direct[at]:
                if seen not in came:
                    came[seen] = at
                    pending.append(seen)
        chain = [earlier]
        while chain[-1] != later:
            chain.append(came[chain[-1]])
        return [self.versions[at].id for at in reversed(chain)]

    @property
    def _all(self) -> int:
        return (1 << len(self.versions)) - 1


def _versions(key: str, pairs: list[Pair]) -> list[Version]:
    """The writes among the operations of a key, each id once."""
    found: dict[str, Version] = {}
    for invocation, completion in pairs:
        if invocation.write is not None and invocation.write not in found:
            found[invocation.write] = Version(
                id=invocation.write,
                key=key,
                at=len(found),
                invocation=invocation,
                completion=completion,
                reads=seen_by_writer(invocation, completion),
            )
    return list(found.values())


class VersionGraph:
    """The versions of all keys. `operations[key]` are the key's client operations in order of invocation."""

    operations: Mapping[str, list[Pair]]
    keys: Mapping[str, KeyVersions]

    def __init__(self, history: History) -> None:
        operations: dict[str, list[Pair]] = {}
        for pair in history.pairs():
            operations.setdefault(pair[0].key or UNKEYED, []).append(pair)
        self.operations = operations
        self.keys = {key: KeyVersions(key, _versions(key, pairs)) for key, pairs in operations.items()}
        self._digraph: networkx.DiGraph[str] | None = None

    @cached_property
    def _key_of(self) -> dict[str, str]:
        return {name: key for key, versions in self.keys.items() for name in versions.place}

    def find(self, name: str) -> Version | None:
        """The version of that id, whatever its key."""
        key = self._key_of.get(name)
        return None if key is None else self.keys[key].find(name)

    def first_without(self, key: KeyVersions, members: int, floor: int) -> Pair | None:
        """The first observation of a key after `floor`, and after the last to show one of these versions."""
        reads = [pair for pair in self.operations[key.key] if observes(pair)]
        shown = [end.index for _, end in reads if end is not None and key.mask(end.reads or ()) & members]
        last = max([*shown, floor])
        return next((pair for pair in reads if pair[0].index > last), None)

    def last_shown(self, key: KeyVersions, version: Version, pair: Pair) -> Pair:
        """The last observation before this one that showed its client the version."""
        return next(
            earlier
            for earlier in reversed(self.operations[key.key])
            if earlier[0].index < pair[0].index
            and earlier[0].process == pair[0].process
            and observes(earlier)
            and earlier[1] is not None
            and version.id in (earlier[1].reads or ())
        )

    def digraph(self) -> "networkx.DiGraph[str]":
        """An edge from each write to every version that it had seen."""
        import networkx

        if self._digraph is None:
            graph: networkx.DiGraph[str] = networkx.DiGraph()
            for versions in self.keys.values():
                graph.add_nodes_from((v.id, {"key": v.key, "delete": v.is_delete}) for v in versions.versions)
                graph.add_edges_from(
                    (version.id, seen)
                    for version in versions.versions
                    for seen in version.reads or ()
                    if seen in versions.place
                )
            self._digraph = graph
        return self._digraph


def graph_of(history: History) -> VersionGraph:
    """The version graph of a history, built once."""
    return history.derive(_graph)


def _graph(history: History) -> VersionGraph:
    if history.table is not None and scale.compiled(history):
        from checker.dynamo.table_evidence import in_table

        if (evidence := in_table(history)) is not None:
            return evidence.graph
    return VersionGraph(history)


def observes(pair: Pair) -> bool:
    """Did the client see what the store holds? A blind write did not, nor one whose answer is lost."""
    completion = pair[1]
    if completion is None or completion.reads is None:
        return False
    return bool(completion.reads) or completion.f != BLIND


def is_final(completion: Operation) -> bool:
    """A successful read after healing and settling."""
    return completion.final and completion.type == "ok" and completion.write is None


def seen_by_writer(invocation: Operation, completion: Operation | None) -> tuple[str, ...] | None:
    """What a write had been shown; None where that is not recorded."""
    if completion is not None and completion.reads is not None:
        return completion.reads
    return invocation.reads


def _ended(version: Version) -> int:
    assert version.completion is not None
    return version.completion.index


def _packed(flags: bytearray) -> int:
    """A set from one byte for each version."""
    return int(flags[::-1].translate(DIGITS) or b"0", 2)


def _ancestors(key: KeyVersions, tabled: bool) -> tuple[list[int], list[tuple[str, ...]]]:
    """Per version the set of its ancestors, and the cycles (each version had seen the next, and so round).

    A version may have been invoked after one that had seen it, so the order of the list is no order to
    compute in: this walks depth first with its own stack, because chains are as long as histories.
    Without `tabled` only the cycles are looked for.
    """
    edges = key.direct
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
