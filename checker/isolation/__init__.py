"""Weak isolation, sessions and causality, judged from reads, writes and who issued them (`levels.py`)."""
