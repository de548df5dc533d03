"""A user's own model, from `path.py:Name`, and what is said to somebody whose model has a mistake in it.

A mistake is told with the model's file and line, what the model was given, and what is expected of it.
"""

import importlib.util
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from checker.linear.call import Call, freeze
from checker.linear.models import State, Step, _Model
from checker.verdict import Unfit

EXPECTED = "a model needs `init`, the first state, and `step(state, call)`, which returns (ok, next state)"


class Custom(_Model):
    """A user's model, with what it leaves out filled in. Raises Unfit where it makes a mistake."""

    def __init__(self, model: Any, name: str) -> None:
        self._model, self._name = model, name
        for needed in ("init", "step"):
            if not hasattr(model, needed):
                raise ValueError(f"the model {name!r} has no {needed}; {EXPECTED}")
        try:
            self.init = model.init() if callable(model.init) else model.init
        except Exception as error:
            raise ValueError(f"the model {name!r}: its init failed: {_at_fault(error)}") from error
        self._hashable(self.init, "init")
        self.noun = getattr(model, "noun", "state")

    def step(self, state: State, call: Call) -> Step:
        given = f"step was given the state {state!r} and the {call.f} of entry {call.entries[0]}"
        try:
            result = self._model.step(state, call)
        except Exception as error:
            raise Unfit(f"the model {self._name!r} failed: {_at_fault(error)}; {given}") from error
        if not isinstance(result, tuple) or len(result) != 2:
            raise Unfit(f"the model {self._name!r}: step returned {result!r}; {EXPECTED}; {given}")
        self._hashable(result[1], "step")
        return bool(result[0]), result[1]

    def _hashable(self, state: Any, source: str) -> None:
        try:
            hash(state)
        except TypeError:
            fix = "use tuples and frozensets instead of lists, sets and dicts"
            told = f"the state {state!r} of {source} cannot be hashed; {fix}"
            raise Unfit(f"the model {self._name!r}: {told}") from None

    def observes(self, call: Call) -> bool:
        return bool(self._model.observes(call)) if hasattr(self._model, "observes") else False

    def keeps(self, call: Call) -> bool:
        if hasattr(self._model, "keeps"):
            return bool(self._model.keeps(call))
        return call.outcome != "fail"

    def partition(self, calls: list[Call]) -> Iterable[tuple[Any, list[Call]]]:
        if hasattr(self._model, "partition"):
            return [(_common_key(group), group) for group in map(list, self._model.partition(calls))]
        return super().partition(calls)


def _common_key(calls: list[Call]) -> Any:
    """The key by which a user's partition may be known: that of all its calls, if they have one."""
    keys = {freeze(call.key) for call in calls}
    return keys.pop() if len(keys) == 1 else None


def load(name: str, known: Iterable[str], init: Any) -> Custom:
    """The model that `path.py:Name` defines. Raises ValueError; `known` are the names of the others."""
    path, colon, attribute = name.rpartition(":")
    if not colon and name.endswith(".py"):
        raise ValueError(f"the model {name!r}: say which one of that file, as in {name}:Name")
    if not colon or not path.endswith(".py"):
        raise ValueError(f"no model is called {name!r}; there are {', '.join(known)}, or path.py:Name")
    if not Path(path).is_file():
        raise ValueError(f"the model {name!r}: there is no file {path}")
    spec = importlib.util.spec_from_file_location(Path(path).stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ValueError(f"the model {name!r}: {path} cannot be loaded: {_at_fault(error)}") from error
    if not hasattr(module, attribute):
        raise ValueError(f"the model {name!r}: {path} defines no {attribute}")
    found = getattr(module, attribute)
    if isinstance(found, type):
        try:
            found = found() if init is None else found(init)
        except Exception as error:
            raise ValueError(f"the model {name!r} cannot be made: {_at_fault(error)}") from error
    return Custom(found, name)


def _at_fault(error: Exception) -> str:
    """The error and the line of the user's file that it came from."""
    told = f"{type(error).__name__}: {error}"
    if isinstance(error, SyntaxError) or error.__traceback__ is None:
        return told
    here = Path(__file__).name
    frames = [each for each in traceback.extract_tb(error.__traceback__) if Path(each.filename).name != here]
    places = [each for each in frames if not each.filename.startswith("<frozen")]
    return f"{told} ({Path(places[-1].filename).name}, line {places[-1].lineno})" if places else told
