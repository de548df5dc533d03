"""The loops of the rw-register checker (`rw_register.py`), plain or compiled (`place.py`).

A *version* is the number of a written value, or, for the initial state of key k, the number of values plus
k.  A *touch* is what one transaction did to one key: the version that it found there (UNKNOWN if it did not
look, or saw what is no version) and the version that it left.  `micro` and `who` are the columns of the
micro-operations and of `Writers`; status 0 ok, 1 info, 2 fail; kind 0 write, 1 read.
"""
# ruff: noqa: PLR0917, PLR0912 - what a loop can be compiled from, and is fast with

from checker.txn.place import Ints

UNKNOWN = -3

Micro = tuple[Ints, Ints, Ints, Ints]
Who = tuple[Ints, Ints, Ints, Ints, Ints]
Edges = tuple[Ints, Ints, Ints, Ints, Ints]


def judge(status: Ints, micro: Micro, who: Who, updater: Ints, seen: Ints) -> None:
    """Flag reads that are INTERNAL, G1A, G1B or FUTURE and second updates of a version (LOST_UPDATE).

    `seen` becomes 1 for every transaction of which a value was read.
    """
    starts, kind, key, value = micro
    writer, at, final, previous, flags = who
    for t in range(len(status)):
        if status[t] != 0:
            continue
        for m in range(starts[t], starts[t + 1]):
            q, v = previous[m], value[m]
            if kind[m] == 1:
                if q != -1 and value[q] != v:
                    flags[m] |= 1
                w = writer[v] if v >= 0 else -1
                if w == t:
                    flags[m] |= 8 if at[v] > m else 0
                elif w != -1:
                    seen[w] = 1
                    if status[w] == 2:
                        flags[m] |= 2
                    elif not final[at[v]]:
                        flags[m] |= 4
                continue
            if q == -1 or kind[q] == 0:
                continue
            while previous[q] != -1 and kind[q] == 1:
                q = previous[q]
            if kind[q] == 1:
                version = value[q] if value[q] >= 0 else len(writer) + key[m]
                if updater[version] == -1:
                    updater[version] = m
                else:
                    flags[m] |= 16


def judge_unwritten(
    status: Ints, micro: Micro, when: tuple[Ints, Ints], who: tuple[Ints, Ints, Ints], keys: tuple[Ints, Ints]
) -> None:
    """Flag reads of what nobody wrote: UNWRITTEN if it can be the key's initial value, else GARBAGE.

    It can be if it is the only such value of the key, nobody found the key without a value, and some read
    of it began before the first write of the key was acknowledged.
    """
    starts, kind, key, value = micro
    invoked, completed = when
    writer, previous, flags = who
    initial, acknowledged = keys  # initial: -1 nothing, -2 impossible; acknowledged: -1 read before that
    for t in range(len(status)):
        for m in range(starts[t], starts[t + 1]):
            if status[t] == 0 and kind[m] == 0:
                acknowledged[key[m]] = min(acknowledged[key[m]], completed[t])
    for t in range(len(status)):
        for m in range(starts[t], starts[t + 1]):
            k, v = key[m], value[m]
            if kind[m] == 1 and previous[m] == -1 and (v < 0 or writer[v] == -1):
                possible = v >= 0 and (initial[k] == -1 or initial[k] == v)
                initial[k] = v if possible else -2
                if invoked[t] <= acknowledged[k]:
                    acknowledged[k] = -1
    for t in range(len(status)):
        for m in range(starts[t], starts[t + 1]):
            k, v = key[m], value[m]
            if kind[m] == 1 and previous[m] == -1 and v >= 0 and writer[v] == -1:
                flags[m] |= 2048 if initial[k] == v and acknowledged[k] == -1 else 128


def touches_of(
    status: Ints, micro: Micro, who: Who, seen: Ints, slot: Ints, touches: tuple[Ints, Ints, Ints, Ints]
) -> int:
    """Keys, transactions, versions found and versions left, of all that happened; how many there are."""
    starts, kind, key, value = micro
    writer, at, final, previous, _ = who
    keys, rows, found, left = touches
    count = 0
    for t in range(len(status)):
        if status[t] == 2 or (status[t] == 1 and not seen[t]):
            continue
        for m in range(starts[t], starts[t + 1]):
            k, v = key[m], value[m]
            if previous[m] == -1:
                slot[k] = count
                keys[count], rows[count], found[count], left[count] = k, t, -3, -3
                if kind[m] == 1:
                    version = v if v >= 0 else len(writer) + k
                    w = writer[v] if v >= 0 else -1
                    if w == -1 or (w != t and status[w] != 2 and final[at[v]]):
                        found[count] = left[count] = version
                count += 1
            if kind[m] == 0 and final[m] and writer[v] == t:
                left[slot[k]] = v
    return count


def follow_reads(found: Ints, left: Ints, edges: tuple[Ints, Ints], size: int) -> int:
    """Who found a version and left another put it after that one."""
    for i in range(len(found)):
        if found[i] != -3 and left[i] != -3 and found[i] != left[i]:
            edges[0][size], edges[1][size] = found[i], left[i]
            size += 1
    return size


def follow_clients(
    groups: tuple[Ints, Ints],
    touches: tuple[Ints, Ints, Ints],
    clients: tuple[Ints, Ints],
    latest: tuple[Ints, Ints],
    edges: tuple[Ints, Ints],
    size: int,
) -> int:
    """What a client found or left of a key is not before what it left there earlier."""
    starts, members = groups
    rows, found, left = touches
    status, process = clients
    for k in range(len(starts) - 2):
        for j in range(starts[k], starts[k + 1]):
            i = members[j]
            p = process[rows[i]]
            first = found[i] if found[i] != -3 else left[i]
            if latest[0][p] == k and first != -3 and first != latest[1][p]:
                edges[0][size], edges[1][size] = latest[1][p], first
                size += 1
            if left[i] != -3 and status[rows[i]] == 0:  # an unknown write may come later
                latest[0][p], latest[1][p] = k, left[i]
    return size


def follow_clock(
    groups: tuple[Ints, Ints],
    touches: tuple[Ints, Ints, Ints],
    when: tuple[Ints, Ints],
    work: tuple[Ints, Ints],
    edges: tuple[Ints, Ints],
    size: int,
) -> int:
    """What a transaction finds or leaves is not before what one that ended before it began had left.

    Only the last of those count: whoever ended before another of them began is implied.  Edges are counted
    but not stored where there is no room for them.
    """
    starts, members = groups
    rows, found, left = touches
    invoked, completed = when
    ended, begun = work
    for k in range(len(starts) - 2):
        low, high, known = starts[k], starts[k + 1], starts[k]
        for j in range(low, high):  # by completion; nearly sorted already
            i, at = members[j], known
            if left[i] == -3:  # implies nothing, not even what is left to it to imply
                continue
            known += 1
            while at > low and completed[rows[ended[at - 1]]] > completed[rows[i]]:
                ended[at] = ended[at - 1]
                at -= 1
            ended[at] = i
        for j in range(low, known):
            begun[j] = invoked[rows[ended[j]]]
            if j > low:
                begun[j] = max(begun[j], begun[j - 1])
        done = low
        for j in range(low, high):
            i = members[j]
            start = invoked[rows[i]]
            first = found[i] if found[i] != -3 else left[i]
            while done < known and completed[rows[ended[done]]] < start:
                done += 1
            at = done - 1
            while first != -3 and at >= low and completed[rows[ended[at]]] > begun[done - 1]:
                before = left[ended[at]]
                if before != first:
                    if size < len(edges[0]):
                        edges[0][size], edges[1][size] = before, first
                    size += 1
                at -= 1
    return size


def follow_nothing(
    keys: Ints, left: Ints, parents: Ints, edges: tuple[Ints, Ints], size: int, values: int
) -> int:
    """The initial state is before every version that is not after another one. `parents` are 0 before."""
    for e in range(size):
        if edges[0][e] < values:
            parents[edges[1][e]] = 1
        else:
            parents[edges[1][e]] = max(parents[edges[1][e]], 2)
    for i in range(len(keys)):
        v = left[i]
        if 0 <= v < values and parents[v] == 0:
            parents[v] = 2
            edges[0][size], edges[1][size] = values + keys[i], v
            size += 1
    return size


def number_touches(keys: Ints, pairs: Ints) -> None:
    """Pairs of key and touch."""
    for i in range(len(keys)):
        pairs[2 * i], pairs[2 * i + 1] = keys[i], i


def unique_edges(edges: tuple[Ints, Ints], starts: Ints, members: Ints, stamp: Ints) -> int:
    """Sort the edges by source and leave every pair once, at the front; how many there are."""
    sources, targets = edges
    for e in range(len(sources)):
        starts[sources[e] + 2] += 1
    for v in range(2, len(starts)):
        starts[v] += starts[v - 1]
    for e in range(len(sources)):
        members[starts[sources[e] + 1]] = targets[e]
        starts[sources[e] + 1] += 1
    count = 0
    for v in range(len(starts) - 2):
        for j in range(starts[v], starts[v + 1]):
            if stamp[members[j]] != v:
                stamp[members[j]] = v
                sources[count], targets[count] = v, members[j]
                count += 1
    return count


def break_keys(labels: Ints, sizes: Ints, key_of: Ints, who: tuple[Ints, Ints], broken: Ints) -> None:
    """Mark the keys whose versions are in a circle, and flag one version of each (CYCLIC)."""
    at, flags = who
    for v in range(len(labels)):
        sizes[labels[v]] += 1
    for v in range(len(at)):
        if sizes[labels[v]] > 1 and at[v] != -1 and not broken[key_of[v]]:
            broken[key_of[v]] = 1
            flags[at[v]] |= 512


def keys_of_versions(micro: Micro, values: int, key_of: Ints) -> None:
    """The key of every version."""
    _, kind, key, value = micro
    for m in range(len(kind)):
        if value[m] >= 0:
            key_of[value[m]] = key[m]
    for v in range(values, len(key_of)):
        key_of[v] = v - values


def readers_of(status: Ints, micro: Micro, who: tuple[Ints, Ints], pairs: Ints) -> int:
    """Pairs of a version and a transaction that read it from another one; how many."""
    starts, kind, key, value = micro
    writer, previous = who
    count = 0
    for t in range(len(status)):
        if status[t] != 0:
            continue
        for m in range(starts[t], starts[t + 1]):
            v = value[m]
            if kind[m] == 0 or (previous[m] != -1 and value[previous[m]] == v):
                continue
            if v < 0 or writer[v] != t:
                pairs[2 * count], pairs[2 * count + 1] = v if v >= 0 else len(writer) + key[m], t
                count += 1
    return count


def read_edges(status: Ints, writer: Ints, pairs: Ints, edges: Edges, size: int) -> int:
    """WR edges, from who wrote a version to those who read it."""
    sources, targets, kinds, before, after = edges
    for i in range(0, len(pairs), 2):
        v = pairs[i]
        w = writer[v] if v < len(writer) else -1
        if w != -1 and status[w] != 2:
            sources[size], targets[size], kinds[size] = w, pairs[i + 1], 1
            before[size], after[size] = v, -1
            size += 1
    return size


def version_edges(
    status: Ints,
    versions: tuple[Ints, Ints],
    known: tuple[Ints, Ints, Ints],
    installed: tuple[Ints, Ints, Ints],
    edges: Edges,
    size: int,
) -> int:
    """WW edges; and the writers of all successors, and these, by version, for the fan.

    The pairs of versions are sorted by the first. The starts in `installed` are 0 before.
    """
    starts, writers, successors = installed
    sources, targets, kinds, before, after = edges
    writer, key_of, broken = known
    count = 0
    for e in range(len(versions[0])):
        v, following = versions[0][e], versions[1][e]
        if following >= len(writer) or broken[key_of[following]]:
            continue
        w = writer[following]
        if w == -1 or status[w] == 2:
            continue
        starts[v + 1] += 1
        writers[count], successors[count] = w, following
        count += 1
        if v < len(writer) and writer[v] != -1 and writer[v] != w and status[writer[v]] != 2:
            sources[size], targets[size], kinds[size] = writer[v], w, 0
            before[size], after[size] = v, following
            size += 1
    for v in range(1, len(starts)):
        starts[v] += starts[v - 1]
    return size
