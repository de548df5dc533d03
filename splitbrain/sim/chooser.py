"""Every choice of a simulated run, drawn from the seed and from what the choice is for.

`draw(("latency", "n1->n2", 17), n)` is a number below n.  It depends on the seed and on that label, and on
nothing else: not on what was drawn before, on hash seeds, or on the order in which things happen.  So when
a run is changed a little (a fault less, a node less), whatever is not concerned keeps its draws, which is
what makes shrinking work.

Rules of this file
  1. 0 is the benign choice: the shortest delay, nothing lost. Larger numbers are stranger.
  2. What was drawn can be kept as a *tape*, and a tape can be played instead of drawing.  A label that is
     not on the tape (it was removed, or the run took another way) gets 0.
  3. One draw costs about a microsecond or less, so a kind of choice is looked up once (`stream`), not hashed
     at every draw.

A stream is a key, derived with BLAKE2b from the seed and the label's names, and a counter mode of the
finaliser of SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014).
Rejected: one `random.Random` for all, whose draws all shift when one is left out.
"""

import hashlib

Label = tuple[str, str, int]
"""What kind of choice, about what, the how-manieth: ("latency", "n1->n2", 17)."""

Tape = dict[str, dict[str, dict[int, int]]]
"""Kind -> about what -> number -> what was drawn. Zeros are left out."""

_WORD = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15


class Stream:
    """All choices of one kind about one thing, numbered."""

    __slots__ = ("_kept", "_key", "_played")

    def __init__(self, key: int, kept: dict[int, int] | None, played: dict[int, int] | None) -> None:
        self._key = key
        self._kept = kept
        self._played = played

    def draw(self, number: int, n: int) -> int:
        """A number from 0 to n - 1, for n up to 2**64. The same arguments always give the same answer."""
        if self._played is not None:
            value = min(self._played.get(number, 0), n - 1)
        else:
            mixed = (self._key + number * _GOLDEN) & _WORD
            mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _WORD
            mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _WORD
            value = ((mixed ^ (mixed >> 31)) * n) >> 64
        if self._kept is not None and value:
            self._kept[number] = value
        return value


class Chooser:
    """Where the streams come from. `keep` records a tape; `played` is one to follow instead of the seed."""

    def __init__(self, seed: int, *, keep: bool = False, played: Tape | None = None) -> None:
        self._seed = seed
        self._kept: dict[tuple[str, str], dict[int, int]] | None = {} if keep else None
        self._played = played
        self._streams: dict[tuple[str, str], Stream] = {}

    def draw(self, label: Label, n: int) -> int:
        """A number from 0 to n - 1; 0 is the benign choice."""
        kind, about, number = label
        return self.stream(kind, about).draw(number, n)

    def stream(self, kind: str, about: str) -> Stream:
        """All choices of this kind about this thing: for whoever draws many."""
        name = (kind, about)
        stream = self._streams.get(name)
        if stream is None:
            stream = self._streams[name] = self._open(kind, about)
        return stream

    def tape(self) -> Tape:
        """What has been drawn so far. ValueError: this chooser does not keep a tape."""
        if self._kept is None:
            raise ValueError("nothing was recorded: create the Chooser with keep=True")
        tape: Tape = {}
        for (kind, about), draws in sorted(self._kept.items()):
            if draws:
                tape.setdefault(kind, {})[about] = dict(draws)
        return tape

    def _open(self, kind: str, about: str) -> Stream:
        text = f"{self._seed}\0{kind}\0{about}".encode()
        key = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")
        kept = None if self._kept is None else self._kept.setdefault((kind, about), {})
        played = None if self._played is None else self._played.get(kind, {}).get(about, {})
        return Stream(key, kept, played)
