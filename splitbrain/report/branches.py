"""Anomalies of a Dynamo store as pictures of versions: what a read showed, what is missing or back."""

from typing import NamedTuple

from markupsafe import Markup

from checker.history import Pair
from checker.verdict import Anomaly
from checker.wording import who
from splitbrain.report import tree
from splitbrain.report.evidence import Evidence
from splitbrain.report.tree import Node, Seen

MISSED = frozenset({"lost-write", "stale-read", "forgotten-version", "unread-write"})
"""Something should be in the read, or have been seen by what is in it."""

BACK = frozenset(
    {"resurrected-delete", "resurrected-version", "reappeared-version", "stale-delete", "false-sibling"}
)
"""Something in the read should be gone."""

TYPES = MISSED | BACK | {"phantom-version", "duplicate-sibling", "sibling-explosion"}


TOO = "not there, either"
"""Said of other acknowledged versions that are missing."""

LATER = 5
"""Versions that had seen the missing one and are drawn."""


class _Key(NamedTuple):
    """What is known of the versions of a key.

    `writes`: version -> its operation; `shown` is what the read showed, `proof` are the versions that other
    operations of the proof wrote or were shown.
    """

    writes: dict[str, Pair]
    seen: Seen
    shown: tuple[str, ...]
    proof: list[str]


def draw(anomaly: Anomaly, evidence: Evidence) -> tuple[Markup, str] | None:
    """The picture and its caption; None where the history does not name versions."""
    found = _scene(anomaly, evidence)
    if found is None:
        return None
    read, key, names, more = found
    wrong = _wrong(anomaly, key)
    nodes = [_node(name, key, wrong.get(name, "")) for name in sorted(names, key=lambda n: _age(n, key))]
    left = f" {more} more versions are not drawn." if more else ""
    return tree.draw(nodes, key.seen), f"{_caption(anomaly, read)}{left}"


def writers(anomaly: Anomaly, evidence: Evidence) -> list[Pair]:
    """The operations that wrote the versions of the picture, for the lanes beside it."""
    found = _scene(anomaly, evidence)
    if found is None:
        return []
    _, key, names, _ = found
    return [key.writes[name] for name in names if name in key.writes]


def _scene(anomaly: Anomaly, evidence: Evidence) -> tuple[Pair, _Key, list[str], int] | None:
    """What shows the anomaly, what is known of the key, which versions are drawn, and how many are not."""
    pairs = evidence.pairs(anomaly.operations)
    if not pairs:
        return None
    last = max(anomaly.operations)
    read = next(pair for pair in pairs if last in {entry.index for entry in pair if entry is not None})
    key = _key(read, pairs, evidence)
    wanted = [*key.proof, *dict.fromkeys(key.shown)]
    if anomaly.type in MISSED:
        # What had seen the missing one would stand for it, were it there.
        later = [name for name in key.seen if key.seen[name].intersection(key.proof)]
        wanted += later[:LATER]
    names, more = tree.chosen(wanted, key.seen)
    return (read, key, names, more) if names else None


def _key(read: Pair, pairs: list[Pair], evidence: Evidence) -> _Key:
    near = evidence.of_key(read[0].key) if read[0].key is not None else []
    writes = {pair[0].write: pair for pair in [*near, *pairs] if pair[0].write is not None}
    seen = {
        name: set(end.reads or ()) if end is not None else set(begin.reads or ())
        for name, (begin, end) in writes.items()
    }
    shown = (read[1].reads or ()) if read[1] is not None else ()
    others = [pair for pair in pairs if pair is not read]
    wrote = [begin.write for begin, _ in others if begin.write is not None]
    saw = [
        name for begin, end in others if begin.write is None and end is not None for name in end.reads or ()
    ]
    return _Key(writes, seen, shown, list(dict.fromkeys([*wrote, *saw])))


def _wrong(anomaly: Anomaly, key: _Key) -> dict[str, str]:
    """Version -> what is wrong with it, in a few words."""
    there = set(key.shown).union(*(tree.behind(name, key.seen) for name in key.shown))
    if anomaly.type in MISSED:
        lost = [name for name in key.proof if name not in there and _acknowledged(key.writes.get(name))]
        named = [name for name in lost if name in anomaly.sentence.split(". ")[0]]
        # An item of a cart may be dropped by a write that had seen it: then its version is not missing.
        first = named or lost or _item(anomaly, key)
        others = [name for name, pair in key.writes.items() if name not in there and _acknowledged(pair)]
        return dict.fromkeys(others, TOO) | dict.fromkeys(first, "missing")
    if anomaly.type in BACK:
        over = set().union(*(tree.behind(name, key.seen) for name in {*key.proof, *key.shown}))
        return dict.fromkeys((name for name in key.shown if name in over), "should be gone")
    if anomaly.type == "sibling-explosion":
        over = set().union(*(tree.behind(name, key.seen) for name in key.shown))
        return dict.fromkeys((name for name in key.shown if name in over), "had been replaced")
    if anomaly.type == "duplicate-sibling":
        return {name: f"{key.shown.count(name)} times" for name in key.shown if key.shown.count(name) > 1}
    return {name: "cannot be there" for name in key.shown if f"shown {name}," in anomaly.sentence}


def _acknowledged(pair: Pair | None) -> bool:
    return pair is not None and pair[1] is not None and pair[1].type == "ok"


def _item(anomaly: Anomaly, key: _Key) -> list[str]:
    return [name for name in key.proof if f"({name}, invoked" in anomaly.sentence]


def _node(name: str, key: _Key, wrong: str) -> Node:
    pair = key.writes.get(name)
    look, said = [], []
    if wrong:
        look += ["wrong"] if wrong != TOO else []
        said.append(wrong)
    if name in key.shown:
        look.append("shown")
        said += [] if wrong else ["in the read"]
    if pair is None:
        return Node(name, "nobody wrote it", ", ".join(said), " ".join(look))
    begin, end = pair
    if end is not None and end.type == "fail":
        look.append("failed")
        said = ["failed, yet shown" if name in key.shown else "failed"]
    elif end is None or end.type == "info":
        said.append("outcome unknown")
    if begin.f == "delete":
        look.append("deleted")
    item = begin.value.get("item") if isinstance(begin.value, dict) else None
    what = begin.f if item is None else f"{begin.f} {item}"
    return Node(name, f"{what}, {who(begin).split(' through')[0]}", ", ".join(said), " ".join(look))


def _age(name: str, key: _Key) -> tuple[int, str]:
    pair = key.writes.get(name)
    return (pair[0].index if pair is not None else -1), name


def _caption(anomaly: Anomaly, read: Pair) -> str:
    what = "final read" if read[0].final else read[0].f
    text = (
        f"Versions of {read[0].key or 'the key'}. An arrow leads from a version to one whose writer had been "
        f"shown it, and which therefore replaced it. Filled: what the {what} by {who(read[0])} showed."
    )
    if anomaly.type in MISSED:
        empty = "" if read[1] is not None and read[1].reads else " It showed nothing."
        return f"{text}{empty} Ringed: acknowledged, and neither shown nor seen by anything that is."
    if anomaly.type in ("phantom-version", "duplicate-sibling"):
        return f"{text} Ringed: what is wrong with it."
    return f"{text} Ringed: shown, although it had been replaced."
