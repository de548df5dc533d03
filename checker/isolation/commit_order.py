"""Serializability and snapshot isolation: is there an order in which all reads come out as recorded?

Both are NP-complete for histories like these, so there are three steps, the first two polynomial: causal
consistency, which both imply; the order that is forced (`forced_order.py`); and a search for a complete
order, which is exact but may be long.  It takes at most `budget` steps; then the verdict is unknown.

The search runs the transactions of all sessions, one at a time.  Rules that keep it short:
  1. A read must find the version that it saw current.
  2. A version that still has readers to come must not be overwritten.  So which sessions have come how far
     says all about a state (no other version matters any more), and a state that failed is not tried twice.
  3. What runs without leaving a version that others have yet to read (a read, say) can be run at once: it
     takes no possibility away from anybody.
  4. Choices are tried in the order that is forced, else in that in which the history ended them, which is
     mostly right.

Under snapshot isolation a transaction that reads and writes is run in two steps: its snapshot, which also
reserves the keys that it will write, and its commit.  Two that overlap and write one key cannot both.
"""

from collections.abc import Iterator
from typing import NamedTuple

from checker.isolation.columns import Transactions
from checker.isolation.engine import Engine
from checker.isolation.facts import Facts, resolve
from checker.isolation.forced_order import ForcedOrder
from checker.isolation.judge import duplicate_reason, judge_case, open_case, unknown, verdict_of
from checker.isolation.level import SERIALIZABLE, Level
from checker.verdict import Verdict


def judge_order(transactions: Transactions, level: Level, engine: Engine, budget: int) -> Verdict:
    """The verdict of serializability or snapshot isolation."""
    resolution, duplicate = resolve(transactions, engine)
    if duplicate >= 0:
        return unknown(duplicate_reason(transactions, duplicate))
    case = open_case(transactions, resolution, level, engine)
    anomalies = judge_case(case, level)
    if anomalies:
        return verdict_of(anomalies, transactions)
    ends = _ends(transactions)
    forced = ForcedOrder(case.facts, level is SERIALIZABLE)
    if forced.fits():
        forced.grow()
        if forced.cycle:
            return verdict_of([case.explainer.forced(forced.cycle)], transactions)
        ends = forced.rank(ends)
    search = Search(case.facts, level is SERIALIZABLE, ends)
    answer = search.run(budget)
    if answer is None:
        return unknown(
            f"the search for an order ended after {budget} steps (option budget) without an answer; "
            f"at most {search.deepest} of {search.total} steps of transactions could be put in order by then"
        )
    anomalies = [] if answer else [case.explainer.stuck(search.stuck, search.deepest, search.total)]
    return verdict_of(anomalies, transactions, search_steps=search.taken)


def _ends(transactions: Transactions) -> list[int]:
    """By what choices are ordered: the index of the entry with which each transaction ended."""
    if not transactions.names.pairs:
        return list(range(len(transactions.columns.status)))
    return [(completion or invocation).index for invocation, completion in transactions.names.pairs]


class Move(NamedTuple):
    """A step of a transaction: `snapshot` reads and reserves, `commit` writes; or both at once."""

    transaction: int
    snapshot: bool
    commit: bool


class Search:
    """A depth-first search with undo. `stuck` describes the furthest state that led nowhere."""

    def __init__(self, facts: Facts, serializable: bool, ends: list[int]) -> None:
        self._ends = ends
        self._reads: dict[int, list[tuple[int, int]]] = {}
        self._writes: dict[int, list[int]] = {}
        self._left: dict[tuple[int, int], int] = {}
        self._plans: list[list[Move]] = []
        self._load(facts, serializable)
        self._current = [facts.transactions] * facts.keys
        self._reserved: dict[int, int] = {}
        self._at = [0] * len(self._plans)
        self._trail: list[tuple[int, list[tuple[int, int]]]] = []
        self.total = sum(map(len, self._plans))
        self.taken = self.deepest = 0
        self.stuck: list[tuple[int, int, int]] = []

    def _load(self, facts: Facts, serializable: bool) -> None:
        for session in range(facts.sessions):
            plan: list[Move] = []
            for t in range(int(facts.session_start[session]), int(facts.session_start[session + 1])):
                if facts.position[t] < 0:
                    continue
                slots = range(int(facts.read_start[t]), int(facts.read_start[t + 1]))
                reads = {(int(facts.read_key[r]), int(facts.read_from[r])) for r in slots}
                places = range(int(facts.write_start[t]), int(facts.write_start[t + 1]))
                self._reads[t] = sorted(reads)
                self._writes[t] = [int(facts.write_key[w]) for w in places]
                for key, source in reads:
                    self._left[source, key] = self._left.get((source, key), 0) + 1
                if serializable or not reads or not places:
                    plan.append(Move(t, True, True))
                else:
                    plan += [Move(t, True, False), Move(t, False, True)]
            self._plans.append(plan)

    def run(self, budget: int) -> bool | None:
        """Is there an order? None if the budget ended first."""
        failed: set[tuple[int, ...]] = set()
        frames: list[tuple[int, tuple[int, ...], Iterator[int]]] = []
        while True:
            self._run_free()
            if len(self._trail) == self.total:
                return True
            state = tuple(self._at)
            choices = [] if state in failed else self._choices()
            if not choices:
                self._note_stuck()
            frames.append((len(self._trail), state, iter(choices)))
            while frames:
                mark, state, rest = frames[-1]
                self._undo(mark)
                session = next(rest, None)
                if session is not None:
                    self._apply(session)
                    break
                failed.add(state)
                frames.pop()
            else:
                return False
            if self.taken > budget:
                return None

    def _run_free(self) -> None:
        """Rule 3, until nobody can go on for free."""
        moved = True
        while moved:
            moved = False
            for session, plan in enumerate(self._plans):
                while self._at[session] < len(plan) and self._is_free(plan[self._at[session]]):
                    self._apply(session)
                    moved = True

    def _is_free(self, move: Move) -> bool:
        t = move.transaction
        if not move.commit or any((t, key) in self._left for key in self._writes[t]):
            return False
        return self._obstacle(move) is None

    def _choices(self) -> list[int]:
        waiting = [s for s, plan in enumerate(self._plans) if self._at[s] < len(plan)]
        able = [s for s in waiting if self._obstacle(self._plans[s][self._at[s]]) is None]
        return sorted(able, key=lambda s: self._ends[self._plans[s][self._at[s]].transaction])

    def _obstacle(self, move: Move) -> tuple[int, int] | None:
        """What keeps this step from running: the key, and the transaction whose version (or claim) it is."""
        t = move.transaction
        if move.snapshot:
            for key, source in self._reads[t]:
                if self._current[key] != source:
                    return key, source
            for key in self._writes[t]:
                if key in self._reserved:
                    return key, self._reserved[key]
        for key in self._writes[t] if move.commit else ():
            source = self._current[key]
            mine = move.snapshot and (key, source) in self._reads[t]
            if self._left.get((source, key), 0) > mine:
                return key, source
        return None

    def _apply(self, session: int) -> None:
        move = self._plans[session][self._at[session]]
        t = move.transaction
        self._at[session] += 1
        self.taken += 1
        overwritten: list[tuple[int, int]] = []
        if move.snapshot:
            for key, source in self._reads[t]:
                self._left[source, key] -= 1
        for key in self._writes[t]:
            if move.commit:
                overwritten.append((key, self._current[key]))
                self._current[key] = t
                self._reserved.pop(key, None)
            else:
                self._reserved[key] = t
        self._trail.append((session, overwritten))

    def _undo(self, mark: int) -> None:
        while len(self._trail) > mark:
            session, overwritten = self._trail.pop()
            self._at[session] -= 1
            move = self._plans[session][self._at[session]]
            t = move.transaction
            for key, source in overwritten:
                self._current[key] = source
            for key in self._writes[t]:
                if move.snapshot:
                    self._reserved.pop(key, None)
                else:
                    self._reserved[key] = t
            if move.snapshot:
                for key, source in self._reads[t]:
                    self._left[source, key] += 1

    def _note_stuck(self) -> None:
        if len(self._trail) < self.deepest:
            return
        self.deepest = len(self._trail)
        self.stuck = []
        for session, plan in enumerate(self._plans):
            if self._at[session] < len(plan):
                move = plan[self._at[session]]
                if (obstacle := self._obstacle(move)) is not None:
                    self.stuck.append((move.transaction, *obstacle))
