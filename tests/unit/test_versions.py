"""Versions of one key: the paper's example, sibling explosion, deletes, digests and contexts."""

import pytest

from store import versions
from store.versions import Clock, ContextError, Sibling, Versions, merge, write


def put(local: Versions | None, context: Clock, actor: str, value: bytes) -> Versions:
    return write(local, context, actor, value, False, 1)


def delete(local: Versions | None, context: Clock, actor: str) -> Versions:
    return write(local, context, actor, b"", True, 1)


def test_figure_3_of_the_paper() -> None:
    d1 = put(None, {}, "sx", b"D1")
    d2 = put(d1, d1.clock, "sx", b"D2")
    assert (d2.clock, versions.live(d2)) == ({"sx": 2}, (b"D2",))
    assert merge(d1, d2) is d2
    d3, d4 = put(d2, d2.clock, "sy", b"D3"), put(d2, d2.clock, "sz", b"D4")
    assert (d3.clock, d4.clock) == ({"sx": 2, "sy": 1}, {"sx": 2, "sz": 1})
    both = merge(d3, d4)
    assert versions.live(both) == (b"D3", b"D4")
    d5 = put(d4, both.clock, "sx", b"D5")
    assert (d5.clock, versions.live(d5)) == ({"sx": 3, "sy": 1, "sz": 1}, (b"D5",))
    assert merge(both, d5) is d5


def test_read_modify_write_in_turns_leaves_two_siblings() -> None:
    """basho/riak_test sibling_explosion: what each client has not seen is the other's last write, no more."""
    state = put(None, {}, "a", b"0")
    contexts = [state.clock, state.clock]
    for number in range(1, 100):
        client = number % 2
        state = put(state, contexts[client], "a", b"%d" % number)
        contexts[client] = state.clock
        assert len(state.siblings) <= 2
    assert len(state.siblings) == 2


def test_a_blind_write_is_concurrent_with_everything() -> None:
    state = put(put(None, {}, "a", b"1"), {}, "a", b"2")
    assert versions.live(state) == (b"1", b"2")
    assert [s.dot for s in state.siblings] == [("a", 1), ("a", 2)]


def test_a_write_to_a_node_that_holds_nothing_supersedes_what_the_client_saw() -> None:
    elsewhere = put(None, {}, "a", b"old")
    fallback = put(None, elsewhere.clock, "b", b"new")
    assert merge(elsewhere, fallback) is fallback
    assert versions.live(fallback) == (b"new",)


def test_a_dot_is_never_inside_its_own_context() -> None:
    """A coordinator that is behind its own actor would otherwise write a version that is born superseded."""
    ahead = put(put(None, {}, "a", b"1"), {"a": 1}, "a", b"2")
    late = put(put(None, {}, "a", b"1"), ahead.clock, "a", b"3")
    assert [s.dot for s in late.siblings] == [("a", 3)]
    assert versions.live(merge(ahead, late)) == (b"3",)


def test_siblings_are_in_the_order_of_their_dots() -> None:
    state = merge(put(None, {}, "z", b"1"), put(None, {}, "a", b"2"))
    assert [s.dot for s in state.siblings] == [("a", 1), ("z", 1)]
    assert [s.dot for s in put(state, {}, "m", b"3").siblings] == [("a", 1), ("m", 1), ("z", 1)]


def test_states_given_are_never_changed() -> None:
    a, b = put(None, {}, "a", b"1"), put(None, {}, "b", b"2")
    context = {"a": 1}
    merge(a, b)
    put(a, context, "c", b"3")
    put(a, a.clock, "a", b"3")
    assert (a.clock, b.clock, context) == ({"a": 1}, {"b": 1}, {"a": 1})


def test_merge_says_by_identity_that_nothing_changed() -> None:
    old = put(None, {}, "a", b"1")
    new = put(old, old.clock, "a", b"2")
    equal = Versions(dict(new.clock), new.siblings)
    assert merge(new, old) is new
    assert merge(old, new) is new
    assert merge(new, equal) is new


def test_two_values_under_one_dot_still_converge() -> None:
    """Only a broken store does this; replicas must agree on one of them all the same."""
    a, b = put(None, {}, "a", b"1"), put(None, {}, "a", b"2")
    assert merge(a, b) == merge(b, a) == b


def test_delete_then_rewrite() -> None:
    first = put(None, {}, "a", b"1")
    gone = delete(first, first.clock, "b")
    assert (versions.is_tombstone(gone), versions.live(gone)) == (True, ())
    assert merge(gone, first) is gone
    again = put(gone, gone.clock, "b", b"2")
    assert (versions.is_tombstone(again), versions.live(again)) == (False, (b"2",))
    assert merge(again, merge(first, gone)) is again


def test_a_delete_spares_what_it_has_not_seen() -> None:
    seen, unseen = put(None, {}, "a", b"seen"), put(None, {}, "b", b"unseen")
    state = delete(merge(seen, unseen), seen.clock, "c")
    assert versions.live(state) == (b"unseen",)
    assert not versions.is_tombstone(state)


def test_nothing_is_no_tombstone() -> None:
    assert not versions.is_tombstone(Versions({"a": 1}, ()))
    assert versions.live(None) == ()


def test_clocks_compare_absent_actors_as_zero() -> None:
    assert versions.descends({"a": 1, "b": 1}, {"a": 1})
    assert versions.descends({}, {})
    assert not versions.descends({"a": 1}, {"b": 1})
    assert not versions.descends({"a": 9}, {"a": 1, "b": 1})


def test_dominates_is_strict() -> None:
    old = put(None, {}, "a", b"1")
    new, other = put(old, old.clock, "a", b"2"), put(None, {}, "b", b"3")
    assert versions.dominates(new, old)
    assert not versions.dominates(old, new)
    assert not versions.dominates(new, new)
    assert not versions.dominates(new, other)
    assert versions.dominates(merge(new, other), other)


def test_digest_depends_on_contents_not_on_order() -> None:
    s, t = Sibling(("a", 1), b"1"), Sibling(("b", 1), b"2")
    digest = versions.digest(Versions({"a": 1, "b": 1}, (s, t)))
    assert len(digest) == 8
    assert digest == versions.digest(Versions({"b": 1, "a": 1}, (t, s)))
    others = [
        Versions({"a": 1, "b": 2}, (s, t)),
        Versions({"a": 1, "b": 1}, (s,)),
        Versions({"a": 1, "b": 1}, (s, Sibling(("b", 1), b"3"))),
        Versions({"a": 1, "b": 1}, (s, Sibling(("b", 1), b"2", True))),
        Versions({"a": 1, "b": 1}, (s, Sibling(("b", 1), b"2", False, 1))),
    ]
    assert len({digest, *map(versions.digest, others)}) == 6


def test_context_of_nothing_is_empty() -> None:
    assert versions.encode_context(None) == versions.encode_context({}) == b""
    assert versions.decode_context(b"") == {}


def test_context_is_the_same_for_a_state_and_its_clock() -> None:
    state = merge(put(None, {}, "b", b"1"), put(None, {}, "a", b"2"))
    context = versions.encode_context(state)
    assert context == versions.encode_context({"a": 1, "b": 1})
    assert versions.decode_context(context) == state.clock


def sealed(body: bytes) -> bytes:
    """A body under a correct checksum: what only the inner checks can refuse."""
    from zlib import crc32

    return crc32(body).to_bytes(4, "little") + body


@pytest.mark.parametrize(
    "context",
    [
        b"\0",
        b"abc",
        b"no context of this store",
        sealed(b""),
        sealed(b"\x90"),  # no actors at all: the empty context is empty
        sealed(b"\xa1a"),  # text
        sealed(b"\x91\x92\xa1a\x00"),  # a counter of zero
        sealed(b"\x91\x92\xa1a\xff"),  # minus one
        sealed(b"\x92\x92\xa1b\x01\x92\xa1a\x01"),  # not sorted
        sealed(b"\x92\x92\xa1a\x01\x92\xa1a\x02"),  # the same actor twice
    ],
)
def test_a_foreign_context_is_refused(context: bytes) -> None:
    with pytest.raises(ContextError, match="context"):
        versions.decode_context(context)
