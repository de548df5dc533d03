"""Everything that is drawn or chosen before a run begins. Written to `test.json` first of all."""

from typing import Any

import msgspec

from nemesis.registry import KINDS
from store.config import NodeConfig
from workloads.workload import WorkloadOptions

PLACES = ("sim", "local", "docker")
PROXIES = ("embedded", "toxiproxy")
ENGINES = ("log", "memory")


class UsageError(Exception):
    """The user asked for something that does not exist or does not fit. The text names the fix (exit 4)."""


class RunOptions(msgspec.Struct, frozen=True, kw_only=True):
    """One run. Rates are operations per second over all clients, limits are seconds."""

    workload: str
    place: str = "sim"
    seed: int = 1
    nodes: int = 5
    n: int = 3
    r: int = 2
    w: int = 2
    partitions: int = 64
    clients: int = 10
    keys: int = 5
    rate: float = 100.0
    time_limit_s: float = 20.0
    settle_limit_s: float = 30.0
    sample_ms: int = 500
    faults: tuple[str, ...] = ()
    bug: str | None = None
    engine: str = "log"
    proxy: str = "embedded"

    @property
    def node_names(self) -> tuple[str, ...]:
        """n1, n2, ..."""
        return tuple(f"n{i}" for i in range(1, self.nodes + 1))

    @property
    def test_name(self) -> str:
        """The folder of the runs of this test: the workload, and the bug where one is planted."""
        return f"{self.workload}-{self.bug_label}" if self.bug else self.workload

    @property
    def bug_label(self) -> str:
        """The bug's id, or the name of its file without path and ending."""
        bug = self.bug or ""
        return bug.replace("\\", "/").rsplit("/", 1)[-1].removesuffix(".py")

    def workload_options(self) -> WorkloadOptions:
        """The part that a workload sees."""
        return WorkloadOptions(
            clients=self.clients, keys=self.keys, rate=self.rate, time_limit_s=self.time_limit_s, n=self.n
        )

    def node_config(self) -> NodeConfig:
        """What all nodes share; each place fills in the node's own name."""
        names = self.node_names
        return NodeConfig(
            node=names[0], nodes=names, partitions=self.partitions, n=self.n, r=self.r, w=self.w, bug=self.bug
        )

    def command(self) -> str:
        """The one line that repeats this run: only what differs from the defaults is spelled out."""
        words = ["splitbrain run", self.workload, f"--seed {self.seed}"]
        default = RunOptions(workload=self.workload, faults=tuple(KINDS))
        for field, flag in _FLAGS.items():
            value = getattr(self, field)
            if value != getattr(default, field):
                words.append(f"{flag} {_spell(value)}")
        return " ".join(words)


_FLAGS = {
    "place": "--on",
    "nodes": "--nodes",
    "n": "--n",
    "r": "--r",
    "w": "--w",
    "partitions": "--partitions",
    "clients": "--clients",
    "keys": "--keys",
    "rate": "--rate",
    "time_limit_s": "--time-limit",
    "settle_limit_s": "--settle-limit",
    "sample_ms": "--sample-ms",
    "faults": "--faults",
    "bug": "--bug",
    "engine": "--engine",
    "proxy": "--proxy",
}


def _spell(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(value) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def validate(options: RunOptions) -> None:
    """Raise UsageError for numbers that cannot work together, before anything is started."""
    if not 1 <= options.nodes <= 9:
        raise UsageError(f"--nodes {options.nodes}: this version runs 1 to 9 nodes")
    if not 1 <= options.n <= options.nodes:
        raise UsageError(f"--n {options.n}: must lie between 1 and the number of nodes ({options.nodes})")
    for name, value in (("--r", options.r), ("--w", options.w)):
        if not 1 <= value <= options.n:
            raise UsageError(f"{name} {value}: must lie between 1 and n ({options.n})")
    if options.partitions < options.nodes:
        raise UsageError(f"--partitions {options.partitions}: must be at least the number of nodes")
    positive = {"--clients": options.clients, "--keys": options.keys, "--rate": options.rate}
    positive |= {"--time-limit": options.time_limit_s, "--sample-ms": options.sample_ms}
    for name, number in positive.items():
        if number <= 0:
            raise UsageError(f"{name} {number:g}: must be greater than 0")
    for name, chosen, known in (
        ("--on", options.place, PLACES),
        ("--engine", options.engine, ENGINES),
        ("--proxy", options.proxy, PROXIES),
    ):
        if chosen not in known:
            raise UsageError(f"{name} {chosen}: unknown; choose one of {', '.join(known)}")
