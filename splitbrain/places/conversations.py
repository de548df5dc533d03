"""The harness's connections to the nodes: one per client process and node, one per node for the admin.

They go straight to the nodes, not through the proxies: a partition separates nodes from each other, and the
harness must be able to ask both sides.

Rules of this file
  1. `call` and `ask` never raise: what went wrong is the answer.
  2. Definite is only what certainly had no effect: there was no connection, so nothing was sent.  Once a
     request may have left, a lost connection or a timeout says nothing about what the node did.
  3. A connection on which anything went wrong is closed; the next request opens a new one.
"""

import asyncio
from collections.abc import Callable

from splitbrain.mapping import to_client, to_store
from splitbrain.program import Ask, Call
from store.client import Connection, ConnectionLost, NotConnected
from store.messages import AdminReply, ClientReply
from workloads.client import Answer, Failed

NS_PER_S = 1_000_000_000

Address = tuple[str, int]
Key = tuple[str, int | None]
"""Node, and the client's process; None for the admin connection."""


class Conversations:
    """All connections of a place to its nodes. `address` says where a node is at this moment."""

    def __init__(self, address: Callable[[str], Address]) -> None:
        self._address = address
        self._open: dict[Key, Connection] = {}
        self.calls = 0
        self.asks = 0

    async def call(self, step: Call) -> Answer:
        """A client's request."""
        self.calls += 1
        key = (step.node, step.process)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + step.timeout / NS_PER_S
        try:
            connection = await self._connection(key, step.timeout / NS_PER_S)
        except (NotConnected, ConnectionLost) as error:
            return Failed("connection-refused", True, str(error))
        try:
            reply = await connection.ask(to_store(step.request), max(0.001, deadline - loop.time()))
        except NotConnected as error:
            self._drop(key, connection)
            return Failed("connection-refused", True, str(error))
        except TimeoutError:
            self._drop(key, connection)
            return Failed(
                "timeout", False, f"{step.node} did not answer in time; the request may have had effect"
            )
        except (ConnectionLost, OSError) as error:
            self._drop(key, connection)
            return Failed("connection-lost", False, str(error))
        assert isinstance(reply, ClientReply), f"{step.node} answered a client as if it were an administrator"
        return to_client(reply)

    async def ask(self, step: Ask) -> AdminReply | None:
        """A request of the harness; None when there is no answer in time, for whatever reason."""
        self.asks += 1
        key = (step.node, None)
        connection = None
        try:
            async with asyncio.timeout(step.timeout / NS_PER_S):
                connection = await self._connection(key, step.timeout / NS_PER_S)
                reply = await connection.ask(step.request, step.timeout / NS_PER_S)
        except (NotConnected, ConnectionLost, TimeoutError, OSError):
            if connection is not None:
                self._drop(key, connection)
            return None
        return reply if isinstance(reply, AdminReply) else None

    def close(self) -> None:
        """Close all connections."""
        for key, connection in list(self._open.items()):
            self._drop(key, connection)

    async def _connection(self, key: Key, timeout_s: float) -> Connection:
        connection = self._open.get(key)
        if connection is not None and connection.is_open:
            return connection
        self._open.pop(key, None)
        node, process = key
        host, port = self._address(node)
        connection = await Connection.open(host, port, "admin" if process is None else "client", timeout_s)
        # Another ask may have opened one meanwhile, and use it already.
        earlier = self._open.get(key)
        if earlier is not None and earlier.is_open:
            connection.close()
            return earlier
        self._open[key] = connection
        return connection

    def _drop(self, key: Key, connection: Connection) -> None:
        if self._open.get(key) is connection:
            del self._open[key]
        connection.close()
