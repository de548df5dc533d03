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
from checker.dynamo import scale
from checker.history import History
from checker.operation import Operation
from checker.version_graph import KeyVersions, Version, graph_of


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """One final read, judged. `present` is the set that it showed.

    `back` pairs each version that should be gone with what had replaced it.
    """

    invocation: Operation
    completion: Operation
    present: int
    lost: tuple[Version, ...]
    back: tuple[tuple[Version, Version], ...]


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """How a key ended: its successful final reads, and what could not be judged because of `doubt`."""

    key: KeyVersions
    readings: tuple[Reading, ...]
    acknowledged: int
    doubt: str = ""


def endings(history: History) -> dict[str, Ending]:
    """The end of every key that a client used, judged once for all checkers."""
    return history.derive(_endings)


def _endings(history: History) -> dict[str, Ending]:
    graph = graph_of(history)
    return {name: _ending(history, name, key) for name, key in graph.keys.items()}


def _ending(history: History, name: str, key: KeyVersions) -> Ending:
    acknowledged = sum(version.outcome == "ok" for version in key.versions)
    readings = [
        _reading(history, key, invocation, completion)
        for invocation, completion in graph_of(history).operations[name]
        if completion is not None and is_final(completion) and completion.reads is not None
    ]
    if not readings:
        doubt = f"{name or 'the key'} has no successful final read" if acknowledged else ""
        return Ending(key=key, readings=(), acknowledged=acknowledged, doubt=doubt)
    if phases.settled(history) is not False:
        return Ending(key=key, readings=tuple(readings), acknowledged=acknowledged)
    certain = [_only_certain(history, key, reading) for reading in readings]
    doubt = "" if certain == readings else f"the replicas had not settled when {name} was read last"
    return Ending(key=key, readings=tuple(certain), acknowledged=acknowledged, doubt=doubt)


def is_final(completion: Operation) -> bool:
    """A successful read after healing and settling."""
    return completion.final and completion.type == "ok" and completion.write is None


def _clean(history: History) -> set[int]:
    """Final reads that compiled code has found in order. Empty for small histories: nobody has looked."""
    if not scale.compiled(history):
        return set()
    from checker.dynamo import ending

    return ending.clean(history)


def _reading(history: History, key: KeyVersions, invocation: Operation, completion: Operation) -> Reading:
    if completion.index in history.derive(_clean):
        present = key.mask(completion.reads or ())
        return Reading(invocation=invocation, completion=completion, present=present, lost=(), back=())
    before = [v for v in key.versions if v.acknowledged_before(invocation)]
    present = key.mask(completion.reads or ())
    covered = key.covered(present | key.deletes)
    return Reading(
        invocation=invocation,
        completion=completion,
        present=present,
        lost=tuple(key.members(key.mask(v.id for v in before if not v.is_delete) & ~covered)),
        back=tuple(_back(key, present, before)),
    )


def _back(key: KeyVersions, present: int, before: list[Version]) -> list[tuple[Version, Version]]:
    """Members that an acknowledged write had replaced, where that write is not in the read itself.

    Where it is, the two are false siblings (`causal.py`), which says more.  A delete explains best; of
    several writes the first that had seen the version itself.
    """
    found = []
    acknowledged = key.mask(version.id for version in before)
    for version in key.members(key.maximal(present)):
        replaced_by = list(key.members(key.descendants(version) & acknowledged & ~version.bit))
        if replaced_by:
            rank = {False: 1, True: 0}
            found.append(
                (
                    version,
                    min(replaced_by, key=lambda z: (rank[z.is_delete], version.id not in (z.reads or ()))),
                )
            )
    return found


def may_still_be_held(history: History, key: KeyVersions, version: Version) -> bool:
    """Did the replicas not settle, and may one of them still hold the version, or one that had seen it?

    Only a look that all nodes answered shows that none does.
    """
    if phases.settled(history) is not False:
        return False
    looks = replicas.looks(history)
    if not looks or looks[-1].silent:
        return True
    carriers = [carrier.id for carrier in key.members(key.descendants(version))]
    return bool(looks[-1].holders(key.key, carriers))


def _only_certain(history: History, key: KeyVersions, reading: Reading) -> Reading:
    """Without settling, a read may be old, and prove nothing but the loss of what no node has a trace of."""
    lost = tuple(version for version in reading.lost if not may_still_be_held(history, key, version))
    return msgspec.structs.replace(reading, lost=lost, back=())
