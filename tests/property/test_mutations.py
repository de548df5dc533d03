"""Every checker of the registry against five kinds of damage to runs that are right.

    drop        an acknowledged update is lost for good, or not in the history although others saw it
    swap        two answers, or two operations, change places
    stale       an answer is older than what it had to be
    duplicate   something takes effect twice, or is shown twice
    lost tail   the last update is lost, or the last look is

The undamaged runs are all valid, and every damage is found in every run.  Where a checker cannot find one in
principle, the table says why, and the test asserts that it indeed does not: a checker that starts to accuse
such runs is wrong, and one that starts to find them deserves a better entry here.
"""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from checker.formats.convert import write
from checker.formats.load import load
from checker.history import History
from checker.registry import CHECKERS, check
from checker.verdict import Validity
from tests.property import right_runs as right
from tests.property.dynamo_damage import (
    DYNAMO,
    FINAL,
    FINAL_CART,
    FINAL_OTHER,
    KINDS,
    STEPS,
    DynamoRow,
    scripted,
    unseen,
)
from tests.property.right_runs import Call, Family, Run, right_run

RUNS = 12

Tail = list[Call]
Damage = Callable[[Tail], Tail]


class Hidden(NamedTuple):
    """A damage that the checker cannot call a violation, and why; None where there is nothing to damage."""

    why: str
    damage: Damage | None = None
    verdict: Validity = Validity.VALID


class Row(NamedTuple):
    """A checker by name (`title` where a name has several rows) with its options, and what it must find."""

    title: str
    options: dict[str, Any]
    family: Family
    damages: dict[str, Damage | Hidden]

    @property
    def name(self) -> str:
        return self.title.split()[0]


# --- damages ---------------------------------------------------------------------------------------


def answers(at: int, change: Any) -> Damage:
    """The answer of a call is another: a value, or what a function makes of it."""

    def damage(tail: Tail) -> Tail:
        made = change(tail[at].answer) if callable(change) else change
        place = at % len(tail)
        return [*tail[:place], tail[place]._replace(answer=made), *tail[place + 1 :]]

    return damage


def without(at: int) -> Damage:
    """A call is not in the history."""
    return lambda tail: [call for place, call in enumerate(tail) if place != at % len(tail)]


def swapped(one: int, other: int) -> Damage:
    """Two calls get each other's answers."""

    def damage(tail: Tail) -> Tail:
        made = list(tail)
        made[one] = tail[one]._replace(answer=tail[other].answer)
        made[other] = tail[other]._replace(answer=tail[one].answer)
        return made

    return damage


def moved(one: int, other: int) -> Damage:
    """Two calls change places."""

    def damage(tail: Tail) -> Tail:
        made = list(tail)
        made[one], made[other] = tail[other], tail[one]
        return made

    return damage


def again(at: int) -> Damage:
    """A call is there once more, after the last."""
    return lambda tail: [*tail, tail[at]]


def both(*damages: Damage) -> Damage:
    """One damage after the other."""

    def damage(tail: Tail) -> Tail:
        for each in damages:
            tail = each(tail)
        return tail

    return damage


def lacking(element: int) -> Callable[[list[int]], list[int]]:
    return lambda shown: [each for each in shown if each != element]


def steps(*values: Any) -> Callable[[list[Any]], list[Any]]:
    """What the steps of a transaction returned; of writes their own value."""
    return lambda done: [[f, k, value] for (f, k, _), value in zip(done, values, strict=True)]


def step(change: Callable[[Any], Any]) -> Callable[[list[Any]], list[Any]]:
    """What the first step of a transaction returned."""
    return lambda done: [[done[0][0], done[0][1], change(done[0][2])], *done[1:]]


# --- linearizability -------------------------------------------------------------------------------

READS: dict[str, Damage | Hidden] = {
    "drop": without(2),
    "swap": swapped(1, 3),
    "stale": answers(3, 101),
    "duplicate": answers(4, 101),
    "lost tail": answers(6, 102),
}
"""Of w101 r1 w102 r1 r2 w103 r2: a duplicate is the first write taking effect once more."""

LINEARIZABLE = [
    Row("register", {}, right.REGISTER, READS),
    Row("cas-register", {}, right.CAS, READS | {"duplicate": again(2)}),
    Row(
        "multi-register",
        {},
        right.MULTI,
        {
            "drop": without(2),
            "swap": swapped(1, 4),
            "stale": answers(3, steps(101, 101)),
            "duplicate": answers(4, steps(101)),
            "lost tail": answers(6, steps(102)),
        },
    ),
    Row(
        "mutex",
        {},
        right.LOCK._replace(body=lambda rng, n: ("release", None) if n % 2 else ("acquire", None)),
        {
            "drop": without(1),
            "swap": moved(1, 2),
            "stale": Hidden("a lock shows nothing that could be old"),
            "duplicate": lambda tail: [*tail[:5], tail[4], *tail[5:]],
            "lost tail": Hidden("nobody asks for the lock that was never released", without(-1)),
        },
    ),
    Row(
        "kv",
        {},
        right.TEXTS,
        {
            "drop": without(2),
            "swap": swapped(1, 3),
            "stale": answers(4, "a"),
            "duplicate": answers(6, "abcc"),
            "lost tail": answers(6, "ab"),
        },
    ),
    Row(
        "fifo-queue",
        {},
        right.FIFO,
        {
            "drop": lambda tail: [call for call in tail if call.answer != 102 or call.f != "dequeue"],
            "swap": lambda tail: swapped(
                *(at for at, c in enumerate(tail) if c.answer in (101, 102) and c.f == "dequeue")
            )(tail),
            "stale": answers(3, None),
            "duplicate": answers(-1, 103),
            "lost tail": Hidden(
                "an element that nobody took out may still be inside",
                lambda tail: [*tail[:3], *(call for call in tail[3:] if call.answer not in (103, None))],
            ),
        },
    ),
    Row(
        "linearizable set",
        {"model": "set"},
        right.SET,
        {
            "drop": answers(6, lacking(101)),
            "swap": swapped(1, 3),
            "stale": answers(3, lacking(102)),
            "duplicate": Hidden(
                "the model compares sets; `set` and `set-full` report it",
                answers(6, lambda shown: [*shown, shown[0]]),
            ),
            "lost tail": answers(6, lacking(103)),
        },
    ),
    Row(
        "linearizable counter",
        {"model": "counter"},
        right.COUNTER,
        {
            "drop": without(2),
            "swap": swapped(1, 3),
            "stale": answers(3, lambda sum_: sum_ - 5),
            "duplicate": answers(6, lambda sum_: sum_ + 3),
            "lost tail": answers(6, lambda sum_: sum_ - 3),
        },
    ),
]

# --- classic ---------------------------------------------------------------------------------------

UNORDERED = "only what went in and came out counts, not the order"

CLASSIC = [
    Row(
        "set",
        {},
        right.SET,
        {
            "drop": answers(6, lacking(101)),
            "swap": swapped(1, 6),
            "stale": Hidden("only the final read is judged", answers(3, lacking(102))),
            "duplicate": answers(6, lambda shown: [*shown, shown[0]]),
            "lost tail": answers(6, lacking(103)),
        },
    ),
    Row(
        "set never read",
        {},
        right.SET._replace(body=lambda rng, n: ("add", n)),
        {
            kind: Hidden(
                "without a final read nothing is known of the set",
                lambda tail: [call for call in tail if call.f == "add"],
                Validity.UNKNOWN,
            )
            for kind in KINDS
        },
    ),
    Row(
        "set-full",
        {"linearizable?": True},
        right.SET,
        {
            "drop": answers(6, lacking(101)),
            "swap": swapped(1, 6),
            "stale": answers(3, lacking(102)),
            "duplicate": answers(3, lambda shown: [*shown, shown[0]]),
            "lost tail": answers(6, lacking(103)),
        },
    ),
    Row(
        "set-full relaxed",
        {},
        right.SET,
        {
            "drop": both(answers(4, lacking(101)), answers(6, lacking(101))),
            "swap": swapped(1, 6),
            "stale": Hidden("without `linearizable?` a stale read is counted", answers(3, lacking(102))),
            "duplicate": answers(6, lambda shown: [*shown, shown[-1]]),
            "lost tail": answers(6, lacking(103)),
        },
    ),
    Row(
        "counter",
        {},
        right.COUNTER,
        {
            "drop": without(2),
            "swap": swapped(1, 3),
            "stale": answers(3, lambda sum_: sum_ - 5),
            "duplicate": answers(6, lambda sum_: sum_ + 3),
            "lost tail": answers(6, lambda sum_: sum_ - 3),
        },
    ),
    Row(
        "queue",
        {},
        right.QUEUE,
        {
            "drop": without(1),
            "swap": Hidden(UNORDERED, swapped(4, 9)),
            "stale": answers(4, None),
            "duplicate": answers(9, lambda _: 101),
            "lost tail": Hidden("what nobody took out may still be inside", without(-1)),
        },
    ),
    Row(
        "total-queue",
        {},
        right.QUEUE,
        {
            "drop": without(8),
            "swap": Hidden(UNORDERED, swapped(4, 9)),
            "stale": answers(4, None),
            "duplicate": Hidden("most queues deliver at least once: counted", again(8)),
            "lost tail": without(-1),
        },
    ),
    Row(
        "unique-ids",
        {},
        right.IDS,
        {
            "drop": Hidden("an id that nobody received cannot clash", without(2)),
            "swap": Hidden("ids have no order", swapped(1, 4)),
            "stale": answers(6, lambda _: 3),
            "duplicate": again(2),
            "lost tail": Hidden("an id that nobody received cannot clash", without(-1)),
        },
    ),
    Row(
        "bank",
        {"total-amount": 30, "accounts": ["a", "b", "c"]},
        right.BANK,
        {
            "drop": answers(3, lambda held: held | {"a": held["a"] + 1}),
            "swap": Hidden("every snapshot adds up, in whatever order", swapped(1, 6)),
            "stale": Hidden("an old snapshot adds up as well", lambda tail: answers(6, tail[1].answer)(tail)),
            "duplicate": answers(3, lambda held: held | {"c": held["c"] + 1}),
            "lost tail": Hidden(
                "a transfer that is lost as a whole keeps the total",
                lambda tail: answers(6, tail[4].answer)(tail),
            ),
        },
    ),
    Row(
        "long-fork",
        {},
        right.FORK,
        {
            "drop": answers(3, steps(None, 1)),
            "swap": Hidden("states form a chain, whoever saw them when", swapped(1, 3)),
            "stale": Hidden("an old state belongs to the chain", answers(3, steps(1, None))),
            "duplicate": Hidden("the check needs one write to a key", again(0), Validity.UNKNOWN),
            "lost tail": Hidden("an old state belongs to the chain", answers(4, steps(1, None))),
        },
    ),
    Row(
        "causal-reverse",
        {},
        right.LOG,
        {
            "drop": answers(3, lacking(101)),
            "swap": Hidden("a read is compared with the order of writes only", swapped(1, 3)),
            "stale": Hidden("a read may miss the last writes", answers(3, lambda _: [])),
            "duplicate": Hidden("what is shown twice is shown", answers(3, lambda shown: [*shown, shown[0]])),
            "lost tail": Hidden("a read may miss the last writes", answers(6, lacking(103))),
        },
    ),
    Row(
        "stats",
        {},
        right.SET,
        {
            kind: Hidden("outcomes are counted, whatever was answered", damage)
            for kind, damage in {
                "drop": without(0),
                "swap": swapped(1, 3),
                "stale": answers(3, lambda _: []),
                "duplicate": again(0),
                "lost tail": without(-1),
            }.items()
        },
    ),
]

# --- transactions ----------------------------------------------------------------------------------

REAL_TIME = {"linearizable-keys?": True}
TWICE = Hidden("values that are written twice do not say who was read", again(0), Validity.UNKNOWN)
ONE_BY_ONE = "each of the two reads is fine alone, and the level does not compare reads of a session"
NOT_FRESH = "the level does not promise to see the last write"

FRACTURED = answers(11, steps(301, 103))
"""R3 sees one of two writes of a transaction and not the other."""
OWN = answers(6, steps(101, 103))
"""W1 does not see its own last write of x."""
BACK = answers(7, steps(101, 103))
"""R2 saw 102 before; and the write of y = 103 came after it in the session of W1."""
EFFECT = answers(9, steps(201, 101))
"""R3 sees z, which W2 wrote after it had read x = 102, and an older x."""
TAIL = both(answers(11, steps(102, 103)), answers(12, steps(102)))
"""Nobody sees the last transaction, not even its own client."""
R1_BACK = swapped(1, 3)


def level(name: str, swap: Damage | Hidden, stale: Damage, tail: Damage | Hidden) -> Row:
    damages = {"drop": without(0), "swap": swap, "stale": stale, "duplicate": TWICE, "lost tail": tail}
    return Row(name, {}, right.PAIRS, damages)


TRANSACTIONS = [
    Row(
        "list-append",
        {},
        right.LISTS,
        {
            "drop": answers(6, step(lacking(101))),
            "swap": answers(6, step(lambda shown: [*shown[:-3], 102, 101, 103])),
            "stale": answers(4, step(lacking(102))),
            "duplicate": answers(6, step(lambda shown: [*shown, 103])),
            "lost tail": answers(6, step(lacking(103))),
        },
    ),
    Row(
        "rw-register",
        REAL_TIME,
        right.PAIRS,
        {
            "drop": without(0),
            "swap": R1_BACK,
            "stale": BACK,
            "duplicate": TWICE,
            "lost tail": TAIL,
        },
    ),
    level("read-committed", Hidden(ONE_BY_ONE, R1_BACK), FRACTURED, Hidden(NOT_FRESH, TAIL)),
    level("read-atomic", Hidden(ONE_BY_ONE, R1_BACK), FRACTURED, TAIL),
    level("causal-consistency", R1_BACK, EFFECT, TAIL),
    level("pram", R1_BACK, BACK, TAIL),
    level("read-your-writes", Hidden(ONE_BY_ONE, R1_BACK), OWN, TAIL),
    level("monotonic-reads", R1_BACK, BACK, Hidden(NOT_FRESH, TAIL)),
    level("monotonic-writes", Hidden(ONE_BY_ONE, R1_BACK), BACK, Hidden(NOT_FRESH, TAIL)),
    level("writes-follow-reads", Hidden(ONE_BY_ONE, R1_BACK), EFFECT, Hidden(NOT_FRESH, TAIL)),
    level("snapshot-isolation", R1_BACK, EFFECT, TAIL),
    level("serializable", R1_BACK, EFFECT, TAIL),
]

ROWS = [*LINEARIZABLE, *CLASSIC, *TRANSACTIONS]


def judged(row: Row, run: Run) -> Validity:
    return check(History(run.entries()), row.name, row.options).validity


def runs(row: Row, count: int = RUNS) -> list[Run]:
    asks = 0 if row.name == "mutex" else 16  # Releases of a lock that nobody holds would be damage already.
    return [right_run(row.family, random.Random(seed), asks) for seed in range(count)]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.title)
def test_what_is_right_is_valid(row: Row) -> None:
    for run in runs(row):
        entries = run.entries()
        assert judged(row, run) is (Validity.VALID), entries


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.title)
def test_what_is_damaged_is_found(row: Row, kind: str) -> None:
    damage = row.damages[kind]
    if isinstance(damage, Hidden):
        assert damage.why
        made, wanted = damage.damage, damage.verdict
    else:
        made, wanted = damage, Validity.INVALID
    for run in runs(row) if made is not None else []:
        assert made is not None
        damaged = run._replace(tail=made(run.tail))
        assert damaged != run
        assert judged(row, damaged) is wanted, damaged.entries()


@pytest.mark.parametrize("notation", ["jsonl", "json", "edn", "log"])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.title)
def test_every_notation_tells_the_same(row: Row, notation: str, tmp_path: Path) -> None:
    """A right run and the first damage that is found, written and read back."""
    run = runs(row, count=1)[0]
    damages = [damage for damage in row.damages.values() if not isinstance(damage, Hidden)]
    for damaged in [run, *(run._replace(tail=damage(run.tail)) for damage in damages[:1])]:
        file = tmp_path / f"history.{notation}"
        write(History(damaged.entries()), file, notation)
        wanted = Validity.VALID if damaged is run else Validity.INVALID
        assert check(load(file), row.name, row.options).validity is wanted


# --- Dynamo ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", DYNAMO, ids=lambda row: row.name)
def test_a_dynamo_run_that_is_right_is_valid(row: DynamoRow) -> None:
    assert check(scripted(STEPS), row.name, row.options).validity is Validity.VALID


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("row", DYNAMO, ids=lambda row: row.name)
def test_a_dynamo_run_that_is_damaged_is_found(row: DynamoRow, kind: str) -> None:
    damage, wanted, why = row.damages[kind]
    assert bool(why) == (wanted is not Validity.INVALID)
    steps_ = damage([(name, arguments, dict(more)) for name, arguments, more in STEPS])
    assert steps_ != STEPS
    verdict = check(scripted(steps_), row.name, row.options)
    assert verdict.validity is wanted, verdict.reason


def test_without_a_last_look_nothing_is_said_of_losses() -> None:
    steps_ = unseen(FINAL, FINAL_OTHER, FINAL_CART)(STEPS)
    for name in ("causal", "lost-writes"):
        assert check(scripted(steps_), name, {}).validity is Validity.UNKNOWN


# --- the table is complete -------------------------------------------------------------------------


def test_every_checker_meets_every_damage() -> None:
    rows: list[Row | DynamoRow] = [*ROWS, *DYNAMO]
    assert {row.name for row in rows} == set(CHECKERS)
    assert {tuple(row.damages) for row in rows} == {KINDS}
    finding = [row for row in rows if any(_finds(each) for each in row.damages.values())]
    assert {row.name for row in rows} - {row.name for row in finding} == {
        "availability",
        "staleness",
        "stats",
    }


def _finds(damage: Any) -> bool:
    return not isinstance(damage, Hidden) and (not isinstance(damage, tuple) or damage[1] is Validity.INVALID)
