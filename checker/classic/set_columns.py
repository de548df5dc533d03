"""The final read of a set against its adds, from columns: what `set_adds.py` judges, without objects."""

import numpy as np

from checker.classic.added import added
from checker.classic.client_columns import FAIL, OK, ClientColumns
from checker.classic.element_numbers import met_in
from checker.classic.set_adds import Adds, Tally


def adds_of(clients: ClientColumns) -> Adds:
    """Number the elements of the adds, then those of the final read. Raises OddElement."""
    adding = np.flatnonzero(clients.of("add"))
    reading = np.flatnonzero(clients.of("read") & (clients.outcome == OK))
    reading = reading[clients.texts(clients.ended[reading]).is_list]
    last = clients.ended[reading].max(keepdims=True) if len(reading) else clients.ended[:0]
    rows = np.concatenate([clients.begun[adding], last])
    met = met_in(clients.texts(rows), np.arange(len(rows)) >= len(adding))
    numbers, shown = met.numbers[: len(adding)], met.numbers[len(adding) : met.first[-1]]
    attempted = int(numbers.max(initial=-1)) + 1
    adds = added(clients, adding, numbers, attempted)
    acknowledged = adds.outcome == OK
    entry = clients.entry(int(last[0])) if len(last) else None
    tally = None
    if entry is not None:
        seen = np.bincount(shown, minlength=met.different)
        there = seen[:attempted] > 0
        twice = np.flatnonzero(seen > 1)
        tally = Tally(
            final=entry,
            ok=np.flatnonzero(there),
            lost=np.flatnonzero(acknowledged & ~there).tolist(),
            recovered=np.flatnonzero(there & ~acknowledged),
            unexpected=range(attempted, met.different),
            duplicated=list(zip(twice.tolist(), seen[twice].tolist(), strict=True)),
            failed=int((there & (adds.outcome == FAIL)).sum()),
        )
    return Adds(
        attempted=attempted,
        acknowledged=int(acknowledged.sum()),
        tally=tally,
        values=met.values,
        sample=met.sample,
        add_of=lambda at: clients.pair(int(adds.best[at])),
    )
