"""unique-ids: was any id handed out twice?

Operations are `generate`; the value of a successful one is the id.  Only acknowledged ids count: an id that
nobody received cannot clash.  Cost: one pass.  Rules and names of fields: jepsen.checker/unique-ids.
"""

from collections.abc import Hashable
from typing import Any

from checker import options as option
from checker.classic.element import identity, shown, times
from checker.classic.findings import VALUES_MAX, Findings, anomaly
from checker.history import History, Pair
from checker.verdict import Anomaly, Verdict
from checker.wording import listed, told


def check(history: History, options: dict[str, Any]) -> Verdict:
    """Judge all ids. Takes no options."""
    option.only(options, "unique-ids")
    attempts = [pair for pair in history.pairs() if pair[0].f == "generate"]
    handed_out: dict[Hashable, list[Pair]] = {}
    for pair in attempts:
        if pair[1] is not None and pair[1].type == "ok":
            handed_out.setdefault(identity(pair[1].value), []).append(pair)
    twice = [pairs for pairs in handed_out.values() if len(pairs) > 1]
    twice.sort(key=len, reverse=True)
    findings = Findings()
    findings.report("duplicate-id", twice, _duplicate)
    acknowledged = sum(map(len, handed_out.values()))
    stats = {
        "attempted-count": len(attempts),
        "acknowledged-count": acknowledged,
        "duplicated-count": len(twice),
        "duplicated": {shown(_id(pairs[0])): len(pairs) for pairs in twice[:VALUES_MAX]},
        "range": _range([_id(pairs[0]) for pairs in handed_out.values()]),
    }
    doubt = "" if acknowledged else "no id was handed out, so nothing can be said about them"
    return findings.verdict(sound=f"all {acknowledged} ids are different", doubt=doubt, stats=stats)


def _id(pair: Pair) -> Any:
    return pair[1].value if pair[1] is not None else None


def _range(ids: list[Any]) -> list[Any]:
    """The least and the greatest id; by their text where they cannot be compared."""
    try:
        return [min(ids), max(ids)] if ids else []
    except TypeError:
        return [min(ids, key=shown), max(ids, key=shown)]


def _duplicate(pairs: list[Pair]) -> Anomaly:
    how_often = times(len(pairs))
    sentence = f"the id {shown(_id(pairs[0]))} was handed out {how_often}: {listed(map(told, pairs))}"
    return anomaly("duplicate-id", sentence, *(operation for pair in pairs for operation in pair))
