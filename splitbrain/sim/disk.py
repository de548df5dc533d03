"""A simulated disk: what is on it, what is on its way, and what a power loss leaves of that.

Records that a node persists wait until an fsync has covered them.  One fsync is under way at a time, and
covers what waited when it began; what comes meanwhile is covered by the next (group commit, as in
`store/server.py`).

When the node is killed, what was not covered is written as the `log` engine would write it, torn off at a
drawn byte, and read back through the engine's own reader.  What that reader accepts is the disk from then on.

Rules of this file
  1. A record is durable when its fsync has ended, and only then the node is told; a process that is paused
     is told late, but what the kernel has written stays written.
  2. Drawing 0 when tearing means that nothing is lost.
  3. What is durable is never lost: lost disks are another fault.
"""

from collections.abc import Callable
from typing import Protocol

from splitbrain.sim.chooser import Chooser
from splitbrain.sim.world import MS, World
from store.effects import Image, Record
from store.engine.engine import EngineError, replay
from store.engine.log import decode_log, encode_frame

_FSYNC_DRAWS = 1 << 16
_SPIKES = 1 << 13
"""Of 65536 fsyncs, so many take 20 to 120 ms, as a busy disk does; all others 1 to 15 ms."""


class Disk(Protocol):
    """Where one node keeps its data, whatever becomes of its processes."""

    def open(self, durable: Callable[[int], None]) -> Image:
        """A new process reads the disk. `durable(token)` is called when its records are safe."""
        ...

    def persist(self, token: int, records: tuple[Record, ...]) -> None:
        """Make these records durable, after all that came before."""
        ...

    def settle(self, token: int) -> None:
        """The process was told that everything up to this token is durable: the next fsync may begin."""
        ...

    def lose_power(self) -> None:
        """The process is gone, and so is what was not durable."""
        ...


class LogDisk:
    """A disk with the log of the `log` engine. `torn` counts tails that its reader has cut off."""

    __slots__ = (
        "_durable", "_fsyncs", "_kills", "_life", "_name", "_syncing", "_tears", "_times", "_waiting",
        "_world", "records", "torn",
    )  # fmt: skip

    def __init__(self, name: str, world: World, chooser: Chooser) -> None:
        self.records: list[Record] = []
        """What is durable."""
        self.torn = 0
        self._name = name
        self._world = world
        self._times = chooser.stream("fsync", name)
        self._tears = chooser.stream("tear", name)
        self._fsyncs = 0
        self._kills = 0
        self._life = 0
        self._syncing: list[Record] | None = None
        self._waiting: list[Record] = []
        self._durable: tuple[Callable[[int], None], int] = (_nobody, 0)

    def open(self, durable: Callable[[int], None]) -> Image:
        """Replay what is durable."""
        assert self._syncing is None, "the process before was not killed"
        self._life += 1
        self._durable = (durable, 0)
        return replay(self.records)

    def persist(self, token: int, records: tuple[Record, ...]) -> None:
        """Let the records wait for the next fsync, and begin it when none is under way."""
        self._waiting += records
        self._durable = (self._durable[0], token)
        if self._syncing is None:
            self._begin()

    def settle(self, token: int) -> None:
        """Begin the next fsync if anything waits."""
        if self._syncing is None and self._waiting:
            self._begin()

    def lose_power(self) -> None:
        """Write what was not durable, tear it, and keep what the log's reader makes of it."""
        self._life += 1
        written = b"".join(encode_frame(batch) for batch in (self._syncing, self._waiting) if batch)
        self._syncing, self._waiting = None, []
        self._kills += 1
        torn_off = self._tears.draw(self._kills, len(written) + 1)
        survivors, _, problem = decode_log(written[: len(written) - torn_off])
        if problem is not None:
            if problem.kind != "torn":
                raise EngineError(f"the log of {self._name} took a torn tail for damage: {problem.what}")
            self.torn += 1
        self.records += survivors

    def _begin(self) -> None:
        self._syncing, self._waiting = self._waiting, []
        self._fsyncs += 1
        duration = fsync_ns(self._times.draw(self._fsyncs, _FSYNC_DRAWS))
        self._world.push(self._world.now + duration, self._end, (self._life, self._durable[1]))

    def _end(self, what: tuple[int, int]) -> None:
        life, token = what
        if life != self._life or self._syncing is None:
            return
        self.records += self._syncing
        self._syncing = None
        self._durable[0](token)


class MemoryDisk:
    """No disk: the `memory` engine. Everything is `durable` at once, and nothing survives."""

    __slots__ = ("_durable", "_world")

    def __init__(self, world: World) -> None:
        self._world = world
        self._durable: Callable[[int], None] = _nobody

    def open(self, durable: Callable[[int], None]) -> Image:
        """Nothing was kept."""
        self._durable = durable
        return Image()

    def persist(self, token: int, records: tuple[Record, ...]) -> None:
        """Say so now, after the effects of the current event."""
        self._world.push(self._world.now, self._durable, token)

    def settle(self, token: int) -> None:
        """Nothing ever waits."""

    def lose_power(self) -> None:
        """Nothing was kept."""


def fsync_ns(draw: int) -> int:
    """How long an fsync takes (ns), from a draw below 65536; longer for larger draws."""
    ordinary = _FSYNC_DRAWS - _SPIKES
    if draw < ordinary:
        return MS + draw * 14 * MS // ordinary
    return 20 * MS + (draw - ordinary) * 100 * MS // _SPIKES


def _nobody(token: int) -> None:
    raise AssertionError("records were persisted before the disk was opened")
