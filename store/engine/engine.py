"""What the shell needs of the place where a node keeps its data.

An engine keeps records in order.  Nothing is promised for a record until a `sync` that began after its
`append` has returned; a sync that fails promises nothing ever after (what the disk then holds is unknown),
so the node must stop.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

from store.effects import EpochRecord, HintRecord, Image, ObjectRecord, Record


class EngineError(Exception):
    """The data cannot be read or written; the text names the file and what would mend it."""


class Engine(Protocol):
    """Append-only storage of a node's records."""

    durable_at_once: bool
    """Nothing to wait for: `sync` need not be called."""

    def load(self) -> Image:
        """Everything that was kept. Called once, first. EngineError: it is damaged, or in use."""
        ...

    def append(self, records: Sequence[Record]) -> None:
        """Take records over; they become durable together, with the next sync. Does no input or output."""
        ...

    def sync(self) -> None:
        """Make everything appended durable. May run in another thread, never beside `append`. OSError."""
        ...

    def close(self) -> None:
        """Let go of the files, without a sync. Safe to repeat."""
        ...


def replay(records: Iterable[Record]) -> Image:
    """The state that these records, in this order, lead to."""
    image = Image()
    for record in records:
        match record:
            case EpochRecord(epoch=epoch):
                image.epoch = max(image.epoch, epoch)
            case ObjectRecord(key=key, state=None):
                image.objects.pop(key, None)
            case ObjectRecord(key=key, state=state) if state is not None:
                image.objects[key] = state
            case HintRecord(target=target, key=key, state=None):
                image.hints.pop((target, key), None)
            case HintRecord(target=target, key=key, state=state) if state is not None:
                image.hints[target, key] = state
            case _:
                raise AssertionError(f"replay does not know {type(record).__name__}: add a case")
    return image
