"""Toxiproxy's HTTP interface for the embedded proxy: the same paths, bodies, codes and errors.

Whatever can drive a Toxiproxy server can drive this one.  As there, a client that calls itself Mozilla is
refused, so that a web page cannot make a browser reconfigure the proxy.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from splitbrain import __version__
from splitbrain.proxy import collection as proxies
from splitbrain.proxy.collection import ApiError, Collection, ProxyBody, ToxicBody, ToxicChange
from splitbrain.proxy.listener import Proxy

Body = TypeVar("Body")
Handler = Callable[[Request], Awaitable[Response]]


def application(collection: Collection) -> Starlette:
    """The interface to these proxies, as an ASGI application."""
    api = _Api(collection)
    routes = [
        ("/version", {"GET": api.version}),
        ("/reset", {"POST": api.reset}),
        ("/populate", {"POST": api.populate}),
        ("/proxies", {"GET": api.index, "POST": api.create}),
        (
            "/proxies/{proxy}",
            {"GET": api.show, "POST": api.change, "PATCH": api.change, "DELETE": api.remove},
        ),
        ("/proxies/{proxy}/toxics", {"GET": api.toxics, "POST": api.add_toxic}),
        (
            "/proxies/{proxy}/toxics/{toxic}",
            {
                "GET": api.show_toxic,
                "POST": api.change_toxic,
                "PATCH": api.change_toxic,
                "DELETE": api.remove_toxic,
            },
        ),
    ]
    return Starlette(
        routes=[
            Route(path, _guarded(handler), methods=[method])
            for path, handlers in routes
            for method, handler in handlers.items()
        ]
    )


def _guarded(handler: Handler) -> Handler:
    """Errors become `{"error", "status"}`."""

    async def guarded(request: Request) -> Response:
        if request.headers.get("user-agent", "").startswith("Mozilla/"):
            return _error(ApiError("User agent not allowed", 403))
        try:
            return await handler(request)
        except ApiError as error:
            return _error(error)

    return guarded


def _error(error: ApiError) -> Response:
    return JSONResponse({"error": error.message, "status": error.status}, error.status)


class _Api:
    """One method per operation."""

    def __init__(self, collection: Collection) -> None:
        self.collection = collection

    def _proxy(self, request: Request) -> Proxy:
        return self.collection.get(request.path_params["proxy"])

    async def version(self, request: Request) -> Response:
        return JSONResponse({"version": f"splitbrain-{__version__}"})

    async def reset(self, request: Request) -> Response:
        await self.collection.reset()
        return Response(status_code=204)

    async def populate(self, request: Request) -> Response:
        done, error = await self.collection.populate(await _read(request, list[ProxyBody]))
        body: dict[str, Any] = {"proxies": [proxy.as_json() for proxy in done]}
        if error is not None:
            body = {"error": error.message, "status": error.status} | body
        return JSONResponse(body, 201 if error is None else error.status)

    async def index(self, request: Request) -> Response:
        return JSONResponse({name: proxy.as_json() for name, proxy in self.collection.proxies.items()})

    async def create(self, request: Request) -> Response:
        proxy = await self.collection.create(await _read(request, ProxyBody))
        return JSONResponse(proxy.as_json(), 201)

    async def show(self, request: Request) -> Response:
        return JSONResponse(self._proxy(request).as_json())

    async def change(self, request: Request) -> Response:
        name = self._proxy(request).name
        proxy = await self.collection.change(name, await _read(request, ProxyBody))
        return JSONResponse(proxy.as_json())

    async def remove(self, request: Request) -> Response:
        await self.collection.remove(request.path_params["proxy"])
        return Response(status_code=204)

    async def toxics(self, request: Request) -> Response:
        return JSONResponse(self._proxy(request).as_json()["toxics"])

    async def add_toxic(self, request: Request) -> Response:
        proxy = self._proxy(request)
        return JSONResponse(proxies.add_toxic(proxy, await _read(request, ToxicBody)).as_json())

    async def show_toxic(self, request: Request) -> Response:
        return JSONResponse(proxies.get_toxic(self._proxy(request), request.path_params["toxic"]).as_json())

    async def change_toxic(self, request: Request) -> Response:
        proxy, name = self._proxy(request), request.path_params["toxic"]
        proxies.get_toxic(proxy, name)
        change = await _read(request, ToxicChange)
        return JSONResponse(proxies.change_toxic(proxy, name, change).as_json())

    async def remove_toxic(self, request: Request) -> Response:
        proxy, name = self._proxy(request), request.path_params["toxic"]
        proxies.get_toxic(proxy, name)
        proxy.remove(name)
        return Response(status_code=204)


async def _read(request: Request, kind: type[Body]) -> Body:
    """The body, whatever content type it claims. Raises ApiError 400.

    Null stands for a field that is not there, as it does in Toxiproxy.
    """
    try:
        value = json.loads(await request.body())
        return msgspec.convert(_without_nulls(value), kind)
    except (ValueError, msgspec.ValidationError) as error:
        raise ApiError(f"bad request body: {error}", 400) from None


def _without_nulls(value: Any) -> Any:
    match value:
        case dict():
            return {key: _without_nulls(item) for key, item in value.items() if item is not None}
        case list():
            return [_without_nulls(item) for item in value]
    return value
