"""The `log` engine: one append-only file, `node.log`.

The file is a line that names the format, then frames.  A frame is one group commit:

  u32 length    of the body, big-endian as everything here
  u32 crc       CRC-32 of the body
  u32 check     CRC-32 of the eight bytes before it
  body          a msgpack array of store.effects.Record

A crash may leave a *torn tail*: the last frame is incomplete, or some of its pages never reached the disk.
Nothing in it was ever acknowledged, because the fsync that should have covered it did not return.  It is
cut off, and reported.  Damage anywhere else hits acknowledged data: the node refuses to start.

Rules of this file
  1. Never skip. A damaged frame with an intact one after it is an error that names file and offset.
  2. The header has a checksum of its own.  Otherwise one flipped bit in a length would make the frame seem to
     reach beyond the end, like a torn tail, and everything behind it would be dropped without a word.
  3. A failed write or fsync is final (the page cache may have dropped the data and the next fsync would
     succeed: "fsyncgate", 2018).  The node stops; its next start reads what the disk really has.
  4. `encode_record` and `decode_log` are pure, so that the simulator tears its disks through this very code.

Rejected: one frame per record. The pages of one write reach the disk in any order, so a power loss in the
middle of a group commit could leave a bad record before a good one, which looks like damage and is not.
"""

import fcntl
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from struct import Struct as Layout
from typing import Literal
from zlib import crc32

import msgspec

from store.effects import EpochRecord, HintRecord, Image, ObjectRecord, Record
from store.engine.engine import EngineError, replay

FORMAT = b"splitbrain log 1\n"
FILE_NAME = "node.log"

_HEADER = Layout(">III")
_CHECKED = Layout(">II")
_ENCODER = msgspec.msgpack.Encoder()
_DECODER: msgspec.msgpack.Decoder[list[Record]] = msgspec.msgpack.Decoder(
    list[EpochRecord | ObjectRecord | HintRecord]
)


class Problem(msgspec.Struct, frozen=True):
    """Why reading stopped at `offset`. Only a `torn` tail may be cut off."""

    kind: Literal["torn", "damaged"]
    offset: int
    what: str


def encode_record(record: Record) -> bytes:
    """A frame with one record."""
    return encode_frame((record,))


def encode_frame(records: Sequence[Record]) -> bytes:
    """A frame with these records: they survive together or not at all."""
    body = _ENCODER.encode(records)
    checked = _CHECKED.pack(len(body), crc32(body))
    return b"".join((checked, crc32(checked).to_bytes(4, "big"), body))


def decode_log(data: bytes) -> tuple[list[Record], int, Problem | None]:
    """The records of these frames (without the format line), the length that is good, and what ends it."""
    records: list[Record] = []
    offset = 0
    while offset < len(data):
        found = _frame_at(data, offset)
        if isinstance(found, Problem):
            return records, offset, found
        body, end = found
        try:
            records += _DECODER.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            what = f"an intact frame with unknown content ({error})"
            return records, offset, Problem("damaged", offset, what)
        offset = end
    return records, offset, None


def _frame_at(data: bytes, offset: int) -> tuple[bytes, int] | Problem:
    header = _header_at(data, offset)
    if header is None:
        return _unreadable_header(data, offset)
    length, crc = header
    start = offset + _HEADER.size
    end = start + length
    if end > len(data):
        return Problem("torn", offset, f"{len(data) - offset} of {end - offset} bytes of the last frame")
    body = data[start:end]
    if crc32(body) == crc:
        return body, end
    if end == len(data):
        return Problem("torn", offset, f"a last frame of {end - offset} bytes with a wrong checksum")
    return Problem("damaged", offset, "a wrong checksum in front of further frames")


def _header_at(data: bytes, offset: int) -> tuple[int, int] | None:
    """Length and CRC of the body, if the header is intact."""
    if len(data) - offset < _HEADER.size:
        return None
    length, crc, check = _HEADER.unpack_from(data, offset)
    if crc32(data[offset : offset + _CHECKED.size]) != check:
        return None
    return length, crc


def _unreadable_header(data: bytes, offset: int) -> Problem:
    """Torn, unless an intact frame follows: that was written only when this one was durable already."""
    for later in range(offset + 1, len(data) - _HEADER.size):
        header = _header_at(data, later)
        if header is None:
            continue
        start = later + _HEADER.size
        if start + header[0] <= len(data) and crc32(data[start : start + header[0]]) == header[1]:
            return Problem("damaged", offset, f"an unreadable header, but an intact frame at byte {later}")
    return Problem("torn", offset, f"{len(data) - offset} bytes without a readable header")


class LogEngine:
    """Keeps the records of one node in `folder/node.log`. One process at a time."""

    durable_at_once = False

    def __init__(self, folder: Path, report: Callable[[str], None]) -> None:
        """`report` is told, in a sentence, when a torn tail was cut off."""
        self.path = folder / FILE_NAME
        self._report = report
        self._file = self._folder = -1
        self._unsynced: list[Record] = []

    def load(self) -> Image:
        """Replay the log, cut off a torn tail, and be ready to append."""
        try:
            self._open()
            return self._replay()
        except OSError as error:
            self.close()
            raise EngineError(
                f"{self.path}: {error.strerror}; name a folder that can be written to"
            ) from None
        except EngineError:
            self.close()
            raise

    def append(self, records: Sequence[Record]) -> None:
        """Collect for the next sync."""
        self._unsynced += records

    def sync(self) -> None:
        """One write and one fdatasync for everything appended. OSError: stop the node."""
        frame = encode_frame(self._unsynced)
        self._unsynced = []
        _write_all(self._file, frame)
        os.fdatasync(self._file)

    def close(self) -> None:
        """Release the file and the folder."""
        for file in (self._file, self._folder):
            if file >= 0:
                os.close(file)
        self._file = self._folder = -1

    def _open(self) -> None:
        folder = self.path.parent
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(self._folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise EngineError(
                f"{folder} is in use by another node; stop it, or name another folder"
            ) from None
        if not self.path.exists():
            self._create()
        self._file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)

    def _create(self) -> None:
        """The file appears under its name only when its first line is durable; then so does the name."""
        new = self.path.with_suffix(".new")
        file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            _write_all(file, FORMAT)
            os.fsync(file)
        finally:
            os.close(file)
        new.replace(self.path)
        os.fsync(self._folder)
        _sync_folder(self.path.parent.parent)

    def _replay(self) -> Image:
        data = self.path.read_bytes()
        if not data.startswith(FORMAT):
            raise EngineError(
                f"{self.path} does not begin with {FORMAT.decode().strip()!r}: "
                "not a log of this version; move it away, or name another folder"
            )
        records, length, problem = decode_log(data[len(FORMAT) :])
        if problem is not None:
            self._mend(problem, len(FORMAT) + length, len(data))
        return replay(records)

    def _mend(self, problem: Problem, good: int, size: int) -> None:
        if problem.kind == "damaged":
            raise EngineError(
                f"{self.path} is damaged at byte {good}: {problem.what}; restore the file from a copy, "
                "or move it away: the node then starts empty and fetches its data from the other replicas"
            )
        os.ftruncate(self._file, good)
        os.fsync(self._file)
        self._report(f"{self.path}: torn tail at byte {good}, cut off {size - good} bytes ({problem.what})")


def _sync_folder(folder: Path) -> None:
    """A new name is durable when the folder that holds it is."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _write_all(file: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(file, rest) :]
