"""How far the reading of a large file has come, on one line of a terminal that is wiped again.

Rules of this file
  1. It is for people: only a terminal gets it, and only where reading takes longer than DELAY_S.
  2. It is written to standard error, so that standard output is the result and nothing else.
"""

import os
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self, TextIO

DELAY_S = 1.0
INTERVAL_S = 0.1
WIPE = "\r\x1b[K"
MEGABYTE = 1e6
COLUMNS = 80
"""Of a terminal that does not say."""


class ReadingLine:
    """`with ReadingLine(sys.stderr, name) as line: load(path, progress=line)`."""

    def __init__(self, stream: TextIO, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` tells seconds."""
        self._stream = stream
        self._name = name
        self._clock = clock
        self._is_terminal = stream.isatty()
        self._next = clock() + DELAY_S
        self._first: tuple[float, int] | None = None
        self._shown = False

    def __call__(self, done: int, total: int) -> None:
        """Show that so many bytes of all have been read."""
        now = self._clock()
        # The first piece may have waited for the compiler, which says nothing about the others.
        began, before = self._first = self._first or (now, done)
        if not self._is_terminal or now < self._next or done == before:
            return
        self._next, self._shown = now + INTERVAL_S, True
        speed = (done - before) / MEGABYTE / max(now - began, INTERVAL_S)
        told = f"{done / MEGABYTE:.0f} of {total / MEGABYTE:.0f} MB, {speed:.0f} MB/s"
        self._stream.write(WIPE + f"reading {self._name}: {told}"[: _columns(self._stream) - 1])
        self._stream.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown:
            wipe(self._stream)


def wipe(stream: TextIO) -> None:
    """Wipe the line, which a process that was killed could not do itself."""
    if stream.isatty():
        stream.write(WIPE)
        stream.flush()


def _columns(stream: TextIO) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or COLUMNS
    except (OSError, ValueError):
        return COLUMNS
