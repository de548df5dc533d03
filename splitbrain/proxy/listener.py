"""One proxy: a listening socket, an upstream, toxics, and the connections that are open through it."""

import asyncio
import random
import socket
from typing import Any

import msgspec

from splitbrain.proxy.relay import Connection, Endpoint
from splitbrain.proxy.toxics import Toxic

BACKLOG = 512


class Address(msgspec.Struct, frozen=True):
    """Where to listen or to dial: `host:port`, with brackets around an IPv6 host."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Raises ValueError with a sentence. An empty host means loopback: nothing is exposed unasked."""
        host, colon, port = text.rpartition(":")
        if not colon or not port.isdecimal() or int(port) > 65535:
            raise ValueError(f"address {text}: expected host:port, with a port from 0 to 65535")
        return cls(host.strip("[]") or "127.0.0.1", int(port))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Proxy:
    """Relays what is connected to `listen` to `upstream`. Belongs to one event loop."""

    def __init__(self, name: str, listen: str, upstream: str, rng: random.Random) -> None:
        self.name = name
        self.listen = listen
        self.upstream = upstream
        self.enabled = False
        self.toxics: dict[str, Toxic] = {}
        self.rng = rng
        self._server: asyncio.Server | None = None
        self._connections: set[Connection] = set()
        self._dials: dict[asyncio.Task[None], Endpoint] = {}

    async def start(self) -> None:
        """Listen. Raises OSError (the port is busy, say) or ValueError (not an address)."""
        if self.enabled:
            return
        listening = _listening_socket(Address.parse(self.listen))
        host, port = listening.getsockname()[:2]
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(self._accepted, sock=listening, backlog=BACKLOG)
        except BaseException:
            listening.close()
            raise
        self.listen = str(Address(host, port))
        self.enabled = True

    def stop(self) -> None:
        """Stop listening and break every connection. Safe to repeat."""
        self.enabled = False
        if self._server is not None:
            self._server.close()
            self._server = None
        for task, client in list(self._dials.items()):
            task.cancel()
            client.abort()
        for connection in list(self._connections):
            connection.abort()
        self._connections.clear()

    def same_addresses(self, listen: str, upstream: str) -> bool:
        """Would these make the same proxy? Raises ValueError when `listen` is no address."""
        wanted = Address.parse(listen)
        return (
            Address.parse(self.listen) == Address(_resolve(wanted), wanted.port) and upstream == self.upstream
        )

    def add(self, toxic: Toxic) -> None:
        """From now on, for open and future connections."""
        self.toxics[toxic.name] = toxic
        for connection in list(self._connections):
            connection.pipes[toxic.stream].add(toxic.name, toxic.stage(self.rng))

    def update(self, toxic: Toxic) -> None:
        """A toxic of the same name has these attributes now."""
        self.toxics[toxic.name] = toxic
        for connection in list(self._connections):
            connection.pipes[toxic.stream].update(toxic.name, toxic)

    def remove(self, name: str) -> None:
        """As if it had never been there; connections that lost bytes are closed."""
        toxic = self.toxics.pop(name)
        for connection in list(self._connections):
            connection.pipes[toxic.stream].remove(name)

    def as_json(self) -> dict[str, Any]:
        """As the HTTP interface shows it."""
        ordered = sorted(self.toxics.values(), key=lambda toxic: toxic.stream != "upstream")
        return {
            "name": self.name,
            "listen": self.listen,
            "upstream": self.upstream,
            "enabled": self.enabled,
            "toxics": [toxic.as_json() for toxic in ordered],
        }

    def _accepted(self) -> Endpoint:
        return Endpoint(on_made=self._dial_for)

    def _dial_for(self, client: Endpoint) -> None:
        task = asyncio.get_running_loop().create_task(self._dial(client))
        self._dials[task] = client
        task.add_done_callback(self._dials.pop)

    async def _dial(self, client: Endpoint) -> None:
        server = Endpoint()
        try:
            address = Address.parse(self.upstream)
            loop = asyncio.get_running_loop()
            await loop.create_connection(lambda: server, address.host, address.port)
        except (OSError, ValueError):
            client.abort()
            return
        if client.transport is None or client.transport.is_closing() or not self.enabled:
            server.abort()
            client.abort()
            return
        self._join(client, server)

    def _join(self, client: Endpoint, server: Endpoint) -> None:
        connection = Connection(client, server, self.toxics.values(), self.rng)
        self._connections.add(connection)
        for end in connection.ends:
            end.on_lost = lambda: None if connection.alive else self._connections.discard(connection)
        for end in connection.ends:
            end.begin()


def _listening_socket(address: Address) -> socket.socket:
    family, kind, protocol, _, where = socket.getaddrinfo(
        address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(where)
        listening.listen(BACKLOG)
        listening.setblocking(False)
    except OSError:
        listening.close()
        raise
    return listening


def _resolve(address: Address) -> str:
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)[0][4][0]
    except OSError as error:
        raise ValueError(f"address {address}: {error.strerror}") from None
    return str(found)
