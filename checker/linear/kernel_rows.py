"""From the rows of a table to the columns of a register or a queue, compiled: one pass, nothing in between.

What is kept of a call is its span, where it starts and ends, whether it stores (`write`, `enqueue`) or tells
(`read`, `dequeue`), and the code of its value (`kernel_values.py`).  Positions are int32 (`NEVER`: no end).
"""

from typing import Any

from checker.kernel import njit
from checker.linear.kernel_register import NEVER
from checker.linear.kernel_values import NOTHING, SCALAR
from checker.table import INT, NIL, TYPES

Array = Any

FAIL, INFO = TYPES.index("fail"), TYPES.index("info")

DECLINED = -1


@njit
def extract(  # noqa: PLR0917 one kernel
    spans: Array, columns: Array, pool: Array, names: Array, skipping: Array, out: Array
) -> int:
    """Fill `out` (span, starts, ends, stores, codes) and return how many calls there are, or DECLINED.

    `columns` are type, f, kind and value, `pool` forms and codes by place, `names` the places of the two
    operations.  `skipping` says of a call that tells: is it left out if it crashed (else DECLINED), is it
    left out if it told nil, and if not, is that DECLINED (else a value like others)?  What has no code, or
    was never invoked, is DECLINED.
    """
    invoked, completed = spans
    types, fs, kinds, cells = columns
    forms, codes = pool
    stores, tells = names
    skip_crashed, skip_nil, decline_nil = skipping
    out_span, out_starts, out_ends, out_stores, out_codes = out
    count = 0
    for span in range(len(invoked)):
        begun, ended = invoked[span], completed[span]
        name = fs[begun]
        telling = name == tells
        if begun == ended or not (telling or name == stores):
            return DECLINED
        outcome = types[ended] if ended >= 0 else INFO
        if outcome == FAIL:
            continue
        if telling and outcome == INFO:
            if skip_crashed:
                continue
            return DECLINED
        row = ended if telling else begun
        code = cells[row]
        if kinds[row] == NIL:
            code = NOTHING
        elif kinds[row] != INT:
            if forms[code] != SCALAR:
                return DECLINED
            code = codes[code, 0]
        if telling and code == NOTHING:
            if skip_nil:
                continue
            if decline_nil:
                return DECLINED
        out_span[count], out_starts[count] = span, begun
        out_ends[count] = NEVER if outcome == INFO else ended
        out_stores[count], out_codes[count] = not telling, code
        count += 1
    return count


@njit
def repeated(numbers: Array, stores: Array, seen: Array) -> bool:
    """Is some number stored twice, or again that is `seen` at first?"""
    for row in range(len(numbers)):
        if stores[row]:
            if seen[numbers[row]]:
                return True
            seen[numbers[row]] = True
    return False


@njit
def pair_up(calls: Array, found: Array) -> bool:
    """Fill `found` (four rows: enqueue starts and ends, dequeue starts and ends) by value.

    `calls` are numbers, starts, ends, stores. False where a value is enqueued or dequeued twice.
    """
    numbers, starts, ends, stores = calls
    none = found[0, 0]
    for at in range(len(numbers)):
        value, row = numbers[at], 0 if stores[at] else 2
        if found[row, value] != none:
            return False
        found[row, value] = starts[at]
        if ends[at] != NEVER:
            found[row + 1, value] = ends[at]
    return True
