"""What a loop finds wrong with a single micro-operation, as bits in one column."""

INTERNAL = 1
G1A = 2
G1B = 4
FUTURE = 8
LOST_UPDATE = 16
DUPLICATE = 32
INCOMPATIBLE = 64
GARBAGE = 128
DIRTY = 256
CYCLIC = 512
AMBIGUOUS = 1024
UNWRITTEN = 2048

ANOMALIES: dict[int, str] = {
    INTERNAL: "internal",
    G1A: "G1a",
    G1B: "G1b",
    FUTURE: "future-read",
    LOST_UPDATE: "lost-update",
    DUPLICATE: "duplicate-elements",
    INCOMPATIBLE: "incompatible-order",
    GARBAGE: "garbage-read",
    DIRTY: "dirty-update",
    CYCLIC: "cyclic-versions",
}
"""The anomaly that each bit is. The other two are none: AMBIGUOUS (see `writers.py`) and UNWRITTEN."""
