"""Randomness as an immutable value: a seed and a counter, hashed.

A generator must give the same answer when it is asked twice, so it cannot hold a `random.Random`, which
changes whenever it is used.  A `Draw` is a value: drawing returns the number and the next draw.

Rules of this file
  1. Plain integer arithmetic, so that every Python and every PYTHONHASHSEED draws the same.
  2. Two draws split from one seed with different labels have nothing to do with each other.

The mixing function is the finaliser of SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom
number generators", 2014).
"""

from collections.abc import Sequence
from typing import TypeVar

import msgspec

_WORD = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15

T = TypeVar("T")


class Draw(msgspec.Struct, frozen=True):
    """A place in a stream of random numbers. Never changes; every method returns the next draw too."""

    seed: int
    count: int = 0

    def below(self, limit: int) -> "tuple[int, Draw]":
        """An integer from 0 to `limit` - 1, each as likely as the others."""
        if limit < 1:
            raise ValueError(f"cannot draw below {limit}: give a limit of at least 1")
        mixed = _mix(self.seed + self.count * _GOLDEN)
        return (mixed * limit) >> 64, Draw(self.seed, self.count + 1)

    def pick(self, choices: Sequence[T]) -> "tuple[T, Draw]":
        """One of the choices, which must not be empty."""
        index, after = self.below(len(choices))
        return choices[index], after

    def split(self, label: int) -> "Draw":
        """Another stream; the same label of the same draw always gives the same one."""
        return Draw(_mix(_mix(self.seed + self.count * _GOLDEN) ^ _mix(label + _GOLDEN)))


def _mix(number: int) -> int:
    """SplitMix64's finaliser: every bit of the input flips about half of the output."""
    number = (number + _GOLDEN) & _WORD
    number = ((number ^ (number >> 30)) * 0xBF58476D1CE4E5B9) & _WORD
    number = ((number ^ (number >> 27)) * 0x94D049BB133111EB) & _WORD
    return number ^ (number >> 31)
