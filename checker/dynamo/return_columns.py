"""What `tombstones.py` finds, found in columns. Needs numpy and numba.

Per key: the moment from which a read may find each version gone, then for those that were shown later the
first read that found it gone.  The walks over the graph are those of the plain way, with stamps for sets.
"""

from functools import partial
from typing import NamedTuple

import numpy as np

from checker import kernel
from checker.dynamo.columns import DynamoColumns, Ints
from checker.dynamo.evidence import Evidence, evidence_of
from checker.dynamo.findings import LISTED, Findings
from checker.history import History
from checker.tombstones import DELETED, REPLACED, Return, Returned, anomaly
from checker.verdict import Anomaly

NEVER = np.iinfo(np.int64).max


class ReturnColumns(NamedTuple):
    """Per return: the version, what had replaced it, the read that found it gone, the first and last read
    that showed it again, and whether a final read did.
    """

    version: Ints
    by: Ints
    gone: Ints
    first: Ints
    last: Ints
    final: Ints


class Key(NamedTuple):
    """One key while it is judged. Ranges of versions and reads, and arrays that all keys use in turn.

    `shows` are the reads that show each version (from `shows_first` on), `seen_by` what had seen it,
    `by_end` the reads in the order in which they ended, and `ends` when.  `since`, `stack`, `later` and
    `behind` are by version.
    """

    versions: tuple[int, int]
    reads: tuple[int, int]
    shows_first: Ints
    shows: Ints
    seen_by_first: Ints
    seen_by: Ints
    by_end: Ints
    ends: Ints
    since: Ints
    stack: Ints
    later: Ints
    behind: Ints


def gathered(history: History, at_rest: bool, condemned: bool) -> Returned:
    """Everything."""
    evidence = evidence_of(history)
    columns = evidence.columns
    every = check_columns(columns)
    begun = columns.read_invoked[every.last]
    acknowledged = columns.acknowledged[every.by]
    certain = (acknowledged >= 0) & (acknowledged < begun)
    wrong = certain & (condemned | ((every.final > 0) & at_rest))
    deleted = columns.delete[every.by]
    found = Findings()
    for kind, of_kind in ((DELETED, deleted), (REPLACED, ~deleted)):
        chosen = np.flatnonzero(wrong & of_kind)
        entries = columns.read_ended[every.first[chosen]]
        tell = partial(_anomaly, evidence, every, chosen)
        found.add_all(kind, entries, evidence.places(every.version[chosen]), tell)
    return Returned(
        found=found,
        allowed={DELETED: int((~wrong & deleted).sum()), REPLACED: int((~wrong & ~deleted).sum())},
        returned=every.version.size,
        first=[_return(evidence, every, at) for at in range(min(LISTED, every.version.size))],
        deletes=int((columns.delete & (columns.acknowledged >= 0)).sum()),
        reads=columns.read_invoked.size,
    )


def _anomaly(evidence: Evidence, every: ReturnColumns, chosen: Ints, at: int) -> Anomaly:
    return anomaly(_return(evidence, every, int(chosen[at])))


def _return(evidence: Evidence, every: ReturnColumns, at: int) -> Return:
    columns, number, gone = evidence.columns, int(every.version[at]), int(every.gone[at])
    key = evidence.key_of_version(number)
    reads = evidence.reads_showing(key, np.array([number]))
    back = reads[columns.read_invoked[reads] > columns.read_ended[gone]]
    return Return(
        version=evidence.version(number),
        by=evidence.version(int(every.by[at])),
        gone=evidence.pair(gone),
        back=tuple(evidence.pair(read) for read in back.tolist()),
    )


def check_columns(columns: DynamoColumns) -> ReturnColumns:
    """All versions of all keys that came back, in order of invocation within a key."""
    versions = columns.invoked.size
    found = ReturnColumns(*(np.zeros(versions, np.int64) for _ in ReturnColumns._fields))
    most = int(np.diff(columns.version_first).max(initial=0))
    scratch = np.zeros((4, most), np.int64)
    count = _keys(columns, found, scratch)
    return ReturnColumns(*(column[:count].copy() for column in found))


@kernel.njit
def _keys(columns: DynamoColumns, found: ReturnColumns, scratch: Ints) -> int:
    count = 0
    for number in range(columns.read_first.size - 1):
        versions = (columns.version_first[number], columns.version_first[number + 1])
        reads = (columns.read_first[number], columns.read_first[number + 1])
        shows_first, shows = _shows(columns, versions, reads)
        seen_by_first, seen_by = _seen_by(columns, versions)
        by_end = reads[0] + np.argsort(columns.read_ended[reads[0] : reads[1]])
        since, stack, later, behind = scratch[0], scratch[1], scratch[2], scratch[3]
        key = Key(
            versions,
            reads,
            shows_first,
            shows,
            seen_by_first,
            seen_by,
            by_end,
            columns.read_ended[by_end],
            since,
            stack,
            later,
            behind,
        )
        _replaced(columns, key)
        later[:] = behind[:] = -1
        for at in range(versions[1] - versions[0]):
            last = shows_first[at + 1] - 1
            if last >= shows_first[at] and columns.read_invoked[shows[last]] > since[at]:
                count += _returned(columns, key, at, (found, count))
    return count


@kernel.njit
def _shows(columns: DynamoColumns, versions: tuple[int, int], reads: tuple[int, int]) -> tuple[Ints, Ints]:
    """Per version the reads that show it, each once, in order of invocation."""
    base, size = versions[0], versions[1] - versions[0]
    first, last_in = np.zeros(size + 2, np.int64), np.full(size, -1, np.int64)
    for read in range(reads[0], reads[1]):
        for each in range(columns.shown_first[read], columns.shown_first[read + 1]):
            number = columns.shown[each]
            if number < columns.invoked.size and last_in[number - base] != read:
                last_in[number - base] = read
                first[number - base + 2] += 1
    for at in range(2, size + 2):
        first[at] += first[at - 1]
    shows = np.empty(first[size + 1], np.int64)
    last_in[:] = -1
    for read in range(reads[0], reads[1]):
        for each in range(columns.shown_first[read], columns.shown_first[read + 1]):
            number = columns.shown[each]
            if number < columns.invoked.size and last_in[number - base] != read:
                last_in[number - base] = read
                shows[first[number - base + 1]] = read
                first[number - base + 1] += 1
    return first, shows


@kernel.njit
def _seen_by(columns: DynamoColumns, versions: tuple[int, int]) -> tuple[Ints, Ints]:
    """Per version the places of those that had seen it."""
    base, size = versions[0], versions[1] - versions[0]
    first = np.zeros(size + 2, np.int64)
    begin, end = columns.seen_first[base], columns.seen_first[versions[1]]
    for edge in range(begin, end):
        first[columns.seen[edge] - base + 2] += 1
    for at in range(2, size + 2):
        first[at] += first[at - 1]
    seen_by = np.empty(end - begin, np.int64)
    for at in range(size):
        for edge in range(columns.seen_first[base + at], columns.seen_first[base + at + 1]):
            below = columns.seen[edge] - base
            seen_by[first[below + 1]] = at
            first[below + 1] += 1
    return first, seen_by


@kernel.njit
def _replaced(columns: DynamoColumns, key: Key) -> None:
    """`since`: the first moment from which a read may find a version gone, NEVER for most of them.

    That is the end of the first read that shows something that had seen it, or the acknowledgement of a
    delete that had.
    """
    base, size = key.versions[0], key.versions[1] - key.versions[0]
    moment = np.full(size, NEVER)
    for at in range(size):
        for each in range(key.shows_first[at], key.shows_first[at + 1]):
            moment[at] = min(moment[at], columns.read_ended[key.shows[each]])
        if columns.delete[base + at] and columns.acknowledged[base + at] >= 0:
            moment[at] = min(moment[at], columns.acknowledged[base + at])
    key.since[:size] = NEVER
    for root in np.argsort(moment):
        if moment[root] == NEVER:
            break
        key.stack[0], depth = root, 1
        while depth:
            depth -= 1
            at = base + key.stack[depth]
            for edge in range(columns.seen_first[at], columns.seen_first[at + 1]):
                below = columns.seen[edge] - base
                if key.since[below] == NEVER:
                    key.since[below] = moment[root]
                    key.stack[depth] = below
                    depth += 1


@kernel.njit
def _returned(columns: DynamoColumns, key: Key, at: int, out: tuple[ReturnColumns, int]) -> int:
    """Put the return of one version into its row; how many there are, 1 or 0."""
    found, row = out
    begin, end = key.shows_first[at], key.shows_first[at + 1]
    until = columns.read_invoked[key.shows[end - 1]]
    size = _later(columns, key, at, until)
    low = np.searchsorted(key.ends, key.since[at])
    for read in key.by_end[low:]:
        if columns.read_ended[read] >= until:
            break
        if _is_shown(columns, read, key.versions[0] + at):
            continue
        by = _by(columns, key, (at, size), read)
        if by < 0:
            continue
        found.version[row], found.by[row], found.gone[row] = key.versions[0] + at, by, read
        found.first[row], found.final[row] = -1, 0
        for each in range(begin, end):
            other = key.shows[each]
            if columns.read_invoked[other] > columns.read_ended[read]:
                if found.first[row] < 0:
                    found.first[row] = other
                found.last[row] = other
                found.final[row] |= columns.final[other]
        return 1
    return 0


@kernel.njit
def _is_shown(columns: DynamoColumns, read: int, number: int) -> bool:
    for each in range(columns.shown_first[read], columns.shown_first[read + 1]):
        if columns.shown[each] == number:
            return True
    return False


@kernel.njit
def _later(columns: DynamoColumns, key: Key, at: int, until: int) -> int:
    """Stamp with `at` what had seen the version and was invoked by then. How many are on the stack."""
    base = key.versions[0]
    key.stack[0], done, size = at, 0, 1
    while done < size:
        below = key.stack[done]
        done += 1
        for each in range(key.seen_by_first[below], key.seen_by_first[below + 1]):
            other = key.seen_by[each]
            if key.later[other] != at and other != at and columns.invoked[base + other] < until:
                key.later[other] = at
                key.stack[size] = other
                size += 1
    return size


@kernel.njit
def _by(columns: DynamoColumns, key: Key, what: tuple[int, int], read: int) -> int:
    """What had replaced the version, as far as this read shows; -1 for nothing.

    Best a delete that was acknowledged before it, then what was acknowledged at all, then the first.
    """
    at, size = what
    base = key.versions[0]
    pending = np.empty(size, np.int64)
    count = 0
    # A stamp of its own for every pair of version and read.
    stamp = at * (key.reads[1] + 1) + read
    for each in range(columns.shown_first[read], columns.shown_first[read + 1]):
        number = columns.shown[each]
        if number < columns.invoked.size:
            place = number - base
            if key.later[place] == at and key.behind[place] != stamp:
                key.behind[place] = stamp
                pending[count] = place
                count += 1
    while count:
        count -= 1
        version = base + pending[count]
        for edge in range(columns.seen_first[version], columns.seen_first[version + 1]):
            place = columns.seen[edge] - base
            if key.later[place] == at and key.behind[place] != stamp:
                key.behind[place] = stamp
                pending[count] = place
                count += 1
    best, best_rank, best_at = -1, 3, 0
    for each in range(1, size):
        place = key.stack[each]
        version = base + place
        ended = columns.acknowledged[version]
        rank = 3
        if columns.delete[version] and 0 <= ended < columns.read_invoked[read]:
            rank = 0
        elif key.behind[place] == stamp:
            rank = 1 if ended >= 0 else 2
        if rank < best_rank or (rank == best_rank < 3 and place < best_at):
            best, best_rank, best_at = version, rank, place
    return best
