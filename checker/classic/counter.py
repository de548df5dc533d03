"""counter: could the counter have had the value that each read returned?

Operations are `add` (of any whole or fractional number, negative ones too), `increment` and `decrement`
(by their value, or by one), and `read`.  Adds commute, so only bounds can be checked:

  lowest    everything negative that was under way or done when the read ended, and every acknowledged
            positive that had ended before the read began
  highest   the other way round

A failed add never counts; one of unknown outcome may count from its invocation on, for ever.  The check is
necessary, not sufficient: it does not compare reads with each other (`linearizable` with the model
`counter` does).

Cost: one pass.  Rules and names of fields: jepsen.checker/counter, which refuses negative numbers.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from checker import kernel
from checker import options as option
from checker.classic.element import shown
from checker.classic.findings import VALUES_MAX, Findings, anomaly
from checker.history import History, Pair
from checker.verdict import Anomaly, Verdict
from checker.wording import who

Read = tuple[float, float, float]
"""Lowest possible value, value that was read, highest possible value."""

SIGN = {"add": 1, "increment": 1, "decrement": -1}


class Bounds(NamedTuple):
    """Every successful read in order of completion, and how many operations carry no number.

    `wrong` are the places in `reads` of those that are out of bounds; `pair_of` gives the operation of one.
    """

    reads: Sequence[Read]
    wrong: Sequence[int]
    unusable: int
    pair_of: Callable[[int], Pair]


def check(history: History, options: dict[str, Any]) -> Verdict:
    """Judge every read. Option `init`: the value at the start (default 0)."""
    option.only(options, "counter", ("init",))
    start = options.get("init", 0)
    if not _number(start):
        raise option.OptionError(f"option init is {start!r}; expected a number")
    if history.table is not None and kernel.available():
        from checker.classic.client_columns import in_columns
        from checker.classic.counter_columns import bounds_of

        verdict = in_columns(history, lambda clients: _verdict(bounds_of(clients, start)))
        if verdict is not None:
            return verdict
    return _verdict(_bounds(history, start))


def _verdict(bounds: Bounds) -> Verdict:
    reads, wrong, unusable, pair_of = bounds
    findings = Findings()
    findings.report("impossible-value", wrong, lambda at: _impossible(reads[at], pair_of(at)))
    stats = {
        "read-count": len(reads),
        "error-count": len(wrong),
        "reads": [list(read) for read in reads[:VALUES_MAX]],
        "errors": [list(reads[at]) for at in wrong[:VALUES_MAX]],
        "unusable": unusable,
    }
    if unusable:
        doubt = f"{unusable} operations carry a value that is not a number"
    else:
        doubt = "" if reads else "the counter was never read, so nothing can be said about it"
    return findings.verdict(sound=f"all {len(reads)} reads are within bounds", doubt=doubt, stats=stats)


class _Sums:
    """Amounts added so far: up and down, by what had begun and by what had been acknowledged."""

    def __init__(self) -> None:
        self.begun_up: float = 0
        self.begun_down: float = 0
        self.done_up: float = 0
        self.done_down: float = 0
        self.unusable = 0

    def add(self, pair: Pair, completed: bool) -> None:
        """An add begins, or is acknowledged."""
        amount = _amount(pair)
        if amount is None:
            self.unusable += not completed
        elif amount >= 0:
            self.begun_up, self.done_up = _grown(self.begun_up, self.done_up, amount, completed)
        else:
            self.begun_down, self.done_down = _grown(self.begun_down, self.done_down, amount, completed)


def _grown(begun: float, done: float, amount: float, completed: bool) -> tuple[float, float]:
    return (begun, done + amount) if completed else (begun + amount, done)


def _bounds(history: History, start: float) -> Bounds:
    sums = _Sums()
    at_invocation: dict[int, tuple[float, float]] = {}
    reads: list[Read] = []
    pairs: list[Pair] = []
    for _, completed, pair in _events(history):
        if pair[0].f in SIGN:
            sums.add(pair, completed)
        elif not completed:
            at_invocation[pair[0].index] = (sums.done_up, sums.done_down)
        else:
            value: Any = pair[1].value if pair[1] is not None else None
            if not _number(value):
                sums.unusable += 1
                continue
            up, down = at_invocation[pair[0].index]
            lowest, highest = start + up + sums.begun_down, start + sums.begun_up + down
            reads.append((_whole(lowest), value, _whole(highest)))
            pairs.append(pair)
    wrong = [at for at, (lowest, value, highest) in enumerate(reads) if not lowest <= value <= highest]
    return Bounds(reads, wrong, sums.unusable, lambda at: pairs[at])


def _events(history: History) -> list[tuple[int, bool, Pair]]:
    """Beginnings and successful ends of adds and reads in the order of the history, without failed ones."""
    events = []
    for pair in history.pairs():
        end = pair[1]
        if (pair[0].f in SIGN or pair[0].f == "read") and (end is None or end.type != "fail"):
            events.append((pair[0].index, False, pair))
            if end is not None and end.type == "ok":
                events.append((end.index, True, pair))
    events.sort(key=lambda event: event[:2])
    return events


def _amount(pair: Pair) -> float | None:
    """By how much it changes the counter; None when the history does not say."""
    value = pair[0].value
    if value is None and pair[0].f != "add":
        value = 1
    return SIGN[pair[0].f] * value if _number(value) else None


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and not math.isnan(value)


def _whole(value: float) -> float:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _impossible(read: Read, pair: Pair) -> Anomaly:
    lowest, value, highest = read
    why = (
        f"even with every add that had begun it was at most {shown(highest)}"
        if value > highest
        else f"what had been acknowledged before makes at least {shown(lowest)}"
    )
    sentence = f"the read by {who(pair[0])} returned {shown(value)}: {why}"
    return anomaly("impossible-value", sentence, *pair)
