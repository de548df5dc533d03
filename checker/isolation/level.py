"""The levels as data: which edges they add, and how their violations are told."""

from typing import Literal, NamedTuple


class Level(NamedTuple):
    """`kind`: "rules" (edges of `saturation.RULES`, one order for all), "cm" and "pram" (one order per
    session), "cc" (one per transaction). `clocks`: the rules need the causal past. `anomaly`: the type of a
    violation. `because`: why t2 was in front of the read, with the names t2 and t3."""

    name: str
    kind: Literal["rules", "cm", "pram", "cc"]
    rules: tuple[str, ...]
    clocks: bool
    anomaly: str
    because: str


READ_COMMITTED = Level(
    "read-committed",
    "rules",
    ("committed-reads",),
    False,
    "read-went-back",
    "{t3} had already read from {t2} earlier in the same transaction",
)
READ_ATOMIC = Level(
    "read-atomic",
    "rules",
    ("own-writes", "fractured"),
    False,
    "fractured-read",
    "{t3} had {t2} in front of it: it read from it, or comes later in the same session",
)
READ_YOUR_WRITES = Level(
    "read-your-writes",
    "rules",
    ("own-writes",),
    False,
    "own-write-not-seen",
    "the session of {t3} had itself run {t2} before",
)
MONOTONIC_READS = Level(
    "monotonic-reads",
    "rules",
    ("monotonic-reads",),
    False,
    "session-read-went-back",
    "the session of {t3} had already read from {t2} in an earlier transaction",
)
MONOTONIC_WRITES = Level(
    "monotonic-writes",
    "rules",
    ("monotonic-writes",),
    True,
    "writes-out-of-order",
    "{t3} read from a transaction that the session of {t2} ran after {t2}",
)
WRITES_FOLLOW_READS = Level(
    "writes-follow-reads",
    "rules",
    ("follow-reads",),
    True,
    "write-before-what-it-followed",
    "{t3} read from a transaction whose session had read from {t2} by then",
)
CAUSAL_CONVERGENT = Level(
    "causal-consistency",
    "rules",
    ("causal",),
    True,
    "causal-order-violated",
    "{t2} is in the past of {t3}",
)
CAUSAL_WEAK = Level(
    "causal-consistency", "cc", (), True, "causal-order-violated", "{t2} is in the past of {t3}"
)
CAUSAL_MEMORY = Level(
    "causal-consistency",
    "cm",
    (),
    True,
    "causal-order-violated",
    "{t2} must be in front of {t3} for this session",
)
PRAM = Level(
    "pram",
    "pram",
    (),
    False,
    "session-order-violated",
    "{t2} must be in front of {t3} for this session",
)
SNAPSHOT = CAUSAL_CONVERGENT._replace(name="snapshot-isolation")
SERIALIZABLE = CAUSAL_CONVERGENT._replace(name="serializable")
