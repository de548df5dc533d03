"""Laws of the ring, for any cluster."""

from collections import Counter
from itertools import pairwise
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from store.ring import Ring


@st.composite
def rings(draw: st.DrawFn) -> Ring:
    nodes = draw(st.lists(st.text(min_size=1, max_size=4), min_size=1, max_size=9, unique=True))
    partitions = draw(st.integers(len(nodes), 80))
    n = draw(st.integers(1, len(nodes)))
    return Ring(tuple(nodes), partitions, n)


@settings(deadline=None)
@given(rings())
def test_preference_lists_hold_every_node_once_primaries_first(ring: Ring) -> None:
    for partition in range(ring.partitions):
        preference = ring.preference(partition)
        assert sorted(preference) == list(ring.nodes)
        assert preference[0] == ring.owners[partition]
        assert ring.primaries(partition) == preference[: ring.n]


@settings(deadline=None)
@given(rings())
def test_preference_lists_go_clockwise(ring: Ring) -> None:
    q = ring.partitions
    for partition in range(q):
        steps = [
            min((place - partition) % q for place in range(q) if ring.owners[place] == node)
            for node in ring.preference(partition)
        ]
        assert steps == sorted(steps)


@settings(deadline=None)
@given(rings())
def test_partitions_are_dealt_evenly(ring: Ring) -> None:
    share, extra = divmod(ring.partitions, len(ring.nodes))
    owned = Counter(ring.owners)
    assert set(owned) == set(ring.nodes)
    assert Counter(owned.values()) == Counter([share + 1] * extra + [share] * (len(ring.nodes) - extra))


@settings(deadline=None)
@given(rings())
def test_no_node_comes_again_sooner_than_it_must(ring: Ring) -> None:
    """A node with m of Q partitions meets itself after floor(Q / m) of them at the latest, somewhere."""
    best = ring.partitions // max(Counter(ring.owners).values())
    for node in ring.nodes:
        places = [place for place, owner in enumerate(ring.owners) if owner == node]
        places.append(places[0] + ring.partitions)
        assert min(after - before for before, after in pairwise(places)) >= best


@settings(deadline=None)
@given(rings(), st.randoms(use_true_random=False))
def test_nodes_agree_in_whatever_order_they_were_told_the_names(ring: Ring, random: Random) -> None:
    names = list(ring.nodes)
    random.shuffle(names)
    other = Ring(tuple(names), ring.partitions, ring.n)
    assert other.owners == ring.owners
    assert all(other.preference(p) == ring.preference(p) for p in range(ring.partitions))


@settings(deadline=None)
@given(rings())
def test_every_partition_has_n_primaries_and_they_share_it(ring: Ring) -> None:
    kept = {node: set(ring.partitions_of(node)) for node in ring.nodes}
    for partition in range(ring.partitions):
        holders = {node for node in ring.nodes if partition in kept[node]}
        assert holders == set(ring.primaries(partition))
        assert len(holders) == ring.n
    for a in ring.nodes:
        for b in ring.nodes:
            assert ring.shared(a, b) == tuple(sorted(kept[a] & kept[b]))


@settings(deadline=None)
@given(rings(), st.binary(max_size=40))
def test_every_key_has_a_partition(ring: Ring, key: bytes) -> None:
    assert 0 <= ring.partition(key) < ring.partitions
