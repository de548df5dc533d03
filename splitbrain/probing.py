"""Proofs by traffic, as programs for every place: does a link deliver, does a node answer?

A probe is an ordinary message over the ordinary link of a node, told apart by its nonce.  The harness asks
the source's admin interface to send it and the target's whether it came: no counter of a proxy and no flag
of the simulator is taken as proof of anything.
"""

from collections.abc import Iterator

from nemesis.steps import Clock, Link, Program, Sleep
from splitbrain.program import Ask, Handle, Myself, Post, Receive, Spawn
from store.messages import AdminReply, AdminRequest, HeardProbes, ProbesReply, SendProbe, Status, StatusReply

LOOKS = 4
"""How often within the wait the targets are asked what has come: a link that works is proved soon."""


def probe(links: tuple[Link, ...], wait: int, nonces: Iterator[int]) -> Program:
    """Send a probe over each link; returns the frozenset of the links that delivered within `wait` ns.

    `nonces` gives numbers that were never used before in this cluster.  Run it as a program of its own: it
    reads its mailbox.
    """
    began: int = yield Clock()
    sent = {link: next(nonces) for link in links}
    asked = yield from _ask_all([(a, SendProbe(b, sent[a, b])) for a, b in links], wait)
    awaited = {
        link: sent[link]
        for link, reply in zip(links, asked, strict=True)
        if isinstance(reply, ProbesReply) and sent[link] in reply.nonces
    }
    delivered: set[Link] = set()
    missing = list(awaited)
    over = False
    while missing and not over:
        yield Sleep(wait // LOOKS)
        now: int = yield Clock()
        over = now >= began + wait
        heard = yield from _heard(tuple(dict.fromkeys(target for _, target in missing)), wait)
        delivered |= {link for link in missing if awaited[link] in heard[link[1]]}
        missing = [link for link in missing if link not in delivered]
    return frozenset(delivered)


def responds(node: str, wait: int) -> Program:
    """Returns whether the node's admin interface answers within `wait` ns."""
    reply = yield Ask(node, Status(), wait)
    return isinstance(reply, StatusReply)


def _heard(targets: tuple[str, ...], wait: int) -> Program:
    """Target -> nonces that it has heard; none for a target that does not answer."""
    replies = yield from _ask_all([(target, HeardProbes()) for target in targets], wait)
    return {
        target: frozenset(reply.nonces) if isinstance(reply, ProbesReply) else frozenset()
        for target, reply in zip(targets, replies, strict=True)
    }


def _ask_all(questions: list[tuple[str, AdminRequest]], timeout: int) -> Program:
    """Ask all at once. Returns the replies (None: no answer) in the order of the questions."""
    myself: Handle = yield Myself()
    replies: dict[int, AdminReply | None] = {}
    for number, (node, request) in enumerate(questions):
        yield Spawn(_ask(number, Ask(node, request, timeout), myself))
    while len(replies) < len(questions):
        number, reply = yield Receive()
        replies[number] = reply
    return [replies[number] for number in range(len(questions))]


def _ask(number: int, question: Ask, report_to: Handle) -> Program:
    reply = yield question
    yield Post(report_to, (number, reply))
