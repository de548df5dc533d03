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


class Facts(NamedTuple):
    """Transactions t, external reads r (slots, in the order of the program), writes w, groups g.

    `session_of` [t], `position` [t]: place among the transactions of the session that count (-1: this one
    does not), `next` [t]: the one after it (-1: none).
    `at`: the transactions that count, session by session; that of session s and place p is
    at[session_start[s] + p], and session_start[sessions] is how many there are.
    `read_start` [t + 1] `read_key` [r] `read_from` [r] `reader` [r]
    `write_start` [t + 1] `write_key` [w], without repetition, increasing within a transaction.
    `group_start` [key + 1] `group_session` [g] `group_begin` [g + 1] `writer_at` [w]: for each key the
    positions of the transactions that write it, grouped by session, increasing.
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
    keys: int
    sessions: int
    transactions: int


class Resolution(NamedTuple):
    """`writer` [version]: the transaction that wrote it (-1: none), `final` [version]: 1 unless it was
    overwritten inside its transaction, `code` [o], `counts` [t]: 1 if the transaction counts."""

    writer: Ints
    final: Ints
    code: Ints
    counts: Ints


def resolve(transactions: Transactions, engine: Engine) -> tuple[Resolution, int]:
    """Who wrote what, and the code of each operation; the number of an operation that writes a value for
    the second time, or -1."""
    columns = engine.adopt(transactions.columns)
    result = Resolution(
        writer=engine.vector(columns.versions, -1),
        final=engine.vector(columns.versions, 1),
        code=engine.vector(len(columns.kind), OWN),
        counts=engine.vector(len(columns.status)),
    )
    stamp, last = engine.vector(columns.keys, -1), engine.vector(columns.keys)
    duplicate = engine.run(find_writers, columns, result, stamp, last)
    if duplicate < 0:
        stamp, later = engine.vector(columns.keys, -1), engine.vector(columns.versions, -1)
        engine.run(classify, columns, result, stamp, last, later)
    return result, int(duplicate)


def facts_of(transactions: Transactions, resolution: Resolution, engine: Engine) -> Facts:
    """The vectors that the levels work on."""
    columns = engine.adopt(transactions.columns)
    total = len(columns.status)
    reads, writes = engine.run(count_external, columns, resolution)
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
        group_start=engine.vector(columns.keys + 1),
        group_session=engine.vector(writes),
        group_begin=engine.vector(writes + 1),
        writer_at=engine.vector(writes),
        keys=columns.keys,
        sessions=columns.sessions,
        transactions=total,
    )
    engine.run(place, facts, resolution.counts, engine.vector(columns.sessions))
    kept = engine.run(fill_operations, columns, resolution, facts, engine.vector(columns.keys, -1))
    engine.run(group_writers, facts, engine.vector(columns.keys + 1), engine.vector(kept))
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


def classify(columns: TransactionColumns, result: Resolution, stamp: Ints, last: Ints, later: Ints) -> None:
    """Fill `code` and `counts`. A transaction of unknown outcome counts if a committed one read from it.

    `later` marks, per transaction, the versions that it has written so far: an own version that is not
    marked yet is one from the future.
    """
    for t in range(len(columns.status)):
        if columns.status[t] != 0:
            continue
        result.counts[t] = 1
        for o in range(columns.operation_start[t], columns.operation_start[t + 1]):
            key, version = columns.key[o], columns.version[o]
            if columns.kind[o] == 1:
                stamp[key] = t
                last[key] = version
                later[version] = t
                continue
            writer = -2 if version < 0 else result.writer[version]
            if writer == t and later[version] != t:
                result.code[o] = 5
            elif writer == -1:
                result.code[o] = 2
            elif stamp[key] == t:
                result.code[o] = 1 if version == last[key] else 6
            elif writer == -2:
                result.code[o] = 0
            elif columns.status[writer] == 1:
                result.code[o] = 3
            else:
                result.code[o] = 0 if result.final[version] == 1 else 4
                result.counts[writer] = 1


def count_external(columns: TransactionColumns, resolution: Resolution) -> tuple[int, int]:
    """How many external reads there are, and how many writes by transactions that count."""
    reads = writes = 0
    for t in range(len(columns.status)):
        if resolution.counts[t] == 0:
            continue
        for o in range(columns.operation_start[t], columns.operation_start[t + 1]):
            if columns.kind[o] == 1:
                writes += 1
            elif resolution.code[o] == 0:
                reads += 1
    return reads, writes


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


def fill_operations(columns: TransactionColumns, resolution: Resolution, facts: Facts, stamp: Ints) -> int:
    """Fill reads and writes. Returns how many writes are left without repetition."""
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
    return writes


def group_writers(facts: Facts, cursor: Ints, owner: Ints) -> None:
    """For each key the positions of its writers, session by session: what is walked in that order is still
    in it when it was counted out by key."""
    writes = facts.write_start[facts.transactions]
    for w in range(writes):
        cursor[facts.write_key[w] + 1] += 1
    for key in range(facts.keys):
        cursor[key + 1] += cursor[key]
    for i in range(facts.session_start[facts.sessions]):
        t = facts.at[i]
        for w in range(facts.write_start[t], facts.write_start[t + 1]):
            key = facts.write_key[w]
            facts.writer_at[cursor[key]] = facts.position[t]
            owner[cursor[key]] = facts.session_of[t]
            cursor[key] += 1
    groups = 0
    begin = 0
    for key in range(facts.keys):
        facts.group_start[key] = groups
        for w in range(begin, cursor[key]):
            if w == begin or owner[w] != owner[w - 1]:
                facts.group_session[groups] = owner[w]
                facts.group_begin[groups] = w
                groups += 1
        begin = cursor[key]
    facts.group_start[facts.keys] = groups
    facts.group_begin[groups] = writes
