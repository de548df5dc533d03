"""The final reads of every workload: each key, by two clients, from all replicas."""

import msgspec

from checker.operation import Operation
from workloads.choice import each_process
from workloads.combinators import final, limit, on_key, repeat, sequence, until
from workloads.generator import Emit, Generator
from workloads.pace import every
from workloads.workload import WorkloadOptions

READERS = 2
"""Two clients ask two different nodes, so that one node's mistake does not pass for the truth."""

ATTEMPTS = 8
PAUSE = 300_000_000
"""A final read that fails is tried again after 300 ms: without final reads there is no verdict."""


class ReadPlan(msgspec.Struct, frozen=True):
    """The value of a final invocation: `quorum` overrides R, so that the read asks every replica."""

    quorum: int


def final_reads(f: str, keys: tuple[str, ...], options: WorkloadOptions) -> Generator:
    """Every key once by each of two processes; an unsuccessful read is tried again, a few times."""
    read = Emit(Operation(process=0, type="invoke", f=f, value={"quorum": options.n}))
    tries = [
        on_key(key, until(limit(ATTEMPTS, every(PAUSE, repeat(read))), lambda event: event.type == "ok"))
        for key in keys
    ]
    return final(each_process(sequence(*tries), READERS))


def quorum_of(invocation: Operation) -> int | None:
    """The quorum that a read asks for, or None for the store's default."""
    try:
        return msgspec.convert(invocation.value, ReadPlan).quorum
    except msgspec.ValidationError:
        return None
