"""`splitbrain check --manifest`: every published collection, with the one disagreement that is argued."""

import os
from pathlib import Path

import pytest

from splitbrain.checking import main

ROOT = Path(os.environ.get("SPLITBRAIN_HISTORIES", Path(__file__).parents[2].parent / "shared" / "histories"))

COLLECTIONS = {
    "MANIFEST.json": (124, ()),
    "litmus/elle_list_append.json": (25, ()),
    "litmus/elle_rw_register.json": (
        16,
        ("read of a never-written value",),
    ),  # docs/findings/garbage-reads.md
    "litmus/jepsen_checkers.json": (17, ()),
}


@pytest.mark.skipif(not (ROOT / "MANIFEST.json").exists(), reason=f"no published histories in {ROOT}")
@pytest.mark.parametrize("name", COLLECTIONS)
def test_every_collection_agrees(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    count, argued = COLLECTIONS[name]
    code = main(["--manifest", str(ROOT / name)])
    said = capsys.readouterr().out
    assert said.endswith(f"agree {count - len(argued)} of {count}\n"), said
    assert all(title in said for title in argued)
    assert code == (1 if argued else 0)


def test_a_disagreement_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "h.jsonl").write_text('{"process":0,"type":"ok","f":"generate","value":1}\n' * 2)
    manifest = tmp_path / "m.json"
    manifest.write_text('{"files": [{"path": "h.jsonl", "checker": "unique-ids", "expected": "valid"}]}')
    assert main(["--manifest", str(manifest)]) == 1
    said = capsys.readouterr().out
    assert "h.jsonl" in said
    assert said.endswith("agree 0 of 1\n")


@pytest.mark.parametrize("text", ["not json", "[]", '{"files": [{}]}', '{"files": [{"path": "none.jsonl"}]}'])
def test_a_manifest_that_is_none(tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = tmp_path / "m.json"
    manifest.write_text(text)
    assert main(["--manifest", str(manifest)]) == 4
    assert "Traceback" not in capsys.readouterr().err
