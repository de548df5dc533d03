"""A log torn at any byte gives back a prefix of its commits; one damaged before its end is never accepted."""

from hypothesis import given, settings
from hypothesis import strategies as st

from store.effects import EpochRecord, HintRecord, ObjectRecord, Record
from store.engine.log import decode_log, encode_frame
from store.versions import Sibling, Versions

siblings = st.builds(
    Sibling,
    st.tuples(st.sampled_from("ab"), st.integers(1, 5)),
    st.binary(max_size=40),
    st.booleans(),
    st.integers(0, 9),
)
states = st.builds(
    Versions,
    st.dictionaries(st.sampled_from("ab"), st.integers(1, 5), max_size=2),
    st.lists(siblings, max_size=2).map(tuple),
)
records = st.one_of(
    st.builds(EpochRecord, st.integers(1, 2**50)),
    st.builds(ObjectRecord, st.binary(max_size=5), st.none() | states),
    st.builds(HintRecord, st.sampled_from(["n1", "n2"]), st.binary(max_size=5), st.none() | states),
)
commits = st.lists(st.lists(records, min_size=1, max_size=3), min_size=1, max_size=4)


def flat(groups: list[list[Record]]) -> list[Record]:
    return [record for group in groups for record in group]


@settings(max_examples=40)
@given(commits)
def test_torn_at_every_byte(groups: list[list[Record]]) -> None:
    frames = [encode_frame(group) for group in groups]
    data = b"".join(frames)
    ends = [sum(map(len, frames[:count])) for count in range(len(frames) + 1)]
    for length in range(len(data) + 1):
        whole = sum(end <= length for end in ends) - 1
        read, good, problem = decode_log(data[:length])
        assert read == flat(groups[:whole])
        assert good == ends[whole]
        if length == ends[whole]:
            assert problem is None
        else:
            assert problem is not None
            assert (problem.kind, problem.offset) == ("torn", ends[whole])


@given(commits, st.data())
def test_a_flipped_bit_is_torn_in_the_last_frame_and_damage_before(
    groups: list[list[Record]], data: st.DataObject
) -> None:
    frames = [encode_frame(group) for group in groups]
    log = bytearray(b"".join(frames))
    bit = data.draw(st.integers(0, len(log) * 8 - 1))
    log[bit // 8] ^= 1 << bit % 8
    hit = next(i for i in range(len(frames)) if bit // 8 < sum(map(len, frames[: i + 1])))
    read, good, problem = decode_log(bytes(log))
    assert read == flat(groups[:hit])
    assert good == sum(map(len, frames[:hit]))
    assert problem is not None
    assert problem.kind == ("torn" if hit == len(frames) - 1 else "damaged")


@given(commits, st.data())
def test_pages_of_the_last_commit_that_never_arrived_are_torn(
    groups: list[list[Record]], data: st.DataObject
) -> None:
    """Any stretch of the last frame reads as zeros, whatever of it came later on the disk."""
    frames = [encode_frame(group) for group in groups]
    last = len(frames[-1])
    start = data.draw(st.integers(0, last - 1))
    stop = data.draw(st.integers(start + 1, last))
    hole = frames[-1][:start] + bytes(stop - start) + frames[-1][stop:]
    if hole == frames[-1]:
        return
    read, _, problem = decode_log(b"".join(frames[:-1]) + hole)
    assert read == flat(groups[:-1])
    assert problem is not None
    assert problem.kind == "torn"


@given(st.binary(max_size=300))
def test_garbage_is_a_problem_and_never_an_exception(garbage: bytes) -> None:
    read, good, problem = decode_log(garbage)
    assert (read, good) == ([], 0)
    assert (problem is None) == (garbage == b"")
