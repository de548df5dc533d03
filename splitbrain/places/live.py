"""A place in real time: programs run on an event loop, nodes are processes somewhere.

What local processes and containers have in common is here; a subclass says how a cluster starts and stops and
how each fault is carried out.  Its hooks are coroutines and must not block: what blocks goes through
`in_thread`.

Rules of this file
  1. Leaving the place stops everything, whatever happened in between: an error while starting, a program's
     error, Ctrl-C at any moment.  While it stops, further signals wait.
  2. SIGINT and SIGTERM during `execute` close all programs and come out as KeyboardInterrupt; the cluster
     stays up, so that the caller can execute a program that heals.
"""

import abc
import asyncio
import contextlib
import itertools
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import FrameType, TracebackType
from typing import Any, ParamSpec, Self, TypeVar

from nemesis.steps import (
    Cut,
    Inspect,
    Kill,
    Link,
    Mend,
    MendAll,
    Mode,
    NodeState,
    Pause,
    Probe,
    Program,
    Responds,
    Resume,
    Start,
)
from splitbrain.places.conversations import Address, Conversations
from splitbrain.places.executor import Executor, Stopwatch
from splitbrain.places.place import ClusterSpec
from splitbrain.probing import probe
from splitbrain.program import Ask, Call, PlaceError
from splitbrain.proxy.links import ProxiedLinks
from store.messages import Status

T = TypeVar("T")
P = ParamSpec("P")

THREADS = 8


class LivePlace(abc.ABC):
    """The asyncio executor of programs. See `Place` for what callers may rely on."""

    name = "live"
    abilities = frozenset({"links", "kill", "pause"})

    def __init__(self, spec: ClusterSpec) -> None:
        self.spec = spec
        self._clock = Stopwatch()
        self._conversations = Conversations(self.address)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="splitbrain-place")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._executor: Executor | None = None
        self._failure: PlaceError | None = None
        self._nonces = itertools.count(1)
        self._links: ProxiedLinks | None = None
        """The proxies of the links; made by `open`."""

    # --- what a subclass provides -----------------------------------------------------------------

    @abc.abstractmethod
    async def open(self) -> None:
        """Start the cluster; return when every node is ready. Raises PlaceError."""

    @abc.abstractmethod
    async def close(self) -> None:
        """Stop everything that was started, also after a failed `open`. Safe to repeat."""

    @abc.abstractmethod
    def address(self, node: str) -> Address:
        """Where clients and the admin find this node now."""

    @abc.abstractmethod
    async def kill(self, node: str) -> None:
        """Kill the node; one that is dead stays so."""

    @abc.abstractmethod
    async def start(self, node: str) -> None:
        """Start the node on its old data and wait until it is ready; a running node is left alone."""

    @abc.abstractmethod
    async def pause(self, node: str) -> None:
        """Stop the node's process; a dead node stays dead."""

    @abc.abstractmethod
    async def resume(self, node: str) -> None:
        """Let the node's process go on."""

    @abc.abstractmethod
    async def inspect(self, node: str) -> NodeState:
        """What the place sees of the node's process."""

    @abc.abstractmethod
    def cluster_facts(self) -> dict[str, Any]:
        """What `splitbrain heal` needs."""

    # --- links, the same in every live place ------------------------------------------------------

    async def cut(self, links: tuple[Link, ...], mode: Mode) -> None:
        """Stop these links."""
        assert self._links is not None
        await self.in_thread(self._links.cut, links, mode)

    async def mend(self, links: tuple[Link, ...]) -> None:
        """Restore these links."""
        assert self._links is not None
        await self.in_thread(self._links.mend, links)

    async def mend_all(self) -> None:
        """Restore every link."""
        assert self._links is not None
        await self.in_thread(self._links.mend_all)

    # --- what a subclass may use ------------------------------------------------------------------

    async def in_thread(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function that blocks without stopping the event loop.

        A caller that is cancelled still waits for it: what a thread does cannot be taken back, and must not
        go on behind the back of `close`.
        """
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(self._threads, lambda: function(*args, **kwargs))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            await asyncio.wait([work])
            raise

    def fail(self, error: PlaceError) -> None:
        """The cluster broke by itself: end what is being executed, or the next `execute`, with this error."""
        self._failure = self._failure or error
        if self._executor is not None:
            self._executor.fail(error)

    # --- what callers use -------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        try:
            self._run(self.open())
        except BaseException:
            self._leave()
            raise
        self._clock.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()

    def execute(self, program: Program) -> Any:
        """Run a main program to its end. See `Place.execute`."""
        if self._failure is not None:
            program.close()
            raise self._failure
        self._executor = Executor(self._clock.now, self._carry_out)
        try:
            return self._run(self._executor.run(program))
        finally:
            self._executor = None

    def now(self) -> int:
        """Nanoseconds since the cluster was ready."""
        return self._clock.now()

    def stats(self) -> dict[str, Any]:
        """Counters: requests of clients, questions of the harness, the time in ns."""
        return {
            "calls": self._conversations.calls,
            "asks": self._conversations.asks,
            "duration_ns": self.now(),
        }

    # --- inside -----------------------------------------------------------------------------------

    async def _carry_out(self, step: object) -> Any:
        match step:
            case Call():
                return await self._conversations.call(step)
            case Ask():
                return await self._conversations.ask(step)
            case Responds(node=node, wait=wait):
                return await self._conversations.ask(Ask(node, Status(), wait)) is not None
            case Inspect(node=node):
                return await self.inspect(node)
            case Probe(links=links, wait=wait):
                return await self._probe(links, wait)
        return await self._disturb(step)

    async def _probe(self, links: tuple[Link, ...], wait: int) -> Any:
        assert self._executor is not None
        return await self._executor.drive(probe(links, wait, self._nonces))

    async def _disturb(self, step: object) -> None:
        match step:
            case Cut(links=links, mode=mode):
                await self.cut(links, mode)
            case Mend(links=links):
                await self.mend(links)
            case MendAll():
                await self.mend_all()
            case Kill(node=node):
                await self.kill(node)
            case Start(node=node):
                await self.start(node)
            case Pause(node=node):
                await self.pause(node)
            case Resume(node=node):
                await self.resume(node)
            case _:
                raise TypeError(
                    f"a program yielded {step!r}, which is no step that the place {self.name} knows"
                )

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end on the place's loop; a signal cancels it: KeyboardInterrupt."""
        assert self._loop is not None, "the place must be entered first"
        task = self._loop.create_task(work)
        interrupted = False

        def interrupt() -> None:
            nonlocal interrupted
            interrupted = True
            task.cancel()

        with _signals(lambda *_: self._loop and self._loop.call_soon_threadsafe(interrupt)):
            try:
                return self._loop.run_until_complete(task)
            except asyncio.CancelledError:
                if interrupted:
                    raise KeyboardInterrupt from None
                raise

    def _leave(self) -> None:
        """Stop everything. A signal that comes meanwhile is raised when it is done."""
        if self._loop is None:
            return
        waiting: list[int] = []
        with _signals(lambda number, _: waiting.append(number)):
            try:
                self._conversations.close()
                self._loop.run_until_complete(self._finish())
            finally:
                self._threads.shutdown()
                self._loop.close()
                self._loop = None
        if waiting:
            raise KeyboardInterrupt

    async def _finish(self) -> None:
        """First whatever still goes on (a start that another's failure left behind), then the cluster."""
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self.close()


@contextlib.contextmanager
def _signals(handler: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    """SIGINT and SIGTERM go to this handler; only the main thread can arrange that."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, signal.SIG_DFL if earlier is None else earlier)
