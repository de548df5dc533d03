"""Judges final reads, compiled: is every acknowledged write accounted for, and nothing replaced back?

The definitions are those of `final_reads.py`.  A final read costs a walk over the versions of its key, and
another one for each version in it whose reads are not recorded, or that something had replaced.
"""

from functools import cache
from typing import NamedTuple

import numpy as np

from checker import final_reads, kernel, phases
from checker.dynamo.columns import DynamoColumns, Flags, Ints, Numbers
from checker.dynamo.evidence import Evidence, evidence_of
from checker.dynamo.sweep import ordered
from checker.history import History


class EndingColumns(NamedTuple):
    """Per version, -1 for none: the first final read that lacks it, and the first that shows it although
    `back_by` had replaced it. `cyclic` is per key: those are not judged.
    """

    lost_in: Numbers
    back_in: Numbers
    back_by: Numbers
    cyclic: Flags


class Endings(NamedTuple):
    """The end of all keys. `lost` and `back` are versions with something wrong in `columns`, by number.

    `acknowledged` and `readings` are counts per key; `doubts` have the number of the key.
    """

    columns: EndingColumns
    lost: Ints
    back: Ints
    acknowledged: Ints
    readings: Ints
    doubts: dict[int, str]


def endings_of(history: History) -> Endings:
    """As `final_reads.endings`, judged once for all checkers."""
    return history.derive(_endings)


def _endings(history: History) -> Endings:
    evidence = evidence_of(history)
    columns = evidence.columns
    found = check_columns(columns)
    for key in np.flatnonzero(found.cyclic).tolist():
        _judge_plainly(evidence, key, found)
    acknowledged = _per_range(columns.acknowledged >= 0, columns.version_first)
    readings = _per_range(columns.final, columns.read_first)
    unread = np.flatnonzero((acknowledged > 0) & (readings == 0)).tolist()
    doubts = {key: final_reads.no_final_read(evidence.names[key]) for key in unread}
    lost: Ints = np.flatnonzero(found.lost_in >= 0)
    back: Ints = np.flatnonzero(found.back_in >= 0)
    if phases.settled(history) is False:
        lost, unsettled = _only_certain(history, evidence, lost, back)
        doubts |= {key: final_reads.not_settled(evidence.names[key]) for key in unsettled}
        back = back[:0]
    return Endings(found, lost, back, acknowledged, readings, dict(sorted(doubts.items())))


def _per_range(flags: Flags, first: Ints) -> Ints:
    sums = np.concatenate((np.zeros(1, np.int64), np.cumsum(flags, dtype=np.int64)))
    counts: Ints = np.diff(sums[first])
    return counts


def _only_certain(history: History, evidence: Evidence, lost: Ints, back: Ints) -> tuple[Ints, set[int]]:
    """What is lost for certain, and the keys of the rest."""

    @cache
    def held(key: int) -> int:
        return final_reads.may_still_be_held(history, evidence.versions(key))

    first = evidence.columns.version_first
    keys = np.searchsorted(first, lost, "right") - 1
    places = (lost - first[keys]).tolist()
    kept = [bool(held(key) >> at & 1) for key, at in zip(keys.tolist(), places, strict=True)]
    is_kept = np.array(kept, np.bool_)
    unsettled = {*keys[is_kept].tolist(), *(np.searchsorted(first, back, "right") - 1).tolist()}
    return lost[~is_kept], unsettled


def _judge_plainly(evidence: Evidence, key: int, found: EndingColumns) -> None:
    """A key with a circle, in the arrays as if the kernel had judged it."""
    columns, versions = evidence.columns, evidence.versions(key)
    base = int(columns.version_first[key])
    begin, end = int(columns.read_first[key]), int(columns.read_first[key + 1])
    for read in (begin + np.flatnonzero(columns.final[begin:end])).tolist():
        reading = final_reads.reading_of(versions, evidence.pair(read))
        for at in versions.places(reading.lost):
            if found.lost_in[base + at] < 0:
                found.lost_in[base + at] = read
        for at, by in reading.back:
            if found.back_in[base + at] < 0:
                found.back_in[base + at], found.back_by[base + at] = read, base + by


def check_columns(columns: DynamoColumns) -> EndingColumns:
    """All final reads of all keys."""
    versions, keys = columns.invoked.size, columns.read_first.size - 1
    result = EndingColumns(
        np.full(versions, -1, np.int32),
        np.full(versions, -1, np.int32),
        np.full(versions, -1, np.int32),
        np.zeros(keys, np.bool_),
    )
    _keys(columns, result)
    return result


@kernel.njit
def _keys(columns: DynamoColumns, result: EndingColumns) -> None:
    place = np.zeros(columns.invoked.size, np.int64)
    for key in range(columns.read_first.size - 1):
        first, last = columns.version_first[key], columns.version_first[key + 1]
        begin, end = columns.read_first[key], columns.read_first[key + 1]
        if not np.any(columns.final[begin:end]):
            continue
        order = ordered(columns, first, last, place)
        if order.size < last - first:
            result.cyclic[key] = True
            continue
        for read in range(begin, end):
            if columns.final[read]:
                covered, maximal = spread(columns, read, order, first)
                _lost(columns, result, read, (covered, first))
                _back(columns, result, read, (maximal, order, first))


@kernel.njit
def spread(columns: DynamoColumns, read: int, order: Ints, first: int) -> tuple[Flags, Flags]:
    """What the read and all deletes account for, and the maximal versions of the read."""
    covered = columns.delete[first : first + order.size] & ~columns.failed[first : first + order.size]
    shown = np.zeros(order.size, np.bool_)
    for each in range(columns.shown_first[read], columns.shown_first[read + 1]):
        if columns.shown[each] < columns.invoked.size:
            shown[columns.shown[each] - first] = True
    covered |= shown
    _close(columns, covered, order, first)
    _excuse(columns, covered, order, first)
    beside = np.zeros(order.size, np.bool_)
    for at in np.flatnonzero(shown):
        for edge in range(columns.seen_first[first + at], columns.seen_first[first + at + 1]):
            beside[columns.seen[edge] - first] = True
    _close(columns, beside, order, first)
    return covered, shown & ~beside


@kernel.njit
def _close(columns: DynamoColumns, members: Flags, order: Ints, first: int) -> None:
    """Add all ancestors, from the latest to the earliest."""
    for at in range(order.size - 1, -1, -1):
        version = order[at]
        if members[version - first]:
            for edge in range(columns.seen_first[version], columns.seen_first[version + 1]):
                members[columns.seen[edge] - first] = True


@kernel.njit
def _later(columns: DynamoColumns, members: Flags, order: Ints, first: int) -> Flags:
    """What had seen a member, without the members that had not."""
    found = np.zeros(order.size, np.bool_)
    for version in order:
        for edge in range(columns.seen_first[version], columns.seen_first[version + 1]):
            below = columns.seen[edge] - first
            if members[below] or found[below]:
                found[version - first] = True
    return found


@kernel.njit
def _excuse(columns: DynamoColumns, covered: Flags, order: Ints, first: int) -> None:
    """A member that was written without known reads may have replaced all that does not descend from it."""
    done = np.zeros(order.size, np.bool_)
    again = True
    while again and not np.all(covered):
        again = False
        for at in range(order.size):
            if covered[at] and columns.unknown[first + at] and not done[at]:
                done[at] = again = True
                alone = np.zeros(order.size, np.bool_)
                alone[at] = True
                # Without what had seen it, and without the version itself, which is a member anyway.
                covered |= ~_later(columns, alone, order, first)
                _close(columns, covered, order, first)


@kernel.njit
def _lost(columns: DynamoColumns, result: EndingColumns, read: int, what: tuple[Flags, int]) -> None:
    covered, first = what
    for at in range(covered.size):
        number = first + at
        in_time = 0 <= columns.acknowledged[number] < columns.read_invoked[read]
        if in_time and not covered[at] and not columns.delete[number] and result.lost_in[number] < 0:
            result.lost_in[number] = read


@kernel.njit
def _back(columns: DynamoColumns, result: EndingColumns, read: int, what: tuple[Flags, Ints, int]) -> None:
    """All maximal versions together first: nearly always nothing had replaced any of them."""
    maximal, order, first = what
    if _replacing(columns, read, _later(columns, maximal, order, first), (-1, first)) < 0:
        return
    for place in np.flatnonzero(maximal):
        at = int(place)
        if result.back_in[first + at] < 0:
            alone = np.zeros(order.size, np.bool_)
            alone[at] = True
            by = _replacing(columns, read, _later(columns, alone, order, first), (first + at, first))
            if by >= 0:
                result.back_in[first + at], result.back_by[first + at] = read, by


@kernel.njit
def _replacing(columns: DynamoColumns, read: int, later: Flags, what: tuple[int, int]) -> int:
    """What explains best that the version was gone, of what was acknowledged in time; -1 for nothing.

    A delete, then one that had seen the version itself, then the first.
    """
    version, first = what
    best, best_rank = -1, 4
    for place in np.flatnonzero(later):
        at = int(place)
        if 0 <= columns.acknowledged[first + at] < columns.read_invoked[read]:
            rank = 3 - 2 * columns.delete[first + at]
            for edge in range(columns.seen_first[first + at], columns.seen_first[first + at + 1]):
                if columns.seen[edge] == version:
                    rank -= 1
                    break
            if rank < best_rank:
                best, best_rank = first + at, rank
    return best
