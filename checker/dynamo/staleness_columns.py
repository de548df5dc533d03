"""What `staleness.py` measures, measured in columns. Needs numpy and numba."""

import numpy as np

from checker.dynamo.columns import DynamoColumns, Flags, Ints
from checker.dynamo.evidence import Evidence, evidence_of
from checker.history import History
from checker.staleness import EDGES_MS, Measured


def measured_columns(history: History) -> Measured:
    """Everything."""
    evidence = evidence_of(history)
    columns, sights = evidence.columns, evidence.sights
    judged = np.flatnonzero(~columns.final & ~sights.doubtful)
    missed = sights.missed[judged]
    stale = judged[missed > 0]
    acknowledged = columns.acknowledged[sights.oldest[stale]]
    late = (evidence.times(columns.read_invoked[stale]) - evidence.times(acknowledged)) / 1e6
    return Measured(
        missed=np.sort(missed).tolist(),
        late=np.sort(late).tolist(),
        bins=_bins(evidence, judged, missed == 0),
    )


def _bins(evidence: Evidence, judged: Ints, fresh: Flags) -> list[tuple[int, int]]:
    """By the time since the last acknowledgement in the key, where there was one before the read began."""
    columns = evidence.columns
    last = _last_acknowledgement(columns, judged)
    known = last >= 0
    begun = evidence.times(columns.read_invoked[judged[known]])
    since = (begun - evidence.times(last[known])) / 1e6
    at = np.searchsorted(np.array(EDGES_MS), since, "right")
    reads = np.bincount(at, minlength=len(EDGES_MS) + 1)
    good = np.bincount(at[fresh[known]], minlength=len(EDGES_MS) + 1)
    return list(zip(reads.tolist(), good.tolist(), strict=True))


def _last_acknowledgement(columns: DynamoColumns, reads: Ints) -> Ints:
    """The entry of the last acknowledgement of a write before each read began, -1 for none."""
    done = np.flatnonzero((columns.acknowledged >= 0) & ~columns.delete)
    ended = columns.acknowledged[done]
    # One sort instead of two: the key above, the moment below.
    width = max(int(ended.max(initial=0)), int(columns.read_ended.max(initial=0))) + 1
    packed = np.sort((np.searchsorted(columns.version_first, done, "right") - 1) * width + ended)
    key = np.searchsorted(columns.read_first, reads, "right") - 1
    before = np.searchsorted(packed, key * width + columns.read_invoked[reads]) - 1
    found = np.where(before >= 0, packed[before], -1) if packed.size else np.full(reads.size, -1)
    last: Ints = np.where(found >= key * width, found - key * width, -1)
    return last
