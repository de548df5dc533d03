"""The loops of the list-append checker (`list_append.py`), plain or compiled (`place.py`).

In all of them `lists` are starts, ends and elements of what was read, `micro` the starts, kinds, keys and
values of the micro-operations, `order` the version order: per key the row of its longest read in `lists`,
its first element of a failed writer and its first element of no writer (as positions), and 1 where the
reads of the key contradict each other.  Numbers: status 0 ok, 1 info, 2 fail; kind 0 append, 1 read.
"""
# ruff: noqa: PLR0917, PLR0912, PLR1714 - what a loop can be compiled from, and is fast with

from checker.txn.place import Ints

Micro = tuple[Ints, Ints, Ints, Ints]
Lists = tuple[Ints, Ints, Ints]
Order = tuple[Ints, Ints, Ints, Ints]
Edges = tuple[Ints, Ints, Ints, Ints, Ints]


def longest_reads(status: Ints, micro: Micro, lists: Lists, repeats: Ints, longest: Ints) -> None:
    """Per key the first of its longest reads that do not repeat an element; -1 where there is none."""
    starts, kind, key, value = micro
    for t in range(len(status)):
        if status[t] != 0:
            continue
        for m in range(starts[t], starts[t + 1]):
            r = value[m]
            if kind[m] == 0 or repeats[r]:
                continue
            best = longest[key[m]]
            if best == -1 or lists[1][r] - lists[0][r] > lists[1][best] - lists[0][best]:
                longest[key[m]] = r


def repeated(rows: Ints, lists: Lists, stamp: Ints, repeats: Ints) -> int:
    """Mark those of the rows that hold an element twice; how many they are."""
    count = 0
    for r in rows:
        if r < 0:
            continue
        for i in range(lists[0][r], lists[1][r]):
            if stamp[lists[2][i]] == r:
                repeats[r] = 1
            stamp[lists[2][i]] = r
        count += repeats[r]
    return count


def place_elements(lists: Lists, order: Order, writer: Ints, status: Ints, position: Ints) -> None:
    """The position of every element in the version order, and the first ones that ought not to be there."""
    longest, failed, garbage, _ = order
    for k in range(len(longest)):
        r = longest[k]
        if r == -1:
            continue
        first = lists[0][r]
        for i in range(lists[1][r] - first):
            e = lists[2][first + i]
            position[e] = i
            if writer[e] == -1:
                garbage[k] = min(garbage[k], i)
            elif status[writer[e]] == 2:
                failed[k] = min(failed[k], i)


def compare_reads(status: Ints, micro: Micro, lists: Lists, order: Order, prefix: Ints, flags: Ints) -> int:
    """Mark the reads that are prefixes of the longest. The others are flagged INCOMPATIBLE, and counted."""
    starts, kind, key, value = micro
    others = 0
    longest, _, _, broken = order
    list_starts, list_ends, elements = lists
    for t in range(len(status)):
        if status[t] != 0:
            continue
        for m in range(starts[t], starts[t + 1]):
            if kind[m] == 0:
                continue
            r, k = value[m], key[m]
            first, size, true = list_starts[r], list_ends[r] - list_starts[r], longest[k]
            same = 1
            if size > 0 and true != r:
                if true == -1 or size > list_ends[true] - list_starts[true]:
                    same = 0
                elif first != list_starts[true]:  # Else both are parts of one list.
                    offset = list_starts[true]
                    for i in range(size):
                        if elements[first + i] != elements[offset + i]:
                            same = 0
                            break
            if same:
                prefix[r] = 1
                continue
            broken[k] = 1
            flags[m] |= 64
            others += 1
    return others


def call_repeated(micro: Micro, repeats: Ints, flags: Ints) -> None:
    """Of the reads that are INCOMPATIBLE, those that hold an element twice are called DUPLICATE instead."""
    _, kind, _, value = micro
    for m in range(len(kind)):
        if kind[m] == 1 and flags[m] & 64 and repeats[value[m]]:
            flags[m] += 32 - 64


def judge_reads(
    status: Ints,
    micro: Micro,
    lists: Lists,
    order: Order,
    prefix: Ints,
    who: tuple[Ints, Ints, Ints, Ints, Ints],
) -> None:
    """Flag every read that is INTERNAL, G1A, G1B or GARBAGE."""
    starts, kind, key, value = micro
    writer, at, final, previous, flags = who
    list_starts, list_ends, elements = lists
    for t in range(len(status)):
        if status[t] != 0:
            continue
        for m in range(starts[t], starts[t + 1]):
            if kind[m] == 0:
                continue
            r, k = value[m], key[m]
            first, end = list_starts[r], list_ends[r]
            own, q, wrong = 0, previous[m], 0
            while q != -1 and kind[q] == 0:
                own += 1
                if own > end - first or elements[end - own] != value[q]:
                    wrong = 1
                    break
                q = previous[q]
            if not wrong and q != -1:
                old = value[q]
                size = list_ends[old] - list_starts[old]
                if size + own != end - first:
                    wrong = 1
                elif not (prefix[r] and prefix[old]):
                    for i in range(size):
                        if elements[first + i] != elements[list_starts[old] + i]:
                            wrong = 1
            if wrong:
                flags[m] |= 1
            if prefix[r]:
                flags[m] |= (2 if end - first > order[1][k] else 0) | (
                    128 if end - first > order[2][k] else 0
                )
            else:
                for i in range(first, end):
                    w = writer[elements[i]]
                    if w == -1:
                        flags[m] |= 128
                    elif status[w] == 2:
                        flags[m] |= 2
            if end > first:
                e = elements[end - 1]
                w = writer[e]
                if w != -1 and w != t and status[w] != 2 and not final[at[e]]:
                    flags[m] |= 4


def judge_appends(
    status: Ints,
    micro: Micro,
    lists: Lists,
    known: tuple[Ints, Ints, Ints],
    who: tuple[Ints, Ints],
    updater: Ints,
) -> None:
    """Flag reads of a transaction's own FUTURE, and second appends to one version (LOST_UPDATE)."""
    starts, kind, key, value = micro
    prefix, position, flags = known
    list_starts, list_ends, elements = lists
    values = len(position)
    for t in range(len(status)):
        if status[t] != 0:
            continue
        for m in range(starts[t], starts[t + 1]):
            q = who[0][m]
            if kind[m] == 1 or q == -1:
                continue
            direct = kind[q] == 1
            while q != -1 and kind[q] == 0:
                q = who[0][q]
            if q == -1:
                continue
            r, e = value[q], value[m]
            first, size = list_starts[r], list_ends[r] - list_starts[r]
            if prefix[r]:
                if 0 <= position[e] < size:
                    flags[q] |= 8
            else:
                for i in range(first, first + size):
                    if elements[i] == e:
                        flags[q] |= 8
            while who[0][q] != -1 and kind[q] == 1:
                q = who[0][q]
            if direct and prefix[r] and kind[q] == 1:
                version = elements[first + size - 1] if size else values + key[m]
                if updater[version] == -1:
                    updater[version] = m
                else:
                    flags[m] |= 16


def judge_orders(
    status: Ints,
    lists: Lists,
    order: Order,
    who: tuple[Ints, Ints, Ints],
    micro: Micro,
    marks: tuple[Ints, Ints],
) -> None:
    """Flag committed appends that stand behind an aborted one in the version order (DIRTY), and those that
    do not stand behind what the same transaction appended before them (INCOMPATIBLE)."""
    writer, at, previous = who
    kind, value = micro[1], micro[3]
    position, flags = marks
    for k in range(len(order[0])):
        r = order[0][k]
        if r == -1:
            continue
        first, dirty = lists[0][r], 0
        for i in range(lists[1][r] - first):
            e = lists[2][first + i]
            if writer[e] == -1 or status[writer[e]] == 2:
                continue
            if i > order[1][k] and not dirty and status[writer[e]] == 0:
                flags[at[e]] |= 256
                dirty = 1
            q = previous[at[e]]
            while q != -1 and kind[q] == 1:
                q = previous[q]
            if q == -1:
                continue
            if position[value[q]] == -1 or position[value[q]] > i:
                flags[at[e]] |= 64


def version_edges(status: Ints, lists: Lists, order: Order, writer: Ints, edges: Edges, size: int) -> int:
    """WW edges between the writers of elements that follow each other."""
    sources, targets, kinds, before, after = edges
    for k in range(len(order[0])):
        r = order[0][k]
        if r == -1:
            continue
        last = -1
        for i in range(lists[0][r], lists[1][r]):
            e = lists[2][i]
            if writer[e] == -1 or status[writer[e]] == 2:
                continue
            if last != -1 and writer[last] != writer[e]:
                sources[size], targets[size], kinds[size] = writer[last], writer[e], 0
                before[size], after[size] = last, e
                size += 1
            last = e
    return size


def read_edges(
    status: Ints,
    micro: Micro,
    lists: Lists,
    order: Order,
    who: tuple[Ints, Ints],
    out: tuple[Edges, int, Ints],
) -> tuple[int, int]:
    """WR and RW edges of every read. Reads of the last known version are left to the fan, listed in `out`.

    Returns the number of edges, and of those reads (as pairs of key and transaction).
    """
    starts, kind, key, value = micro
    writer, prefix = who
    (sources, targets, kinds, before, after), size, tails = out
    list_starts, list_ends, elements = lists
    tail = 0
    for t in range(len(status)):
        if status[t] != 0:
            continue
        for m in range(starts[t], starts[t + 1]):
            if kind[m] == 0:
                continue
            r, k = value[m], key[m]
            length = list_ends[r] - list_starts[r]
            e = elements[list_ends[r] - 1] if length else -1
            if e != -1:
                w = writer[e]
                if w == t:
                    continue
                if w != -1 and status[w] != 2:
                    sources[size], targets[size], kinds[size] = w, t, 1
                    before[size], after[size] = e, -1
                    size += 1
            if not prefix[r]:
                continue
            true = order[0][k]
            i = list_starts[true] + length if true != -1 else 0
            end = list_ends[true] if true != -1 else 0
            while i < end and (writer[elements[i]] == -1 or status[writer[elements[i]]] == 2):
                i += 1
            if i < end:
                if writer[elements[i]] != t:
                    sources[size], targets[size], kinds[size] = t, writer[elements[i]], 2
                    before[size] = e if e != -1 else len(writer) + k
                    after[size] = elements[i]
                    size += 1
            elif not order[3][k]:
                tails[2 * tail], tails[2 * tail + 1] = k, t
                tail += 1
    return size, tail


def unread_appends(
    status: Ints, micro: Micro, order: Order, known: tuple[Ints, Ints, Ints], stamp: Ints, found: Ints
) -> int:
    """Appends that must have happened and that no read shows, as triples of key, transaction, element."""
    starts, kind, key, value = micro
    writer, position, seen = known
    count = 0
    for t in range(len(status)):
        if status[t] == 2 or (status[t] == 1 and not seen[t]):
            continue
        for m in range(starts[t], starts[t + 1]):
            e, k = value[m], key[m]
            if kind[m] == 0 and position[e] == -1 and writer[e] == t and stamp[k] != t and not order[3][k]:
                stamp[k] = t
                found[3 * count], found[3 * count + 1], found[3 * count + 2] = k, t, e
                count += 1
    return count


def last_versions(status: Ints, lists: Lists, order: Order, writer: Ints, found: tuple[Ints, Ints]) -> None:
    """Per key the last version that was read (values + key: the empty list), and the last committed one."""
    read, committed = found
    for k in range(len(order[0])):
        read[k], committed[k] = len(writer) + k, -1
        r = order[0][k]
        if r == -1:
            continue
        for i in range(lists[0][r], lists[1][r]):
            e = lists[2][i]
            read[k] = e
            if writer[e] != -1 and status[writer[e]] != 2:
                committed[k] = e


def unread_edges(unread: Ints, committed: Ints, writer: Ints, edges: Edges, size: int) -> int:
    """WW edges from the last committed version that was read to all that were not."""
    sources, targets, kinds, before, after = edges
    for i in range(len(unread) // 3):
        k, t, e = unread[3 * i], unread[3 * i + 1], unread[3 * i + 2]
        last = committed[k]
        if last != -1 and writer[last] != t:
            sources[size], targets[size], kinds[size] = writer[last], t, 0
            before[size], after[size] = last, e
            size += 1
    return size


def mark_seen(position: Ints, writer: Ints, seen: Ints) -> None:
    """The transactions of which an element was read."""
    for e in range(len(position)):
        if position[e] != -1 and writer[e] != -1:
            seen[writer[e]] = 1
