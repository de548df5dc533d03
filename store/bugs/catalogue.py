"""Finds bug seeds: those of this package by their id, anybody's own by the path of the file.

A seed is a module with four strings, `ID`, `TITLE`, `SOURCE` and `BREAKS` (the guarantee that is gone),
and a function `apply(policies) -> policies`.  docs/bug-seeds.md is the manual.

Rules of this file
  1. A seed is tried when it is loaded: a mistake in it is reported before anything has been started.
  2. Whatever is wrong with a seed becomes a BugError that says what to change.
  3. Seeds of the catalogue are found by listing the package. There is no list to forget.
"""

import inspect
import pkgutil
import sys
from collections.abc import Callable
from hashlib import blake2b
from importlib import import_module, util
from importlib.machinery import SourceFileLoader
from types import ModuleType

import msgspec

import store.bugs
from store.policies import DEFAULT, Policies

STRINGS = ("ID", "TITLE", "SOURCE", "BREAKS")
"""What a seed must say about itself."""

MANUAL = "see docs/bug-seeds.md"


class BugError(ValueError):
    """There is no such bug seed, or it is not one. The message says what to change."""


class Bug(msgspec.Struct, frozen=True, kw_only=True):
    """A bug that can be planted. `breaks` is the guarantee that is gone; `path` is the absolute path."""

    id: str
    title: str
    source: str
    breaks: str
    apply: Callable[[Policies], Policies]
    path: str


def load(name_or_path: str) -> Bug:
    """The bug with this id (in any case), or in this `.py` file. BugError: there is none, or it is broken."""
    if name_or_path.endswith(".py") or "/" in name_or_path:
        return _bug(_run_file(name_or_path))
    bugs = {bug.id.upper(): bug for bug in known()}
    found = bugs.get(name_or_path.upper())
    if found is None:
        choice = ", ".join(bugs)
        raise BugError(
            f"there is no bug {name_or_path!r}; choose {choice}, or the path of a .py file ({MANUAL})"
        )
    return found


def known() -> tuple[Bug, ...]:
    """The catalogue, sorted by id."""
    names = sorted(module.name for module in pkgutil.iter_modules(store.bugs.__path__))
    modules = [import_module(f"store.bugs.{name}") for name in names if name != "catalogue"]
    return tuple(sorted(map(_bug, modules), key=lambda bug: bug.id))


def _run_file(path: str) -> ModuleType:
    """Run a seed from outside. No byte code is cached: it is edited and tried again within a second."""
    if not path.endswith(".py"):
        raise BugError(f"{path} is not a bug seed: that is a .py file ({MANUAL})")
    name = f"splitbrain_bug_{blake2b(path.encode(), digest_size=8).hexdigest()}"
    loader = SourceFileLoader(name, path)
    spec = util.spec_from_file_location(name, path, loader=loader)
    assert spec is not None, "a loader was given"
    module = util.module_from_spec(spec)
    try:
        code = loader.source_to_code(loader.get_data(path), path)
        # Classes of the seed look their own module up by name (dataclasses do), so it must be there.
        sys.modules[name] = module
        exec(code, module.__dict__)
    except OSError as error:
        raise BugError(f"cannot read the bug seed {path}: {error.strerror}; check the path") from error
    except Exception as error:
        raise BugError(f"the bug seed {path} does not run: {_told(error)}; correct it") from error
    return module


def _bug(module: ModuleType) -> Bug:
    path = str(module.__file__)
    missing = [name for name in (*STRINGS, "apply") if not hasattr(module, name)]
    if missing:
        raise BugError(f"{path} is not a bug seed: it lacks {', '.join(missing)} ({MANUAL})")
    for name in STRINGS:
        value = getattr(module, name)
        if not isinstance(value, str) or not value.strip():
            raise BugError(f"{name} of {path} must be a text, not {value!r} ({MANUAL})")
    if not callable(module.apply):
        raise BugError(f"apply of {path} must be a function, not {module.apply!r} ({MANUAL})")
    _try(module.apply, path)
    return Bug(
        id=module.ID,
        title=module.TITLE,
        source=module.SOURCE,
        breaks=module.BREAKS,
        apply=module.apply,
        path=path,
    )


def _try(apply: Callable[[Policies], Policies], path: str) -> None:
    """Apply the seed to the default policies and see that the node could use what comes out."""
    try:
        changed = apply(DEFAULT)
    except Exception as error:
        raise BugError(f"apply(policies) of {path} fails: {_told(error)}; correct it ({MANUAL})") from error
    if not isinstance(changed, Policies):
        kind = type(changed).__name__
        raise BugError(
            f"apply(policies) of {path} returns {kind}, not policies; "
            f"return msgspec.structs.replace(policies, ...) ({MANUAL})"
        )
    for name in Policies.__struct_fields__:
        _fits(name, getattr(changed, name), path)


def _fits(name: str, policy: Callable[..., object], path: str) -> None:
    if not callable(policy):
        raise BugError(f"the policy {name} of {path} must be a function, not {policy!r} ({MANUAL})")
    wanted = list(inspect.signature(getattr(DEFAULT, name)).parameters)
    try:
        inspect.signature(policy).bind(*wanted)
    except TypeError as error:
        raise BugError(
            f"the policy {name} of {path} must take ({', '.join(wanted)}), but {error} ({MANUAL})"
        ) from None


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
