"""A model of a place: carries out the nemesis's steps on made-up time, and can be broken on purpose.

Nodes are running, paused or dead; links are open or cut.  `flaws` names what this place does wrong, so
that tests can show that proofs notice: `cut`, `kill`, `pause`, `mend`, `start` and `resume` do nothing,
`probe` never delivers anything, `ghost` answers for the dead.
"""

from collections.abc import Iterable
from typing import Any

from nemesis.steps import (
    Clock,
    Cut,
    Inspect,
    Kill,
    Link,
    Mend,
    MendAll,
    NodeState,
    Pause,
    Probe,
    Program,
    Responds,
    Resume,
    Sleep,
    Start,
    Step,
)


class ModelPlace:
    """`now` is in ns; `steps` keeps everything that was asked. `flaws` may be changed while it runs."""

    def __init__(self, nodes: tuple[str, ...], flaws: Iterable[str] = ()) -> None:
        self.nodes = nodes
        self.flaws = set(flaws)
        self.states: dict[str, NodeState] = dict.fromkeys(nodes, "running")
        self.cut: dict[Link, str] = {}
        self.now = 0
        self.steps: list[Step] = []

    def run(self, program: Program) -> Any:
        """Execute a program and return its result."""
        answer: Any = None
        while True:
            try:
                step = program.send(answer)
            except StopIteration as stop:
                return stop.value
            self.steps.append(step)
            answer = self.carry_out(step)

    def carry_out(self, step: Step) -> Any:
        """Do one step, with the place's flaws, and return the answer."""
        match step:
            case Sleep(duration=duration):
                assert duration > 0
                self.now += duration
            case Clock():
                return self.now
            case Cut(links=links, mode=mode) if "cut" not in self.flaws:
                self.cut |= dict.fromkeys(links, mode)
            case Mend(links=links) if "mend" not in self.flaws:
                self.cut = {link: mode for link, mode in self.cut.items() if link not in links}
            case MendAll():
                self.cut = {}
            case Probe(links=links, wait=wait):
                self.now += wait
                return frozenset(link for link in links if self._delivers(link))
            case Inspect(node=node):
                return self.states[node]
            case Responds(node=node, wait=wait):
                answers = self.states[node] == "running" or "ghost" in self.flaws
                self.now += 0 if answers else wait
                return answers
            case _:
                self._process(step)
        return None

    def _process(self, step: Step) -> None:
        match step:
            case Kill(node=node) if "kill" not in self.flaws:
                self.states[node] = "dead"
            case Pause(node=node) if "pause" not in self.flaws:
                assert self.states[node] == "running"
                self.states[node] = "paused"
            case Start(node=node) if self.states[node] == "dead" and "start" not in self.flaws:
                self.states[node] = "running"
                self.now += 300_000_000
            case Resume(node=node) if self.states[node] == "paused" and "resume" not in self.flaws:
                self.states[node] = "running"

    def _delivers(self, link: Link) -> bool:
        alive = all(self.states[node] == "running" for node in link)
        return alive and link not in self.cut and "probe" not in self.flaws
