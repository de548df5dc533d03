"""What went into queues and came out of them, from columns: what `queues.py` judges, without objects."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from checker.classic.cell_texts import Ints
from checker.classic.client_columns import FAIL, INFO, OK, OPEN, ClientColumns
from checker.classic.element_numbers import Met, met_in
from checker.classic.queues import Count, Replay, Totals
from checker.history import Pair
from checker.kernel import njit_uncounted as njit

Small = NDArray[np.int32]


class Moved(NamedTuple):
    """The operations that put in or took out, in order; which of them put in, and the elements of each."""

    operations: Ints
    puts: NDArray[np.bool_]
    met: Met

    @property
    def numbers(self) -> Small:
        """The elements of all of them, one after the other."""
        return self.met.numbers[: self.met.first[-1]]

    @property
    def owner(self) -> Ints:
        """For each element of `numbers` which of the operations moved it."""
        return np.repeat(np.arange(len(self.puts)), np.diff(self.met.first))


def _moved(clients: ClientColumns) -> Moved:
    """Enqueues with what they tried to put in, dequeues and drains with what came out. Raises OddElement."""
    puts = clients.of("enqueue")
    drains = clients.of("drain")
    takes = (clients.of("dequeue") | drains) & (clients.outcome == OK)
    operations = np.flatnonzero(puts | takes)
    rows = np.where(puts[operations], clients.begun[operations], clients.ended[operations])
    texts = clients.texts(rows)
    kept = ~drains[operations] | texts.is_list  # A drain that returned no list returned nothing we know.
    if not kept.all():
        operations, texts = operations[kept], clients.texts(rows[kept])
    return Moved(operations, puts[operations], met_in(texts, drains[operations]))


def replay_of(clients: ClientColumns) -> Replay:
    """Enqueues happen where they begin, dequeues and drains where they end. Raises OddElement."""
    moved = _moved(clients)
    of, puts = moved.operations, moved.puts
    rows = np.where(puts, clients.begun[of], clients.ended[of])
    failed = puts & (clients.outcome[of] == FAIL)
    order = np.argsort(rows, kind="stable")[~failed[np.argsort(rows, kind="stable")]]
    inside = np.zeros(moved.met.different, dtype=np.int64)
    short = np.zeros(len(moved.numbers), dtype=np.bool_)
    _replay(order, puts, moved.met.first, moved.met.numbers, inside, short)
    owner = moved.owner
    found = np.flatnonzero(short)
    found = found[np.argsort(rows[owner[found]], kind="stable")]
    each = zip(moved.numbers[found].tolist(), of[owner[found]].tolist(), strict=True)
    return Replay(
        taken=int((~puts[owner]).sum()),
        left=int(inside.sum()),
        unexpected=list(each),
        values=lambda numbers: moved.met.values(list(numbers)),
        pair_of=clients.pair,
    )


@njit
def _replay(  # noqa: PLR0917
    order: Ints, puts: NDArray[np.bool_], first: Ints, numbers: Small, inside: Ints, short: NDArray[np.bool_]
) -> None:
    """Fill in what remains inside, and which elements came out that were not there."""
    for at in order:
        for i in range(first[at], first[at + 1]):
            if puts[at]:
                inside[numbers[i]] += 1
            elif inside[numbers[i]] > 0:
                inside[numbers[i]] -= 1
            else:
                short[i] = True


def count_of(clients: ClientColumns) -> Count:
    """Count every element over the whole history. Raises OddElement."""
    moved = _moved(clients)
    put = moved.puts[moved.owner]
    done = put & (clients.outcome[moved.operations][moved.owner] == OK)
    attempted, acknowledged, dequeued = (
        np.bincount(moved.numbers[mask], minlength=moved.met.different) for mask in (put, done, ~put)
    )
    expected = np.where(attempted > 0, dequeued, 0)
    doubtful = (clients.outcome == OPEN) | (clients.outcome == INFO)
    return Count(
        attempted=int(attempted.sum()),
        acknowledged=int(acknowledged.sum()),
        matched=int(np.minimum(dequeued, attempted).sum()),
        unknown=int((clients.of("dequeue", "drain") & doubtful).sum()),
        totals=Totals(
            lost=_positive(acknowledged - dequeued),
            unexpected=_positive(dequeued - expected),
            duplicated=_positive(expected - attempted),
            recovered=_positive(np.minimum(expected, attempted) - acknowledged),
        ),
        values=lambda wanted: moved.met.values(list(wanted)),
        proof_of=lambda wanted: _proof(clients, moved, wanted),
    )


def _positive(counts: Ints) -> dict[int, int]:
    at = np.flatnonzero(counts > 0)
    return dict(zip(at.tolist(), counts[at].tolist(), strict=True))


def _proof(clients: ClientColumns, moved: Moved, wanted: Iterable[int]) -> dict[int, list[Pair]]:
    """The operations that moved these elements, in order."""
    found: dict[int, list[Pair]] = {at: [] for at in wanted}
    places = np.flatnonzero(np.isin(moved.numbers, list(found)))
    owners = moved.operations[moved.owner[places]]
    for element, operation in zip(moved.numbers[places].tolist(), owners.tolist(), strict=True):
        found[element].append(clients.pair(operation))
    return found
