"""Sessions one after the other, for causal memory and PRAM: which of them may have no order of their own.

A session's view (`views.py`) is a set of edges.  Mostly one order of all transactions suits all sessions;
then it is enough to ask for edges against that order, and there are none.  Where there are some, all edges
of the session are made, and those that went against the common order correct it for the sessions that
follow.
"""

import functools
from collections.abc import Iterator
from typing import Any

from checker.isolation import views
from checker.isolation.clocks import no_clocks
from checker.isolation.columns import Ints
from checker.isolation.edges import Past
from checker.isolation.engine import Engine
from checker.isolation.facts import Facts
from checker.isolation.front import Trail
from checker.isolation.order import (
    Edges,
    count_sessions,
    counting,
    no_edges,
    rank_of,
    topological,
)
from checker.isolation.saturation import joined, past_of, saturate, with_room

ROOM = 4
"""Edges per read that a session's view mostly needs at most."""


class SessionViews:
    """The sessions of one history. `past`: their causal past (causal memory), or None (PRAM)."""

    def __init__(self, facts: Facts, past: Past | None, engine: Engine) -> None:
        self._facts, self._past, self._engine = facts, past, engine
        new, groups = engine.vector, int(facts.group_start[facts.keys]) + 1
        self._lengths, self._reads = new(facts.sessions), new(facts.sessions)
        engine.run(count_sessions, facts, self._lengths, self._reads)
        self._looks = views.Looks(
            hint=new(groups),
            next=new(groups),
            stamp=new(groups, -1),
            shown=new(facts.keys),
            stamp_key=new(facts.keys, -1),
            row=new(max(self._lengths, default=0), -1),
            writer=new(facts.transactions, -1),
        )
        self._clocks = no_clocks(facts, 1, engine) if past is None else past.clocks
        self._turn = 0
        self._common: Edges | None = None
        self._rank = self._first_rank()

    def doubtful(self) -> Iterator[tuple[Trail, Edges]]:
        """The sessions that the common order does not suit, with all edges of their views."""
        facts = self._facts
        for session in range(facts.sessions):
            reads = int(self._reads[session])
            if reads == 0 or (self._rank is not None and not self._rounds(session, self._rank, 0)[-1].found):
                continue
            rounds = self._rounds(session, self._engine.vector(0), ROOM * reads)
            edges = functools.reduce(functools.partial(joined, engine=self._engine), rounds)
            self._correct(edges)
            yield Trail(session, self._past is not None, rounds), edges

    def _rounds(self, session: int, rank: Ints, room: int) -> list[Edges]:
        """Rounds until nothing new is seen; without room, or until there is an edge."""
        facts, engine, deep = self._facts, self._engine, self._past is not None
        seen = no_clocks(facts, int(self._lengths[session]), engine)
        view = views.View(session, seen, self._clocks, int(deep), rank)
        engine.run(views.view_base, facts, view)
        changed = True
        rounds: list[Edges] = []
        while changed and (room or not rounds or not rounds[-1].found):
            changed, kernel = False, views.next_round if rounds else views.first_round

            def attempt(out: Any) -> int:
                nonlocal changed, kernel
                count, more = engine.run(kernel, facts, view, self._looks, self._turn, out)
                self._turn += 1
                # Where there was too little room, all is looked at once more: what was seen is no news now.
                kernel = views.first_round
                changed = changed or bool(more)
                return int(count) if room else min(1, int(count))

            rounds.append(with_room(engine, room, attempt, -2 if deep else session))
        return rounds

    def _first_rank(self) -> Ints | None:
        """Places in an order that suits causal convergence; None if there is none."""
        facts, engine, past = self._facts, self._engine, self._past
        if past is None:
            order, placed = topological(facts, no_edges(engine), engine)
            if placed < counting(facts, engine):
                return None
            past = past_of(facts, order, placed, engine)
        self._common = saturate(facts, ("causal",), past, engine)
        return self._ranked(self._common)

    def _ranked(self, edges: Edges) -> Ints | None:
        facts, engine = self._facts, self._engine
        order, placed = topological(facts, edges, engine)
        if placed < counting(facts, engine):
            return None
        rank = engine.vector(facts.transactions)
        engine.run(rank_of, order, placed, rank)
        return rank

    def _correct(self, edges: Edges) -> None:
        """Let the common order respect these edges as well, if that is possible."""
        if self._rank is None or self._common is None:
            return
        engine = self._engine
        against = Edges(engine.vector(edges.found), engine.vector(edges.found), 0, -2)
        count = int(engine.run(edges_against, self._facts, edges, self._rank, against))
        common = joined(self._common, against._replace(found=count), engine)
        if (rank := self._ranked(common)) is not None:
            self._common, self._rank = common, rank


def edges_against(facts: Facts, edges: Edges, rank: Ints, out: Edges) -> int:
    """Kernel: the edges that an order does not respect. Returns how many."""
    count = 0
    for e in range(edges.found):
        after = facts.read_from[edges.slot[e]]
        if after != facts.transactions and rank[edges.source[e]] >= rank[after]:
            out.source[count], out.slot[count] = edges.source[e], edges.slot[e]
            count += 1
    return count
