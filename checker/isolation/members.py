"""The transactions of a region: who writes which key there, and what follows from what.

A writer of a key that ends after another one has begun comes after it, and one that ended before a read
began comes before it.  What follows always has one form:
  - who writes a key after one that does, begins after its end (snapshot isolation)
  - and ends after the beginning of those who read from that, for they did not see it
  - who wrote a key before a read of it, ended before the writer of what was read began
A rule has a transaction, a side (after or before), a key and a node: the writers of the key whose end is on
that side of the beginning of the transaction, have it on that side of the node as well (in the first case it
is their beginning that is there).  That holds for all but the transaction itself, and that of the node.

The last one only spares suppositions: it is the second one, seen from the other end.

Kernels (`engine.py`); nothing here has the size of the history.
"""

from typing import NamedTuple

from checker.isolation.closure import Closure, add
from checker.isolation.columns import Ints
from checker.isolation.cycle import Neighbours
from checker.isolation.engine import Engine
from checker.isolation.facts import Facts
from checker.isolation.search import lower_bound

KEY, NODE, NEXT = 0, 1, 2
"""Where the three integers of a rule are; NEXT is where the next rule of the same list begins, -1: none."""


class Members(NamedTuple):
    """Transactions are numbered from 0, `at`, and the keys that they write, as they are first written there.
    `width` nodes each.

    `transaction` [at].  `sorted`: the transactions by number; `sorted_at`: the `at` of each.
    `name` [key]; there may be room behind the last one.
    `writer` [i]: the writers of each key, in this order, and `key` [i]: of which; those of one key are from
    `writer_start` [key] up to the next.  `ends`: for each key a row of bits, of its writers' ends.
    `rules` [3 * rule + KEY ...]; `rule_head` [side * members + at]: the first one that is to be applied when
    what is on that side of the beginning is news; -1: none.  The last list is that of reads of the state
    before all writes: all who write the KEY end after the NODE, other than the reader itself.
    """

    transaction: Ints
    sorted: Ints
    sorted_at: Ints
    name: Ints
    writer: Ints
    key: Ints
    writer_start: Ints
    ends: Ints
    rules: Ints
    rule_head: Ints
    width: int


def members_of(facts: Facts, transactions: list[int], width: int, words: int, engine: Engine) -> Members:
    """Look up what these transactions read and write."""
    transaction = engine.filled(transactions)
    by_number = sorted((t, at) for at, t in enumerate(transactions))
    writes, reads = engine.run(count_operations, facts.write_start, facts.read_start, transaction)
    new = engine.vector
    members = Members(
        transaction=transaction,
        sorted=engine.filled([t for t, _ in by_number]),
        sorted_at=engine.filled([at for _, at in by_number]),
        name=new(writes),
        writer=new(writes),
        key=new(writes),
        writer_start=new(writes + 1),
        ends=engine.words(writes * words),
        rules=new(3 * (writes + 2 * reads)),
        rule_head=new(2 * len(transactions) + 1, -1),
        width=width,
    )
    engine.run(load, facts, members, (words, engine.bits), new(2 * writes + 1, -1))
    return members


# --- kernels ---------------------------------------------------------------------------------------


def count_operations(write_start: Ints, read_start: Ints, transaction: Ints) -> tuple[int, int]:
    """How many writes and reads there are."""
    writes = reads = 0
    for at in range(len(transaction)):
        t = transaction[at]
        writes += write_start[t + 1] - write_start[t]
        reads += read_start[t + 1] - read_start[t]
    return writes, reads


def load(facts: Facts, members: Members, row: tuple[int, int], table: Ints) -> None:
    """Fill everything. `row`: words, and bits of a word; `table`: to number the keys with, all -1."""
    group_writers(facts, members, table)
    rules = order_writers(members, row)
    add_reads(facts, members, table, rules)


def place_of(table: Ints, name: Ints, key: int) -> int:
    """Where in the table the number of a key is, or would be. The table is never full."""
    place = key % len(table)
    while table[place] >= 0 and name[table[place]] != key:
        place = (place + 1) % len(table)
    return int(place)


def group_writers(facts: Facts, members: Members, table: Ints) -> None:
    """Number the keys, and fill `writer` and `key`."""
    start, keys = members.writer_start, 0
    for at in range(len(members.transaction)):
        t = members.transaction[at]
        for w in range(facts.write_start[t], facts.write_start[t + 1]):
            place = place_of(table, members.name, facts.write_key[w])
            if table[place] < 0:
                members.name[keys], table[place] = facts.write_key[w], keys
                keys += 1
            start[table[place]] += 1
    for key in range(1, len(start)):
        start[key] += start[key - 1]
    for at in range(len(members.transaction) - 1, -1, -1):
        t = members.transaction[at]
        for w in range(facts.write_start[t], facts.write_start[t + 1]):
            key = table[place_of(table, members.name, facts.write_key[w])]
            start[key] -= 1
            members.writer[start[key]], members.key[start[key]] = at, key


def order_writers(members: Members, row: tuple[int, int]) -> int:
    """Fill `ends`, and add the first rule for each write. Returns how many rules there are."""
    words, bits = row
    rules = 0
    for i in range(len(members.writer)):
        key, at = members.key[i], members.writer[i]
        end = at * members.width + members.width - 1
        members.ends[key * words + end // bits] |= 1 << end % bits
        rules = add_rule(members, rules, at, (key, end))
    return rules


def add_reads(facts: Facts, members: Members, table: Ints, rules: int) -> None:
    """Add the other rules, for each read."""
    transaction, width = members.transaction, members.width
    count = len(transaction)
    for at in range(count):
        for r in range(facts.read_start[transaction[at]], facts.read_start[transaction[at] + 1]):
            key = table[place_of(table, members.name, facts.read_key[r])]
            if key < 0:
                continue
            source = facts.read_from[r]
            if source == facts.transactions:
                rules = add_rule(members, rules, 2 * count, (key, at * width))
                continue
            found = lower_bound(members.sorted, 0, count, source)
            if found < count and members.sorted[found] == source:
                known = members.sorted_at[found]
                rules = add_rule(members, rules, known, (key, at * width))
                rules = add_rule(members, rules, count + at, (key, known * width))


def add_rule(members: Members, rules: int, head: int, rule: tuple[int, int]) -> int:
    """Put a rule at the beginning of a list. Returns how many rules there are."""
    at = 3 * rules
    members.rules[at + KEY], members.rules[at + NODE] = rule
    members.rules[at + NEXT] = members.rule_head[head]
    members.rule_head[head] = at
    return rules + 1


def relate(facts: Facts, members: Members, clocks: Ints, closure: Closure) -> None:
    """Put in what the clocks of the history know. All of it is news."""
    transaction, session_of, position = members.transaction, facts.session_of, facts.position
    rows, width, words, bits = closure.rows, members.width, closure.words, closure.bits
    for later in range(closure.nodes):
        past = clocks[transaction[later // width] * width + later % width]
        word, bit = later // bits, 1 << later % bits
        if later % width == 0:
            closure.news[word] |= bit
            closure.news[words + word] |= bit
        for at in range(len(transaction)):
            t = transaction[at]
            known = past[session_of[t]] - position[t] * width
            if known <= 0:
                continue
            # Of two nodes the end is known only if the beginning is; they are in one word.
            first, last = at * width, at * width + min(known, width) - 1
            rows[first * words + word] |= bit
            rows[last * words + word] |= bit
            part = (closure.nodes + later) * words + first // bits
            rows[part] |= 1 << first % bits | 1 << last % bits


def add_newer(members: Members, index: Neighbours, since: int, closure: Closure) -> bool:
    """Put in the edges between members from number `since` on. False if that closes a circle."""
    width, count = members.width, len(members.transaction)
    for node in range(closure.nodes):
        source = members.transaction[node // width] * width + node % width
        for k in range(index.start[source], index.start[source + 1]):
            t = index.after[k] // width
            if index.edge[k] < since:
                continue
            found = lower_bound(members.sorted, 0, count, t)
            if found == count or members.sorted[found] != t:
                continue
            if not add(closure, node, members.sorted_at[found] * width + index.after[k] % width):
                return False
    return True
