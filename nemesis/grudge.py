"""From the shape of a partition to the directed links that it cuts.

A grudge says who refuses to hear whom.  All shapes are made for any number of nodes that allows them;
which nodes end up where is drawn.

  halves        two groups, nothing passes between them
  isolate-one   one node against all others
  one-way       what one group sends to the other is lost; the other direction works
  bridge        two groups that cannot hear each other, and one node that hears and reaches both

One-way cuts and bridges are what naive failure detectors get wrong: they take a connection to be
symmetric and reachability to be transitive.
"""

import random
from collections.abc import Iterable

import msgspec

from nemesis.steps import Link

NODES_MIN = {"halves": 2, "isolate-one": 2, "one-way": 2, "bridge": 3}
"""The shapes, and how many nodes each needs."""


class Grudge(msgspec.Struct, frozen=True, kw_only=True):
    """`targets` are the nodes that the cut is about: the smaller side, the senders, the bridge."""

    targets: tuple[str, ...]
    links: tuple[Link, ...]


def shapes_for(nodes: int) -> tuple[str, ...]:
    """The shapes that are possible with so many nodes."""
    return tuple(shape for shape, least in NODES_MIN.items() if nodes >= least)


def draw_grudge(shape: str, nodes: tuple[str, ...], rng: random.Random) -> Grudge:
    """Draw who is on which side. Raises ValueError when the shape is unknown or needs more nodes."""
    if shape not in NODES_MIN:
        raise ValueError(f"unknown partition shape {shape!r}; choose one of {', '.join(NODES_MIN)}")
    if len(nodes) < NODES_MIN[shape]:
        raise ValueError(
            f"a partition of shape {shape} needs {NODES_MIN[shape]} nodes; this cluster has {len(nodes)}"
        )
    drawn = rng.sample(nodes, len(nodes))
    match shape:
        case "halves":
            return _split(drawn, len(drawn) // 2)
        case "isolate-one":
            return _split(drawn, 1)
        case "one-way":
            senders = rng.randint(1, len(drawn) - 1)
            return Grudge(
                targets=tuple(sorted(drawn[:senders])), links=_between(drawn[:senders], drawn[senders:])
            )
        case _:
            bridge, *rest = drawn
            return Grudge(targets=(bridge,), links=_split(rest, len(rest) // 2).links)


def _split(drawn: list[str], smaller: int) -> Grudge:
    """Cut everything between the first few and the rest."""
    left, right = drawn[:smaller], drawn[smaller:]
    links = sorted((*_between(left, right), *_between(right, left)))
    return Grudge(targets=tuple(sorted(left)), links=tuple(links))


def _between(sources: Iterable[str], targets: Iterable[str]) -> tuple[Link, ...]:
    """All directed links from one group to another."""
    receivers = sorted(targets)
    return tuple((source, target) for source in sorted(sources) for target in receivers)
