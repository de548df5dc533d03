"""Laws of the hash tree: the root says what is in it, and nothing else."""

from hypothesis import given, settings
from hypothesis import strategies as st

from store.hash_tree import HashTree

keys = st.binary(max_size=3)
digests = st.binary(min_size=1, max_size=2)
contents = st.dictionaries(keys, digests, max_size=12)
changes = st.lists(st.tuples(keys, digests | st.none()), max_size=40)
counts = st.sampled_from((1, 2, 64))


def tree_of(held: dict[bytes, bytes], leaves: int) -> HashTree:
    tree = HashTree(leaves)
    for key, digest in held.items():
        tree.put(key, digest)
    return tree


def contents_of(tree: HashTree) -> dict[bytes, bytes]:
    return {key: digest for leaf in tree.leaves() for key, digest in tree.keys(leaf).items()}


@settings(deadline=None)
@given(contents, contents, counts)
def test_roots_are_equal_exactly_when_contents_are(
    one: dict[bytes, bytes], other: dict[bytes, bytes], leaves: int
) -> None:
    assert (tree_of(one, leaves).root == tree_of(other, leaves).root) == (one == other)


@settings(deadline=None)
@given(changes, counts)
def test_a_tree_with_a_past_equals_a_new_one(past: list[tuple[bytes, bytes | None]], leaves: int) -> None:
    tree, held = HashTree(leaves), dict[bytes, bytes]()
    for key, digest in past:
        if digest is None:
            tree.remove(key)
            held.pop(key, None)
        else:
            tree.put(key, digest)
            held[key] = digest
        new = tree_of(held, leaves)
        assert (tree.root, tree.leaves()) == (new.root, new.leaves())
    assert contents_of(tree) == held


@settings(deadline=None)
@given(contents, keys, digests, counts)
def test_removing_undoes_putting(held: dict[bytes, bytes], key: bytes, digest: bytes, leaves: int) -> None:
    held.pop(key, None)
    tree = tree_of(held, leaves)
    before = tree.root, tree.leaves()
    tree.put(key, digest)
    assert tree.root != before[0]
    tree.remove(key)
    assert (tree.root, tree.leaves()) == before


@settings(deadline=None)
@given(contents, contents)
def test_leaves_that_differ_hold_all_keys_that_differ(
    one: dict[bytes, bytes], other: dict[bytes, bytes]
) -> None:
    mine, theirs = tree_of(one, 64), tree_of(other, 64)
    ours, others = mine.leaves(), theirs.leaves()
    differing = [leaf for leaf in ours.keys() | others.keys() if ours.get(leaf) != others.get(leaf)]
    listed = {key for leaf in differing for key in (*mine.keys(leaf), *theirs.keys(leaf))}
    assert listed >= {key for key in one.keys() | other.keys() if one.get(key) != other.get(key)}
