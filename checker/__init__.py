"""Histories in, verdicts out. Knows nothing of the other rooms (docs/ARCHITECTURE.md)."""
