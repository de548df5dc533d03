"""One law for each combinator, over generators and latencies that Hypothesis makes up."""

import itertools
from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from checker.operation import Operation, OpType
from tests.playing import MS, Answer, context, invocations, names, play
from workloads.choice import each_process, keyed, mix
from workloads.combinators import final, limit, numbered, on_key, phases, repeat, sequence, synchronize, until
from workloads.draw import Draw
from workloads.generator import Emit, Generator, validate
from workloads.interpreter import from_invocation
from workloads.pace import every, stagger, time_limit

LETTERS = "abcdef"
ENDS: tuple[OpType, ...] = ("ok", "fail", "info")

lists = st.lists(st.sampled_from(LETTERS), max_size=8)
draws = st.integers(0, 2**64 - 1).map(Draw)


def emits(fs: list[str]) -> Generator:
    """These, in order."""
    return sequence(*(Emit(Operation(process=0, type="invoke", f=f)) for f in fs))


@st.composite
def answers(draw: Any) -> Answer:
    """Latencies and ends that depend on how many operations there were before."""
    latencies = draw(st.lists(st.integers(0, 20 * MS), min_size=1, max_size=6))
    ends = draw(st.lists(st.sampled_from(ENDS), min_size=1, max_size=6))
    count = 0

    def answer(invocation: Operation) -> tuple[int, Operation]:
        nonlocal count
        count += 1
        completion = from_invocation(invocation, ends[count % len(ends)])
        return latencies[count % len(latencies)], completion

    return answer


@given(st.lists(lists, max_size=4), answers())
def test_sequence_is_concatenation(parts: list[list[str]], answer: Answer) -> None:
    history = play(sequence(*map(emits, parts)), answer)
    assert names(history) == [f for part in parts for f in part]


@given(lists, st.integers(0, 4), answers())
def test_repeat_is_repetition(fs: list[str], times: int, answer: Answer) -> None:
    assert names(play(repeat(emits(fs), times), answer)) == fs * times


@given(lists, st.integers(0, 30), answers())
def test_limit_takes_a_prefix(fs: list[str], count: int, answer: Answer) -> None:
    assert names(play(limit(count, emits(fs)), answer)) == fs[:count]


@given(lists.filter(bool), st.integers(0, 30), answers())
def test_limit_ends_what_is_endless(fs: list[str], count: int, answer: Answer) -> None:
    assert names(play(limit(count, repeat(emits(fs))), answer)) == (fs * count)[:count]


@given(st.lists(lists.filter(bool), min_size=1, max_size=4), answers())
def test_a_phase_starts_when_the_one_before_has_completed(parts: list[list[str]], answer: Answer) -> None:
    history = play(phases(*map(emits, parts)), answer)
    assert names(history) == [f for part in parts for f in part]
    boundaries = [sum(len(part) for part in parts[: i + 1]) for i in range(len(parts))]
    begun = ended = 0
    for operation in history:
        if operation.type == "invoke":
            assert begun not in boundaries or ended == begun
            begun += 1
        else:
            ended += 1


@given(lists, lists, answers())
def test_synchronize_waits_for_everything_before(fs: list[str], more: list[str], answer: Answer) -> None:
    history = play(sequence(emits(fs), synchronize(emits([f.upper() for f in more]))), answer)
    first = next((i for i, op in enumerate(history) if op.f.isupper()), len(history))
    assert sum(op.type != "invoke" for op in history[:first]) >= (len(fs) if more else 0)
    assert names(history) == fs + [f.upper() for f in more]


@given(st.integers(1, 200), st.integers(0, 30), answers())
def test_nothing_is_emitted_after_the_time_limit(duration_ms: int, gap_ms: int, answer: Answer) -> None:
    # At least 1 ms apart, or a store that answers at once would be asked for ever at time 0.
    endless = every((gap_ms + 1) * MS, repeat(emits(["a"])))
    times = [op.time for op in invocations(play(time_limit(duration_ms * MS, endless), answer))]
    assert times
    assert all(time < times[0] + duration_ms * MS for time in times)


@given(st.integers(0, 50), st.integers(1, 30), answers())
def test_every_keeps_its_distance(gap_ms: int, count: int, answer: Answer) -> None:
    history = play(every(gap_ms * MS, limit(count, repeat(emits(["a"])))), answer)
    times = [op.time for op in invocations(history)]
    assert len(times) == count
    assert all(b - a >= gap_ms * MS for a, b in itertools.pairwise(times))


@settings(max_examples=20)
@given(draws, st.integers(1, 40))
def test_stagger_has_the_rate_that_was_asked_for(draw: Draw, gap_ms: int) -> None:
    many = stagger(gap_ms * MS, draw, limit(400, repeat(emits(["a"]))))
    history = play(many, lambda op: (0, from_invocation(op, "ok")))
    times = [op.time for op in invocations(history)]
    gaps = [b - a for a, b in itertools.pairwise(times)]
    assert all(0 <= gap <= 2 * gap_ms * MS for gap in gaps)
    # The mean of 399 uniform gaps: its standard deviation is 2.9 % of the interval.
    assert 0.82 < sum(gaps) / len(gaps) / (gap_ms * MS) < 1.18


@given(draws, st.lists(lists, max_size=4), answers())
def test_mix_is_an_interleaving(draw: Draw, parts: list[list[str]], answer: Answer) -> None:
    marked = [[f"{f}{i}" for f in part] for i, part in enumerate(parts)]
    emitted = names(play(mix(draw, map(emits, marked)), answer))
    assert [[f for f in emitted if f[-1] == str(i)] for i in range(len(parts))] == marked
    assert len(emitted) == sum(map(len, marked))


@given(draws, st.dictionaries(st.sampled_from("xyz"), lists), answers())
def test_keyed_gives_each_key_its_own(draw: Draw, parts: dict[str, list[str]], answer: Answer) -> None:
    history = invocations(play(keyed(draw, parts, lambda key: emits(parts[key])), answer))
    assert {key: [op.f for op in history if op.key == key] for key in parts} == parts
    assert len(history) == sum(map(len, parts.values()))


@given(lists, st.integers(1, 4), st.one_of(st.none(), st.integers(0, 5)), answers())
def test_each_process_emits_what_one_would_alone(
    fs: list[str], processes: int, count: int | None, answer: Answer
) -> None:
    history = invocations(play(each_process(emits(fs), count), answer, processes))
    by_thread: dict[int, list[str]] = {}
    for operation in history:
        assert isinstance(operation.process, int)
        by_thread.setdefault(operation.process % processes, []).append(operation.f)
    threads = range(processes if count is None else min(count, processes))
    assert by_thread == (dict.fromkeys(threads, fs) if fs else {})


@given(st.lists(st.sampled_from(ENDS), max_size=12), st.integers(1, 3))
def test_until_emits_nothing_after_its_success(ends: list[OpType], processes: int) -> None:
    left = iter(ends)
    tries = limit(20, until(repeat(emits(["try"])), lambda event: event.type == "ok"))
    history = play(tries, lambda op: (MS, from_invocation(op, next(left, "ok"))), processes)
    first = next(i for i, op in enumerate(history) if op.type == "ok")
    assert all(op.type != "invoke" for op in history[first:])


@given(lists, st.sampled_from("xyz"), answers())
def test_on_key_and_final_change_nothing_else(fs: list[str], key: str, answer: Answer) -> None:
    history = invocations(play(on_key(key, final(emits(fs))), answer))
    assert [(op.f, op.key, op.final) for op in history] == [(f, key, True) for f in fs]


@given(lists, st.sets(st.sampled_from(LETTERS)), answers())
def test_numbered_numbers_writes_in_order(fs: list[str], writes: set[str], answer: Answer) -> None:
    history = invocations(play(numbered(writes, emits(fs)), answer))
    assert [op.f for op in history] == fs
    ids = [op.write for op in history if op.f in writes]
    assert ids == [f"w{number + 1}" for number in range(len(ids))]
    assert all(op.write is None for op in history if op.f not in writes)


@given(lists, answers())
def test_validate_changes_nothing(fs: list[str], answer: Answer) -> None:
    assert names(play(validate(emits(fs)), answer)) == fs


@given(draws, st.lists(lists, min_size=1, max_size=3), st.integers(0, 10), st.sets(st.integers(0, 2)))
def test_asking_twice_gives_the_same_answer(
    draw: Draw, parts: list[list[str]], time: int, free: set[int]
) -> None:
    """`op` is pure: the generator is what it was, and says what it said."""
    generator: Generator = stagger(
        5, draw.split(1), mix(draw, (each_process(emits(parts[0])), phases(*map(emits, parts))))
    )
    for step in range(6):
        moment = context(time + 20 * step, tuple(sorted(free)))
        first = generator.op(moment)
        assert generator.op(moment) == first
        if isinstance(first, tuple):
            generator = first[1]


@given(draws, st.integers(1, 12))
def test_draws_are_within_their_limit_and_even(draw: Draw, limit_: int) -> None:
    counts: Counter[int] = Counter()
    for _ in range(60 * limit_):
        number, draw = draw.below(limit_)
        counts[number] += 1
    assert set(counts) <= set(range(limit_))
    assert max(counts.values()) < 60 * 2.5
