"""What one observation of a Dynamo store says about the writes before it.

An observation (a read, or the read in a read-modify-write) *accounts for* what it shows, for all that had
been seen by what it shows, and for all that had been seen by a delete that was invoked before it ended (it
may have seen the effect of such a delete as an absence).  Against that each checker holds its demands:

  missed     writes (no deletes) that were acknowledged before it began and are not accounted for
  deleted    versions shown although a delete that had seen them was acknowledged before it began
  forgotten  versions that the same client was shown before, in the same key, and that are not accounted for
  unread     writes that the same client had acknowledged before, and that are not accounted for
  concurrent siblings that no other sibling had seen; any further one is false

A version whose reads are not recorded (its client vanished) may have replaced anything: an observation that
accounts for one is `doubtful`, and proves none of these but the last.

Two ways to the same answers: sets as Python's integers here, and `sweep.py` for large histories, where numba
is installed (`scale.py`, `evidence.py`).
"""

from collections.abc import Iterator

import msgspec

from checker.history import History, Pair
from checker.operation import Operation
from checker.version_graph import KeyVersions, Version, graph_of, is_final, observes


class Sight(msgspec.Struct, frozen=True, kw_only=True):
    """One observation. Versions are places in `KeyVersions.versions`, -1 is none.

    `missed` counts, `oldest` is the missed write that was acknowledged first; `deleted`, `forgotten` and
    `unread` are the first of each in order of invocation.  `suspect`: it shows something that no observation
    of a correct store shows, and `causal.py` says what.
    """

    pair: Pair
    shown: int
    concurrent: int
    missed: int = 0
    oldest: int = -1
    deleted: int = -1
    forgotten: int = -1
    unread: int = -1
    doubtful: bool = False
    suspect: bool = False

    @property
    def invocation(self) -> Operation:
        """When it began, and who asked."""
        return self.pair[0]

    @property
    def completion(self) -> Operation:
        """When it ended, with what it showed."""
        assert self.pair[1] is not None
        return self.pair[1]

    @property
    def final(self) -> bool:
        """Is it a read after healing and settling?"""
        return is_final(self.completion)


Sights = dict[str, list[Sight]]
"""The observations of each key in order of invocation."""


def sights_of(history: History) -> Sights:
    """All observations, judged once for all checkers, without compiled code."""
    return history.derive(_sights)


def _sights(history: History) -> Sights:
    graph = graph_of(history)
    return {name: key_sights(key, graph.operations[name]) for name, key in graph.keys.items()}


def key_sights(key: KeyVersions, operations: list[Pair]) -> list[Sight]:
    """The observations of one key, in one pass over its entries in the order of the history."""
    pass_over = _Pass(key)
    entries = [(i.index, False, (i, c)) for i, c in operations]
    entries += [(c.index, True, (i, c)) for i, c in operations if c is not None]
    for _, completed, pair in sorted(entries, key=lambda entry: entry[:2]):
        if completed:
            pass_over.end(pair)
        else:
            pass_over.begin(pair)
    return sorted(pass_over.found, key=lambda sight: sight.invocation.index)


class _Pass:
    """The sets that grow while time goes by."""

    def __init__(self, key: KeyVersions) -> None:
        self.key = key
        self.found: list[Sight] = []
        self.acknowledged = self.deleted = self.hidden = 0
        self.shown_to: dict[int | str, int] = {}
        self.own: dict[int | str, int] = {}
        self.at_invocation: dict[int, tuple[int, int]] = {}

    def begin(self, pair: Pair) -> None:
        """Remember what was acknowledged; what a delete had seen may be absent from here on."""
        self.at_invocation[pair[0].index] = (self.acknowledged, self.deleted)
        version = self._written(pair)
        if version is not None and version.is_delete:
            self.hidden |= self.key.behind(version.at) | version.bit

    def end(self, pair: Pair) -> None:
        """Judge what was seen, then count what was acknowledged."""
        if observes(pair):
            self.found.append(self._judged(pair))
        version, process = self._written(pair), pair[0].process
        if version is None or version.outcome != "ok":
            return
        if version.is_delete:
            self.deleted |= self.key.behind(version.at)
        else:
            self.acknowledged |= version.bit
            self.own[process] = self.own.get(process, 0) | version.bit

    def _written(self, pair: Pair) -> Version | None:
        return self.key.find(pair[0].write) if pair[0].write is not None else None

    def _judged(self, pair: Pair) -> Sight:
        key, process = self.key, pair[0].process
        assert pair[1] is not None
        reads = pair[1].reads or ()
        acknowledged, deleted = self.at_invocation[pair[0].index]
        shown = key.mask(reads)
        accounted = key.closure(shown) | self.hidden
        missed = list(key.members(acknowledged & ~accounted))
        before = self.shown_to.get(process, 0)
        self.shown_to[process] = before | shown
        return Sight(
            pair=pair,
            shown=len(reads),
            concurrent=concurrent(key, reads, shown),
            missed=len(missed),
            oldest=min(missed, key=_acknowledged_at).at if missed else -1,
            deleted=_first(shown & deleted),
            forgotten=_first(before & ~accounted),
            unread=_first(self.own.get(process, 0) & ~accounted),
            doubtful=bool(accounted & key.unknown),
            suspect=suspect(key, pair, shown),
        )


def concurrent(key: KeyVersions, reads: tuple[str, ...], shown: int) -> int:
    """Siblings that no other one had seen. Each id that nobody wrote counts as a sibling of its own."""
    unwritten = len({name for name in reads if name not in key.place})
    return key.maximal(shown).bit_count() + unwritten


def suspect(key: KeyVersions, pair: Pair, shown: int) -> bool:
    """Does it show a phantom, a duplicate or a false sibling? Never false when it does."""
    assert pair[1] is not None
    reads = pair[1].reads or ()
    if concurrent(key, reads, shown) < len(reads):
        return True
    return any(_impossible(key.find(name), pair) for name in reads)


def _impossible(version: Version | None, pair: Pair) -> bool:
    assert pair[1] is not None
    return (
        version is None
        or version.invocation is pair[0]
        or version.invocation.index > pair[1].index
        or version.outcome == "fail"
        or version.is_delete
    )


def _acknowledged_at(version: Version) -> int:
    assert version.completion is not None
    return version.completion.index


def _first(mask: int) -> int:
    return (mask & -mask).bit_length() - 1


def judged(sights: list[Sight]) -> Iterator[Sight]:
    """The observations before the end that prove something."""
    return (sight for sight in sights if not sight.final and not sight.doubtful)
