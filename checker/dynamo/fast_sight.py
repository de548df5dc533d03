"""The same observations as `sight.plain_sights`, judged by the compiled sweep. Needs numpy and numba.

A key in which writes had seen each other in a circle has no order to sweep in, and is judged the plain way.
"""

import numpy as np

from checker.dynamo.columns import DynamoColumns, Flags, Numbers, columns_of
from checker.dynamo.sight import Sight, Sights, key_sights
from checker.dynamo.sweep import SightColumns, check_columns
from checker.history import History, Pair
from checker.version_graph import graph_of, observes


def fast_sights(history: History) -> Sights:
    """All observations of all keys."""
    graph = graph_of(history)
    columns = history.derive(columns_of)
    result = check_columns(columns)
    rows = list(zip(*(column.tolist() for column in _rows(columns, result)), strict=True))
    sights: Sights = {}
    for at, (name, key) in enumerate(graph.keys.items()):
        first, last = int(columns.read_first[at]), int(columns.read_first[at + 1])
        if result.cyclic[at]:
            sights[name] = key_sights(key, graph.operations[name])
            continue
        pairs = [pair for pair in graph.operations[name] if observes(pair)]
        base = int(columns.version_first[at])
        found = zip(pairs, rows[first:last], strict=True)
        sights[name] = [_sight(pair, row, base) for pair, row in found]
    return sights


def _rows(columns: DynamoColumns, result: SightColumns) -> tuple[Numbers | Flags, ...]:
    return (
        result.missed,
        result.oldest,
        result.deleted,
        result.forgotten,
        result.unread,
        result.doubtful,
        np.diff(columns.shown_first),
        result.concurrent,
        result.suspect,
    )


def _sight(pair: Pair, row: tuple[int, ...], base: int) -> Sight:
    missed, oldest, deleted, forgotten, unread, doubtful, shown, concurrent, suspect = row
    return Sight(
        pair=pair,
        shown=shown,
        concurrent=concurrent,
        missed=missed,
        oldest=max(oldest - base, -1),
        deleted=max(deleted - base, -1),
        forgotten=max(forgotten - base, -1),
        unread=max(unread - base, -1),
        doubtful=bool(doubtful),
        suspect=bool(suspect),
    )
