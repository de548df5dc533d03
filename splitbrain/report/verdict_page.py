"""The page of one checked history: what is wrong, in sentences, with the operations that prove it.

For histories of any tool; runs of this harness have the richer report (`page.py`).  One HTML file with
nothing beside it: pictures are SVG made here, and every value of the history is text.  Only failures of
linearizability, of which there is more to see than fits a picture, bring a script along (`explorer.js`), and
can be read without it.
"""

import functools
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from checker.answer import describe
from checker.classic.element import shown
from checker.history import History
from checker.verdict import Anomaly, Verdict, worst
from splitbrain import __version__
from splitbrain.report import explorer, facts, figures, meanings, page, plain
from splitbrain.report.crossing import Circle, Told
from splitbrain.report.evidence import Evidence
from splitbrain.report.figures import Scene

DRAWN = 3
"""Anomalies of each type that are told with a picture; the rest of the type folds away, in sentences."""

FOLDED = 200
"""Anomalies of each type that are told in sentences; of the rest only the number is."""

SCRIPTS = ("explorer_stage.js", "explorer.js")

STATES = 12
"""Possible states that are shown."""

BEGINNINGS = frozenset(
    ("a", "an", "client", "each", "every", "no", "nobody", "sessions", "the", "transactions", "two", "writes")
)
"""Words that a sentence may begin with; anything else may be the name of something."""

EDGES = {
    "wr": "read what the other wrote",
    "ww": "wrote over what the other wrote",
    "rw": "read before the other wrote over it",
    "process": "came later, by the same client",
    "realtime": "began after the other had ended",
    "seen": "had been shown the other",
}
"""What an arrow from A to B says about B; `rw` says it about A."""


def write(target: Path, source: Path, history: History, verdicts: dict[str, Verdict]) -> None:
    """Write the page of a history. Raises OSError."""
    target.write_text(render(source, history, verdicts), encoding="utf-8")


def render(source: Path, history: History, verdicts: dict[str, Verdict]) -> str:
    """The page as text."""
    evidence = Evidence(history)
    checks = [_check(name, verdict, evidence) for name, verdict in verdicts.items()]
    explored = any(check["explorer"] is not None for check in checks)
    rendered = _template().render(
        file=source.name,
        valid={True: "valid", False: "invalid", "unknown": "unknown"}[_valid(verdicts)],
        checks=checks,
        entries=len(history),
        operations=evidence.count,
        processes=evidence.processes,
        notes=history.notes,
        meanings=EDGES,
        version=__version__,
        style=Markup(_asset("report.css") + _asset("verdict_page.css")),
        script=Markup(page.joined(SCRIPTS)) if explored else None,
    )
    return plain.page(rendered)


@functools.cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    environment.filters["sentence"] = _sentence
    return environment.from_string(_asset("verdict_page.html.j2"))


def _valid(verdicts: dict[str, Verdict]) -> bool | str:
    return worst(verdict.validity for verdict in verdicts.values()).as_json()


def _check(name: str, verdict: Verdict, evidence: Evidence) -> dict[str, Any]:
    stats = describe(verdict)["stats"]
    failures = list(stats.get("failures", []))
    told = Told(stats)
    groups: dict[str, dict[str, Any]] = {}
    explored: list[tuple[str, dict[str, Any]]] = []
    for anomaly in verdict.anomalies:
        failure = _failure_of(failures, anomaly)
        cycles = told.cycles(anomaly)
        group = groups.setdefault(anomaly.type, _group(anomaly.type))
        group["count"] += 1
        if failure is not None:
            failures.remove(failure)
            explored.append((_sentence(anomaly.sentence), failure))
        # All failures of linearizability are in one picture, in which keys are chosen.
        if len(group["drawn"]) < (DRAWN if failure is None else 1):
            scene = Scene(
                checker=name,
                anomaly=anomaly,
                stats=stats,
                number=group["count"] - 1,
                pairs=evidence.pairs(anomaly.operations),
                evidence=evidence,
                cyclic=bool(cycles),
            )
            group["drawn"].append(_anomaly(scene, cycles or told.finding(anomaly), failure))
        elif len(group["folded"]) < FOLDED:
            group["folded"].append(anomaly.sentence)
    return {
        "name": name,
        "reason": _lead(verdict),
        "groups": list(groups.values()),
        "bars": any(each["picture"].lanes for group in groups.values() for each in group["drawn"]),
        "allowed": verdict.allowed,
        "figures": facts.of(stats),
        "explorer": page.embed(plain.data(explorer.explore(explored, evidence))) if explored else None,
    }


def _group(kind: str) -> dict[str, Any]:
    return {"type": kind, "meaning": meanings.of(kind), "count": 0, "drawn": [], "folded": []}


def _lead(verdict: Verdict) -> str:
    """The reason, without a sentence that follows below anyway."""
    reason = verdict.reason
    for anomaly in verdict.anomalies[:1]:
        reason = reason.replace(anomaly.sentence, "").rstrip(" :;") or anomaly.type
    return plain.short(reason)


def _failure_of(failures: list[dict[str, Any]], anomaly: Anomaly) -> dict[str, Any] | None:
    """The failure that belongs to an anomaly: what fits nowhere is among the entries that prove it."""
    proof = set(anomaly.operations)
    return next((found for found in failures if explorer.stuck_entries(found) <= proof), None)


def _anomaly(
    scene: Scene, told: list[Circle] | Circle | None, failure: dict[str, Any] | None
) -> dict[str, Any]:
    anomaly = scene.anomaly
    ringed = explorer.stuck_entries(failure) if failure is not None else set()
    circles = told if isinstance(told, list) else [told._replace(edges=[])] if told is not None else []
    # The edges tell the rest of a circle, one at a time; who is who stands beside the picture.
    parts = anomaly.sentence.split(". ")
    said = parts[0] if scene.cyclic else parts[-1] if circles else anomaly.sentence
    picture = figures.draw(scene, circles, ringed)
    return {
        "sentence": _sentence(said),
        "key": None if anomaly.key is None else plain.short(anomaly.key, plain.WORD),
        "time": None if anomaly.time is None else f"{anomaly.time / 1e9:.2f} s",
        "picture": picture,
        "failure": None if failure is None else _failure(failure),
    }


def _sentence(text: str) -> str:
    """With a capital letter, unless it begins with a name or a value, and a full stop."""
    first = text.split(" ", 1)[0]
    text = f"{text[:1].upper()}{text[1:]}" if first in BEGINNINGS else text
    text = plain.short(text)
    return text if text[-1:] in (".", "!", "?") else f"{text}."


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
