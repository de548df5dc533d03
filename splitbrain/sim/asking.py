"""Clients and administrators on virtual time: one question to one node, and the way there and back.

They reach the nodes beside the links that partitions cut.  A question ends in exactly one way:

  the node answers                                     its answer
  there was no process to connect to                   refused   (definite: nothing was sent)
  the process died before it answered                  lost      (it may have done what was asked)
  nothing until the timeout                            timeout   (it may still do what was asked)

An administrator gets no answer at all in the last three cases, and only when the time is over.
"""

from collections.abc import Callable, Mapping

from splitbrain.mapping import to_client, to_store
from splitbrain.program import Ask, Call
from splitbrain.sim.chooser import Chooser
from splitbrain.sim.machine import Life, Machine
from splitbrain.sim.world import MS, World
from store.messages import AdminReply, AdminRequest, ClientReply, ClientRequest
from workloads.client import Answer, Failed

_DRAWS = 1 << 12
_BASE = MS // 10
_STEP = (MS - _BASE) // _DRAWS

Finish = Callable[[Answer | AdminReply | None], None]


def way_ns(draw: int) -> int:
    """How long one way between a client and a node takes: 0.1 to 1 ms, from a draw below 4096."""
    return _BASE + draw * _STEP


class Question:
    """One question that is under way. `finish` is called once, with the answer."""

    __slots__ = ("_back", "_finish", "_request", "_timed_out", "_world")

    def __init__(
        self, request: ClientRequest | AdminRequest, finish: Finish, timed_out: Failed | None, world: World
    ) -> None:
        """`timed_out` is the answer when there is none; None for an administrator."""
        self._request = request
        self._finish: Finish | None = finish
        self._timed_out = timed_out
        self._world = world
        self._back = 0

    def send(self, life: Life | None, there: int, back: int, timeout: int) -> None:
        """Begin: `there` and `back` are how long the ways take, `timeout` how long to wait at all (ns)."""
        self._back = back
        if life is not None:
            self._world.push(self._world.now + there, self._arrive, life)
        elif self._timed_out is not None:
            refused = Failed("connection-refused", True, "no process listens there")
            self._world.push(self._world.now + there + back, self._end, refused)
        self._world.push(self._world.now + timeout, self._end, self._timed_out)

    def replied(self, reply: ClientReply | AdminReply) -> None:
        """The node answered; the answer is on its way."""
        answer = to_client(reply) if isinstance(reply, ClientReply) else reply
        self._world.push(self._world.now + self._back, self._end, answer)

    def lost(self) -> None:
        """The process died: a client finds its connection closed."""
        if self._timed_out is not None:
            lost = Failed("connection-lost", False, "the node died before it answered")
            self._world.push(self._world.now + self._back, self._end, lost)

    def _arrive(self, life: Life) -> None:
        if not life.alive:
            self.lost()
        elif self._finish is not None:
            life.ask(self._request, self)

    def _end(self, answer: Answer | AdminReply | None) -> None:
        finish, self._finish = self._finish, None
        if finish is not None:
            finish(answer)


class Asking:
    """Sends questions to the machines of a cluster."""

    def __init__(self, world: World, chooser: Chooser, machines: Mapping[str, Machine]) -> None:
        self._world = world
        self._chooser = chooser
        self._machines = machines
        self._asked: dict[str, int] = {}

    def call(self, step: Call, finish: Finish) -> None:
        """A client asks."""
        timed_out = Failed("timeout", False, f"no answer within {step.timeout // MS} ms")
        question = Question(to_store(step.request), finish, timed_out, self._world)
        self._send(question, step.node, f"client-{step.process}", step.timeout)

    def ask(self, step: Ask, finish: Finish) -> None:
        """The harness asks as administrator."""
        self._send(Question(step.request, finish, None, self._world), step.node, "admin", step.timeout)

    def _send(self, question: Question, node: str, who: str, timeout: int) -> None:
        name = f"{who}->{node}"
        number = self._asked[name] = self._asked.get(name, 0) + 1
        ways = self._chooser.stream("way", name)
        there = way_ns(ways.draw(2 * number, _DRAWS))
        back = way_ns(ways.draw(2 * number + 1, _DRAWS))
        question.send(self._machines[node].life, there, back, timeout)
