"""What `causal.py` finds, found in columns. Needs numpy and numba.

The kernels of `sweep.py` and `ending.py` have judged every observation already; what is left is to count, and
to take each version once of the observations in which something is suspect.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from checker import kernel
from checker.causal import Totals, add_circles
from checker.dynamo import sentences
from checker.dynamo.columns import DynamoColumns, Ints, Numbers
from checker.dynamo.ending import endings_of
from checker.dynamo.evidence import Evidence, evidence_of
from checker.dynamo.findings import Findings
from checker.dynamo.sweep import impossible
from checker.history import History
from checker.verdict import Anomaly

PHANTOM, TWICE = 0, 1


class Odd(NamedTuple):
    """Phantoms and duplicates, each at the first observation of its key that shows it.

    `kind` is PHANTOM or TWICE, `read` the observation, `place` where it stands in the answer, `number` what.
    """

    kind: Numbers
    read: Numbers
    place: Numbers
    number: Numbers


def gathered(history: History) -> tuple[Findings, Totals]:
    """Everything."""
    evidence, ends = evidence_of(history), endings_of(history)
    columns, sights = evidence.columns, evidence.sights
    found = Findings()
    for key in np.flatnonzero(sights.cyclic).tolist():
        add_circles(found, evidence.versions(key))
    _add_odd(found, evidence)
    _add_false_siblings(found, evidence)
    _add_end(found, history, evidence)
    early = ~columns.final
    return found, Totals(
        writes=columns.invoked.size,
        acknowledged=int(ends.acknowledged.sum()),
        final_reads=int(ends.readings.sum()),
        reads=int(early.sum()),
        stale=int((early & (sights.missed > 0)).sum()),
        deleted=int((early & (sights.deleted >= 0)).sum()),
        doubts=list(ends.doubts.values()),
    )


def _add_odd(found: Findings, evidence: Evidence) -> None:
    odd = odd_ones(evidence.columns, np.flatnonzero(evidence.sights.suspect))
    entries = evidence.columns.read_ended[odd.read]

    def phantom(at: int) -> Anomaly:
        read = int(odd.read[at])
        versions = evidence.versions(evidence.key_of_read(read))
        return sentences.phantom(
            evidence.graph, versions, evidence.name(int(odd.number[at])), evidence.pair(read)
        )

    def twice(at: int) -> Anomaly:
        read = int(odd.read[at])
        versions = evidence.versions(evidence.key_of_read(read))
        return sentences.duplicate(versions, evidence.name(int(odd.number[at])), evidence.pair(read))

    for kind, name, tell in ((PHANTOM, "phantom-version", phantom), (TWICE, "duplicate-sibling", twice)):
        chosen = np.flatnonzero(odd.kind == kind)
        found.add_all(name, entries[chosen], odd.place[chosen], _of(chosen, tell))


def _of(chosen: Ints, tell: Callable[[int], Anomaly]) -> Callable[[int], Anomaly]:
    """What tells about a position among the chosen ones."""
    return lambda at: tell(int(chosen[at]))


def _add_false_siblings(found: Findings, evidence: Evidence) -> None:
    beside = evidence.sights.beside
    chosen = np.flatnonzero(beside >= 0)

    def tell(at: int) -> Anomaly:
        key, place = evidence.place(int(chosen[at]))
        pair = evidence.pair(int(beside[chosen[at]]))
        return sentences.false_sibling(evidence.versions(key), place, pair)

    entries = evidence.columns.read_ended[beside[chosen]]
    found.add_all("false-sibling", entries, evidence.places(chosen), tell)


def _add_end(found: Findings, history: History, evidence: Evidence) -> None:
    ends, columns = endings_of(history), evidence.columns
    lost_in, back_in, back_by = ends.columns.lost_in, ends.columns.back_in, ends.columns.back_by

    def lost(number: int) -> Anomaly:
        key, place = evidence.place(number)
        return sentences.lost(evidence.versions(key), place, evidence.pair(int(lost_in[number])))

    def back(number: int) -> Anomaly:
        key, place = evidence.place(number)
        by = place + int(back_by[number]) - number
        pair = evidence.pair(int(back_in[number]))
        return sentences.resurrected(evidence.versions(key), place, by, pair)

    by_delete = columns.delete[back_by[ends.back]]
    for name, chosen, shown_in, tell in (
        ("lost-write", ends.lost, lost_in, lost),
        ("resurrected-delete", ends.back[by_delete], back_in, back),
        ("resurrected-version", ends.back[~by_delete], back_in, back),
    ):
        entries = columns.read_ended[shown_in[chosen]]
        places = evidence.places(chosen)
        found.add_all(name, entries, places, _of(chosen, tell))


def odd_ones(columns: DynamoColumns, suspects: Ints) -> Odd:
    """All phantoms and duplicates of these observations."""
    none = Odd(*(np.zeros(0, np.int32) for _ in Odd._fields))
    count = _collect(columns, suspects, none)
    odd = Odd(*(np.zeros(count, np.int32) for _ in Odd._fields))
    _collect(columns, suspects, odd)
    return odd


@kernel.njit
def _collect(columns: DynamoColumns, suspects: Ints, odd: Odd) -> int:
    """Fill as much as there is room for; how much there is."""
    # Per kind and number the last key for which it was reported, and the last observation that showed it.
    reported = np.full((2, columns.numbers), -1, np.int32)
    shown_in = np.full(columns.numbers, -1, np.int32)
    count = key = 0
    for read in suspects:
        while columns.read_first[key + 1] <= read:
            key += 1
        first = columns.shown_first[read]
        for each in range(first, columns.shown_first[read + 1]):
            number = columns.shown[each]
            for kind in (PHANTOM, TWICE):
                wrong = shown_in[number] == read if kind == TWICE else impossible(columns, read, number)
                if wrong and reported[kind, number] != key:
                    reported[kind, number] = key
                    if count < odd.kind.size:
                        odd.kind[count], odd.read[count] = kind, read
                        odd.place[count], odd.number[count] = _place(columns, first, number), number
                    count += 1
            shown_in[number] = read
    return count


@kernel.njit
def _place(columns: DynamoColumns, first: int, number: int) -> int:
    """Where a number stands first in an answer."""
    at = first
    while columns.shown[at] != number:
        at += 1
    return at - first
