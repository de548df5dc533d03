"""Which of a few nodes come before which: a relation that is closed while it grows.

What comes after a node, and what comes before it, is one long integer of bits each.
"""

from collections.abc import Iterator


class Closure:
    """`after` [node] and `before` [node]: the bits of those nodes. `news_after` and `news_before`: the bits
    of the nodes whose ones have grown, and nobody has looked at yet."""

    def __init__(self, after: list[int], before: list[int]) -> None:
        self.after, self.before = after, before
        self.news_after = self.news_before = 0

    @classmethod
    def of(cls, after: list[int]) -> "Closure":
        """The closure that has these bits, which must be closed. All of it is news."""
        before = [0] * len(after)
        for node, later in enumerate(after):
            for other in bits(later):
                before[other] |= 1 << node
        known = cls(after, before)
        known.news_after = known.news_before = (1 << len(after)) - 1
        return known

    def copy(self) -> "Closure":
        """The same, to grow by itself."""
        copy = Closure(list(self.after), list(self.before))
        copy.news_after, copy.news_before = self.news_after, self.news_before
        return copy

    def add(self, source: int, target: int) -> bool:
        """The source is before the target. False if it is known to be after it."""
        after, before = self.after, self.before
        if after[source] >> target & 1:
            return True
        if source == target or after[target] >> source & 1:
            return False
        late, early = after[target] | 1 << target, before[source] | 1 << source
        for node in bits(early):
            after[node] |= late
        for node in bits(late):
            before[node] |= early
        self.news_after |= early
        self.news_before |= late
        return True

    def add_all(self, source: int, targets: int) -> bool:
        """The source is before the nodes of these bits."""
        return all(self.add(source, target) for target in bits(targets & ~self.after[source]))


def bits(mask: int) -> Iterator[int]:
    """The numbers of the bits that are set."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low
