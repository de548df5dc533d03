"""Ids that were handed out, from columns: what `unique_ids.py` judges, without objects."""

import numpy as np

from checker.classic.client_columns import OK, ClientColumns
from checker.classic.element_numbers import met_in
from checker.classic.unique_ids import PROOF, HandedOut
from checker.history import Pair


def handed_out(clients: ClientColumns) -> HandedOut:
    """Count how often every id was handed out. Raises OddElement."""
    asking = clients.of("generate")
    given = np.flatnonzero(asking & (clients.outcome == OK))
    met = met_in(clients.texts(clients.ended[given]), np.zeros(len(given), dtype=np.bool_))
    counts = np.bincount(met.numbers, minlength=met.different)
    twice = np.flatnonzero(counts > 1)
    twice = twice[np.argsort(-counts[twice], kind="stable")]

    def pairs_of(at: int) -> list[Pair]:
        return [clients.pair(each) for each in given[np.flatnonzero(met.numbers == at)[:PROOF]].tolist()]

    return HandedOut(
        attempted=int(asking.sum()),
        acknowledged=len(given),
        different=met.different,
        twice=list(zip(twice.tolist(), counts[twice].tolist(), strict=True)),
        values=lambda wanted: met.values(list(wanted)),
        pairs_of=pairs_of,
    )
