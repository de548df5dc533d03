"""A file that is being read: its pieces, and what becomes of the parts of it that are no history."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from checker.history import HistoryError

Progress = Callable[[int, int], None]
"""Called with the bytes read so far, and the bytes there are."""

PIECE_BYTES = 1 << 22
LENIENT_PIECE_BYTES = 1 << 17
"""Errors are searched for within a piece, so where errors are expected pieces are smaller."""


@contextmanager
def collector_paused() -> Iterator[None]:
    """Millions of new objects that all stay make the cyclic collector search again and again for nothing."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class Declined(Exception):
    """This is for the readers of ordinary files: it is wrong, or beyond the compiled reader."""


class Source:
    """Cuts a file into pieces at line ends, and is told what is wrong where."""

    def __init__(self, path: Path, file: BinaryIO, lenient: bool, progress: Progress | None) -> None:
        self.path = path
        self._file = file
        self._lenient = lenient
        self._progress = progress
        self.line = 0
        """How many lines there are before the piece at hand."""
        self._total = path.stat().st_size
        self._skipped = 0
        self._first = ""
        self._notes: list[str] = []

    def pieces(self) -> Iterator[tuple[bytes, bool]]:
        """Every piece but the last (told by the flag) ends with a newline."""
        size = LENIENT_PIECE_BYTES if self._lenient else PIECE_BYTES
        rest: list[bytes] = []
        done = 0
        while read := self._file.read(size):
            done += len(read)
            cut = read.rfind(b"\n") + 1
            if cut:
                piece = b"".join([*rest, read[:cut]])
                yield piece, False
                self.line += piece.count(b"\n")
                rest = [read[cut:]]
            else:
                rest.append(read)
            if self._progress:
                self._progress(done, self._total)
        yield b"".join(rest), True

    def whole(self) -> bytes:
        """The file in one piece."""
        return b"".join(piece for piece, _ in self.pieces())

    def wrong(self, where: str, told: str, expected: str) -> None:
        """Something there is no entry: raises HistoryError, or counts it where the caller is lenient."""
        message = f"{where}: {told}; expected {expected}"
        if not self._lenient:
            raise HistoryError(f"{self.path}: {message}")
        self._skipped += 1
        self._first = self._first or message

    def torn(self, line: int) -> None:
        """The recorder was killed in the middle of this last line, which is nobody's mistake."""
        self._notes.append(torn_note(line))

    def notes(self) -> list[str]:
        """What a reader of the history must know about the file."""
        if not self._skipped:
            return self._notes
        were = "1 entry was" if self._skipped == 1 else f"{self._skipped} entries were"
        return [*self._notes, f"{were} skipped, the first because of {self._first}"]


def torn_note(line: int) -> str:
    """What is said of a last line that the recorder could not finish."""
    return f"line {line} is torn (the harness was killed while writing it) and left out"
