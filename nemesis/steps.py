"""What a nemesis asks of the place a cluster runs in.

A nemesis never touches a process, a proxy or a socket itself.  Its programs are generators that yield
these steps and receive the answers, so the same fault runs in the simulator, on local processes and on
containers; each place carries the steps out (`splitbrain/places/`).
"""

from collections.abc import Generator
from typing import Any, Literal

import msgspec

Link = tuple[str, str]
"""A directed link (source, target): what `source` sends to `target`."""

Mode = Literal["refuse", "drop", "stall"]
"""refuse: connections break and new ones are refused.  drop: bytes vanish, connections die on heal.
stall: bytes are held and delivered on heal, as in a true TCP partition."""


class Step(msgspec.Struct, frozen=True):
    """Base of the steps."""


class Sleep(Step, frozen=True):
    """Let time pass (ns). Answer: None."""

    duration: int


class Clock(Step, frozen=True):
    """Answer: nanoseconds since the run began."""


class Cut(Step, frozen=True):
    """Stop these links, in this mode. Answer: None."""

    links: tuple[Link, ...]
    mode: Mode


class Mend(Step, frozen=True):
    """Restore these links. Safe to repeat. Answer: None."""

    links: tuple[Link, ...]


class MendAll(Step, frozen=True):
    """Restore every link of the cluster. Safe to repeat. Answer: None."""


class Probe(Step, frozen=True):
    """Send a probe over each link and wait. Answer: frozenset of the links that delivered it.

    A link whose source cannot be asked or whose target cannot answer is not in the set.
    """

    links: tuple[Link, ...]
    wait: int = 400_000_000


class Kill(Step, frozen=True):
    """Kill the node as power loss would: no goodbye, what was not fsynced may be gone. Answer: None."""

    node: str


class Start(Step, frozen=True):
    """Start the node on its old disk; answers None once it is ready. A running node is left alone."""

    node: str


class Pause(Step, frozen=True):
    """Stop the node's process in the middle of whatever it does. Answer: None."""

    node: str


class Resume(Step, frozen=True):
    """Let a paused node go on; a running node is left alone. Answer: None."""

    node: str


class Inspect(Step, frozen=True):
    """Answer: `running`, `paused` or `dead`, as the place (not the node) sees it."""

    node: str


class Responds(Step, frozen=True):
    """Answer: True when the node's admin interface answers within the time (ns)."""

    node: str
    wait: int = 300_000_000


NodeState = Literal["running", "paused", "dead"]

Program = Generator[Any, Any, Any]
"""A generator that yields steps and is sent their answers."""
