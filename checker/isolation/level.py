"""The levels as data: which edges they add, and how they are told."""

from typing import Literal, NamedTuple


class Level(NamedTuple):
    """`kind`: "rules" (edges of `saturation.RULES`, one order for all), "cm" and "pram" (one order per
    session), "cc" (one per transaction). `clocks`: the rules need the causal past. `anomaly`: the type of a
    violation, `meaning`: what it is in words. `holds`: what a valid verdict promises."""

    name: str
    kind: Literal["rules", "cm", "pram", "cc"]
    rules: tuple[str, ...]
    clocks: bool
    anomaly: str
    meaning: str
    holds: str

    @property
    def grouped(self) -> bool:
        """Does it look up who wrote a key last in a session (`Facts.group_begin`)?"""
        return self.kind != "rules" or bool({"monotonic-writes", "causal"} & set(self.rules))


READ_COMMITTED = Level(
    "read-committed",
    "rules",
    ("committed-reads",),
    False,
    "read-went-back",
    "a transaction saw a write of another, and then an older state than the one which that write was part of",
    "each transaction saw committed states only, and none older than it had already seen",
)
READ_ATOMIC = Level(
    "read-atomic",
    "rules",
    ("own-writes", "fractured"),
    False,
    "fractured-read",
    "a transaction saw some writes of another and missed others of the same transaction",
    "each transaction saw all or nothing of every other, and of its own session",
)
READ_YOUR_WRITES = Level(
    "read-your-writes",
    "rules",
    ("own-writes",),
    False,
    "own-write-not-seen",
    "a session did not see what it had itself written before",
    "each session saw its own earlier writes, or newer ones",
)
MONOTONIC_READS = Level(
    "monotonic-reads",
    "rules",
    ("monotonic-reads",),
    False,
    "session-read-went-back",
    "a session saw an older state than the one it had already seen",
    "no session saw an older state of a key than it had seen before",
)
MONOTONIC_WRITES = Level(
    "monotonic-writes",
    "rules",
    ("monotonic-writes",),
    True,
    "writes-out-of-order",
    "a later write of a session was seen without an earlier one",
    "wherever a write was seen, the earlier writes of its session were there, too",
)
WRITES_FOLLOW_READS = Level(
    "writes-follow-reads",
    "rules",
    ("follow-reads",),
    True,
    "write-before-what-it-followed",
    "a write was seen, but not what its writer had seen before it wrote",
    "wherever a write was seen, what its session had read by then was there, too",
)
CAUSAL_CONVERGENT = Level(
    "causal-consistency",
    "rules",
    ("causal",),
    True,
    "causal-order-violated",
    "an effect was seen without its cause",
    "one order of all writes keeps every cause before its effects and explains what everyone saw",
)
CAUSAL_WEAK = CAUSAL_CONVERGENT._replace(
    kind="cc",
    rules=(),
    holds="each transaction can put what it depends on in an order that explains what it saw",
)
CAUSAL_MEMORY = CAUSAL_CONVERGENT._replace(
    kind="cm",
    rules=(),
    holds="each session can put everything it depends on in one order that explains all it saw",
)
PRAM = Level(
    "pram",
    "pram",
    (),
    False,
    "session-order-violated",
    "a session cannot have received the writes of the others in the order in which they were made",
    "each session can put the writes of all others, in their orders, in one order that explains all it saw",
)
SNAPSHOT = CAUSAL_CONVERGENT._replace(
    name="snapshot-isolation",
    holds="there is an order of snapshots and commits in which everyone saw a snapshot, and no two "
    "transactions that overlap wrote the same key",
)
SERIALIZABLE = CAUSAL_CONVERGENT._replace(
    name="serializable",
    holds="there is an order in which the transactions, run one after the other, see what they saw",
)
