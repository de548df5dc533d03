"""The door to numba: code from nowhere, which no folder can take, is compiled all the same."""

import importlib
import pickle
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from checker import kernel, stamp


def test_code_that_cannot_be_cached_is_compiled_without() -> None:
    pytest.importorskip("numba", reason="the extra `scale` is not installed")
    space: dict[str, object] = {}
    exec("def double(x):\n    return 2 * x\n", space)
    double = space["double"]
    assert callable(double)
    assert kernel.njit(double)(21) == 42


def test_a_stamp_names_the_module_and_all_of_the_package_that_it_imports() -> None:
    names = {name for name, _, _ in stamp.of("checker.linear.kernel_guesses")}
    assert names >= {"checker.kernel", *(f"checker.linear.kernel_{part}" for part in ("search", "schedule"))}
    assert stamp.of("json") == ()


def test_a_stamp_changes_with_a_file_that_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    before = stamp.of("checker.linear.kernel_guesses")
    times = stamp._times

    def later(file: Path) -> tuple[int, int]:
        changed, size = times(file)
        return changed + (file.name == "kernel_search.py"), size

    monkeypatch.setattr(stamp, "_times", later)
    stamp.of.cache_clear()
    after = stamp.of("checker.linear.kernel_guesses")
    stamp.of.cache_clear()
    assert [name for old, (name, *new) in zip(before, after, strict=True) if old != (name, *new)] == [
        "checker.linear.kernel_search"
    ]


@pytest.mark.parametrize(
    ("module", "name"), [("linear.kernel_guesses", "search"), ("formats.compiled.scan", "scan")]
)
def test_machine_code_is_filed_under_its_stamp(module: str, name: str) -> None:
    pytest.importorskip("numba", reason="the extra `scale` is not installed")
    compiled: Any = getattr(importlib.import_module(f"checker.{module}"), name)
    assert str(stamp.of(f"checker.{module}")) in compiled._cache._cache_file._version


def test_what_was_filed_under_another_stamp_is_not_looked_into(tmp_path: Path) -> None:
    """It may name classes that are no more."""
    caching = pytest.importorskip("numba.core.caching", reason="the extra `scale` is not installed")
    file = caching.IndexDataCacheFile(str(tmp_path), "kernel", ("numba's own stamp",))
    with open(file._index_path, "wb") as index:
        pickle.dump(file._version, index, protocol=-1)
        index.write(pickle.dumps((file._source_stamp, {}))[:-8] + b"nothing")
    with pytest.raises(pickle.UnpicklingError):
        file._load_index()
    stamp.put_on(SimpleNamespace(_cache=SimpleNamespace(_cache_file=file)), "checker.kernel")
    assert file._load_index() == {}
