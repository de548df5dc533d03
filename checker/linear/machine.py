"""A model with its states and its operations as small numbers, every step computed once.

Operations that do the same thing (equal function, argument, result and outcome) are one *class*; the search
treats them as interchangeable.  For a user's own model the process and the key belong to the class, since its
`step` may look at them.
"""

from typing import Any

from checker.linear.call import Call, freeze
from checker.linear.custom import Custom
from checker.linear.models import Model

ILLEGAL = -1
"""What `step` says when the operation cannot happen in the state."""


class Machine:
    """States and classes of one model; shared by all its partitions."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.states: list[Any] = []
        self.examples: list[Call] = []
        self.observes: list[bool] = []
        self._state_ids: dict[Any, int] = {}
        self._class_ids: dict[Any, int] = {}
        self._steps: list[dict[int, int]] = []
        self.first = self.state_id(model.init)

    def class_of(self, call: Call) -> int:
        """The class of a call."""
        name: tuple[Any, ...] = (call.f, freeze(call.value), freeze(call.result), call.outcome)
        if isinstance(self.model, Custom):
            name += (call.process, freeze(call.key))
        known = self._class_ids.get(name)
        if known is not None:
            return known
        self._class_ids[name] = len(self.examples)
        self.examples.append(call)
        self.observes.append(self.model.observes(call))
        return len(self.examples) - 1

    def step(self, state: int, kind: int) -> int:
        """The state after an operation of class `kind`, or ILLEGAL."""
        known = self._steps[state].get(kind)
        if known is not None:
            return known
        ok, after = self.model.step(self.states[state], self.examples[kind])
        result = self.state_id(after) if ok else ILLEGAL
        self._steps[state][kind] = result
        return result

    def state_id(self, state: Any) -> int:
        """The number of a state; a new one for a state not seen before."""
        known = self._state_ids.get(state)
        if known is not None:
            return known
        self._state_ids[state] = len(self.states)
        self.states.append(state)
        self._steps.append({})
        return len(self.states) - 1
