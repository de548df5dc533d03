"""What a run of a part of the row (`schedule.py`) works with, and how that gets ready.

Kernels (`engine.py`).
"""

from typing import NamedTuple

from checker.isolation.columns import Ints
from checker.isolation.cycle import Neighbours
from checker.isolation.facts import Facts
from checker.isolation.heap import push
from checker.isolation.line import Line
from checker.isolation.pins import Pins, pins_from
from checker.isolation.precedence import Precedence
from checker.isolation.versions import Versions


class Queue(NamedTuple):
    """What a run works with; between runs everything is as it was in the beginning.

    `ready`, `soft`, `hard`: heaps of nodes, the first first: what can run, and what waits and could be made
    to go on.  `sizes`: of the three.  `waiting` [node]: 0 no, 1 soft, 2 hard; `filed` [node]: the sum of the
    heaps that it is in, even if it does not wait any more.  `head` [key], `next` [node]: who waits for a key.
    `degree` [node]: what must run before it, -1 once it has run.  `current` [key]: the version (-1: not
    written here).  `left` [version]: readers to come.  `taken` [key]: who began and will write it (-1:
    nobody).  `outside` [key]: the write over the last one of this part.  `row`: the nodes as they stood.
    """

    ready: Ints
    soft: Ints
    hard: Ints
    sizes: Ints
    waiting: Ints
    filed: Ints
    head: Ints
    next: Ints
    degree: Ints
    current: Ints
    left: Ints
    taken: Ints
    outside: Ints
    row: Ints


def new_queue(graph: Precedence, slots: int) -> Queue:
    """Nothing is run yet, and so many writes are to come."""
    facts, new, nodes = graph.facts, graph.engine.vector, graph.nodes
    return Queue(
        ready=new(nodes + 1),
        soft=new(nodes + 1),
        hard=new(nodes + 1),
        sizes=new(3),
        waiting=new(nodes),
        filed=new(nodes),
        head=new(facts.keys, -1),
        next=new(nodes),
        degree=new(nodes),
        current=new(facts.keys, -1),
        left=new(slots + facts.keys),
        taken=new(facts.keys, -1),
        outside=new(facts.keys),
        row=new(nodes),
    )


# --- kernels ---------------------------------------------------------------------------------------


def load(
    facts: Facts,
    versions: Versions,
    where: tuple[int, int, int],
    work: tuple[Neighbours, Pins, Queue, Line],
) -> None:
    """Get ready to run a part: which versions are there at its beginning, who will still read them, and what
    must run before what."""
    width, low, high = where
    index, pins, queue, line = work
    for i in range(low, high + 1):
        node = line.at[i]
        queue.row[i - low] = node
        for k in range(index.start[node], index.start[node + 1]):
            after = index.after[k]
            if low <= line.place[after] <= high:
                queue.degree[after] += 1
        begin, end = pins_from(pins, node)
        for p in range(begin, end):
            if low <= line.place[pins.target[p]] <= high:
                queue.degree[pins.target[p]] += 1
        if node % width == width - 1:
            load_writes(facts, versions, (node // width, width, low), queue, line)
    for i in range(high + 1 - low):
        if queue.degree[queue.row[i]] == 0:
            push(queue.ready, queue.sizes[0], queue.row[i])
            queue.sizes[0] += 1


def load_writes(
    facts: Facts, versions: Versions, what: tuple[int, int, int], queue: Queue, line: Line
) -> None:
    """What a transaction writes, which ends in this part of the row."""
    t, width, low = what
    for w in range(facts.write_start[t], facts.write_start[t + 1]):
        key = facts.write_key[w]
        if queue.current[key] < 0:
            queue.current[key] = line.previous[w]
            queue.left[line.previous[w]] = to_come(facts, versions, line, (line.previous[w], width, low))
        queue.left[w] = to_come(facts, versions, line, (w, width, low))
        queue.outside[key] = line.following[w]
        if line.place[t * width] < low:
            queue.taken[key] = t


def to_come(facts: Facts, versions: Versions, line: Line, what: tuple[int, int, int]) -> int:
    """How many read a version from the first place of this part on."""
    version, width, low = what
    count = 0
    for i in range(versions.read_start[version], versions.read_start[version + 1]):
        if line.place[versions.reader[i] * width] >= low:
            count += 1
    return count
