"""One entry of a history: an operation was invoked, or it completed.

The Jepsen operation map is the contract: `index, time, process, type, f, value, error`, and for
Dynamo operations the node asked, the key, the id of the version written, and the ids of the versions
read before writing.  Those last three are what makes a history of a Dynamo store checkable from the
outside: a write supersedes exactly the versions that its client had been shown.

Rules of this file
  1. `ok` happened, `fail` certainly did not and never will, `info` may have happened or may still happen.
  2. A client process does one thing at a time: invoke, completion, invoke, completion.
  3. `write` is chosen before the invocation is recorded, so that a crash of the harness loses no id.
  4. Entries that are not from clients (faults, phases, samples of the replicas) have a string as their
     process and are always `info`.
"""

from typing import Any, Literal

import msgspec

Process = int | str
OpType = Literal["invoke", "ok", "fail", "info"]

NEMESIS = "nemesis"
"""The process that injects and heals faults. `f` is `inject` or `heal`, `value` the fault as data."""

OBSERVER = "observer"
"""The process that looks at the replicas. `f` is `sample`, `value` a `ReplicaSample` per node."""

HARNESS = "harness"
"""The process that runs the test. `f` is `phase`, `value` its name: main, heal, settle, final, end."""


class Operation(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """An invocation or a completion.

    `time` is in nanoseconds since the run began.  `reads` are the ids of the versions that the client
    saw: for a read the answer, for a write the versions that its context covers (empty: a blind write).
    An `f` of `delete` is a write whose version is a tombstone: it supersedes, and is never read.
    `extra` holds what a history of another tool says beyond these fields, under the names used there.
    """

    index: int = -1
    time: int = -1
    process: Process
    type: OpType
    f: str
    value: Any = None
    error: str | None = None
    node: str | None = None
    key: str | None = None
    write: str | None = None
    reads: tuple[str, ...] | None = None
    context: str | None = None
    final: bool = False
    extra: dict[str, Any] | None = None


class ReplicaSample(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """What one node held at one moment, as its admin interface tells it.

    `keys` maps each key that the node holds as a primary to the ids of its live siblings; `digests`
    maps the same keys to a hash of clock and siblings (tombstones included), which decides equality.
    `hinted` maps `target/key` to the ids kept for another node.  `repairs` counts every write that
    this node has received from read repair, anti-entropy and handoff since it started.
    """

    keys: dict[str, tuple[str, ...]]
    digests: dict[str, str]
    hinted: dict[str, tuple[str, ...]] = {}
    hints: int = 0
    repairs: int = 0
