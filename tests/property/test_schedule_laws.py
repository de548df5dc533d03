"""What every drawn schedule promises, for any seed, size and duration."""

import itertools
import random

from hypothesis import given
from hypothesis import strategies as st

from nemesis.fault import Fault
from nemesis.grudge import NODES_MIN, draw_grudge, shapes_for
from nemesis.schedule import BETWEEN_MS, LENGTHS_MS, MS, PARTITION_MS, PROOF_MS, QUIET_MS, SETTLED_MS, draw

S = 1000 * MS
KINDS = ("partition", "kill", "pause")

seeds = st.integers(0, 10_000)
sizes = st.integers(1, 9)
durations = st.integers(0, 60).map(lambda seconds: seconds * S)
kinds = st.sets(st.sampled_from(KINDS)).map(lambda some: tuple(kind for kind in KINDS if kind in some))


def names(size: int) -> tuple[str, ...]:
    return tuple(f"n{i}" for i in range(1, size + 1))


def lane(schedule: tuple[Fault, ...], network: bool) -> list[Fault]:
    return [fault for fault in schedule if (fault.kind == "partition") == network]


@given(seeds, sizes, kinds, durations)
def test_one_seed_is_one_schedule(seed: int, size: int, some: tuple[str, ...], duration: int) -> None:
    one, two = (draw(random.Random(seed), names(size), some, duration) for _ in range(2))
    assert one == two
    assert draw(random.Random(seed), names(size), tuple(reversed(some)), duration) == one


@given(seeds, sizes, kinds, durations)
def test_faults_fit_the_run_and_the_cluster(
    seed: int, size: int, some: tuple[str, ...], duration: int
) -> None:
    schedule = draw(random.Random(seed), names(size), some, duration)
    assert [fault.id for fault in schedule] == list(range(1, len(schedule) + 1))
    assert [fault.start for fault in schedule] == sorted(fault.start for fault in schedule)
    for fault in schedule:
        assert fault.kind in some
        assert 0 < fault.start < fault.end < duration
        assert set(fault.targets) <= set(names(size))
        assert {node for link in fault.links for node in link} <= set(names(size))
        least, most = PARTITION_MS if fault.kind == "partition" else LENGTHS_MS[fault.kind]
        assert least * MS <= fault.end - fault.start <= most * MS


@given(seeds, sizes, durations)
def test_within_a_lane_one_after_the_other(seed: int, size: int, duration: int) -> None:
    schedule = draw(random.Random(seed), names(size), KINDS, duration)
    for network in (True, False):
        faults = lane(schedule, network)
        for earlier, later in itertools.pairwise(faults):
            assert later.start - earlier.end >= (QUIET_MS if network else BETWEEN_MS)[0] * MS


@given(seeds, sizes, durations)
def test_no_process_fault_disturbs_the_proof_of_a_partition(seed: int, size: int, duration: int) -> None:
    schedule = draw(random.Random(seed), names(size), KINDS, duration)
    for partition in lane(schedule, True):
        begin, end = partition.start - SETTLED_MS * MS, partition.start + PROOF_MS * MS
        assert not [f for f in lane(schedule, False) if f.start < end and f.end > begin]


@given(seeds, sizes, durations)
def test_at_most_a_minority_is_down(seed: int, size: int, duration: int) -> None:
    for fault in lane(draw(random.Random(seed), names(size), KINDS, duration), False):
        if fault.shape == "all":
            assert fault.kind == "kill"
            assert len(fault.targets) == size
            continue
        assert 1 <= len(fault.targets) <= max(1, (size - 1) // 2)
        assert fault.shape == "cut-off side" or (fault.shape == "minority") == (len(fault.targets) > 1)


@given(seeds, sizes, durations)
def test_a_cut_off_side_is_one_that_a_partition_has_cut_off(seed: int, size: int, duration: int) -> None:
    schedule = draw(random.Random(seed), names(size), KINDS, duration)
    for fault in (fault for fault in schedule if fault.shape == "cut-off side"):
        (cut,) = (c for c in lane(schedule, True) if c.start < fault.start < c.end)
        assert fault.targets == cut.targets
        assert cut.shape in ("halves", "isolate-one")


@given(seeds, st.integers(2, 9), kinds.filter(bool), st.integers(5, 60))
def test_five_seconds_are_enough_for_a_fault(
    seed: int, size: int, some: tuple[str, ...], seconds: int
) -> None:
    assert draw(random.Random(seed), names(size), some, seconds * S)


@given(seeds, durations)
def test_a_single_node_cannot_be_partitioned(seed: int, duration: int) -> None:
    assert not lane(draw(random.Random(seed), ("n1",), KINDS, duration), True)


@given(seeds, st.integers(2, 9), st.sampled_from(sorted(NODES_MIN)))
def test_every_shape_cuts_what_its_name_says(seed: int, size: int, shape: str) -> None:
    if shape not in shapes_for(size):
        return
    nodes = names(size)
    grudge = draw_grudge(shape, nodes, random.Random(seed))
    cut = set(grudge.links)
    assert grudge.links == tuple(sorted(cut))
    assert all(source != target for source, target in cut)
    senders = {source for source, _ in cut}
    receivers = {target for _, target in cut}
    backwards = {(target, source) for source, target in cut}
    match shape:
        case "halves":
            small = len(grudge.targets)
            assert small == size // 2
            assert backwards == cut
            assert len(cut) == 2 * small * (size - small)
        case "isolate-one":
            assert len(grudge.targets) == 1
            assert cut == {
                link for n in nodes for link in ((n, grudge.targets[0]), (grudge.targets[0], n))
            } - {(grudge.targets[0], grudge.targets[0])}
        case "one-way":
            assert not senders & receivers
            assert senders | receivers == set(nodes)
            assert not backwards & cut
            assert set(grudge.targets) == senders
            assert len(cut) == len(senders) * len(receivers)
        case "bridge":
            assert backwards == cut
            assert senders == set(nodes) - set(grudge.targets)
            assert len(cut) == 2 * ((size - 1) // 2) * (size - 1 - (size - 1) // 2)
