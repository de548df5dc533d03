"""Why one transaction is in front of a read: the steps through sessions and reads that a level looks at.

Each level has its pattern (`edges.py`).  Causal levels look at the whole past; for causal memory and PRAM
that includes the orders of writes that the session has been found to need before (`Trail`).
Pure Python: it runs only for what is told.
"""

from collections.abc import Iterator
from heapq import heappop, heappush
from typing import NamedTuple

from checker.isolation.cycle import Step
from checker.isolation.facts import Facts
from checker.isolation.level import Level
from checker.isolation.link import PROCESS, WR, WW, Link, shortened
from checker.isolation.order import Edges

A_REASON = 1_000
"""Steps that are rather taken than one that needs a reason of its own."""


class Trail(NamedTuple):
    """The edges of a session, round after round: what was found earlier may be the reason of the later."""

    session: int
    deep: bool
    rounds: list[Edges]


class Front:
    """Finds the reasons, in one history at one level."""

    def __init__(self, facts: Facts, level: Level) -> None:
        self._facts, self._level = facts, level
        self._trail: Trail | None = None
        self._into: dict[int, list[tuple[int, int, int]]] = {}
        self._age: dict[tuple[int, int], int] = {}
        self._ways: dict[tuple[int, int], list[Link]] = {}

    def follow(self, trail: Trail) -> None:
        """From now on, tell about this session's view."""
        self._trail, self._into, self._age, self._ways = trail, {}, {}, {}

    def _index(self, trail: Trail) -> None:
        """Put the session's edges where they are found by what they lead to. Only for what is told."""
        age = 0
        for edges in trail.rounds:
            for e in range(edges.found):
                age += 1
                source, slot = int(edges.source[e]), int(edges.slot[e])
                if (source, slot) not in self._age:
                    self._age[source, slot] = age
                    self._into.setdefault(int(self._facts.read_from[slot]), []).append((age, source, slot))

    def link(self, step: Step) -> Link:
        """A step of a cycle with its reason."""
        if step.slot < 0:
            return Link(step.source, step.target, PROCESS)
        key = int(self._facts.read_key[step.slot])
        if not step.forced:
            return Link(step.source, step.target, WR, key)
        reader = int(self._facts.reader[step.slot])
        return Link(step.source, step.target, WW, key, reader, tuple(self.way(step.source, step.slot)))

    def way(self, source: int, slot: int) -> list[Link]:
        """Why `source` was in front of the read `slot`."""
        reader = int(self._facts.reader[slot])
        if self._trail is not None:
            if not self._age:
                self._index(self._trail)
            if (source, slot) not in self._ways:
                self._ways[source, slot] = self._past(source, reader, self._age.get((source, slot), 0))
            return self._ways[source, slot]
        rule = self._level.rules[-1] if self._level.rules else "causal"
        if rule == "causal":
            return self._past(source, reader, 0)
        return next(self._pattern(rule, source, slot), [])

    def _pattern(self, rule: str, source: int, slot: int) -> Iterator[list[Link]]:
        facts, reader = self._facts, int(self._facts.reader[slot])
        match rule:
            case "committed-reads":
                yield from ([link] for link in self._read(source, reader, slot))
            case "own-writes":
                yield [Link(source, reader, PROCESS)]
            case "fractured":
                yield from ([link] for link in self._read(source, reader))
                yield [Link(source, reader, PROCESS)]
            case "monotonic-reads":
                for before in self._earlier(reader):
                    yield from ([link, Link(before, reader, PROCESS)] for link in self._read(source, before))
            case "monotonic-writes":
                session, position = facts.session_of[source], facts.position[source]
                for writer in self._sources(reader):
                    if facts.session_of[writer] == session and facts.position[writer] > position:
                        yield [Link(source, writer, PROCESS), *self._read(writer, reader)]
            case _:
                for writer in self._sources(reader):
                    for before in (writer, *self._earlier(writer)):
                        for link in self._read(source, before):
                            then = [Link(before, writer, PROCESS)] if before != writer else []
                            yield [link, *then, *self._read(writer, reader)]

    def _sources(self, reader: int) -> list[int]:
        facts = self._facts
        slots = range(int(facts.read_start[reader]), int(facts.read_start[reader + 1]))
        found = dict.fromkeys(int(facts.read_from[slot]) for slot in slots)
        return [source for source in found if source != facts.transactions]

    def _read(self, source: int, reader: int, before: int = -1) -> list[Link]:
        """The first read of `reader` from `source` (in front of the slot `before`), if there is one."""
        facts = self._facts
        end = before if before >= 0 else int(facts.read_start[reader + 1])
        for slot in range(int(facts.read_start[reader]), end):
            if facts.read_from[slot] == source:
                return [Link(source, reader, WR, int(facts.read_key[slot]))]
        return []

    def _earlier(self, transaction: int) -> Iterator[int]:
        """The transactions of the session before this one, the last first."""
        facts = self._facts
        begin = int(facts.session_start[facts.session_of[transaction]])
        for place in range(int(facts.position[transaction]) - 1, -1, -1):
            yield int(facts.at[begin + place])

    def _past(self, source: int, reader: int, age: int) -> list[Link]:
        """A way to the reader, the shortest of those that rest on few other reasons; only along edges of the
        session that are older than `age`."""
        came: dict[int, Step] = {}
        length = {reader: 0}
        queue = [(0, reader)]
        while queue:
            so_far, at = heappop(queue)
            if at == source and at in came:
                break
            if so_far > length[at]:
                continue
            for step in self._into_one(at, age):
                far = so_far + (A_REASON if step.forced else 1)
                if far < length.get(step.source, far + 1) or (step.source == reader and reader not in came):
                    came[step.source], length[step.source] = step, far
                    heappush(queue, (far, step.source))
        way: list[Link] = []
        at = source
        while at in came and (not way or at != reader):
            way.append(self.link(came[at]))
            at = came[at].target
        return shortened(way)

    def _into_one(self, target: int, age: int) -> Iterator[Step]:
        """What leads directly to a transaction."""
        facts, trail = self._facts, self._trail
        if trail is None or trail.deep or facts.session_of[target] == trail.session:
            for slot in range(int(facts.read_start[target]), int(facts.read_start[target + 1])):
                if (source := int(facts.read_from[slot])) != facts.transactions:
                    yield Step(source, target, slot, False)
        if (place := int(facts.position[target])) > 0:
            begin = int(facts.session_start[facts.session_of[target]])
            yield Step(int(facts.at[begin + place - 1]), target, -1, False)
        for when, source, slot in self._into.get(target, ()):
            if when < age:
                yield Step(source, target, slot, True)
