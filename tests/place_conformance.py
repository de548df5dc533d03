"""What every live place does, as programs against a cluster of three: each fault bites, and is undone again.

A place's own tests subclass this and give the fixture `place`; here is what the simulator promises, too,
asked of real nodes.
"""

import os
import signal
from typing import Any

import pytest

from nemesis.steps import (
    Cut,
    Inspect,
    Kill,
    Link,
    Mend,
    MendAll,
    Mode,
    Pause,
    Probe,
    Program,
    Responds,
    Resume,
    Sleep,
    Start,
)
from splitbrain.program import Ask, Call, Receive, Spawn
from store.messages import Status, StatusReply
from tests.place_programs import LINKS, MS, retried, settled
from workloads.client import Done, Get, Put, Values

MODES: tuple[Mode, ...] = ("refuse", "drop", "stall")
Place = Any
"""A LocalPlace or a DockerPlace that has been entered."""


class PlaceConformance:
    """Subclasses are tests of one place."""

    def test_what_one_node_took_another_gives(self, place: Place) -> None:
        def program() -> Program:
            stored = yield from retried("n1", Put("greeting", b"hello"))
            found = yield from retried("n3", Get("greeting"))
            return stored, set(found.values)

        assert place.execute(program()) == (Done(), {b"hello"})

    @pytest.mark.parametrize("mode", MODES)
    @pytest.mark.parametrize("link", [("n1", "n2"), ("n2", "n1")])
    def test_a_cut_stops_one_direction_and_leaves_the_other(
        self, place: Place, link: Link, mode: Mode
    ) -> None:
        everything = frozenset(LINKS)

        def program() -> Program:
            before = yield from settled(everything)
            yield Cut((link,), mode)
            yield Cut((link,), mode)
            during = yield Probe(LINKS, 600 * MS)
            yield Mend((link,))
            yield Mend((link,))
            after = yield from settled(everything)
            return before, during, after

        assert place.execute(program()) == (everything, everything - {link}, everything)

    def test_mend_all_restores_every_link(self, place: Place) -> None:
        def program() -> Program:
            for index, link in enumerate(LINKS):
                yield Cut((link,), MODES[index % 3])
            during = yield Probe(LINKS, 400 * MS)
            yield MendAll()
            yield MendAll()
            return during, (yield from settled(frozenset(LINKS)))

        assert place.execute(program()) == (frozenset(), frozenset(LINKS))

    def test_a_paused_node_is_silent_and_goes_on_after_resume(self, place: Place) -> None:
        def program() -> Program:
            yield from retried("n2", Put("half", b"0"))
            yield Pause("n2")
            yield Pause("n2")
            state, responds = (yield Inspect("n2")), (yield Responds("n2"))
            answer = yield Call("n2", Put("half", b"1"), 0, 300 * MS)
            yield Resume("n2")
            yield Resume("n2")
            return (state, responds), answer, (yield Inspect("n2")), (yield Responds("n2", 4_000 * MS))

        paused, answer, state, responds = place.execute(program())
        assert paused == ("paused", False)
        assert (answer.code, answer.definite) == ("timeout", False), "its kernel took the request"
        assert (state, responds) == ("running", True)

    def test_a_killed_node_is_dead_and_keeps_its_data(self, place: Place) -> None:
        def life() -> Program:
            reply = yield Ask("n3", Status(), 4_000 * MS)
            assert isinstance(reply, StatusReply)
            return reply.epoch, reply.keys

        def program() -> Program:
            yield from retried("n3", Put("kept", b"safe"))
            before = yield from life()
            yield Kill("n3")
            yield Kill("n3")
            dead = (yield Inspect("n3")), (yield Responds("n3"))
            answer = yield Call("n3", Get("kept"), 0)
            yield Start("n3")
            yield Start("n3")
            after = yield from life()
            found = yield from retried("n3", Get("kept"))
            links = yield from settled(frozenset(LINKS))
            return before, dead, answer, after, found, links

        before, dead, answer, after, found, links = place.execute(program())
        assert dead == ("dead", False)
        assert (answer.code, answer.definite) == ("connection-refused", True)
        assert after[0] > before[0], "a new life has a new epoch"
        assert after[1] == before[1] > 0, "the keys came from the node's own disk"
        assert isinstance(found, Values)
        assert set(found.values) == {b"safe"}
        assert links == frozenset(LINKS), "the proxies find it where it was"

    def test_a_paused_node_can_be_killed_and_starts_again(self, place: Place) -> None:
        def program() -> Program:
            yield Pause("n1")
            yield Kill("n1")
            dead = yield Inspect("n1")
            yield Start("n1")
            return dead, (yield Responds("n1", 4_000 * MS))

        assert place.execute(program()) == ("dead", True)

    def test_links_to_a_dead_node_are_cut_and_mended_all_the_same(self, place: Place) -> None:
        def program() -> Program:
            yield Kill("n2")
            yield Sleep(300 * MS)  # By now the others try to connect to nobody.
            for mode in MODES:
                yield Cut((("n1", "n2"),), mode)
                yield Sleep(300 * MS)
            yield MendAll()
            yield Start("n2")
            return (yield from settled(frozenset(LINKS)))

        assert place.execute(program()) == frozenset(LINKS)

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_a_signal_stops_programs_and_leaves_the_cluster_for_healing(
        self, place: Place, number: int
    ) -> None:
        closed = []

        def bystander() -> Program:
            try:
                yield Receive()
            finally:
                closed.append(True)

        def program() -> Program:
            yield Spawn(bystander())
            yield Pause("n1")
            os.kill(os.getpid(), number)
            yield Sleep(60_000 * MS)

        def heal() -> Program:
            yield Resume("n1")
            return (yield Responds("n1", 4_000 * MS))

        handler = signal.getsignal(number)
        with pytest.raises(KeyboardInterrupt):
            place.execute(program())
        assert closed == [True]
        assert signal.getsignal(number) is handler
        assert place.execute(heal()) is True

    def test_an_unknown_step_is_an_error_of_the_program(self, place: Place) -> None:
        def program() -> Program:
            yield "dance"

        with pytest.raises(TypeError, match="'dance', which is no step"):
            place.execute(program())
