"""Recording, reading back, pairing, and what a history cannot be."""

import contextlib
import json
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checker import phases, registry
from checker.history import History, HistoryError, HistoryWriter
from checker.operation import Operation
from checker.verdict import Validity, Verdict
from tests.unit.script import Script


def invoke(process: int = 0, **more: object) -> Operation:
    return Operation(process=process, type="invoke", f="get", **more)  # type: ignore[arg-type]


def record(path: Path, count: int) -> list[Operation]:
    with HistoryWriter(path) as writer:
        return [writer.write(invoke(process=at, time=at)) for at in range(count)]


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    with HistoryWriter(path) as writer:
        begun = writer.write(
            Operation(process=3, type="invoke", f="update", key="k", node="n1", write="w1", time=5)
        )
        ended = writer.write(
            Operation(
                process=3, type="ok", f="update", key="k", write="w1", reads=("w0",), value={"a": 1}, time=9
            )
        )
    history = History.from_file(path)
    assert list(history) == [begun, ended]
    assert [operation.index for operation in history] == [0, 1]
    assert history.pairs() == [(begun, ended)]
    assert history.notes == history.problems == ()


def test_every_entry_is_on_disk_before_write_returns(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    with HistoryWriter(path) as writer:
        for count in range(1, 5):
            writer.write(invoke(process=count))
            assert len(History.from_file(path)) == count


def test_threads_get_one_order(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    with HistoryWriter(path) as writer:

        def work(process: int) -> None:
            for _ in range(100):
                writer.write(invoke(process=process))

        threads = [threading.Thread(target=work, args=(process,)) for process in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [json.loads(line)["index"] for line in path.read_text().splitlines()] == list(range(400))


def test_a_closed_writer_says_so(tmp_path: Path) -> None:
    writer = HistoryWriter(tmp_path / "history.jsonl")
    writer.close()
    writer.close()
    with pytest.raises(HistoryError, match="closed"):
        writer.write(invoke())


def test_a_torn_last_line_is_a_note_wherever_it_was_torn(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    record(path, 3)
    whole = path.read_bytes()
    start = whole.rstrip(b"\n").rindex(b"\n") + 1
    for length in range(start + 1, len(whole) - 1):
        path.write_bytes(whole[:length])
        history = History.from_file(path)
        assert len(history) == 2
        assert "line 3 is torn" in history.notes[0]


def test_a_last_line_that_only_lacks_its_newline_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    record(path, 3)
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    assert len(History.from_file(path)) == 3
    assert History.from_file(path).notes == ()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{not json", "malformed"),
        ('{"process":0,"type":"maybe","f":"get"}', r"\$\.type"),
        ('{"process":0,"type":"ok"}', "required field `f`"),
        ("7", "Expected `object`"),
        ('"\\ud800"', "line 2"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "bad.jsonl"
    good = '{"index":0,"time":0,"process":0,"type":"invoke","f":"get"}'
    path.write_text(f"{good}\n{line}\n{good}\n")
    with pytest.raises(HistoryError, match=said) as caught:
        History.from_file(path)
    assert str(caught.value).startswith(f"{path}: line 2: ")
    assert "expected one operation per line" in str(caught.value)


@given(st.binary(max_size=80))
def test_garbage_is_a_history_error_or_a_history(data: bytes) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        # Nothing but a HistoryError may come out.
        with contextlib.suppress(HistoryError):
            History.from_file(file.name)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match="No such file"):
        History.from_file(tmp_path / "none.jsonl")
    with pytest.raises(HistoryError, match="directory"):
        History.from_file(tmp_path)


def test_an_empty_file_is_an_empty_history(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    path.write_text("")
    history = History.from_file(path)
    assert list(history) == []
    for name in ("causal", "lost-writes", "siblings", "convergence", "availability"):
        verdict = registry.check(history, name)
        assert verdict.validity is (Validity.VALID if name == "availability" else Validity.UNKNOWN)


def test_a_json_array_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "history.json"
    path.write_text(
        '\n [{"process":0,"type":"invoke","f":"get"},\n {"process":0,"type":"ok","f":"get","reads":[]}]'
    )
    assert len(History.from_file(path).pairs()) == 1
    path.write_text('[{"process":0,"type":"invoke"}]')
    with pytest.raises(HistoryError, match=r"\$\[0\]"):
        History.from_file(path)


def test_a_missing_completion_is_none() -> None:
    script = Script()
    script.begin(0, "put", "w1")
    script.get()
    assert script.history().pairs()[0][1] is None
    assert script.history().problems == ()


def _completion_without_invocation(script: Script) -> None:
    script.add(Operation(process=0, type="ok", f="get"))


def _two_open_operations(script: Script) -> None:
    script.begin(0, "get")
    script.begin(0, "get")


def _time_runs_backwards(script: Script) -> None:
    script.get()
    script.at_ms(0).get()


def _another_operation_completes(script: Script) -> None:
    script.begin(0, "get")
    script.add(Operation(process=0, type="ok", f="put"))


def _one_id_twice(script: Script) -> None:
    script.put("w1")
    script.put("w1")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_completion_without_invocation, "had not invoked"),
        (_two_open_operations, "has not completed"),
        (_time_runs_backwards, "is before"),
        (_another_operation_completes, "completes f 'put', but entry 0 invoked f 'get'"),
        (_one_id_twice, "id of its own"),
    ],
)
def test_what_cannot_have_happened_is_never_valid(spoil: Callable[[Script], None], said: str) -> None:
    script = Script()
    spoil(script)
    history = script.history()
    assert any(said in problem for problem in history.problems), history.problems
    verdict = registry.check(history, "availability")
    assert verdict.validity is Validity.UNKNOWN
    assert said in verdict.reason


def test_indexes_are_given_kept_or_renumbered() -> None:
    assert [o.index for o in History([invoke(0), invoke(1)])] == [0, 1]
    part = History([invoke(0, index=7), invoke(1, index=9)])
    assert [o.index for o in part] == [7, 9]
    wrong = History([invoke(0, index=4), invoke(1, index=2)])
    assert [o.index for o in wrong] == [0, 1]
    assert "do not increase" in wrong.problems[0]


def test_derived_things_are_built_once() -> None:
    built: list[int] = []

    def build(history: History) -> int:
        built.append(1)
        return len(history)

    history = History([invoke()])
    assert history.derive(build) == history.derive(build) == 1
    assert len(built) == 1


def test_unknown_checkers_are_refused_with_the_names_that_exist() -> None:
    with pytest.raises(registry.UnknownChecker, match="'causl'; there are causal, lost-writes"):
        registry.check(History([]), "causl")


def test_a_crash_of_a_checker_is_unknown_with_the_reason() -> None:
    def broken(history: History, options: dict[str, object]) -> Verdict:
        raise KeyError("n4")

    verdict = registry.guarded(broken, History([]), {})
    assert verdict.validity is Validity.UNKNOWN
    assert "KeyError: 'n4'" in verdict.reason
    assert "test_history.py" in verdict.reason


def test_segments_follow_faults_and_phases() -> None:
    script = Script()
    script.phase("main")
    script.at_ms(1000).fault("inject", 1, "partition", shape="halves")
    script.at_ms(1100).fault("inject", 1, "partition", bit=True)
    script.at_ms(1500).fault("inject", 2, "kill", targets=["n2"])
    script.at_ms(2000).fault("heal", 1, "partition")
    script.at_ms(2200).fault("heal", 2)
    script.at_ms(3000).phase("heal")
    script.at_ms(3100).phase("settle")
    script.at_ms(4000).phase("final", settled=True, duration=900)
    script.at_ms(4100).phase("end")
    history = script.history()
    names = [(part.name, part.start // 1_000_000) for part in phases.segments(history)]
    assert names == [
        ("healthy", 0),
        ("partition", 1000),
        ("kill+partition", 1500),
        ("kill", 2000),
        ("healthy", 2200),
        ("settle", 3100),
        ("final", 4000),
        ("end", 4100),
    ]
    partition, kill = phases.faults(history)
    assert (partition.bit, kill.bit, kill.targets) == (True, None, ("n2",))
    assert str(partition) == "partition halves (from 1.00 s to 2.00 s)"
    assert phases.settled(history) is True
    assert phases.healed_at(history) == 3_100_000_000
    assert phases.segment_at(phases.segments(history), 1_700_000_000).faults == (1, 2)


def test_a_fault_that_was_never_healed_lasts_to_the_end() -> None:
    script = Script()
    script.fault("inject", 1, "kill", targets=["n2"])
    script.get()
    (span,) = phases.faults(script.history())
    assert not span.healed
    assert span.end == script.time
    assert "never healed" in str(span)
