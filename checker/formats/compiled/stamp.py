"""Machine code on disk that is thrown away when any file of this package has changed.

Numba looks only at the file of a function, but what it compiles holds the functions that are called and the
constants of `desk.py`: code made of two versions of the package would write where it must not.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from checker.kernel import njit_uncounted

F = TypeVar("F", bound=Callable[..., object])

STAMP = tuple(
    (path.name, path.stat().st_mtime_ns, path.stat().st_size)
    for path in sorted(Path(__file__).parent.glob("*.py"))
)


def njit(function: F) -> F:
    """`kernel.njit_uncounted` with the stamp of the package.

    The stamp has no public name; where numba calls it otherwise, that of the file has to do.
    """
    compiled = njit_uncounted(function)
    file: Any = getattr(getattr(compiled, "_cache", None), "_cache_file", None)
    if hasattr(file, "_source_stamp"):
        file._source_stamp = STAMP
    return compiled
