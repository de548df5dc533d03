"""What a checker found wrong: all of it counted, the first of each type told.

A store that is broken is broken thousands of times.  A sentence needs the operations that it names, so it is
only made for what is listed; the counts are of everything.
"""

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from checker.verdict import Anomaly

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Places = NDArray[np.integer[Any]]

LISTED = 50
"""Anomalies of one type that are listed; `stats["found"]` has the full counts."""

Tell = Callable[[], Anomaly]


class Findings:
    """Grows while a history is judged. What is found is in order of the entries that show it."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._kept: dict[str, list[tuple[int, int, Tell]]] = {}

    def add(self, kind: str, entry: int, place: int, tell: Tell) -> None:
        """One finding: the entry that shows it, its place among those of the same entry, and its sentence."""
        self._counts[kind] += 1
        self._kept.setdefault(kind, []).append((entry, place, tell))

    def add_all(self, kind: str, entries: "Places", places: "Places", tell: Callable[[int], Anomaly]) -> None:
        """Many of one kind; `tell` takes a position in the arrays."""
        import numpy as np

        if not len(entries):
            return
        self._counts[kind] += len(entries)
        for at in np.lexsort((places, entries))[:LISTED].tolist():
            self._kept.setdefault(kind, []).append((int(entries[at]), int(places[at]), partial(tell, at)))

    @property
    def counts(self) -> dict[str, int]:
        """Type -> how many there are, the most frequent first."""
        return dict(sorted(self._counts.items(), key=lambda item: (-item[1], item[0])))

    def told(self) -> tuple[Anomaly, ...]:
        """The first LISTED of each type, in order of the entries that show them."""
        first = [
            (entry, place, kind, tell)
            for kind, kept in self._kept.items()
            for entry, place, tell in sorted(kept, key=lambda each: each[:2])[:LISTED]
        ]
        return tuple(tell() for _, _, _, tell in sorted(first, key=lambda each: each[:3]))
