"""A key-value store as far as its history shows it: values that no `get` can tell apart are one state.

A value that is not the beginning of anything that was read stays so whatever is appended: only a `put` leads
out of it. Without this every order of a few appends makes a value of its own.
"""

import enum
from bisect import bisect_left
from typing import Any

from checker.linear.call import Call, freeze
from checker.linear.models import KeyValue, Model, Step


class Unseen(enum.Enum):
    """The state that stands for all values of which no `get` shows the beginning."""

    VALUE = "a value that no get returned"


UNSEEN = Unseen.VALUE


class ShownValue(KeyValue):
    """The store of one partition."""

    def __init__(self, init: Any, calls: list[Call]) -> None:
        super().__init__(init)
        self._results = sorted({freeze(call.result) for call in calls if call.f == "get"})
        self.init = self._known(self.init)

    def step(self, state: Any, call: Call) -> Step:
        if call.f == "append" and state is UNSEEN:
            return True, UNSEEN
        ok, after = super().step(state, call)
        return ok, self._known(after)

    def _known(self, value: Any) -> Any:
        if value is UNSEEN:
            return UNSEEN
        at = bisect_left(self._results, value)
        return value if at < len(self._results) and self._results[at].startswith(value) else UNSEEN


def narrowed(model: Model, calls: list[Call]) -> Model:
    """The model to search one partition with; a smaller one where there is one."""
    if type(model) is not KeyValue:
        return model
    texts = [call.result if call.f == "get" else call.value for call in calls]
    return ShownValue(model.init, calls) if all(isinstance(text, str) for text in texts) else model
