"""Laws of versions, on states that a cluster can reach, against a model that keeps whole histories.

The model keeps the plain set of all dots ever seen where the store keeps a clock, so it needs no cleverness
to know what a write or a merge must leave.
"""

from random import Random
from typing import NamedTuple

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from store import versions
from store.versions import Clock, ContextError, Dot, Versions

REPLICAS = 3


class Model(NamedTuple):
    """What a replica has seen, and which of it nobody has replaced."""

    seen: frozenset[Dot] = frozenset()
    kept: frozenset[Dot] = frozenset()


class Write(NamedTuple):
    """A client writes at a replica with the context of the `read`-th state so far (or with none)."""

    replica: int
    read: int | None
    deleted: bool


class Sync(NamedTuple):
    """A replica receives an earlier state: replication, handoff, repair, anti-entropy."""

    replica: int
    state: int


Step = Write | Sync
steps = st.lists(
    st.one_of(
        st.builds(Write, st.integers(0, REPLICAS - 1), st.none() | st.integers(0, 99), st.booleans()),
        st.builds(Sync, st.integers(0, REPLICAS - 1), st.integers(0, 99)),
    ),
    min_size=1,
    max_size=25,
)


class Cluster:
    """Replicas that follow the steps, each beside its model. `states` are all that ever existed."""

    def __init__(self, script: list[Step]) -> None:
        self.states: list[tuple[Versions, Model]] = []
        self.replicas: list[tuple[Versions | None, Model]] = [(None, Model())] * REPLICAS
        for time, step in enumerate(script):
            self.take(step, time)

    def take(self, step: Step, time: int) -> None:
        local, model = self.replicas[step.replica]
        if isinstance(step, Write):
            changed = self.write(step, time, local, model)
        elif self.states:
            changed = self.sync(self.states[step.state % len(self.states)], local, model)
        else:
            return
        self.replicas[step.replica] = changed
        self.states.append(changed)

    def write(self, step: Write, time: int, local: Versions | None, model: Model) -> tuple[Versions, Model]:
        context: Clock = {}
        read = Model()
        if step.read is not None and self.states:
            state, read = self.states[step.read % len(self.states)]
            context = versions.decode_context(versions.encode_context(state))
        after = versions.write(local, context, f"n{step.replica}", b"%d" % time, step.deleted, time)
        dot = next(s.dot for s in after.siblings if s.stamp == time)
        assert dot not in model.seen | read.seen, "a dot was given out twice"
        return after, Model(model.seen | read.seen | {dot}, model.kept - read.seen | {dot})

    def sync(
        self, other: tuple[Versions, Model], local: Versions | None, mine: Model
    ) -> tuple[Versions, Model]:
        state, theirs = other
        kept = (mine.kept & theirs.kept) | (mine.kept - theirs.seen) | (theirs.kept - mine.seen)
        merged = state if local is None else versions.merge(local, state)
        return merged, Model(mine.seen | theirs.seen, kept)


def reached(script: list[Step]) -> list[Versions]:
    return [state for state, _ in Cluster(script).states]


three_states = st.tuples(steps, st.integers(0, 99), st.integers(0, 99), st.integers(0, 99))
Three = tuple[list[Step], int, int, int]


def pick(three: Three) -> tuple[Versions, Versions, Versions]:
    states = reached(three[0])
    assume(states)
    a, b, c = (states[number % len(states)] for number in three[1:])
    return a, b, c


@settings(deadline=None)
@given(steps)
def test_states_say_what_whole_histories_say(script: list[Step]) -> None:
    for state, model in Cluster(script).states:
        assert {s.dot for s in state.siblings} == model.kept
        seen = {(actor, n) for actor, last in state.clock.items() for n in range(1, last + 1)}
        assert seen == model.seen


@settings(deadline=None)
@given(steps)
def test_states_are_well_formed(script: list[Step]) -> None:
    for state in reached(script):
        dots = [s.dot for s in state.siblings]
        assert dots == sorted(set(dots))
        assert all(state.clock[actor] >= counter for actor, counter in dots)


@settings(deadline=None)
@given(three_states)
def test_merge_is_a_join(three: Three) -> None:
    merge = versions.merge
    a, b, c = pick(three)
    assert merge(a, a) == a
    assert merge(a, b) == merge(b, a)
    assert merge(merge(a, b), c) == merge(a, merge(b, c))
    assert merge(merge(a, b), b) == merge(a, b)


@settings(deadline=None)
@given(three_states)
def test_merge_returns_what_it_was_given_when_that_is_the_answer(three: Three) -> None:
    a, b, _ = pick(three)
    merged = versions.merge(a, b)
    if merged == a:
        assert merged is a
    elif merged == b:
        assert merged is b


@settings(deadline=None)
@given(three_states)
def test_dominance_is_a_strict_order(three: Three) -> None:
    dominates = versions.dominates
    a, b, c = pick(three)
    assert not dominates(a, a)
    assert not (dominates(a, b) and dominates(b, a))
    assert not (dominates(a, b) and dominates(b, c)) or dominates(a, c)
    assert dominates(a, b) == (versions.descends(a.clock, b.clock) and a != b)


@settings(deadline=None)
@given(three_states)
def test_digests_agree_exactly_when_states_do(three: Three) -> None:
    a, b, _ = pick(three)
    assert (versions.digest(a) == versions.digest(b)) == (a == b)
    shuffled = Versions(dict(reversed(a.clock.items())), a.siblings)
    assert versions.digest(shuffled) == versions.digest(a)


@settings(deadline=None)
@given(steps, st.randoms(use_true_random=False))
def test_replicas_converge_whatever_the_order(script: list[Step], random: Random) -> None:
    states = reached(script)
    assume(states)
    ends = []
    for _ in range(2):
        random.shuffle(states)
        end = states[0]
        for state in states[1:]:
            end = versions.merge(end, state)
        ends.append(end)
    assert ends[0] == ends[1]


clocks = st.dictionaries(st.text(max_size=5), st.integers(1, 2**40), max_size=6)


@settings(deadline=None)
@given(clocks, clocks)
def test_join_is_the_least_upper_bound(a: Clock, b: Clock) -> None:
    joined = versions.join(a, b)
    assert joined == {actor: max(a.get(actor, 0), b.get(actor, 0)) for actor in {*a, *b}}
    assert versions.descends(joined, a)
    assert versions.descends(joined, b)
    assert versions.descends(a, b) == (joined == a)


@settings(deadline=None)
@given(clocks)
def test_contexts_survive_the_way_to_the_client_and_back(clock: Clock) -> None:
    context = versions.encode_context(clock)
    assert versions.decode_context(context) == clock
    assert versions.encode_context(dict(reversed(clock.items()))) == context


@settings(deadline=None)
@given(clocks.filter(bool), st.data())
def test_damaged_contexts_are_found(clock: Clock, data: st.DataObject) -> None:
    context = versions.encode_context(clock)
    place = data.draw(st.integers(0, len(context) - 1))
    flipped = bytearray(context)
    flipped[place] ^= data.draw(st.integers(1, 255))
    cut = context[: max(1, place)]
    for damaged in (bytes(flipped), context + b"\0", *([cut] if cut != context else [])):
        with pytest.raises(ContextError):
            versions.decode_context(damaged)


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_are_a_context_or_refused(context: bytes) -> None:
    try:
        clock = versions.decode_context(context)
    except ContextError:
        return
    assert versions.encode_context(clock) == context
