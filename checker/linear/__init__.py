"""Linearizability of any model: `checker.check` picks the algorithm, of which each has a file."""
