"""Ids that were handed out, from columns: what `unique_ids.py` judges, without objects."""

from collections.abc import Callable
from functools import cache

import numpy as np

from checker.classic.cells import ENDED, cells_of
from checker.classic.client_columns import OK, ClientColumns
from checker.classic.extremes import extremes
from checker.classic.findings import LISTED
from checker.classic.numbering import Numbered, counted, judged
from checker.classic.unique_ids import PROOF, HandedOut
from checker.history import Pair


def handed_out(clients: ClientColumns) -> HandedOut:
    """Count how often every id was handed out. Raises OddElement."""
    given = cells_of(clients, clients.by_end({"generate": (0, ENDED, 0, 0)}))
    return judged(given, lambda met: _handed_out(clients, met))


def _handed_out(clients: ClientColumns, met: Numbered) -> HandedOut:
    counts = counted(met)
    twice = np.array(met.in_order(counts > 1), dtype=np.int64)
    twice = twice[np.argsort(-counts[twice].astype(np.int64), kind="stable")]
    ends = clients.counts()[[name == "generate" for name in clients.names]].sum(axis=0)
    return HandedOut(
        attempted=int(ends.sum()),
        acknowledged=int(ends[OK]),
        different=int(np.count_nonzero(counts)),
        twice=list(zip(twice.tolist(), counts[twice].tolist(), strict=True)),
        values=lambda wanted: met.values(list(wanted)),
        range=lambda: extremes(met, counts > 0),
        pairs_of=_proofs(clients, met, twice[:LISTED].tolist()),
    )


def _proofs(clients: ClientColumns, met: Numbered, told_of: list[int]) -> Callable[[int], list[Pair]]:
    """Gives the first operations that handed out one of these ids; all are looked for at once."""

    @cache
    def rows() -> dict[int, list[int]]:
        found: dict[int, list[int]] = {at: [] for at in told_of}
        numbers, _, rows = met.occurrences(told_of)
        for number, row in zip(numbers.tolist(), rows.tolist(), strict=True):
            if len(found[number]) < PROOF:
                found[number].append(row)
        return found

    @cache
    def operations() -> dict[int, int]:
        return clients.ended_in([row for each in rows().values() for row in each])

    return lambda at: [clients.pair(operations()[row]) for row in rows()[at]]
