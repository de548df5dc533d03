"""Each anomaly of transactions in its smallest form, and damaged histories."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from checker.history import History
from checker.operation import Operation
from checker.txn import list_append, models, rw_register
from checker.verdict import Validity, Verdict

Steps = list[list[Any]]


def history_of(*transactions: tuple[Any, Steps]) -> History:
    """One after the other, each by a client of its own: (outcome, steps)."""
    entries = []
    for process, (outcome, steps) in enumerate(transactions):
        blank = [[verb, key, None if verb == "r" else value] for verb, key, value in steps]
        entries.append(Operation(process=process, type="invoke", f="txn", value=blank))
        entries.append(Operation(process=process, type=outcome, f="txn", value=steps))
    return History(entries)


def lists(*transactions: tuple[str, Steps], **options: Any) -> Verdict:
    return list_append.check(history_of(*transactions), options)


def registers(*transactions: tuple[str, Steps], **options: Any) -> Verdict:
    return rw_register.check(history_of(*transactions), options)


LISTS: dict[str, list[tuple[str, Steps]]] = {
    "duplicate-elements": [("ok", [["append", "x", 1]]), ("ok", [["r", "x", [1, 1]]])],
    "incompatible-order": [
        ("ok", [["append", "x", 1], ["append", "x", 2]]),
        ("ok", [["r", "x", [1, 2]]]),
        ("ok", [["r", "x", [2, 1]]]),
    ],
    "garbage-read": [("ok", [["append", "x", 1]]), ("ok", [["r", "x", [1, 7]]])],
    "G1a": [("fail", [["append", "x", 1]]), ("ok", [["r", "x", [1]]])],
    "G1b": [("ok", [["append", "x", 1], ["append", "x", 2]]), ("ok", [["r", "x", [1]]])],
    "internal": [("ok", [["append", "x", 1], ["r", "x", []]])],
    "future-read": [("ok", [["r", "x", [1]], ["append", "x", 1]])],
    "dirty-update": [
        ("fail", [["append", "x", 1]]),
        ("ok", [["append", "x", 2]]),
        ("ok", [["r", "x", [1, 2]]]),
    ],
    "lost-update": [
        ("ok", [["r", "x", []], ["append", "x", 1]]),
        ("ok", [["r", "x", []], ["append", "x", 2]]),
    ],
}

REGISTERS: dict[str, list[tuple[str, Steps]]] = {
    "garbage-read": [("ok", [["w", "x", 1]]), ("ok", [["r", "x", 7]])],
    "G1a": [("fail", [["w", "x", 1]]), ("ok", [["r", "x", 1]])],
    "G1b": [("ok", [["w", "x", 1], ["w", "x", 2]]), ("ok", [["r", "x", 1]])],
    "internal": [("ok", [["w", "x", 1], ["r", "x", None]])],
    "future-read": [("ok", [["r", "x", 1], ["w", "x", 1]])],
    "lost-update": [("ok", [["r", "x", None], ["w", "x", 1]]), ("ok", [["r", "x", None], ["w", "x", 2]])],
}


@pytest.mark.parametrize("name", LISTS)
def test_an_anomaly_of_lists_is_found_and_told(name: str) -> None:
    verdict = lists(*LISTS[name])
    assert verdict.validity is Validity.INVALID
    told = [anomaly for anomaly in verdict.anomalies if anomaly.type == name]
    assert told
    assert all("client" in anomaly.sentence and anomaly.operations for anomaly in told)


@pytest.mark.parametrize("name", REGISTERS)
def test_an_anomaly_of_registers_is_found_and_told(name: str) -> None:
    verdict = registers(*REGISTERS[name])
    assert verdict.validity is Validity.INVALID
    assert name in {anomaly.type for anomaly in verdict.anomalies}


def test_a_transactions_own_appends_stand_in_its_order() -> None:
    verdict = lists(("ok", [["append", "x", 1], ["append", "x", 2]]), ("ok", [["r", "x", [2]]]))
    assert "incompatible-order" in verdict.stats["anomaly_types"]
    assert "after another element of its own" in verdict.anomalies[0].sentence


def test_an_unknown_write_may_happen_after_its_clients_next_transaction() -> None:
    entries = [
        Operation(process=0, type="invoke", f="txn", value=[["w", "x", 1]]),
        Operation(process=0, type="info", f="txn", value=[["w", "x", 1]]),
        *history_of(("ok", [["w", "x", 2]])),
        *history_of(("ok", [["r", "x", 2]])),
        *history_of(("ok", [["r", "x", 1]])),
    ]
    verdict = rw_register.check(History(entries), dict.fromkeys(rw_register.ASSUMPTIONS, True))
    assert verdict.validity is Validity.VALID


def test_versions_in_a_circle() -> None:
    verdict = registers(
        ("ok", [["w", "x", 1]]),
        ("ok", [["w", "x", 2]]),
        ("ok", [["r", "x", 1]]),
        ("ok", [["r", "x", 2]]),
        **{"linearizable-keys?": True},
    )
    assert "cyclic-versions" in verdict.stats["anomaly_types"]
    (told,) = [anomaly for anomaly in verdict.anomalies if anomaly.type == "cyclic-versions"]
    assert "x must have held 1 (by client" in told.sentence
    assert "before 2 (by client" in told.sentence
    assert told.operations == (0, 1, 2, 3), "both writes prove it"


def test_a_register_may_have_had_a_value_before() -> None:
    verdict = registers(("ok", [["r", "x", 0], ["w", "x", 1]]), ("ok", [["r", "x", 1]]))
    assert verdict.validity is Validity.VALID
    assert verdict.allowed == {"unwritten-read": 1}


def test_a_long_fork_is_called_by_its_name() -> None:
    fork: list[tuple[str, Steps]] = [
        ("ok", [["append", "x", 1]]),
        ("ok", [["append", "y", 1]]),
        ("ok", [["r", "x", [1]], ["r", "y", []]]),
        ("ok", [["r", "x", []], ["r", "y", [1]]]),
    ]
    verdict = lists(*fork, **{"consistency-models": ["snapshot-isolation"], "anomalies": ["long-fork"]})
    assert verdict.stats["anomaly_types"] == ["G-nonadjacent-item", "long-fork"]
    assert lists(*fork, **{"consistency-models": ["read-committed"]}).validity is Validity.VALID


def test_a_long_fork_of_registers_is_called_by_its_name() -> None:
    verdict = registers(
        ("ok", [["w", "x", 1]]),
        ("ok", [["w", "y", 1]]),
        ("ok", [["r", "x", 1], ["r", "y", None]]),
        ("ok", [["r", "x", None], ["r", "y", 1]]),
        **{"consistency-models": [], "anomalies": ["long-fork"]},
    )
    assert verdict.stats["anomaly_types"] == ["long-fork"]
    assert verdict.anomalies[0].sentence.startswith("two readers saw two writes in opposite orders. T1 is")


def test_a_write_skew_beside_a_read_skew_is_told_to_who_asks() -> None:
    verdict = lists(
        ("ok", [["r", "x", []], ["append", "y", 1]]),
        ("ok", [["r", "y", []], ["append", "x", 1], ["append", "z", 1]]),
        ("ok", [["r", "x", [1]], ["r", "y", [1]], ["r", "z", []]]),
        ("ok", [["r", "z", [1]]]),
        **{"consistency-models": [], "anomalies": ["write-skew"]},
    )
    assert verdict.stats["counts"] == {"G-single-item": 1, "write-skew": 1}
    assert verdict.stats["anomaly_types"] == ["write-skew"]


def test_a_write_is_before_a_read_although_another_between_saw_what_is_no_version() -> None:
    """The read of 4, the inside of a transaction, must not hide that 2 was there before None was read."""
    verdict = registers(
        ("ok", [["w", "y", 1], ["w", "y", 2]]),
        ("ok", [["r", "y", 4]]),
        ("ok", [["r", "y", None], ["w", "y", 4], ["w", "y", 5]]),
        **{"linearizable-keys?": True},
    )
    assert verdict.stats["counts"]["cyclic-versions"] == 1


def test_values_that_are_not_unique_leave_it_unknown() -> None:
    verdict = lists(("ok", [["append", "x", 1]]), ("ok", [["append", "x", 1]]), ("ok", [["r", "x", [1]]]))
    assert verdict.validity is Validity.UNKNOWN
    assert "not unique" in verdict.reason


def test_an_unknown_append_that_was_read_happened() -> None:
    valid = lists(("info", [["append", "x", 1]]), ("ok", [["r", "x", [1]]]))
    assert valid.validity is Validity.VALID
    unseen = lists(("info", [["append", "x", 1]]), ("ok", [["r", "x", []]]), ("ok", [["r", "x", []]]))
    assert unseen.validity is Validity.VALID


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"consistency-model": ["serializable"]}, "consistency-models"),
        ({"consistency-models": ["seriazable"]}, "strict-serializable"),
        ({"anomalies": ["G3"]}, "G-single"),
        ({"anomalies": ["G-cursor"]}, "no anomaly is called"),
        ({"consistency-models": ["linearizable"]}, "no model of transactions"),
        ({"consistency-models": ["serializable", "causal"]}, "no model of transactions"),
    ],
)
def test_unknown_names_are_refused_with_the_known_ones(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        lists(("ok", [["append", "x", 1]]), **options)


def test_true_is_not_one() -> None:
    verdict = lists(("ok", [["append", 1, 1]]), ("ok", [["append", True, True]]), ("ok", [["r", 1, [True]]]))
    assert verdict.stats["counts"]["garbage-read"] == 1


def test_a_value_that_is_no_transaction_is_refused() -> None:
    with pytest.raises(ValueError, match="no step of a transaction"):
        lists(("ok", [["w", "x", 1]]))


def test_every_model_and_anomaly_has_a_place_in_the_lattice() -> None:
    for model, weaker in models.IMPLIES_MODEL.items():
        assert set(weaker) <= set(models.IMPLIES_MODEL)
        assert all(weaker.values()), f"{model}: a relation has no source"
        assert model not in {m for w in weaker for m in models.implied_models(w)}, f"{model} is in a circle"
    for weaker_anomalies in models.IMPLIES_ANOMALY.values():
        assert set(weaker_anomalies) <= set(models.IMPLIES_ANOMALY)
    assert set(models.PROSCRIBES) <= set(models.IMPLIES_MODEL)


# --- damage ----------------------------------------------------------------------------------------


def executed(seed: int, write: str) -> list[tuple[str, Steps]]:
    """A serial execution on 3 keys, every key read by a last transaction."""
    rng = random.Random(seed)
    state: dict[str, list[int]] = {key: [] for key in "xyz"}
    done: list[tuple[str, Steps]] = []
    for number in range(20):
        steps: Steps = []
        for key in rng.sample("xyz", rng.randint(1, 3)):
            if rng.random() < 0.5:
                state[key].append(number)
                steps.append([write, key, number])
            else:
                steps.append(["r", key, shown(state[key], write)])
        done.append(("ok", steps))
    done.append(("ok", [["r", key, shown(state[key], write)] for key in "xyz"]))
    return done


def shown(values: list[int], write: str) -> Any:
    return list(values) if write == "append" else (values[-1] if values else None)


def reads(done: list[tuple[str, Steps]], size: int) -> list[list[Any]]:
    return [s for _, steps in done for s in steps if s[0] == "r" and s[2] is not None and len(s[2]) >= size]


def drop(rng: random.Random, done: list[tuple[str, Steps]]) -> None:
    step = rng.choice(reads(done, 2))
    del step[2][rng.randrange(len(step[2]) - 1)]


def swap(rng: random.Random, done: list[tuple[str, Steps]]) -> None:
    step = rng.choice(reads(done, 2))
    at = rng.randrange(len(step[2]) - 1)
    step[2][at : at + 2] = step[2][at : at + 2][::-1]


def stale(rng: random.Random, done: list[tuple[str, Steps]]) -> None:
    rng.choice(reads(done, 1))[2].pop()


def duplicate(rng: random.Random, done: list[tuple[str, Steps]]) -> None:
    step = rng.choice(reads(done, 1))
    step[2].append(rng.choice(step[2]))


def lost_tail(_: random.Random, done: list[tuple[str, Steps]]) -> None:
    step = max(done[-1][1], key=lambda step: len(step[2]))
    step[2] = step[2][: len(step[2]) // 2]


@pytest.mark.parametrize("damage", [drop, swap, stale, duplicate, lost_tail])
def test_damage_to_lists_is_always_found(damage: Callable[[random.Random, Any], None]) -> None:
    for seed in range(40):
        done = executed(seed, "append")
        assert lists(*done).validity is Validity.VALID
        damage(random.Random(seed), done)
        assert lists(*done).validity is Validity.INVALID, (seed, done)


def test_stale_reads_of_registers_are_always_found() -> None:
    assumed: dict[str, Any] = dict.fromkeys(rw_register.ASSUMPTIONS, True)
    for seed in range(40):
        done = executed(seed, "w")
        assert registers(*done, **assumed).validity is Validity.VALID
        rng = random.Random(seed)
        choices = [
            (t, s) for t, (_, steps) in enumerate(done) for s in steps if s[0] == "r" and s[2] is not None
        ]
        at, step = rng.choice(choices)
        older = [s[2] for _, steps in done[:at] for s in steps if s[0] == "w" and s[1] == step[1]]
        step[2] = rng.choice([None, 99, *older[:-1]])
        assert registers(*done, **assumed).validity is Validity.INVALID, (seed, done)
