"""stats: how did each kind of operation end?

Counts completions of clients by outcome, in all and by `f`.  Invalid when some kind of operation never
succeeded: whatever else was checked, that kind was not tested.  (Jepsen's own documentation calls this case
unknown, its code and its tests call it false; what runs is what people rely on.)

Cost: one pass.  Names of fields: jepsen.checker/stats; `open-count` are invocations without completion.
"""

from collections import Counter
from typing import Any

from checker import kernel
from checker import options as option
from checker.classic.findings import Findings
from checker.history import History
from checker.verdict import Anomaly, Verdict
from checker.wording import plural


def check(history: History, options: dict[str, Any]) -> Verdict:
    """Count. Takes no options."""
    option.only(options, "stats")
    by_f, first = _counted(history)
    never = [name for name, counts in by_f.items() if not counts["ok"]]
    findings = Findings()
    findings.report("never-succeeded", never, lambda name: _never(name, by_f[name], first[name]))
    total = sum(by_f.values(), Counter())
    stats = _counts(total) | {"by-f": {name: _counts(counts) for name, counts in sorted(by_f.items())}}
    doubt = "" if by_f else "no client did anything"
    sound = f"{plural(stats['count'], 'operation')} of {plural(len(by_f), 'kind')}, each kind succeeded"
    return findings.verdict(sound=sound, doubt=doubt, stats=stats)


def _counted(history: History) -> tuple[dict[str, Counter[str]], dict[str, int]]:
    """Outcomes, and the index of the first invocation, by `f` in the order of these."""
    if history.table is not None and kernel.available():
        from checker.classic.client_columns import in_columns
        from checker.classic.outcome_columns import counted

        if (found := in_columns(history, counted)) is not None:
            return found
    by_f: dict[str, Counter[str]] = {}
    first: dict[str, int] = {}
    for begin, end in history.pairs():
        by_f.setdefault(begin.f, Counter())["open" if end is None else end.type] += 1
        first.setdefault(begin.f, begin.index)
    return by_f, first


def _counts(counts: Counter[str]) -> dict[str, Any]:
    return {
        "valid": counts["ok"] > 0,
        "count": counts["ok"] + counts["fail"] + counts["info"],
        "ok-count": counts["ok"],
        "fail-count": counts["fail"],
        "info-count": counts["info"],
        "open-count": counts["open"],
    }


def _never(name: str, counts: Counter[str], first: int) -> Anomaly:
    unknown = counts["info"] + counts["open"]
    sentence = (
        f"{name} never succeeded: {counts['fail']} failed and the outcome of {unknown} is unknown; "
        "whatever depends on it was not tested"
    )
    return Anomaly(type="never-succeeded", sentence=sentence, operations=(first,))
