"""The simulated disk: group commit, and what a power loss leaves of what was not durable."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from splitbrain.sim import disk as simulated
from splitbrain.sim.chooser import Chooser
from splitbrain.sim.disk import LogDisk, MemoryDisk, fsync_ns
from splitbrain.sim.world import MS, START_NS, World
from store.effects import (
    Boot,
    Durable,
    Effect,
    EpochRecord,
    Event,
    Image,
    ObjectRecord,
    Persist,
    Received,
    Record,
)
from store.engine.engine import EngineError, replay
from store.engine.log import Problem
from store.versions import Sibling, Versions
from tests.recording_cluster import RecordingCluster


def record(number: int) -> ObjectRecord:
    value = b"v" * (number % 40)
    return ObjectRecord(b"k%d" % number, Versions({"a": number}, (Sibling(("a", number), value),)))


class Rig:
    """A disk and the tokens that it has reported, each with its time."""

    def __init__(self, seed: int = 1, chooser: Chooser | None = None) -> None:
        self.world = World()
        self.disk = LogDisk("n1", self.world, Chooser(seed) if chooser is None else chooser)
        self.tokens: list[tuple[int, int]] = []
        self.disk.open(self.durable)

    def durable(self, token: int) -> None:
        self.tokens.append((self.world.now - START_NS, token))
        self.disk.settle(token)

    def persist(self, *tokens: int) -> None:
        for token in tokens:
            self.disk.persist(token, (record(token),))


def test_most_fsyncs_are_quick_and_some_are_not() -> None:
    times = [fsync_ns(draw) for draw in range(1 << 16)]
    assert times == sorted(times)
    slow = [at for at in times if at > 15 * MS]
    assert 0 < len(slow) < len(times) // 4
    assert times[0] >= MS // 2
    assert 20 * MS <= min(slow) < max(slow) <= 120 * MS


def test_one_fsync_covers_what_waited_when_it_began() -> None:
    rig = Rig()
    rig.persist(1)
    rig.persist(2, 3)
    rig.world.run()
    assert [token for _, token in rig.tokens] == [1, 3]
    assert [at for at, _ in rig.tokens] == sorted({at for at, _ in rig.tokens})
    assert rig.tokens[0][0] >= fsync_ns(0)
    assert rig.disk.records == [record(1), record(2), record(3)]


def test_nothing_is_durable_before_its_fsync_has_ended() -> None:
    rig = Rig()
    rig.persist(1)
    rig.world.run_until(START_NS + fsync_ns(0) - 1)
    assert (rig.disk.records, rig.tokens) == ([], [])


def survivors(seed: int) -> tuple[list[Record], int]:
    """1 is durable, 2 and 3 are in an fsync, 4 to 6 wait for the next when the power goes."""
    rig = Rig(seed)
    rig.persist(1)
    rig.world.run()
    rig.disk.persist(3, (record(2), record(3)))
    rig.persist(4, 5, 6)
    rig.disk.lose_power()
    rig.world.run()
    assert [token for _, token in rig.tokens] == [1], "a dead process is told nothing"
    return rig.disk.records, rig.disk.torn


def test_a_power_loss_leaves_what_was_durable_and_whole_frames_of_the_rest() -> None:
    seen: dict[int, int] = {}
    for seed in range(80):
        left, torn = survivors(seed)
        assert left == [record(number) for number in range(1, len(left) + 1)]
        seen[len(left)] = seen.get(len(left), 0) + torn
    assert sorted(seen) == [1, 3], "tearing at a drawn byte loses at least a part of the last frame"
    assert min(seen.values()) > 5, "the tail was torn in the middle of a frame"


def test_drawing_zero_loses_nothing() -> None:
    rig = Rig(chooser=Chooser(1, played={}))
    rig.persist(1, 2, 3)
    rig.disk.lose_power()
    assert rig.disk.records == [record(1), record(2), record(3)]
    assert rig.disk.torn == 0


def test_a_reader_that_takes_a_torn_tail_for_damage_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted defect is in the log's reader, which the simulator runs for real."""
    planted = Problem("damaged", 0, "planted")
    monkeypatch.setattr(simulated, "decode_log", lambda data: ([], 0, planted))
    rig = Rig()
    rig.persist(1)
    with pytest.raises(EngineError, match="n1 took a torn tail for damage: planted"):
        rig.disk.lose_power()


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 1 << 32), st.lists(st.sampled_from(["persist", "wait", "kill"]), max_size=40))
def test_what_was_reported_durable_survives_everything(seed: int, words: list[str]) -> None:
    rig = Rig(seed)
    written: list[Record] = []
    reported: list[Record] = []
    for number, word in enumerate(words, 1):
        if word == "persist":
            written.append(record(number))
            rig.disk.persist(number, (record(number),))
        elif word == "wait":
            rig.world.run_until(rig.world.now + 3 * MS)
        else:
            rig.disk.lose_power()
            image = rig.disk.open(rig.durable)
            assert image == replay(rig.disk.records)
            written = list(rig.disk.records)
        last = max((token for _, token in rig.tokens), default=0)
        reported = [r for r in written if isinstance(r, ObjectRecord) and int(r.key[1:]) <= last]
        assert rig.disk.records[: len(reported)] == reported
        assert rig.disk.records == written[: len(rig.disk.records)]


def persist_at_boot(event: Event, now: int) -> list[Effect]:
    """Persists one record at the start, and another as soon as the first is durable."""
    if isinstance(event, Boot):
        return [Persist(1, (EpochRecord(event.image.epoch + 1),))]
    if isinstance(event, Durable) and event.token == 1:
        return [Persist(2, (record(2),))]
    return []


def test_a_paused_process_is_told_late_but_its_disk_goes_on() -> None:
    alone = RecordingCluster(names="a", answer=persist_at_boot)
    alone.cluster.kill("a")
    before = len(alone.disks["a"].records)
    alone.start("a")
    alone.cluster.pause("a")
    alone.run(1000)
    assert len(alone.disks["a"].records) == before + 1
    assert [type(event) for _, event in alone.lives["a"][1].told] == [Boot]
    alone.cluster.resume("a")
    alone.run(100)
    assert [event for _, event in alone.lives["a"][1].told[1:]] == [Durable(1), Durable(2)]


def test_a_start_reads_what_the_process_before_made_durable() -> None:
    alone = RecordingCluster(names="a", answer=persist_at_boot)
    for start in range(1, 4):
        alone.cluster.kill("a")
        alone.start("a")
        event = alone.lives["a"][start].told[0][1]
        assert event == Boot(replay([EpochRecord(start), record(2)]))
        alone.run(200)


def test_memory_is_durable_at_once_and_keeps_nothing() -> None:
    world = World()
    tokens: list[int] = []
    disk = MemoryDisk(world)
    disk.open(tokens.append)
    disk.persist(1, (record(1),))
    assert tokens == [], "not in the middle of an event"
    world.run()
    assert (tokens, world.now) == ([1], START_NS)
    disk.lose_power()
    assert disk.open(tokens.append) == Image()


def test_persisting_before_opening_is_a_mistake() -> None:
    world = World()
    MemoryDisk(world).persist(1, ())
    with pytest.raises(AssertionError, match="before the disk was opened"):
        world.run()


def test_the_recorder_sees_no_peer() -> None:
    alone = RecordingCluster(names="a")
    assert not [e for _, e in alone.lives["a"][0].told if isinstance(e, Received)]
