"""unique-ids: was any id handed out twice?

Operations are `generate`; the value of a successful one is the id.  Only acknowledged ids count: an id that
nobody received cannot clash.  Cost: one pass.  Rules and names of fields: jepsen.checker/unique-ids.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, NamedTuple

from checker import kernel
from checker import options as option
from checker.classic.element import identity, shown, times
from checker.classic.findings import LISTED, VALUES_MAX, Findings, anomaly
from checker.history import History, Pair
from checker.verdict import Anomaly, Verdict
from checker.wording import listed, told

PROOF = 20
"""So many of the operations that handed out one id are named."""


class HandedOut(NamedTuple):
    """Ids as numbers: how many different ones there are, and of those handed out twice or more how often.

    `twice` has the most frequent first.  `range` gives the least and the greatest id, `pairs_of` the first
    operations that handed out one.
    """

    attempted: int
    acknowledged: int
    different: int
    twice: Sequence[tuple[int, int]]
    values: Callable[[Iterable[int]], list[Any]]
    range: Callable[[], list[Any]]
    pairs_of: Callable[[int], list[Pair]]


def check(history: History, options: dict[str, Any]) -> Verdict:
    """Judge all ids. Takes no options."""
    option.only(options, "unique-ids")
    if history.table is not None and kernel.available():
        from checker.classic.client_columns import in_columns
        from checker.classic.id_columns import handed_out

        verdict = in_columns(history, lambda clients: _verdict(handed_out(clients)))
        if verdict is not None:
            return verdict
    return _verdict(_handed_out(history))


def _handed_out(history: History) -> HandedOut:
    attempts = [pair for pair in history.pairs() if pair[0].f == "generate"]
    by_id: dict[Hashable, list[Pair]] = {}
    for pair in attempts:
        if pair[1] is not None and pair[1].type == "ok":
            by_id.setdefault(identity(pair[1].value), []).append(pair)
    ids = list(by_id.values())
    twice = [(at, len(pairs)) for at, pairs in enumerate(ids) if len(pairs) > 1]
    return HandedOut(
        attempted=len(attempts),
        acknowledged=sum(map(len, ids)),
        different=len(ids),
        twice=sorted(twice, key=lambda found: -found[1]),
        values=lambda wanted: [_id(ids[at][0]) for at in wanted],
        range=lambda: range_of([_id(pairs[0]) for pairs in ids]),
        pairs_of=lambda at: ids[at][:PROOF],
    )


def _id(pair: Pair) -> Any:
    return pair[1].value if pair[1] is not None else None


def _verdict(ids: HandedOut) -> Verdict:
    listed_ids = ids.twice[: max(LISTED, VALUES_MAX)]
    names = dict(zip((at for at, _ in listed_ids), ids.values(at for at, _ in listed_ids), strict=True))
    findings = Findings()
    findings.report("duplicate-id", ids.twice, lambda f: _duplicate(names[f[0]], f[1], ids.pairs_of(f[0])))
    stats = {
        "attempted-count": ids.attempted,
        "acknowledged-count": ids.acknowledged,
        "duplicated-count": len(ids.twice),
        "duplicated": {shown(names[at]): count for at, count in ids.twice[:VALUES_MAX]},
        "range": ids.range(),
    }
    doubt = "" if ids.acknowledged else "no id was handed out, so nothing can be said about them"
    return findings.verdict(sound=f"all {ids.acknowledged} ids are different", doubt=doubt, stats=stats)


def range_of(ids: list[Any]) -> list[Any]:
    """The least and the greatest id; by their text where they cannot be compared."""
    try:
        return [min(ids), max(ids)] if ids else []
    except TypeError:
        return [min(ids, key=shown), max(ids, key=shown)]


def _duplicate(name: Any, count: int, pairs: list[Pair]) -> Anomaly:
    by = listed(map(told, pairs)) if count <= len(pairs) else f"first {told(pairs[0])}"
    sentence = f"the id {shown(name)} was handed out {times(count)}: {by}"
    return anomaly("duplicate-id", sentence, *(operation for pair in pairs for operation in pair))
