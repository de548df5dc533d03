"""The hash tree of a partition: what changes the root, and what does not."""

import pytest

from store.hash_tree import HashTree


def tree(**entries: bytes) -> HashTree:
    made = HashTree()
    for key, digest in entries.items():
        made.put(key.encode(), digest)
    return made


def test_an_empty_tree_has_an_empty_root() -> None:
    assert (HashTree().root, HashTree().leaves()) == (b"", {})


def test_the_root_follows_every_change() -> None:
    changing = HashTree()
    roots = [changing.root]
    for key, digest in ((b"a", b"1"), (b"b", b"1"), (b"a", b"2")):
        changing.put(key, digest)
        roots.append(changing.root)
    changing.remove(b"b")
    roots.append(changing.root)
    assert len(set(roots)) == 5
    assert changing.root == tree(a=b"2").root


def test_swapping_the_states_of_two_keys_shows_even_within_one_leaf() -> None:
    """A leaf that combined only the digests would cancel out here."""
    one, other = HashTree(leaves=1), HashTree(leaves=1)
    one.put(b"a", b"1")
    one.put(b"b", b"2")
    other.put(b"a", b"2")
    other.put(b"b", b"1")
    assert one.root != other.root


def test_the_border_between_key_and_digest_counts() -> None:
    one, other = HashTree(leaves=1), HashTree(leaves=1)
    one.put(b"ab", b"c")
    other.put(b"a", b"bc")
    assert one.root != other.root


def test_the_same_hash_in_another_leaf_is_another_root() -> None:
    assert tree(a=b"1").leaves().keys() != tree(b=b"1").leaves().keys()
    assert tree(a=b"1").root != tree(b=b"1").root


def test_one_changed_key_changes_one_leaf_and_is_found_there() -> None:
    keys = {f"key-{number}": b"same" for number in range(1000)}
    mine, theirs = tree(**keys), tree(**keys)
    assert len(mine.leaves()) == 64
    theirs.put(b"key-7", b"other")
    ours, others = mine.leaves(), theirs.leaves()
    differing = [leaf for leaf in ours if ours[leaf] != others[leaf]]
    assert len(differing) == 1
    [leaf] = differing
    assert {key for key, digest in mine.keys(leaf).items() if theirs.keys(leaf)[key] != digest} == {b"key-7"}


def test_removing_what_is_not_there_changes_nothing() -> None:
    held = tree(a=b"1")
    before = held.root
    held.remove(b"nobody")
    assert held.root == before
    held.remove(b"a")
    held.remove(b"a")
    assert (held.root, held.leaves()) == (b"", {})


def test_answers_are_snapshots() -> None:
    held = tree(a=b"1")
    leaves = held.leaves()
    [leaf] = leaves
    keys = held.keys(leaf)
    held.put(b"a", b"2")
    assert keys == {b"a": b"1"}
    assert leaves != held.leaves()
    keys.clear()
    assert held.keys(leaf) == {b"a": b"2"}


def test_leaves_that_do_not_exist_are_empty() -> None:
    assert tree(a=b"1").keys(10_000) == {}
    with pytest.raises(ValueError, match="choose at least 1"):
        HashTree(leaves=0)
