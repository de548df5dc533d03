"""A store of one replica that keeps siblings exactly: what every client operation is held against.

A context is the set of versions that the client was shown; a write replaces those and no others.
"""

import msgspec

from checker.operation import Operation
from workloads.client import Answer, Delete, Done, Get, Put, Request, Values
from workloads.workload import Workload


class PerfectStore:
    """Answers requests at once. `asked` keeps them all."""

    def __init__(self) -> None:
        self.versions: dict[str, dict[int, bytes]] = {}
        self.asked: list[Request] = []
        self._count = 0

    def answer(self, request: Request) -> Answer:
        """Carry a request out."""
        self.asked.append(request)
        held = self.versions.setdefault(request.key, {})
        if isinstance(request, Get):
            return Values(tuple(held.values()), msgspec.json.encode(sorted(held)) if held else b"")
        for version in msgspec.json.decode(request.context or b"[]", type=list[int]):
            held.pop(version, None)
        if isinstance(request, Put):
            self._count += 1
            held[self._count] = request.value
        elif isinstance(request, Delete):
            assert request.context
        return Done()


def perform(
    workload: Workload,
    invocation: Operation,
    store: PerfectStore,
    replies: dict[type[Request], Answer] | None = None,
) -> Operation:
    """Carry an operation out; `replies` are given instead of what the store would answer."""
    client = workload.perform(invocation)
    answer: Answer | None = None
    while True:
        try:
            request = next(client) if answer is None else client.send(answer)
        except StopIteration as stop:
            completion: Operation = stop.value
            return completion
        given = (replies or {}).get(type(request))
        answer = store.answer(request) if given is None else given
