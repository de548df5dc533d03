"""Free TCP ports on loopback, kept free for a node that dies and comes back to the same one.

A port is held by a socket that is bound to it and never listens: nobody else is given the port, connections
to it are refused while the node is dead, and the node itself may listen on it, as both sockets allow reuse.
Ports are taken below the range from which the kernel gives out ports to outgoing connections.

Holding works on Linux.  Elsewhere two sockets may not share a port like this; there a port is only chosen.
"""

import random
import socket
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from splitbrain.program import PlaceError

LOWEST = 10_000
TRIES = 2_000
LINUX_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


class Ports:
    """A context manager: ports taken inside are released outside."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.host = host
        self._held: dict[int, socket.socket] = {}
        # Where to begin looking must differ between two runs that start at the same moment.
        self._random = random.SystemRandom()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def take(self) -> int:
        """A free port, held until `release`. Raises PlaceError when there is none."""
        ceiling = _first_ephemeral()
        for _ in range(TRIES):
            port = self._random.randrange(LOWEST, ceiling)
            holder = self._bind(port)
            if holder is not None:
                self._held[port] = holder
                return port
        raise PlaceError(
            f"no free port between {LOWEST} and {ceiling} on {self.host}; stop what is using them"
        )

    def release(self) -> None:
        """Give all ports back. Safe to repeat."""
        for holder in self._held.values():
            holder.close()
        self._held.clear()

    def _bind(self, port: int) -> socket.socket | None:
        holder = socket.socket()
        try:
            # Bound without reuse first: that fails if anybody has the port, even one who also only holds it.
            holder.bind((self.host, port))
        except OSError:
            holder.close()
            return None
        if sys.platform == "linux":
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        else:
            holder.close()
        return holder


def _first_ephemeral() -> int:
    """The lowest port that the kernel may give to an outgoing connection."""
    try:
        return max(LOWEST + 1_000, int(LINUX_RANGE.read_text().split()[0]))
    except (OSError, ValueError, IndexError):
        return 32_768
