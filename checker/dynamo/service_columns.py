"""What `availability.py` measures, measured in the columns of a table. Needs numpy."""

import numpy as np
from numpy.typing import NDArray

from checker.availability import Service
from checker.history import History
from checker.phases import Segment
from checker.table import TYPES

OK, FAIL = TYPES.index("ok"), TYPES.index("fail")

Ints = NDArray[np.int64]


def add(history: History, parts: list[Segment], by_phase: dict[str, Service], total: Service) -> None:
    """Add every operation to the service of the segment that it began in, and to the total."""
    table, spans = history.table, history.spans()
    assert table is not None
    if not len(spans.invoked):
        return
    began = table.time[spans.invoked]
    outcome = np.where(spans.completed >= 0, table.type[spans.completed], -1)
    took = table.time[spans.completed] - began
    timed = (outcome == OK) & (took >= 0) & (began >= 0)
    part = np.searchsorted(np.array([each.start for each in parts]), began, "right") - 1
    names = sorted(by_phase)
    phase = np.array([names.index(each.name) for each in parts])[np.maximum(part, 0)]
    for number, name in enumerate(names):
        chosen = phase == number
        _put(by_phase[name], outcome[chosen], took[chosen & timed])
    _put(total, outcome, took[timed])


def _put(service: Service, outcome: NDArray[np.int8], took: Ints) -> None:
    service.ok = int((outcome == OK).sum())
    service.fail = int((outcome == FAIL).sum())
    service.info = len(outcome) - service.ok - service.fail
    service.latencies = np.sort(took).tolist()
