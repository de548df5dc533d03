"""Kill: the process is gone at once, as if the power had failed; healing starts it on its old disk."""

from nemesis.fault import Fault
from nemesis.process import check_targets, prove_silent, verify_answers
from nemesis.steps import Kill as KillNode
from nemesis.steps import Program, Start


class Kill:
    """Kills the fault's targets."""

    name = "kill"
    needs = frozenset({"kill"})

    def inject(self, fault: Fault) -> Program:
        """Kill all targets."""
        check_targets(fault)
        for node in fault.targets:
            yield KillNode(node)

    def prove(self, fault: Fault) -> Program:
        """All targets are dead and do not answer."""
        return prove_silent(fault, "dead")

    def heal(self, fault: Fault) -> Program:
        """Start all targets; a running node is left alone."""
        for node in fault.targets:
            yield Start(node)

    def verify(self, fault: Fault) -> Program:
        """All targets answer again."""
        return verify_answers(fault)

    def recover_all(self, nodes: tuple[str, ...]) -> Program:
        """Start every node that does not run."""
        for node in nodes:
            yield Start(node)
