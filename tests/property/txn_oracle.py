"""Brute force for transactions: what is wrong with a small history, straight from the definitions.

Nothing here is taken from the checkers.  A *world* is one way in which a history can have come about: which
transactions of unknown outcome happened, and in what order the versions of every key were installed.  A cycle
is certain if every world has it.  With one world only, what a checker finds must be exactly what is there.

Sources: Adya, Weak Consistency, 1999 (phenomena G0 to G2); Kingsbury, Alvaro, Elle, 2020 (lists, the orders
of processes and of time); Cerone, Gotsman, Analysing Snapshot Isolation, 2016 (no two rw edges in a row).
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

BASES = ("G0", "G1c", "G-single-item", "G-nonadjacent-item", "G2-item")
SUFFIXES = ("", "-process", "-realtime")
WORLDS_MAX = 200

UNCLEAN = frozenset({"internal", "garbage-read", "incompatible-order", "duplicate-elements", "G1a"})
UNCLEAN |= {"future-read", "cyclic-versions"}
"""With these, nobody can say what the versions of a key are, and cycles are not compared."""


Edge = tuple[int, int, str]
"""Which transaction comes before which, and the key that says so."""


@dataclass
class Txn:
    """One transaction of a small history, with the positions of its entries (-1: there is none)."""

    process: int
    kind: str
    steps: list[list[Any]]
    begun: int = -1
    ended: int = -1

    def writes(self, key: str) -> list[Any]:
        """What it wrote to the key, in order."""
        return [s[2] for s in self.steps if s[0] != "r" and s[1] == key]


@dataclass
class World:
    """Members by number, and for every key what was installed, oldest first."""

    members: list[int]
    orders: dict[str, list[Any]] = field(default_factory=dict)


class Brute:
    """Everything that is known about one history. `twice`: the keys with a value that was written twice."""

    def __init__(self, txns: list[Txn], is_list: bool, assumed: frozenset[str] = frozenset()) -> None:
        self.txns = txns
        self.is_list = is_list
        self.assumed = assumed
        self.keys = sorted({s[1] for t in txns for s in t.steps})
        self.ok = [n for n, t in enumerate(txns) if t.kind == "ok"]
        self.writer: dict[tuple[str, Any], int] = {}
        self.twice: set[str] = set()
        for kind in ("ok", "info", "fail"):
            for n, t in enumerate(txns):
                for verb, key, value in t.steps if t.kind == kind else ():
                    if verb != "r":
                        known = self.writer.setdefault((key, value), n)
                        if kind != "fail" and (known != n or t.writes(key).count(value) > 1):
                            self.twice.add(key)
        self.reads = [(n, i, s[1], s[2]) for n in self.ok for i, s in enumerate(txns[n].steps) if s[0] == "r"]
        self.seen = {
            self.writer.get((key, v), -1) for _, _, key, value in self.reads for v in self.shown(value)
        }

    def without(self, keys: set[str]) -> list[Txn]:
        """The history without all steps on these keys."""
        return [replace(t, steps=[s for s in t.steps if s[1] not in keys]) for t in self.txns]

    def shown(self, value: Any) -> list[Any]:
        """The elements or the value that a read returned."""
        if self.is_list:
            return list(value or [])
        return [] if value is None else [value]

    def own(self, n: int, step: int, key: str) -> list[list[Any]]:
        """The steps of a transaction on a key before one of its steps."""
        return [s for s in self.txns[n].steps[:step] if s[1] == key]

    def final(self, key: str, value: Any) -> bool:
        """Is it the last that its transaction wrote to the key?"""
        return bool(self.txns[self.writer[key, value]].writes(key)[-1] == value)

    # --- what is wrong with one read or write --------------------------------------------------------

    def flagged(self) -> set[str]:
        """The anomalies that are no cycles."""
        found = {name for n, i, key, value in self.reads for name in self._wrong(n, i, key, value)}
        if len({(n, key) for n, key, _ in self._updates()}) > len(
            {(key, v) for _, key, v in self._updates()}
        ):
            found.add("lost-update")
        if self.is_list:
            found |= {name for key in self.keys for name in self._wrong_order(key)}
        elif any(next(self._register_orders(key, self._happened()), None) is None for key in self.keys):
            found.add("cyclic-versions")
        return found

    def _wrong(self, n: int, step: int, key: str, value: Any) -> Iterator[str]:
        before, shown = self.own(n, step, key), self.shown(value)
        if not self._consistent(before, value):
            yield "internal"
        who = [self.writer.get((key, v), -1) for v in shown]
        if -1 in who and (self.is_list or (not before and not self._initial(key, value))):
            yield "garbage-read"
        if any(w >= 0 and self.txns[w].kind == "fail" for w in who):
            yield "G1a"
        if (
            who
            and who[-1] not in (-1, n)
            and self.txns[who[-1]].kind != "fail"
            and not self.final(key, shown[-1])
        ):
            yield "G1b"
        later = [s[2] for s in self.txns[n].steps[step:] if s[0] != "r" and s[1] == key]
        if any(v in later for v in shown):
            yield "future-read"

    def _consistent(self, before: list[list[Any]], value: Any) -> bool:
        """Does the read agree with what its transaction did before?"""
        if not self.is_list:
            return not before or before[-1][2] == value
        shown = self.shown(value)
        own: list[Any] = []
        while before and before[-1][0] != "r":
            own.insert(0, before.pop()[2])
        if before:
            return shown == self.shown(before[-1][2]) + own
        return shown[len(shown) - len(own) :] == own if len(own) <= len(shown) else False

    def _initial(self, key: str, value: Any) -> bool:
        """May a value that nobody wrote be the first of its register?"""
        first = [(n, v) for n, i, k, v in self.reads if k == key and not self.own(n, i, key)]
        unwritten = {v for _, v in first if v is None or (key, v) not in self.writer}
        acked = [t.ended for t in self.txns if t.kind == "ok" and t.writes(key)]
        early = any(v in unwritten and self.txns[n].begun <= min(acked, default=10**9) for n, v in first)
        return unwritten == {value} and early

    def unwritten(self) -> bool:
        """Did somebody read what nobody wrote?"""
        return any((key, v) not in self.writer for _, _, key, value in self.reads for v in self.shown(value))

    def _updates(self) -> set[tuple[int, str, Any]]:
        """Who read a version of a key, and then wrote to the key."""
        found = set()
        for n in self.ok:
            for key in self.keys:
                steps = [s for s in self.txns[n].steps if s[1] == key]
                reads = list(itertools.takewhile(lambda s: s[0] == "r", steps))
                if (
                    reads
                    and len(reads) < len(steps)
                    and (not self.is_list or self._is_prefix(key, reads[-1][2]))
                ):
                    version = self.shown(reads[-1 if self.is_list else 0][2])
                    found.add((n, key, version[-1] if version else None))
        return found

    def _is_prefix(self, key: str, value: Any) -> bool:
        shown = self.shown(value)
        return self.longest(key)[: len(shown)] == shown

    def longest(self, key: str) -> list[Any]:
        """The longest read of a key that shows nothing twice."""
        reads = [self.shown(v) for _, _, k, v in self.reads if k == key]
        return max((r for r in reads if len(set(r)) == len(r)), key=len, default=[])

    def _wrong_order(self, key: str) -> Iterator[str]:
        reads = [self.shown(v) for _, _, k, v in self.reads if k == key]
        if any(len(set(r)) < len(r) for r in reads):
            yield "duplicate-elements"
        single = [r for r in reads if len(set(r)) == len(r)]
        if any(a[: len(b)] != b[: len(a)] for a, b in itertools.combinations(single, 2)):
            yield "incompatible-order"
        order = self.longest(key)
        for t in self.txns:
            for one, two in itertools.pairwise(t.writes(key) if t.kind != "fail" else ()):
                if two in order and one not in order[: order.index(two)]:
                    yield "incompatible-order"
        kinds = [self.txns[self.writer[key, v]].kind if (key, v) in self.writer else "" for v in order]
        if "fail" in kinds and "ok" in kinds[kinds.index("fail") :]:
            yield "dirty-update"

    # --- worlds --------------------------------------------------------------------------------------

    def _happened(self) -> list[int]:
        """What certainly happened: what was acknowledged, and what somebody saw."""
        return [n for n, t in enumerate(self.txns) if t.kind == "ok" or (t.kind == "info" and n in self.seen)]

    def worlds(self) -> Iterator[World]:
        """Every way in which the history can have come about."""
        certain = self._happened()
        open_ones = [n for n, t in enumerate(self.txns) if t.kind == "info" and n not in certain]
        open_ones = [n for n in open_ones if any(s[0] != "r" for s in self.txns[n].steps)]
        for count in range(len(open_ones) + 1):
            for extra in itertools.combinations(open_ones, count):
                members = sorted([*certain, *extra])
                choices = [itertools.islice(self._orders(key, members), WORLDS_MAX) for key in self.keys]
                for orders in itertools.product(*choices):
                    yield World(members, dict(zip(self.keys, orders, strict=True)))

    def _orders(self, key: str, members: list[int]) -> Iterator[list[Any]]:
        return self._list_orders(key, members) if self.is_list else self._register_orders(key, members)

    def _list_orders(self, key: str, members: list[int]) -> Iterator[list[Any]]:
        """The longest read, and after it what nobody read, each transaction's own in its order."""
        begin = self.longest(key)
        unread = [[v for v in self.txns[n].writes(key) if v not in begin] for n in members]
        for rest in merged([chain for chain in unread if chain]):
            yield [*begin, *rest]

    def _register_orders(self, key: str, members: list[int]) -> Iterator[list[Any]]:
        """Every order of the last writes of transactions that keeps what is assumed; None is the first."""
        last = [self.txns[n].writes(key)[-1] for n in members if self.txns[n].writes(key)]
        rules = [(a, b) for a, b in self._rules(key, members) if a != b]
        for rest in itertools.permutations(last):
            place = {v: at for at, v in enumerate((None, *rest))}
            if all(place[a] < place[b] for a, b in rules):
                yield list(rest)

    def _rules(self, key: str, members: list[int]) -> Iterator[tuple[Any, Any]]:
        """Versions of a register that must come before others (or be the same)."""
        touched = {n: self._touch(n, key, members) for n in members}
        if self.assumed:
            yield from ((t[0], t[1]) for t in touched.values() if t and len(t) == 2)
        for a, b in itertools.permutations([n for n in members if touched[n]], 2):
            same = self.txns[a].process == self.txns[b].process
            wanted = "linearizable-keys?" in self.assumed or (same and "sequential-keys?" in self.assumed)
            if wanted and self.precedes(a, b):
                yield touched[a][-1], touched[b][0]

    def _touch(self, n: int, key: str, members: list[int]) -> list[Any]:
        """The version that a transaction found, where that is known, and the one it left."""
        steps = [s for s in self.txns[n].steps if s[1] == key]
        versions = []
        if steps and steps[0][0] == "r" and self.txns[n].kind == "ok":
            value = steps[0][2]
            who = self.writer.get((key, value), -1)
            if value is None or (who in members and who != n and self.final(key, value)):
                versions = [value]
        return versions + self.txns[n].writes(key)[-1:]

    def precedes(self, a: int, b: int) -> bool:
        """Was the first acknowledged before the other began?"""
        return self.txns[a].kind == "ok" and 0 <= self.txns[a].ended < self.txns[b].begun

    # --- cycles --------------------------------------------------------------------------------------

    def disagreement(self, told: frozenset[str]) -> str:
        """What is wrong with these names of cycles (and what they imply); empty: nothing.

        With one world they must be its cycles; with several, each must be in all that are looked at.
        """
        first: frozenset[str] | None = None
        for count, world in enumerate(itertools.islice(self.worlds(), WORLDS_MAX)):
            if told and (more := told - self.cycles(world, whole=True)):
                return f"{sorted(more)} not in {world}"
            if count == 1 and not told:
                return ""
            first = self.cycles(world, whole=False) if count == 0 else None
        return f"missed {sorted(first - told)}" if first and first - told else ""

    def cycles(self, world: World, whole: bool) -> frozenset[str]:
        """The names of the cycles that a world has.

        An rw edge leads from a reader to who installed the next version; or (`whole`) to all who installed a
        later one.  The next one may be the reader's own: then there is a ww edge to the others, and a checker
        that does not know which version is the next may call it either.
        """
        masks = []
        for edges in self.edges(world, whole):
            masks.append([0] * len(self.txns))
            for a, b, _ in edges:
                masks[-1][a] |= 1 << b
        return self._named(world, *masks)

    def shapes(self, world: World, whole: bool) -> set[str]:
        """Write skew and long fork, by their pictures: which of the two a world has."""
        _, wr, rw = self.edges(world, whole)
        missed = [(one, two) for one in rw for two in rw if one[2] != two[2]]
        found = {"write-skew" for one, two in missed if one[:2] == (two[1], two[0])}
        saw = {edge[:2] for edge in wr}
        if any(
            (a[1], b[0]) in saw and (b[1], a[0]) in saw and a[1] != b[1] and a[0] != b[0] for a, b in missed
        ):
            found.add("long-fork")
        return found

    def edges(self, world: World, whole: bool) -> tuple[list[Edge], list[Edge], list[Edge]]:
        """What of ww, wr and rw there is in a world (`whole` as above)."""
        ww, wr, rw = [], [], []
        for key, order in world.orders.items():
            owners = [self.writer[key, v] for v in order]
            ww += [(a, b, key) for a, b in itertools.pairwise(owners) if a != b]
            for n, _, k, value in self.reads:
                shown = self.shown(value)
                who = self.writer[k, shown[-1]] if shown else -1
                if k != key or who == n:
                    continue
                if who >= 0:
                    wr.append((who, n, key))
                if shown and shown[-1] not in order:
                    continue
                at = order.index(shown[-1]) + 1 if shown else 0
                rw += [(n, o, key) for o in (owners[at:] if whole else owners[at : at + 1]) if o != n]
        return ww, wr, rw

    def _named(self, world: World, ww: list[int], wr: list[int], rw: list[int]) -> frozenset[str]:
        size, found = len(self.txns), set()
        extra = [0] * size
        for suffix in SUFFIXES:
            for a, b in itertools.permutations(world.members, 2) if suffix else ():
                same = self.txns[a].process == self.txns[b].process
                if self.precedes(a, b) and (same or suffix == "-realtime"):
                    extra[a] |= 1 << b
            found |= {
                base + suffix for base in shapes([w | e for w, e in zip(ww, extra, strict=True)], wr, rw)
            }
        return frozenset(found)


def merged(chains: list[list[Any]]) -> Iterator[list[Any]]:
    """Every order of all elements that keeps the order of each chain."""
    if not chains:
        yield []
    for at, chain in enumerate(chains):
        shorter = [*chains[:at], chain[1:], *chains[at + 1 :]]
        for rest in merged([c for c in shorter if c]):
            yield [chain[0], *rest]


def closed(edges: list[int]) -> list[int]:
    """What can be reached from every node, as bits."""
    reach = list(edges)
    for middle in range(len(reach)):
        for n in range(len(reach)):
            if reach[n] >> middle & 1:
                reach[n] |= reach[middle]
    return reach


def bits(mask: int) -> list[int]:
    """The numbers of the bits that are set."""
    return [n for n in range(mask.bit_length()) if mask >> n & 1]


def shapes(ww: list[int], wr: list[int], rw: list[int]) -> Iterator[str]:
    """Adya's cycles, and that of Cerone and Gotsman: no two rw edges follow each other."""
    nodes = range(len(ww))
    depends = [a | b for a, b in zip(ww, wr, strict=True)]
    overwrites, reach = closed(ww), closed(depends)
    if any(overwrites[n] >> n & 1 for n in nodes):
        yield "G0"
    if any(reach[n] >> n & 1 for n in nodes):
        yield "G1c"
    if not any(rw):
        return
    if any(reach[b] >> a & 1 for a in nodes for b in bits(rw[a])):
        yield "G-single-item"
    steps = list(depends)
    for a in nodes:
        for b in bits(rw[a]):
            steps[a] |= depends[b]
    stepped = closed(steps)
    if any(c == a or stepped[c] >> a & 1 for a in nodes for b in bits(rw[a]) for c in bits(depends[b])):
        yield "G-nonadjacent-item"
    anyhow = closed([a | b for a, b in zip(depends, rw, strict=True)])
    if any(anyhow[b] >> a & 1 for a in nodes for b in bits(rw[a])):
        yield "G2-item"
