"""Looking something up in a sorted part of a column. Kernels that other kernels call (`engine.py`)."""

from checker.isolation.columns import Ints


def lower_bound(column: Ints, low: int, high: int, value: int) -> int:
    """The first place in column[low:high] that holds no less than the value; `high` if none does."""
    while low < high:
        middle = (low + high) // 2
        if column[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


def last_below(column: Ints, begin: int, end: int, at: int, limit: int) -> int:
    """The last place in column[begin:end] that holds less than the limit, begin - 1 if none does.

    Looked for from `at` on, in both directions: cheap where limits change little from one time to the next.
    """
    while at + 1 < end and column[at + 1] < limit:
        at += 1
    while at >= begin and column[at] >= limit:
        at -= 1
    return at
