"""The anomalies of the causal checker, told in sentences with the entries that prove them.

Versions are places of their key.  Nothing is decided here: what is told was found in `causal.py`, or by the
kernels.
"""

from checker.history import Pair
from checker.operation import Operation
from checker.verdict import Anomaly
from checker.version_graph import KeyVersions, Version, VersionGraph
from checker.wording import braces, listed, seconds, told, who


def phantom(graph: VersionGraph, key: KeyVersions, name: str, pair: Pair) -> Anomaly:
    """A read shows a version that it cannot have seen."""
    sentence = f"{_shown(pair)} {name}, {why_phantom(graph, key, name, pair)}"
    return _anomaly("phantom-version", sentence, key.key, _end(pair), graph.find(name))


def why_phantom(graph: VersionGraph, key: KeyVersions, name: str, pair: Pair) -> str:
    """Why the operation cannot have seen this version; empty when it can."""
    version = key.find(name) or graph.find(name)
    if version is None:
        return "which nobody had written"
    if version.key != key.key:
        return f"which was written to {version.key} by {told(version.pair)}"
    if version.invocation.index == pair[0].index:
        return "which it had yet to write itself"
    if version.invocation.index > _end(pair).index:
        return (
            f"which was not written before {seconds(version.invocation.time)}, by {who(version.invocation)}"
        )
    if version.outcome == "fail":
        return f"whose write certainly had no effect: {told(version.pair)}"
    if version.is_delete:
        return "which is a delete: it replaces what it saw and has nothing to show"
    return ""


def duplicate(key: KeyVersions, name: str, pair: Pair) -> Anomaly:
    """A read shows one version more than once."""
    count = (_end(pair).reads or ()).count(name)
    sentence = (
        f"{_shown(pair)} {name} {'twice' if count == 2 else f'{count} times'}; a version is one sibling"
    )
    return _anomaly("duplicate-sibling", sentence, key.key, _end(pair), key.find(name))


def false_sibling(key: KeyVersions, at: int, pair: Pair) -> Anomaly:
    """A read shows a version beside one that had seen it."""
    reads = _end(pair).reads or ()
    older = key.versions[at]
    newer = next(by for by in key.places(key.mask(reads)) if key.behind(by) >> at & 1)
    chain = key.path(newer, at)
    through = f" (through {listed(chain[1:-1])})" if len(chain) > 2 else ""
    sentence = (
        f"{_shown(pair)} {braces(reads)}: {chain[0]} had seen {older.id}{through} and replaced it, "
        "so the two cannot be siblings"
    )
    return _anomaly("false-sibling", sentence, key.key, _end(pair), older, key.versions[newer])


def circle_end(key: KeyVersions, names: tuple[str, ...]) -> Operation:
    """The entry that closes a circle: the last of its writes."""
    versions = [key.versions[key.place[name]] for name in names]
    return max((v.completion or v.invocation for v in versions), key=lambda o: o.index)


def circle(key: KeyVersions, names: tuple[str, ...]) -> Anomaly:
    """Writes had seen each other."""
    sentence = (
        f"writes to {key.key} had seen each other in a circle: {' saw '.join([*names, names[0]])}; "
        "each client reads before it writes, so one of the reads showed the future"
    )
    versions = [key.versions[key.place[name]] for name in names]
    return _anomaly("causal-cycle", sentence, key.key, circle_end(key, names), *versions)


def lost(key: KeyVersions, at: int, pair: Pair) -> Anomaly:
    """A final read accounts for a write in no way."""
    version = key.versions[at]
    sentence = (
        f"{version.id} ({told(version.pair)}) is lost: the final read of {key.key} by "
        f"{who(pair[0])} at {seconds(_end(pair).time)} returned "
        f"{braces(_end(pair).reads or ())}, and nothing there had seen {version.id}"
    )
    return _anomaly("lost-write", sentence, key.key, _end(pair), version)


def resurrected(key: KeyVersions, at: int, by: int, pair: Pair) -> Anomaly:
    """A final read shows what `by` had replaced."""
    version, replaced_by = key.versions[at], key.versions[by]
    kind = "resurrected-delete" if replaced_by.is_delete else "resurrected-version"
    done = "deleted" if replaced_by.is_delete else "replaced"
    chain = key.path(by, at)
    through = f", through {listed(chain[1:-1])}," if len(chain) > 2 else ""
    sentence = (
        f"{version.id} is back: {replaced_by.id} ({told(replaced_by.pair)}) had seen it{through} and {done} "
        f"it, but the final read of {key.key} by {who(pair[0])} "
        f"at {seconds(_end(pair).time)} returned {braces(_end(pair).reads or ())}"
    )
    return _anomaly(kind, sentence, key.key, _end(pair), version, replaced_by)


def _shown(pair: Pair) -> str:
    final = "final " if _end(pair).final else ""
    return (
        f"the {final}{pair[0].f} of {pair[0].key} by {who(pair[0])} at {seconds(_end(pair).time)} was shown"
    )


def _end(pair: Pair) -> Operation:
    assert pair[1] is not None
    return pair[1]


def _anomaly(kind: str, sentence: str, key: str, shown: Operation, *versions: Version | None) -> Anomaly:
    """`shown` is the entry that shows it; the writes of the versions are part of the proof."""
    proof = {shown.index}
    for version in versions:
        if version is not None:
            proof.update(entry.index for entry in version.pair if entry is not None)
    return Anomaly(
        type=kind, sentence=sentence, operations=tuple(sorted(proof)), key=key or None, time=shown.time
    )
