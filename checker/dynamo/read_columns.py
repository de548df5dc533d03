"""What `reads.py` finds, found in columns. Needs numpy and numba."""

import numpy as np

from checker.dynamo.columns import Ints
from checker.dynamo.evidence import Evidence, evidence_of
from checker.dynamo.findings import Findings
from checker.dynamo.reads import Demand, Judged
from checker.history import History
from checker.verdict import Anomaly


def judged_columns(history: History, demands: tuple[Demand, ...]) -> Judged:
    """Everything."""
    evidence, found = evidence_of(history), Findings()
    sights = evidence.sights
    for demand in demands:
        broken = np.flatnonzero(~sights.doubtful & (getattr(sights, demand.field) >= 0))
        _add(found, evidence, demand, broken)
    undecided = int(sights.doubtful.sum())
    counts = {demand.kind: found.counts.get(demand.kind, 0) for demand in demands}
    return Judged(sights.doubtful.size - undecided, undecided, counts, found)


def _add(found: Findings, evidence: Evidence, demand: Demand, reads: Ints) -> None:
    def tell(at: int) -> Anomaly:
        read = int(reads[at])
        key = evidence.versions(evidence.key_of_read(read))
        return demand.tell(evidence.graph, key, evidence.sight(read))

    found.add_all(demand.kind, evidence.columns.read_ended[reads], np.zeros_like(reads), tell)
