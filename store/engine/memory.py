"""The engine that keeps nothing: for tests of the protocol, and to see what a lost disk does."""

from collections.abc import Sequence

from store.effects import Image, Record


class MemoryEngine:
    """Every start begins empty."""

    durable_at_once = True

    def load(self) -> Image:
        """Nothing."""
        return Image()

    def append(self, records: Sequence[Record]) -> None:
        """The node's own memory is all the memory there is."""

    def sync(self) -> None:
        """Nothing to wait for."""

    def close(self) -> None:
        """Nothing to let go of."""
