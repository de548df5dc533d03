"""Histories published by Knossos, Porcupine, Elle and elle-cli are read with as many entries as stated."""

import json
from pathlib import Path
from typing import Any

import pytest

from checker.formats.entries import operation_of
from checker.formats.load import load, recognised
from checker.history import History

PUBLISHED = Path(__file__).parents[2].parent / "shared" / "histories"

NOTATIONS = {"jepsen-log": "jepsen-log", "edn-lines": "edn", "edn-vector": "edn-vector", "json": "json-array"}


def _manifest() -> list[dict[str, Any]]:
    path = PUBLISHED / "MANIFEST.json"
    files: list[dict[str, Any]] = json.loads(path.read_text())["files"] if path.exists() else []
    return files


def _litmus() -> list[tuple[str, dict[str, Any]]]:
    return [
        (path.stem, case)
        for path in sorted((PUBLISHED / "litmus").glob("*.json"))
        for case in json.loads(path.read_text())["cases"]
    ]


needs_them = pytest.mark.skipif(not PUBLISHED.exists(), reason="the published histories are not at hand")


@needs_them
def test_every_published_file_is_read_whole() -> None:
    wrong = []
    for entry in _manifest():
        history = load(PUBLISHED / entry["path"])
        stated = entry.get("entries", len(history))
        if len(history) != stated or history.notes or not len(history):
            wrong.append(f"{entry['path']}: {len(history)} entries instead of {stated}; {history.notes}")
    assert not wrong, "\n".join(wrong)
    assert len(_manifest()) >= 124


@needs_them
def test_the_notation_is_recognised_from_the_content() -> None:
    for entry in _manifest():
        stated = NOTATIONS.get(entry["format"].split(" ")[0])
        if stated is not None:
            assert recognised(PUBLISHED / entry["path"]) == stated, entry["path"]


@needs_them
def test_published_operations_are_counted_as_their_projects_count_them() -> None:
    """The manifest counts what clients did; a history without completions counts entries."""
    for entry in _manifest():
        history = load(PUBLISHED / entry["path"])
        if "ops" in entry:
            assert len(history.pairs()) == entry["ops"], entry["path"]
            # Histories cut out of longer ones may hold completions that were not invoked in them.
            assert not any("indexes" in problem for problem in history.problems), history.problems


@needs_them
def test_an_old_log_loses_no_argument() -> None:
    """`:info :cas :timed-out` says why, not what; the invocation knows what was tried."""
    for path in sorted((PUBLISHED / "porcupine/test_data/jepsen").glob("*.log")):
        for invoked, completed in load(path).pairs():
            if completed is not None and completed.type in ("info", "fail"):
                assert completed.value == invoked.value
            if completed is not None and completed.type == "info":
                assert completed.error == "timed-out"


@needs_them
@pytest.mark.parametrize(
    ("file", "case"), _litmus(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_litmus_histories_are_read(file: str, case: dict[str, Any]) -> None:
    entries = case["history"]
    history = History(operation_of(entry) for entry in entries)
    assert len(history) == len(entries)
    assert [operation.value for operation in history] == [entry.get("value") for entry in entries]
