"""Programs: how the harness says what to do without saying how time passes.

Everything that takes time (the phases of a run, a client's operation, the nemesis, the observer of the
replicas) is a generator that yields *steps* and is sent their answers.  A place executes programs: the
simulator on virtual time, the asyncio places on sockets and processes.  One run is therefore written
once, and two places cannot drift apart.

Besides the steps here, a program may yield those of the nemesis (`nemesis/steps.py`: Sleep, Clock, Cut,
Kill, ...) and a client operation's requests are wrapped in `Call`.

Programs talk through mailboxes: every program has one, `Receive` reads one's own.  A step that cannot be
carried out raises `PlaceError` inside the program.
"""

from typing import Any

from nemesis.steps import Program, Step
from store.messages import AdminRequest
from workloads.client import Request

Handle = int
"""Names a running program. The main program is 0."""


class Call(Step, frozen=True):
    """A client asks a node. Answer: `workloads.client.Answer`; never raises (unreachable is Failed)."""

    node: str
    request: Request
    process: int
    """The client's process: each has its own connection to the node, opened anew after a failure."""
    timeout: int = 2_000_000_000


class Ask(Step, frozen=True):
    """The harness asks a node's admin interface. Answer: AdminReply, or None when it does not answer."""

    node: str
    request: AdminRequest
    timeout: int = 500_000_000


class Spawn(Step, frozen=True):
    """Start a program beside this one. Answer: its Handle. An exception in it ends the run."""

    program: Program


class Post(Step, frozen=True):
    """Put an item into the mailbox of a program. Answer: None; a program that ended ignores it."""

    handle: Handle
    item: Any


class Receive(Step, frozen=True):
    """Take the next item from one's own mailbox, waiting until `until` (ns on Clock; None: for ever).

    Answer: the item, or None when the time came first.
    """

    until: int | None = None


class Myself(Step, frozen=True):
    """Answer: the Handle of the program that asks."""


class PlaceError(Exception):
    """The place could not do what was asked: an environment failure (exit 3), with what would mend it."""


__all__ = ["Ask", "Call", "Handle", "Myself", "PlaceError", "Post", "Program", "Receive", "Spawn", "Step"]
