"""All proxies of one embedded server, and the rules of creating, changing and removing them.

The rules and the words of the errors are those of Toxiproxy's HTTP interface (`api.py` speaks it).
"""

import asyncio
import random
from typing import Any

import msgspec

from splitbrain.proxy.listener import Proxy
from splitbrain.proxy.toxics import KINDS, Toxic


class ApiError(Exception):
    """A request that cannot be carried out. `status` is the HTTP status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.message = message
        self.status = status


class ProxyBody(msgspec.Struct, kw_only=True):
    """A proxy to create, or what of it to change. None: as it is, or the default."""

    name: str = ""
    listen: str | None = None
    upstream: str | None = None
    enabled: bool | None = None


class ToxicBody(msgspec.Struct, kw_only=True):
    """A toxic to add."""

    name: str = ""
    type: str = ""
    stream: str = "downstream"
    toxicity: float = 1.0
    attributes: dict[str, Any] = {}


class ToxicChange(msgspec.Struct, kw_only=True):
    """What of a toxic to change. Attributes that are not named stay."""

    toxicity: float | None = None
    attributes: dict[str, Any] = {}


class Collection:
    """Proxies by name. Changes happen one at a time; whatever fails leaves things as they were."""

    def __init__(self, rng: random.Random) -> None:
        self.proxies: dict[str, Proxy] = {}
        self._rng = rng
        self._lock = asyncio.Lock()

    def get(self, name: str) -> Proxy:
        """The proxy. Raises ApiError 404."""
        if name not in self.proxies:
            raise ApiError("proxy not found", 404)
        return self.proxies[name]

    async def create(self, body: ProxyBody) -> Proxy:
        """Add a proxy and start it unless it is to be disabled."""
        _require(body, "")
        async with self._lock:
            if body.name in self.proxies:
                raise ApiError("proxy already exists", 409)
            return await self._put(body)

    async def populate(self, bodies: list[ProxyBody]) -> tuple[list[Proxy], ApiError | None]:
        """Add or replace; what exists with the same addresses stays as it is, enabled or not.

        Returns the proxies up to the first that failed, and why that one failed.
        """
        for number, body in enumerate(bodies, 1):
            _require(body, f" at proxy {number}")
        done: list[Proxy] = []
        async with self._lock:
            for body in bodies:
                try:
                    done.append(await self._populate_one(body))
                except ApiError as error:
                    return done, error
        return done, None

    async def change(self, name: str, body: ProxyBody) -> Proxy:
        """Enable, disable, or move a proxy. Moving breaks its connections."""
        async with self._lock:
            proxy = self.get(name)
            listen = proxy.listen if body.listen is None else body.listen
            upstream = proxy.upstream if body.upstream is None else body.upstream
            enabled = proxy.enabled if body.enabled is None else body.enabled
            if not _same(proxy, listen, upstream):
                proxy.stop()
                proxy.listen, proxy.upstream = listen, upstream
            if enabled:
                await _start(proxy)
            else:
                proxy.stop()
            return proxy

    async def remove(self, name: str) -> None:
        """Stop and forget."""
        async with self._lock:
            self.get(name).stop()
            del self.proxies[name]

    async def reset(self) -> None:
        """Enable every proxy, remove every toxic."""
        async with self._lock:
            for proxy in self.proxies.values():
                await _start(proxy)
                for name in list(proxy.toxics):
                    proxy.remove(name)

    def stop(self) -> None:
        """Stop all proxies."""
        for proxy in self.proxies.values():
            proxy.stop()

    async def _populate_one(self, body: ProxyBody) -> Proxy:
        existing = self.proxies.get(body.name)
        if existing is not None:
            if _same(existing, body.listen or "", body.upstream or ""):
                return existing
            existing.stop()
        return await self._put(body)

    async def _put(self, body: ProxyBody) -> Proxy:
        proxy = Proxy(body.name, body.listen or "127.0.0.1:0", body.upstream or "", self._rng)
        if body.enabled is not False:
            await _start(proxy)
        self.proxies[body.name] = proxy
        return proxy


def add_toxic(proxy: Proxy, body: ToxicBody) -> Toxic:
    """Validate and add. Raises ApiError 400 or 409."""
    if body.stream not in ("upstream", "downstream"):
        raise ApiError("stream was invalid, can be either upstream or downstream", 400)
    if body.type not in KINDS:
        raise ApiError("invalid toxic type", 400)
    name = body.name or f"{body.type}_{body.stream}"
    if name in proxy.toxics:
        raise ApiError("toxic already exists", 409)
    attributes = _attributes(body.type, body.attributes)
    toxic = Toxic(
        name=name, type=body.type, stream=body.stream, toxicity=body.toxicity, attributes=attributes
    )
    proxy.add(toxic)
    return toxic


def get_toxic(proxy: Proxy, name: str) -> Toxic:
    """The toxic. Raises ApiError 404."""
    if name not in proxy.toxics:
        raise ApiError("toxic not found", 404)
    return proxy.toxics[name]


def change_toxic(proxy: Proxy, name: str, body: ToxicChange) -> Toxic:
    """New attributes, for open connections too; a new toxicity, for connections to come."""
    old = get_toxic(proxy, name)
    merged = msgspec.to_builtins(old.attributes) | body.attributes
    toxic = msgspec.structs.replace(
        old,
        attributes=_attributes(old.type, merged),
        toxicity=old.toxicity if body.toxicity is None else body.toxicity,
    )
    proxy.update(toxic)
    return toxic


def _attributes(kind: str, values: dict[str, Any]) -> Any:
    try:
        return msgspec.convert(values, KINDS[kind][0])
    except msgspec.ValidationError as error:
        raise ApiError(f"bad request body: {error}", 400) from None


def _require(body: ProxyBody, where: str) -> None:
    if not body.name:
        raise ApiError(f"missing required field: name{where}", 400)
    if not body.upstream:
        raise ApiError(f"missing required field: upstream{where}", 400)


def _same(proxy: Proxy, listen: str, upstream: str) -> bool:
    try:
        return proxy.same_addresses(listen or "127.0.0.1:0", upstream)
    except ValueError as error:
        raise ApiError(str(error), 500) from None


async def _start(proxy: Proxy) -> None:
    try:
        await proxy.start()
    except (OSError, ValueError) as error:
        raise ApiError(f"listen {proxy.listen}: {error}", 500) from None
