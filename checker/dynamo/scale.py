"""When a history is judged by compiled code."""

from checker import kernel
from checker.history import History

FAST_FROM = 100_000
"""Entries from which loading the compiled code costs less than it saves."""

FAST_FROM_PER_KEY = 5_000
"""The same for a single key: without compiled code, time grows faster than the square of its versions."""


def compiled(history: History) -> bool:
    """Is it large enough, and can kernels be compiled here?"""
    large = len(history) >= FAST_FROM or (
        len(history) >= FAST_FROM_PER_KEY and history.derive(_per_key) >= FAST_FROM_PER_KEY
    )
    return large and kernel.available()


def _per_key(history: History) -> int:
    """Entries for each key, on average."""
    keys = [entry.key for entry in history if entry.key is not None]
    return len(keys) // max(1, len(set(keys)))
