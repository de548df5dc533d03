"""Programs that the tests of every live place run against a cluster of three."""

from typing import Any

from nemesis.steps import Link, Probe, Program, Sleep
from splitbrain.program import Call
from splitbrain.proxy.links import links_of
from workloads.client import Failed, Get, Put

NODES = ("n1", "n2", "n3")
LINKS = links_of(NODES)
MS = 1_000_000
TRIES = 40


def settled(links: frozenset[Link]) -> Program:
    """Probe until exactly these links deliver; links that were broken reconnect with a backoff."""
    delivered: frozenset[Link] = frozenset()
    for _ in range(TRIES):
        delivered = yield Probe(LINKS, 200 * MS)
        if delivered == links:
            break
    return delivered


def retried(node: str, request: Get | Put) -> Program:
    """A request until it succeeds: right after a restart, links are still being made.

    A put whose first try timed out may have happened: its value may then stand there twice, as siblings.
    """
    answer: Any = None
    for _ in range(TRIES):
        answer = yield Call(node, request, 0)
        if not isinstance(answer, Failed):
            break
        yield Sleep(100 * MS)
    return answer
