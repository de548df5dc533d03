"""Runs the embedded proxy: its own thread, its own event loop, its interface on loopback.

It is steered through HTTP only, like a Toxiproxy server in a process of its own, so that the rest of the
harness cannot tell the two apart.
"""

import asyncio
import random
import socket
import threading
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Self

import uvicorn

from splitbrain.program import PlaceError
from splitbrain.proxy.api import application
from splitbrain.proxy.collection import Collection

START_TIMEOUT_S = 10.0


def new_event_loop() -> asyncio.AbstractEventLoop:
    """uvloop's where it is installed."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


class EmbeddedProxy:
    """A context manager: proxies exist inside, and are gone outside. `url` is where the interface is."""

    def __init__(
        self,
        seed: int = 0,
        port: int = 0,
        loop_factory: Callable[[], asyncio.AbstractEventLoop] = new_event_loop,
    ) -> None:
        self._seed = seed
        self._port = port
        self._loop_factory = loop_factory
        self._thread = threading.Thread(target=self._run, name="splitbrain-proxy", daemon=True)
        self._started = threading.Event()
        self._error: BaseException | None = None
        self._server: uvicorn.Server | None = None
        self._socket = socket.socket()
        self.url = ""

    def __enter__(self) -> Self:
        """Raises PlaceError when the port is busy or the thread does not come up."""
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind(("127.0.0.1", self._port))
        except OSError as error:
            self._socket.close()
            raise PlaceError(
                f"the embedded proxy cannot listen on 127.0.0.1:{self._port} ({error.strerror}); "
                "choose another port, or 0 for a free one"
            ) from None
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread.start()
        if not self._started.wait(START_TIMEOUT_S) or self._error is not None:
            self.stop()
            raise PlaceError(f"the embedded proxy did not start: {self._error or 'no answer'}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Break all connections, close all ports, end the thread. Safe to repeat."""
        if self._server is not None:
            self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(START_TIMEOUT_S)
        self._socket.close()

    def _run(self) -> None:
        loop = self._loop_factory()
        try:
            loop.run_until_complete(self._serve())
        except BaseException as error:
            self._error = error
        finally:
            self._started.set()
            loop.close()

    async def _serve(self) -> None:
        collection = Collection(random.Random(f"proxy-{self._seed}"))
        config = uvicorn.Config(
            application(collection),
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
        self._server = _Server(config, self._started.set)
        try:
            await self._server.serve([self._socket])
        finally:
            collection.stop()
            # One turn of the loop, so that the closed sockets are really closed before it ends.
            await asyncio.sleep(0)


class _Server(uvicorn.Server):
    """Says when it answers."""

    def __init__(self, config: uvicorn.Config, on_started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = on_started

    def startup(self, sockets: list[socket.socket] | None = None) -> Coroutine[Any, Any, None]:
        async def start() -> None:
            await uvicorn.Server.startup(self, sockets)
            self._on_started()

        return start()
