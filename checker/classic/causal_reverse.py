"""causal-reverse: did a read show a later write without an earlier one that had already been acknowledged?

Operations are `write` of a value of its own, and `read` of the list of all values.  When write A was
acknowledged before write B began, every read that shows B must show A: real time orders them.  Strict
serializability promises that, serializability alone does not.

For each read: the last beginning among what it shows, against the first acknowledgement among what it does
not show.  Cost: the size of all reads.  Rules: jepsen.tests.causal-reverse.
"""

from collections.abc import Hashable
from typing import Any

from checker import options as option
from checker.classic.element import identity, shown
from checker.classic.findings import Findings, anomaly
from checker.history import History, Pair
from checker.verdict import Anomaly, Verdict
from checker.wording import told, who


def check(history: History, options: dict[str, Any]) -> Verdict:
    """Judge every read. Takes no options."""
    option.only(options, "causal-reverse")
    pairs = history.pairs()
    writes = {identity(pair[0].value): pair for pair in pairs if pair[0].f == "write"}
    ended = [(end, key) for key, (_, end) in writes.items() if end is not None and end.type == "ok"]
    finished = sorted(((end.index, key) for end, key in ended), key=lambda found: found[0])
    reads = [pair for pair in pairs if pair[0].f == "read" and _shows(pair) is not None]
    found = [hole for read in reads if (hole := _hole(read, writes, finished)) is not None]
    findings = Findings()
    findings.report("causal-reverse", found, lambda hole: _reversed(*hole))
    stats = {"read-count": len(reads), "write-count": len(writes), "error-count": len(found)}
    doubt = "" if reads else "no read succeeded, so nothing can be said about the order of the writes"
    sound = f"each of {len(reads)} reads shows all writes that came before one that it shows"
    return findings.verdict(sound=sound, doubt=doubt, stats=stats)


def _shows(read: Pair) -> list[Any] | None:
    end = read[1]
    return end.value if end is not None and end.type == "ok" and isinstance(end.value, list) else None


def _hole(
    read: Pair, writes: dict[Hashable, Pair], finished: list[tuple[int, Hashable]]
) -> tuple[Pair, Pair, Pair] | None:
    """The read, the earlier write that it misses, and the later write that it shows."""
    keys = {identity(value) for value in _shows(read) or ()}
    seen = [writes[key] for key in keys if key in writes]
    missed = next((writes[key] for _, key in finished if key not in keys), None)
    if not seen or missed is None or missed[1] is None:
        return None
    latest = max(seen, key=lambda pair: pair[0].index)
    return (read, missed, latest) if missed[1].index < latest[0].index else None


def _reversed(read: Pair, missed: Pair, latest: Pair) -> Anomaly:
    sentence = (
        f"the read by {who(read[0])} shows {shown(latest[0].value)} but not {shown(missed[0].value)}, "
        f"although {shown(missed[0].value)} ({told(missed)}) was acknowledged before the write of "
        f"{shown(latest[0].value)} began"
    )
    return anomaly("causal-reverse", sentence, *read, *missed, *latest)
