"""What the replicas held and when: the observer's looks at all nodes, in order.

A look is not a snapshot (nodes answer at slightly different moments, a node under a fault does not answer
at all), so it proves presence and only suggests absence.  It is the witness of a story ("at 5.0 s only n4
held it, as a hint for n1; by 5.5 s no replica held it") and the whole evidence of convergence.
"""

from collections.abc import Collection
from typing import Any

import msgspec

from checker.history import History
from checker.operation import OBSERVER, ReplicaSample


class Holder(msgspec.Struct, frozen=True):
    """A node that holds a version: as a primary, or as a hint for another node."""

    node: str
    hint_for: str | None = None

    def __str__(self) -> str:
        return self.node if self.hint_for is None else f"{self.node} (as a hint for {self.hint_for})"


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """All nodes at one moment; None for a node that did not answer. `final`: nothing follows."""

    time: int
    index: int
    final: bool
    nodes: dict[str, ReplicaSample | None]

    @property
    def silent(self) -> list[str]:
        """The nodes that did not answer."""
        return [node for node, sample in self.nodes.items() if sample is None]

    def holders(self, key: str, ids: Collection[str]) -> list[Holder]:
        """Who holds one of these versions of the key, primaries before hints."""
        wanted = set(ids)
        primaries, hints = [], []
        for node, sample in self.nodes.items():
            if sample is None:
                continue
            if wanted.intersection(sample.keys.get(key, ())):
                primaries.append(Holder(node))
            for label, held in sample.hinted.items():
                target, _, hinted_key = label.partition("/")
                if hinted_key == key and wanted.intersection(held):
                    hints.append(Holder(node, target))
        return primaries + hints

    def held(self, key: str, nodes: Collection[str] | None = None) -> list[str]:
        """The ids of the key that these nodes (None: all) hold as primaries, each once."""
        found: dict[str, None] = {}
        for node, sample in self.nodes.items():
            if sample is not None and (nodes is None or node in nodes):
                found.update(dict.fromkeys(sample.keys.get(key, ())))
        return list(found)


def looks(history: History) -> list[Look]:
    """All looks of the observer, oldest first."""
    return history.derive(_looks)


def _looks(history: History) -> list[Look]:
    return [
        Look(
            time=operation.time,
            index=operation.index,
            final=operation.final,
            nodes={node: _sample(held) for node, held in operation.value["replicas"].items()},
        )
        for operation in history
        if operation.process == OBSERVER
        and isinstance(operation.value, dict)
        and "replicas" in operation.value
    ]


def _sample(held: Any) -> ReplicaSample | None:
    return None if held is None else msgspec.convert(held, ReplicaSample)
