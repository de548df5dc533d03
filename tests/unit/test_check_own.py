"""What the checkers of Dynamo histories have in common: options, counts, and what they load."""

import subprocess
import sys

import pytest

from checker import registry
from checker.dynamo.findings import LISTED, Findings
from checker.history import History
from checker.options import OptionError
from checker.verdict import Anomaly, Validity
from tests.unit.script import Script

KNOWN = {
    "convergence": "it knows primaries",
    "freshness": "it knows mode",
    "staleness": "it knows n, r, w, fit, seed",
    "monotonicity": "it knows mode",
    "tombstones": "it knows mode",
}


@pytest.mark.parametrize("name", registry.OWN)
def test_an_option_that_a_checker_does_not_have_is_refused(name: str) -> None:
    with pytest.raises(
        OptionError, match=f"{name} has no option 'colour'; {KNOWN.get(name, 'it takes none')}"
    ):
        registry.check(History([]), name, {"colour": 1})


def test_everything_is_counted_and_the_first_of_each_type_are_listed() -> None:
    found = Findings()
    for at in reversed(range(LISTED + 5)):
        found.add("much", at, 0, lambda at=at: Anomaly(type="much", sentence=str(at)))  # type: ignore[misc]
    found.add("little", 3, 0, lambda: Anomaly(type="little", sentence="once"))
    assert found.counts == {"much": LISTED + 5, "little": 1}
    told = found.told()
    assert [each.sentence for each in told if each.type == "much"] == [str(at) for at in range(LISTED)]
    assert told[3].type == "little" or told[4].type == "little"


def broken() -> Script:
    """A store that loses everything but the first write of each key, and remembers nothing."""
    script = Script()
    for number in range(LISTED + 5):
        script.put(f"w{number}", f"w{number - 1}" if number else "never", process=1, key="k")
        script.put(f"x{number}", process=2, key=f"key-{number}")
        script.get(f"w{number}", f"w{number}", "phantom", process=1, key=f"key-{number}")
        script.get(process=1, key="k")
    script.final("w0", key="k")
    for number in range(LISTED + 5):
        script.final(key=f"key-{number}")
    script.look(n1={f"key-{number}": ["a"] for number in range(LISTED + 5)}, n2={"k": []})
    nothing: dict[str, list[str]] = {f"key-{number}": [] for number in range(LISTED + 5)}
    script.look(
        n1=nothing | {"k": ["w0"]}, n2={f"key-{number}": ["a"] for number in range(LISTED + 5)}, final=True
    )
    return script


@pytest.mark.parametrize(
    "name", ["causal", "lost-writes", "siblings", "convergence", "freshness", "monotonicity"]
)
def test_a_checker_that_lists_the_first_tells_how_many_there_are(name: str) -> None:
    options = {"mode": "strict"} if name in ("freshness", "monotonicity") else {}
    verdict = registry.check(broken().history(), name, options)
    assert verdict.validity is Validity.INVALID
    for kind, number in verdict.stats["found"].items():
        listed = sum(anomaly.type == kind for anomaly in verdict.anomalies)
        assert listed == min(number, LISTED), kind
    assert max(verdict.stats["found"].values()) > LISTED


def test_small_histories_are_judged_without_numpy() -> None:
    names = tuple(registry.OWN)
    program = (
        "import sys; from checker import registry; from checker.history import History\n"
        f"for name in {names}: registry.check(History([]), name)\n"
        "print('numpy' in sys.modules, 'numba' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
