"""Time and memory for a check, enforced from outside: a child process does the work, its parent watches.

A checker may be exponential, or simply too slow for the history.  Nothing that it does inside one process
can be stopped for certain, so the work runs in a child, which tells what it has established as it goes
(`Tell`); at a limit the child is killed, and what it told so far is the outcome.

Rules of this file
  1. Reaching a limit is never an answer: the caller turns it into `unknown` with `stopped` as the reason.
  2. The limit of memory is on what the child holds in RAM and swap (Linux; looked at every POLL_S).  Where
     the system cannot tell it, the kernel's limit on a process's data is all there is.
  3. The child is forked where the system can, so that what the parent has read costs nothing to hand over.
     Elsewhere work and answer travel pickled, and `work` must be a function of a module.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

Tell = Callable[[Any], None]
"""Given to the work: reports something established, any value that can be pickled."""

Work = Callable[[Tell], Any]

POLL_S = 0.02
MEGABYTE = 1 << 20


class Limits(NamedTuple):
    """Seconds and megabytes that a check may take; None is no limit."""

    time_s: float | None = None
    memory_mb: float | None = None

    def any(self) -> bool:
        """Is there anything to enforce?"""
        return self.time_s is not None or self.memory_mb is not None


class Outcome(NamedTuple):
    """How the work ended.

    `result` is what it returned, None when it did not get there; then `stopped` says why in a sentence.
    `told` is what it had established, oldest first.  `error` is what it raised.
    """

    result: Any = None
    stopped: str = ""
    told: tuple[Any, ...] = ()
    error: Exception | None = None


def run(work: Work, limits: Limits) -> Outcome:
    """Do the work within the limits; in this process when there are none."""
    if not limits.any():
        told: list[Any] = []
        return Outcome(result=work(told.append), told=tuple(told))
    # Imported here: without limits, the usual case, a small check must not pay for it.
    import multiprocessing

    methods = multiprocessing.get_all_start_methods()
    context: Any = multiprocessing.get_context("fork" if "fork" in methods else "spawn")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_child, args=(work, limits, sender), daemon=True)
    child.start()
    sender.close()
    try:
        return _watched(child, receiver, limits)
    finally:
        child.kill()
        child.join()
        receiver.close()


def _child(work: Work, limits: Limits, sender: "Connection") -> None:
    _limit_data(limits)
    try:
        result = work(lambda value: sender.send(("told", value)))
        sender.send(("result", result))
    except MemoryError:
        sender.send(("memory", None))
    except Exception as error:
        sender.send(("error", error))


def _limit_data(limits: Limits) -> None:
    """The kernel's own limit, a little above ours: catches one allocation that is too large to wait for."""
    if limits.memory_mb is None:
        return
    try:
        import resource
    except ImportError:
        return
    ceiling = int(limits.memory_mb * 1.25) * MEGABYTE + 256 * MEGABYTE
    try:
        resource.setrlimit(resource.RLIMIT_DATA, (ceiling, ceiling))
    except (OSError, ValueError):
        # A lower limit was set before; then that one is in force.
        return


def _watched(child: Any, receiver: "Connection", limits: Limits) -> Outcome:
    began = time.monotonic()
    told: list[Any] = []
    while True:
        # Messages first: an answer that is there when the limit is noticed counts.
        if receiver.poll(POLL_S):
            try:
                kind, value = receiver.recv()
            except EOFError:
                child.join()
                return Outcome(stopped=f"the check died (exit code {child.exitcode})", told=tuple(told))
            if kind == "told":
                told.append(value)
            elif kind == "memory":
                return Outcome(stopped=_memory_limit(limits), told=tuple(told))
            elif kind == "error":
                return Outcome(error=value, told=tuple(told))
            else:
                return Outcome(result=value, told=tuple(told))
        if limits.time_s is not None and time.monotonic() - began >= limits.time_s:
            return Outcome(stopped=f"the time limit of {limits.time_s:g} s was reached", told=tuple(told))
        if limits.memory_mb is not None and _held_mb(child.pid) > limits.memory_mb:
            return Outcome(stopped=_memory_limit(limits), told=tuple(told))


def _memory_limit(limits: Limits) -> str:
    return f"the memory limit of {limits.memory_mb:g} MB was reached"


def _held_mb(pid: int | None) -> float:
    """What a process holds in RAM and swap, in MB; 0 where the system does not say."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
            kilobytes = [int(line.split()[1]) for line in status if line.startswith(("VmRSS", "VmSwap"))]
    except (OSError, ValueError, IndexError):
        return 0.0
    return sum(kilobytes) / 1024
