"""What machine code on disk was made from: it is thrown away when any of these files has changed.

Numba looks only at the file of a function.  But what it compiles holds the functions that are called and
the constants that are named, which other files define: code made of two versions of them would give wrong
answers, or write where it must not.
"""

import functools
import re
from pathlib import Path
from typing import Any

IMPORTED = re.compile(r"^\s*(?:from|import) +(checker[\w.]*)(?: +import +(\w+))?", re.MULTILINE)
"""A line that brings in a module of this package; the name after `import` may be a module, too."""

Stamp = tuple[tuple[str, int, int], ...]


def put_on(compiled: Any, module: str) -> None:
    """Let a compiled function of `module` be filed under the stamp of all that the module imports.

    As a part of numba's own version: that is looked at before the rest of the file is read, which may name
    classes that are no more.  The place has no public name; where numba calls it otherwise, what numba looks
    at has to do.
    """
    file: Any = getattr(getattr(compiled, "_cache", None), "_cache_file", None)
    if hasattr(file, "_version") and (stamp := of(module)):
        file._version = f"{file._version} {stamp}"


@functools.cache
def of(module: str) -> Stamp:
    """Name, time of change (ns) and size of a module's file and of all files of this package it imports."""
    seen: dict[str, Path] = {}
    left = [module]
    while left:
        name = left.pop()
        file = _file(name)
        if name in seen or file is None:
            continue
        seen[name] = file
        for package, part in IMPORTED.findall(file.read_text(encoding="utf-8")):
            left += [package, f"{package}.{part}"] if part else [package]
    return tuple((name, *_times(file)) for name, file in sorted(seen.items()))


def _times(file: Path) -> tuple[int, int]:
    status = file.stat()
    return status.st_mtime_ns, status.st_size


@functools.cache
def _file(module: str) -> Path | None:
    """The file of a module of this package; None for anything else (a function of a package, say)."""
    if not module.startswith("checker."):
        return None
    path = Path(__file__).parent.joinpath(*module.split(".")[1:])
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.exists()), None)
