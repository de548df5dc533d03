"""The HTML report: self-contained, safe against what a run may hold, and true to the history."""

import json
import re
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checker.history import History
from checker.operation import Operation
from splitbrain.report import model, page, story, timeline, words
from tests import sample_run

Run = tuple[History, dict[str, Any], dict[str, Any]]


@pytest.fixture(scope="module")
def lossy() -> Run:
    return sample_run.make(600, lossy=True)


@pytest.fixture(scope="module")
def sound() -> Run:
    return sample_run.make(600)


class Reader(HTMLParser):
    """Collects what a browser would see: scripts, attributes that load something, text."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts: list[str] = []
        self.loads: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._inside = tag
        if tag == "script":
            self.scripts.append("")
        self.loads += [str(value) for name, value in attrs if name in ("src", "href", "action", "data")]

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts[-1] += data
        elif self._inside != "style":
            self.text += data

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    return reader


def op(process: int, kind: str, at: int, f: str = "add", **more: Any) -> Operation:
    entry = {"process": process, "type": kind, "f": f, "time": at, "key": "cart-1", "node": "n1", **more}
    return msgspec.convert(entry, Operation)


def test_page_loads_nothing(lossy: Run) -> None:
    reader = read(page.render(*lossy))
    assert all(link.startswith(("#", "data:")) for link in reader.loads), reader.loads
    assert not re.search(r"url\(|@import|fetch\(|XMLHttpRequest", page.script() + page._asset("report.css"))


def test_page_forbids_everything_from_outside(sound: Run) -> None:
    assert "default-src 'none'" in page.render(*sound)


def test_every_operation_is_in_the_data(lossy: Run) -> None:
    history, results, _ = lossy
    data = json.loads(read(page.render(*lossy)).scripts[0])
    rows = data["operations"]["rows"]
    assert len(rows["index"]) == results["stats"]["operations"]
    assert rows["outcome"].count(1) == results["stats"]["fail"]
    assert {len(column) for column in rows.values()} == {len(rows["index"])}
    assert data["end"] >= max(entry.time for entry in history) // 1000


def test_hostile_text_stays_text(sound: Run) -> None:
    """A store may hand back anything; nothing of it may become part of the page."""
    hostile = "</script><img src=x onerror=alert(1)><!--"
    history, results, test = sound
    last = history[len(history) - 1].time
    told = [
        op(900, "invoke", last, key=hostile, value={"item": hostile}, write=hostile),
        op(900, "fail", last + 1, key=hostile, value={"item": hostile}, error=hostile, write=hostile),
    ]
    worse = History([*history, *told])
    anomaly = {"type": hostile, "sentence": hostile, "operations": [len(history)], "key": hostile, "time": 5}
    checks = results["checks"] | {
        "causal": results["checks"]["causal"] | {"valid": False, "anomalies": [anomaly]}
    }
    results = results | {"checks": checks, "valid": False, "workload": hostile, "replay": hostile}
    reader = read(page.render(worse, results, test))
    assert "img" not in reader.tags
    assert len(reader.scripts) == 2
    assert hostile in json.loads(reader.scripts[0])["operations"]["names"]["key"]


@given(st.recursive(st.text() | st.integers() | st.none(), st.lists, max_leaves=8))
def test_embedded_json_round_trips_and_holds_no_markup(value: object) -> None:
    text = str(page.embed(value))
    assert json.loads(text) == value
    assert not set("<>&\u2028\u2029") & set(text)


def test_verdict_header_of_an_invalid_run(lossy: Run) -> None:
    text = read(page.render(*lossy)).text
    lost = lossy[1]["checks"]["lost-writes"]["stats"]["lost"]
    assert lost > 1
    assert f"{lost} acknowledged writes were lost." in text
    assert lossy[1]["replay"] in text
    assert words.anomalies(lossy[1])[0]["check"] == "lost-writes"


def test_verdict_header_of_a_valid_run(sound: Run) -> None:
    text = read(page.render(*sound)).text
    assert "Every promise held under 9 faults." in text
    assert "What went wrong" not in text


def test_a_fault_that_did_not_bite_is_named() -> None:
    history, results, test = sample_run.make(200, all_bite=False)
    report = model.build(history, results, test)
    assert report.facts["headline"].startswith("Inconclusive")
    assert any("did not bite" in doubt for doubt in report.facts["doubts"])
    assert [f["bit"] for f in report.data["faults"]].count(False) == 1


def test_a_run_that_recorded_nothing_still_has_a_page() -> None:
    results = {"valid": "unknown", "checks": {}, "inconclusive": ["no operation succeeded"]}
    assert "no operation succeeded" in page.render(History([]), results, {})


def test_an_anomaly_found_by_two_checks_is_told_once(lossy: Run) -> None:
    report = model.build(*lossy)
    subjects = [a["subject"] for a in report.data["anomalies"]]
    assert len(subjects) == len(set(subjects))
    assert any(a["check"] == "lost-writes, causal" for a in report.facts["anomalies"])


def test_the_served_table_counts_every_operation_before_the_final_reads(sound: Run) -> None:
    history = sound[0]
    rows = model.build(*sound).facts["served"]
    assert sum(row["operations"] for row in rows) == sum(not b.final for b, _ in history.pairs())
    assert rows[0]["phase"] == "no fault"
    assert any("+" in row["phase"] for row in rows)


# ---- stories -------------------------------------------------------------------------------------


def lost_write() -> tuple[History, dict[str, Any]]:
    """w1 is acknowledged; w2 by another client had not seen it; a later read shows w2 only."""
    history = History(
        [
            op(0, "invoke", 0, value={"item": "milk-1"}, write="w1"),
            op(1, "invoke", 1_000_000, value={"item": "eggs-2"}, write="w2"),
            op(0, "ok", 2_000_000, value={"item": "milk-1"}, write="w1", reads=[]),
            op(1, "ok", 3_000_000, value={"item": "eggs-2"}, write="w2", reads=[], node="n2"),
            op(2, "invoke", 4_000_000, f="read"),
            op(2, "ok", 5_000_000, f="read", reads=["w2"], value={"items": ["eggs-2"]}),
        ]
    )
    sentence = "milk-1 is lost: client 0 added it (w1). W2 by client 1, which had not seen w1, took its place"
    return history, {"type": "lost-write", "sentence": sentence, "operations": [0, 2, 3, 5], "key": "cart-1"}


def tell(history: History, anomaly: dict[str, Any]) -> story.Story:
    pairs = story.pairs(history)
    return story.tell(anomaly, pairs, story.by_index(pairs))


def test_story_names_the_version_and_who_had_not_seen_it() -> None:
    told = tell(*lost_write())
    assert told.subject == "w1"
    assert [step.text for step in told.steps] == ["adds milk-1 as w1", "adds eggs-2 as w2", "reads w2"]
    assert [step.note for step in told.steps] == ["acknowledged", "had not seen w1", "w1 is not there"]
    assert [step.tone for step in told.steps] == ["subject", "bad", "bad"]


def test_story_does_not_accuse_a_write_that_had_seen_the_version() -> None:
    history, anomaly = lost_write()
    seen = [msgspec.structs.replace(o, reads=("w1",)) if o.index == 3 else o for o in history]
    told = tell(History(seen), anomaly)
    assert (told.steps[1].note, told.steps[1].tone) == ("had seen w1", "good")


def test_story_accuses_only_the_write_that_the_sentence_names() -> None:
    history, anomaly = lost_write()
    more = [op(3, "invoke", 1_100_000, write="w3"), op(3, "ok", 1_200_000, write="w3", reads=[])]
    entries = sorted([*history, *more], key=lambda o: o.time)
    renumbered = History([msgspec.structs.replace(o, index=n) for n, o in enumerate(entries)])
    told = tell(renumbered, anomaly | {"operations": list(range(len(renumbered)))})
    tones = {step.text.split()[-1]: step.tone for step in told.steps if step.write}
    assert tones == {"w1": "subject", "w2": "bad", "w3": ""}


def test_story_does_not_accuse_what_was_over_before() -> None:
    history, anomaly = lost_write()
    earlier = [op(5, "invoke", 0, write="w0"), op(5, "ok", 1, write="w0", reads=[])]
    later = [msgspec.structs.replace(o, time=o.time + 1_000_000) for o in history]
    entries = [msgspec.structs.replace(o, index=n) for n, o in enumerate([*earlier, *later])]
    hint = {"sentence": "w1 is lost, w0 was there before", "operations": list(range(len(entries)))}
    told = tell(History(entries), anomaly | hint)
    notes = {step.text.split()[-1]: step.note for step in told.steps if step.write}
    assert notes == {"w0": "", "w1": "acknowledged", "w2": "had not seen w1"}


def test_story_of_a_version_that_should_be_gone() -> None:
    """w2 had seen w1 and replaced it; a read that still shows both is the odd one, not the write."""
    history = History(
        [
            op(0, "invoke", 1, "put", write="w1"),
            op(0, "ok", 2, "put", write="w1", reads=[]),
            op(1, "invoke", 3, "update", write="w2"),
            op(1, "ok", 4, "update", write="w2", reads=["w1"]),
            op(2, "invoke", 5, "get"),
            op(2, "ok", 6, "get", reads=["w1", "w2"]),
        ]
    )
    sentence = "the get was shown {w1, w2}: w2 had seen w1 and replaced it"
    told = tell(history, {"type": "false-sibling", "sentence": sentence, "operations": [5, 3, 1]})
    assert told.subject == "w1"
    assert [step.note for step in told.steps] == ["acknowledged", "had seen w1", "is still shown w1"]
    assert [step.tone for step in told.steps] == ["subject", "good", "bad"]


def test_story_of_an_operation_that_never_completed() -> None:
    anomaly = {"type": "lost-write", "sentence": "w1", "operations": [0]}
    told = tell(History([op(0, "invoke", 7, write="w1")]), anomaly)
    assert told.steps[0].end is None
    assert told.steps[0].outcome == "info"
    assert "may or may not" in told.steps[0].note


def test_story_ignores_operations_that_are_not_there() -> None:
    assert tell(lost_write()[0], {"sentence": "", "operations": [99]}).steps == ()


def test_two_anomalies_of_one_check_about_one_version_are_both_told() -> None:
    history, anomaly = lost_write()
    pairs = story.pairs(history)
    twice = [anomaly | {"check": "causal"}, anomaly | {"check": "causal"}, anomaly | {"check": "lost-writes"}]
    found, _ = story.told_once(twice, pairs, story.by_index(pairs))
    assert [a["check"] for a in found] == ["causal, lost-writes", "causal"]


# ---- the time axis -------------------------------------------------------------------------------


def test_sides_of_partitions() -> None:
    cut = sample_run.cut
    assert timeline.sides(cut(("n1", "n2"), ("n3",))) == {"n1": 0, "n2": 0, "n3": 1}
    bridge = timeline.sides(cut(("n1",), ("n3",)))
    assert "n2" not in bridge
    assert timeline.sides([("n1", "n2")]) == {"n1": 0, "n2": 1}
    assert timeline.sides([]) == {}


def look(**digests: str | None) -> dict[str, Any]:
    return {node: None if d is None else {"keys": {}, "digests": {"k": d}} for node, d in digests.items()}


def test_divergent_keys_until_they_agree() -> None:
    looks = [(10, look(n1="a", n2="b")), (20, look(n1="a", n2="a")), (30, look(n1="a", n2="a"))]
    found = timeline.divergent(looks)
    assert [p[1] for p in found["points"]] == [1, 0, 0]
    assert found["since"] == 20


def test_a_silent_node_is_not_agreement() -> None:
    found = timeline.divergent([(10, look(n1="a", n2="a")), (20, look(n1="a", n2=None))])
    assert found["since"] is None
    assert timeline.divergent([])["since"] is None


def test_holders_follow_a_version_from_look_to_look() -> None:
    def sample(*ids: str, hint: bool = False) -> dict[str, Any]:
        held = {"keys": {"k": list(ids)}, "digests": {}, "hinted": {"n3/k": ["w1"]} if hint else {}}
        return {"n1": held}

    looks = [(10, sample("w1")), (20, sample("w1", "w2")), (30, sample("w2", hint=True)), (40, sample("w2"))]
    found = {(h["node"], h["hint"]): h["spans"] for h in timeline.holders(looks, "k", "w1")}
    assert found == {("n1", False): [[10, 30]], ("n1", True): [[30, 40]]}
    assert timeline.holders(looks, "k", None) == []


def test_lanes_follow_the_client_through_crashes() -> None:
    history = History([op(0, "invoke", 1), op(0, "info", 2), op(2, "invoke", 3), op(1, "invoke", 4)])
    pairs = story.pairs(history)
    assert timeline.lanes(pairs, 2) == ([0, 0, 1], 2)
    assert timeline.lanes(pairs, None) == ([0, 0, 1], 2)


def test_a_long_run_keeps_what_matters() -> None:
    history, _, _ = sample_run.make(600)
    pairs = story.pairs(history)
    behind = {5, len(pairs) - 1}
    limit = 2 + sum(pair.outcome != "ok" for pair in pairs) + 40
    shown = model.choose(pairs, behind, limit)
    assert behind <= set(shown)
    assert all(n in shown for n, pair in enumerate(pairs) if pair.outcome != "ok")
    assert len(shown) <= limit
    assert shown == sorted(set(shown))
    assert len(model.choose(pairs, behind, 10)) == 10


def test_siblings_come_with_true_concurrency_only_where_it_was_exceeded() -> None:
    series = {"series": {"a": [[1000, 1, 1], [2000, 2, 2]], "b": [[1000, 5, 2]]}}
    rows = {row["key"]: row for row in timeline.siblings([], series)["keys"]}
    assert rows["a"] == {"key": "a", "points": [[1, 1], [2, 2]], "true": []}
    assert rows["b"]["true"] == [[1, 2]]


# ---- words ---------------------------------------------------------------------------------------


def test_unknown_kinds_still_get_words() -> None:
    assert words.counted("clock-went-back", 2) == "2 cases of clock went back"
    assert words.fault({"kind": "strobe", "targets": ["n1"]}) == "strobe: n1"


@pytest.mark.parametrize(("rate", "shown"), [(1.0, "100 %"), (0.9999, "99.9 %"), (0.5, "50 %"), (0.0, "0 %")])
def test_percent_never_rounds_up_to_perfect(rate: float, shown: str) -> None:
    assert page.percent(rate) == shown


def test_an_abridged_list_does_not_belittle_what_was_found() -> None:
    anomaly = {"type": "lost-write", "sentence": "w1 is lost"}
    check = {"valid": False, "reason": "102 lost-write, 3 phantom-version", "anomalies": [anomaly] * 50}
    results = {"valid": False, "checks": {"causal": check}}
    assert words.headline(results) == "102 acknowledged writes were lost."


def test_sentences_end_with_a_stop_and_ids_stay_small() -> None:
    assert words.sentence("none is lost") == "None is lost."
    assert words.sentence("w17 is lost.") == "w17 is lost."
    assert words.sentence("") == ""
