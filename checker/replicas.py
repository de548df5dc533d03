"""What the replicas held and when: the observer's looks at all nodes, in order.

A look is not a snapshot (nodes answer at slightly different moments, a node under a fault does not answer
at all), so it proves presence and only suggests absence.  It is the witness of a story ("at 5.0 s only n4
held it, as a hint for n1; by 5.5 s no replica held it") and the whole evidence of convergence.

Looks are the largest values of a history: thousands of them, each with all keys.  Of a history in columns
they stay text, and each question decodes what it needs: `brief` the digests, `nodes` everything, `narrowed`
a few keys of all looks.
"""

from collections.abc import Callable, Collection, Iterator
from functools import lru_cache, partial
from typing import Any

import msgspec

from checker.bystanders import entries_of
from checker.history import History
from checker.operation import OBSERVER, ReplicaSample


class Holder(msgspec.Struct, frozen=True):
    """A node that holds a version: as a primary, or as a hint for another node."""

    node: str
    hint_for: str | None = None

    def __str__(self) -> str:
        return self.node if self.hint_for is None else f"{self.node} (as a hint for {self.hint_for})"


class Brief(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a `ReplicaSample` that says whether replicas are equal and at rest."""

    digests: dict[str, str]
    hints: int = 0
    repairs: int = 0


Nodes = dict[str, ReplicaSample | None]
Briefs = dict[str, Brief | None]


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """All nodes at one moment; None for a node that did not answer. `final`: nothing follows."""

    time: int
    index: int
    final: bool
    read: Callable[[], Nodes]
    read_brief: Callable[[], Briefs]

    @property
    def nodes(self) -> Nodes:
        """What each node held."""
        return self.read()

    @property
    def brief(self) -> Briefs:
        """The digests and counts of each node."""
        return self.read_brief()

    @property
    def silent(self) -> list[str]:
        """The nodes that did not answer."""
        return [node for node, sample in self.brief.items() if sample is None]

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

    def kept(self, key: str) -> list[str]:
        """The ids of the key that anybody holds, as a primary or as a hint."""
        hinted = [
            name
            for sample in self.nodes.values()
            for label, held in (sample.hinted.items() if sample is not None else ())
            if label.partition("/")[2] == key
            for name in held
        ]
        return [*self.held(key), *hinted]

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


def narrowed(history: History, keys: Collection[str]) -> list[Look]:
    """The same with nothing but these keys, held in memory. Digests are left out."""
    if history.table is None:
        return looks(history)
    return [_fixed(look, _narrow(text, frozenset(keys))) for look, text in history.derive(_texts)]


def _looks(history: History) -> list[Look]:
    if history.table is not None:
        return [look for look, _ in history.derive(_texts)]
    return [
        _held(operation.time, operation.index, operation.final, _samples(operation.value))
        for operation in entries_of(history, OBSERVER)
        if isinstance(operation.value, dict) and "replicas" in operation.value
    ]


def _held(time: int, index: int, final: bool, nodes: Nodes) -> Look:
    """A look in memory."""
    briefs = {node: None if held is None else _brief(held) for node, held in nodes.items()}
    return Look(time=time, index=index, final=final, read=lambda: nodes, read_brief=lambda: briefs)


def _brief(held: ReplicaSample) -> Brief:
    return Brief(digests=held.digests, hints=held.hints, repairs=held.repairs)


def _fixed(look: Look, nodes: Nodes) -> Look:
    return _held(look.time, look.index, look.final, nodes)


def _samples(value: Any) -> Nodes:
    replicas = value["replicas"].items()
    return {node: None if held is None else msgspec.convert(held, ReplicaSample) for node, held in replicas}


# --- looks that are text ---------------------------------------------------------------------------


class _Full(msgspec.Struct):
    replicas: Nodes


class _Digests(msgspec.Struct):
    replicas: Briefs


class _Named(msgspec.Struct):
    """A node of which every value is left as text."""

    keys: dict[str, msgspec.Raw]
    hinted: dict[str, msgspec.Raw] = {}
    hints: int = 0
    repairs: int = 0


class _Names(msgspec.Struct):
    replicas: dict[str, _Named | None]


class _Any(msgspec.Struct):
    replicas: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_full, _digests = msgspec.json.Decoder(_Full), msgspec.json.Decoder(_Digests)
_names = msgspec.json.Decoder(_Names)
_ids = msgspec.json.Decoder(tuple[str, ...])

Text = Callable[[], bytes]


def _texts(history: History) -> list[tuple[Look, Text]]:
    """The looks of a history in columns, with what gives their text."""
    table = history.table
    assert table is not None
    # A verdict speaks of the last looks, and of each of them several times.
    read = lru_cache(maxsize=4)(_nodes)
    found: list[tuple[Look, Text]] = []
    for row in (table.process == -1 - table.pool.find(OBSERVER)).nonzero()[0].tolist():
        text = partial(_text, history, int(table.value[row]))
        if table.kind[row] == POOLED and _is_look(text()):
            look = Look(
                time=int(table.time[row]),
                index=int(table.indexes[row]),
                final=table.final[row] == 1,
                read=partial(read, text),
                read_brief=partial(_briefs, text),
            )
            found.append((look, text))
    return found


POOLED = 2
"""`checker.table.POOLED`, which needs numpy to be imported."""


def _text(history: History, place: int) -> bytes:
    assert history.table is not None
    pool = history.table.pool
    if place >= pool.read:
        return msgspec.json.encode(pool[place])
    return bytes(pool.text[pool.offsets[place] + 1 : pool.offsets[place + 1]])


def _is_look(text: bytes) -> bool:
    if text.startswith(b'{"replicas":'):
        return True
    return text.startswith(b"{") and msgspec.json.decode(text, type=_Any).replicas is not msgspec.UNSET


def _nodes(text: Text) -> Nodes:
    return _full.decode(text()).replicas


def _briefs(text: Text) -> Briefs:
    return _digests.decode(text()).replicas


def _narrow(text: Text, keys: frozenset[str]) -> Nodes:
    held = _names.decode(text()).replicas
    return {node: None if kept is None else _only(kept, keys) for node, kept in held.items()}


def _only(held: _Named, keys: frozenset[str]) -> ReplicaSample:
    return ReplicaSample(
        keys=dict(_decoded(held.keys, keys.__contains__)),
        digests={},
        hinted=dict(_decoded(held.hinted, lambda label: label.partition("/")[2] in keys)),
        hints=held.hints,
        repairs=held.repairs,
    )


def _decoded(
    held: dict[str, msgspec.Raw], wanted: Callable[[str], bool]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    return ((name, _ids.decode(ids)) for name, ids in held.items() if wanted(name))
