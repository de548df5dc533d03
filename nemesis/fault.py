"""A fault is data: what, to whom, how, from when until when.

The schedule of a run is a tuple of these.  It is drawn from the seed (`nemesis/schedule.py`), written to
`test.json`, journalled before each injection, and replays as it is.
"""

from typing import Any, Literal, Protocol

import msgspec

from nemesis.steps import Link, Mode, Program


class Fault(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename={"start": "from", "end": "until"}
):
    """`kind` is a name of the catalogue (`partition`, `kill`, `pause`), `shape` its flavour (`halves`).

    `targets` are the nodes it is about, `links` the directed links it cuts.  Times are ns since the run
    began.
    """

    id: int
    kind: str
    shape: str = ""
    targets: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
    mode: Mode | None = None
    start: int
    end: int


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """Did the fault bite? `how` says in a sentence what was tried and seen."""

    bit: bool
    how: str


class FaultReport(msgspec.Struct, kw_only=True):
    """What became of one fault. A fault that never bit makes the run inconclusive."""

    fault: Fault
    injected_at: int | None = None
    healed_at: int | None = None
    bit: bool = False
    how: str = "never injected"


class FaultKind(Protocol):
    """The four things that define a kind, plus what it needs from the place."""

    name: str
    needs: frozenset[str]
    """Abilities of the place: `links`, `kill`, `pause`."""

    def inject(self, fault: Fault) -> Program:
        """Make it so."""
        ...

    def prove(self, fault: Fault) -> Program:
        """Return a Proof that it bites (or does not)."""
        ...

    def heal(self, fault: Fault) -> Program:
        """Undo this fault. Safe to repeat."""
        ...

    def verify(self, fault: Fault) -> Program:
        """After healing: return a Proof whose `bit` says whether it still bites."""
        ...

    def recover_all(self, nodes: tuple[str, ...]) -> Program:
        """Undo every fault of this kind, whatever was injected. Safe to repeat."""
        ...


JournalEntry = dict[str, Any]
JournalEvent = Literal["cluster", "inject", "injected", "heal", "healed", "closed"]
