"""The door to numba: code from nowhere, which no folder can take, is compiled all the same."""

import pytest

from checker import kernel


def test_code_that_cannot_be_cached_is_compiled_without() -> None:
    pytest.importorskip("numba", reason="the extra `scale` is not installed")
    space: dict[str, object] = {}
    exec("def double(x):\n    return 2 * x\n", space)
    double = space["double"]
    assert callable(double)
    assert kernel.njit(double)(21) == 42
