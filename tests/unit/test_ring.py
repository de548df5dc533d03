"""The ring: where keys go, who stands in, how partitions are dealt."""

import hashlib
import os
import subprocess
import sys
from collections import Counter
from fractions import Fraction

import pytest

from store.ring import Ring

FIVE = ("n1", "n2", "n3", "n4", "n5")


def test_a_key_falls_into_the_range_of_its_hash() -> None:
    ring = Ring(FIVE, 48, 3)
    for number in range(300):
        key = b"key-%d" % number
        share = Fraction(int(hashlib.md5(key).hexdigest(), 16), 2**128)
        partition = ring.partition(key)
        assert Fraction(partition, 48) <= share < Fraction(partition + 1, 48)


def test_keys_spread_over_all_partitions() -> None:
    ring = Ring(FIVE, 64, 3)
    counts = Counter(ring.partition(b"cart-%d" % number) for number in range(12_800))
    assert set(counts) == set(range(64))
    assert max(counts.values()) < 2 * min(counts.values())


def test_the_ring_closes_without_a_node_next_to_itself() -> None:
    """Taking turns would give partitions 15 and 0 both to n1 (the tail violation of riak_core)."""
    owners = Ring(FIVE, 16, 3).owners
    for start in range(16):
        window = [owners[(start + step) % 16] for step in range(4)]
        assert len(set(window)) == 4, f"{window} at {start}"


def test_turns_are_taken_when_that_comes_out_even() -> None:
    assert Ring(("n1", "n2", "n3"), 6, 2).owners == ("n1", "n2", "n3", "n1", "n2", "n3")


def test_primaries_then_stand_ins_clockwise() -> None:
    ring = Ring(FIVE, 10, 3)
    assert ring.preference(8) == ("n4", "n5", "n1", "n2", "n3")
    assert ring.primaries(8) == ("n4", "n5", "n1")


def test_what_two_nodes_share() -> None:
    ring = Ring(FIVE, 5, 2)
    assert ring.partitions_of("n2") == (0, 1)
    assert ring.shared("n1", "n2") == ring.shared("n2", "n1") == (0,)
    assert ring.shared("n1", "n3") == ()
    assert ring.shared("n2", "n2") == (0, 1)


def test_a_stranger_has_nothing() -> None:
    ring = Ring(FIVE, 10, 3)
    assert ring.partitions_of("n9") == ()
    assert ring.shared("n1", "n9") == ()


def test_work_is_even_where_partitions_do_not_divide_evenly() -> None:
    ring = Ring(FIVE, 64, 3)
    owned = Counter(ring.owners)
    assert sorted(owned.values()) == [12, 13, 13, 13, 13]
    kept = [len(ring.partitions_of(node)) for node in FIVE]
    assert sum(kept) == 3 * 64
    assert max(kept) - min(kept) <= 3


def test_one_node() -> None:
    assert Ring(("n1",), 4, 1).preference(3) == ("n1",)


@pytest.mark.parametrize(
    ("nodes", "partitions", "n", "fix"),
    [
        (("n1", "n2"), 8, 3, "add nodes or lower n"),
        (FIVE, 4, 3, "choose at least 5"),
        (("n1", "n2", "n1"), 8, 2, "n1 occurs more than once; rename one"),
        (FIVE, 8, 0, "choose n of at least 1"),
        ((), 8, 1, "add nodes"),
    ],
)
def test_contradictions_name_the_fix(nodes: tuple[str, ...], partitions: int, n: int, fix: str) -> None:
    with pytest.raises(ValueError, match=fix):
        Ring(nodes, partitions, n)


def test_all_processes_agree_whatever_their_hash_seed() -> None:
    program = (
        "from store.ring import Ring\n"
        "ring = Ring(('n3', 'n1', 'n5', 'n2', 'n4'), 64, 3)\n"
        "print(ring.owners, [ring.preference(ring.partition(b'%d' % k)) for k in range(50)])"
    )
    ring = Ring(FIVE, 64, 3)
    here = f"{ring.owners} {[ring.preference(ring.partition(b'%d' % k)) for k in range(50)]}\n"
    for seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
        )
        assert done.stdout == here
