"""What each type of anomaly is, for people who have not read the papers: one or two sentences each.

The sentence of an anomaly says what happened; these say why it must not.  `of` also knows the variants of
Elle's names: `-process` and `-realtime` add the order of each client, and that of the clock.
"""

from collections.abc import Mapping
from types import MappingProxyType

_CIRCLES = {
    "G0": (
        "Dirty write: two transactions wrote over each other, each before and each after the "
        "other. Neither of them took effect as a whole."
    ),
    "G1c": (
        "Circular information flow: each of these transactions depends on what another one wrote, "
        "round in a circle, so each would have to be finished before it began."
    ),
    "G-single": (
        "Read skew: a transaction saw one part of the data as it was before another transaction, "
        "and another part as it was after it. No moment ever looked like that."
    ),
    "G-nonadjacent": (
        "The transactions saw states that are not snapshots of one history: put in any order, one "
        "of them has seen too much or too little."
    ),
    "G2": (
        "Each of these transactions acted on data that another one was changing, without seeing "
        "the change. One after the other, in whatever order, at least one would have seen "
        "something else."
    ),
}

_TRANSACTIONS = {
    "internal": "A transaction contradicts itself: it does not see what it has just written or read.",
    "G1a": "Aborted read: a transaction saw what a failed one wrote. That must never be visible to anyone.",
    "aborted-read": "A transaction saw what a failed one wrote. That must never be visible to anyone.",
    "G1b": (
        "Intermediate read: a transaction saw a value that its writer replaced before it was done; "
        "only the last one may ever be visible."
    ),
    "intermediate-read": (
        "A transaction saw a value that its writer replaced before it was done; only the last one "
        "may ever be visible."
    ),
    "future-read": "A transaction saw its own write before it made it.",
    "garbage-read": "A read returned a value that nobody ever wrote.",
    "thin-air-read": "A read returned a value that nobody ever wrote.",
    "lost-update": (
        "Two transactions read the same value and both replaced it: one overwrote the other "
        "without knowing of it, and the update of one of them is lost."
    ),
    "duplicate-elements": (
        "An element was appended once and is there more than once: a write took effect repeatedly."
    ),
    "incompatible-order": (
        "Two reads show elements of a list in contradictory orders, although elements are only "
        "ever appended. The list has forked, or was changed in the middle."
    ),
    "dirty-update": (
        "A committed transaction built upon what a failed one had written, so a part of the "
        "failed one lives on."
    ),
    "cyclic-versions": (
        "Two values of a key must each have been there before the other, by what was read and "
        "written. No order of its values explains it."
    ),
}

_LEVELS = {
    "causality-cycle": (
        "Each of these transactions read what another one wrote, or came after it in its session, "
        "round in a circle: an effect came before its cause."
    ),
    "read-went-back": (
        "Within one transaction a read went back to an older state than it had already seen of "
        "another transaction. Read committed forbids that."
    ),
    "fractured-read": (
        "A transaction saw one write of another transaction and missed a second one. Read atomic "
        "promises all or nothing."
    ),
    "own-write-not-seen": "A client did not see what it had written itself (read your writes).",
    "session-read-went-back": ("A client saw a newer state, and then an older one again (monotonic reads)."),
    "writes-out-of-order": (
        "Somebody saw a later write of a client without an earlier one (monotonic writes)."
    ),
    "write-before-what-it-followed": (
        "Somebody saw a write without what its author had seen before making it: an answer "
        "without the question (writes follow reads)."
    ),
    "causal-order-violated": (
        "Somebody saw an effect and not its cause: a write is missing that what was seen depends on."
    ),
    "session-order-violated": (
        "No order of the writes that keeps every client's own order explains what this client read (PRAM)."
    ),
    "not-snapshot-isolation": (
        "No assignment of snapshots explains the reads: each transaction must read from one "
        "moment, and of two that overlap only one may write a key."
    ),
    "not-serializable": (
        "No order of the transactions, one after the other, gives the answers that they got."
    ),
}

_CLASSIC = {
    "lost": (
        "An element was acknowledged, or seen, and is gone: the store forgot what it had promised to keep."
    ),
    "unexpected": "An element is there, or came out, although nobody had put it in.",
    "duplicated": "An element is there more than once, and a set holds each of them once.",
    "stale": (
        "An element was certainly there, and a later read did not show it, though others do: that read "
        "was answered from an old state."
    ),
    "impossible-value": (
        "The counter cannot have had this value at any moment of the read, whatever was under way."
    ),
    "duplicate-id": "Two callers were given the same id; each takes it for its own.",
    "wrong-total": (
        "Money came out of nothing or vanished: the read saw a part of a transfer without the rest."
    ),
    "negative-value": (
        "An account was overdrawn, though every transfer must check the balance: two of them did "
        "not see each other."
    ),
    "unexpected-key": "The read shows an account that does not exist.",
    "missing-key": "The read lacks an account that exists.",
    "nil-balance": "The read shows an account without a balance.",
    "long-fork": (
        "Two readers saw two independent writes in opposite orders. A store that keeps snapshots "
        "of one history cannot show that."
    ),
    "causal-reverse": (
        "A write was acknowledged before a second one began, and yet a reader saw the second "
        "without the first: the clock says otherwise."
    ),
    "never-succeeded": (
        "An operation of this kind never succeeded, so nothing that depends on it was tested."
    ),
}

_DYNAMO = {
    "phantom-version": (
        "A read returned a version that cannot exist: nobody had written it by then, or its write "
        "certainly failed."
    ),
    "duplicate-sibling": "A read showed one version twice; siblings are different versions.",
    "false-sibling": (
        "A read showed two versions as concurrent although the writer of one had seen the other "
        "and so replaced it."
    ),
    "causal-cycle": (
        "Each of these writes had seen the other one's result before it was made: somebody read the future."
    ),
    "lost-write": (
        "The store acknowledged this write, and in the end it is neither there nor replaced by "
        "anything that had seen it."
    ),
    "resurrected-delete": (
        "A deleted version came back: the memory of its deletion was lost before all copies of it were."
    ),
    "resurrected-version": "A version that had been replaced came back in the end.",
    "reappeared-version": "A version that had been replaced, and was seen to be gone, came back.",
    "sibling-explosion": (
        "The store keeps versions beside those that replaced them, so the siblings grow with every write."
    ),
    "divergent-replicas": (
        "After everything healed and came to rest the replicas of a key should be equal, and are "
        "not: what a client reads depends on whom it asks."
    ),
    "hints-left": (
        "Writes that were kept for a node that was away have not been handed over, although it is back."
    ),
    "repair-never-stops": (
        "The nodes keep repairing each other although nobody writes any more: they do not agree, "
        "or do not notice that they do."
    ),
    "stale-read": "A read did not reflect a write that had been acknowledged before it began.",
    "stale-delete": ("A read showed what had been deleted, and the deletion acknowledged, before it began."),
    "forgotten-version": "A client saw a version and later an older state again (monotonic reads).",
    "unread-write": "A client did not see its own acknowledged write (read your writes).",
}

MEANINGS: Mapping[str, str] = MappingProxyType(
    {
        "nonlinearizable": (
            "Each operation must take effect at one moment between its beginning and its end. Whatever "
            "moments are chosen, at least one of these did not get the answer that it would then have got."
        ),
        **_CIRCLES,
        **_TRANSACTIONS,
        **_LEVELS,
        **_CLASSIC,
        **_DYNAMO,
    }
)

_ORDERS = {
    "-process": "Here the order in which one client did things is a part of the circle.",
    "-realtime": "Here the clock is a part of the circle: one had ended before another began.",
}


def of(kind: str) -> str:
    """What a type of anomaly is; empty for a type that nobody has explained yet."""
    for suffix, more in _ORDERS.items():
        if kind.endswith(suffix) and (plain := of(kind.removesuffix(suffix))):
            return f"{plain} {more}"
    return MEANINGS.get(kind) or MEANINGS.get(kind.removesuffix("-item"), "")
