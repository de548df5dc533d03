"""What `splitbrain check` says to somebody who made a mistake: every message names the fix."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from splitbrain.checking import main

READ: list[dict[str, Any]] = [
    {"process": 0, "type": "invoke", "f": "read", "value": None},
    {"process": 0, "type": "ok", "f": "read", "value": 7},
]


@pytest.fixture
def history(tmp_path: Path) -> str:
    return written(tmp_path)


def written(tmp_path: Path) -> str:
    """A small history of a register."""
    path = tmp_path / "h.jsonl"
    path.write_text("".join(json.dumps(entry) + "\n" for entry in READ))
    return str(path)


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = main(list(arguments))
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return code, captured.err + captured.out


# --- files -----------------------------------------------------------------------------------------

FILES: list[tuple[str, bytes, int, str]] = [
    ("empty", b"", 2, "holds no entry at all"),
    ("blank lines", b"\n\n", 2, "holds no entry at all"),
    ("empty array", b"[]", 2, "holds no entry at all"),
    ("prose", b"hello world\nand more\n", 4, "expected one operation per line"),
    ("binary", bytes(range(256)) * 20, 4, "expected one operation per line"),
    ("no operations", b'{"a":1}\n{"a":2}\n', 4, "expected one operation per line"),
    ("torn", b'{"process":0,"type":"invoke","f":"add","value":1}\n{"proc', 2, "is torn"),
]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file[0])
def test_a_file_that_is_no_history(
    file: tuple[str, bytes, int, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, content, code, names = file
    path = tmp_path / "file"
    path.write_bytes(content)
    found, told = said(capsys, str(path), "--checker", "set")
    assert found == code
    assert names in told
    assert str(path) in told


def test_a_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = said(capsys, str(tmp_path / "nothing.edn"), "--checker", "set")
    assert code == 4
    assert "nothing.edn" in told
    assert "No such file" in told


def test_a_folder_that_is_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = said(capsys, str(tmp_path), "--checker", "set")
    assert code == 4
    assert f"name the file, as in {tmp_path / 'history.jsonl'}" in told


# --- names and options -----------------------------------------------------------------------------

WRONG: list[tuple[list[str], str]] = [
    (["--checker", "set-fulll"], "did you mean set-full"),
    (["--checker", "linearizible"], "did you mean linearizable"),
    (["--checker", "xyzzy"], "choose one of causal,"),
    (["--model", "registr"], "there are register, cas-register"),
    (
        ["--checker", "set-full", "--model", "register"],
        "set-full has no option 'model'",
    ),
    (["--checker", "set-full", "--option", "linearizable=true"], "it knows linearizable?"),
    (["--checker", "set-full", "--option", "linearizable?=yes"], "expected true or false"),
    (["--checker", "counter", "--option", "init=abc"], "expected a number"),
    (["--checker", "bank", "--option", "accounts=3"], "expected a list of accounts"),
    (["--checker", "bank", "--option", "total-amount=[1]"], "expected a number"),
    (["--checker", "mutex", "--option", "init=banana"], "free or held"),
    (["--checker", "unique-ids", "--option", "x=1"], "it takes none"),
    (["--checker", "causal-consistency", "--option", "variant=xx"], "cc, ccv, cm"),
    (["--checker", "list-append", "--option", 'consistency-models=["serialisable"]'], "there are strict-"),
    (["--checker", "set", "--time-limit", "-3"], "give seconds"),
    (["--checker", "set", "--memory-limit", "0"], "give megabytes"),
    (["--checker", "set", "--option", "init"], "key=JSON"),
    ([], "--checker: "),
]


@pytest.mark.parametrize(("arguments", "names"), WRONG, ids=[" ".join(wrong[0]) for wrong in WRONG])
def test_a_name_or_an_option_that_is_wrong(
    arguments: list[str], names: str, history: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = said(capsys, history, *arguments)
    assert code == 4
    assert told.startswith("splitbrain: ")
    assert names in told


def test_a_model_for_another_history(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "lock.jsonl"
    path.write_text('{"process":0,"type":"invoke","f":"acquire"}\n{"process":0,"type":"ok","f":"acquire"}\n')
    code, told = said(capsys, str(path), "--checker", "register")
    assert code == 2
    assert "this model has no operation 'acquire'; it has read, write" in told
    assert "crashed" not in told


# --- models of users -------------------------------------------------------------------------------

GOOD = """
class Model:
    def __init__(self, init=None):
        self.init = init or 7

    def step(self, state, call):
        return state == call.result, state
"""

MODELS: list[tuple[str, str, int, str]] = [
    ("a good one", GOOD, 0, "explains every answer"),
    ("not Python", "class Model\n    pass\n", 4, "model.py cannot be loaded: SyntaxError: expected ':'"),
    ("an import that fails", "import nosuchmodule\n", 4, "No module named 'nosuchmodule' (model.py, line 1)"),
    ("another name", GOOD.replace("Model", "Other"), 4, "model.py defines no Model"),
    ("without init", "class Model:\n    def step(self, state, call):\n        pass\n", 4, "has no init"),
    ("without step", "class Model:\n    init = 0\n", 4, "has no step"),
    ("cannot be made", GOOD.replace("init or 7", "1 / 0"), 4, "division by zero (model.py, line 4)"),
    ("a mistake in step", GOOD.replace("call.result", "call.resalt"), 2, "(model.py, line 7)"),
    ("a list as state", GOOD.replace("init or 7", "[]"), 2, "use tuples and frozensets"),
    ("a list as another", GOOD.replace("result, state", "result, [state]"), 2, "use tuples and frozensets"),
    ("one value only", GOOD.replace("result, state", "result"), 2, "step returned True; a model needs"),
]  # fmt: skip


@pytest.mark.parametrize("limit", [[], ["--time-limit", "60"]], ids=["here", "in a child"])
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model[0])
def test_a_model_with_a_mistake(
    model: tuple[str, str, int, str], limit: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, source, code, names = model
    history = written(tmp_path)
    (tmp_path / "model.py").write_text(source)
    found, told = said(capsys, history, "--model", f"{tmp_path / 'model.py'}:Model", *limit)
    assert names in told
    assert found == code
    assert "crashed" not in told


def test_a_model_without_its_name(history: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = said(capsys, history, "--model", str(tmp_path / "model.py"))
    assert code == 4
    assert "model.py:Name" in told


# --- what only looked like a mistake -----------------------------------------------------------------


def test_a_reader_that_has_had_enough_is_no_failure(tmp_path: Path) -> None:
    path = written(tmp_path)
    script = f"{sys.executable} -m splitbrain check {path} --checker linearizable --model register | true"
    ended = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert ended.stderr == ""


@pytest.mark.parametrize("flags", [["--checker", "bank"], ["--model", "mutex"], ["--option", "a=1"]])
def test_a_manifest_says_itself_how_files_are_judged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: list[str]
) -> None:
    code, told = said(capsys, "--manifest", str(tmp_path / "M.json"), *flags)
    assert code == 4
    assert f"{flags[0]} does not go with --manifest" in told


def test_operations_that_are_no_transactions_do_not_fit(
    history: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = said(capsys, history, "--checker", "list-append")
    assert code == 2
    assert "entry 1: 7 is no transaction; expected one like" in told
    assert "crashed" not in told
