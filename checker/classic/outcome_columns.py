"""How each kind of operation ended, from columns: what `stats.py` judges, without objects."""

from collections import Counter

import numpy as np

from checker.classic.client_columns import ClientColumns
from checker.table import TYPES


def counted(clients: ClientColumns) -> tuple[dict[str, Counter[str]], dict[str, int]]:
    """Outcomes, and the index of the first invocation, by `f` in the order of these."""
    by_f: dict[str, Counter[str]] = {}
    first: dict[str, int] = {}
    for name, operations in clients.names():
        counts = np.bincount(clients.outcome[operations], minlength=len(TYPES)).tolist()
        by_f[name] = Counter(dict(zip(("open", *TYPES[1:]), counts, strict=True)))
        first[name] = int(clients.table.indexes[clients.begun[operations[0]]])
    return by_f, first
