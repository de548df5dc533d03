"""A likely order of transactions: linear, and mostly all that is needed.

Transactions are run one after the other, each as soon as everything known to come before it has been run, in
the order in which the history ended them.  A write waits while somebody who read what it would write over
has not been run (and, under snapshot isolation, a beginning while somebody who writes the same key has not
ended).  Where all wait for each other, the first one goes on nevertheless.

The row that results (`line.py`) is then put to the test (`windows.py`).  Where it is wrong, a part of it is
run again, with something more that is supposed to be known: what is in front of that part has been run
already, and what is behind it is still to come.  Kernels (`engine.py`).
"""

from checker.isolation.columns import Ints
from checker.isolation.cycle import Neighbours
from checker.isolation.facts import Facts
from checker.isolation.heap import count_down, pop, push
from checker.isolation.line import Line, line_up, new_line
from checker.isolation.pins import Pins, no_pins, pins_from
from checker.isolation.precedence import Precedence
from checker.isolation.queue import Queue, load, new_queue
from checker.isolation.versions import Versions

TRIED_FIRST = 64
"""The part of a row that is tried before all of it."""


class Schedule:
    """A row of all nodes of a graph, to run, and to run again in parts."""

    def __init__(self, graph: Precedence, versions: Versions) -> None:
        self.graph, self.versions = graph, versions
        self._room = self.line = new_line(graph.facts, versions, graph.width, graph.engine)
        self._queue = new_queue(graph, versions.slots)

    def run_all(self) -> bool:
        """Run everything, in the order of the history. False if the graph has a circle."""
        return self._run_first(1, self.graph.nodes)

    def run_patiently(self, patience: int, nodes_per_push: int) -> bool:
        """The same. False also if more nodes than that have to go on before they should, in all or already
        in the first part, for what must wait is everywhere or nowhere."""
        return all(
            self._run_first(share, patience + self.graph.nodes // share // nodes_per_push)
            for share in (TRIED_FIRST, 1)
        )

    def _run_first(self, share: int, patience: int) -> bool:
        graph, engine = self.graph, self.graph.engine
        length = int(engine.run(line_up, graph.facts, self.versions, graph.width, self._room))
        self.line = self._room._replace(at=engine.head(self._room.at, length))
        if not length:
            return True
        low, high = engine.vector(1, 0), engine.vector(1, (length - 1) // share)
        return self._run((low, high), no_pins(engine), patience)

    def run_again(self, ranges: tuple[Ints, Ints], pins: Pins) -> None:
        """Run these parts, from which place to which, with something that is supposed to be known."""
        self._run(ranges, pins, self.graph.nodes)

    def _run(self, ranges: tuple[Ints, Ints], pins: Pins, patience: int) -> bool:
        graph, setting = self.graph, (self.graph.width, patience)
        _, index = graph.neighbours()
        work = (index, pins, self._queue, self.line)
        return bool(graph.engine.run(run_ranges, graph.facts, self.versions, setting, ranges, work))


# --- kernels ---------------------------------------------------------------------------------------


def run_ranges(
    facts: Facts,
    versions: Versions,
    setting: tuple[int, int],
    ranges: tuple[Ints, Ints],
    work: tuple[Neighbours, Pins, Queue, Line],
) -> bool:
    """Run some parts of the row. False if one of them was not run to the end."""
    width, patience = setting
    lows, highs = ranges
    everything = True
    for part in range(len(lows)):
        low, high = lows[part], highs[part]
        load(facts, versions, (width, low, high), work)
        done = run_part(facts, versions, (width, low, high, patience), work)
        everything &= done > high
        leave(facts, versions, (width, low, high), done, work)
    return everything


def run_part(
    facts: Facts,
    versions: Versions,
    setting: tuple[int, int, int, int],
    work: tuple[Neighbours, Pins, Queue, Line],
) -> int:
    """Run what can be run. Returns the place behind the last one."""
    width, low, high, patience = setting
    index, pins, queue, line = work
    done, pushed, nodes = low, 0, len(line.place)
    while queue.sizes[0] + queue.sizes[1] + queue.sizes[2] > 0 and pushed <= patience:
        if queue.sizes[0] > 0:
            node = pop(queue.ready, queue.sizes[0])
            queue.sizes[0] -= 1
            if postponed(facts, versions, queue, node, width):
                continue
        else:
            much = 1 if queue.sizes[1] > 0 else 2
            node = pop(queue.soft if much == 1 else queue.hard, queue.sizes[much])
            queue.sizes[much] -= 1
            queue.filed[node] -= much
            if queue.waiting[node] != much:
                continue
            queue.waiting[node] = 0
            pushed += 1
        perform(facts, versions, queue, line, (node, width, done))
        done += 1
        for i in range(index.start[node], index.start[node + 1]):
            after = index.after[i]
            if low <= line.place[after] <= high:
                queue.sizes[0] = count_down(queue.ready, queue.sizes[0], queue.degree, after, nodes)
        begin, end = pins_from(pins, node)
        for p in range(begin, end):
            if low <= line.place[pins.target[p]] <= high:
                after = pins.target[p]
                queue.sizes[0] = count_down(queue.ready, queue.sizes[0], queue.degree, after, nodes)
    return done


def obstacle(facts: Facts, versions: Versions, queue: Queue, node: int, width: int) -> tuple[int, int]:
    """The key that a node has to wait for and how much (1: it had better, 2: it must), or -1."""
    t = node // width
    ends, begins = node == t * width + width - 1, node == t * width
    for w in range(facts.write_start[t], facts.write_start[t + 1]):
        key = facts.write_key[w]
        if begins and not ends and queue.taken[key] >= 0:
            return key, 2
        current = queue.current[key]
        if current < 0:
            continue
        others = queue.left[current]
        if begins and others > 0:
            for r in range(facts.read_start[t], facts.read_start[t + 1]):
                if versions.version_of[r] == current:
                    others -= 1
        if others > 0:
            return key, 2 if ends else 1
    return -1, 0


def release(queue: Queue, key: int) -> None:
    """Those who wait for a key may try again."""
    node = queue.head[key]
    queue.head[key] = -1
    while node >= 0:
        if queue.waiting[node] > 0:
            queue.waiting[node] = 0
            push(queue.ready, queue.sizes[0], node)
            queue.sizes[0] += 1
        node = queue.next[node]


def write_over(queue: Queue, line: Line, key: int, w: int) -> None:
    """A write takes the place of the current version of its key."""
    line.previous[w], line.following[queue.current[key]] = queue.current[key], w
    queue.current[key] = w


def perform(facts: Facts, versions: Versions, queue: Queue, line: Line, what: tuple[int, int, int]) -> None:
    """Run one node, and give it its place: reads at the beginning, writes at the end."""
    node, width, place = what
    t = node // width
    line.at[place], line.place[node], queue.degree[node] = node, place, -1
    if node == t * width:
        for r in range(facts.read_start[t], facts.read_start[t + 1]):
            queue.left[versions.version_of[r]] -= 1
            if queue.left[versions.version_of[r]] == 0 and queue.head[facts.read_key[r]] >= 0:
                release(queue, facts.read_key[r])
        for w in range(facts.write_start[t], facts.write_start[t + 1]):
            queue.taken[facts.write_key[w]] = t
    if node == t * width + width - 1:
        for w in range(facts.write_start[t], facts.write_start[t + 1]):
            key = facts.write_key[w]
            write_over(queue, line, key, w)
            if queue.taken[key] == t:
                queue.taken[key] = -1
            if queue.head[key] >= 0:
                release(queue, key)


def postponed(facts: Facts, versions: Versions, queue: Queue, node: int, width: int) -> bool:
    """File a node among those that wait, if it has to."""
    key, much = obstacle(facts, versions, queue, node, width)
    if key < 0:
        return False
    queue.waiting[node] = much
    queue.next[node] = queue.head[key]
    queue.head[key] = node
    if queue.filed[node] & much == 0:
        queue.filed[node] += much
        push(queue.soft if much == 1 else queue.hard, queue.sizes[much], node)
        queue.sizes[much] += 1
    return True


def put_down(facts: Facts, queue: Queue, line: Line, what: tuple[int, int, int]) -> None:
    """Give a node that could not be run a place, and its writes theirs."""
    node, width, place = what
    line.at[place], line.place[node] = node, place
    if node % width == width - 1:
        t = node // width
        for w in range(facts.write_start[t], facts.write_start[t + 1]):
            write_over(queue, line, facts.write_key[w], w)


def leave(
    facts: Facts,
    versions: Versions,
    where: tuple[int, int, int],
    done: int,
    work: tuple[Neighbours, Pins, Queue, Line],
) -> None:
    """Put what was not run behind the rest, join the writes to those behind this part, and tidy up."""
    width, low, high = where
    queue, line = work[2], work[3]
    for i in range(high + 1 - low):
        node = queue.row[i]
        line.stuck[node] = queue.degree[node] >= 0
        if line.stuck[node] == 1:
            put_down(facts, queue, line, (node, width, done))
            done += 1
    queue.sizes[0] = queue.sizes[1] = queue.sizes[2] = 0
    for i in range(high + 1 - low):
        node = queue.row[i]
        t = node // width
        queue.degree[node] = queue.waiting[node] = queue.filed[node] = 0
        for r in range(facts.read_start[t], facts.read_start[t + 1]):
            queue.left[versions.version_of[r]] = 0
        for w in range(facts.write_start[t], facts.write_start[t + 1]):
            key = facts.write_key[w]
            last, after = queue.current[key], queue.outside[key]
            if last >= 0:
                line.following[last] = after
                if after >= 0:
                    line.previous[after] = last
            queue.current[key] = queue.taken[key] = queue.head[key] = -1
            queue.left[w] = queue.left[line.previous[w]] = 0
