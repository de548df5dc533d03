"""A heap of integers in a column, the smallest first. Kernels that other kernels call (`engine.py`)."""

from checker.isolation.columns import Ints


def push(heap: Ints, size: int, value: int) -> None:
    """Put a value into a heap of `size`."""
    at = size
    while at > 0:
        above = (at - 1) // 2
        if heap[above] <= value:
            break
        heap[at] = heap[above]
        at = above
    heap[at] = value


def count_down(heap: Ints, size: int, degree: Ints, node: int, passed: int) -> int:
    """One predecessor less; the last one lets the node into the heap, if it is below the one up to which all
    have been passed by. Returns the size."""
    degree[node] -= 1
    if degree[node] > 0 or node >= passed:
        return size
    push(heap, size, node)
    return size + 1


def pop(heap: Ints, size: int) -> int:
    """Take the smallest value out of a heap of `size`."""
    smallest, value, at = heap[0], heap[size - 1], 0
    while True:
        below = 2 * at + 1
        if below >= size - 1:
            break
        if below + 1 < size - 1 and heap[below + 1] < heap[below]:
            below += 1
        if heap[below] >= value:
            break
        heap[at] = heap[below]
        at = below
    heap[at] = value
    return int(smallest)
