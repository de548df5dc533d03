"""A likely order of transactions, and whether it explains everything: linear, and mostly all that is needed.

Transactions are run one after the other, each as soon as everything known to come before it has been run, in
the order in which the history ended them.  A write waits while somebody who read what it would write over
has not been run (and, under snapshot isolation, a beginning while somebody who writes the same key has not
ended).  Where all wait for each other, the first one goes on nevertheless.

The order of the writes of each key that results is then put to the test: with it, the graph is complete, and
if it has no circle, the history satisfies the level: this proves it.  A circle proves nothing yet; what is
on it is searched (`region.py`).  Kernels (`engine.py`).
"""

from typing import NamedTuple

from checker.isolation.columns import Ints
from checker.isolation.cycle import Neighbours
from checker.isolation.dependency import EdgeColumns
from checker.isolation.facts import Facts
from checker.isolation.forced_order import Versions
from checker.isolation.heap import count_down, pop, push
from checker.isolation.precedence import Precedence


class Queue(NamedTuple):
    """What `run_nodes` works with. `ready`, `soft`, `hard`: heaps of nodes, the first first: what can run,
    and what waits and could be made to go on.  `sizes`: of the three.  `waiting` [node]: 0 no, 1 soft, 2
    hard; `filed` [node]: the sum of the heaps that it is in, even if it does not wait any more.  `head`
    [key], `next` [node]: who waits for a key.  `degree` [node].  `current` [key]: the version.  `left`
    [version]: readers to come.  `taken` [key]: who began and will write it, -1 nobody.
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


class Run(NamedTuple):
    """`previous` [slot]: the version that each write wrote over. `ended`: all nodes were run, so the graph
    has no circle. `smooth`: none had to go on before it should; then the order in which they ran is right.
    `place` [node]: in that order; those that were not run come last."""

    previous: Ints
    place: Ints
    ended: bool
    smooth: bool


def schedule(graph: Precedence, versions: Versions, patience: int | None = None) -> Run:
    """Run all nodes; or give up, unended, when more than `patience` had to go on before they should."""
    facts, new = graph.facts, graph.engine.vector
    edges, index = graph.neighbours()
    nodes, slots = graph.nodes, versions.slots + facts.keys
    queue = Queue(
        ready=new(nodes + 1),
        soft=new(nodes + 1),
        hard=new(nodes + 1),
        sizes=new(3),
        waiting=new(nodes),
        filed=new(nodes),
        head=new(facts.keys, -1),
        next=new(nodes, -1),
        degree=new(nodes),
        current=new(facts.keys),
        left=new(slots),
        taken=new(facts.keys, -1),
    )
    previous, place = new(max(1, versions.slots), -1), new(nodes, -1)
    graph.engine.run(prepare, facts, versions, graph.width, edges.target, queue)
    setting = (graph.width, graph.nodes if patience is None else patience, edges.target)
    done, wanted, pushed = graph.engine.run(
        run_nodes, facts, versions, setting, index, queue, (previous, place)
    )
    return Run(previous, place, done == wanted, done == wanted and pushed == 0)


def completed(graph: Precedence, versions: Versions, previous: Ints) -> EdgeColumns:
    """The edges of the graph, and those that make the order of writes complete."""
    facts, engine = graph.facts, graph.engine
    out = graph.room(versions.slots + len(facts.read_from))
    size = int(engine.run(order_edges, facts, versions, graph.width, previous, out, graph.size))
    return graph.edges_up_to(size)


# --- kernels ---------------------------------------------------------------------------------------


def prepare(facts: Facts, versions: Versions, width: int, target: Ints, queue: Queue) -> None:
    """Fill what is known at the beginning."""
    for e in range(len(target)):
        queue.degree[target[e]] += 1
    for key in range(facts.keys):
        queue.current[key] = versions.slots + key
    for r in range(len(versions.version_of)):
        queue.left[versions.version_of[r]] += 1
    for n in range(len(queue.degree)):
        if facts.position[n // width] >= 0 and queue.degree[n] == 0:
            push(queue.ready, queue.sizes[0], n)
            queue.sizes[0] += 1


def obstacle(facts: Facts, versions: Versions, queue: Queue, node: int, width: int) -> tuple[int, int]:
    """The key that a node has to wait for and how much (1: it had better, 2: it must), or -1."""
    t = node // width
    ends, begins = node == t * width + width - 1, node == t * width
    for w in range(facts.write_start[t], facts.write_start[t + 1]):
        key = facts.write_key[w]
        if begins and not ends and queue.taken[key] >= 0:
            return key, 2
        others = queue.left[queue.current[key]]
        if begins and others > 0:
            for r in range(facts.read_start[t], facts.read_start[t + 1]):
                if versions.version_of[r] == queue.current[key]:
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


def perform(  # noqa: PLR0917 - a kernel gets its arrays as parameters
    facts: Facts, versions: Versions, queue: Queue, node: int, width: int, previous: Ints
) -> None:
    """Run one node: reads at the beginning, writes at the end."""
    t = node // width
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
            previous[w] = queue.current[key]
            queue.current[key] = w
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


def run_nodes(  # noqa: PLR0917 - a kernel gets its arrays as parameters
    facts: Facts,
    versions: Versions,
    setting: tuple[int, int, Ints],
    index: Neighbours,
    queue: Queue,
    result: tuple[Ints, Ints],
) -> tuple[int, int, int]:
    """Run all nodes. Returns how many were run, how many there are, and how many had to go on too early."""
    width, patience, target = setting
    previous, place = result
    done = wanted = pushed = 0
    for t in range(facts.transactions):
        if facts.position[t] >= 0:
            wanted += width
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
        perform(facts, versions, queue, node, width, previous)
        place[node] = done
        done += 1
        for i in range(index.start[node], index.start[node + 1]):
            after = target[index.edge[i]]
            queue.sizes[0] = count_down(queue.ready, queue.sizes[0], queue.degree, after)
    last = done
    for node in range(len(place)):
        if place[node] < 0:
            place[node] = last
            last += 1
    return done, wanted, pushed


def order_edges(  # noqa: PLR0917 - a kernel gets its arrays as parameters
    facts: Facts, versions: Versions, width: int, previous: Ints, out: EdgeColumns, count: int
) -> int:
    """Each write after the one that it wrote over, and after those who read that: the edges from `count` on.
    Returns how many there are then."""
    for t in range(facts.transactions):
        if facts.position[t] < 0:
            continue
        for w in range(facts.write_start[t], facts.write_start[t + 1]):
            before, key = previous[w], facts.write_key[w]
            if before < 0:
                continue
            t1 = facts.transactions
            if before < versions.slots:
                t1 = versions.owner[before]
                out.source[count], out.target[count] = t1 * width + width - 1, t * width
                out.kind[count], out.key[count], out.third[count] = 6, key, -1
                count += 1
            for i in range(versions.read_start[before], versions.read_start[before + 1]):
                t3 = facts.reader[versions.reads[i]]
                if t3 != t:
                    out.source[count], out.target[count] = t3 * width, t * width + width - 1
                    out.kind[count], out.key[count], out.third[count] = 5, key, t1
                    count += 1
    return count
