"""Links on virtual time: order, the three ways to cut them, and what deaths and pauses do to messages."""

from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemesis.steps import Mode
from splitbrain.sim.network import latency_ns
from splitbrain.sim.world import MS
from store.effects import PeerLost
from tests.recording_cluster import RecordingCluster

MODES: tuple[Mode, ...] = get_args(Mode)
AB = (("a", "b"),)
seeds = st.integers(0, 1 << 32)


def test_latency_grows_with_the_draw_from_a_fifth_of_a_millisecond() -> None:
    times = [latency_ns(draw) for draw in range(0, 1 << 16, 13)]
    assert times == sorted(times)
    assert times[0] == MS // 5
    assert 30 * MS < latency_ns((1 << 16) - 1) <= 40 * MS


@settings(max_examples=20, deadline=None)
@given(seeds)
def test_a_link_keeps_the_order_and_loses_nothing(seed: int) -> None:
    pair = RecordingCluster(seed)
    for nonce in range(200):
        pair.send(nonce)
        if nonce % 7 == 0:
            pair.run(1)
    pair.run(100)
    assert pair.heard() == list(range(200))
    assert pair.losses() == 0


def test_latencies_differ() -> None:
    pair = RecordingCluster()
    sent = []
    for nonce in range(50):
        pair.run(50)
        sent.append(pair.world.now)
        pair.send(nonce)
    pair.run(50)
    latencies = [at - began for (at, _), began in zip(pair.lives["b"][0].told, sent, strict=True)]
    assert len(set(latencies)) > 40
    assert MS // 5 <= min(latencies) <= max(latencies) <= 40 * MS


@pytest.mark.parametrize("mode", MODES)
def test_a_cut_link_delivers_nothing_and_the_other_direction_everything(mode: Mode) -> None:
    pair = RecordingCluster()
    pair.network.cut(AB, mode)
    pair.send(1)
    pair.send(2, source="b", target="a")
    pair.run(3000)
    assert pair.heard("b") == []
    assert pair.heard("a") == [2]
    assert pair.losses("b") == 0


def test_refuse_breaks_the_connection_at_once_with_what_was_on_its_way() -> None:
    pair = RecordingCluster()
    pair.send(1)
    pair.network.cut(AB, "refuse")
    pair.run(1000)
    assert pair.losses() == 1, "told once, however often reconnecting fails"
    pair.network.mend(AB)
    pair.run(300)
    pair.send(2)
    pair.run(100)
    assert pair.heard() == [2]
    pair.network.cut(AB, "refuse")
    pair.run(100)
    assert pair.losses() == 2


def test_drop_is_silent_until_the_mend_breaks_the_connection() -> None:
    pair = RecordingCluster()
    pair.network.cut(AB, "drop")
    pair.send(1)
    pair.run(1000)
    assert pair.losses() == 0
    pair.send(2)
    pair.network.mend(AB)
    pair.run(300)
    assert pair.losses() == 1
    pair.send(3)
    pair.run(100)
    assert pair.heard() == [3]


@settings(max_examples=20, deadline=None)
@given(seeds)
def test_stall_holds_everything_and_delivers_it_in_order_on_mend(seed: int) -> None:
    pair = RecordingCluster(seed)
    pair.send(*range(10))
    pair.network.cut(AB, "stall")
    pair.send(*range(10, 20))
    pair.run(1000)
    pair.send(*range(20, 30))
    assert pair.heard() == []
    pair.network.mend(AB)
    pair.send(*range(30, 60))
    pair.run(200)
    assert pair.heard() == list(range(60))
    assert pair.losses() == 0


@pytest.mark.parametrize("mode", MODES)
def test_cutting_and_mending_twice_is_like_once(mode: Mode) -> None:
    pair = RecordingCluster()
    for _ in range(2):
        pair.network.cut(AB, mode)
    pair.send(1)
    pair.run(500)
    for _ in range(2):
        pair.network.mend(AB)
    pair.network.mend_all()
    pair.run(500)
    pair.send(2)
    pair.run(100)
    assert pair.heard() == ([1, 2] if mode == "stall" else [2])


@pytest.mark.parametrize("first", MODES)
@pytest.mark.parametrize("second", MODES)
def test_a_link_may_be_cut_anew_in_another_mode(first: Mode, second: Mode) -> None:
    pair = RecordingCluster()
    pair.network.cut(AB, first)
    pair.send(1)
    pair.run(500)
    pair.network.cut(AB, second)
    pair.send(2)
    pair.run(500)
    assert pair.heard() == []
    pair.network.mend(AB)
    pair.run(500)
    pair.send(3)
    pair.run(100)
    assert pair.heard()[-1] == 3
    assert pair.heard() == sorted(pair.heard())


def test_a_killed_node_takes_what_was_on_its_way_with_it_and_peers_are_told() -> None:
    pair = RecordingCluster()
    pair.send(1)
    pair.cluster.kill("b")
    pair.run(1000)
    assert pair.losses() == 1
    pair.start("b")
    pair.send(2)
    pair.run(500)
    pair.send(3)
    pair.run(100)
    assert [len(pair.lives["b"]), pair.heard()] == [2, [3]]
    assert pair.losses() == 1


def test_the_last_messages_of_a_killed_node_may_be_lost_but_only_the_last() -> None:
    arrived = []
    for seed in range(60):
        pair = RecordingCluster(seed)
        pair.send(*range(20))
        pair.cluster.kill("a")
        pair.run(200)
        heard = pair.heard()
        assert heard == list(range(len(heard)))
        arrived.append(len(heard))
    assert 20 in arrived
    assert min(arrived) < 5


def test_what_an_earlier_life_left_in_a_stalled_link_is_discarded() -> None:
    pair = RecordingCluster()
    pair.network.cut(AB, "stall")
    pair.send(1, 2)
    pair.run(100)
    pair.cluster.kill("a")
    pair.start("a")
    pair.run(100)
    pair.send(3)
    pair.run(100)
    pair.network.mend(AB)
    pair.run(300)
    assert pair.heard() == [3]


def test_what_an_earlier_life_sent_is_ignored_once_the_next_has_connected() -> None:
    for seed in range(20):
        pair = RecordingCluster(seed)
        pair.send(*range(20))
        pair.cluster.kill("a")
        pair.start("a")
        pair.send(20)
        pair.run(200)
        assert pair.heard() == [20]


def test_a_stall_that_begins_again_before_the_held_is_delivered_goes_on_holding() -> None:
    pair = RecordingCluster()
    pair.network.cut(AB, "stall")
    pair.send(1)
    pair.run(100)
    pair.network.mend(AB)
    pair.network.cut(AB, "stall")
    pair.run(500)
    assert pair.heard() == []
    pair.network.mend(AB)
    pair.run(100)
    assert pair.heard() == [1]


def test_a_stalled_link_to_a_node_that_was_restarted_breaks_on_mend() -> None:
    pair = RecordingCluster()
    pair.network.cut(AB, "stall")
    pair.send(1)
    pair.run(100)
    pair.cluster.kill("b")
    pair.run(100)
    assert pair.losses() == 0, "nobody hears of a death over a link that is gone"
    pair.start("b")
    pair.run(100)
    pair.network.mend(AB)
    pair.run(500)
    assert pair.losses() == 1
    pair.send(2)
    pair.run(100)
    assert pair.heard() == [2]


def test_mending_a_stalled_link_to_a_dead_node_is_harmless() -> None:
    pair = RecordingCluster()
    pair.network.cut(AB, "stall")
    pair.cluster.kill("b")
    pair.cluster.kill("a")
    pair.start("a")
    pair.send(1)
    pair.run(100)
    pair.network.mend(AB)
    pair.run(500)
    assert pair.losses() == 1
    pair.start("b")
    pair.run(500)
    pair.send(2)
    pair.run(100)
    assert pair.heard() == [2]


def test_a_paused_node_handles_everything_on_resume_in_order_at_the_later_time() -> None:
    pair = RecordingCluster()
    pair.cluster.pause("b")
    pair.send(1, 2, 3)
    pair.run(1000)
    pair.cluster.kill("a")
    pair.run(1000)
    assert pair.heard() == []
    pair.cluster.resume("b")
    told = pair.lives["b"][0].told
    assert pair.heard() == [1, 2, 3]
    assert isinstance(told[-1][1], PeerLost)
    assert {at for at, _ in told[-4:]} == {pair.world.now}


def test_a_node_killed_while_paused_never_handles_what_waited() -> None:
    pair = RecordingCluster()
    pair.cluster.pause("b")
    pair.send(1)
    pair.run(100)
    pair.cluster.kill("b")
    pair.cluster.resume("b")
    pair.start("b")
    pair.run(500)
    assert pair.heard() == []
    assert pair.lives["b"][0].told == []


WORDS = ("send", "run", "refuse", "drop", "stall", "mend", "kill a", "kill b", "start", "pause", "resume")


class Story:
    """Does what the words say to a pair of nodes; `sent` counts the messages."""

    def __init__(self, seed: int) -> None:
        self.pair = RecordingCluster(seed)
        self.cluster = self.pair.cluster
        self.sent = 0

    def do(self, word: str) -> None:
        match word.split():
            case ["send"] if self.cluster.inspect("a") == "running":
                self.pair.send(self.sent, self.sent + 1)
                self.sent += 2
            case ["run"]:
                self.pair.run(150)
            case ["refuse" | "drop" | "stall" as mode]:
                self.pair.network.cut(AB, mode)
            case ["mend"]:
                self.pair.network.mend(AB)
            case ["kill", name]:
                self.cluster.kill(name)
            case ["start"]:
                for name in "ab":
                    if self.cluster.inspect(name) == "dead":
                        self.pair.start(name)
            case ["pause"] if self.cluster.inspect("b") == "running":
                self.cluster.pause("b")
            case ["resume"]:
                self.cluster.resume("b")


@settings(max_examples=40, deadline=None)
@given(seeds, st.lists(st.sampled_from(WORDS), max_size=40))
def test_messages_never_overtake_and_a_healed_link_works(seed: int, words: list[str]) -> None:
    story = Story(seed)
    for word in [*words, "mend", "resume", "start", "run", "run", "run", "send", "run"]:
        story.do(word)
    heard = story.pair.heard()
    assert heard == sorted(set(heard))
    assert heard[-2:] == [story.sent - 2, story.sent - 1]
