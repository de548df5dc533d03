"""The histories of `linear_histories.py` as tables: what a file of them is after reading."""

from typing import Any

import numpy as np

from benchmarks import linear_histories as histories
from checker.kernel import njit
from checker.pool import Pool
from checker.table import INT, NIL, POOLED, TYPES, Table

Array = Any

CLIENTS = 1000


@njit
def clients(who: Array, found: Array) -> None:
    """Give every call a free client; `who` has by position the call that begins there, or ends (-2 - it)."""
    free = np.arange(CLIENTS, -1, -1)
    top = CLIENTS
    for one in who:
        if one >= 0:
            found[one] = free[top]
            top -= 1
        elif one <= -2:
            top += 1
            free[top] = found[-one - 2]


def table(times: tuple[Array, Array], f: Array, asked: Any, answered: Any, texts: list[bytes]) -> Table:
    """Calls by their positions; `asked` and `answered` are kinds and values, `texts` the pool."""
    starts, ends = times
    count = 2 * len(starts)
    who = np.full(count, -1, np.int64)
    who[starts], who[ends] = np.arange(len(starts)), -np.arange(len(starts)) - 2
    process = np.empty(len(starts), np.int64)
    clients(who, process)
    columns: dict[str, Any] = {
        name: np.empty(count, kind)
        for name, kind in (("process", np.int64), ("type", np.int8), ("f", np.int32), ("kind", np.int8))
    }
    columns |= {"index": np.arange(count), "time": 1000 * np.arange(count), "value": who}
    for name in ("key", "error"):
        columns[name] = np.full(count, -1, np.int32)
    for rows, outcome, (kind, value) in ((starts, "invoke", asked), (ends, "ok", answered)):
        columns["process"][rows], columns["type"][rows] = process, TYPES.index(outcome)
        columns["f"][rows], columns["kind"][rows], columns["value"][rows] = f, kind, value
    return Table(columns, pool(texts), {})


def pool(texts: list[bytes]) -> Pool:
    """A pool as the compiled reader leaves it."""
    offsets = np.cumsum([0, *(len(text) + 1 for text in texts)]).astype(np.int64)
    text = np.frombuffer(b"J" + b"J".join(texts) + b"\n", dtype=np.uint8).copy()
    return Pool.of_text(text, offsets)


def register(count: int, seed: int = 0) -> Table:
    """Writes and reads of one register."""
    made = histories.registers(count, seed=seed)
    asked = np.where(made.writes, INT, NIL), made.clusters
    f = np.where(made.writes, 0, 1).astype(np.int32)
    return table((made.starts, made.ends), f, asked, (INT, made.clusters), [b'"write"', b'"read"'])


def queue(count: int, seed: int = 0) -> Table:
    """Everything that goes into a queue comes out."""
    made = histories.queues(count, seed=seed)
    times = (
        np.concatenate([made.enqueue_starts, made.dequeue_starts]),
        np.concatenate([made.enqueue_ends, made.dequeue_ends]),
    )
    half = count // 2
    values = np.tile(np.arange(half), 2)
    f = np.repeat([0, 1], half).astype(np.int32)
    asked = np.repeat([INT, NIL], half), values
    return table(times, f, asked, (INT, values), [b'"enqueue"', b'"dequeue"'])


def set_of_elements(count: int, seed: int = 0) -> Table:
    """Elements that are missed, added, seen, removed, and missed again."""
    made = histories.sets(count, seed=seed)
    different = int(made.elements.max()) + 1
    texts = [b'"add"', b'"remove"', b'"contains"']
    texts += [b"[%d,%s]" % (one, word) for word in (b"true", b"false") for one in range(different)]
    looks = made.what >= 2
    answer = 3 + made.elements + np.where(made.what == 2, 0, different)
    answered = np.where(looks, POOLED, INT), np.where(looks, answer, made.elements)
    f = np.minimum(made.what, 2).astype(np.int32)
    return table((made.starts, made.ends), f, (INT, made.elements), answered, texts)
