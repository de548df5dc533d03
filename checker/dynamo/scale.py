"""When a history is judged by compiled code."""

from checker import kernel
from checker.history import History

FAST_FROM = 100_000
"""Entries from which loading the compiled code costs less than it saves."""


def compiled(history: History) -> bool:
    """Is it large enough, and can kernels be compiled here?"""
    return len(history) >= FAST_FROM and kernel.available()
