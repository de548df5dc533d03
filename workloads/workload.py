"""What a workload is. One file each beside this one; `workloads/registry.py` names them."""

import random
from typing import Protocol

import msgspec

from checker.operation import Operation
from workloads.client import Client
from workloads.generator import Generator


class WorkloadOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How much of it: clients are processes 0..clients-1, `rate` is operations per second in total."""

    clients: int = 10
    keys: int = 5
    rate: float = 100.0
    time_limit_s: float = 20.0
    n: int = 3


class Workload(Protocol):
    """A generator for the main phase, one for the final reads, and how an operation is carried out."""

    name: str
    checks: tuple[str, ...]
    """Names of checkers (`checker.registry`) that judge it."""

    def main(self, options: WorkloadOptions, rng: random.Random) -> Generator:
        """Operations while faults are active."""
        ...

    def final(self, options: WorkloadOptions) -> Generator:
        """Reads after everything has healed and settled; marked `final=True`."""
        ...

    def perform(self, invocation: Operation) -> Client:
        """Carry one operation out and return its completion."""
        ...

    def write_id(self, value: bytes) -> str:
        """The id of the write that stored this value (to name what a replica dump holds)."""
        ...
