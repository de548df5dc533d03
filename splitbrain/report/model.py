"""From a history and its results to what the page shows.

Two parts: `facts`, words and tables that the template lays out and that can be read without JavaScript,
and `data`, what the figures draw.  Nothing is judged here; the verdicts are those of the results.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec

from checker import availability
from checker.history import History
from splitbrain.report import story, timeline, words
from splitbrain.report.story import Pair

DRAWN = 20_000
"""Operations on the page. Of a longer run: all that failed or prove an anomaly, an even part of the rest."""

OPEN = 6
"""Anomalies listed at once; the rest unfold."""

TOLD = 40
"""Anomalies with a figure of their own; the rest are listed as sentences."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a page needs."""

    facts: dict[str, Any]
    data: dict[str, Any]


def build(history: History, results: dict[str, Any], test: dict[str, Any]) -> Report:
    """The report of one run. `results` and `test` are the objects of `results.json` and `test.json`."""
    options = test.get("options") or {}
    pairs = story.pairs(history)
    places = story.by_index(pairs)
    found, stories = story.told_once(words.anomalies(results), pairs, places)
    behind = {places[i] for anomaly in found for i in anomaly.get("operations", ()) if i in places}
    shown = choose(pairs, behind)
    looks = timeline.samples(history)
    end = timeline.duration(history, results)
    lane_of, lane_count = timeline.lanes(pairs, options.get("clients"))
    data = {
        "end": end,
        "phases": timeline.announced(history),
        "nodes": node_names(pairs, looks, results, options),
        "lanes": lane_count,
        "operations": timeline.operations(pairs, lane_of, shown),
        "faults": timeline.faults(results, end),
        "anomalies": [
            _drawn(a, s, looks if n < TOLD else [])
            for n, (a, s) in enumerate(zip(found, stories, strict=True))
        ],
        "siblings": timeline.siblings(pairs, _stats(results, "siblings")),
        "divergent": timeline.divergent(looks),
    }
    facts = {
        "title": title(results),
        "verdict": words.verdict(results.get("valid")).lower(),
        "headline": words.headline(results),
        "lead": words.lead(results),
        "kinds": words.kinds(results),
        "doubts": words.doubts(results),
        "about": about(results, options),
        "replay": results.get("replay", ""),
        "anomalies": _listed(found, stories),
        "checks": _checks(results),
        "guarantees": _guarantees(results),
        "faults": [_fault_row(f) for f in results.get("faults", ())],
        "served": served(history, results),
        "options": {k: v for k, v in options.items() if v not in (None, [], ())},
        "stats": results.get("stats", {}),
        "fingerprint": results.get("fingerprint", ""),
        "interrupted": bool(results.get("interrupted")),
        "drawn": len(shown),
        "total": len(pairs),
        "has_samples": bool(looks),
    }
    return Report(facts=facts, data=data)


def choose(pairs: Sequence[Pair], behind: set[int], limit: int = DRAWN) -> list[int]:
    """Which operations are drawn: everything, or what matters most when there are too many."""
    if len(pairs) <= limit:
        return list(range(len(pairs)))
    special = behind | {n for n, p in enumerate(pairs) if p.outcome != "ok"}
    special = set(sorted(special, key=lambda n: (n not in behind, n))[:limit])
    rest = [n for n in range(len(pairs)) if n not in special]
    room = limit - len(special)
    spread = {rest[i * len(rest) // room] for i in range(room)} if room else set()
    return sorted(special | spread)


def title(results: dict[str, Any]) -> str:
    """The name of the page: what ran, where, with which seed."""
    bug = f", bug {results['bug']} planted" if results.get("bug") else ""
    where = words.place(str(results.get("place", "")))
    return f"{results.get('workload', 'history')} on {where}, seed {results.get('seed')}{bug}"


def about(results: dict[str, Any], options: dict[str, Any]) -> list[tuple[str, str]]:
    """The run in a few labelled figures."""
    stats = results.get("stats", {})
    kinds = Counter(str(f.get("kind")) for f in results.get("faults", ()))
    rows = [("where", words.place(str(results.get("place", "")))), ("seed", str(results.get("seed")))]
    if "nodes" in options:
        quorum = ", ".join(f"{q.upper()} = {options[q]}" for q in ("n", "r", "w") if q in options)
        rows.append(("cluster", f"{options['nodes']} nodes" + (f", {quorum}" if quorum else "")))
    if "clients" in options:
        rows.append(("clients", f"{options['clients']} on {options.get('keys', '?')} keys"))
    if "operations" in stats:
        parts = [f"{stats[k]:,} {name}" for k, name in _OUTCOMES if stats.get(k)]
        rows.append(("operations", f"{stats['operations']:,}: {', '.join(parts)}"))
    rows.append(("faults", ", ".join(f"{n} {_plural(k, n)}" for k, n in kinds.items()) or "none"))
    if results.get("bug"):
        rows.append(("planted bug", str(results["bug"])))
    return rows


def node_names(
    pairs: Sequence[Pair],
    looks: Sequence[tuple[int, dict[str, Any]]],
    results: dict[str, Any],
    options: dict[str, Any],
) -> list[str]:
    """All nodes that appear anywhere, in order."""
    names = {p.invocation.node for p in pairs if p.invocation.node}
    names |= {n for _, replicas in looks[:1] for n in replicas}
    for fault in results.get("faults", ()):
        names |= set(fault.get("targets") or ()) | {n for link in fault.get("links") or () for n in link}
    names |= {f"n{i + 1}" for i in range(int(options.get("nodes") or 0))}
    return sorted(names, key=lambda n: (len(n), n))


def served(history: History, results: dict[str, Any]) -> list[dict[str, Any]]:
    """Success and latency by what was broken: the availability checker's figures, measured now if need be."""
    stats = _stats(results, "availability") or availability.check(history, {}).stats
    return [
        {**row, "phase": _SPELLED.get(name, name.replace("+", " + "))}
        for name, row in stats.get("phases", {}).items()
        if row["operations"] and name not in ("final", "end")
    ]


_SPELLED = {"healthy": "no fault", "settle": "settling"}
_OUTCOMES = (("ok", "ok"), ("fail", "refused"), ("info", "unknown"))


def _plural(word: str, count: int) -> str:
    return word if count == 1 else word + "s"


def _stats(results: dict[str, Any], check: str) -> dict[str, Any]:
    stats: dict[str, Any] = results.get("checks", {}).get(check, {}).get("stats") or {}
    return stats


def _drawn(
    anomaly: dict[str, Any], told: story.Story, looks: Sequence[tuple[int, dict[str, Any]]]
) -> dict[str, Any]:
    """An anomaly for the figures: its operations by index, its steps, where its version was held."""
    steps = [
        {
            "who": s.who,
            "node": s.node,
            "start": timeline.micros(s.start),
            "end": timeline.micros(s.end) if s.end is not None else -1,
            "outcome": timeline.OUTCOMES.index(s.outcome),
            "write": int(s.write),
            "text": s.text,
            "note": s.note,
            "tone": s.tone,
            "index": s.invocation,
        }
        for s in told.steps
    ]
    times = [timeline.micros(s.start) for s in told.steps] or [0]
    at = anomaly.get("time")
    return {
        "type": words.plain(str(anomaly.get("type", ""))),
        "sentence": words.sentence(str(anomaly.get("sentence", ""))),
        "at": timeline.micros(at) if at is not None else max(times),
        "subject": told.subject,
        "key": told.key,
        "steps": steps,
        "holders": timeline.holders(looks, told.key, told.subject),
    }


def _listed(found: list[dict[str, Any]], stories: list[story.Story]) -> list[dict[str, Any]]:
    """Anomalies as text: number, type, sentence, and the lines of the story for readers without figures."""
    return [
        {
            "number": n + 1,
            "type": words.plain(str(a.get("type", ""))),
            "check": a["check"],
            "sentence": words.sentence(str(a.get("sentence", ""))),
            "lines": [story.line(s) for s in stories[n].steps],
        }
        for n, a in enumerate(found)
    ]


def _checks(results: dict[str, Any]) -> list[dict[str, Any]]:
    rows = []
    for name, check in results.get("checks", {}).items():
        found = [sentence for where, sentence in words.summaries(results) if where == name]
        rows.append(
            {
                "name": name,
                "verdict": words.verdict(check.get("valid")).lower(),
                "found": check.get("reason") or "; ".join(found) or "nothing wrong",
                "allowed": [words.counted(k, n) for k, n in check.get("allowed", {}).items() if n],
            }
        )
    return rows


def _guarantees(results: dict[str, Any]) -> list[dict[str, str]]:
    """What is promised, each with the verdict of the check that would notice."""
    checks = results.get("checks", {})
    rows = []
    for row in results.get("guarantees") or ():
        check = str(row.get("check", ""))
        said = words.verdict(checks[check].get("valid")).lower() if check in checks else "not checked"
        rows.append(
            {
                "guarantee": row["guarantee"],
                "promise": row.get("promise", ""),
                "check": check,
                "verdict": said,
            }
        )
    return rows


def _fault_row(fault: dict[str, Any]) -> dict[str, Any]:
    times = [
        words.seconds(t) if (t := fault.get(k)) is not None else "-" for k in ("injected_at", "healed_at")
    ]
    return {
        "title": words.fault(fault),
        "from": times[0],
        "until": times[1],
        "bit": bool(fault.get("bit")),
        "how": fault.get("how") or "",
    }
