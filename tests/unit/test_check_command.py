"""`splitbrain check` on files: exit codes, the object of `--json`, the page, and what a small file costs."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import checker
from checker import budget, registry
from checker.history import History
from checker.operation import Operation
from checker.options import OptionError
from checker.verdict import Validity, Verdict
from splitbrain.checking import main

ROOT = Path(__file__).resolve().parents[2]

VALID = [("invoke", "generate", None), ("ok", "generate", 7)]
INVALID = [*VALID, *VALID]
NOTHING = [("invoke", "generate", None), ("fail", "generate", None)]
SPLIT_LANES = [
    {"process": 0, "type": "invoke", "f": "write", "value": 1},
    {"process": 0, "type": "ok", "f": "write", "value": 1},
    {"process": 1, "type": "invoke", "f": "read"},
    {"process": 1, "type": "ok", "f": "read", "value": 2},
]
SKEW = [
    {"process": 0, "type": "ok", "f": "txn", "value": [["append", "x", 1], ["append", "y", 1]]},
    {"process": 1, "type": "ok", "f": "txn", "value": [["append", "x", 2], ["append", "y", 2]]},
    {"process": 2, "type": "ok", "f": "txn", "value": [["r", "x", [1, 2]], ["r", "y", [2, 1]]]},
]


def write(path: Path, entries: list[Any]) -> str:
    maps = [
        entry
        if isinstance(entry, dict)
        else {"process": 0, "type": entry[0], "f": entry[1], "value": entry[2]}
        for entry in entries
    ]
    path.write_text("".join(json.dumps(entry) + "\n" for entry in maps))
    return str(path)


@pytest.mark.parametrize(
    ("entries", "code", "valid"), [(VALID, 0, True), (INVALID, 1, False), (NOTHING, 2, "unknown")]
)
def test_one_object_and_one_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], entries: list[Any], code: int, valid: bool | str
) -> None:
    file = write(tmp_path / "h.jsonl", entries)
    assert main([file, "--checker", "unique-ids", "--json"]) == code
    answer = json.loads(capsys.readouterr().out)
    assert (answer["valid"], answer["checker"], answer["file"]) == (valid, "unique-ids", file)
    assert answer["reason"]
    assert bool(answer["anomalies"]) == (valid is False)
    assert answer["times"].keys() == {"read_s", "check_s"}


def test_several_files_are_as_bad_as_the_worst(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A suite with a violation and a doubt has a violation; a file that cannot be read hides nothing."""
    kinds: list[list[Any]] = [VALID, NOTHING, INVALID]
    files = [write(tmp_path / f"{n}.jsonl", entries) for n, entries in enumerate(kinds)]
    assert main([*files, "--checker", "unique-ids", "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["valid"] is False
    assert [file["valid"] for file in answer["files"]] == [True, "unknown", False]
    (tmp_path / "broken.jsonl").write_text("{]\n{]\n")
    assert main([files[0], str(tmp_path / "broken.jsonl"), "--checker", "unique-ids"]) == 4
    assert main([files[2], str(tmp_path / "broken.jsonl"), "--checker", "unique-ids"]) == 1


WRONG = [
    ([], "name a history"),
    (["FILE"], "--checker: unique-ids"),
    (["FILE", "--option", "init=0"], "--checker"),
    (["FILE", "--checker", "bank", "--option", "colour=1"], "total-amount"),
    (["FILE", "--checker", "bank", "--option", "total-amount"], "key=JSON"),
    (["FILE", "--checker", "linearizable", "--model", "toaster"], "cas-register"),
    (["FILE", "FILE", "--checker", "bank", "--html", "page.html"], "--html"),
    (["FILE", "--manifest", "m.json"], "--manifest"),
    (["FILE", "--frobnicate"], "frobnicate"),
    (["FILE", "--checker", "bank", "--time-limit", "soon"], "--time-limit"),
]


@pytest.mark.parametrize(
    ("argv", "names"), WRONG, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str], argv: list[str], names: str) -> None:
    file = write(tmp_path / "h.jsonl", VALID)
    assert main([file if word == "FILE" else word for word in argv]) == 4
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("splitbrain: ")
    assert names in said.err
    assert "Traceback" not in said.err


def test_what_a_limit_leaves_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stopped = budget.Outcome(stopped="the time limit of 1 s was reached", told=("12 entries were read",))
    monkeypatch.setattr(budget, "run", lambda work, limits: stopped)
    file = write(tmp_path / "h.jsonl", VALID)
    assert main([file, "--checker", "unique-ids", "--time-limit", "1", "--json"]) == 2
    answer = json.loads(capsys.readouterr().out)
    assert answer["valid"] == "unknown"
    assert answer["reason"] == (
        "the time limit of 1 s was reached while checking; established so far: 12 entries were read"
    )


def test_no_time_at_all_is_never_a_wrong_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(tmp_path / "h.jsonl", VALID)
    assert main([file, "--checker", "unique-ids", "--time-limit", "0", "--json"]) in (0, 2)
    answer = json.loads(capsys.readouterr().out)
    assert answer["valid"] in (True, "unknown")
    assert answer["valid"] is True or "time limit" in answer["reason"]


def test_independent_keys_and_lenient_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "h.edn"
    path.write_text(
        "{:process 0 :type :invoke :f :write :value [1 5]}\nnonsense here\n"
        "{:process 0 :type :ok :f :write :value [1 5]}\n"
        "{:process 0 :type :invoke :f :read :value [2 nil]}\n{:process 0 :type :ok :f :read :value [2 nil]}\n"
    )
    arguments = [str(path), "--model", "register", "--independent"]
    assert main(arguments) == 4
    assert "line 2" in capsys.readouterr().err
    assert main([*arguments, "--lenient", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["notes"]


@pytest.mark.parametrize(
    ("checker_name", "entries", "shows"),
    [
        ("unique-ids", INVALID, ["handed out twice", '<svg class="lanes"']),
        ("register", SPLIT_LANES, ["the state is then one of", "marked"]),
        ("list-append", SKEW, ['<svg class="circle"', "T1 → T2", "wrote over what the other wrote"]),
    ],
)
def test_the_page_shows_what_is_wrong(
    tmp_path: Path, checker_name: str, entries: list[Any], shows: list[str]
) -> None:
    file = write(tmp_path / "<b>.jsonl", entries)
    page = tmp_path / "page.html"
    assert main([file, "--checker", checker_name, "--html", str(page)]) == 1
    text = page.read_text()
    for shown in shows:
        assert shown in text
    assert "&lt;b&gt;.jsonl" in text
    assert "<b>.jsonl" not in text
    # Only failures of linearizability have more to show than fits a picture.
    assert ("<script" in text) == ("script-src" in text) == (checker_name == "register")


def test_the_rest_of_a_type_folds_away(tmp_path: Path) -> None:
    entries = [entry for value in range(9) for entry in [VALID[0], ("ok", "generate", value)] * 2]
    page = tmp_path / "page.html"
    assert main([write(tmp_path / "h.jsonl", entries), "--checker", "unique-ids", "--html", str(page)]) == 1
    text = page.read_text()
    assert text.count('<svg class="lanes"') == 3
    assert "6 more duplicate-id" in text


def test_a_small_file_loads_nothing_heavy(tmp_path: Path) -> None:
    """Start-up is what people feel: 0.3 s leave no room for these."""
    file = write(tmp_path / "h.jsonl", VALID)
    heavy = (
        "typer",
        "rich",
        "networkx",
        "numpy",
        "numba",
        "scipy",
        "jinja2",
        "multiprocessing",
        "hypothesis",
    )
    script = (
        "import sys; from splitbrain.launcher import launch; "
        f"code = launch(['check', {file!r}, '--checker', 'unique-ids']); "
        f"sys.exit(str(sorted(set(sys.modules) & set({heavy!r}))) if code == 0 else code)"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.stderr.strip() == "[]", result.stdout


# --- the Python interface --------------------------------------------------------------------------


def test_a_history_a_list_and_a_file_are_judged_alike(tmp_path: Path) -> None:
    operations = [Operation(process=0, type=kind, f=f, value=value) for kind, f, value in INVALID]  # type: ignore[arg-type]
    path = write(tmp_path / "h.jsonl", INVALID)
    for history in (operations, History(operations), path, Path(path)):
        assert checker.check(history, "unique-ids").validity is Validity.INVALID


def test_options_are_python_names() -> None:
    read = [
        Operation(process=0, type="invoke", f="read"),
        Operation(process=0, type="ok", f="read", value={"a": -1}),
    ]
    assert checker.check(read, "bank", total_amount=-1).validity is Validity.INVALID
    assert checker.check(read, "bank", total_amount=-1, negative_balances=True).validity is Validity.VALID
    assert checker.check(read, "bank", **{"negative-balances?": True}).validity is Validity.VALID
    with pytest.raises(OptionError, match="colour"):
        checker.check(read, "bank", colour="blue")
    with pytest.raises(registry.UnknownChecker, match="set-full"):
        checker.check(read, "astrology")


def test_a_value_error_about_options_is_wrong_usage_and_any_other_a_crash() -> None:
    def picky(history: History, options: dict[str, Any]) -> Any:
        if options:
            raise ValueError("no such option")
        if len(history):
            raise ValueError("a defect")
        return Verdict(validity=Validity.VALID)

    history = History([Operation(process=0, type="invoke", f="read")])
    verdict = registry.guarded(picky, history, {})
    assert verdict.validity is Validity.UNKNOWN
    assert "a defect" in verdict.reason
    with pytest.raises(OptionError, match="no such option"):
        registry.guarded(picky, history, {"x": 1})


def test_completions_alone_are_a_transcript_for_some_and_a_doubt_for_others() -> None:
    orphans = History([Operation(process=0, type="ok", f="generate", value=7)])
    assert registry.check(orphans, "unique-ids").validity is Validity.VALID
    assert registry.check(orphans, "causal").validity is Validity.UNKNOWN
