"""The causal checker, anomaly by anomaly: each is planted once, and its nearest innocent relative passes."""

from checker.dynamo.findings import LISTED
from checker.history import History
from checker.registry import check as run_check
from checker.verdict import Anomaly, Validity, Verdict
from checker.version_graph import graph_of
from tests.unit.script import Script


def check(script: Script) -> Verdict:
    return run_check(script.history(), "causal")


def only(script: Script) -> Anomaly:
    verdict = check(script)
    assert verdict.validity is Validity.INVALID
    (anomaly,) = verdict.anomalies
    return anomaly


def test_siblings_and_their_merge_are_valid() -> None:
    script = Script()
    script.put("w1")
    script.put("w2")
    script.get("w1", "w2")
    script.put("w3", "w1", "w2")
    script.final("w3")
    verdict = check(script)
    assert verdict.validity is Validity.VALID
    assert verdict.reason == "all 3 acknowledged writes are there, or replaced by one that saw them"
    assert verdict.stats["final_reads"] == 1


def test_a_lost_write() -> None:
    script = Script()
    script.put("w1")
    script.put("w2")
    script.final("w2")
    anomaly = only(script)
    assert anomaly.type == "lost-write"
    assert anomaly.operations == (0, 1, 5)
    assert anomaly.sentence == (
        "w1 (put by client 0 through n1, acknowledged at 0.02 s) is lost: the final read of k by client 1 "
        "through n1 at 0.06 s returned {w2}, and nothing there had seen w1"
    )


def test_a_write_is_accounted_for_over_unknown_outcomes() -> None:
    script = Script()
    script.put("w1")
    script.put("w2", "w1", type="info")
    script.put("w3", "w2")
    script.final("w3")
    assert check(script).validity is Validity.VALID


def test_an_unknown_write_that_never_happened_excuses_nothing() -> None:
    script = Script()
    script.put("w1")
    script.put("w2", "w1", type="info")
    script.final()
    assert only(script).sentence.startswith("w1 ")


def test_a_delete_of_unknown_outcome_excuses_what_it_saw() -> None:
    script = Script()
    script.put("w1")
    script.delete("w2", "w1", type="info")
    script.final()
    assert check(script).validity is Validity.VALID
    script.final("w1")
    assert check(script).validity is Validity.VALID


def test_a_write_whose_client_vanished_may_have_replaced_anything() -> None:
    script = Script()
    script.put("w1")
    script.begin(0, "update", "w2")
    script.final("w2")
    assert check(script).validity is Validity.VALID


def test_a_write_that_was_never_acknowledged_may_be_missing_or_there() -> None:
    for reads in ((), ("w2",)):
        script = Script()
        script.put("w1")
        script.put("w2", type="info")
        script.final("w1", *reads)
        assert check(script).validity is Validity.VALID


def test_a_write_acknowledged_after_the_final_read_began_is_not_missed() -> None:
    script = Script()
    script.put("w1")
    late = script.begin(5, "put", "w2")
    final = script.begin(1, "get", final=True)
    script.end(late)
    script.end(final, "w1")
    assert check(script).validity is Validity.VALID


def test_phantoms() -> None:
    script = Script()
    script.put("w1", type="fail")
    script.put("w2", key="other")
    script.put("w5")
    script.delete("w3", "w5")
    script.get("w0", "w1", "w2", "w3", "w4")
    script.put("w4")
    script.final("w4")
    script.final("w2", key="other")
    verdict = check(script)
    sentences = [a.sentence for a in verdict.anomalies if a.type == "phantom-version"]
    assert sorted(sentence.split("was shown ")[1] for sentence in sentences) == [
        "w0, which nobody had written",
        "w1, whose write certainly had no effect: put by client 0 through n1, failed at 0.02 s",
        "w2, which was written to other by put by client 0 through n1, acknowledged at 0.04 s",
        "w3, which is a delete: it replaces what it saw and has nothing to show",
        "w4, which was not written before 0.11 s, by client 0 through n1",
    ]


def test_a_write_cannot_see_itself() -> None:
    script = Script()
    script.put("w1", "w1")
    script.final("w1")
    assert "had yet to write itself" in only(script).sentence


def test_a_false_sibling_and_the_chain_between() -> None:
    script = Script()
    script.put("w1")
    script.put("w2", "w1")
    script.put("w3", "w2")
    script.get("w1", "w3")
    script.get("w1", "w3")
    script.final("w3")
    anomaly = only(script)
    assert anomaly.type == "false-sibling"
    assert "w3 had seen w1 (through w2) and replaced it" in anomaly.sentence
    assert set(anomaly.operations) == {0, 1, 4, 5, 7}


def test_a_duplicate_sibling() -> None:
    script = Script()
    script.put("w1")
    script.final("w1", "w1")
    assert only(script).type == "duplicate-sibling"


def test_a_deleted_version_that_is_back() -> None:
    script = Script()
    script.put("w1")
    script.delete("w2", "w1")
    script.final("w1")
    anomaly = only(script)
    assert anomaly.type == "resurrected-delete"
    assert "w1 is back: w2 (delete by client 0 through n1" in anomaly.sentence


def test_a_replaced_version_that_is_back() -> None:
    script = Script()
    script.put("w1")
    script.put("w2", "w1")
    script.put("w3", "w2")
    script.final("w1")
    verdict = check(script)
    assert [(a.type, a.sentence.split()[0]) for a in verdict.anomalies] == [
        ("resurrected-version", "w1"),
        ("lost-write", "w2"),
        ("lost-write", "w3"),
    ]


def test_a_circle_of_sight_is_impossible() -> None:
    script = Script()
    first = script.begin(0, "update", "w1")
    second = script.begin(1, "update", "w2")
    script.end(first, "w2")
    script.end(second, "w1")
    script.final("w1", "w2")
    found = {anomaly.type for anomaly in check(script).anomalies}
    assert "causal-cycle" in found


def test_stale_reads_are_counted_and_allowed() -> None:
    script = Script()
    script.put("w1")
    script.put("w2", "w1")
    script.get("w1")
    script.get("w2")
    script.get()
    script.final("w2")
    verdict = check(script)
    assert verdict.validity is Validity.VALID
    assert verdict.allowed == {"stale-read": 2}
    assert verdict.stats["stale_read_rate"] == 0.5


def test_a_read_that_overlaps_the_write_is_not_stale() -> None:
    script = Script()
    script.put("w1")
    read = script.begin(1, "get")
    script.put("w2", "w1")
    script.end(read, "w1")
    script.final("w2")
    assert check(script).allowed == {}


def test_what_a_delete_may_have_hidden_is_not_stale() -> None:
    script = Script()
    script.put("w1")
    deleting = script.begin(0, "delete", "w2")
    script.get()
    script.end(deleting, "w1", type="info")
    script.get()
    script.final("w1")
    assert check(script).allowed == {}


def test_reads_of_deleted_versions_are_counted() -> None:
    script = Script()
    script.put("w1")
    script.delete("w2", "w1")
    script.get("w1")
    script.final()
    assert check(script).allowed == {"stale-delete": 1}


def test_without_final_reads_lost_writes_are_unknown() -> None:
    script = Script()
    script.put("w1")
    verdict = check(script)
    assert verdict.validity is Validity.UNKNOWN
    assert verdict.reason == "lost writes cannot be judged: k has no successful final read"
    script.get("w1", "w7")
    assert check(script).validity is Validity.INVALID


def test_a_missing_write_that_a_replica_still_holds_is_unknown_when_nothing_settled() -> None:
    def ending(settled: bool, **nodes: dict[str, list[str]] | None) -> Verdict:
        script = Script()
        script.put("w1")
        script.put("w2")
        script.phase("final", settled=settled, duration=1)
        script.final("w2")
        script.look(final=True, **nodes)
        return check(script)

    held, gone = {"k": ["w1"]}, {"k": ["w2"]}
    assert ending(True, n1=held, n2=gone).validity is Validity.INVALID
    verdict = ending(False, n1=held, n2=gone)
    assert verdict.validity is Validity.UNKNOWN
    assert "had not settled when k was read last" in verdict.reason
    assert ending(False, n1=gone, n2=None).validity is Validity.UNKNOWN
    assert ending(False, n1=gone, n2=gone).validity is Validity.INVALID


def test_many_anomalies_are_listed_up_to_a_limit_and_counted_in_full() -> None:
    script = Script()
    for number in range(LISTED + 7):
        script.put(f"w{number}")
    script.final("w0")
    verdict = check(script)
    assert len(verdict.anomalies) == LISTED
    assert verdict.reason == f"{LISTED + 6} lost-write"


def test_the_digraph_has_an_edge_to_everything_seen() -> None:
    script = Script()
    script.put("w1")
    script.put("w2")
    script.put("w3", "w1", "w2")
    script.put("x1", key="other")
    graph = graph_of(History(script.entries)).digraph()
    assert sorted(graph.edges) == [("w3", "w1"), ("w3", "w2")]
    assert set(graph) == {"w1", "w2", "w3", "x1"}
