"""The one door to numba: a typed `njit`, cached on disk, imported only by code that is about to use it.

Rules of this file
  1. Import this module inside the function that decides for the fast path, never at the top of a checker:
     numba costs a third of a second, and small histories must be judged in less.
  2. Where numba is not installed (the extra `scale`), `available()` is False and callers take the pure path.
"""

import importlib.util
from collections.abc import Callable
from typing import Any, TypeVar, cast

from checker import stamp

F = TypeVar("F", bound=Callable[..., object])


def available() -> bool:
    """Can kernels be compiled here?"""
    return importlib.util.find_spec("numba") is not None


def njit(function: F) -> F:
    """Compile on first call for the argument types seen; the machine code is kept on disk if possible."""
    import numba

    # Numba calls its own type a Dispatcher; to its callers it is the function that it compiled.
    try:
        return _stamped(numba.njit(cache=True, nogil=True)(function), function)
    except RuntimeError:  # There is no folder that takes the machine code: compile in every process.
        return cast(F, numba.njit(nogil=True)(function))


def njit_uncounted(function: F) -> F:
    """The same without counting the references to arrays, which can take more time than the work itself.

    For kernels that make no array, and whose caller holds all of them while they run.  The option has no
    public name: where numba does not know it, the common way is right as well.
    """
    return _uncounted(function, "never")


def njit_inlined(function: F) -> F:
    """`njit_uncounted`, written into its callers.

    For what does little in itself: a call passes on every array in seven words or more, which takes a tenth
    of a microsecond where there are ten of them.  The price is time to compile.
    """
    return _uncounted(function, "always")


def _uncounted(function: F, inline: str) -> F:
    import numba
    from numba.core.options import DefaultOptions

    options: dict[str, Any] = {"nogil": True, "inline": inline}
    if hasattr(DefaultOptions, "_nrt"):
        options["_nrt"] = False
    try:
        return _stamped(numba.njit(cache=True, **options)(function), function)
    except RuntimeError:  # As above.
        return cast(F, numba.njit(**options)(function))


def _stamped(compiled: Any, function: F) -> F:
    stamp.put_on(compiled, function.__module__)
    return cast(F, compiled)
