"""Time and memory for a check, enforced from outside: a child process does the work, its parent watches.

A checker may be exponential, or simply too slow for the history.  Nothing that it does inside one process
can be stopped for certain, so the work runs in a child, which tells what it has established as it goes
(`Tell`); at a limit the child is killed, and what it told so far is the outcome.

Rules of this file
  1. Reaching a limit is never an answer: the caller turns it into `unknown` with `stopped` as the reason.
  2. The limit of memory is on what the child holds in RAM and swap, looked at every POLL_S: Linux tells it
     in /proc, macOS and other Unix systems by `ps`.  Where neither is there (Windows), only the limit of
     time is enforced.  On Linux the kernel also refuses one allocation far above the limit (RLIMIT_DATA;
     macOS has the call and ignores it).
  3. On Linux the child is forked.  Elsewhere a fork may crash in system libraries that are loaded already,
     or does not exist: a fresh interpreter is started, and `work` must be a function of a module, or a
     `functools.partial` of one, with arguments that can be pickled.
  4. The child never outlives its parent, however the parent ends: it holds the reading end of a pipe that
     only the parent can write to, and leaves when that pipe closes.  Ctrl-C is for the parent alone.
"""

import math
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

Tell = Callable[[Any], None]
"""Given to the work: reports something established, any value that can be pickled."""

Work = Callable[[Tell], Any]

POLL_S = 0.02
PS_S = 0.2
"""`ps` is a program to start: it is asked this rarely."""
MEGABYTE = 1 << 20
KILLED = -9


class Limits(NamedTuple):
    """Seconds and megabytes that a check may take; None is no limit."""

    time_s: float | None = None
    memory_mb: float | None = None

    def any(self) -> bool:
        """Is there anything to enforce?"""
        return self.time_s is not None or self.memory_mb is not None

    def wrong(self) -> str:
        """What is wrong with the limits, as a sentence; empty when they can be enforced."""
        if self.time_s is not None and not (self.time_s >= 0 and math.isfinite(self.time_s)):
            return f"a time limit of {self.time_s:g} s cannot be kept; give seconds, as in 60 or 0.5"
        if self.memory_mb is not None and not (self.memory_mb > 0 and math.isfinite(self.memory_mb)):
            return f"a memory limit of {self.memory_mb:g} MB cannot be kept; give megabytes, as in 2000"
        return ""


class Outcome(NamedTuple):
    """How the work ended.

    `result` is what it returned, None when it did not get there; then `stopped` says why in a sentence.
    `told` is what it had established, oldest first.  `error` is what it raised; from a child it bears the
    child's traceback as a note.
    """

    result: Any = None
    stopped: str = ""
    told: tuple[Any, ...] = ()
    error: Exception | None = None


def run(work: Work, limits: Limits) -> Outcome:
    """Do the work within the limits; in this process when there are none, and then errors are raised."""
    if not limits.any():
        told: list[Any] = []
        return Outcome(result=work(told.append), told=tuple(told))
    # Imported here: without limits, the usual case, a small check must not pay for it.
    import multiprocessing

    context: Any = multiprocessing.get_context(_start_method())
    receiver, sender = context.Pipe(duplex=False)
    watched, held_open = context.Pipe(duplex=False)
    child = context.Process(target=_child, args=(work, limits, sender, watched, held_open), daemon=True)
    try:
        child.start()
        sender.close()
        watched.close()
        return _watched(child, receiver, limits)
    finally:
        held_open.close()
        if child.pid is not None:
            child.kill()
            child.join()
        receiver.close()


def _start_method() -> str:
    return "fork" if sys.platform == "linux" else "spawn"


# --- the child -------------------------------------------------------------------------------------


def _child(
    work: Work, limits: Limits, sender: "Connection", watched: "Connection", held_open: "Connection"
) -> None:
    import signal
    import threading

    # The child has got both ends; with the writing one it would keep itself alive.
    held_open.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with_parent, args=(watched,), daemon=True).start()
    _limit_data(limits)
    try:
        message = ("result", work(lambda value: sender.send(("told", value))))
    except MemoryError:
        message = ("memory", None)
    except Exception as error:
        message = ("error", _portable(error))
    sender.send(message)


def _leave_with_parent(watched: "Connection") -> None:
    import os

    try:
        watched.recv_bytes()
    except (EOFError, OSError):
        os._exit(1)


def _portable(error: Exception) -> Exception:
    """The error with its traceback as a note; in plain words where it would not survive the pipe."""
    import pickle
    import traceback

    trace = "".join(traceback.format_exception(error))
    error.add_note(f"in the process of the check:\n{trace}")
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        plain = RuntimeError(f"{type(error).__name__}: {error}")
        plain.add_note(f"in the process of the check:\n{trace}")
        return plain
    return error


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


# --- the parent ------------------------------------------------------------------------------------


def _watched(child: Any, receiver: "Connection", limits: Limits) -> Outcome:
    began = time.monotonic()
    memory = _Memory(child.pid)
    told: list[Any] = []
    while True:
        # Messages first: an answer that is there when the limit is noticed counts.
        if receiver.poll(POLL_S):
            try:
                kind, value = receiver.recv()
            except (EOFError, OSError):
                child.join()
                return Outcome(stopped=_died(child.exitcode), told=tuple(told))
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
        if limits.memory_mb is not None and memory.held_mb() > limits.memory_mb:
            return Outcome(stopped=_memory_limit(limits), told=tuple(told))


def _memory_limit(limits: Limits) -> str:
    if limits.memory_mb is None:
        return "the memory of this machine ran out"
    return f"the memory limit of {limits.memory_mb:g} MB was reached"


def _died(exit_code: int | None) -> str:
    if exit_code == KILLED:
        return "the check was killed from outside, most likely because the machine ran out of memory"
    return f"the check died (exit code {exit_code})"


class _Memory:
    """What a process holds, asked as often as the system makes it cheap."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._by_ps = not sys.platform.startswith("linux")
        self._held_mb = 0.0
        self._next = 0.0

    def held_mb(self) -> float:
        """RAM and swap in MB; 0 where the system does not say."""
        if not self._by_ps:
            return _in_proc_mb(self._pid)
        if time.monotonic() >= self._next:
            self._held_mb = _by_ps_mb(self._pid)
            self._next = time.monotonic() + PS_S
        return self._held_mb


def _in_proc_mb(pid: int) -> float:
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
            kilobytes = [int(line.split()[1]) for line in status if line.startswith(("VmRSS", "VmSwap"))]
    except (OSError, ValueError, IndexError):
        return 0.0
    return sum(kilobytes) / 1024


def _by_ps_mb(pid: int) -> float:
    import subprocess

    asked = ["ps", "-o", "rss=", "-p", str(pid)]
    try:
        answer = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=10)
        return float(answer.stdout.strip() or 0) / 1024
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return 0.0
