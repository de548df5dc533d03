"""What was done to the cluster, on disk before it is done.

If the harness dies in the middle of a fault, this file is all that is left to tell what must be undone:
`splitbrain heal` reads it.  So an entry is safe on disk before `write` returns.

Rules of this file
  1. One JSON object per line, with its event under `event`.
  2. A torn line (the harness or the machine died while writing) is skipped when reading, and never glued to
     the next entry when writing.
"""

import os
from pathlib import Path
from typing import Any

import msgspec

from nemesis.fault import JournalEntry, JournalEvent


class Journal:
    """An append-only file. It is opened for each entry: there is nothing to close, whatever happens.

    `durable=False` leaves out the fsync, for a place whose faults die with the process (the simulator).
    """

    def __init__(self, path: Path, durable: bool = True) -> None:
        self.path = path
        self._durable = durable

    def write(self, event: JournalEvent, **data: Any) -> None:
        """Append an entry; it is on disk when this returns. Raises OSError when it cannot be."""
        line = msgspec.json.encode({"event": event, **data}) + b"\n"
        with self.path.open("ab+") as file:
            if _torn(file):
                line = b"\n" + line
            file.write(line)
            file.flush()
            if self._durable:
                os.fsync(file.fileno())


def read_journal(path: Path) -> list[JournalEntry]:
    """The entries of a journal, without torn lines. Raises OSError when there is no such file."""
    entries = []
    for line in path.read_bytes().splitlines():
        try:
            entry = msgspec.json.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        if isinstance(entry, dict) and "event" in entry:
            entries.append(entry)
    return entries


def _torn(file: Any) -> bool:
    """Whether the file ends in the middle of a line."""
    end = file.seek(0, os.SEEK_END)
    if end == 0:
        return False
    file.seek(end - 1)
    last: bytes = file.read(1)
    return last != b"\n"
