"""How each kind of operation ended, from columns: what `stats.py` judges, without objects."""

from collections import Counter

from checker.classic.client_columns import ClientColumns
from checker.table import TYPES


def counted(clients: ClientColumns) -> tuple[dict[str, Counter[str]], dict[str, int]]:
    """Outcomes, and the index of the first invocation, by `f` in the order of these."""
    by_f: dict[str, Counter[str]] = {}
    first: dict[str, int] = {}
    counts = clients.counts().tolist()
    for name, operation, ends in zip(clients.names, clients.first.tolist(), counts, strict=True):
        by_f[name] = Counter(dict(zip(("open", *TYPES[1:]), ends, strict=True)))
        first[name] = int(clients.table.indexes[clients.begun[operation]])
    return by_f, first
