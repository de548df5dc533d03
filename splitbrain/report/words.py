"""The words of reports: verdicts, anomalies, faults and times as a newcomer reads them.

The console and the page say the same thing in the same words because both take them from here.  Anything
unknown (a checker or a fault kind that was added later) still gets a readable phrase made from its name.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000

_ANOMALIES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "lost-write": ("acknowledged write was lost", "acknowledged writes were lost"),
        "lost-item": ("acknowledged cart item was lost", "acknowledged cart items were lost"),
        "resurrected-delete": ("deleted version came back", "deleted versions came back"),
        "resurrected-version": ("replaced version came back", "replaced versions came back"),
        "phantom-version": ("version was read that nobody wrote", "versions were read that nobody wrote"),
        "false-sibling": (
            "read showed a version beside one that replaced it",
            "reads showed a version beside one that replaced it",
        ),
        "duplicate-sibling": ("read showed a version twice", "reads showed a version twice"),
        "sibling-explosion": (
            "read showed more siblings than there were concurrent writes",
            "reads showed more siblings than there were concurrent writes",
        ),
        "divergent-replicas": (
            "key never became equal on its replicas",
            "keys never became equal on their replicas",
        ),
        "hints-left": (
            "node kept hints that it never delivered",
            "nodes kept hints that they never delivered",
        ),
        "repair-never-stops": ("repair never came to rest", "repairs never came to rest"),
        "stale-read": ("read missed an acknowledged write", "reads missed an acknowledged write"),
        "stale-delete": ("read showed a deleted version", "reads showed a deleted version"),
        "resurfaced-item": (
            "removed item came back into its cart",
            "removed items came back into their carts",
        ),
    }
)

_PLACES: Mapping[str, str] = MappingProxyType(
    {
        "sim": "the simulator",
        "local": "local processes",
        "docker": "Docker containers",
        "ssh": "remote hosts",
    }
)


def place(name: str) -> str:
    """Where a run took place."""
    return _PLACES.get(name, name)


def counted(kind: str, count: int) -> str:
    """`3 acknowledged writes were lost`."""
    one, many = _ANOMALIES.get(kind, (f"case of {plain(kind)}", f"cases of {plain(kind)}"))
    return f"{count:,} {one if count == 1 else many}"


def plain(name: str) -> str:
    """A kebab-case name as words."""
    return name.replace("-", " ").replace("_", " ")


def seconds(time_ns: int | float) -> str:
    """A moment of the run, as on the time axis."""
    return f"{time_ns / NS_PER_S:.2f} s"


def span(duration_ns: int | float) -> str:
    """A duration, in the unit that suits it."""
    milliseconds = duration_ns / NS_PER_MS
    if milliseconds >= 1000:
        return f"{milliseconds / 1000:.1f} s"
    return f"{milliseconds:.0f} ms" if milliseconds >= 10 else f"{milliseconds:.1f} ms"


def verdict(valid: object) -> str:
    """`valid`, `INVALID` or `unknown`."""
    return {True: "valid", False: "INVALID"}.get(valid, "unknown") if isinstance(valid, bool) else "unknown"


def anomalies(results: dict[str, Any]) -> list[dict[str, Any]]:
    """All anomalies of all checks, each with the name of its check; those that tell a cause come first."""
    return [
        {**anomaly, "check": name}
        for name in ranked(results)
        for anomaly in results["checks"][name].get("anomalies", ())
    ]


def ranked(results: dict[str, Any]) -> list[str]:
    """The checks, invalid ones first; of these the one that names causes before the others."""
    checks = results.get("checks", {})
    return sorted(checks, key=lambda name: (checks[name].get("valid") is not False, name != "lost-writes"))


def summaries(results: dict[str, Any]) -> list[tuple[str, str]]:
    """One sentence per anomaly type and check: (check, sentence)."""
    return [(check, counted(kind, number)) for check, kind, number in _tally(results)]


def _tally(results: dict[str, Any]) -> list[tuple[str, str, int]]:
    """(check, anomaly type, how many), in the order of the anomalies.

    A checker tells only the first of very many anomalies; how many there were, its reason or stats say.
    """
    found = []
    for (name, kind), told in Counter((a["check"], a["type"]) for a in anomalies(results)).items():
        check = results["checks"][name]
        counts = [told]
        if number := re.search(rf"(\d+) {re.escape(kind)}\b", str(check.get("reason", ""))):
            counts.append(int(number[1]))
        if kind == "lost-write":
            counts.append(int((check.get("stats") or {}).get("lost", 0)))
        found.append((name, kind, max(counts)))
    return found


def kinds(results: dict[str, Any]) -> list[str]:
    """One sentence per anomaly type.

    Checks that found the same are not added up: the count is that of the check that names causes.
    """
    first: dict[str, int] = {}
    for _, kind, number in _tally(results):
        first.setdefault(kind, number)
    return [counted(kind, number) for kind, number in first.items()]


def headline(results: dict[str, Any]) -> str:
    """The verdict in one sentence, for the top of the page."""
    match results.get("valid"):
        case True:
            faults = sum(bool(f.get("bit")) for f in results.get("faults", ()))
            under = {0: "", 1: " under one fault"}.get(faults, f" under {faults} faults")
            return f"Every promise held{under}."
        case False:
            found = kinds(results)
            return f"{found[0]}." if found else "A promise was broken."
        case _:
            return "Inconclusive: this run proves less than it set out to."


def lead(results: dict[str, Any]) -> str:
    """What stands below the headline: the first anomaly, or what the checks found of a run that held."""
    found = anomalies(results)
    if found:
        return sentence(str(found[0].get("sentence", "")))
    checks = results.get("checks", {})
    wanted = [n for n in ("lost-writes", "convergence") if n in checks] or list(checks)[:2]
    reasons = [str(checks[n].get("reason", "")) for n in wanted if checks[n].get("valid") is True]
    return " ".join(sentence(reason) for reason in reasons if reason)


def sentence(text: str) -> str:
    """With a full stop. A version id at the beginning keeps its small letter."""
    text = text.strip()
    begins = text.split(" ", 1)[0]
    if begins.isalpha():
        text = text[:1].upper() + text[1:]
    return text if not text or text[-1] in ".!?" else f"{text}."


def doubts(results: dict[str, Any]) -> list[str]:
    """Why a run is inconclusive: the run's own doubts, then checks that could not decide."""
    undecided = [
        f"{name}: {check.get('reason') or 'no reason given'}"
        for name, check in results.get("checks", {}).items()
        if not isinstance(check.get("valid"), bool)
    ]
    return [*results.get("inconclusive", ()), *undecided]


def fault(fields: Mapping[str, Any]) -> str:
    """`partition, isolate one: n3 (drop)`."""
    name = str(fields.get("kind", "fault"))
    shape = plain(str(fields.get("shape") or ""))
    targets = " ".join(fields.get("targets") or ())
    mode = fields.get("mode")
    text = f"{name}, {shape}" if shape else name
    return text + (f": {targets}" if targets else "") + (f" ({mode})" if mode else "")


def short_fault(fields: Mapping[str, Any]) -> str:
    """What fits onto a band of the time axis."""
    if fields.get("kind") == "partition":
        mode = fields.get("mode")
        return plain(str(fields.get("shape") or "partition")) + (f" · {mode}" if mode else "")
    return _PAST.get(str(fields.get("kind")), str(fields.get("kind", "fault")))


_PAST: Mapping[str, str] = MappingProxyType({"kill": "killed", "pause": "paused"})


def listing(names: Iterable[str], limit: int = 6) -> str:
    """`w1, w2 and 3 more`."""
    all_names = list(names)
    shown = ", ".join(all_names[:limit])
    return shown if len(all_names) <= limit else f"{shown} and {len(all_names) - limit} more"
