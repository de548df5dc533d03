"""Draws which faults happen when, from a seed.

There are two lanes: one for the network (partitions) and one for processes (kills and pauses).  They
overlap on purpose, because the interesting bugs need two faults at once: a hint is lost when its holder
dies during a partition.  But no process fault is active while a partition is being injected and proved:
a probe to a dead node proves nothing.

Rules of this file
  1. Everything comes from the `random.Random` that is passed in: one seed, one schedule.
  2. The run begins and ends without faults.
  3. At most a minority of the nodes is paused at a time, or killed (one node is always allowed, so that a
     cluster of one or two can be killed at all); or all are killed at once, as by a power loss.
  4. Shapes, modes and kinds are drawn like cards from a deck that is shuffled again when it is empty, so
     even a short run sees most of them.

Times are in ns, and whole milliseconds.
"""

import random
from typing import Generic, TypeVar, get_args

import msgspec

from nemesis.fault import Fault
from nemesis.grudge import draw_grudge, shapes_for
from nemesis.steps import Mode

MS = 1_000_000
"""One millisecond, in ns."""

QUIET_MS = (500, 2000)
PARTITION_MS = (1000, 5000)
BETWEEN_MS = (200, 1200)
LENGTHS_MS = {"kill": (300, 1500), "pause": (700, 3000)}
"""Least and most for the gap between two partitions and between two process faults, and for each kind.

Kills are short and many: what a crash can destroy is what happened in the milliseconds before it.
"""

LEAD_MS = 1000
TAIL_MS = 500
"""The fault-free beginning and end; shorter in runs of less than 5 s."""

PROOF_MS = 500
SETTLED_MS = 600
"""No process fault is active from 600 ms before a partition (a restart takes time) until 500 ms after."""

SHAPES = {"kill": ("one", "minority", "all"), "pause": ("one", "minority")}
"""Who is hit. Only a power loss takes all nodes at once: what W of them had made durable must survive it."""

SPLITS = ("halves", "isolate-one")
"""Shapes whose targets are a side that the rest cannot reach."""

T = TypeVar("T")


class Deck(Generic[T]):
    """Cards that come in random order, each once before any comes again."""

    def __init__(self, cards: tuple[T, ...], rng: random.Random) -> None:
        self._cards = cards
        self._rng = rng
        self._left: list[T] = []

    def draw(self) -> T:
        """The next card."""
        if not self._left:
            self._left = self._rng.sample(self._cards, len(self._cards))
        return self._left.pop()


class Window(msgspec.Struct, frozen=True):
    """A stretch of time in ms: faults lie within [start, end]."""

    start: int
    end: int


def draw(
    rng: random.Random, nodes: tuple[str, ...], kinds: tuple[str, ...], duration: int
) -> tuple[Fault, ...]:
    """A schedule for a run of `duration` ns, in the order of time. Unknown kinds raise ValueError."""
    unknown = sorted(set(kinds) - {"partition", *LENGTHS_MS})
    if unknown:
        raise ValueError(f"no schedule can be drawn for {', '.join(unknown)}; known: partition, kill, pause")
    length = duration // MS
    window = Window(min(LEAD_MS, length // 5), length - min(TAIL_MS, length // 10))
    faults: list[Fault] = []
    if "partition" in kinds and shapes_for(len(nodes)):
        faults += _partitions(rng, nodes, window)
    processes = tuple(kind for kind in LENGTHS_MS if kind in kinds)
    if processes and nodes:
        forbidden = [Window(fault.start // MS - SETTLED_MS, fault.start // MS + PROOF_MS) for fault in faults]
        cuts = [fault for fault in faults if fault.shape in SPLITS]
        faults += _process_faults(rng, nodes, processes, (_free(window, forbidden), cuts))
    faults.sort(key=lambda fault: (fault.start, fault.kind))
    return tuple(msgspec.structs.replace(fault, id=number) for number, fault in enumerate(faults, 1))


def _partitions(rng: random.Random, nodes: tuple[str, ...], window: Window) -> list[Fault]:
    shapes = Deck(shapes_for(len(nodes)), rng)
    modes: Deck[Mode] = Deck(get_args(Mode), rng)
    faults: list[Fault] = []
    start = window.start + rng.randint(0, QUIET_MS[0])
    while (length := _length(rng, PARTITION_MS, window.end - start)) is not None:
        shape = shapes.draw()
        grudge = draw_grudge(shape, nodes, rng)
        faults.append(
            Fault(
                id=0,
                kind="partition",
                shape=shape,
                targets=grudge.targets,
                links=grudge.links,
                mode=modes.draw(),
                start=start * MS,
                end=(start + length) * MS,
            )
        )
        start += length + rng.randint(*QUIET_MS)
    return faults


def _process_faults(
    rng: random.Random,
    nodes: tuple[str, ...],
    kinds: tuple[str, ...],
    where: tuple[list[Window], list[Fault]],
) -> list[Fault]:
    """Fill the windows one after the other; a fault never reaches beyond its window.

    `where` are the windows, and the partitions that cut a smaller side off.
    """
    windows, cuts = where
    deck = Deck(kinds, rng)
    shapes = {kind: Deck(SHAPES[kind], rng) for kind in kinds}
    faults: list[Fault] = []
    earliest = 0
    for window in windows:
        start = max(window.start + rng.randint(0, BETWEEN_MS[0]), earliest)
        while True:
            kind = deck.draw()
            length = _length(rng, LENGTHS_MS[kind], window.end - start)
            if length is None and kind != min(kinds, key=lambda kind: LENGTHS_MS[kind]):
                continue  # The next card may be a kind that fits.
            if length is None:
                break
            end = start + length
            side = next((cut.targets for cut in cuts if cut.start <= start * MS < cut.end), ())
            shape, targets = _victims(rng, nodes, shapes[kind].draw(), side)
            faults.append(
                Fault(id=0, kind=kind, shape=shape, targets=targets, start=start * MS, end=end * MS)
            )
            start = earliest = end + rng.randint(*BETWEEN_MS)
    return faults


def _victims(
    rng: random.Random, nodes: tuple[str, ...], shape: str, side: tuple[str, ...]
) -> tuple[str, tuple[str, ...]]:
    """One node, as many as a minority allows (with few nodes that is one), or all.

    Every other time they are the side that a partition has cut off: a rack that loses its uplink and then
    its power takes along what it had acknowledged too early.
    """
    most = (len(nodes) - 1) // 2
    if shape == "all":
        return shape, nodes
    if side and len(side) <= max(1, most) and rng.random() < 0.5:
        return "cut-off side", side
    count = rng.randint(2, most) if shape == "minority" and most >= 2 else 1
    return "minority" if count > 1 else "one", tuple(sorted(rng.sample(nodes, count)))


def _length(rng: random.Random, bounds: tuple[int, int], room: int) -> int | None:
    """A length within the bounds that fits into the room; None when not even the shortest does."""
    least, most = bounds
    return rng.randint(least, min(most, room)) if room >= least else None


def _free(window: Window, forbidden: list[Window]) -> list[Window]:
    """What is left of the window; `forbidden` is in the order of time."""
    free = []
    start = window.start
    for gap in forbidden:
        if gap.start > start:
            free.append(Window(start, gap.start))
        start = max(start, gap.end)
    if window.end > start:
        free.append(Window(start, window.end))
    return free
