"""Every history under tests/histories/<checker>/ against the verdict in its name: -ok, -bad or -unknown.

To add one, record it (or cut a run's history.jsonl down to what matters) and give it a name that ends in the
verdict which it must get.
"""

from pathlib import Path

import pytest

from checker import registry
from checker.history import History
from checker.verdict import Validity

FOLDER = Path(__file__).parent.parent / "histories"
FILES = sorted(FOLDER.glob("*/*.jsonl"))
VERDICTS = {"ok": Validity.VALID, "bad": Validity.INVALID, "unknown": Validity.UNKNOWN}


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_verdict_is_the_one_in_the_name(path: Path) -> None:
    history = History.from_file(path)
    assert history.problems == history.notes == ()
    verdict = registry.check(history, path.parent.name)
    expected = VERDICTS[path.stem.rsplit("-", 1)[1]]
    told = [verdict.reason, *(anomaly.sentence for anomaly in verdict.anomalies)]
    assert verdict.validity is expected, told
    assert bool(verdict.anomalies) == (expected is Validity.INVALID)
    known = {operation.index for operation in history}
    for anomaly in verdict.anomalies:
        assert anomaly.sentence
        assert anomaly.operations
        assert known.issuperset(anomaly.operations)


def test_every_checker_that_can_be_invalid_has_both_kinds() -> None:
    for name in ("causal", "lost-writes", "siblings", "convergence"):
        kinds = {path.stem.rsplit("-", 1)[1] for path in FILES if path.parent.name == name}
        assert kinds >= {"ok", "bad"}, name
