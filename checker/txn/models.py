"""Consistency models and anomalies, each a lattice written down as data.

Two relations answer every question about a verdict.  `IMPLIES_MODEL`: a store that keeps the first model
keeps the others, too.  `IMPLIES_ANOMALY`: whoever shows the first anomaly shows the others, too.  A model
proscribes what `PROSCRIBES` lists, what the models below it proscribe, and every anomaly that implies one
of those.

Rules of this file
  1. Data, and closures over it.  Every line names where it comes from.
  2. An anomaly `X` has the variants `X-process` (needs the order of one client's transactions) and
     `X-realtime` (needs the order of the clock); each implies the next, which is weaker evidence.
  3. Names are those of Elle; the names of Adya's thesis (`PL-3`) are accepted as aliases.

Sources: [A] Adya, Weak Consistency, 1999, chapters 3 and 4.  [ALO] Adya, Liskov, O'Neil, Generalized
Isolation Level Definitions, 2000.  [CBG] Cerone, Bernardi, Gotsman, A Framework for Transactional
Consistency Models, 2015.  [B] Bailis et al., Highly Available Transactions, 2013.  [BRAMP] Bailis et al.,
Scalable Atomic Visibility with RAMP, 2014.  [DS] Daudjee, Salem, Lazy Replication with Snapshot Isolation,
2006.  [V] Viotti, Vukolic, Consistency in Non-Transactional Storage, 2016.  [E] Kingsbury, Alvaro, Elle,
2020.
"""

from collections.abc import Iterable, Mapping
from functools import cache

IMPLIES_MODEL: dict[str, dict[str, str]] = {
    # model: {weaker model: source}
    "strict-serializable": {
        "strong-session-serializable": "DS 2",
        "strong-snapshot-isolation": "DS 2",
        "serializable": "A 3.2",
        "linearizable": "V 3.2",
    },
    "strong-session-serializable": {"serializable": "DS 2", "strong-session-snapshot-isolation": "DS 2"},
    "strong-snapshot-isolation": {
        "strong-session-snapshot-isolation": "DS 3",
        "strong-read-committed": "E 4",
    },
    "strong-session-snapshot-isolation": {
        "snapshot-isolation": "DS 3",
        "strong-session-read-committed": "E 4",
    },
    "strong-read-committed": {"strong-session-read-committed": "E 4", "strong-read-uncommitted": "E 4"},
    "strong-session-read-committed": {
        "read-committed": "E 4",
        "strong-session-read-uncommitted": "E 4",
    },
    "strong-read-uncommitted": {"strong-session-read-uncommitted": "E 4"},
    "strong-session-read-uncommitted": {"read-uncommitted": "E 4"},
    "serializable": {
        "repeatable-read": "A fig. 4-1",
        "snapshot-isolation": "CBG 3",
        "update-serializable": "A fig. 4-1",
    },
    "snapshot-isolation": {
        "forward-consistent-view": "A fig. 4-1",
        "monotonic-snapshot-read": "A 4.2",
        "monotonic-atomic-view": "B fig. 2",
        "parallel-snapshot-isolation": "CBG fig. 1",
        "prefix": "CBG fig. 1",
    },
    "update-serializable": {"forward-consistent-view": "A fig. 4-1"},
    "forward-consistent-view": {"consistent-view": "A fig. 4-1"},
    "consistent-view": {"cursor-stability": "A fig. 4-1", "monotonic-view": "A fig. 4-1"},
    "repeatable-read": {"cursor-stability": "A fig. 4-1", "monotonic-atomic-view": "B fig. 2"},
    "parallel-snapshot-isolation": {"causal-cerone": "CBG fig. 1", "update-atomic": "CBG fig. 1"},
    "prefix": {"causal-cerone": "CBG fig. 1"},
    "causal-cerone": {"read-atomic": "CBG fig. 1"},
    "update-atomic": {"read-atomic": "CBG fig. 1"},
    "read-atomic": {"monotonic-atomic-view": "BRAMP 3"},
    "cursor-stability": {"read-committed": "A fig. 4-1"},
    "monotonic-view": {"read-committed": "A fig. 4-1"},
    "monotonic-snapshot-read": {"read-committed": "A 4.2"},
    "monotonic-atomic-view": {"read-committed": "B fig. 2"},
    "read-committed": {"read-uncommitted": "ALO 5"},
    "read-uncommitted": {},
    "linearizable": {"sequential": "V fig. 1"},
    "sequential": {"causal": "V fig. 1"},
    "causal": {"writes-follow-reads": "V fig. 1", "pram": "V fig. 1"},
    "pram": {
        "monotonic-reads": "V fig. 1",
        "monotonic-writes": "V fig. 1",
        "read-your-writes": "V fig. 1",
    },
    "writes-follow-reads": {},
    "monotonic-reads": {},
    "monotonic-writes": {},
    "read-your-writes": {},
}

ALIASES: dict[str, str] = {
    "PL-1": "read-uncommitted",
    "PL-2": "read-committed",
    "PL-2L": "monotonic-view",
    "PL-CS": "cursor-stability",
    "PL-2+": "consistent-view",
    "PL-MSR": "monotonic-snapshot-read",
    "PL-FCV": "forward-consistent-view",
    "PL-SI": "snapshot-isolation",
    "PL-3U": "update-serializable",
    "PL-2.99": "repeatable-read",
    "PL-3": "serializable",
    "PL-SS": "strict-serializable",
    "strong-serializable": "strict-serializable",
    "strong-session-PL-1": "strong-session-read-uncommitted",
    "strong-session-PL-2": "strong-session-read-committed",
    "strong-PL-1": "strong-read-uncommitted",
    "strong-PL-2": "strong-read-committed",
}

PROSCRIBES: dict[str, tuple[tuple[str, ...], str]] = {
    "read-uncommitted": (("G0", "duplicate-elements", "cyclic-versions"), "ALO 5.1"),
    "read-committed": (("G1",), "ALO 5.2"),
    "cursor-stability": (("G-cursor", "lost-update"), "A 4.2.3"),
    "consistent-view": (("G-single",), "A 4.2.2"),
    "repeatable-read": (("G2-item", "lost-update"), "ALO 5.3"),
    "snapshot-isolation": (("internal", "G-nonadjacent"), "A 4.3, CBG 3"),
    "serializable": (("G2", "internal"), "ALO 5.4"),
    "read-atomic": (("internal", "G1a", "future-read"), "CBG 3"),
    "update-atomic": (("lost-update",), "CBG 3"),
    "strong-session-read-uncommitted": (("G0-process",), "E 4"),
    "strong-session-read-committed": (("G1-process",), "E 4"),
    "strong-session-snapshot-isolation": (("G-nonadjacent-process",), "DS 3"),
    "strong-session-serializable": (("G2-process",), "DS 2"),
    "strong-read-uncommitted": (("G0-realtime",), "E 4"),
    "strong-read-committed": (("G1-realtime",), "E 4"),
    "strong-snapshot-isolation": (("G-nonadjacent-realtime",), "DS 3"),
    "strict-serializable": (("G2-realtime",), "A 3.2, DS 2"),
}

_CYCLES: dict[str, tuple[str, ...]] = {
    # Adya's cycles and the weaker anomalies that each is a case of [A 3 and 4; ALO 4].
    "G0": ("G1c",),
    "G1c": ("G1",),
    "G1": (),
    "G-single-item": ("G-single", "G-nonadjacent-item"),
    "G-single": ("G-nonadjacent",),
    "G-nonadjacent-item": ("G-nonadjacent", "G2-item"),
    "G-nonadjacent": ("G2",),
    "G2-item": ("G2",),
    "G2": (),
}

_OTHERS: dict[str, tuple[str, ...]] = {
    "G1a": ("G1",),
    "G1b": ("G1",),
    "garbage-read": ("G1a",),
    "incompatible-order": ("G1a",),
    "dirty-update": ("G1a",),
    "future-read": ("G1c",),
    "lost-update": ("write-skew", "G2-item"),
    "write-skew": ("G2-item",),
    "long-fork": ("G-nonadjacent-item",),
    "G-cursor": ("G-single-item",),
    "internal": (),
    "duplicate-elements": (),
    "cyclic-versions": (),
}

UNSEEN = frozenset({"G-cursor"})
"""Of the lattice only: a history does not say which reads went through a cursor."""


def _with_variants() -> dict[str, tuple[str, ...]]:
    implied = dict(_OTHERS)
    for name, weaker in _CYCLES.items():
        implied[name] = (*weaker, f"{name}-process")
        implied[f"{name}-process"] = (*(f"{w}-process" for w in weaker), f"{name}-realtime")
        implied[f"{name}-realtime"] = tuple(f"{w}-realtime" for w in weaker)
    return implied


IMPLIES_ANOMALY: dict[str, tuple[str, ...]] = _with_variants()


def model_named(name: str) -> str:
    """The canonical name of a model. Raises ValueError that lists the known ones."""
    known = ALIASES.get(name, name)
    if known not in IMPLIES_MODEL:
        raise ValueError(f"no consistency model is called {name!r}; there are {', '.join(IMPLIES_MODEL)}")
    return known


def implied_anomalies(name: str) -> frozenset[str]:
    """The anomaly itself and all that it is a case of."""
    return _reach(name, anomalies=True)


def implied_models(name: str) -> frozenset[str]:
    """The model itself and every weaker one."""
    return _reach(name, anomalies=False)


@cache
def _reach(name: str, *, anomalies: bool) -> frozenset[str]:
    graph: Mapping[str, Iterable[str]] = IMPLIES_ANOMALY if anomalies else IMPLIES_MODEL
    seen, todo = {name}, [name]
    while todo:
        for after in graph[todo.pop()]:
            if after not in seen:
                seen.add(after)
                todo.append(after)
    return frozenset(seen)


@cache
def proscribed(model: str) -> frozenset[str]:
    """All anomalies that the model, or a weaker one, lists as forbidden."""
    return frozenset(a for m in implied_models(model) if m in PROSCRIBES for a in PROSCRIBES[m][0])


def unwanted(models: Iterable[str], anomalies: Iterable[str]) -> frozenset[str]:
    """Every anomaly that breaks one of the models, or is (a case of) one of the anomalies.

    Raises ValueError for a name that nobody knows, and for one of which nothing would ever be found: a
    history must not pass because nobody looked.
    """
    bad: set[str] = set()
    for model in models:
        if not proscribed(model_named(model)):
            judged = ", ".join(name for name in IMPLIES_MODEL if proscribed(name))
            raise ValueError(f"{model} is no model of transactions; this checker judges {judged}")
        bad |= proscribed(model_named(model))
    for name in anomalies:
        if name not in IMPLIES_ANOMALY or name in UNSEEN:
            known = ", ".join(sorted(set(IMPLIES_ANOMALY) - UNSEEN))
            raise ValueError(f"no anomaly is called {name!r}; there are {known}")
        bad.add(name)
    return frozenset(name for name in IMPLIES_ANOMALY if implied_anomalies(name) & bad)


def violated(found: Iterable[str]) -> tuple[list[str], list[str]]:
    """The weakest models that these anomalies break, and the others (all stronger), each sorted."""
    shown: set[str] = set()
    for name in found:
        shown |= implied_anomalies(name) if name in IMPLIES_ANOMALY else set()
    broken = {model for model in IMPLIES_MODEL if proscribed(model) & shown}
    weakest = {m for m in broken if not (implied_models(m) - {m}) & broken}
    return sorted(weakest), sorted(broken - weakest)
