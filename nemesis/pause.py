"""Pause: the process stops in the middle of whatever it does, and later goes on as if nothing had been.

To everybody else a paused node looks like a slow one: connections stay open, nothing is refused, and
when it resumes it answers requests that everybody has given up, with a clock that has moved on.
"""

from nemesis.fault import Fault
from nemesis.process import check_targets, prove_silent, verify_answers
from nemesis.steps import Pause as PauseNode
from nemesis.steps import Program, Resume


class Pause:
    """Pauses the fault's targets."""

    name = "pause"
    needs = frozenset({"pause"})

    def inject(self, fault: Fault) -> Program:
        """Pause all targets."""
        check_targets(fault)
        for node in fault.targets:
            yield PauseNode(node)

    def prove(self, fault: Fault) -> Program:
        """All targets are paused and do not answer."""
        return prove_silent(fault, "paused")

    def heal(self, fault: Fault) -> Program:
        """Resume all targets; a running node is left alone."""
        for node in fault.targets:
            yield Resume(node)

    def verify(self, fault: Fault) -> Program:
        """All targets answer again."""
        return verify_answers(fault)

    def recover_all(self, nodes: tuple[str, ...]) -> Program:
        """Resume every node."""
        for node in nodes:
            yield Resume(node)
