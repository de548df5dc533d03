"""The kinds of faults by name: what `--faults` accepts."""

from nemesis.fault import FaultKind
from nemesis.kill import Kill
from nemesis.partition import Partition
from nemesis.pause import Pause

_ALL: tuple[FaultKind, ...] = (Partition(), Kill(), Pause())

KINDS: dict[str, FaultKind] = {kind.name: kind for kind in _ALL}


def parse_faults(text: str) -> tuple[str, ...]:
    """`partition,kill` as a tuple of kinds; `all` and `none` stand alone.

    The order is that of the catalogue, whatever order they were typed in, so it does not change the
    schedule.  Raises ValueError naming the known kinds.
    """
    words = [word.strip() for word in text.split(",") if word.strip()]
    if words == ["all"]:
        return tuple(KINDS)
    if words == ["none"]:
        return ()
    unknown = [word for word in words if word not in KINDS]
    if unknown or not words:
        known = ", ".join(KINDS)
        got = ", ".join(unknown) or "nothing"
        raise ValueError(f"--faults: got {got}; give a list of {known}, or all, or none alone")
    return tuple(kind for kind in KINDS if kind in words)
