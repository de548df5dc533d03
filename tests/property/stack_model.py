"""A model as users write them: a stack. It is loaded by its path, not imported."""

from typing import Any


class Stack:
    """`push` v, `pop` -> the newest value, or nil from an empty stack."""

    init = ()

    def step(self, state: Any, call: Any) -> tuple[bool, Any]:
        if call.f == "push":
            return True, (*state, call.value)
        if call.outcome == "info":
            return True, state[:-1]
        return (state[-1] if state else None) == call.result, state[:-1]
