"""The few operations behind an anomaly, told one line each.

A checker names an anomaly's operations by their index.  Here each becomes a step: who did what through
which node and when, which versions it had seen, and how that relates to the version the story is about.
The console prints the steps as lines; the page draws them on a small time axis of their own.

Rule: a step says only what the history says.  "Had not seen w17" means that w17 is not among the ids
recorded as read, and is said only of an operation whose reads were recorded.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from checker.history import History
from checker.operation import Operation
from splitbrain.report import words

Outcome = str
LOSSES = frozenset({"lost-write", "lost-item"})
WRITES = frozenset({"add", "remove", "put", "update", "delete", "write", "cas", "append"})


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """A client operation: its invocation and, where there is one, its completion."""

    invocation: Operation
    completion: Operation | None = None

    @property
    def outcome(self) -> Outcome:
        """`ok`, `fail` or `info`; an operation that never completed is `info`."""
        return self.completion.type if self.completion is not None else "info"

    @property
    def last(self) -> Operation:
        """The entry that knows most."""
        return self.completion if self.completion is not None else self.invocation

    @property
    def write(self) -> str | None:
        """The id of the version written, chosen before the invocation."""
        return self.last.write or self.invocation.write

    @property
    def is_write(self) -> bool:
        """Whether it could change the store."""
        return self.write is not None or self.invocation.f in WRITES


class Plot(msgspec.Struct, frozen=True, kw_only=True):
    """What a story is about: a version that is missing (`loss`), or one that should not be there any more.

    `blamed` is the write to look at in a loss.  `replacements` are the versions that took the place of one
    that should be gone: whoever is shown one of them should not be shown the other.  `begun` is when the
    version was asked for (ns): what was over by then has nothing to do with it.
    """

    about: str | None
    begun: int = 0
    loss: bool = True
    blamed: str | None = None
    replacements: frozenset[str] = frozenset()


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a story. Times in ns; `end` is None for an operation that never completed."""

    who: str
    node: str
    start: int
    end: int | None
    outcome: Outcome
    write: bool
    text: str
    note: str = ""
    tone: str = ""
    """How the note bears on the anomaly: `subject`, `bad`, `good` or nothing."""
    invocation: int
    final: bool = False


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """What a reader needs to follow one anomaly. `subject` is the version that it is about."""

    subject: str | None
    key: str | None
    steps: tuple[Step, ...]


def pairs(history: History) -> list[Pair]:
    """Client operations in the order of their invocations."""
    return [Pair(invocation=begun, completion=ended) for begun, ended in history.pairs()]


def by_index(all_pairs: Iterable[Pair]) -> dict[int, int]:
    """From the index of an entry (invocation or completion) to the position of its pair."""
    places: dict[int, int] = {}
    for place, pair in enumerate(all_pairs):
        places[pair.invocation.index] = place
        if pair.completion is not None:
            places[pair.completion.index] = place
    return places


def told_once(
    anomalies: list[dict[str, Any]], all_pairs: Sequence[Pair], places: dict[int, int]
) -> tuple[list[dict[str, Any]], list[Story]]:
    """Anomalies with their stories; one that a second check found too is told once and names both checks."""
    found: list[dict[str, Any]] = []
    stories: list[Story] = []
    first_of: dict[tuple[Any, str], dict[str, Any]] = {}
    for anomaly in anomalies:
        told = tell(anomaly, all_pairs, places)
        if told.subject is not None:
            first = first_of.setdefault((anomaly.get("type"), told.subject), {"by": anomaly["check"]})
            if first["by"] != anomaly["check"]:
                first["anomaly"]["check"] = f"{first['by']}, {anomaly['check']}"
                continue
            first.setdefault("anomaly", anomaly)
        found.append(anomaly)
        stories.append(told)
    return found, stories


def tell(anomaly: dict[str, Any], all_pairs: Sequence[Pair], places: dict[int, int]) -> Story:
    """The story of one anomaly (a dict as in the results)."""
    chosen = sorted({places[index] for index in anomaly.get("operations", ()) if index in places})
    behind = [all_pairs[place] for place in chosen]
    sentence = str(anomaly.get("sentence", ""))
    loss = anomaly.get("type") in LOSSES
    about = subject(sentence, behind) if loss else replaced(sentence, behind)
    plot = Plot(
        about=about,
        begun=min((pair.invocation.time for pair in behind if pair.write == about), default=0),
        loss=loss,
    )
    if loss:
        plot = msgspec.structs.replace(plot, blamed=culprit(sentence, behind, plot))
    else:
        seen_by = (p.write for p in behind if p.write is not None and about in (p.last.reads or ()))
        plot = msgspec.structs.replace(plot, replacements=frozenset(seen_by))
    key = anomaly.get("key") or next((p.invocation.key for p in behind if p.invocation.key), None)
    return Story(subject=about, key=key, steps=tuple(step(pair, plot) for pair in behind))


def subject(sentence: str, behind: Sequence[Pair]) -> str | None:
    """The version that was lost: of those its operations wrote, the first in the sentence."""
    written = [pair.write for pair in behind if pair.write]
    return _mentioned(sentence, [str(name) for name in written]) or (written[0] if written else None)


def replaced(sentence: str, behind: Sequence[Pair]) -> str | None:
    """The version that should not be there: one that another of these writes had seen, or as for a loss."""
    seen = {name for pair in behind if pair.is_write for name in pair.last.reads or ()}
    outdated = [pair for pair in behind if pair.write in seen]
    return subject(sentence, outdated or behind)


def culprit(sentence: str, behind: Sequence[Pair], plot: Plot) -> str | None:
    """Of the writes that had not seen the version, the one to look at; the others follow from it.

    It is the one that the sentence names first, otherwise the one that completed first.
    """
    unseeing = [
        pair
        for pair in behind
        if pair.write not in (None, plot.about)
        and pair.outcome != "fail"
        and plot.about not in (pair.last.reads or ())
        and not _over(pair, plot)
    ]
    named = _mentioned(sentence, [str(pair.write) for pair in unseeing])
    return named or (min(unseeing, key=lambda pair: pair.last.time).write if unseeing else None)


def step(pair: Pair, plot: Plot) -> Step:
    """One operation as a line, seen from the version that the story is about."""
    note, tone = _bearing(pair, plot)
    return Step(
        who=f"client {pair.invocation.process}",
        node=pair.last.node or pair.invocation.node or "",
        start=pair.invocation.time,
        end=pair.completion.time if pair.completion is not None else None,
        outcome=pair.outcome,
        write=pair.is_write,
        text=deed(pair),
        note=note,
        tone=tone,
        invocation=pair.invocation.index,
        final=pair.last.final,
    )


def deed(pair: Pair) -> str:
    """What the client did: `adds milk-17 as w17, having read w9`."""
    operation, reads = pair.last, pair.last.reads
    item = _item(pair)
    made = f" as {pair.write}" if pair.write else ""
    match operation.f:
        case "add" | "remove":
            text = f"{operation.f}s {item or 'an item'}{made}"
        case "put":
            text = f"puts {pair.write or item}" + ("" if reads else " without reading first")
        case "update":
            text = f"writes {pair.write or item}"
        case "delete":
            text = f"deletes{made}"
        case "read" | "get":
            shown = "nothing" if not reads else words.listing(reads)
            return f"reads {shown}" if pair.outcome == "ok" else "reads"
        case other:
            text = f"{other} {item}".rstrip()
    return f"{text}, having read {words.listing(reads)}" if reads else text


def ending(outcome: Outcome) -> str:
    """What the client was told."""
    return {"ok": "acknowledged", "fail": "refused"}.get(outcome, "no answer: may or may not have happened")


def line(one: Step) -> str:
    """A step as a compact line for the console."""
    told = one.outcome if one.end is None else f"{one.outcome} after {words.span(one.end - one.start)}"
    note = f"  <- {one.note}" if one.note else ""
    return f"{words.seconds(one.start):>8}  {one.who} -> {one.node or '?'}  {one.text}  [{told}]{note}"


def _mentioned(sentence: str, ids: Sequence[str]) -> str | None:
    """The first of these ids in a sentence. At its beginning an id may be capitalised."""
    known = {name.lower(): name for name in ids}
    for word in re.findall(r"[\w:.-]+", sentence.lower()):
        if (name := known.get(word.rstrip(".:-"))) is not None:
            return name
    return None


def _bearing(pair: Pair, plot: Plot) -> tuple[str, str]:
    """How an operation relates to the version that the story is about: the words, and their tone."""
    about, reads = plot.about, pair.last.reads
    if about is None:
        return "", ""
    if pair.write == about:
        return ending(pair.outcome), "subject"
    if pair.outcome == "fail":
        return "refused", ""
    if reads is None or _over(pair, plot):
        return "", ""
    seen = about in reads
    if not plot.loss:
        odd = not pair.is_write or plot.replacements.intersection(reads)
        return (
            ("", "")
            if not seen
            else (f"is still shown {about}", "bad")
            if odd
            else (f"had seen {about}", "good")
        )
    if not pair.is_write:
        return (f"shows {about}", "good") if seen else (f"{about} is not there", "bad")
    if seen:
        return f"had seen {about}", "good"
    return (f"had not seen {about}", "bad") if pair.write == plot.blamed else (f"was not shown {about}", "")


def _over(pair: Pair, plot: Plot) -> bool:
    """Whether it had ended before the version came into being: it can neither have seen nor replaced it."""
    return pair.completion is not None and pair.completion.time < plot.begun


def _item(pair: Pair) -> str:
    """The item or value an operation was about, as short text."""
    value = pair.last.value if pair.last.value is not None else pair.invocation.value
    if isinstance(value, dict):
        value = value.get("item", value.get("id"))
    return "" if value is None else str(value)
