"""Replicas side by side, as a table: what each node holds, and where they differ."""

from typing import Any

from markupsafe import Markup

from checker.verdict import Anomaly
from splitbrain.report.evidence import Evidence

MOST = 12
"""Nodes, and versions of one cell, that are shown."""

TYPES = frozenset({"divergent-replicas", "hints-left", "repair-never-stops"})

Samples = dict[str, dict[str, Any] | None]
"""Node -> what it held at one look, as recorded; None: it did not answer."""


def draw(anomaly: Anomaly, evidence: Evidence) -> tuple[Markup, str] | None:
    """The table and its caption; None where the looks are not in the history."""
    looks = [entry for index in anomaly.operations if (entry := evidence.entry(index)) is not None]
    samples: list[Samples] = [
        look.value["replicas"] for look in looks if isinstance(look.value, dict) and "replicas" in look.value
    ]
    if not samples:
        return None
    match anomaly.type:
        case "divergent-replicas":
            return _divergent(samples[-1], anomaly.key)
        case "hints-left":
            return _hints(samples[-1], anomaly.sentence.split(" ", 1)[0])
        case _:
            return _repairs(samples[0], samples[-1], anomaly.sentence.split(" ", 1)[0])


def _divergent(nodes: Samples, key: str | None) -> tuple[Markup, str]:
    held = {node: _held(sample, key) for node, sample in nodes.items() if sample is not None}
    digests = {node: (sample or {}).get("digests", {}).get(key) for node, sample in nodes.items()}
    common = set.intersection(*map(set, held.values())) if held else set()
    same = len({tuple(sorted(ids)) for ids in held.values()}) == 1
    rows = []
    for node, sample in list(nodes.items())[:MOST]:
        if sample is None:
            rows.append((node, Markup('<span class="none">did not answer</span>'), ""))
            continue
        lacks = sorted(set().union(*held.values()) - set(held[node]))
        note = f"lacks {', '.join(lacks[:MOST])}" if lacks else ""
        if same:
            note = f"clock {digests[node] or 'none'}"
        rows.append((node, _chips(held[node], common), note))
    caption = (
        "the same versions, but their clocks say different things of what was replaced."
        if same
        else "what is outlined only some of them have."
    )
    return _table(("node", "holds", ""), rows), f"{key or 'The key'} on each node at the last look: {caption}"


def _held(sample: dict[str, Any], key: str | None) -> list[str]:
    return list(sample.get("keys", {}).get(key, ())) if key is not None else []


def _hints(nodes: Samples, keeper: str) -> tuple[Markup, str]:
    rows = []
    for node, sample in list(nodes.items())[:MOST]:
        hinted = sorted((sample or {}).get("hinted", {}).items())
        parts = [
            Markup('<span class="chip{only}"><b>for {to}</b> {key}: {ids}</span>').format(
                only=" only" if node == keeper else "", to=label.partition("/")[0],
                key=label.partition("/")[2], ids=", ".join(ids[:MOST]),
            )
            for label, ids in hinted[:MOST]
        ]  # fmt: skip
        count = (sample or {}).get("hints", 0)
        held = Markup(" ").join(parts) if parts else Markup('<span class="none">{n}</span>').format(
            n=f"{count} hints" if count else "none"
        )  # fmt: skip
        rows.append((node, held, "never delivered" if node == keeper else ""))
    caption = (
        "Hints are writes that a node keeps for another one that could not be reached, to deliver them when "
        "it is back. After healing and settling none may be left."
    )
    return _table(("node", "hints it keeps", ""), rows), caption


def _repairs(before: Samples, last: Samples, repaired: str) -> tuple[Markup, str]:
    rows = []
    for node, sample in list(last.items())[:MOST]:
        earlier = (before.get(node) or {}).get("repairs", 0)
        now = (sample or {}).get("repairs", 0)
        grown = f"{now - earlier} more" if now > earlier else ""
        cell = Markup('<span class="chip">{a}</span> → <span class="chip{only}">{b}</span>').format(
            a=earlier, b=now, only=" only" if node == repaired else ""
        )
        rows.append((node, cell, grown if node == repaired else ""))
    caption = (
        "Repairs that each node had received, at the last look but one and at the last. Nobody wrote in "
        "between, so at rest no number grows."
    )
    return _table(("node", "repairs received", ""), rows), caption


def _chips(ids: list[str], common: set[str]) -> Markup:
    if not ids:
        return Markup('<span class="none">nothing</span>')
    parts = [
        Markup('<span class="chip{only}">{id}</span>').format(only="" if name in common else " only", id=name)
        for name in ids[:MOST]
    ]
    more = Markup(" and {n} more").format(n=len(ids) - MOST) if len(ids) > MOST else Markup("")
    return Markup(" ").join(parts) + more


def _table(head: tuple[str, ...], rows: list[tuple[str, Markup, str]]) -> Markup:
    heads = Markup("").join(Markup('<th scope="col">{t}</th>').format(t=title) for title in head)
    body = Markup("").join(
        Markup('<tr><th scope="row">{n}</th><td>{held}</td><td class="note">{note}</td></tr>').format(
            n=node, held=held, note=note
        )
        for node, held, note in rows
    )
    return Markup('<table class="sides"><thead><tr>{h}</tr></thead><tbody>{b}</tbody></table>').format(
        h=heads, b=body
    )
