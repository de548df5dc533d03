"""The page of one checked history: what is wrong, in sentences, with the operations that prove it.

For histories of any tool; runs of this harness have the richer report (`page.py`).  One HTML file with
nothing beside it and no script: pictures are SVG made here, and every value of the history is text.
"""

from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from checker.answer import describe
from checker.classic.element import shown
from checker.history import History, Pair
from checker.verdict import Anomaly, Verdict, worst
from splitbrain import __version__
from splitbrain.report import circle, lanes
from splitbrain.report.circle import Edge

DRAWN = 3
"""Anomalies of each type that are told with a picture; the rest of the type folds away, in sentences."""

STATES = 12
"""Possible states that are shown."""

FIGURE_MAX = 40
"""Characters of one figure in the row of facts."""

EDGES = {
    "wr": "read what the other wrote",
    "ww": "wrote over what the other wrote",
    "rw": "read before the other wrote over it",
    "process": "came later in the same process",
    "realtime": "began after the other had ended",
}
"""What an arrow from A to B says about B; `rw` says it about A."""


def write(target: Path, source: Path, history: History, verdicts: dict[str, Verdict]) -> None:
    """Write the page of a history. Raises OSError."""
    target.write_text(render(source, history, verdicts), encoding="utf-8")


def render(source: Path, history: History, verdicts: dict[str, Verdict]) -> str:
    """The page as text."""
    by_index = {entry.index: pair for pair in history.pairs() for entry in pair if entry is not None}
    checks = [_check(name, verdict, by_index) for name, verdict in verdicts.items()]
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    template = environment.from_string(_asset("verdict_page.html.j2"))
    return template.render(
        file=source.name,
        valid={True: "valid", False: "invalid", "unknown": "unknown"}[_valid(verdicts)],
        checks=checks,
        entries=len(history),
        operations=len(history.pairs()),
        processes=len({pair[0].process for pair in history.pairs()}),
        notes=history.notes,
        meanings=EDGES,
        version=__version__,
        style=Markup(_asset("report.css") + _asset("verdict_page.css")),
    )


def _valid(verdicts: dict[str, Verdict]) -> bool | str:
    return worst(verdict.validity for verdict in verdicts.values()).as_json()


def _check(name: str, verdict: Verdict, by_index: dict[int, Pair]) -> dict[str, Any]:
    stats = describe(verdict)["stats"]
    cycles, failures = list(stats.get("cycles", [])), list(stats.get("failures", []))
    told: dict[str, list[dict[str, Any]]] = {}
    folded: dict[str, list[str]] = {}
    for anomaly in verdict.anomalies:
        cycle = _taken([found for found in cycles if found["type"] == anomaly.type], _entries, anomaly)
        failure = _taken(failures, _stuck, anomaly)
        cycles = [found for found in cycles if found is not cycle]
        failures = [found for found in failures if found is not failure]
        if len(told.setdefault(anomaly.type, [])) < DRAWN:
            told[anomaly.type].append(_anomaly(anomaly, by_index, cycle, failure))
        else:
            folded.setdefault(anomaly.type, []).append(anomaly.sentence)
    return {
        "name": name,
        "reason": _lead(verdict),
        "anomalies": told,
        "folded": folded,
        "allowed": verdict.allowed,
        "figures": _figures(stats),
    }


def _lead(verdict: Verdict) -> str:
    """The reason, without a sentence that follows below anyway."""
    reason = verdict.reason
    for anomaly in verdict.anomalies[:1]:
        reason = reason.replace(anomaly.sentence, "").rstrip(" :;") or anomaly.type
    return reason


def _taken(
    details: list[dict[str, Any]], entries: Callable[[dict[str, Any]], set[int]], anomaly: Anomaly
) -> dict[str, Any] | None:
    """The detail that belongs to an anomaly: its entries are among those that prove the anomaly."""
    proof = set(anomaly.operations)
    return next((found for found in details if entries(found) <= proof), None)


def _entries(cycle: dict[str, Any]) -> set[int]:
    """The entries of the transactions of a cycle."""
    return set(_names(cycle))


def _names(cycle: dict[str, Any]) -> dict[int, str]:
    """Entry -> the name that the cycle gives to its transaction."""
    told = cycle.get("transactions", {})
    return {entry: name for name, transaction in told.items() for entry in transaction["entries"]}


def _stuck(failure: dict[str, Any]) -> set[int]:
    """The entries of the operations that fit nowhere."""
    return {entry for call in failure.get("stuck", []) for entry in call["entries"]}


def _anomaly(
    anomaly: Anomaly, by_index: dict[int, Pair], cycle: dict[str, Any] | None, failure: dict[str, Any] | None
) -> dict[str, Any]:
    pairs = {id(by_index[at]): by_index[at] for at in anomaly.operations if at in by_index}
    marked = _stuck(failure) if failure is not None else set()
    if cycle is None and failure is None:
        marked = {max(anomaly.operations, default=-1)}
    names = {} if cycle is None else _names(cycle)
    return {
        # The edges tell the rest of a cycle, one at a time.
        "sentence": anomaly.sentence if cycle is None else anomaly.sentence.split(". ")[0],
        "key": anomaly.key,
        "time": None if anomaly.time is None else f"{anomaly.time / 1e9:.2f} s",
        "picture": lanes.draw(list(pairs.values()), marked, names) if pairs else Markup(""),
        "more": max(len(pairs) - lanes.MOST, 0),
        "cycle": None if cycle is None else _cycle(cycle),
        "failure": None if failure is None else _failure(failure),
    }


def _figures(stats: dict[str, Any]) -> dict[str, str]:
    """Plain numbers and short lists among the stats, for a row of facts."""
    figures = {}
    for name, value in stats.items():
        told = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        if isinstance(value, (int, float, str, list)) and 0 < len(told) <= FIGURE_MAX:
            figures[name.replace("-", " ").replace("_", " ")] = told
    return figures


def _cycle(cycle: dict[str, Any]) -> dict[str, Any]:
    edges = [Edge(str(s["from"]), str(s["to"]), s["edge"], s["sentence"]) for s in cycle["steps"]]
    names = {name: told["text"] for name, told in cycle.get("transactions", {}).items()}
    return {"edges": edges, "picture": circle.draw(edges), "transactions": names}


def _failure(failure: dict[str, Any]) -> dict[str, Any]:
    """A point where no order of the operations works: what was possible there, and how far one gets."""
    paths = failure.get("paths", [])
    return {
        "prefix": failure.get("prefix"),
        "states": [shown(state) for state in failure.get("states", [])[:STATES]],
        "more": max(len(failure.get("states", [])) - STATES, 0),
        "paths": [[_step(step) for step in path] for path in paths[:3]],
    }


def _step(step: dict[str, Any]) -> dict[str, str]:
    asked = step.get("value") if step.get("value") is not None else step.get("result")
    text = step["f"] + (f" {shown(asked)}" if asked is not None else "")
    return {"text": text, "process": str(step.get("process")), "state": shown(step.get("state"))}


def _asset(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
