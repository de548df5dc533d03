"""Consistency models by brute force: does any execution of a small history keep the axioms?

An execution arbitrates: the transactions that happened stand in one order, and each sees some of those before
it (Cerone, Bernardi, Gotsman, A Framework for Transactional Consistency Models, 2015).  A read that its
transaction does not answer itself returns what the last transaction that it sees, of those that wrote the
key, had left: the value, or the list of all that were appended so far.  A list with an append of the
transaction itself is the version that it leaves: nothing appended to it earlier is missing there, though the
transaction may not see who did.  (So x = [1], read by the one who appended 1, puts a 2 that somebody else
appended behind the 1, as any list that was read does.)

  model                          a transaction sees
  read-atomic                    any set of those before it
  causal-cerone                  ... and all that these see
  prefix                         all up to some place
  serializable                   all before it
  update-atomic, parallel-snapshot-isolation, snapshot-isolation: as the first three, and all before it that
                                 wrote a key that it writes, too
  strong-session-..., strong-... all of its client, or all that were acknowledged before it began (strict-
                                 serializable), in addition
"""

import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.property.txn_oracle import Brute


class Axioms(NamedTuple):
    """`sees`: any, transitive, prefix or all. `conflicts`: who writes the same sees the other. `order`: whom
    everybody sees (none, session, realtime)."""

    sees: str
    conflicts: bool
    order: str = "none"


MODELS = {
    "read-atomic": Axioms("any", False),
    "causal-cerone": Axioms("transitive", False),
    "prefix": Axioms("prefix", False),
    "update-atomic": Axioms("any", True),
    "parallel-snapshot-isolation": Axioms("transitive", True),
    "snapshot-isolation": Axioms("prefix", True),
    "strong-session-snapshot-isolation": Axioms("prefix", True, "session"),
    "strong-snapshot-isolation": Axioms("prefix", True, "realtime"),
    "serializable": Axioms("all", True),
    "strong-session-serializable": Axioms("all", True, "session"),
    "strict-serializable": Axioms("all", True, "realtime"),
}

EXACT = frozenset(
    name for name, axioms in MODELS.items() if axioms.conflicts and axioms.sees in ("prefix", "all")
)
"""The models that cycles decide, where all versions are known."""


def executes(brute: Brute, model: str) -> bool:
    """Does an execution explain the history?"""
    axioms = MODELS[model]
    unknown = [n for n, t in enumerate(brute.txns) if t.kind == "info"]
    return any(
        _explains(brute, axioms, order, 0, [])
        for count in range(len(unknown) + 1)
        for extra in itertools.combinations(unknown, count)
        for order in itertools.permutations([*brute.ok, *extra])
    )


def _explains(brute: Brute, axioms: Axioms, order: tuple[int, ...], at: int, sights: list[int]) -> bool:
    """Can the transactions from `at` on be given what they see, when those before it see `sights` (bits of
    places in the order)?"""
    if at == len(order):
        return True
    must = _must_see(brute, axioms, order, at)
    if must is None:
        return False
    return any(
        _reads_well(brute, order, at, sight) and _explains(brute, axioms, order, at + 1, [*sights, sight])
        for sight in _sights(axioms.sees, at, sights)
        if must & ~sight == 0
    )


def _sights(sees: str, at: int, sights: list[int]) -> Iterator[int]:
    """The sets of earlier places that a transaction may see."""
    if sees == "all":
        yield (1 << at) - 1
    elif sees == "prefix":
        yield from ((1 << count) - 1 for count in range(at, -1, -1))
    else:
        for sight in range((1 << at) - 1, -1, -1):
            if sees == "any" or all(sights[p] & ~sight == 0 for p in range(at) if sight >> p & 1):
                yield sight


def _must_see(brute: Brute, axioms: Axioms, order: tuple[int, ...], at: int) -> int | None:
    """The places that a transaction has to see; None if one of them is later."""
    must, n = 0, order[at]
    for place, other in enumerate(order):
        same = brute.txns[other].process == brute.txns[n].process
        if axioms.order != "none" and brute.precedes(other, n) and (same or axioms.order == "realtime"):
            if place > at:
                return None
            must |= 1 << place
        if axioms.conflicts and place < at:
            must |= any(brute.txns[other].writes(k) and brute.txns[n].writes(k) for k in brute.keys) << place
    return must


def _reads_well(brute: Brute, order: tuple[int, ...], at: int, sight: int) -> bool:
    """Does a transaction return what it sees, and what it did itself?"""
    n = order[at]
    if brute.txns[n].kind != "ok":
        return True
    state: dict[str, list[Any]] = {}
    own: set[str] = set()
    for verb, key, value in brute.txns[n].steps:
        if key not in state:
            places = [p for p in range(at) if sight >> p & 1 and brute.txns[order[p]].writes(key)]
            written = [
                v for other in order[: max(places, default=-1) + 1] for v in brute.txns[other].writes(key)
            ]
            state[key] = written
        if verb != "r":
            own.add(key)
            state[key].append(value)
            continue
        if brute.is_list and key in own and not _shows_all(brute, order[:at], key, state[key]):
            return False
        if brute.shown(value) != (state[key] if brute.is_list else state[key][-1:]):
            return False
    return True


def _shows_all(brute: Brute, earlier: tuple[int, ...], key: str, shown: list[Any]) -> bool:
    """Is all there that earlier transactions appended?"""
    return all(value in shown for other in earlier for value in brute.txns[other].writes(key))
