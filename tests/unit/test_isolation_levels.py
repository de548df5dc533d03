"""Each isolation checker: a history that breaks it, how it is told, and one that it accepts."""

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from checker.answer import describe
from checker.history import History
from checker.isolation import levels
from checker.isolation.columns import columns_of
from checker.isolation.front import Front
from checker.isolation.levels import LEVELS, check_columns
from checker.operation import Operation
from checker.verdict import Validity, Verdict
from tests.unit.isolation_script import CHECKERS, Script, Sessions, history_of, ok, simulated

LITMUS = Path(__file__).parents[2].parent / "shared" / "histories" / "litmus" / "elle_rw_register.json"

NEWER_THEN_OLDER: Sessions = [
    [ok(("w", "x", 1)), ok(("w", "x", 2))],
    [ok(("r", "x", 2)), ok(("r", "x", 1))],
]
EFFECT_WITHOUT_CAUSE: Sessions = [
    [ok(("w", "x", 1))],
    [ok(("r", "x", 1)), ok(("w", "y", 2))],
    [ok(("r", "y", 2)), ok(("r", "x", None))],
]
FRACTURED: Sessions = [
    [ok(("w", "x", 1), ("w", "y", 1))],
    [ok(("w", "x", 2), ("w", "y", 2))],
    [ok(("r", "x", 1), ("r", "y", 2))],
]
HALF_SEEN: Sessions = [[ok(("w", "x", 1), ("w", "y", 1))], [ok(("r", "x", 1), ("r", "y", None))]]
OWN_WRITE_GONE: Sessions = [[ok(("w", "x", 1)), ok(("r", "x", None))]]
SECOND_WITHOUT_FIRST: Sessions = [
    [ok(("w", "x", 1)), ok(("w", "y", 2))],
    [ok(("r", "y", 2), ("r", "x", None))],
]
REPLY_WITHOUT_QUESTION: Sessions = [
    [ok(("w", "x", 1))],
    [ok(("r", "x", 1)), ok(("w", "y", 2))],
    [ok(("r", "y", 2), ("r", "x", None))],
]
NO_AGREEMENT: Sessions = [[ok(("w", "x", 1)), ok(("r", "x", 2))], [ok(("w", "x", 2)), ok(("r", "x", 1))]]
LONG_FORK: Sessions = [
    [ok(("w", "x", 1))],
    [ok(("w", "y", 2))],
    [ok(("r", "x", 1), ("r", "y", None))],
    [ok(("r", "x", None), ("r", "y", 2))],
]
LOST_UPDATE: Sessions = [[ok(("r", "x", None), ("w", "x", 1))], [ok(("r", "x", None), ("w", "x", 2))]]
WRITE_SKEW: Sessions = [[ok(("r", "x", None), ("w", "y", 1))], [ok(("r", "y", None), ("w", "x", 2))]]

BROKEN = [
    (
        "read-committed",
        HALF_SEEN,
        "read-went-back",
        "T2 read T1's x = 1, so T1 came first (wr); T2 read y as nobody had written it and did not see T1's",
    ),
    (
        "read-atomic",
        FRACTURED,
        "fractured-read",
        "T3 read T2's y = 2 and not T1's y = 1, although it had T1 in front of it",
    ),
    (
        "read-your-writes",
        OWN_WRITE_GONE,
        "own-write-not-seen",
        "client 0 did T1 before T2, so T1 came first (process); T2 read x as nobody",
    ),
    (
        "monotonic-reads",
        NEWER_THEN_OLDER,
        "session-read-went-back",
        "T4 read T1's x = 2, T3 came after T4 in the same session",
    ),
    ("monotonic-writes", SECOND_WITHOUT_FIRST, "writes-out-of-order", "T3 read T2's y = 2, so T2 came first"),
    (
        "writes-follow-reads",
        REPLY_WITHOUT_QUESTION,
        "write-before-what-it-followed",
        "T2 read T1's x = 1, so T1 came first (wr); client 1 did T2 before T3",
    ),
    (
        "pram",
        NEWER_THEN_OLDER,
        "session-order-violated",
        "T3 read T2's x = 1 and not T1's x = 2",
    ),
    (
        "causal-consistency",
        EFFECT_WITHOUT_CAUSE,
        "causal-order-violated",
        "T2 read T1's x = 1, so T1 came first (wr)",
    ),
    (
        "snapshot-isolation",
        LONG_FORK,
        "not-snapshot-isolation",
        "a long fork. T1 is client 0 (entry 1): write x = 1",
    ),
    ("snapshot-isolation", LOST_UPDATE, "not-snapshot-isolation", "a lost update"),
    (
        "serializable",
        WRITE_SKEW,
        "not-serializable",
        "a write skew. T1 is client 0 (entry 1): read x = nothing, write y = 1",
    ),
]

CONTENT = [
    ("read-committed", EFFECT_WITHOUT_CAUSE),
    ("read-committed", FRACTURED),
    ("read-atomic", NEWER_THEN_OLDER),
    ("read-your-writes", NEWER_THEN_OLDER),
    ("monotonic-reads", OWN_WRITE_GONE),
    ("monotonic-writes", REPLY_WITHOUT_QUESTION),
    ("writes-follow-reads", SECOND_WITHOUT_FIRST),
    ("pram", EFFECT_WITHOUT_CAUSE),
    ("causal-consistency", LONG_FORK),
    ("causal-consistency", LOST_UPDATE),
    ("snapshot-isolation", WRITE_SKEW),
]


def check(name: str, sessions: Sessions, **options: Any) -> Verdict:
    return CHECKERS[name](history_of(sessions), options)


@pytest.mark.parametrize(("name", "sessions", "anomaly", "words"), BROKEN)
def test_a_violation_is_found_and_told(name: str, sessions: Sessions, anomaly: str, words: str) -> None:
    verdict = check(name, sessions)
    assert verdict.validity is Validity.INVALID
    assert [found.type for found in verdict.anomalies] == [anomaly]
    assert words in verdict.anomalies[0].sentence
    assert verdict.anomalies[0].operations


@pytest.mark.parametrize(("name", "sessions"), CONTENT)
def test_what_only_a_stronger_level_forbids_is_valid(name: str, sessions: Sessions) -> None:
    assert check(name, sessions).validity is Validity.VALID


@pytest.mark.parametrize(("variant", "valid"), [("cc", True), ("cm", True), ("ccv", False)])
def test_causal_variants_differ_in_who_must_agree(variant: str, valid: bool) -> None:
    assert (check("causal-consistency", NO_AGREEMENT, variant=variant).validity is Validity.VALID) == valid


ABSURD = [
    ("thin-air-read", [[ok(("r", "x", 9))]]),
    ("aborted-read", [[Script("fail", [("w", "x", 1)])], [ok(("r", "x", 1))]]),
    ("intermediate-read", [[ok(("w", "x", 1), ("w", "x", 2))], [ok(("r", "x", 1))]]),
    ("future-read", [[ok(("r", "x", 1), ("w", "x", 1))]]),
    ("internal", [[ok(("w", "x", 1), ("r", "x", None))]]),
    ("causality-cycle", [[ok(("r", "x", 1), ("w", "y", 2))], [ok(("r", "y", 2), ("w", "x", 1))]]),
]


@pytest.mark.parametrize(("anomaly", "sessions"), ABSURD)
@pytest.mark.parametrize("name", [name for name in CHECKERS if name != "pram"])
def test_what_no_level_allows(name: str, anomaly: str, sessions: Sessions) -> None:
    verdict = check(name, sessions)
    assert verdict.validity is Validity.INVALID
    assert anomaly in {found.type for found in verdict.anomalies}


@pytest.mark.parametrize("name", CHECKERS)
def test_values_written_twice_leave_no_verdict(name: str) -> None:
    verdict = check(name, [[ok(("w", "x", 1))], [ok(("w", "x", 1))]])
    assert verdict.validity is Validity.UNKNOWN
    assert "1 is written to x more than once" in verdict.reason


def test_an_unknown_outcome_counts_only_if_it_was_seen() -> None:
    unseen: Sessions = [[Script("info", [("w", "x", 1)])], [ok(("r", "x", None))]]
    assert check("serializable", unseen).validity is Validity.VALID
    torn: Sessions = [
        [Script("info", [("w", "x", 1), ("w", "y", 1)])],
        [ok(("r", "x", 1)), ok(("r", "y", None))],
    ]
    assert check("causal-consistency", torn).validity is Validity.INVALID


def test_an_unknown_outcome_in_the_middle_of_a_session_is_a_session_of_its_own() -> None:
    sessions: Sessions = [[Script("info", [("w", "x", 1)]), ok(("r", "x", None))], [ok(("r", "x", 1))]]
    assert check("read-your-writes", sessions).validity is Validity.VALID


def single(*entries: tuple[int, str, Any, str | None]) -> History:
    operations = []
    for process, f, value, key in entries:
        asked = value if f == "write" else None
        operations.append(Operation(process=process, type="invoke", f=f, value=asked, key=key))
        operations.append(Operation(process=process, type="ok", f=f, value=value, key=key))
    return History(operations)


@pytest.mark.parametrize(
    "history",
    [
        single((0, "write", 1, "x"), (0, "read", None, "x")),
        single((0, "write", ["x", 1], None), (0, "read", ["x", None], None)),
        single((0, "write", 1, None), (0, "read", None, None)),
    ],
)
def test_single_operations_in_all_spellings(history: History) -> None:
    assert levels.read_your_writes(history, {}).validity is Validity.INVALID


def test_the_initial_value_can_be_given() -> None:
    history = single((0, "read", 0, "x"), (1, "write", 1, "x"))
    assert levels.serializable(history, {}).anomalies[0].type == "thin-air-read"
    assert levels.serializable(history, {"init": 0}).validity is Validity.VALID


def test_operations_of_another_kind_are_unknown_with_the_reason() -> None:
    history = History([Operation(process=0, type="ok", f="cas", value=[1, 2])])
    verdict = levels.read_atomic(history, {})
    assert verdict.validity is Validity.UNKNOWN
    assert "expected read, write, or a transaction" in verdict.reason


@pytest.mark.parametrize("name", CHECKERS)
def test_unknown_options_are_refused_by_name(name: str) -> None:
    with pytest.raises(ValueError, match="no option 'colour'; it knows init"):
        CHECKERS[name](history_of([]), {"colour": 1})


def test_wrong_values_of_options_are_refused() -> None:
    with pytest.raises(ValueError, match="cc, ccv, cm"):
        check("causal-consistency", [], variant="strong")
    with pytest.raises(ValueError, match="number of steps"):
        check("serializable", [], budget="much")


NO_ORDER: Sessions = [
    [ok(("r", "a", 7), ("w", "b", 1))],
    [ok(("r", "a", 7), ("w", "b", 2))],
    [ok(("r", "b", 6), ("w", "a", 4))],
    [ok(("r", "b", 6), ("w", "a", 5))],
    [ok(("w", "b", 6), ("w", "a", 7))],
]
"""Nothing is forced; yet under snapshot isolation, whichever of b = 1 and b = 2 came first, it fails."""


def test_an_exhausted_budget_is_unknown_and_says_what_is_known() -> None:
    verdict = check("snapshot-isolation", NO_ORDER, budget=0)
    assert verdict.validity is Validity.UNKNOWN
    assert "budget" in verdict.reason
    assert "causal consistency, which holds" in verdict.reason


def test_a_proof_by_cases_is_told_case_by_case() -> None:
    verdict = check("snapshot-isolation", NO_ORDER)
    assert verdict.validity is Validity.INVALID
    (anomaly,) = verdict.anomalies
    assert anomaly.type == "not-snapshot-isolation"
    assert anomaly.sentence.count("Suppose that") == 2
    first, second = verdict.stats["cycles"]
    one, other = first["suppose"].split(" wrote b before ")
    assert second["suppose"] == f"{other} wrote b before {one}"
    assert all(cycle["reasons"] and cycle["steps"] for cycle in (first, second))
    assert verdict.stats["search_steps"] > 0


@pytest.mark.parametrize(("name", "sessions"), [(entry[0], entry[1]) for entry in BROKEN])
def test_circles_are_data_in_the_form_of_the_transaction_checkers(name: str, sessions: Sessions) -> None:
    verdict = check(name, sessions)
    described = describe(verdict)
    (cycle,) = described["stats"]["cycles"]
    (anomaly,) = verdict.anomalies
    assert cycle["type"] == anomaly.type
    steps = cycle["steps"]
    assert [step["to"] for step in steps] == [step["from"] for step in steps[1:]] + [steps[0]["from"]]
    entries = {entry for told in cycle["transactions"].values() for entry in told["entries"]}
    assert entries == set(anomaly.operations)
    for step in steps:
        assert step["edge"] in ("process", "wr", "ww", "rw")
        assert step["from_entries"] == cycle["transactions"][step["from"]]["entries"]
        assert (step["edge"] == "process") == ("key" not in step)
        assert step["sentence"] in anomaly.sentence


def test_an_absurd_read_is_data_too() -> None:
    verdict = check("read-atomic", [[Script("fail", [("w", "x", 1)])], [ok(("r", "x", 1))]])
    (found,) = verdict.stats["findings"]
    assert found["type"] == "aborted-read"
    assert found["transactions"]["T2"]["text"] == "write x = 1, (failed)"
    assert [(step["from"], step["to"], step["edge"], step["key"]) for step in found["steps"]] == [
        ("T2", "T1", "wr", "x")
    ]
    assert verdict.stats["cycles"] == []


@pytest.mark.parametrize("name", CHECKERS)
def test_a_valid_verdict_says_what_holds(name: str) -> None:
    reason = check(name, [[ok(("w", "x", 1))], [ok(("r", "x", 1))]]).reason
    assert reason.startswith("2 transactions with 1 read of what others may have written: ")
    assert (
        check(name, []).reason
        == "no transaction is known to have committed, so there is nothing that could be wrong"
    )


@pytest.mark.parametrize("name", CHECKERS)
def test_an_empty_history_is_valid(name: str) -> None:
    assert check(name, []).validity is Validity.VALID


def damaged(sessions: Sessions, how: str, rng: Random) -> Sessions | None:
    """One read changed, or one write taken away although it was read; None if there is no such place."""
    written = [s[2] for line in sessions for script in line for s in script.steps if s[0] == "w"]
    places = [
        (line, at, i)
        for line in sessions
        for at, script in enumerate(line)
        for i, step in enumerate(script.steps)
        if step[0] == "r" and step[2] is not None and ("w", step[1], step[2]) not in script.steps
    ]
    if not places:
        return None
    line, at, i = rng.choice(places)
    steps = list(line[at].steps)
    if how == "thin-air":
        steps[i] = ("r", steps[i][1], max(written) + 1)
        line[at] = ok(*steps)
    elif how == "failed":
        for other in sessions:
            for j, script in enumerate(other):
                if ("w", *steps[i][1:]) in script.steps:
                    other[j] = Script("fail", script.steps)
    else:
        # The same session reads the key again, and sees it as it was before all writes.
        line.insert(at + 1, ok(("r", steps[i][1], None)))
    return sessions


@pytest.mark.parametrize("how", ["thin-air", "failed", "stale"])
def test_damage_to_a_valid_history_is_found(how: str) -> None:
    forgiving = {"read-committed", "read-your-writes", "monotonic-writes", "writes-follow-reads"}
    for seed in range(60):
        rng = Random(seed)
        sessions = damaged(simulated(rng, 4, 25), how, rng)
        for name in CHECKERS if sessions else ():
            assert sessions is not None
            if how != "stale" or name not in forgiving | {"read-atomic"}:
                assert check(name, sessions).validity is Validity.INVALID, f"seed {seed}: {name}"


def test_what_a_second_loader_wrote_is_looked_up_as_well() -> None:
    """Two writers wrote far more than is read from them, so the reads are looked up among their writes."""
    many = [("w", f"k{at}", 100 + at) for at in range(40)]
    more = [("w", f"l{at}", 200 + at) for at in range(40)]
    sessions: Sessions = [
        [ok(*[("r", f"other{at}", None) for at in range(100)])],
        [ok(*many)],
        [ok(*more)],
        [ok(("r", "k1", 101), ("r", "l1", 201), ("r", "l2", 202))],
    ]
    assert check("read-atomic", sessions).validity is Validity.VALID
    sessions[3] = [ok(("r", "k1", 101), ("r", "l1", 201), ("r", "l2", None))]
    assert check("read-atomic", sessions).validity is Validity.INVALID


def test_a_reason_is_looked_for_once_however_often_others_rest_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[tuple[int, ...]] = []
    trails: list[Any] = []  # All are kept, so that no two have one place in memory.
    past = Front._past

    def counted(self: Front, source: int, reader: int, age: int) -> Any:
        trails.append(self._trail)
        looked.append((id(self._trail), source, reader, age))
        return past(self, source, reader, age)

    monkeypatch.setattr(Front, "_past", counted)
    for seed in range(40):
        rng = Random(seed)
        sessions = damaged(simulated(rng, 4, 60), "stale", rng)
        if sessions is not None:
            check("pram", sessions)
    assert len(looked) > 40
    assert len(looked) == len(set(looked))


def test_what_does_not_fit_is_shown_as_it_stands_in_the_history() -> None:
    history = History([Operation(process=0, type="ok", f="txn", value=[["append", "y", None]])])
    verdict = levels.read_committed(history, {})
    assert verdict.validity is Validity.UNKNOWN
    assert 'txn with ["append","y",null] is no read or write' in verdict.reason


def test_columns_without_names_are_told_by_number() -> None:
    columns = columns_of(history_of(FRACTURED)).columns
    verdict = check_columns(columns, "read-atomic")
    assert "T3 is transaction 2: read k0 = 0, read k1 = 3" in verdict.anomalies[0].sentence
    assert set(LEVELS) == {*CHECKERS, "cc", "ccv", "cm"} - {"causal-consistency"}


def litmus() -> list[Any]:
    if not LITMUS.is_file():
        return []
    return list(json.loads(LITMUS.read_text(encoding="utf-8"))["cases"])


EXPECTED = {
    "read of a never-written value": False,
    "G1a": False,
    "G1c": False,
    "internal": False,
    "lost-update": False,
    "cyclic-versions false positive regression": True,
    "G0 undetectable without version order": True,
}
"""Is it serializable by the sessions and values alone? (Without the options that give more than that.)"""


@pytest.mark.skipif(not LITMUS.is_file(), reason="the published histories are not here")
@pytest.mark.parametrize("case", [c for c in litmus() if c["name"] in EXPECTED], ids=lambda c: c["name"])
def test_published_histories(case: Any) -> None:
    history = History([Operation(**entry) for entry in case["history"]])
    verdict = levels.serializable(history, {})
    assert (verdict.validity is Validity.VALID) == EXPECTED[case["name"]], verdict.reason
