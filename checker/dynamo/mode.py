"""The mode that a Dynamo store ran in, which says whether being stale is a violation."""

from typing import Any

from checker.options import OptionError
from checker.verdict import Validity

SLOPPY, STRICT = "sloppy", "strict"


def strict(options: dict[str, Any]) -> bool:
    """Does option `mode` say strict quorums? Sloppy when it is left out. Raises OptionError."""
    mode = options.get("mode", SLOPPY)
    if mode not in (SLOPPY, STRICT):
        raise OptionError(f"option mode is {mode!r}; expected {SLOPPY} or {STRICT}")
    return bool(mode == STRICT)


def conclusion(found: int, said: str, judged: int, fine: str) -> tuple[Validity, str]:
    """Validity and reason of a checker that judges reads one by one."""
    if found:
        return Validity.INVALID, said
    if not judged:
        return Validity.UNKNOWN, "no read could be judged"
    return Validity.VALID, fine
