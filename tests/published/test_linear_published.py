"""The linearizability checker against what Porcupine, Knossos and elle-cli publish with a verdict."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from checker.formats.load import load
from checker.linear import checker
from checker.verdict import Validity

ROOT = Path(os.environ.get("SPLITBRAIN_HISTORIES", Path(__file__).parents[2].parent / "shared" / "histories"))
MODELS = {"cas-register": "cas-register", "multi-register": "multi-register", "kv": "kv"}


def entries() -> list[dict[str, Any]]:
    manifest = ROOT / "MANIFEST.json"
    if not manifest.exists():
        return []
    files = json.loads(manifest.read_text())["files"]
    return [entry for entry in files if entry["checker"].split()[0] in MODELS]


@pytest.mark.skipif(not entries(), reason=f"no published histories in {ROOT}")
@pytest.mark.parametrize("failed_cas", ["ignore", "observe"])
def test_every_published_history_gets_its_published_verdict(failed_cas: str) -> None:
    """Knossos ignores failed compare-and-sets in its histories: there a client without answer fails, too."""
    wrong = []
    for entry in entries():
        if failed_cas == "observe" and not entry["path"].startswith("porcupine"):
            continue
        options = {**(entry.get("options") or {}), "model": MODELS[entry["checker"].split()[0]]}
        verdict = checker.check(load(ROOT / entry["path"]), {**options, "failed-cas": failed_cas})
        expected = Validity.VALID if entry["expected"] == "linearizable" else Validity.INVALID
        if verdict.validity is not expected:
            wrong.append(
                (entry["path"], verdict.validity, [anomaly.sentence for anomaly in verdict.anomalies])
            )
    assert not wrong, wrong
    assert len(entries()) >= 100
