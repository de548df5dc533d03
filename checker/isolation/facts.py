"""What the columns say before any rule is applied: who read whose write, and which reads are absurd.

Kernels (`engine.py`).  They walk the columns once each and fill vectors that every level uses.

A read is external if its transaction had not written the key before.  Of an external read we learn the
transaction that wrote what it saw; `transactions` (one more than the last) stands for the state before all
writes.  Reads that no order of transactions can explain get a code and take no further part.
"""

from typing import NamedTuple

from checker.isolation.columns import Ints, TransactionColumns, Transactions
from checker.isolation.engine import Engine

EXTERNAL, OWN, THIN_AIR, ABORTED, INTERMEDIATE, FUTURE, INTERNAL = 0, 1, 2, 3, 4, 5, 6
"""Codes of operations; a write is OWN, too. From THIN_AIR on, the read is absurd."""

ABOUT = 4
"""Integers that are kept about each write."""

WRITER, POSITION, PRIOR, PRIOR_POSITION = 0, 1, 2, 3
"""Where they are: its transaction, and the position of that in its session; the write before it of the same
key by the same session, and the position of that one (-1: none). So what is long ago needs no look."""


class Facts(NamedTuple):
    """Transactions t, external reads r (slots, in the order of the program), writes w, groups g.

    `session_of` [t], `position` [t]: place among the transactions of the session that count (-1: this one
    does not), `next` [t]: the one after it (-1: none).
    `at`: the transactions that count, session by session; that of session s and place p is
    at[session_start[s] + p], and session_start[sessions] is how many there are.
    `read_start` [t + 1] `read_key` [r] `read_from` [r] `reader` [r]
    `write_start` [t + 1] `write_key` [w], without repetition, increasing within a transaction.
    `group_start` [key + 1] `group_session` [g] `group_begin` [g + 1] `writer_at` [w]: for each key the
    positions of the transactions that write it, grouped by session, increasing (`groups.py`).
    `group_of` [w]: the group of a write, by its slot in `write_key`.
    `write` [ABOUT * w + WRITER ...]: what is mostly asked about a write, side by side.
    """

    session_start: Ints
    session_of: Ints
    position: Ints
    next: Ints
    at: Ints
    read_start: Ints
    read_key: Ints
    read_from: Ints
    reader: Ints
    write_start: Ints
    write_key: Ints
    group_start: Ints
    group_session: Ints
    group_begin: Ints
    writer_at: Ints
    group_of: Ints
    write: Ints
    keys: int
    sessions: int
    transactions: int


class Resolution(NamedTuple):
    """`writer` [version]: the transaction that wrote it (-1: none), `final` [version]: 1 unless it was
    overwritten inside its transaction, `code` [o], `counts` [t]: 1 if the transaction counts. `reads`: how
    many external reads there are; `writes`: how many writes at most count."""

    writer: Ints
    final: Ints
    code: Ints
    counts: Ints
    reads: int = 0
    writes: int = 0


def resolve(transactions: Transactions, engine: Engine) -> tuple[Resolution, int]:
    """Who wrote what, and the code of each operation; the number of an operation that writes a value for
    the second time, or -1."""
    columns = transactions.columns
    result = Resolution(
        writer=engine.vector(columns.versions, -1),
        final=engine.flags(columns.versions, 1),
        code=engine.flags(len(columns.kind), OWN),
        counts=engine.flags(len(columns.status)),
    )
    stamp, last = engine.vector(columns.keys, -1), engine.vector(columns.keys)
    duplicate = int(engine.run(find_writers, columns, result, stamp, last))
    if duplicate >= 0:
        return result, duplicate
    stamp = engine.vector(columns.keys, -1)
    reads, writes = engine.run(classify, columns, result, stamp, last)
    return result._replace(reads=int(reads), writes=int(writes)), -1


def facts_of(transactions: Transactions, resolution: Resolution, engine: Engine) -> Facts:
    """The vectors that the levels work on; those of groups are empty still (`groups.py`)."""
    columns = transactions.columns
    total, reads, writes = len(columns.status), resolution.reads, resolution.writes
    facts = Facts(
        session_start=engine.vector(columns.sessions + 1),
        session_of=columns.session,
        position=engine.vector(total, -1),
        next=engine.vector(total, -1),
        at=engine.vector(total, -1),
        read_start=engine.vector(total + 1),
        read_key=engine.vector(reads),
        read_from=engine.vector(reads),
        reader=engine.vector(reads),
        write_start=engine.vector(total + 1),
        write_key=engine.vector(writes),
        group_start=engine.vector(0),
        group_session=engine.vector(0),
        group_begin=engine.vector(0),
        writer_at=engine.vector(0),
        group_of=engine.vector(0),
        write=engine.vector(0),
        keys=columns.keys,
        sessions=columns.sessions,
        transactions=total,
    )
    engine.run(place, facts, resolution.counts, engine.vector(columns.sessions))
    engine.run(fill_operations, columns, resolution, facts, engine.vector(columns.keys, -1))
    return facts


# --- kernels ---------------------------------------------------------------------------------------


def find_writers(columns: TransactionColumns, result: Resolution, stamp: Ints, last: Ints) -> int:
    """Fill `writer` and `final`. Returns the first operation that repeats a write, or -1."""
    for t in range(len(columns.status)):
        for o in range(columns.operation_start[t], columns.operation_start[t + 1]):
            if columns.kind[o] == 0:
                continue
            version, key = columns.version[o], columns.key[o]
            if result.writer[version] >= 0:
                return o
            result.writer[version] = t
            if stamp[key] == t:
                result.final[last[key]] = 0
            stamp[key] = t
            last[key] = version
    return -1


def classify(columns: TransactionColumns, result: Resolution, stamp: Ints, last: Ints) -> tuple[int, int]:
    """Fill `code` and `counts`. A transaction of unknown outcome counts if a committed one read from it.

    Returns how many external reads there are, and how many writes in all transactions.
    """
    reads = writes = 0
    for t in range(len(columns.status)):
        if columns.status[t] != 0:
            # It has writes only.
            writes += columns.operation_start[t + 1] - columns.operation_start[t]
            continue
        result.counts[t] = 1
        for o in range(columns.operation_start[t], columns.operation_start[t + 1]):
            key, version = columns.key[o], columns.version[o]
            if columns.kind[o] == 1:
                stamp[key] = t
                last[key] = version
                writes += 1
                continue
            writer = -2 if version < 0 else result.writer[version]
            if writer == -1:
                result.code[o] = 2
            elif stamp[key] == t and version == last[key]:
                result.code[o] = 1
            elif writer == t:
                result.code[o] = 6 if is_written(columns, t, o) else 5
            elif stamp[key] == t:
                result.code[o] = 6
            elif writer >= 0 and columns.status[writer] == 1:
                result.code[o] = 3
            elif writer >= 0 and result.final[version] == 0:
                result.code[o] = 4
                result.counts[writer] = 1
            else:
                result.code[o] = 0
                reads += 1
                if writer >= 0:
                    result.counts[writer] = 1
    return reads, writes


def is_written(columns: TransactionColumns, t: int, read: int) -> bool:
    """Did the transaction write what it reads before it reads it?"""
    for o in range(columns.operation_start[t], read):
        if columns.kind[o] == 1 and columns.version[o] == columns.version[read]:
            return True
    return False


def place(facts: Facts, counts: Ints, length: Ints) -> None:
    """Where each transaction stands in its session. `length` [session]: how far it is filled."""
    for t in range(facts.transactions):
        if counts[t] == 1:
            facts.session_start[facts.session_of[t] + 1] += 1
    for s in range(facts.sessions):
        facts.session_start[s + 1] += facts.session_start[s]
    for t in range(facts.transactions):
        if counts[t] == 0:
            continue
        s = facts.session_of[t]
        end = facts.session_start[s] + length[s]
        facts.position[t] = length[s]
        facts.at[end] = t
        if length[s] > 0:
            facts.next[facts.at[end - 1]] = t
        length[s] += 1


def fill_operations(columns: TransactionColumns, resolution: Resolution, facts: Facts, stamp: Ints) -> None:
    """Fill reads and writes."""
    reads = writes = 0
    for t in range(facts.transactions):
        facts.read_start[t] = reads
        facts.write_start[t] = writes
        if resolution.counts[t] == 0:
            continue
        for o in range(columns.operation_start[t], columns.operation_start[t + 1]):
            key = columns.key[o]
            if columns.kind[o] == 0:
                if resolution.code[o] == 0:
                    version = columns.version[o]
                    facts.read_key[reads] = key
                    facts.read_from[reads] = facts.transactions if version < 0 else resolution.writer[version]
                    facts.reader[reads] = t
                    reads += 1
            elif stamp[key] != t:
                stamp[key] = t
                facts.write_key[writes] = key
                writes += 1
        # Shell sort: transactions are short, and a loader's thousands of keys are mostly in order.
        begin = facts.write_start[t]
        gap = (writes - begin) // 2
        while gap > 0:
            for i in range(begin + gap, writes):
                key = facts.write_key[i]
                j = i
                while j >= begin + gap and facts.write_key[j - gap] > key:
                    facts.write_key[j] = facts.write_key[j - gap]
                    j -= gap
                facts.write_key[j] = key
            gap //= 2
    facts.read_start[facts.transactions] = reads
    facts.write_start[facts.transactions] = writes
