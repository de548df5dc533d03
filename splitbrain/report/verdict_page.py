"""The page of one checked history: what is wrong, in sentences, with the operations that prove it.

For histories of any tool; runs of this harness have the richer report (`page.py`).  One HTML file with
nothing beside it and no script: pictures are SVG made here, and every value of the history is text.
"""

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

DRAWN = 20
"""Anomalies with a picture, over all checkers; the rest is listed in sentences."""

STATES = 12
"""Possible states that are shown."""

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
    room = DRAWN
    checks = []
    for name, verdict in verdicts.items():
        checks.append(_check(name, verdict, by_index, room))
        room = max(room - len(verdict.anomalies), 0)
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    template = environment.from_string(_asset("verdict_page.html.j2"))
    return template.render(
        file=source.name,
        valid={True: "valid", False: "invalid", "unknown": "unknown"}[_valid(verdicts)],
        checks=checks,
        entries=len(history),
        operations=len(history.pairs()),
        processes=len({pair[0].process for pair in history.pairs()}),
        notes=[*history.notes, *history.problems[:5]],
        meanings=EDGES,
        version=__version__,
        style=Markup(_asset("report.css") + _asset("verdict_page.css")),
    )


def _valid(verdicts: dict[str, Verdict]) -> bool | str:
    return worst(verdict.validity for verdict in verdicts.values()).as_json()


def _check(name: str, verdict: Verdict, by_index: dict[int, Pair], room: int) -> dict[str, Any]:
    stats = describe(verdict)["stats"]
    found = [_anomaly(anomaly, by_index, at < room) for at, anomaly in enumerate(verdict.anomalies)]
    return {
        "name": name,
        "reason": verdict.reason,
        "anomalies": found,
        "allowed": verdict.allowed,
        "figures": _figures(stats),
        "cycles": _cycles(stats.get("cycles", [])),
        "failures": [_failure(failure) for failure in stats.get("failures", [])],
    }


def _anomaly(anomaly: Anomaly, by_index: dict[int, Pair], drawn: bool) -> dict[str, Any]:
    pairs = {id(by_index[at]): by_index[at] for at in anomaly.operations if at in by_index}
    last = max(anomaly.operations, default=-1)
    return {
        "type": anomaly.type,
        "sentence": anomaly.sentence,
        "key": anomaly.key,
        "time": None if anomaly.time is None else f"{anomaly.time / 1e9:.2f} s",
        "picture": lanes.draw(list(pairs.values()), {last}) if drawn and pairs else Markup(""),
        "more": max(len(pairs) - lanes.MOST, 0) if drawn else 0,
    }


def _figures(stats: dict[str, Any]) -> dict[str, str]:
    """Plain numbers and short values among the stats, for a row of facts."""
    return {
        name.replace("-", " ").replace("_", " "): shown(value)
        for name, value in stats.items()
        if isinstance(value, (int, float, str))
        or (isinstance(value, list) and value and len(shown(value)) <= 40)
    }


def _cycles(cycles: list[dict[str, Any]]) -> list[dict[str, Any]]:
    told = []
    for cycle in cycles[:DRAWN]:
        edges = [
            Edge(str(step["from"]), str(step["to"]), step["edge"], step["sentence"])
            for step in cycle["steps"]
        ]
        told.append({"type": cycle.get("type", "cycle"), "edges": edges, "picture": circle.draw(edges)})
    return told


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
