"""What a read at the end of a run must return: the versions that nothing has replaced.

After healing and settling all replicas agree, so a final read shows the whole state of a key.  Every
acknowledged write must then be *accounted for*: it is in the read, or something that had seen it took its
place and is accounted for itself.  And what an acknowledged write had seen must be gone.

Why this raises no false alarm on a correct sloppy-quorum store with versions.  Let D be the versions that
the replicas of the key know of after settling (their clocks), F those that a final read shows.

  * An acknowledged write is durable on W replicas, so it is in D whatever crashed; what crashed before
    its write was durable takes along what the write had replaced only in its own memory.
  * A version leaves the live set of a replica only because of a version whose context covered it.  A
    context is the clock of the reply that the client was shown.  So a version d in D is either live (and
    then in F, or a tombstone, which no read shows) or covered by the context of some e in D.  In that reply,
    d was live, and the client recorded it as seen; or already replaced there by an older e' in D, and
    the same holds for e'.  Contexts get smaller in every step, so in the end some e* in D had *seen* d.
  * Hence from every d in D a chain of writes, each seen by the next, leads to a member of F or to a
    delete.  `covered(F and deletes)` follows these chains backwards.  A write that is not in it was
    dropped.  Links of the chain may be `info`: D may hold them.  They need not be: then they excuse
    nothing, unless they are deletes, about which nobody can tell.
  * If an acknowledged write z had seen v, then z is in D and its context covered v: v is live nowhere,
    unless somebody unlearned z.  A version that shows up again had been resurrected.

A tombstone that is reaped when every replica has it leaves no live version behind; D shrinks, F does not.
When the harness says that the replicas did not settle, a final read may miss what one replica holds.  What
the last look still finds somewhere (or could not, as a node was silent) is then a doubt, not an anomaly.
"""

import msgspec

from checker import phases, replicas
from checker.history import History, Pair
from checker.version_graph import KeyVersions, graph_of, is_final, observes


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """One final read, judged. Versions are places of its key, sets of them integers.

    `present` is what it showed, `lost` what it should have accounted for; `back` pairs each version that
    should be gone with what had replaced it.
    """

    pair: Pair
    present: int
    lost: int
    back: tuple[tuple[int, int], ...]


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """How a key ended: its successful final reads, and what could not be judged because of `doubt`."""

    key: KeyVersions
    readings: tuple[Reading, ...]
    acknowledged: int
    doubt: str = ""


def endings(history: History) -> dict[str, Ending]:
    """The end of every key that a client used, judged once for all checkers, without compiled code."""
    return history.derive(_endings)


def _endings(history: History) -> dict[str, Ending]:
    graph = graph_of(history)
    return {name: ending_of(history, key, graph.operations[name]) for name, key in graph.keys.items()}


def ending_of(history: History, key: KeyVersions, operations: list[Pair]) -> Ending:
    """The end of one key."""
    acknowledged = sum(version.outcome == "ok" for version in key.versions)
    final = [pair for pair in operations if pair[1] is not None and is_final(pair[1]) and observes(pair)]
    readings = tuple(reading_of(key, pair) for pair in final)
    if not readings:
        doubt = no_final_read(key.key) if acknowledged else ""
        return Ending(key=key, readings=(), acknowledged=acknowledged, doubt=doubt)
    if phases.settled(history) is not False:
        return Ending(key=key, readings=readings, acknowledged=acknowledged)
    held = may_still_be_held(history, key)
    certain = tuple(_only_certain(reading, held) for reading in readings)
    doubt = "" if certain == readings else not_settled(key.key)
    return Ending(key=key, readings=certain, acknowledged=acknowledged, doubt=doubt)


def no_final_read(name: str) -> str:
    """The doubt where nobody looked at the end."""
    return f"{name or 'the key'} has no successful final read"


def not_settled(name: str) -> str:
    """The doubt where somebody looked too early."""
    return f"the replicas had not settled when {name} was read last"


def reading_of(key: KeyVersions, pair: Pair) -> Reading:
    """Judge one final read by the definitions above."""
    assert pair[1] is not None
    before = key.acknowledged_before(pair[0].index)
    present = key.mask(pair[1].reads or ())
    covered = key.covered(present | key.deletes)
    lost = before & ~key.deletes & ~covered
    return Reading(pair=pair, present=present, lost=lost, back=tuple(_back(key, present, before)))


def _back(key: KeyVersions, present: int, before: int) -> list[tuple[int, int]]:
    """Members that an acknowledged write had replaced, where that write is not in the read itself.

    Where it is, the two are false siblings (`causal.py`), which says more.  A delete explains best; of
    several writes the first that had seen the version itself.
    """
    found = []
    for at in key.places(key.maximal(present)):
        replaced_by = list(key.places(key.descendants(at) & before & ~(1 << at)))
        if replaced_by:
            rank = {by: (not key.deletes >> by & 1, at not in key.direct[by]) for by in replaced_by}
            found.append((at, min(replaced_by, key=lambda by, rank=rank: rank[by])))  # type: ignore[misc]
    return found


def may_still_be_held(history: History, key: KeyVersions) -> int:
    """The versions that a replica may hold after the end, or something that had seen them.

    None where the replicas had settled.  Only a last look that all nodes answered shows what none holds.
    """
    if phases.settled(history) is not False:
        return 0
    looks = replicas.looks(history)
    if not looks or looks[-1].silent:
        return (1 << len(key.versions)) - 1
    return key.closure(key.mask(looks[-1].kept(key.key)))


def _only_certain(reading: Reading, held: int) -> Reading:
    """Without settling, a read may be old, and prove nothing but the loss of what no node has a trace of."""
    return msgspec.structs.replace(reading, lost=reading.lost & ~held, back=())
