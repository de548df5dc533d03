"""Judges final reads, compiled: is every acknowledged write accounted for, and nothing replaced back?

The definitions are those of `final_reads.py`, which explains them and tells what is wrong; this finds the
final reads with which nothing is, in a large history nearly all.  A final read costs a walk over the versions
of its key, and another one for each version in it whose reads are not recorded.
"""

from typing import NamedTuple

import numpy as np

from checker import kernel
from checker.dynamo.columns import DynamoColumns, Flags, Ints, Numbers, columns_of
from checker.dynamo.sweep import ordered
from checker.history import History


class EndingColumns(NamedTuple):
    """Per observation: how many acknowledged writes a final read lacks, and whether it shows a replaced one.

    Zero and False for other observations, and -1 for final reads of a key whose writes had seen each other.
    """

    lost: Numbers
    back: Flags


def check_columns(columns: DynamoColumns) -> EndingColumns:
    """All final reads of all keys."""
    reads = columns.read_invoked.size
    result = EndingColumns(np.zeros(reads, np.int32), np.zeros(reads, np.bool_))
    _keys(columns, result)
    return result


def clean(history: History) -> set[int]:
    """The entries (index of the completion) of the final reads with which nothing is wrong."""
    columns = history.derive(columns_of)
    result = check_columns(columns)
    fine = columns.final & (result.lost == 0) & ~result.back
    return set(columns.read_ended[fine].tolist())


@kernel.njit
def _keys(columns: DynamoColumns, result: EndingColumns) -> None:
    place = np.zeros(columns.invoked.size, np.int64)
    for key in range(columns.read_first.size - 1):
        first, last = columns.version_first[key], columns.version_first[key + 1]
        begin, end = columns.read_first[key], columns.read_first[key + 1]
        if not np.any(columns.final[begin:end]):
            continue
        order = ordered(columns, first, last, place)
        for read in range(begin, end):
            if columns.final[read] and order.size < last - first:
                result.lost[read] = -1
            elif columns.final[read]:
                covered, later = _spread(columns, read, order, first)
                result.lost[read] = _lacks(columns, read, covered, first)
                result.back[read] = _replaced(columns, read, later, first)


@kernel.njit
def _spread(columns: DynamoColumns, read: int, order: Ints, first: int) -> tuple[Flags, Flags]:
    """What the read and all deletes account for, and what had seen a maximal version of the read."""
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
    return covered, _later(columns, shown & ~beside, order, first)


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
                covered |= ~_later(columns, alone, order, first)
                _close(columns, covered, order, first)


@kernel.njit
def _lacks(columns: DynamoColumns, read: int, covered: Flags, first: int) -> int:
    lost = 0
    for at in range(covered.size):
        if not covered[at] and not columns.delete[first + at]:
            lost += 0 <= columns.acknowledged[first + at] < columns.read_invoked[read]
    return lost


@kernel.njit
def _replaced(columns: DynamoColumns, read: int, later: Flags, first: int) -> bool:
    for at in np.flatnonzero(later):
        if 0 <= columns.acknowledged[first + at] < columns.read_invoked[read]:
            return True
    return False
