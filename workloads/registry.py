"""The workloads by name: what `splitbrain run NAME` accepts."""

from workloads.cart import Cart
from workloads.kv import KeyValue
from workloads.workload import Workload

_ALL: tuple[Workload, ...] = (Cart(), KeyValue())

WORKLOADS: dict[str, Workload] = {workload.name: workload for workload in _ALL}


def load(name: str) -> Workload:
    """The workload of this name. Raises ValueError naming the known ones."""
    try:
        return WORKLOADS[name]
    except KeyError:
        raise ValueError(f"unknown workload {name!r}; choose one of {', '.join(WORKLOADS)}") from None
