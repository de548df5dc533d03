"""Bugs planted into each rule of the transaction checkers, and seen by the brute force of `test_txn_oracle`.

One loop of a checker is replaced by one that leaves something out, or adds what is not there.  A rule whose
loss nobody noticed would be a rule that no test holds.
"""

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from checker.txn import components, graph, list_loops, order, register_loops, unravel, witness, writers
from checker.txn.flags import (
    CYCLIC,
    DIRTY,
    FUTURE,
    G1A,
    G1B,
    GARBAGE,
    INCOMPATIBLE,
    INTERNAL,
    LOST_UPDATE,
)
from checker.txn.graph import RW, WR
from checker.txn.place import Loop, Plain
from tests.property.test_txn_oracle import disagreement, histories

SEEDS = {7: 1000, 20: 4000}
"""Where histories come from, and how many of them a bug may survive; most fall within some hundreds."""

Bug = Callable[..., Any]
"""Gets the loop in whose place it stands, and the arguments."""


class Broken(Plain):
    """Runs every loop but one."""

    def __init__(self, loop: Loop, bug: Bug) -> None:
        self._loop, self._bug = loop, bug

    def run(self, loop: Loop, *arguments: Any) -> Any:
        """A call, or the bug."""
        return self._bug(loop, *arguments) if loop is self._loop else loop(*arguments)


def instead(answer: Callable[..., Any]) -> Bug:
    """Do not run the loop: return what the arguments say."""
    return lambda _, *arguments: answer(*arguments)


def unflagged(column: Callable[..., Any], bit: int) -> Bug:
    """Run the loop, and take the flag away from the column wherever it was not before."""

    def bug(loop: Loop, *arguments: Any) -> Any:
        flags = column(*arguments)
        before = list(flags)
        result = loop(*arguments)
        for at, old in enumerate(before):
            flags[at] &= ~bit | old
        return result

    return bug


def no_edges(edges: Callable[..., Any], kind: int) -> Bug:
    """Run the loop, and take the edges of a kind away that it added."""

    def bug(loop: Loop, *arguments: Any) -> Any:
        columns, size = edges(*arguments)
        total, *more = loop(*arguments)
        kept = [e for e in range(size, total) if columns[2][e] != kind]
        for column in columns:
            column[size : size + len(kept)] = [column[e] for e in kept]
        return (size + len(kept), *more)

    return bug


def turned(edges: Callable[..., Any]) -> Bug:
    """Run the loop, and turn its edges round."""

    def bug(loop: Loop, *arguments: Any) -> Any:
        columns, size = edges(*arguments)
        total = loop(*arguments)
        sources, targets = columns[0], columns[1]
        end = total[0] if isinstance(total, tuple) else total
        sources[size:end], targets[size:end] = targets[size:end], sources[size:end]
        return total

    return bug


def all_final(loop: Loop, status: Any, micro: Any, result: Any, stamps: Any) -> None:
    """Take every write for the last one of its transaction."""
    loop(status, micro, result, stamps)
    result[2][:] = [1] * len(result[2])


def as_if_done(loop: Loop, status: Any, *arguments: Any) -> Any:
    """Take unknown transactions for acknowledged ones."""
    return loop([0 if s == 1 else s for s in status], *arguments)


def at_once(loop: Loop, timeline: Any, *arguments: Any) -> Any:
    """Take transactions for done as soon as they began."""
    done = {-event for event in timeline if event < 0}
    begun = [event for event in timeline if event > 0]
    return loop([e for event in begun for e in (event, -event if event in done else 0)], *arguments)


def first_reads(_: Loop, *arguments: Any) -> None:
    """Take the first read for the longest."""
    _, micro, _, repeats, longest = arguments
    for m in reversed(range(len(micro[1]))):
        if micro[1][m] == 1 and not repeats[micro[3][m]]:
            longest[micro[2][m]] = micro[3][m]


LISTS: dict[str, tuple[Loop, Bug]] = {
    "no ww": (list_loops.version_edges, instead(lambda *a: a[5])),
    "ww turned": (list_loops.version_edges, turned(lambda *a: a[4:6])),
    "no wr": (list_loops.read_edges, no_edges(lambda *a: a[5][:2], WR)),
    "no rw": (list_loops.read_edges, no_edges(lambda *a: a[5][:2], RW)),
    "wr and rw turned": (list_loops.read_edges, turned(lambda *a: a[5][:2])),
    "no ww to what nobody read": (list_loops.unread_edges, instead(lambda *a: a[4])),
    "nothing unread": (list_loops.unread_appends, instead(lambda *_: 0)),
    "nobody seen": (list_loops.mark_seen, instead(lambda *_: None)),
    "the first for the longest": (list_loops.longest_reads, first_reads),
    "repeats overlooked": (list_loops.repeated, instead(lambda *_: 0)),
    "repeats not called so": (list_loops.call_repeated, instead(lambda *_: None)),
    "no internal": (list_loops.judge_reads, unflagged(lambda *a: a[5][4], INTERNAL)),
    "no G1a": (list_loops.judge_reads, unflagged(lambda *a: a[5][4], G1A)),
    "no G1b": (list_loops.judge_reads, unflagged(lambda *a: a[5][4], G1B)),
    "no garbage": (list_loops.judge_reads, unflagged(lambda *a: a[5][4], GARBAGE)),
    "no future": (list_loops.judge_appends, unflagged(lambda *a: a[3][2], FUTURE)),
    "no lost update": (list_loops.judge_appends, unflagged(lambda *a: a[3][2], LOST_UPDATE)),
    "no dirty update": (list_loops.judge_orders, unflagged(lambda *a: a[5][1], DIRTY)),
    "own appends in any order": (list_loops.judge_orders, unflagged(lambda *a: a[5][1], INCOMPATIBLE)),
    "reads in any order": (list_loops.compare_reads, unflagged(lambda *a: a[5], INCOMPATIBLE)),
    "process order after the unknown": (order.process_edges, as_if_done),
    "everything taken away": (components.peel, instead(lambda *a: len(a[2]))),
    "the clock not read": (components.peel, lambda loop, *a: loop(*a[:3], [], a[4])),
    "the clock not waited for": (
        components.peel,
        lambda loop, *a: loop(*a[:3], [e for e in a[3] if e > 0], a[4]),
    ),
}

REGISTERS: dict[str, tuple[Loop, Bug]] = {
    "no ww, no rw": (register_loops.version_edges, instead(lambda *a: a[5])),
    "ww turned": (register_loops.version_edges, turned(lambda *a: a[4:6])),
    "no wr": (register_loops.read_edges, instead(lambda *a: a[4])),
    "no readers": (register_loops.readers_of, instead(lambda *_: 0)),
    "no reads followed": (register_loops.follow_reads, instead(lambda *a: a[3])),
    "no clients followed": (register_loops.follow_clients, instead(lambda *a: a[5])),
    "no clock followed": (register_loops.follow_clock, instead(lambda *a: a[5])),
    "nothing comes first": (register_loops.follow_nothing, instead(lambda *a: a[4])),
    "unknown found by clients": (
        register_loops.follow_clients,
        lambda loop, groups, touches, clients, *a: loop(
            groups, touches, ([0] * len(clients[0]), clients[1]), *a
        ),
    ),
    "circles overlooked": (register_loops.break_keys, instead(lambda *_: None)),
    "everything unraveled": (unravel.unravel, instead(lambda *a: len(a[0][0]))),
    "clients not linked": (unravel.link_clients, instead(lambda *_: 0)),
    "the clock unread": (unravel.unravel, lambda loop, *a: loop(*a[:4], [], a[5])),
    "versions not waited for": (unravel.count_waiting, lambda loop, *a: loop(*a[:2], ([], []), *a[3:])),
    "no cyclic versions": (register_loops.break_keys, unflagged(lambda *a: a[3][1], CYCLIC)),
    "no internal": (register_loops.judge, unflagged(lambda *a: a[2][4], INTERNAL)),
    "no G1a": (register_loops.judge, unflagged(lambda *a: a[2][4], G1A)),
    "no G1b": (register_loops.judge, unflagged(lambda *a: a[2][4], G1B)),
    "no future": (register_loops.judge, unflagged(lambda *a: a[2][4], FUTURE)),
    "no lost update": (register_loops.judge, unflagged(lambda *a: a[2][4], LOST_UPDATE)),
    "no garbage": (register_loops.judge_unwritten, unflagged(lambda *a: a[3][2], GARBAGE)),
}

BOTH: dict[str, tuple[Loop, Bug]] = {
    "no fan": (graph.fan, instead(lambda *a: (a[3], a[4]))),
    "no process order": (order.process_edges, instead(lambda *a: a[4])),
    "no realtime order": (order.realtime_edges, instead(lambda *a: (a[2], a[3]))),
    "realtime order too early": (order.realtime_edges, at_once),
    "every write is the last": (writers.trace, all_final),
    "no way back": (witness.reach, instead(lambda *_: 0)),
    "no edge on a cycle": (witness.closing_edges, instead(lambda *_: 0)),
}


def survives(is_list: bool, loop: Loop, bug: Bug) -> int:
    """How many histories it takes to see the bug; 0: it is not seen."""
    place = Broken(loop, bug)
    tried = itertools.chain(*(histories(seed, is_list, count) for seed, count in SEEDS.items()))
    for count, (rng, txns) in enumerate(tried, start=1):
        if disagreement(rng, txns, is_list, place):
            return count
    return 0


@pytest.mark.parametrize("name", [*LISTS, *BOTH])
def test_a_bug_in_a_rule_for_lists_is_seen(name: str) -> None:
    assert survives(True, *(LISTS | BOTH)[name])


@pytest.mark.parametrize("name", [*REGISTERS, *BOTH])
def test_a_bug_in_a_rule_for_registers_is_seen(name: str) -> None:
    assert survives(False, *(REGISTERS | BOTH)[name])


@pytest.mark.parametrize("is_list", [True, False])
def test_without_a_bug_nothing_is_seen(is_list: bool) -> None:
    assert not any(disagreement(r, t, is_list, Plain()) for r, t in histories(7, is_list, 300))
