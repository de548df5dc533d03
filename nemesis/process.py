"""What kills and pauses have in common: how it is seen that a process does not do anything.

The place looks at the process from outside, and the node's admin interface is asked from the harness,
not over the links that a partition may have cut.
"""

from nemesis.fault import Fault, Proof
from nemesis.steps import Inspect, NodeState, Program, Responds, Sleep

ANSWER_WAIT = 200_000_000
"""A node that is alive answers the harness much sooner than in 200 ms."""

HEAL_TRIES = 4
HEAL_PAUSE = 250_000_000


def prove_silent(fault: Fault, expected: NodeState) -> Program:
    """Every target is in the expected state and does not answer. Returns a Proof."""
    for node in fault.targets:
        state: NodeState = yield Inspect(node)
        if state != expected:
            return Proof(bit=False, how=f"{node} is {state}, expected {expected}")
        if (yield Responds(node, ANSWER_WAIT)):
            return Proof(bit=False, how=f"{node} still answers although it is {expected}")
    names = ", ".join(fault.targets)
    return Proof(bit=True, how=f"{expected} and without an answer: {names}")


def verify_answers(fault: Fault) -> Program:
    """Every target runs and answers again. Returns a Proof whose `bit` is true if one does not."""
    for node in fault.targets:
        for attempt in range(HEAL_TRIES):
            if attempt:
                yield Sleep(HEAL_PAUSE)
            state: NodeState = yield Inspect(node)
            if state == "running" and (yield Responds(node)):
                break
        else:
            return Proof(bit=True, how=f"{node} is {state} and does not answer")
    return Proof(bit=False, how=f"running and answering: {', '.join(fault.targets)}")


def check_targets(fault: Fault) -> None:
    """Raise ValueError when the fault is about nobody."""
    if not fault.targets:
        raise ValueError(f"fault {fault.id}: a {fault.kind} needs at least one node as target")
