"""Faults as data: how each is injected, proved to bite, and healed."""
