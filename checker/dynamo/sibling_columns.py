"""What `siblings.py` finds, found in columns. Needs numpy and numba."""

import numpy as np

from checker.dynamo.columns import Ints
from checker.dynamo.evidence import Evidence, evidence_of
from checker.dynamo.findings import Findings
from checker.history import History
from checker.siblings import Growth, Point, Worst, explosion
from checker.verdict import Anomaly


def gathered(history: History) -> Growth:
    """Everything."""
    evidence, found = evidence_of(history), Findings()
    columns, concurrent = evidence.columns, evidence.sights.concurrent
    shown = np.diff(columns.shown_first)
    _add_explosions(found, evidence, shown)
    used = np.flatnonzero(np.diff(columns.read_first) > 0)
    most = np.maximum.reduceat(shown, columns.read_first[used]) if used.size else shown

    def points(key: str) -> list[Point]:
        reads = _of_key(evidence, evidence.names.index(key))
        times = evidence.times(columns.read_ended[reads])
        return list(zip(times.tolist(), shown[reads].tolist(), concurrent[reads].tolist(), strict=True))

    return Growth(
        found=found,
        reads=shown.size,
        shown=int(shown.sum()),
        most_concurrent=int(concurrent.max(initial=0)),
        with_siblings=int((shown > 1).sum()),
        most={evidence.names[key]: int(number) for key, number in zip(used.tolist(), most, strict=True)},
        points=points,
    )


def _add_explosions(found: Findings, evidence: Evidence, shown: Ints) -> None:
    """One per key, at the read that shows the most too many, of these the first to end."""
    columns = evidence.columns
    excess = shown - evidence.sights.concurrent
    wrong = np.flatnonzero(excess > 0)
    keys = np.searchsorted(columns.read_first, wrong, "right") - 1
    order = np.lexsort((columns.read_ended[wrong], -excess[wrong], keys))
    first = np.flatnonzero(np.diff(keys[order], prepend=-1))
    worst = wrong[order[first]]

    def tell(at: int) -> Anomaly:
        read = int(worst[at])
        key = evidence.key_of_read(read)
        reads = _of_key(evidence, key)
        bad = reads[excess[reads] > 0]
        about = Worst(
            evidence.pair(read),
            int(shown[read]),
            int(evidence.sights.concurrent[read]),
            bad.size,
            reads.size,
            int(evidence.times(columns.read_ended[bad[:1]])[0]),
        )
        return explosion(evidence.names[key], about)

    found.add_all("sibling-explosion", columns.read_ended[worst], np.zeros_like(worst), tell)


def _of_key(evidence: Evidence, key: int) -> Ints:
    """The observations of a key in the order in which they ended."""
    first, last = evidence.columns.read_first[key : key + 2].tolist()
    reads: Ints = first + np.argsort(evidence.columns.read_ended[first:last])
    return reads
