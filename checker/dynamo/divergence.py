"""How many keys differ between their primaries, look by look.

Most keys of most looks are equal.  Two counts tell which may not be: a key with more than one digest among
the nodes that list it, and a key that is listed by more or fewer nodes than must hold it.  Only these are
compared node by node.

Who must hold a key is known for certain after the last look (all that ever listed it), unless the caller
knows the ring.  Looks from before the last new holder are therefore counted again.

Cost: linear in what the looks hold; in memory, one look at a time.
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from checker.replicas import Briefs, Look

Primaries = dict[str, tuple[str, ...]]
"""Key -> the nodes that must hold it."""

Held = dict[str, dict[str, str]]
"""Node that answered -> key -> digest."""


class Counted(NamedTuple):
    """Per look: keys that differ, hints, nodes that were silent. `repairs` are all that were received.

    A node that starts anew counts its repairs from zero.
    """

    different: list[int]
    hints: list[int]
    silent: list[int]
    repairs: int
    primaries: Primaries


def counted(looks: Sequence[Look], known: dict[str, list[str]]) -> Counted:
    """All looks; `known` are the primaries of keys where the caller knows the ring."""
    ring = Ring(known)
    different, hints, silent = [], [], []
    repairs, last, unsure = 0, dict[str, int](), 0
    for number, look in enumerate(looks):
        brief = look.brief
        held = digests(brief)
        if ring.learn(held):
            unsure = number
        different.append(len(ring.different(held)))
        hints.append(sum(sample.hints for sample in brief.values() if sample is not None))
        silent.append(len(brief) - len(held))
        for node, sample in brief.items():
            if sample is not None:
                before = last.get(node, 0)
                repairs += sample.repairs - before if sample.repairs >= before else sample.repairs
                last[node] = sample.repairs
    for number in range(unsure):
        different[number] = len(ring.different(digests(looks[number].brief)))
    return Counted(different, hints, silent, repairs, ring.primaries)


def digests(brief: Briefs) -> Held:
    """What the nodes that answered hold."""
    return {node: sample.digests for node, sample in brief.items() if sample is not None}


class Ring:
    """Which nodes must hold which key, as far as it is known by now."""

    def __init__(self, known: dict[str, list[str]]) -> None:
        self._known = {key: tuple(nodes) for key, nodes in known.items()}
        self._listed: dict[str, set[str]] = {}
        self._must: dict[str, frozenset[str]] = {}
        self._sizes: dict[frozenset[str], dict[str, int]] = {}
        self._foreign: dict[str, set[str]] = {}

    @property
    def primaries(self) -> Primaries:
        """For every key that was ever held the nodes that must hold it in the end."""
        return {
            key: self._known[key] if key in self._known else tuple(sorted(nodes))
            for key, nodes in sorted(self._must.items())
        }

    def learn(self, held: Held) -> bool:
        """Take note of who lists what. Was anything new?"""
        news = False
        for node, keys in held.items():
            listed = self._listed.setdefault(node, set())
            if not keys.keys() <= listed:
                for key in keys.keys() - listed:
                    self._must[key] = self._must.get(key, frozenset()) | {node}
                listed.update(keys)
                news = True
        if news:
            self._sizes.clear()
            self._must |= {key: frozenset(self._known[key]) for key in self._must.keys() & self._known.keys()}
            # What a node lists that is none of its keys would upset the counts.
            must = self._must
            self._foreign = {
                node: {key for key in keys if node not in must[key]} for node, keys in self._listed.items()
            }
        return news

    def different(self, held: Held) -> list[str]:
        """The keys whose primaries hold something different. Nodes that did not answer are left out."""
        listing, first, odd = Counter[str](), dict[str, str](), set[str]()
        for keys in held.values():
            listing.update(keys.keys())
            odd.update([key for key, digest in keys.items() if first.setdefault(key, digest) != digest])
        sizes = self._expected(frozenset(held))
        odd |= {key for key, count in listing.items() if count != sizes[key]}
        odd |= {key for node in held for key in held[node].keys() & self._foreign.get(node, set())}
        return sorted(key for key in odd if self._differs(key, held))

    def _differs(self, key: str, held: Held) -> bool:
        return len({held[node].get(key) for node in self._must[key] if node in held}) > 1

    def _expected(self, answered: frozenset[str]) -> dict[str, int]:
        """How many of these nodes must hold each key."""
        if answered not in self._sizes:
            self._sizes[answered] = {key: len(nodes & answered) for key, nodes in self._must.items()}
        return self._sizes[answered]
